"""What a public face mesh sees in a folder of pictures: a teacher for the landmark recipe (`lab.labelled.taught`).

    python3 -m venv MESH && MESH/bin/pip install mediapipe==0.10.14
    MESH/bin/python lab/labelled/public_mesh.py FOLDER

Runs in an environment of its own, since the package asks for libraries that do not go with ours, and imports nothing
of ours for the same reason. Every picture is read in several views: mirrored, turned and enlarged. What each
view showed is written to FOLDER/mesh478.npz, {name of the file: float32 (K, 478, 3)}: x and y in pixels of the picture,
z in pixels away from the camera. The first half of the K are of the mirrored picture: there a point stands for its
partner on the other side. A view that shows no face is NaN.

FOLDER holds pictures; frames of videos are written into one before, as by `ffmpeg -i CLIP -vf fps=4 DIR/CLIP.%03d.png`.
The mesh: Grishchenko et al. (2020), arXiv 2006.10962; the package is under Apache 2.0, its weights come with it.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

KINDS = (".jpg", ".jpeg", ".png")
VIEWS = tuple((mirror, turn, zoom) for mirror in (True, False) for turn, zoom in ((-9, 1.5), (0, 2.0), (9, 2.6)))
"""Mirrored or not, degrees, and how often the picture is enlarged: the mesh reads 192 pixels of a face."""
ROOM = 0.15  # of the longer side, added around, so that corners stay when it is turned
POINTS = 478


def read(picture, mesh):
    """uint8 RGB (H, W, 3) -> float32 (K, 478, 3)."""
    height, width = picture.shape[:2]
    found = np.full((len(VIEWS), POINTS, 3), np.nan, np.float32)
    for k, (mirror, turn, zoom) in enumerate(VIEWS):
        side = int(max(height, width) * (1 + 2 * ROOM) * zoom)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
        matrix[:, 2] += side / 2 - np.array([width, height]) / 2
        if mirror:
            matrix = np.array([[-1, 0, side - 1], [0, 1, 0]]) @ np.vstack([matrix, [0, 0, 1]])
        seen = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        faces = mesh.process(seen).multi_face_landmarks
        if faces:
            points = np.array([(p.x, p.y, p.z) for p in faces[0].landmark]) * side
            back = cv2.invertAffineTransform(matrix)
            found[k] = np.column_stack([points[:, :2] @ back[:, :2].T + back[:, 2], points[:, 2] / zoom])
    return found


def main():
    """Read all pictures of a folder."""
    import mediapipe

    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("folder", type=Path)
    given.add_argument("-o", "--output", type=Path, help="of meshes; by default mesh478.npz in the folder")
    given = given.parse_args()
    told = {}
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        for path in sorted(path for path in given.folder.iterdir() if path.suffix.lower() in KINDS):
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if picture is not None:
                told[path.name] = read(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), mesh)
    output = given.output or given.folder / "mesh478.npz"
    np.savez_compressed(output, **told)
    sys.stdout.write(f"{output}: {len(told)} pictures\n")


if __name__ == "__main__":
    main()

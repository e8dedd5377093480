"""How much what is read of a face hangs on how the crop lies: no labels are needed."""

import numpy as np

from faces.landmarks import OUTER_EYES, LandmarkReader, crop_matrix

SCALES = (1.3, 1.4, 1.5, 1.62)  # sides of the crops over the longer side of the box of the points
TURNS = (-0.16, 0.0, 0.16)  # radians
SHIFT = 0.03  # of a crop's side, alternately to each side


def spread_of(picture: np.ndarray, mesh: np.ndarray, reader: LandmarkReader) -> np.ndarray:
    """By what 12 crops of a face differ whose points are known roughly (478, >=2): (478,) float32, each point's mean
    distance to the mean of all, % of the distance of the outer eye corners."""
    matrices = []
    for number, (scale, turn) in enumerate((scale, turn) for scale in SCALES for turn in TURNS):
        middle, cosine, sine = reader.side / 2, np.cos(turn), np.sin(turn)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        matrix = crop_matrix(mesh[:468], reader.side, scale)
        matrix = np.column_stack([linear @ matrix[:, :2], linear @ (matrix[:, 2] - middle) + middle])
        matrix[:, 2] += SHIFT * reader.side * np.array([1 - 2 * (number % 2), 1 - 2 * (number // 2 % 2)])
        matrices.append(matrix)
    read = np.stack([reading.points for reading in reader.read_many(picture, matrices)])
    points = read.mean(0)
    unit = float(np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]]))
    spread = 100 * np.linalg.norm(read - points, axis=-1).mean(0) / max(unit, 1.0)
    return spread.astype(np.float32)

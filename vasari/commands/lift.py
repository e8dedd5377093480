"""`vasari data lifted`: one photograph of somebody, taken again and again with exact labels."""

from pathlib import Path
from typing import Annotated

import typer

from vasari.options import ConsentFile, FaceNumber, Keys
from vasari.progress import frames_bar

SIDES = (128, 1024)  # smallest and largest side of the pictures, pixels


def lifted(
    photograph: Annotated[Path, typer.Argument(help="Photograph with a face.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write into; made when missing.", show_default=False)
    ],
    n: Annotated[int, typer.Option("-n", help="How many pictures.")] = 8,
    size: Annotated[int, typer.Option(help="Side of the pictures, pixels.")] = 512,
    yaw: Annotated[float, typer.Option(help="Furthest turn sideways, degrees.")] = 30.0,
    pitch: Annotated[float, typer.Option(help="Furthest nod, degrees.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Seed; the same seed makes the same pictures.")] = 0,
    consent: ConsentFile = None,
    face: FaceNumber = None,
    keys: Keys = None,
) -> None:
    """Lift the face of PHOTOGRAPH onto a head and take it again: turned, lit, speaking, looking elsewhere.

    Writes NNNNNN.png (marked and signed) and NNNNNN.npz with exact labels, as `vasari data people` does, without
    segmentation and light: what hair and clothes are, one photograph does not tell. A photograph of somebody needs
    their consent on file.
    """
    import numpy as np

    from faces import Tracker
    from faces.crop import face_crop
    from lab.people.labels import write_labels
    from lab.people.lifting import Lifted, Shade, elsewhere
    from media.errors import UsageError
    from provenance import Composite, Permit, save_picture
    from provenance import Keys as KeyFolder

    if not SIDES[0] <= size <= SIDES[1]:
        raise UsageError(f"--size {size}: choose a number from {SIDES[0]} to {SIDES[1]}")
    if not (0 <= yaw <= 60 and 0 <= pitch <= 40):
        raise UsageError(f"--yaw {yaw:g} --pitch {pitch:g}: choose at most 60 and 40 degrees")
    permit = Permit.of(photograph, keys=KeyFolder.open(keys), consent=consent)
    picture = permit.picture
    settings = {"n": n, "size": size, "yaw": yaw, "pitch": pitch, "seed": seed}
    track, _ = Tracker().portrait(picture, face)
    crop, parameters = face_crop(picture, track.parameters, size)
    head = Lifted(crop, parameters)
    furthest = (float(np.radians(yaw)), float(np.radians(pitch)))
    output.mkdir(parents=True, exist_ok=True)
    with frames_bar("pictures", n) as progress:
        for number in range(n):
            rng = np.random.default_rng((seed, number))
            shot = head.shoot(elsewhere(parameters, rng, furthest=furthest), shade=Shade.random(rng))
            shown = permit.perform(Composite, shot.picture, command="data lifted", settings=settings)
            save_picture(output / f"{number:06d}.png", shown)
            write_labels(output / f"{number:06d}.npz", shot.labels())
            progress(number + 1)
    typer.echo(f"{output}: {n} pictures")

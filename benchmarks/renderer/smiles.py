"""Real pairs: the neutral photograph of a volunteer moved to their tracked smile, beside the photograph of the smile.

The head takes the shape that was fitted to the smile, so that only the renderer is measured. On the *same head* it
keeps that of the neutral photograph, as in use, and the actions alone have to make the smile. Volunteers are those whom
nothing was trained on. Who they are and where the corners of their mouths lie is read from all pictures by the same
tracker and the same recogniser.
"""

from dataclasses import replace

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import BACKBONE, KINDS, LOWER, SAME_HEAD, UNITS, Judge, Tally, missing, row_of
from benchmarks.sheets import save_sheet, volunteers
from benchmarks.suites import Given
from faces.crop import face_crop
from faces.fit import ITERATIONS, fitted
from generate import FaceLatent, Pose, Renderer
from lab.pictures.london import London

PEOPLE_QUICK = 2
# Frames that the code and the weights of commit efbc7af (22 November 2026: tracker, flow and painter) made of the same
# 14 people, each with the crop of the real smile that its tracker chose; measured by this suite, the recogniser's first
# shipped weights and the tracker of 23 November 2026.
FIRST_LIGHT = {"psnr_db": 27.26, "ssim": 0.830, "perceptual": 0.382, "identity": 0.932, "corner_pct": 2.72}
SUFFIXES = {**KINDS, "same head": SAME_HEAD}
NAMES = ("psnr_db", "ssim", "perceptual", "identity", "corner_pct")


def measure(given: Given, judge: Judge) -> list[Figure]:
    """smile_psnr_db, smile_ssim, smile_perceptual, smile_identity, smile_corner_pct; of ours, flow, copy, ours on the
    same head, and the first version."""
    if given.london is None:
        names = {f"smile_{n}{suffix}": UNITS.get(n, "") for n in NAMES for suffix in SUFFIXES.values()}
        return missing(names, "needs --london")
    people, tally, rows = London(given.london).test, Tally(), []
    for person in people[:PEOPLE_QUICK] if given.quick else people:
        neutral, smile = (latent_of(person.picture(expression), judge) for expression in ("neutral", "smile"))
        moved = neutral.with_pose(smile.pose).with_actions(smile.actions).with_identity(smile.identity)
        shown, inside = judge.show(neutral, moved)
        truth = smile.appearance.picture
        shown["same head"] = Renderer(neutral, judge.painter).render(same_head(neutral, truth, judge))
        for kind, picture in shown.items():
            tally.add("smile_", SUFFIXES[kind], judge.near(picture, truth, inside) | judge.alike(picture, truth))
        rows.append(row_of({"truth": truth, **shown}, inside))
    save_sheet(given.folder, "smiles", np.vstack(rows), volunteers(given.folder, given.london))
    return [*tally.figures("London people held out"), *_first_light()]


def latent_of(picture: np.ndarray, judge: Judge) -> FaceLatent:
    """Taken apart as a user's portrait is."""
    track, _ = judge.tracker.portrait(picture)
    return FaceLatent.from_parameters(*face_crop(picture, track.parameters, 512))


def same_head(neutral: FaceLatent, smile: np.ndarray, judge: Judge) -> FaceLatent:
    """`neutral` as it is in the picture of a smile, uint8 RGB (S, S, 3), with the shape of the head known."""
    track, _ = judge.tracker.portrait(smile)
    shape = neutral.identity
    known = replace(track.parameters, identity=shape.code, detail=shape.detail, actions=neutral.actions)
    found = fitted(track.landmarks, sigma=track.sigma, known=known, iterations=ITERATIONS).parameters
    pose = Pose(found.rotation, found.centre, found.scale, track.parameters.gaze)
    return neutral.with_pose(pose).with_actions(found.actions)


def _first_light() -> list[Figure]:
    note = "recorded at commit efbc7af, all 14 people"
    return [
        Figure(
            name=f"smile_{name}_first_light", value=value, unit=UNITS.get(name, ""), n=14,
            better="lower" if name in LOWER else "higher",
            note=f"{note}; {BACKBONE}" if name == "perceptual" else note,
        )
        for name, value in FIRST_LIGHT.items()
    ]  # fmt: skip

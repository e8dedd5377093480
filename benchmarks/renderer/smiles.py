"""Real pairs: the neutral photograph of a volunteer moved to their tracked smile, beside the photograph of the smile.

Volunteers are those whom nothing was trained on. Who they are and where the corners of their mouths lie is read from
all pictures by the same tracker and the same recogniser.
"""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import BACKBONE, KINDS, LOWER, UNITS, Judge, Tally, missing, row_of
from benchmarks.sheets import save_sheet
from faces.crop import face_crop
from faces.london import London
from generate import FaceLatent

if TYPE_CHECKING:
    from benchmarks.renderer.suite import Setting

PEOPLE_QUICK = 5
# Frames that the code and the weights of commit efbc7af (22 November 2026: tracker, flow and painter) made of the same
# 14 people, each with the crop of the real smile that its tracker chose; measured by this suite, the recogniser's first
# shipped weights and the tracker of 23 November 2026.
FIRST_LIGHT = {"psnr_db": 27.26, "ssim": 0.830, "perceptual": 0.382, "identity": 0.932, "corner_pct": 2.72}
NAMES = ("psnr_db", "ssim", "perceptual", "identity", "corner_pct")


def measure(setting: "Setting", judge: Judge) -> list[Figure]:
    """smile_psnr_db, smile_ssim, smile_perceptual, smile_identity, smile_corner_pct, of ours, flow and copy, and of the
    first version."""
    if setting.london is None:
        names = {f"smile_{n}{suffix}": UNITS.get(n, "") for n in NAMES for suffix in KINDS.values()}
        return missing(names, "needs --london")
    people, tally, rows = London(setting.london).test, Tally(), []
    for person in people[:PEOPLE_QUICK] if setting.quick else people:
        neutral, smile = (latent_of(person.picture(expression), judge) for expression in ("neutral", "smile"))
        moved = neutral.with_pose(smile.pose).with_actions(smile.actions).with_identity(smile.identity)
        shown, inside = judge.show(neutral, moved)
        truth = smile.appearance.picture
        for kind, picture in shown.items():
            tally.add("smile_", KINDS[kind], judge.near(picture, truth, inside) | judge.alike(picture, truth))
        rows.append(row_of({"truth": truth, **shown}, inside))
    save_sheet(setting.folder, "smiles", np.vstack(rows), london=setting.london, portrait=setting.portrait)
    return [*tally.figures("London people held out"), *_first_light()]


def latent_of(picture: np.ndarray, judge: Judge) -> FaceLatent:
    """Taken apart as a user's portrait is."""
    track, _ = judge.tracker.portrait(picture)
    return FaceLatent.from_parameters(*face_crop(picture, track.parameters, 512))


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

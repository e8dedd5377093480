"""The painter on people never trained on, beside the flow alone and the untouched portrait."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import face_region, psnr, ssim
from benchmarks.sheets import portraits, save_sheet, volunteers
from faces import Tracker
from faces.crop import face_crop
from faces.london import London
from generate import FaceLatent, Painter, Renderer
from generate.training.painter import face_parameters, random_move
from media import read_picture

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting

KINDS = ("painter", "flow", "copy")


def measure(setting: "Setting") -> list[Figure]:
    """painter_psnr_db, flow_psnr_db, copy_psnr_db in the face, and SSIM of each.

    *Restore*: a photograph is rendered into another pose and expression; from that rendering, ours has to bring back
    the photograph itself, which is the truth. The *smile* figures start from the real neutral photograph and are
    compared with the real smile. Both need the London set for real people; without it the shipped portraits are used.
    """
    painter, rng = Painter(), np.random.default_rng(77)
    people = _people(setting)
    restored: dict[str, list[float]] = {f"{k}_{m}": [] for k in KINDS for m in ("psnr_db", "ssim")}
    sheet = []
    for latent, _ in people:
        away = random_move(rng, latent, calm=True)
        portrait = Renderer(latent).render(away)
        source = FaceLatent.from_parameters(portrait, face_parameters(away))
        tiles = _compare(source, latent, latent.appearance.picture, painter, restored)
        sheet.append(np.hstack(tiles))
    _save(setting, "restore", sheet)
    note = "London people held out" if setting.london else "shipped portraits"
    figures = [
        mean_figure(name, values, "dB" if name.endswith("db") else "", note=f"{note}, restore")
        for name, values in restored.items()
    ]
    smiles: dict[str, list[float]] = {f"smile_{k}_{m}": [] for k in KINDS for m in ("psnr_db", "ssim")}
    sheet = []
    for neutral, smile in people:
        if smile is None:
            continue
        values: dict[str, list[float]] = {f"{k}_{m}": [] for k in KINDS for m in ("psnr_db", "ssim")}
        sheet.append(np.hstack(_compare(neutral, smile, smile.appearance.picture, painter, values)))
        for name, value in values.items():
            smiles[f"smile_{name}"] += value
    if sheet:
        _save(setting, "smile", sheet)
        figures += [
            mean_figure(name, values, "dB" if name.endswith("db") else "", note=f"{note}, real smile")
            for name, values in smiles.items()
        ]
    return figures


def _people(setting: "Setting") -> list[tuple[FaceLatent, FaceLatent | None]]:
    """(neutral, smile) of each person; the smile is None where there is no such photograph."""
    tracker = Tracker()

    def latent(picture: np.ndarray) -> FaceLatent:
        track, _ = tracker.portrait(picture)
        return FaceLatent.from_parameters(*face_crop(picture, track.parameters, 512))

    if setting.london is None:
        return [(latent(read_picture(p)), None) for p in sorted(setting.portrait.parent.glob("*.png"))]
    people = London(setting.london).test
    if setting.quick:
        people = people[:3]
    return [(latent(p.picture("neutral")), latent(p.picture("smile"))) for p in people]


def _compare(
    source: FaceLatent, target: FaceLatent, truth: np.ndarray, painter: Painter, into: dict[str, list[float]]
) -> list[np.ndarray]:
    """Move `source` to where `target` is and compare with `truth` inside the face.

    Returns the tiles of a contact sheet."""
    moved = source.with_pose(target.pose).with_actions(target.actions).with_identity(target.identity)
    renderer = Renderer(source, painter)
    points, depth = renderer.geometry(moved)
    shown = {"painter": renderer.render(moved), "flow": renderer.warp(points, depth), "copy": source.appearance.picture}
    inside = face_region(target.appearance.points, depth, truth.shape[0])
    for kind, picture in shown.items():
        into[f"{kind}_psnr_db"].append(psnr(picture, truth, inside))
        into[f"{kind}_ssim"].append(ssim(picture, truth, inside))
    return [truth, shown["painter"], shown["flow"], shown["copy"]]


def _save(setting: "Setting", name: str, rows: list[np.ndarray]) -> None:
    """truth | ours | flow only | copy, one row a person."""
    sheet = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    permits = volunteers(setting.folder, setting.london) if setting.london else []
    save_sheet(setting.folder, name, sheet, permits or portraits(setting.folder, setting.portrait))

"""The painter on people never trained on, beside the flow alone and the untouched portrait."""

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import face_region, psnr, ssim
from benchmarks.sheets import portraits, save_sheet, volunteers
from benchmarks.suites import Given
from faces import Tracker
from faces.crop import face_crop
from generate import FaceLatent, Painter, Renderer
from lab.pictures.london import London
from lab.recipes.painter_scenes import face_parameters, random_move
from media import read_picture

KINDS = ("painter", "flow", "copy")


def measure(given: Given) -> list[Figure]:
    """painter_psnr_db, flow_psnr_db, copy_psnr_db in the face, and SSIM of each.

    A photograph is rendered into another pose and expression by the flow alone; from that rendering, ours has to bring
    back the photograph itself, which is the truth. It favours the flow, whose own errors it undoes.
    """
    painter, rng = Painter(), np.random.default_rng(77)
    restored: dict[str, list[float]] = {f"{k}_{m}": [] for k in KINDS for m in ("psnr_db", "ssim")}
    sheet = []
    for latent in _people(given):
        away = random_move(rng, latent, calm=True)
        portrait = Renderer(latent).render(away)
        source = FaceLatent.from_parameters(portrait, face_parameters(away))
        sheet.append(np.hstack(_compare(source, latent, latent.appearance.picture, painter, restored)))
    _save(given, sheet)
    note = "London people held out" if given.london else "shipped portraits"
    return [
        mean_figure(name, values, "dB" if name.endswith("db") else "", note=f"{note}, restore")
        for name, values in restored.items()
    ]


def _people(given: Given) -> list[FaceLatent]:
    tracker = Tracker()

    def latent(picture: np.ndarray) -> FaceLatent:
        track, _ = tracker.portrait(picture)
        return FaceLatent.from_parameters(*face_crop(picture, track.parameters, 512))

    if given.london is None:
        return [latent(read_picture(p)) for p in sorted(given.portrait.parent.glob("*.png"))]
    people = London(given.london).test
    return [latent(p.picture("neutral")) for p in (people[:3] if given.quick else people)]


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


def _save(given: Given, rows: list[np.ndarray]) -> None:
    """truth | ours | flow only | copy, one row a person."""
    sheet = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    permits = volunteers(given.folder, given.london) if given.london else []
    save_sheet(given.folder, "restore", sheet, permits or portraits(given.folder, given.portrait))

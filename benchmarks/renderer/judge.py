"""Compares what is shown with the truth: pixels, features, who it is, where the corners of the mouth are."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import face_region, psnr, ssim
from benchmarks.sheets import tile
from faces import Track, Tracker
from faces.landmarks import PUPILS
from faces.recognition import CORNERS, Recogniser
from generate import FaceLatent, Painter, Renderer
from lab.training.backbone import Perceptual
from media.errors import FaceError

KINDS = {"ours": "", "flow": "_flow", "copy": "_copy"}  # what is shown -> suffix of its figures
SAME_HEAD = "_same_head"  # suffix of figures for which the head keeps the shape that the portrait was fitted with
UNITS = {"psnr_db": "dB", "head_psnr_db": "dB", "picture_psnr_db": "dB", "corner_pct": "%"}  # of figures, "" for others
LOWER = ("perceptual", "corner_pct")  # figures of which less is better
BACKBONE = "perceptual: features of EfficientNet-Lite0 (ImageNet), after LPIPS"
MARGIN = 24  # pixels around a region that the backbone sees of it


class Judge:
    """Networks that judge, and the painter that is judged; each loaded when it is needed first."""

    @cached_property
    def tracker(self) -> Tracker:
        return Tracker()

    @cached_property
    def painter(self) -> Painter:
        return Painter()

    @cached_property
    def recogniser(self) -> Recogniser:
        return Recogniser()

    @cached_property
    def perceptual(self) -> Perceptual:
        return Perceptual()

    def show(self, source: FaceLatent, moved: FaceLatent) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The face of `source` as `moved` has it, painted, by the flow alone, and not moved at all; and where in it the
        face is, bool (S, S)."""
        renderer = Renderer(source, self.painter)
        points, depth = renderer.geometry(moved)
        shown = {
            "ours": renderer.render(moved),
            "flow": renderer.warp(points, depth),
            "copy": source.appearance.picture,
        }
        return shown, face_region(points, depth, source.appearance.picture.shape[0])

    def near(self, shown: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> dict[str, float]:
        """psnr_db, ssim and perceptual of uint8 pictures (S, S, 3) where `inside` (S, S) is True."""
        return {
            "psnr_db": psnr(shown, truth, inside),
            "ssim": ssim(shown, truth, inside),
            "perceptual": self.perceived(shown, truth, inside),
        }

    @torch.inference_mode()
    def perceived(self, shown: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> float:
        """Perceptual distance of two uint8 pictures (S, S, 3) where `inside` (S, S) is True."""
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = tuple(slice(max(0, at[0] - MARGIN), at[-1] + 1 + MARGIN) for at in (rows, columns))
        a, b = (torch.from_numpy(p[box]).permute(2, 0, 1)[None].float() / 255 for p in (shown, truth))
        return float(self.perceptual(a, b, torch.from_numpy(inside[box]).float()[None, None]))

    def track(self, picture: np.ndarray) -> Track | None:
        """The face in a picture, None where none is found."""
        try:
            return self.tracker.portrait(picture)[0]
        except FaceError:
            return None

    def alike(self, shown: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """identity: cosine of the two embeddings; corner_pct: how far the corners of the mouth are from where they
        should be, % of the distance of the pupils. NaN where no face is found."""
        a, b = self.track(shown), self.track(truth)
        if a is None or b is None:
            return {"identity": np.nan, "corner_pct": np.nan}
        identity = float(self.recogniser.embed(shown, a) @ self.recogniser.embed(truth, b))
        pupils = float(np.linalg.norm(np.subtract(*b.landmarks[list(PUPILS)])))
        apart = np.linalg.norm(a.landmarks[list(CORNERS)] - b.landmarks[list(CORNERS)], axis=1).mean()
        return {"identity": identity, "corner_pct": 100 * float(apart) / pupils}


class Tally:
    """Collects what was measured of several things shown, and makes figures of it."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, prefix: str, suffix: str, measured: Mapping[str, float]) -> None:
        for name, value in measured.items():
            self.values.setdefault(f"{prefix}{name}{suffix}", []).append(value)

    def figures(self, note: str = "") -> list[Figure]:
        """The mean of each, in the order in which they came."""
        out = []
        for name, values in self.values.items():
            unit = next((u for k, u in UNITS.items() if _measure(name).endswith(k)), "")
            about = "; ".join(filter(None, (note, BACKBONE if _measure(name).endswith("perceptual") else "")))
            out.append(mean_figure(name, values, unit, better=_better(name), note=about))
        return out


def _measure(name: str) -> str:
    """A figure's name without what was shown."""
    return name.removesuffix("_flow").removesuffix("_copy").removesuffix(SAME_HEAD)


def _better(name: str) -> Literal["higher", "lower"]:
    return "lower" if _measure(name).endswith(LOWER) else "higher"


def missing(names: Mapping[str, str], note: str) -> list[Figure]:
    """Figures that could not be measured: name -> unit."""
    return [
        Figure(
            name=name, value=None, unit=unit, better=_better(name), n=0,
            note=f"not measured: {note}",
        )
        for name, unit in names.items()
    ]  # fmt: skip


def row_of(pictures: Mapping[str, np.ndarray], inside: np.ndarray) -> np.ndarray:
    """Labelled tiles side by side of the heads in pictures (S, S, 3) whose faces are where `inside` (S, S) is True."""
    around = np.argwhere(inside)[:, ::-1]
    return np.hstack([tile(picture, None, label, around=around, side=256) for label, picture in pictures.items()])

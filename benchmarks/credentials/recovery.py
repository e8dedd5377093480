"""Credentials gone, coded again: is the maker told, and the manifest found?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from benchmarks.tampering import coded, remuxed
from provenance import verify


def _scaled(frame: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "remux": remuxed,
    "crf28": partial(coded, crf=28),
    "half_crf28": partial(coded, change=partial(_scaled, side=256), crf=28),
    "half_crf35": partial(coded, change=partial(_scaled, side=256), crf=35),
}


def measure(made: Maker, quick: bool) -> list[Figure]:
    """recovered_pct over all ways, and of each way: the right manifest, intact and trusted, its content not called
    other."""
    figures, every = [], []
    saved = [made.video(f"kept{k}.mp4", k) for k in range(len(made.clips))]
    labels = [verify(path, keys=made.keys).credentials.manifest for path in saved]
    for name, way in WAYS.items():
        right = []
        for number, (path, label) in enumerate(zip(saved, labels, strict=True)):
            origin = verify(way(path, made.folder / f"{name}{number}.mp4"), keys=made.keys).origin
            found = origin.recovered if origin and origin.manifest == label else None
            right.append(
                found is not None
                and (found.manifest, found.trust) == ("valid", "trusted")
                and "other" not in (found.pictures, found.sound)
            )
        every += right
        figures.append(Figure(name=f"recovered_{name}_pct", value=100 * float(np.mean(right)), unit="%", n=len(right)))
    note = f"stripped outputs after {', '.join(WAYS)}: manifest found, intact, trusted, content compared"
    overall = Figure(
        name="recovered_pct", value=100 * float(np.mean(every)), unit="%", goal=100, n=len(every), note=note
    )
    return [overall, *figures]

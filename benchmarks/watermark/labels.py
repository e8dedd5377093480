"""The visible label: how often it is told that it was covered or cut away, and how often that is said of what was only
coded again. Files go through the whole of `verify`, credentials stripped, as a stranger's clip does."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.sheets import portraits, save_sheet
from benchmarks.suites import Given
from benchmarks.tampering import write
from benchmarks.watermark.clips import Clip
from lab import attacks
from media import VideoReader
from provenance import Generated, Keys, Label, Permit, save_video, verify
from provenance.marks.label import Box, Labeller, spot
from provenance.permits.onlooker import heads_in

SECONDS = 2
TOLD = ("removed", "not_seen")
Change = Callable[[np.ndarray], np.ndarray]
UNTOUCHED: dict[str, tuple[Change, int]] = {
    "crf23": (lambda frame: frame, 23),
    "crf28": (lambda frame: frame, 28),
    "crf33": (lambda frame: frame, 33),
    "half_crf28": (lambda frame: attacks.resized(frame, 0.5), 28),
    "larger": (lambda frame: attacks.resized(frame, 1.5), 28),
    "jpeg50": (lambda frame: attacks.jpeg(frame, 50), 23),
    "blur2": (lambda frame: cv2.GaussianBlur(frame, (0, 0), 2.0), 23),
    "contrast70": (lambda frame: np.clip((frame.astype(np.float32) - 128) * 0.7 + 128, 0, 255).astype(np.uint8), 23),
    "caption": (lambda frame: _captioned(frame), 23),
}
"""What is done to clips by who means no harm: a change of each frame, and CRF."""


def measure(given: Given, clips: list[Clip]) -> list[Figure]:
    """label_tamper_told_pct, label_false_alarms, label_ms_512; how it looks, and what covers it, into a sheet."""
    told: list[float] = []
    alarms: list[float] = []
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = Keys.open(folder / "keys")
        permit = Permit.together([Permit.of(path, keys=keys) for path in given.portraits])
        for number, clip in enumerate(clips[: 1 if given.quick else 2 * len(given.portraits)]):
            source = _saved(folder / f"{number}.mp4", clip[: SECONDS * 25], permit)
            for way, change in _tampering(clip[0]).items():
                state = _state(source, folder / "sent.mp4", change, keys, 23 if given.quick else 23 + 5 * (number % 3))
                told.append(float(state in TOLD))
                missed += [] if state in TOLD else [f"{way}: {state}"]
            alarms += [
                float(_state(source, folder / "sent.mp4", change, keys, crf) in TOLD)
                for change, crf in UNTOUCHED.values()
            ]
        _sheet(given, folder)
    note = f"{len(_tampering(clips[0][0]))} ways to cover or cut it away, credentials stripped, CRF 23 to 33"
    note += f"; missed: {', '.join(sorted(set(missed))[:6])}" if missed else ""
    return [
        mean_figure("label_tamper_told_pct", [100 * one for one in told], "%", goal=95, note=note),
        Figure(
            name="label_false_alarms", value=float(sum(alarms)), unit="", goal=0, better="lower", n=len(alarms),
            note=f"clips that were only coded again: {', '.join(UNTOUCHED)}",
        ),
        _cost(clips[0][0]),
    ]  # fmt: skip


def _saved(path: Path, frames: Clip, permit: Permit) -> Path:
    """A clip with its label on all the time, as `save_video` writes it."""
    return save_video(path, permit.perform(Generated, frames, command="bench", label=Label("on"))).path


def _state(source: Path, target: Path, change: Change, keys: Keys, crf: int) -> str:
    """What `verify` says of the label of a copy that was changed and lost its credentials."""
    write(target, [change(frame) for frame in VideoReader(source)], None, crf=crf)
    label = verify(target, keys=keys).label
    return "unknown" if label is None else label.state


def _tampering(first: np.ndarray) -> dict[str, Change]:
    """Ways to get rid of the label, by who knows where it lies."""
    height, width = first.shape[:2]
    heads: tuple[Box, ...] = tuple(heads_in(first))
    at = spot(width, height, heads)
    mask = np.zeros((height, width), np.uint8)
    mask[max(0, at.top - 3) : at.top + at.height + 3, max(0, at.left - 3) : at.left + at.width + 3] = 255
    beyond = (at.height + 8) * (-1 if at.corner.startswith("top") else 1)  # rows from what lies next to it
    right, low = float(at.corner.endswith("left")), float(at.corner.startswith("top"))  # of what is kept

    def over(change: Change) -> Change:
        return lambda frame: np.where(mask[..., None] > 0, change(frame), frame).astype(np.uint8)

    ways: dict[str, Change] = {
        "inpainted (Telea)": lambda frame: cv2.inpaint(frame, mask, 3, cv2.INPAINT_TELEA),
        "inpainted (Navier-Stokes)": lambda frame: cv2.inpaint(frame, mask, 5, cv2.INPAINT_NS),
        "blurred": over(lambda frame: cv2.GaussianBlur(frame, (0, 0), 0.2 * at.height)),
        "pixelated": over(lambda frame: _pixelated(frame, max(2, at.height // 4))),
        "of one colour": over(lambda frame: np.full_like(frame, frame[mask == 0].mean(axis=0).astype(np.uint8))),
        "background copied": over(lambda frame: np.roll(frame, beyond, axis=0)),
        "faded": over(lambda frame: frame * 0.2 + cv2.inpaint(frame, mask, 3, cv2.INPAINT_TELEA) * 0.8),
        "half covered": over(lambda frame: _half(frame, at.left + at.width // 2)),
    }
    for share in (0.85, 0.8, 0.7):
        ways[f"cut to {share}"] = lambda frame, share=share: attacks.cropped(frame, share, (right, low))[0]
    return ways


def _pixelated(frame: np.ndarray, block: int) -> np.ndarray:
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (width // block, height // block), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def _half(frame: np.ndarray, column: int) -> np.ndarray:
    """The right part flat."""
    out = frame.copy()
    out[:, column:] = frame[frame.shape[0] // 2, column]
    return out


def _captioned(frame: np.ndarray) -> np.ndarray:
    """A bar with a caption, as broadcasters lay over the lower part."""
    out, (height, width) = frame.copy(), frame.shape[:2]
    out[int(0.85 * height) : int(0.95 * height)] = 20
    where = (int(0.05 * width), int(0.92 * height))
    cv2.putText(out, "AI: A CAPTION", where, cv2.FONT_HERSHEY_SIMPLEX, width / 500, (255,) * 3, 2)
    return out


def _sheet(given: Given, folder: Path) -> None:
    """A labelled frame as it is written, then a few ways of covering it."""
    frame = next(iter(VideoReader(folder / "0.mp4")))
    shown = [frame, *(change(frame) for change in list(_tampering(frame).values())[:5])]
    picture = np.concatenate([cv2.resize(one, (256, 256), interpolation=cv2.INTER_AREA) for one in shown], axis=1)
    save_sheet(given.folder, "labelled", picture, portraits(given.folder, *given.portraits))


def _cost(frame: np.ndarray) -> Figure:
    labeller = Labeller(Label("on", faces=((0.3, 0.2, 0.7, 0.8),)))
    labeller.draw(frame)
    spent = []
    for _ in range(200):
        began = time.perf_counter()
        labeller.draw(frame)
        spent.append(1000 * (time.perf_counter() - began))
    note = "median; the frame is copied"
    return Figure(
        name="label_ms_512", value=float(np.median(spent)), unit="ms", goal=0.2, better="lower", n=200, note=note
    )

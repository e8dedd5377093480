"""What each thread does while a file is made: two seconds of it, stage by stage, as a plot."""

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.figures import Figure
from benchmarks.plots import figure, save_plot
from benchmarks.suites import Given
from generate import Motion, Talker
from generate.painter import Painter
from generate.refiner import Composer, Refiner, Viewer
from generate.renderer import Renderer
from media import SAMPLE_RATE, read_sound
from provenance import Keys, Permit, save_video
from provenance.make.encoding import Marking
from provenance.permits.likeness import Witness

SECONDS = 6  # of speech
SHOWN = 2.0  # seconds of the plot
OWN = {
    "move": (Motion, "stream"),  # a generator: the time to its next piece
    "geometry": (Renderer, "geometry"),
    "see": (Viewer, "see"),
    "refine": (Refiner, "answer"),
    "compose": (Composer, "__call__"),
    "open": (Renderer, "open"),
    "paint": (Painter, "paint"),
    "likeness": (Witness, "see"),
    "mark": (Marking, "_to_mark"),
    "encode": (Marking, "_to_encode"),
}
"""Stage -> where its work is done."""


@dataclass(frozen=True)
class Span:
    """One piece of work."""

    stage: str
    thread: str
    began: float  # seconds
    ended: float


@contextmanager
def recorded() -> Iterator[list[Span]]:
    """All stages' work while the block runs."""
    spans: list[Span] = []

    def told(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            made = work(*args, **options)
            spans.append(Span(stage, threading.current_thread().name.split("_")[0], began, time.perf_counter()))
            return made

        return call

    def pieces(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def go(*args: Any, **options: Any) -> Iterator[Any]:
            made = work(*args, **options)
            following = told(stage, lambda: next(made, None))
            while (piece := following()) is not None:
                yield piece

        return go

    changed = [
        patch.object(owner, name, (pieces if stage == "move" else told)(stage, getattr(owner, name)))
        for stage, (owner, name) in OWN.items()
    ]
    for one in changed:
        one.start()
    try:
        yield spans
    finally:
        for one in changed:
            one.stop()


def measure(given: Given) -> list[Figure]:
    """busiest_thread_pct: of the time between two frames, the share that the busiest thread works; and the plot
    `timeline`."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys.open(Path(folder) / "keys")
        talker, motion = Talker.of(Permit.of(given.portrait, keys=keys)), Motion.load()
        sound = read_sound(given.speech)[: SECONDS * SAMPLE_RATE]
        chunks = (sound[i : i + SAMPLE_RATE] for i in range(0, len(sound), SAMPLE_RATE))
        with recorded() as spans:
            save_video(Path(folder) / "a.mp4", talker.perform(motion.stream(chunks), sound))
    middle = np.median([s.began for s in spans if s.stage == "encode"])
    shown = [s for s in spans if s.ended > middle - SHOWN / 2 and s.began < middle + SHOWN / 2]
    save_plot(given.folder, "timeline", _drawn(shown, middle - SHOWN / 2))
    busy: dict[str, float] = defaultdict(float)
    for span in shown:
        begin, end = max(span.began, middle - SHOWN / 2), min(span.ended, middle + SHOWN / 2)
        busy[span.thread] += (end - begin) / SHOWN
    most = max(busy, key=busy.__getitem__)
    return [
        Figure(name="busiest_thread_pct", value=100 * busy[most], unit="%", n=len(shown),
               note=f"{most}; of {SHOWN:g} s; of all: " + ", ".join(f"{k} {100 * v:.0f}" for k, v in busy.items())),
    ]  # fmt: skip


def _drawn(spans: list[Span], start: float) -> Any:
    drawn, axes = figure(1, 1, (14, 3.6))
    axis, threads = axes[0, 0], sorted({s.thread for s in spans})
    for number, stage in enumerate(OWN):
        own = [s for s in spans if s.stage == stage]
        for span in own:
            axis.barh(
                threads.index(span.thread), 1000 * (span.ended - span.began), left=1000 * (span.began - start),
                height=0.7, color=f"C{number}", label=stage if span is own[0] else None,
            )  # fmt: skip
    axis.set_yticks(range(len(threads)), threads)
    axis.set_xlabel("milliseconds")
    axis.set_xlim(0, 1000 * SHOWN)
    axis.legend(ncol=len(OWN), fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.18), frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return drawn

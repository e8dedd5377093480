"""The process is killed at every step of saving: a whole output, signed and registered, or none."""

import contextlib
import multiprocessing
import os
import signal
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.credentials import killed
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from provenance import Keys, Registry, verify
from provenance.registry import FILE

# Where the process is killed: a function, and whether before it does its work or after.
POINTS = [
    ("media.encode", "Encoder.close", "after"),
    ("provenance.manifest", "sign", "before"),
    ("provenance.manifest", "sign", "after"),
    ("provenance.registry.store", "_attach", "before"),  # in the middle of the transaction
    ("provenance.registry.store", "Registry.add", "after"),
    ("os", "replace", "before"),
    ("os", "replace", "after"),
]
EARLIER = b"an earlier output"
SECONDS = 180  # that a process may take
NEEDED = ("provenance.save", "provenance.likeness", "faces.tracker", "faces.recognition")
SAID = "said.txt"  # by a process, beside its outputs


def measure(made: Maker, quick: bool) -> list[Figure]:
    """crash_points_clean, the share of points."""
    wrong = []
    made.picture("first.png")  # so that there is a registry
    for number, point in enumerate(POINTS):
        place = made.folder / f"killed{number}"
        process = begin(place, point, made.keys, made.portrait, earlier=number % 2 == 0)
        process.join(SECONDS)
        reason = left_wrong(place, point, process, made.keys)
        if reason:
            wrong.append(f"{'.'.join(point[:2])} {point[2]}: {reason}")
    share = 1 - len(wrong) / len(POINTS)
    note = "; ".join(wrong) or "killed around encoding, signing, registering (within the transaction too) and moving"
    return [Figure(name="crash_points_clean", value=share, unit="", goal=1, n=len(POINTS), note=note)]


def begin(place: Path, point: tuple[str, str, str], keys: Keys, portrait: Path, *, earlier: bool) -> BaseProcess:
    """A process that saves `place`/out/a.mp4, of a portrait of nobody, and is killed at a point. `earlier`: there is
    something already."""
    (place / "out").mkdir(parents=True)
    if earlier:
        (place / "out" / "a.mp4").write_bytes(EARLIER)
    process: BaseProcess = _server().Process(target=_run, args=(place, keys.folder, portrait, *point))
    process.start()
    return process


@cache
def _server() -> Any:
    """Forks processes that have imported already what saving needs, which takes longer than saving."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed.__name__, *NEEDED])
    return context


def _run(place: Path, *words: Any) -> None:
    """In the process: what goes wrong is written beside the output."""
    with (place / SAID).open("w") as said, contextlib.redirect_stderr(said):
        killed.main(place, *words)


def left_wrong(place: Path, point: tuple[str, str, str], process: BaseProcess, keys: Keys) -> str:
    """What is wrong with what was left, "" for nothing."""
    path = place / "out" / "a.mp4"
    if process.exitcode != -signal.SIGKILL:
        return f"was not killed: {(place / SAID).read_text() if (place / SAID).exists() else ''}"
    left = [name for name in os.listdir(path.parent) if name != path.name]
    if any(not name.startswith(".") for name in left) or len(left) > 2:
        return f"left {', '.join(left)}"  # hidden remains of the kill are all there may be
    if point == ("os", "replace", "after"):
        verdict = verify(path, keys=keys)
        registry = Registry(keys.folder / FILE)
        label = verdict.credentials.manifest
        whole = verdict.exit_code == 0 and registry.by_manifest(label) and registry.manifest_store(label)
        return "" if whole else "the output is not whole, or not registered"
    if path.exists() and path.read_bytes() != EARLIER:
        return "something else is at the output's path"
    return ""

"""The process is killed at every step of saving: a whole output, signed and registered, or none, and nothing anywhere
that can be looked at without credentials."""

import contextlib
import multiprocessing
import os
import signal
import tempfile
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.credentials import killed
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from media.errors import UnreadableError
from media.probing import probe
from provenance import Keys, Registry, verify
from provenance.registry import FILE


class Point(NamedTuple):
    """Where a process is killed."""

    way: str  # of `killed.WAYS`
    module: str
    name: str  # of a function
    when: str  # before it does its work, or after
    earlier: bool = False  # there is an output already


POINTS = [
    Point("video", "media.encode", "Encoder.close", "after", True),
    Point("video", "provenance.credentials.manifest", "sign", "before"),
    Point("video", "provenance.trust.signers", "LocalSigner.sign", "after", True),  # the library is at its work
    Point("video", "provenance.credentials.manifest", "sign", "after"),
    Point("video", "provenance.registry.store", "_attach", "before", True),  # in the middle of the transaction
    Point("video", "provenance.registry.store", "Registry.add", "after"),
    Point("video", "os", "link", "before"),
    Point("video", "os", "link", "after"),
    Point("video", "os", "replace", "before", True),
    Point("video", "os", "replace", "after", True),
    Point("live", "provenance.make.live", "settle", "after"),
    Point("live", "provenance.trust.signers", "LocalSigner.sign", "after"),
    Point("picture", "provenance.credentials.manifest", "sign", "after"),
    Point("marked", "PIL.Image", "Image.save", "after"),
    Point("marked", "provenance.trust.signers", "LocalSigner.sign", "after"),
    Point("signed", "provenance.trust.signers", "LocalSigner.sign", "after"),
]
LAST = ("link", "replace")  # after these, the output is there
EARLIER = b"an earlier output"
SECONDS = 180  # that a process may take
NEEDED = ("provenance.make.save", "provenance.permits.likeness", "faces.tracker", "faces.recognition")
SAID = "said.txt"  # by a process, beside its outputs


def measure(made: Maker, quick: bool) -> list[Figure]:
    """crash_points_clean, the share of points."""
    wrong = []
    made.picture("first.png")  # so that there is a registry
    for number, point in enumerate(POINTS):
        place = made.folder / f"killed{number}"
        process = begin(place, point, made.keys, made.portrait)
        process.join(SECONDS)
        reason = left_wrong(place, point, process, made.keys)
        if reason:
            wrong.append(f"{point.way}: {point.module}.{point.name} {point.when}: {reason}")
    share = 1 - len(wrong) / len(POINTS)
    note = "; ".join(wrong) or "killed around encoding, signing, registering (within the transaction too) and moving"
    return [Figure(name="crash_points_clean", value=share, unit="", goal=1, n=len(POINTS), note=note)]


def begin(place: Path, point: Point, keys: Keys, portrait: Path) -> BaseProcess:
    """A process that saves `place`/out/a, of a portrait of nobody, and is killed at a point."""
    for folder in ("out", "temporary"):
        (place / folder).mkdir(parents=True)
    if point.earlier:
        _output(place, point).write_bytes(EARLIER)
    process: BaseProcess = _server().Process(target=_run, args=(place, keys.folder, portrait, *point[:-1]))
    process.start()
    return process


def _output(place: Path, point: Point) -> Path:
    return place / "out" / f"a{killed.WAYS[point.way][1]}"


@cache
def _server() -> Any:
    """Forks processes that have imported already what saving needs, which takes longer than saving."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed.__name__, *NEEDED])
    return context


def _run(place: Path, *words: Any) -> None:
    """In the process: what goes wrong is written beside the output."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(place / "temporary")
    with (place / SAID).open("w") as said, contextlib.redirect_stderr(said):
        killed.main(place, *words)


def left_wrong(place: Path, point: Point, process: BaseProcess, keys: Keys) -> str:
    """What is wrong with what was left, "" for nothing."""
    if process.exitcode != -signal.SIGKILL:
        return f"was not killed: {(place / SAID).read_text() if (place / SAID).exists() else ''}"
    path = _output(place, point)
    if point.name in LAST and point.when == "after":
        registry = Registry(keys.folder / FILE)
        label = verify(path, keys=keys).credentials.manifest
        if not (registry.by_manifest(label) and registry.manifest_store(label)):
            return "the output is not whole, or not registered"
    elif path.exists() != point.earlier or (point.earlier and path.read_bytes() != EARLIER):
        return "something else is at the output's path"
    for left in place.rglob("*"):
        if left.is_file() and _shown(left) and verify(left, keys=keys).exit_code:
            return f"left {left.name}, which can be looked at and has no credentials that hold"
    return ""


def _shown(path: Path) -> bool:
    with contextlib.suppress(UnreadableError):
        return probe(path).kind != ""
    return False

"""What is done with a file, step by step, in a process of its own (`vasari.scanning.Worker`).

    opening(...)(Task(...))      what a step found, as JSON

The steps are `STEPS`, in that order. Only the last needs networks; they are loaded when it is first asked for.
"""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from media.errors import UnreadableError

if TYPE_CHECKING:
    from provenance import Keys, Verdict

STEPS = ("credentials", "marks", "detector")
MATCHES = 5  # outputs of the registry that are told
Found = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One step on one file."""

    path: Path
    step: str  # of `STEPS`; "fetch" brings the file first
    name: str  # under which the file is shown; nothing is opened by it
    source: str = ""  # where it is fetched from
    facts: Found | None = None  # for the detector: what the marks' step found

    def __str__(self) -> str:
        return "the file"


@dataclass(frozen=True)
class Opening:
    """What looks, and how far; as of `Settings`."""

    keys: Path | None
    anchors: tuple[Path, ...]
    profile: Path | None
    longest: float
    largest: int


def opening(asked: Opening) -> Callable[[Task], Found]:
    """In the process.

    Raises:
        KeyMaterialError: keys or an anchor cannot be read.
        UnreadableError: the profile cannot be read.
    """
    from detect.profile import Profile
    from provenance import Keys
    from provenance.read.verification import read_anchors

    keys = None if asked.keys is None else Keys.open(asked.keys, create=False)
    anchors = read_anchors(keys, asked.anchors)
    if asked.profile is not None:
        Profile.read(asked.profile)

    def look(task: Task) -> Found:
        try:
            if task.step == "fetch":
                return _fetch(task, asked)
            if task.step == "credentials":
                return _credentials(task, anchors)
            return _marks(task, asked, keys) if task.step == "marks" else _detector(task, asked)
        except UnreadableError as error:
            raise UnreadableError(str(error).replace(str(task.path), task.name)) from error

    return look


def _fetch(task: Task, asked: Opening) -> Found:
    from vasari.scanning import fetched

    with fetched(task.source, asked.largest, onwards=False) as copy:
        shutil.copyfile(copy, task.path)
    return {}


def _credentials(task: Task, anchors: str) -> Found:
    """What it was made of. What the credentials are worth is told with the marks."""
    from media.errors import NotLookedAtError
    from media.probing import probe
    from provenance.read.history import history

    media: Found = {"kind": "other"}
    with contextlib.suppress(NotLookedAtError):  # its credentials are read all the same
        info = probe(task.path)
        media = {"kind": info.kind, "width": info.width, "height": info.height, "duration": info.duration}
    tree = history(task.path, anchors)
    return {"history": None if tree is None else tree.model_dump(mode="json"), "media": media}


def _marks(task: Task, asked: Opening, keys: "Keys | None") -> Found:
    """All facts, and what they amount to where no estimate will change that."""
    from detect.triage import join
    from provenance import verify

    facts = verify(task.path, keys=keys, anchors=asked.anchors).model_copy(update={"file": task.name})
    sure = None if facts.verdict == "nothing_found" else join(facts, None).model_dump(mode="json")
    matches = _matches(task.path, facts, keys)
    return {"facts": facts.model_dump(mode="json"), "matches": matches, "triage": sure}


def _matches(path: Path, facts: "Verdict", keys: "Keys | None") -> list[Found]:
    """Outputs of the registry that look, move and sound alike."""
    from provenance.read.identification import by_content, look
    from provenance.registry import open_registry

    if keys is None or facts.kind in ("sound", "other"):
        return []
    registry, clip = open_registry(keys.folder), look(path)
    told = []
    for item in [] if clip is None else by_content(clip, registry, MATCHES):
        entry = registry.by_manifest(item.label)
        made = {"made": entry.made, "command": entry.command} if entry else {"made": "", "command": ""}
        told.append({"manifest": item.label, "score": item.score, **made})
    return told


def _detector(task: Task, asked: Opening) -> Found:
    from detect.report import page
    from detect.triage import join
    from provenance.read.verdict import Verdict

    facts = Verdict.model_validate(task.facts)
    if facts.kind in ("sound", "other"):
        return {"triage": join(facts, None).model_dump(mode="json"), "report": ""}
    detection, evidence = _loaded(asked.profile).look(task.path, keep=True, longest=asked.longest)
    verdict = join(facts, detection.model_copy(update={"file": task.name}))
    assert verdict.detection is not None
    told = [verdict.summary, *verdict.contradictions, *verdict.findings]
    report = page(verdict.detection, evidence, told, settled=verdict.settled)
    return {"triage": verdict.model_dump(mode="json"), "report": report}


@cache
def _loaded(profile: Path | None) -> Any:
    from detect.detector import Detector

    return Detector.load(profile=profile)

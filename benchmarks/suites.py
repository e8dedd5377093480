"""What every suite is: a name, what it cannot do without, and its parts; and the one way in which suites are run.

    results = run(suite("tracker"), Given(folder, portrait=..., speech=...), say=print)

A part is a name and a call that returns figures; the parts of a suite share what is dear (networks, clips) because one
function makes them, in the order in which they run:

    def parts(given: Given) -> Parts:
        talks = Talks.of(given)
        yield "lips", partial(lips.measure, given, talks)
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from benchmarks import SUITES
from benchmarks.figures import Figure, Results, machine, now, write
from media.errors import UnreadableError

Part = tuple[str, Callable[[], list[Figure]]]
Parts = Iterator[Part]


@dataclass(frozen=True)
class Given:
    """What a run measures on, as given at the door."""

    folder: Path  # where results, plots and contact sheets go
    portrait: Path  # a portrait of a person who does not exist
    speech: Path  # speech to generate from
    quick: bool = False  # fewer samples, same figures
    london: Path | None = None  # the London Set; without it, figures on real people are not measured
    people: Path | None = None  # folder of `vasari data people`, for rendered truth
    assets: Path | None = None  # folder of `vasari data assets`, for exact truth of the renderer
    skins: Path | None = None  # folder of finer skins; those of the assets by default
    clip: Path | None = None  # a video of one face, whose first frame is moved as the others move
    speech_set: Path | None = None  # folder of `vasari data speech`, for people recorded
    fakes: Path | None = None  # labelled set of `vasari data fakes`; its test split is measured
    real: Path | None = None  # camera files that nobody altered
    wild: Path | None = None  # `real/`, `fake/` and `clips.csv` of material that nobody here made
    peers: Path | None = None  # TOML file of commands to be measured beside ours
    pairs: Path | None = None  # where a page of blind pairs goes
    workers: int = 1  # processes; speed is measured in one

    @property
    def portraits(self) -> tuple[Path, ...]:
        """All that ship beside the one that is given, which comes first."""
        return tuple(dict.fromkeys((self.portrait, *sorted(self.portrait.parent.glob("portrait*.png")))))

    def within(self, name: str) -> "Given":
        """The same, with a folder of its own."""
        return replace(self, folder=self.folder / name)


@dataclass(frozen=True)
class Suite:
    """One suite. Its parts are made when it runs."""

    name: str
    parts: Callable[[Given], Parts]
    needs: Mapping[str, str] = field(default_factory=dict)  # of `Given` -> what makes it; nothing is measured without
    promised: Mapping[str, Literal["higher", "lower"]] = field(default_factory=dict)  # figures of every run

    def missing(self, given: Given) -> str:
        """What it needs and is not given, in words; "" where nothing is missing."""
        wanted = [
            f"--{name.replace('_', '-')} ({made})" for name, made in self.needs.items() if getattr(given, name) is None
        ]
        return "needs " + " and ".join(wanted) if wanted else ""


def suite(name: str) -> Suite:
    """The suite of a name, one of `SUITES`."""
    found: Suite = importlib.import_module(SUITES[name]).SUITE
    return found


def run(wanted: Suite, given: Given, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure all parts and write `results.json` into the folder.

    Args:
        say: told the name of each part before it begins.

    Raises:
        UnreadableError: what the suite needs is not given, or is not what it should be.
    """
    if missing := wanted.missing(given):
        raise UnreadableError(f"bench {wanted.name}: {missing}")
    figures: list[Figure] = []
    with closing(wanted.parts(given)) as parts:  # type: ignore[type-var]  # all are generators
        for name, measure in parts:
            given.folder.mkdir(parents=True, exist_ok=True)
            say(name)
            figures += measure()
    results = Results(suite=wanted.name, made=now(), machine=machine(), figures=figures)
    write(results, given.folder)
    return results


def run_or_tell(wanted: Suite, given: Given, say: Callable[[str], None] = lambda _: None) -> Results:
    """As `run`; where what it needs is not given, the figures that every run has, not measured, with the reason."""
    missing = wanted.missing(given)
    if not missing:
        return run(wanted, given, say)
    figures = [
        Figure(name=name, value=None, unit="", better=better, n=0, note=missing)
        for name, better in wanted.promised.items()
    ]
    results = Results(suite=wanted.name, made=now(), machine=machine(), figures=figures)
    given.folder.mkdir(parents=True, exist_ok=True)
    write(results, given.folder)
    return results

"""What `verify`, `detect` and `triage` share: many files asked one question, and what becomes of the answers."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from media.errors import VasariError
from provenance.exits import EXIT_UNREADABLE
from vasari.scanning.cluster import scan_on_ray
from vasari.scanning.deciding import Deciding
from vasari.scanning.ledger import Ledger
from vasari.scanning.scan import Answer, scan
from vasari.scanning.sources import sources

FEW = 4  # files that are looked at here; more are given to processes, which take seconds to start
SCHEMA_VERSION = 1


class Judged(Protocol):
    """A record about one file, a pydantic model."""

    exit_code: int

    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


Show = Callable[[dict[str, Any], Judged | None, VasariError | None], None]


def survey(
    arguments: Iterable[str],
    opening: Callable[..., Callable[[str], Judged]],
    opened_with: tuple[Any, ...],
    show: Show,
    *,
    what: str,
    workers: int | None = None,
    engine: str = "local",
    seconds: float,
    ledger: Path | None = None,
    deciding: Deciding | None = None,
    listed: TextIO | None = None,
) -> list[int]:
    """Ask about every file; exit codes of all, those of the ledger included.

    Args:
        arguments: as of `sources`, `listed` too.
        opening: as of `scan`, with `opened_with`; what it gives answers a name with a record that knows its exit code.
        show: called with each answer as JSON, the record, and the error where there is none, as they come.
        what: is being done, for the bar.
        workers: processes; None: one a core where there are more than `FEW` files, else none.
        engine: "local", or "ray" for a cluster (`cluster.scan_on_ray`), where any number of files goes to processes.
        seconds: that one file may take in a process.
        ledger: file of JSON lines that is added to; files that are in it already are not asked about again, unless they
            have changed or their answers were decided by something else.
        deciding: what decides answers (`scanning.deciding`).
    """
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(Ledger(ledger, deciding)) if ledger else None
        if kept is not None and kept.outdated:
            Console(stderr=True).print(_outdated(kept), highlight=False, soft_wrap=True, markup=False)
        answered = _Answered(show, kept)
        names = answered.lacking(arguments, listed)
        first = list(islice(names, FEW + 1))
        tell = stack.enter_context(_bar(what)) if len(first) > FEW else None
        if engine == "ray":
            answers = scan_on_ray(chain(first, names), opening, opened_with, workers=workers or None, seconds=seconds)
        else:
            if workers is None:
                from media.threads import cores

                workers = cores() if len(first) > FEW else 0
            answers = scan(chain(first, names), opening, opened_with, workers=workers, seconds=seconds)
        for answer in stack.enter_context(contextlib.closing(answers)):
            answered.take(answer)
            if tell:
                tell()
    return answered.codes


class _Answered:
    """The answers so far: shown, put into the ledger where there is one, and their exit codes."""

    def __init__(self, show: Show, ledger: Ledger | None) -> None:
        self.codes: list[int] = []
        self._show = show
        self._ledger = ledger

    def take(self, answer: Answer) -> None:
        """One more."""
        record: dict[str, Any] = (
            {"schema_version": SCHEMA_VERSION, "file": answer.source, "exit_code": EXIT_UNREADABLE,
             "error": str(answer.error)}
            if answer.error is not None
            else answer.value.model_dump(mode="json")
        )  # fmt: skip
        self.codes.append(record["exit_code"])
        if self._ledger is not None:
            self._ledger.add(record)
        self._show(record, answer.value, answer.error)

    def lacking(self, arguments: Iterable[str], listed: TextIO | None) -> Iterator[str]:
        """The files that the ledger has no answer of."""
        for name in sources(arguments, lambda source, error: self.take(Answer(source, error=error)), listed):
            code = self._ledger.known(name) if self._ledger is not None else None
            if code is None:
                yield name
            else:
                self.codes.append(code)


def _outdated(kept: Ledger) -> str:
    """One line about answers that do not hold any more."""
    count = f"{kept.outdated} answer{'s' if kept.outdated > 1 else ''}"
    return f"{kept.path}: {count} given under other conditions ({', '.join(kept.reasons)}); such files are asked anew"


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[], None]]:
    """How many are done, on standard error; yields what is called after each."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda: progress.advance(task)

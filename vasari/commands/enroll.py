"""`vasari detect enroll`: how one person moves."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import UnreadableError, UsageError
from media.words import plain


def enroll(
    clips: Annotated[list[Path], typer.Argument(help="Real videos of one person who talks, or folders of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, for `detect --person`.")],
    basis: Annotated[str, typer.Option(help="On what ground: their consent, or their public role. Kept in the file.")],
) -> None:
    """Learn how one person moves from real footage of theirs: `vasari detect --person FILE` then says, of any clip,
    whether it moves like them, whoever made it.

    Learned are numbers of how facial actions and the turn of the head go together, no picture. Do this only with the
    person's consent, or with somebody whose public role makes fakes of them everybody's matter. Ten clips of at least
    two seconds are needed; many, of many days and places, are better. Where several people are seen, it is the one who
    is seen for longest.
    """
    from detect.evidence import Gatherer
    from detect.manner import Manner, series_of

    if output.exists():
        try:
            Manner.read(output)
        except UnreadableError as error:
            raise UsageError(f"{output}: is there already and of another kind; give another --output") from error
    paths = [path for given in clips for path in (sorted(given.rglob("*")) if given.is_dir() else [given])]
    series, err, gatherer = [], Console(stderr=True), Gatherer.following()
    for path in (path for path in paths if path.is_file()):
        try:
            people = gatherer.gather(path).people
        except UnreadableError as error:
            err.print(f"left out {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
            continue
        series += [series_of(max(people, key=lambda person: len(person.actions)))] if people else []
    manner = Manner.learn(series, basis=basis)
    manner.save(output)
    typer.echo(f"{output}: how somebody moves, from {len(manner.clips)} clips ({plain(basis)})")

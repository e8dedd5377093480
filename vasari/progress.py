"""What a command says while and when it is done: lines, and progress bars that show frames a second."""

import contextlib
from collections.abc import Callable, Iterator

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from media.words import plain


class FramesPerSecond(ProgressColumn):
    """Frames a second, from the progress so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:5.1f} frames/s", style="cyan")


@contextlib.contextmanager
def frames_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; yields a function that takes how many frames are done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}" if total else "{task.completed}"),
        FramesPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def say(text: str, *, err: bool = False) -> None:
    """A line on standard output or error; names in it may hold anything."""
    typer.echo(plain(text), err=err)

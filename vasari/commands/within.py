"""A command that is named within another: `vasari bench compare A B`, `vasari detect calibrate FOLDER`."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


def having(**within: Callable[..., None]) -> type[TyperCommand]:
    """What `app.command(cls=...)` takes: the command itself, but another where its first argument is the other's name.

    A group of commands cannot stand there: its own arguments would swallow the name of the command.
    """

    class Having(TyperCommand):
        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            name = args[0] if args else ""
            if name not in within:
                return super().make_context(info_name, args, parent, **extra)
            inner = typer.Typer(add_completion=False)
            inner.command()(within[name])
            return typer.main.get_command(inner).make_context(f"{info_name} {name}", args[1:], parent, **extra)

    return Having

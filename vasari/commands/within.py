"""Command lines that typer does not offer by itself: a command that is named within another (`vasari bench compare A
B`), and an option whose value may be left out (`--notice`, `--notice de`)."""

import re
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


LANGUAGE = re.compile("[a-z]{2}")  # what else follows an option is not its value


def spoken(default: str = "en") -> type[TyperCommand]:
    """What `app.command(cls=...)` takes: the command itself, with `--notice` alone meaning `--notice DEFAULT`."""

    class Spoken(TyperCommand):
        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            args = list(args)
            end = args.index("--") if "--" in args else len(args)
            for at in range(end - 1, -1, -1):
                if args[at] == "--notice" and not LANGUAGE.fullmatch("".join(args[at + 1 : at + 2])):
                    args.insert(at + 1, default)
            return super().make_context(info_name, args, parent, **extra)

    return Spoken

"""`vasari desk`: pages in a browser to look at files with."""

import secrets
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from media.errors import UsageError
from vasari.options import Anchors, MarkKeys, ProfileFile

ONCE = "once"
SHORTEST = 16  # letters of a token
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="FILE|once",
        help="File with a token that has to be shown before anything is answered; once: make one and print a link that "
        "counts a single time. Needed for any address but this machine's own.",
        show_default=False,
    ),
]


def desk(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8010,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    studio: Annotated[
        bool, typer.Option("--studio/--no-studio", help="Whether faces can be made there, too, not only looked at.")
    ] = True,
    token: Token = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Further name of a host by which it may be asked; repeatable.", show_default=False),
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            help="Beginning of addresses from which files may be fetched (https://media.example.org/clips/). "
            "Repeatable; none are when left out.",
            show_default=False,
        ),
    ] = None,
    largest: Annotated[int, typer.Option(help="Largest file that is taken, MiB.", min=1)] = 512,
    longest: Annotated[float, typer.Option(help="Seconds of a video that the detector looks at.", min=1)] = 60.0,
    feedback: Annotated[
        Path | None,
        typer.Option(
            help="File to which answers to 'was this right?' are added, with their records (default: beside the keys).",
            show_default=False,
        ),
    ] = None,
    profile: ProfileFile = None,
    keys: MarkKeys = None,
    anchor: Anchors = None,
) -> None:
    """Look at files in a browser: who made them, whether they are intact, what the detector says.

    A file is looked at on this machine and kept nowhere. It listens to this machine alone unless it is told otherwise.
    """
    from provenance.trust.keys import Keys, default_folder
    from vasari.commands.verify import key_folder
    from vasari.desk import Settings, create_desk
    from vasari.desk.doors import ENTRANCE, is_loopback
    from vasari.service.connections import listening, server

    if not token and not is_loopback(host):
        raise UsageError(f"{host}: others could ask, too; give --token FILE or --token once, or --host 127.0.0.1")
    secret = _token(token)
    folder = Keys.open(keys).folder if studio else key_folder(keys)  # what is made there is known here at once
    settings = Settings(
        host=host, names=tuple(name or ()), studio=studio, keys=folder, anchors=tuple(anchor or ()),
        profile=profile, token=secret, once=token == ONCE, sources=tuple(map(_source, sources or ())),
        largest_upload=largest << 20, longest=longest,
        feedback=feedback or default_folder().parent / "desk-feedback.jsonl",
    )  # fmt: skip
    with listening(host, port) as link:
        shown = f"[{host}]" if ":" in host else host
        page = f"http://{shown}:{port}/" + (f"{ENTRANCE[1:]}?once={secret}" if settings.once else "")
        typer.echo(f"{page}{'   (this link counts once)' if settings.once else ''}", err=True)
        if open_page and is_loopback(host):
            webbrowser.open(page)
        server(create_desk(settings), sockets=True).run([link])


def _token(given: str | None) -> str:
    """The token, "" for none."""
    if not given:
        return ""
    if given == ONCE:
        return secrets.token_urlsafe(24)
    try:
        token = Path(given).read_text().strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{given}: the token cannot be read; give a file of text that holds it") from error
    if len(token) < SHORTEST:
        raise UsageError(f"{given}: a token has at least {SHORTEST} letters; this one has {len(token)}")
    return token


def _source(address: str) -> str:
    """A beginning of addresses: of one host, or of one store."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    if parts.scheme in ("", "file", "local") or not parts.netloc:
        raise UsageError(f"{address}: no beginning of an address; give one like https://media.example.org/clips/")
    return address

"""`vasari serve`: the registry as a web service, and the tokens of those who may write to it."""

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from media.errors import UsageError

if TYPE_CHECKING:
    from provenance.registry import Registry

app = typer.Typer(help="Serve the registry: the C2PA Soft Binding Resolution API.", invoke_without_command=True)
token = typer.Typer(help="Tokens of those who may write.", no_args_is_help=True)
app.add_typer(token, name="token")
Folder = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]
Name = Annotated[str, typer.Argument(help="Whose token it is.", show_default=False)]


@app.callback()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    largest: Annotated[int, typer.Option("--largest", help="Largest clip that is taken, MiB.", min=1)] = 64,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            help="Address or network of a server before this one that says for whom it asks (X-Forwarded-For). "
            "Repeatable; nobody else is believed.",
            show_default=False,
        ),
    ] = None,
    keys: Folder = None,
) -> None:
    """Serve the registry (of $VASARI_REGISTRY, or beside the keys) until it is stopped.

    Reading is open, writing needs a token. Put a server that speaks TLS before it for anything but this machine.
    """
    if context.invoked_subcommand is not None:
        return
    from provenance import Keys
    from provenance.registry import open_registry
    from vasari.service import Settings, create_app
    from vasari.service.connections import listening, server

    opened = Keys.open(keys, create=False)
    registry = open_registry(opened.folder)
    settings = Settings(
        registry=registry, keys=opened, largest_upload=largest << 20, proxies=tuple(map(_network, proxy or ()))
    )
    with listening(host, port) as link:
        name = f"[{host}]" if ":" in host else host
        typer.echo(f"http://{name}:{port}/v1 answers for {registry.name}; /v1/openapi.json describes it", err=True)
        server(create_app(settings)).run([link])


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise UsageError(f"{text}: no address or network; give one like 10.0.0.7 or 10.0.0.0/24") from error


@token.command("new")
def new(
    name: Name,
    days: Annotated[int | None, typer.Option(help="Days until it expires (default: never).", min=1)] = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(
            help="PEM file with the root below which its holder signs; repeatable (default: this maker's own). "
            "No other manifests can be registered with it.",
            show_default=False,
        ),
    ] = None,
    keys: Folder = None,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    from provenance.read.verification import read_anchors
    from provenance.registry.tokens import new_token

    roots = read_anchors(None, anchor or ())
    typer.echo(new_token(_registry(keys), name, days=days, anchors=roots))
    typer.echo("Keep it: nobody can show it again. Use it as `Authorization: Bearer ...`.", err=True)


@token.command("list")
def show(keys: Folder = None) -> None:
    """Show who has tokens."""
    from provenance.registry.tokens import list_tokens

    table = Table("name", "made", "expires", "revoked")
    for item in list_tokens(_registry(keys)):
        table.add_row(item.name, item.created, item.expires or "never", item.revoked)
    Console().print(table)


@token.command("revoke")
def revoke(name: Name, keys: Folder = None) -> None:
    """Make a token worthless, from the next request on."""
    from provenance.registry.tokens import revoke_token

    revoke_token(_registry(keys), name)
    typer.echo(f"{name}: revoked")


def _registry(keys: Path | None) -> "Registry":
    from provenance.registry import ENVIRONMENT, open_registry
    from provenance.trust.keys import default_folder

    folder = keys or default_folder()
    if not os.environ.get(ENVIRONMENT) and not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of keys; `vasari keys create` makes one")
    return open_registry(folder)

"""`vasari keys`: what outputs are signed and marked with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from media.atomic import replacing

app = typer.Typer(help="Signing and watermark keys.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]


@app.command()
def create(keys: Folder = None) -> None:
    """Make development keys: certificates that nobody trusts by themselves, and a secret watermark key."""
    from provenance import Keys

    opened = Keys.open(keys)
    word = "made" if opened.created else "already there; nothing changed"
    typer.echo(f"{opened.folder}: development keys {word}")
    typer.echo("Back up watermark.key: without it no mark made with it can ever be read again. Share only root.pem.")


@app.command()
def show(keys: Folder = None) -> None:
    """Show what is in the folder. Secrets stay hidden."""
    from provenance import Keys
    from provenance.registry import FILE
    from provenance.signers import LocalSigner
    from provenance.watermark.identity import key_id

    opened = Keys.open(keys, create=False)
    table = Table(title=str(opened.folder), title_justify="left", show_header=False)
    table.add_row("signs as", opened.chain[0].subject.rfc4514_string())
    table.add_row("issued by", opened.chain[0].issuer.rfc4514_string())
    table.add_row("valid until", f"{opened.expires:%Y-%m-%d} (local keys are renewed by themselves)")
    table.add_row("private key", "in this folder" if isinstance(opened.signer, LocalSigner) else "behind a command")
    table.add_row("watermark key", f"id {key_id(opened.mark_key)} (the key itself stays hidden)")
    if opened.retired:
        table.add_row("retired", f"ids {' '.join(key_id(key) for key in opened.retired)}; they still read marks")
    authority = opened.authority
    needed = " (required)" if authority and authority.required else ""
    table.add_row("time stamps", f"by {authority.url}{needed}" if authority else "none")
    table.add_row("registry", "yes" if (opened.folder / FILE).exists() else "no outputs yet")
    Console().print(table)


@app.command("export-anchor")
def export_anchor(
    output: Annotated[Path, typer.Option("--output", "-o", help="PEM file to write.")], keys: Folder = None
) -> None:
    """Write the root certificate, for others who choose to trust this maker (`vasari verify --anchor`)."""
    from provenance import Keys

    opened = Keys.open(keys, create=False)
    with replacing(output) as temporary:
        temporary.write_bytes(opened.anchor_pem)
    typer.echo(f"{output}: root certificate of {opened.folder}")


@app.command()
def rotate(
    watermark: Annotated[
        bool, typer.Option("--watermark", help="The watermark key, not that of signatures; old marks are still read.")
    ] = False,
    keys: Folder = None,
) -> None:
    """Sign with a new key and certificate from now on, or mark with a new key. What the old one signed stays valid."""
    from provenance import Keys
    from provenance.keys import RETIRED
    from provenance.watermark.identity import key_id

    if watermark:
        opened = Keys.open(keys, create=False).rotate_mark_key()
        typer.echo(
            f"{opened.folder}: marks with key {key_id(opened.mark_key)}; {len(opened.retired)} retired, still read. "
            f"Back up watermark.key and {RETIRED}."
        )
        return
    opened = Keys.open(keys, create=False).rotate()
    typer.echo(f"{opened.folder}: signs with a new certificate until {opened.expires:%Y-%m-%d}")


@app.command()
def timestamp(
    url: Annotated[
        str | None,
        typer.Argument(help="Address of a time-stamp authority (RFC 3161).", show_default=False),
    ] = None,
    required: Annotated[
        bool,
        typer.Option("--required", help="Sign nothing while it gives no stamp (otherwise: without, and that is said)."),
    ] = False,
    anchor: Annotated[
        Path | None,
        typer.Option(help="PEM file with the authority's root certificate: its word on times is believed here."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Ask no authority any more.")] = False,
    keys: Folder = None,
) -> None:
    """Have every signature stamped with the time by an authority, from now on.

    It learns a hash of each signature, the time and this machine's address. What bears a trusted stamp counts after
    the signing certificate has expired, and if it is revoked later.
    """
    from media.errors import KeyMaterialError, UsageError
    from provenance import Keys
    from provenance.timestamps import Authority

    if off == (url is not None):
        raise UsageError("give the address of an authority, or --off")
    if off and (required or anchor):
        raise UsageError("--off goes alone")
    try:
        pem = anchor.read_bytes() if anchor else b""
    except OSError as error:
        raise KeyMaterialError(f"{anchor}: cannot be read ({error.strerror})") from error
    chosen = Authority(url, required) if url else None
    opened = Keys.open(keys).set_authority(chosen, pem)
    if chosen is None:
        typer.echo(f"{opened.folder}: signatures are not stamped any more")
        return
    typer.echo(f"{opened.folder}: signatures are stamped by {chosen.url}{', or nothing is signed' if required else ''}")
    if not opened.time_anchors:
        typer.echo("  its word on times is not trusted here yet: give its root certificate with --anchor", err=True)


@app.command()
def revoke(
    reason: Annotated[str, typer.Option(help="Why, as RFC 5280 names it.")] = "key_compromise",
    since: Annotated[
        datetime | None,
        typer.Option(help="When the key went astray, UTC, if earlier than now.", show_default=False),
    ] = None,
    keys: Folder = None,
) -> None:
    """Let the signing certificate count no more, and sign with a new one. Of what it signed, only that counts which
    bears a trusted time stamp from before.

    Others learn of it from the file revoked.pem in the folder of keys: `vasari verify --revoked`.
    """
    from provenance import Keys
    from provenance.revocation import FILE

    opened = Keys.open(keys, create=False)
    entry = opened.revoke(reason, since.replace(tzinfo=UTC) if since else None)
    typer.echo(f"certificate {entry.serial:x} revoked; give {opened.folder / FILE} to those who trust you")

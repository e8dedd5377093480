"""`vasari keys`: what outputs are signed and marked with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from media.atomic import replacing
from vasari.progress import say

if TYPE_CHECKING:
    from cryptography import x509

    from provenance import Keys

app = typer.Typer(help="Signing and watermark keys: make, show, renew, rotate, revoke.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]


@app.command()
def create(keys: Folder = None) -> None:
    """Make development keys: certificates that nobody trusts by themselves, and a secret watermark key."""
    from provenance import Keys

    opened = Keys.open(keys)
    word = "made" if opened.created else "already there; nothing changed"
    say(f"{opened.folder}: development keys {word}")
    say("Back up watermark.key: without it no mark made with it can ever be read again. Share only root.pem.")
    _unstamped(opened)


@app.command()
def show(keys: Folder = None) -> None:
    """Show what is in the folder. Secrets stay hidden."""
    from provenance import Keys
    from provenance.marks.identity import key_id
    from provenance.registry import FILE
    from provenance.trust.signers import LocalSigner

    opened = Keys.open(keys, create=False)
    table = Table(title=str(opened.folder), title_justify="left", show_header=False)
    table.add_row("signs as", opened.chain[0].subject.rfc4514_string())
    table.add_row("issued by", opened.chain[0].issuer.rfc4514_string())
    local = isinstance(opened.signer, LocalSigner)
    table.add_row("valid until", f"{opened.expires:%Y-%m-%d}{' (renewed in its last week)' if local else ''}")
    table.add_row("private key", "in this folder" if local else "behind a command")
    table.add_row("watermark key", f"id {key_id(opened.mark_key)} (the key itself stays hidden)")
    if opened.retired:
        table.add_row("retired", f"ids {' '.join(key_id(key) for key in opened.retired)}; they still read marks")
    authority = opened.authority
    needed = " (required)" if authority and authority.required else ""
    table.add_row("time stamps", f"by {authority.url}{needed}" if authority else "none: no authority is configured")
    table.add_row("registry", "yes" if (opened.folder / FILE).exists() else "no outputs yet")
    Console().print(table)
    for row in states(opened):
        say("{:14}{:42}{} to {}  {}".format(*row))  # not in a table: serial numbers are copied from here
    _unstamped(opened)


def _unstamped(keys: "Keys") -> None:
    """Say what it means that signatures bear no time stamp, and what to do."""
    if keys.authority is None:
        say(
            f"Signatures bear no time stamp: they count until the certificate expires ({keys.expires:%Y-%m-%d}) or is "
            "revoked. `vasari keys timestamp URL` has an authority (RFC 3161) stamp all of them from now on."
        )


def states(keys: "Keys") -> list[tuple[str, str, str, str, str]]:
    """This maker's certificates, in words: which, serial number, from when, until when, what has become of it. The
    oldest first, the intermediates last; none where a key service signs."""
    from provenance.trust.revocation import read_revoked

    gone = read_revoked(keys.lists, keys.anchor_pem.decode())
    now, rows = datetime.now(UTC), []
    above: dict[int, x509.Certificate] = {}
    known = keys.generations
    for generation in known:
        above |= {certificate.serial_number: certificate for certificate in generation.chain[1:]}
        state = "signs now" if generation is known[-1] else "rotated"
        rows.append((f"signing {generation.number}", generation.chain, state))
    rows += [("intermediate", (certificate,), "issues") for certificate in above.values()]
    told = []
    for name, chain, state in rows:
        certificate, entry = chain[0], gone.of_chain(chain)
        if entry is not None:
            state = f"revoked {entry.when:%Y-%m-%d}{f', {entry.reason}' if entry.reason else ''}"
        elif certificate.not_valid_after_utc < now:
            state = "expired"
        dates = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        since, until = (f"{date:%Y-%m-%d}" for date in dates)
        told.append((name, f"{certificate.serial_number:x}", since, until, state))
    return told


@app.command("export-anchor")
def export_anchor(
    output: Annotated[Path, typer.Option("--output", "-o", help="PEM file to write.")], keys: Folder = None
) -> None:
    """Write the root certificate, for others who choose to trust this maker (`vasari verify --anchor`)."""
    from provenance import Keys

    opened = Keys.open(keys, create=False)
    with replacing(output) as temporary:
        temporary.write_bytes(opened.anchor_pem)
    say(f"{output}: root certificate of {opened.folder}")


@app.command()
def rotate(
    watermark: Annotated[
        bool, typer.Option("--watermark", help="The watermark key, not that of signatures; old marks are still read.")
    ] = False,
    keys: Folder = None,
) -> None:
    """Sign with a new key and certificate from now on, or mark with a new key. What the old one signed stays valid."""
    from provenance import Keys
    from provenance.marks.identity import key_id
    from provenance.trust.keys import RETIRED

    if watermark:
        opened = Keys.open(keys, create=False).rotate_mark_key()
        say(
            f"{opened.folder}: marks with key {key_id(opened.mark_key)}; {len(opened.retired)} retired, still read. "
            f"Back up watermark.key and {RETIRED}."
        )
        return
    opened = Keys.open(keys, create=False).rotate()
    say(f"{opened.folder}: signs with a new certificate until {opened.expires:%Y-%m-%d}")


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
    from provenance.trust.timestamps import Authority

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
        say(f"{opened.folder}: signatures are not stamped any more")
        return
    say(f"{opened.folder}: signatures are stamped by {chosen.url}{', or nothing is signed' if required else ''}")
    if not opened.time_anchors:
        say("  its word on times is not trusted here yet: give its root certificate with --anchor", err=True)


@app.command()
def renew(keys: Folder = None) -> None:
    """Renew the signing certificate if it is in its last week, and sign the lists of revoked certificates anew.

    A signer renews its certificate by itself when it signs in that week; this is for makers who sign seldom. Lists say
    that they are up to date for a year.
    """
    from provenance import Keys

    opened = Keys.open(keys, create=False)
    renewed = opened.renew()
    word = "renewed" if renewed.chain[0] != opened.chain[0] else "not in its last week, so not renewed"
    say(f"{opened.folder}: certificate {word}; it is valid until {renewed.expires:%Y-%m-%d}")
    if renewed.lists:
        say(f"give {renewed.lists[0]}, signed anew, to those who trust you")


@app.command()
def revoke(
    serial: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="Serial number of the certificate, as `keys show` lists it (default: that which signs now).",
            show_default=False,
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="The certificate itself, a PEM file, instead.", show_default=False)
    ] = None,
    reason: Annotated[
        str,
        typer.Option(
            help="Why (RFC 5280): key_compromise, ca_compromise, affiliation_changed, superseded, "
            "cessation_of_operation ..."
        ),
    ] = "key_compromise",
    since: Annotated[
        datetime | None,
        typer.Option(help="When the key went astray, UTC, if earlier than now.", show_default=False),
    ] = None,
    keys: Folder = None,
) -> None:
    """Revoke a certificate: that which signs now, an earlier one, or the intermediate with all that it issued.

    Of what it signed, only that counts which bears a trusted time stamp from before; consents that it signed are to be
    granted again. If it is the one that signs now, a new one signs from now on.

    Others learn of it from the file revoked.pem in the folder of keys: `vasari verify --revoked`.
    """
    from media.errors import UsageError
    from provenance import Keys
    from provenance.trust.revocation import FILE

    if serial is not None and certificate is not None:
        raise UsageError("--serial and --certificate: choose one")
    opened = Keys.open(keys, create=False)
    number = _serial_in(opened, certificate) if certificate else _serial(serial)
    known = {c.serial_number for c in opened.chain} | {c.serial_number for g in opened.generations for c in g.chain}
    entry = opened.revoke(reason, since.replace(tzinfo=UTC) if since else None, serial=number)
    if certificate is None and entry.serial not in known:
        say(f"no certificate in {opened.folder} has this serial number; it is listed all the same", err=True)
    say(f"certificate {entry.serial:x} revoked; give {opened.folder / FILE} to those who trust you")
    if Keys.open(opened.folder, create=False).chain[0] != opened.chain[0]:
        say("a new certificate signs from now on")


def _serial(words: str | None) -> int | None:
    from media.errors import UsageError

    if words is None:
        return None
    try:
        number = int(words.replace(":", ""), 16)
    except ValueError:
        number = 0
    if number <= 0:
        raise UsageError(f"--serial {words}: not a serial number in hexadecimal; `vasari keys show` lists them")
    return number


def _serial_in(keys: "Keys", path: Path) -> int:
    """The serial number of a certificate of ours."""
    from media.errors import KeyMaterialError
    from provenance.trust.certificates import load_certificates
    from provenance.trust.generations import issuer_of, read

    found = load_certificates(read(path), str(path))[0]
    if issuer_of(found, keys.folder) is None:
        raise KeyMaterialError(f"{path}: was not issued by this maker, so it is not ours to revoke")
    return found.serial_number

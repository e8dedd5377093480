"""`vasari consent`: who may be shown speaking, for what, and until when."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from media.errors import UsageError
from media.words import plain
from vasari.progress import say

app = typer.Typer(help="Consent on file for portraits of somebody.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]


@app.command()
def grant(
    portrait: Annotated[Path, typer.Argument(help="The portrait it is about; the same file must be animated later.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Consent file to write, JSON.")],
    subject: Annotated[str, typer.Option(help="Who is shown.")],
    purpose: Annotated[str, typer.Option(help="What the person agreed to.")],
    until: Annotated[str, typer.Option(help="Last day it holds, YYYY-MM-DD, UTC.")],
    granted_by: Annotated[str, typer.Option("--by", help="Who grants it (default: the subject).")] = "",
    keys: Folder = None,
) -> None:
    """Write and sign a consent. Keep the person's own signature too: this file shows what you say they agreed to."""
    from provenance import Keys, grant_consent

    try:
        day = dt.date.fromisoformat(until)
    except ValueError as error:
        raise UsageError(f"--until {until}: not a day; write it as YYYY-MM-DD") from error
    consent = grant_consent(
        output,
        portrait=portrait,
        subject=subject,
        purpose=purpose,
        until=day,
        granted_by=granted_by or subject,
        keys=Keys.open(keys),
    )
    say(f"{output}: consent of {consent.subject} until {consent.valid_until}")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="Consent file.")],
    portrait: Annotated[Path | None, typer.Option(help="Check that it is about this portrait.")] = None,
    keys: Folder = None,
) -> None:
    """Show a consent and whether it holds today. Fails when it does not."""
    from provenance import Keys, load_consent, read_consent

    opened = Keys.open(keys, create=False)
    consent = read_consent(file, keys=opened)
    table = Table(title=escape(plain(str(file))), title_justify="left", show_header=False)
    for name, value in (
        ("subject", consent.subject),
        ("purpose", consent.purpose),
        ("granted by", f"{consent.granted_by}, {consent.granted_on:%Y-%m-%d}"),
        ("until", str(consent.valid_until)),
        ("portrait", f"SHA-256 {consent.portrait_sha256}"),
    ):
        table.add_row(name, escape(plain(value)))
    Console().print(table)
    if portrait is not None:
        load_consent(file, portrait=portrait, keys=opened)
    elif consent.valid_until < dt.datetime.now(dt.UTC).date():
        from media.errors import ConsentError

        raise ConsentError(f"{file}: consent of {consent.subject} expired on {consent.valid_until}; have it renewed")

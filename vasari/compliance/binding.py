"""A report in a folder: record and page, each signed; and whether they still are as they were signed.

bind(report, folder, keys)      a new folder appears whole, or nothing does
check(folder, ...)              raises unless both are whole, of one report, and signed by somebody trusted
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from media.errors import OutputError
from media.hashing import file_sha256
from media.words import as_json
from provenance.exits import EXIT_NOTHING, EXIT_TAMPERED
from provenance.make.papers import PaperError, check_paper, sign_paper
from provenance.make.save import check_authority
from provenance.read.verdict import Credentials
from provenance.read.verification import relied_on
from provenance.trust.keys import Keys
from vasari.compliance.page import of_record, page
from vasari.compliance.record import SCHEMA_VERSION, Report

RECORD, PAGE = "report.json", "report.html"
MIME = {RECORD: "application/json", PAGE: "text/html"}


@dataclass(frozen=True)
class Checked:
    """What holds."""

    report: Report
    credentials: Credentials  # of the record


def check_folder(folder: Path) -> None:
    """Refuse early a folder that holds anything: a report is of one release, and replaces nothing.

    Raises:
        OutputError.
    """
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read ({error.strerror})") from error
    if taken:
        raise OutputError(f"{folder}: is there already and holds something; name a new folder, one for each release")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.absolute().parent} does not exist; make it first")


def bind(report: Report, folder: Path, keys: Keys) -> list[str]:
    """Write and sign a report. Returns what is missing that was asked for (a time stamp), in words.

    Raises:
        OutputError: as `check_folder`, or it cannot be written.
        SigningError: as `provenance.save_video`. After any of them nothing is left but what was there.
    """
    check_folder(folder)
    check_authority(keys)
    beside = Path()
    try:
        beside = Path(tempfile.mkdtemp(prefix=".report-", dir=folder.absolute().parent))
        (beside / RECORD).write_text(as_json(report.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
        (beside / PAGE).write_text(page(report, file_sha256(beside / RECORD)), encoding="utf-8")
        notes = [sign_paper(beside / name, mime, keys=keys, command="comply") for name, mime in MIME.items()]
        beside.chmod(0o777 & ~_umask())
        os.replace(beside, folder)  # onto an empty folder at most
    except OSError as error:
        raise OutputError(f"{folder}: could not be written ({error.strerror or error})") from error
    finally:
        if beside.name:
            shutil.rmtree(beside, ignore_errors=True)
    return [note for note in dict.fromkeys(notes) if note]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check(
    folder: Path,
    keys: Keys | None,
    *,
    anchors: Sequence[Path] = (),
    revoked: Sequence[Path] = (),
    authorities: Sequence[Path] = (),
) -> Checked:
    """Whether a report is as a trusted maker signed it. Arguments as `provenance.verify`.

    Raises:
        UnreadableError: a file of it is missing.
        PaperError: it was altered, put together of two, or is not signed by somebody who is trusted now.
        KeyMaterialError: an anchor or a list cannot be read.
    """
    trust = relied_on(keys, anchors, revoked, authorities)
    said = [check_paper(folder / name, *trust) for name in MIME]
    if of_record(file_sha256(folder / RECORD)) not in (folder / PAGE).read_text("utf-8", "replace"):
        raise PaperError(
            f"{folder}: put together of two reports: {PAGE} is not of {RECORD}; get both again", EXIT_TAMPERED
        )
    try:
        report = Report.model_validate_json((folder / RECORD).read_bytes())
    except ValidationError as error:
        raise PaperError(
            f"{folder / RECORD}: signed, but not a report of this version of vasari", EXIT_NOTHING
        ) from error
    if report.schema_version != SCHEMA_VERSION:
        raise PaperError(
            f"{folder / RECORD}: of schema version {report.schema_version}, not {SCHEMA_VERSION}; check it with the "
            "vasari that made it", EXIT_NOTHING
        )  # fmt: skip
    return Checked(report, said[0])

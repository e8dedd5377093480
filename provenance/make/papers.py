"""Papers of a maker's own (reports, as JSON or HTML): signed as everything else is, with credentials in a file beside
each, NAME.c2pa, for neither type has room for them.

    sign_paper(path, "text/html", keys=keys)          with a time stamp where an authority is configured
    check_paper(path, anchors, lists, authorities)    raises `PaperError` unless it is as a trusted maker signed it
"""

import tempfile
from pathlib import Path

from media.errors import SigningError, UnreadableError
from media.words import quoted
from provenance.credentials import elsewhere, manifest
from provenance.exits import EXIT_NOTHING, EXIT_TAMPERED
from provenance.permits.claims import WRITTEN, Written, definition
from provenance.read.verdict import Credentials
from provenance.read.verification import read_credentials
from provenance.trust.keys import Keys
from provenance.trust.revocation import Revocations


class PaperError(UnreadableError):
    """A paper that does not count. `code`: the exit code, as `exits` has them."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code


def sign_paper(path: Path, mime: str, *, keys: Keys, command: str) -> str:
    """Write the credentials of a paper beside it. Returns why they bear no time stamp though one was asked for, else
    "".

    Raises:
        SigningError: as `save_video`.
        OutputError: they cannot be written.
    """
    said = definition(Written(command), title=path.name, mime=mime)
    with path.open("rb") as given, tempfile.TemporaryFile() as copy:
        store, unstamped = manifest.sign(
            given, copy, mime, said, keys.signer, authority=keys.authority, embed=False
        )  # fmt: skip
    if not manifest.holds(manifest.read_store(path, "", store)):
        raise SigningError(f"{path.name}: credentials over it do not hold")
    elsewhere.beside(path).write_bytes(store)
    return unstamped


def check_paper(path: Path, anchors_pem: str, revoked: Revocations, authorities_pem: str) -> Credentials:
    """What its credentials say.

    Raises:
        UnreadableError: there is no such file.
        PaperError: it was altered, is not signed, or not by somebody who is trusted, or their certificate has expired
            or was revoked and no trusted time stamp is from before.
    """
    if not path.is_file():
        raise UnreadableError(f"{path}: no such file; a report is signed whole, so get all of its files again")
    said = read_credentials(path, anchors_pem, revoked, authorities_pem)
    written = (said.source, said.action, said.digital_source_type) == ("sidecar", "c2pa.created", WRITTEN)
    if said.state in ("absent", "unreadable") or (said.state == "valid" and not written):
        beside = elsewhere.beside(path).name
        raise PaperError(
            f"{path}: not signed as a report ({beside} is missing, damaged or of something else)", EXIT_NOTHING
        )
    if said.state == "invalid":
        raise PaperError(f"{path}: altered since it was signed; get it again from who made it", EXIT_TAMPERED)
    if said.trust != "trusted":
        raise PaperError(f"{path}: signed, but {_doubt(said)}", EXIT_NOTHING)
    return said


def _doubt(said: Credentials) -> str:
    """Why a signature that is intact does not count."""
    if said.trust == "expired":
        return f"the certificate expired on {said.expired[:10]}, and no trusted time stamp is from before; sign it anew"
    if said.trust == "revoked":
        return f"the certificate was revoked ({said.revoked})"
    return f"by {quoted(said.signer)}, who is not trusted here; if they are to be, give their root: --anchor ROOT.pem"

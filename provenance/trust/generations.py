"""Signing keys by generation, and the authority that issues their certificates: files of the folder of keys.

    signing/0001.pem                    a generation: private key, certificate, the intermediate's; the highest signs
    root.pem, root.key                  development authority; root.pem is the trust anchor for others
    intermediate.pem, intermediate.key  issues the certificates that sign
    leaf.pem, leaf.key                  generation 0, in folders that earlier versions made
    lock                                held by whoever changes the folder; reading takes no lock

A key and its certificate are one file, written beside and renamed into place, so there is never one without the other.
When another generation takes over, what the old one has left is its certificates: they can be listed and revoked, and a
private key that signs no more can no more be stolen.
"""

import contextlib
import datetime as dt
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from media.errors import KeyMaterialError
from provenance.trust.certificates import RENEW_BEFORE, SKEW, Issued, issued_by, load_certificates, load_key, make_leaf
from provenance.trust.signers import LocalSigner

try:
    import fcntl  # not on every system
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
FOLDER, LOCK = "signing", "lock"
LOOKS = 5  # at a folder in which others are rotating keys


@dataclass(frozen=True)
class Generation:
    """A certificate that signs, or signed."""

    number: int
    chain: tuple[x509.Certificate, ...]  # its own first, then the intermediate's
    signs: bool  # the private key is still here

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]


@dataclass(frozen=True, repr=False)
class FolderSigner(LocalSigner):
    """Signs with the key of the newest generation of a folder."""

    folder: Path

    def ready(self) -> LocalSigner:
        """The signer to use now: one of a new generation where the certificate is in its last week."""
        if not due(self):
            return self
        try:
            return renewed(self.folder)
        except (OSError, KeyMaterialError) as error:
            log.warning("%s: the certificate that signs could not be renewed (%s)", self.folder, error)
            return self

    def __repr__(self) -> str:
        return f"FolderSigner(folder={str(self.folder)!r}, key=hidden)"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, alone among all processes, while it is changed.

    Raises:
        KeyMaterialError: it cannot be written.
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeyMaterialError(f"{folder}: keys cannot be changed here ({error.strerror})") from error
    try:
        if fcntl is None:  # pragma: no cover
            log.warning("%s: this system has no file locks; let one process at a time change keys", folder)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise KeyMaterialError(f"{folder}: keys cannot be changed here ({error.strerror})") from error
    finally:
        os.close(handle)  # which lets go of the lock


def write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, with its permissions set before the first byte is in it, and on the disk when
    this returns."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # systems whose folders cannot be opened
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyMaterialError(f"{path}: cannot be read ({error.strerror}); see `vasari keys show`") from error


def generations(folder: Path) -> list[Generation]:
    """All certificates that sign or signed for this folder, the oldest first."""
    found = [_generation(path, int(path.stem)) for path in _files(folder)]
    if (folder / "leaf.pem").exists() and not (found and found[0].number == 0):
        old = load_certificates(read(folder / "leaf.pem"), str(folder / "leaf.pem"))[:1]
        middle = folder / "intermediate.pem"
        chain = (*old, *load_certificates(read(middle), str(middle))[:1])
        found.insert(0, Generation(0, chain, not found and (folder / "leaf.key").exists()))
    return found


def current(folder: Path) -> FolderSigner:
    """Who signs for this folder now. Nothing is written.

    Raises:
        KeyMaterialError: there is no key, it is damaged, or is not that of its certificate.
    """
    for _ in range(LOOKS):
        files = _files(folder)
        try:
            if not files:
                return _first(folder)
            pem = read(files[-1])
            if b"PRIVATE KEY" in pem:
                return _signer(folder, pem, files[-1].name, load_certificates(pem, str(files[-1])))
            raise KeyMaterialError(f"{files[-1]}: holds no private key; restore the file from a backup")
        except KeyMaterialError as error:
            failure = error
        if _files(folder)[-1:] == files[-1:]:  # else another generation took over between the two looks
            break
    raise failure


def due(signer: LocalSigner) -> bool:
    """Whether its certificate is in its last week."""
    leaf = load_certificates(signer.chain_pem, "certificate")[0]
    return leaf.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_BEFORE + SKEW


def renewed(folder: Path) -> FolderSigner:
    """Who signs for this folder, with a certificate that is not in its last week: a new generation, where it is.

    Raises:
        KeyMaterialError: the folder cannot be written, or holds no authority.
    """
    with locked(folder):
        signer = current(folder)  # others may have been here while the lock was waited for
        leaf = load_certificates(signer.chain_pem, str(folder))[0]
        longer = issuing(folder).certificate.not_valid_after_utc > leaf.not_valid_after_utc + SKEW
        return succeed(folder) if due(signer) and longer else signer


def succeed(folder: Path) -> FolderSigner:
    """Begin a new generation; earlier ones keep their certificates alone. To be called with the lock held.

    Killed anywhere in here, the folder opens with either the old generation or the new one.
    """
    issuer, earlier = issuing(folder), generations(folder)
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    leaf = make_leaf(issuer)
    number = 1 + max((generation.number for generation in earlier), default=0)
    write(_path(folder, number), leaf.key_pem + leaf.certificate_pem + issuer.certificate_pem, 0o600)
    for generation in earlier:
        if generation.signs or not _path(folder, generation.number).exists():
            write(_path(folder, generation.number), _pem(generation.chain), 0o600)
    left = (folder / FOLDER).glob(".*.pem.*")  # by writers that were killed
    for path in (folder / "leaf.key", folder / "leaf.pem", *left):
        path.unlink(missing_ok=True)
    return current(folder)


def issuing(folder: Path, name: str = "intermediate") -> Issued:
    """ "root", or "intermediate", which issues what signs: certificate and private key.

    Raises:
        KeyMaterialError: one of them is missing or damaged.
    """
    source = folder / f"{name}.pem"
    pem = read(source)
    apart = folder / f"{name}.key"
    key, where = (pem, source) if b"PRIVATE KEY" in pem else (read(apart), apart)
    issued = Issued(load_certificates(pem, str(source))[0], load_key(key, str(where)))
    if issued.key.public_key() != issued.certificate.public_key():
        raise KeyMaterialError(f"{folder}: the private key of {name}.pem is not that of its certificate")
    return issued


def replace_authority(folder: Path, issued: Issued) -> None:
    """Have another intermediate issue what signs from now on. To be called with the lock held."""
    if (folder / "leaf.pem").exists():  # its chain is told by the intermediate that is there still
        succeed(folder)
    write(folder / "intermediate.pem", issued.key_pem + issued.certificate_pem, 0o600)
    (folder / "intermediate.key").unlink(missing_ok=True)


def issuer_of(certificate: x509.Certificate, folder: Path) -> x509.Certificate | None:
    """The authority of this folder, now or before, that issued a certificate; None for none."""
    known = [issuing(folder).certificate, issuing(folder, "root").certificate]
    known += [above for generation in generations(folder) for above in generation.chain[1:]]
    return next((authority for authority in known if issued_by(certificate, authority)), None)


def _path(folder: Path, number: int) -> Path:
    return folder / FOLDER / f"{number:04d}.pem"


def _files(folder: Path) -> list[Path]:
    found = [path for path in (folder / FOLDER).glob("*.pem") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _generation(path: Path, number: int) -> Generation:
    pem = read(path)
    return Generation(number, tuple(load_certificates(pem, str(path))), b"PRIVATE KEY" in pem)


def _first(folder: Path) -> FolderSigner:
    """Of a folder that an earlier version made."""
    source = folder / "leaf.pem"
    leaf = load_certificates(read(source), str(source))[:1]
    middle = folder / "intermediate.pem"
    chain = [*leaf, *load_certificates(read(middle), str(middle))[:1]]
    return _signer(folder, read(folder / "leaf.key"), "leaf.key and leaf.pem", chain)


def _signer(folder: Path, key_pem: bytes, source: str, chain: list[x509.Certificate]) -> FolderSigner:
    key = load_key(_private(key_pem), source)
    if key.public_key() != chain[0].public_key():
        raise KeyMaterialError(f"{folder}: {source}: key and certificate do not belong together")
    return FolderSigner(key, _pem(chain), folder)


def _private(pem: bytes) -> bytes:
    """The private key alone, of a file with certificates in it as well."""
    end = b"-----END PRIVATE KEY-----"
    return pem[: pem.index(end) + len(end)] if end in pem else pem


def _pem(chain: list[x509.Certificate] | tuple[x509.Certificate, ...]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)

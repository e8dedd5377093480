"""The folder of keys: certificates, the signing key or the command that reaches it, and the secret watermark key.

    root.pem, root.key                  development authority; root.pem is the trust anchor for others
    intermediate.pem, intermediate.key
    leaf.pem, leaf.key                  signs claims and consents; renewed by itself a week before it expires
    watermark.key                       32 secret bytes in hexadecimal: who holds them can read marks, and forge them
    watermark.retired                   optional: earlier watermark keys, one a line, oldest first; they read marks
    revoked.pem                         optional: list of signing certificates that count no more
    signer.json                         optional: {"command": [...], "chain": "chain.pem"} signs through a key service
    timestamp.json, timestamp.pem       optional: who stamps signatures with the time, and whose times are believed
    registry.sqlite                     which mark belongs to which output (see `registry`)

Private keys are readable by their owner alone. The folder is made on first need, whole or not at all.
"""

import contextlib
import datetime as dt
import fcntl
import json
import os
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from media.errors import KeyMaterialError
from provenance.certificates import (
    RENEW_BEFORE,
    SKEW,
    Issued,
    load_certificates,
    load_key,
    make_intermediate,
    make_leaf,
    make_root,
)
from provenance.revocation import FILE as REVOKED
from provenance.revocation import Revoked, make_list, read_revoked
from provenance.signers import CommandSigner, LocalSigner, Signer
from provenance.timestamps import ANCHORS as TIME_ANCHORS
from provenance.timestamps import FILE as AUTHORITY
from provenance.timestamps import Authority, read_authority

ENVIRONMENT = "VASARI_KEYS"
MARK_KEY_BYTES = 32
RETIRED = "watermark.retired"


def default_folder() -> Path:
    """$VASARI_KEYS, or ~/.config/vasari/keys (under $XDG_CONFIG_HOME where that is set)."""
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT]).expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "vasari" / "keys"


@dataclass(frozen=True, repr=False)
class Keys:
    """What a maker signs, stamps and marks with."""

    folder: Path
    signer: Signer
    anchor_pem: bytes  # root certificate that others may choose to trust
    mark_key: bytes  # 32 secret bytes, of marks that are laid
    created: bool = False  # the folder was made just now
    authority: Authority | None = None  # stamps signatures with the time
    retired: tuple[bytes, ...] = ()  # watermark keys of earlier marks, the latest first

    def __repr__(self) -> str:
        return f"Keys(folder={str(self.folder)!r}, secrets hidden)"

    @classmethod
    def open(cls, folder: Path | str | None = None, *, create: bool = True) -> "Keys":
        """Open a folder of keys; with `create`, make development keys there when it is empty or missing.

        Raises:
            KeyMaterialError: keys are missing (and `create` is false), damaged, or do not belong together.
        """
        folder = Path(folder) if folder else default_folder()
        created = False
        if not (folder / "watermark.key").exists():
            if not create:
                raise KeyMaterialError(f"{folder}: holds no keys; make development keys with `vasari keys create`")
            created = _create(folder)
        mark_key = _mark_key(folder / "watermark.key")
        anchor = _read(folder / "root.pem")
        signer = _remote_signer(folder) if (folder / "signer.json").exists() else _local_signer(folder)
        retired = tuple(key for key in _retired(folder / RETIRED) if key != mark_key)
        return cls(folder, signer, anchor, mark_key, created, read_authority(folder), retired)

    @property
    def mark_keys(self) -> tuple[bytes, ...]:
        """All watermark keys that marks are looked for with: that of new ones first."""
        return (self.mark_key, *self.retired)

    def stamped_by(self, authority: Authority | None) -> "Keys":
        """The same keys, with signatures stamped by another authority, or by none; the folder stays as it is."""
        return replace(self, authority=authority)

    def set_authority(self, authority: Authority | None, anchors_pem: bytes = b"") -> "Keys":
        """Have all signatures stamped from now on, or no more; the folder remembers it.

        Args:
            anchors_pem: root certificates of authorities whose times this maker believes; b"" leaves them as they are.

        Raises:
            KeyMaterialError: these are no certificates.
        """
        if anchors_pem:
            load_certificates(anchors_pem, "root certificate of the time-stamp authority")
            _write(self.folder / TIME_ANCHORS, anchors_pem, 0o644)
        if authority is None:
            (self.folder / AUTHORITY).unlink(missing_ok=True)
        else:
            settings = {"url": authority.url, "required": authority.required}
            _write(self.folder / AUTHORITY, json.dumps(settings).encode() + b"\n", 0o644)
        return self.stamped_by(authority)

    @property
    def chain(self) -> list[x509.Certificate]:
        """Leaf first."""
        return load_certificates(self.signer.chain_pem, str(self.folder))

    @property
    def expires(self) -> dt.datetime:
        """When the signing certificate stops being valid, UTC."""
        return self.chain[0].not_valid_after_utc

    def rotate(self) -> "Keys":
        """Sign with a new key and certificate from now on; what the old one signed stays valid.

        Raises:
            KeyMaterialError: the signing key is behind a command, and not ours to change.
        """
        _write_issued(self.folder, "leaf", make_leaf(self._issuer()))
        return Keys.open(self.folder, create=False)

    def rotate_mark_key(self) -> "Keys":
        """Lay marks with a new watermark key from now on; those of the old one are still read.

        Raises:
            KeyMaterialError: the folder cannot be written.
        """
        path = self.folder / "watermark.key"
        try:
            handle = os.open(self.folder / RETIRED, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(handle, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # of two at once neither may lose the other's key
                file.seek(0, os.SEEK_END)
                file.write(_mark_key(path).hex().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())  # the old key is safe before the new one takes its place
                _write(path, secrets.token_hex(MARK_KEY_BYTES).encode() + b"\n", 0o600)
        except OSError as error:
            raise KeyMaterialError(f"{self.folder}: the key cannot be rotated ({error.strerror})") from error
        return Keys.open(self.folder, create=False)

    def revoke(self, reason: str = "key_compromise", since: dt.datetime | None = None) -> Revoked:
        """Let the signing certificate count no more, and sign with a new one from now on. Of what it signed, only that
        counts on which a trusted time stamp lies from before.

        Args:
            reason: as RFC 5280 names it, "key_compromise", "superseded" ...
            since: when the key went astray, if that is known to be earlier than now; with a time zone.

        Raises:
            KeyMaterialError: as `rotate`, there is no such reason, or `since` lies ahead.
        """
        if reason not in x509.ReasonFlags.__members__:
            raise KeyMaterialError(f"{reason}: no reason; choose one of {', '.join(x509.ReasonFlags.__members__)}")
        authority, leaf = self._issuer(), self.chain[0]
        earlier = read_revoked(self.lists, self.anchor_pem.decode())
        name = str(authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        if since is not None and since > now:
            raise KeyMaterialError(f"{since:%Y-%m-%d %H:%M}: lies ahead; a key is revoked from now, or from before")
        entry = Revoked(name, leaf.serial_number, now, reason, since)
        _write(self.folder / REVOKED, make_list(authority, {**earlier, (name, entry.serial): entry}), 0o644)
        self.rotate()
        return entry

    @property
    def lists(self) -> list[Path]:
        """This maker's own list of revoked certificates, where there is one."""
        path = self.folder / REVOKED
        return [path] if path.exists() else []

    @property
    def time_anchors(self) -> list[Path]:
        """The file with root certificates of time-stamp authorities that this maker believes, where there is one."""
        path = self.folder / TIME_ANCHORS
        return [path] if path.exists() else []

    def _issuer(self) -> Issued:
        if not isinstance(self.signer, LocalSigner):
            raise KeyMaterialError(
                f"{self.folder}: signs through a command; who issued its certificate renews and revokes it"
            )
        source = self.folder / "intermediate.pem"
        certificate = load_certificates(_read(source), str(source))[0]
        return Issued(certificate, load_key(_read(source.with_suffix(".key")), str(source.with_suffix(".key"))))


def _create(folder: Path) -> bool:
    """Make all keys in a folder beside, then rename it into place: nobody ever sees half of them."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KeyMaterialError(
            f"{folder}: is in use but holds no watermark.key; choose another folder or restore the key"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".vasari-keys-", dir=folder.parent))
    except OSError as error:
        raise KeyMaterialError(f"{folder}: keys cannot be made here ({error.strerror})") from error
    try:
        root = make_root()
        intermediate = make_intermediate(root)
        for name, issued in (("root", root), ("intermediate", intermediate), ("leaf", make_leaf(intermediate))):
            _write_issued(beside, name, issued)
        _write(beside / "watermark.key", secrets.token_hex(MARK_KEY_BYTES).encode() + b"\n", 0o600)
        os.replace(beside, folder)
    except OSError as error:
        if (folder / "watermark.key").exists():
            return False  # another process was first; its keys are as good
        raise KeyMaterialError(f"{folder}: keys cannot be made here ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            for file in beside.iterdir():
                file.unlink()
            beside.rmdir()
    return True


def _write_issued(folder: Path, name: str, issued: Issued) -> None:
    _write(folder / f"{name}.pem", issued.certificate_pem, 0o644)
    _write(folder / f"{name}.key", issued.key_pem, 0o600)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write with the permissions set before the first byte is in the file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyMaterialError(f"{path}: cannot be read ({error.strerror}); see `vasari keys show`") from error


def _mark_key(path: Path) -> bytes:
    return _parsed(_read(path).strip(), str(path))


def _retired(path: Path) -> list[bytes]:
    """Each once, the latest first."""
    lines = _read(path).split() if path.exists() else []
    return list(dict.fromkeys(_parsed(line, str(path)) for line in reversed(lines)))


def _parsed(line: bytes, source: str) -> bytes:
    try:
        key = bytes.fromhex(line.decode("ascii"))
    except ValueError as error:
        raise KeyMaterialError(f"{source}: not a watermark key (64 hexadecimal digits)") from error
    if len(key) != MARK_KEY_BYTES:
        raise KeyMaterialError(f"{source}: {len(key)} bytes; a watermark key has {MARK_KEY_BYTES}")
    return key


def _local_signer(folder: Path) -> LocalSigner:
    leaf = load_certificates(_read(folder / "leaf.pem"), str(folder / "leaf.pem"))[0]
    middle_pem = _read(folder / "intermediate.pem")
    if leaf.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_BEFORE + SKEW:
        middle = load_certificates(middle_pem, str(folder / "intermediate.pem"))[0]
        middle_key = load_key(_read(folder / "intermediate.key"), str(folder / "intermediate.key"))
        renewed = make_leaf(Issued(middle, middle_key))
        _write_issued(folder, "leaf", renewed)
        leaf = renewed.certificate
    key = load_key(_read(folder / "leaf.key"), str(folder / "leaf.key"))
    if key.public_key() != leaf.public_key():
        raise KeyMaterialError(f"{folder}: leaf.key and leaf.pem do not belong together")
    return LocalSigner(key, leaf.public_bytes(Encoding.PEM) + middle_pem)


def _remote_signer(folder: Path) -> CommandSigner:
    source = folder / "signer.json"
    try:
        settings = json.loads(_read(source))
        command, chain = [str(word) for word in settings["command"]], folder / settings["chain"]
    except (ValueError, KeyError, TypeError) as error:
        raise KeyMaterialError(
            f'{source}: needs {{"command": ["program", "argument"], "chain": "file.pem"}}'
        ) from error
    if not command:
        raise KeyMaterialError(f"{source}: the command is empty")
    pem = _read(chain)
    load_certificates(pem, str(chain))
    return CommandSigner(command, pem)

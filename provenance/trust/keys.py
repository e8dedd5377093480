"""The folder of keys: certificates, the signing key or the command that reaches it, and the secret watermark key.

    root.pem, root.key                  development authority; root.pem is the trust anchor for others
    intermediate.pem, intermediate.key  issues the certificates that sign
    signing/0001.pem                    private key and certificate that sign claims and consents, the highest number
                                        now; of those before it the certificates (see `generations`)
    watermark.key                       32 secret bytes in hexadecimal: who holds them can read marks, and forge them
    watermark.retired                   optional: earlier watermark keys, one a line, oldest first; they read marks
    revoked.pem                         optional: lists of certificates that were revoked (see `revocation`)
    signer.json                         optional: {"command": [...], "chain": "chain.pem"} signs through a key service
    timestamp.json, timestamp.pem       optional: who stamps signatures with the time, and whose times are believed
    registry.sqlite                     which mark belongs to which output (see `registry`)
    lock                                held by whoever changes the folder

Private keys are readable by their owner alone. The folder is made on first need, whole or not at all. Whoever opens it
writes nothing: a certificate is renewed by `renew`, or by the signer itself when it signs in its last week.
"""

import datetime as dt
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509

from media.errors import KeyMaterialError
from provenance.trust.certificates import Issued, issued_by, load_certificates, make_intermediate, make_root
from provenance.trust.generations import (
    Generation,
    current,
    due,
    generations,
    issuing,
    locked,
    read,
    renewed,
    replace_authority,
    succeed,
    write,
)
from provenance.trust.revocation import FILE as REVOKED
from provenance.trust.revocation import Revocations, Revoked, read_revoked, with_entry
from provenance.trust.signers import CommandSigner, LocalSigner, Signer
from provenance.trust.timestamps import ANCHORS as TIME_ANCHORS
from provenance.trust.timestamps import FILE as AUTHORITY
from provenance.trust.timestamps import Authority, read_authority

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
        anchor = read(folder / "root.pem")
        signer = _remote_signer(folder) if (folder / "signer.json").exists() else current(folder)
        retired = tuple(key for key in _retired(folder / RETIRED) if key != mark_key)
        return cls(folder, signer, anchor, mark_key, created, read_authority(folder), retired)

    @classmethod
    def own(cls) -> "Keys | None":
        """The maker's own, where there are any; nothing is made. Raises `KeyMaterialError` for damaged ones."""
        folder = default_folder()
        return cls.open(folder, create=False) if (folder / "watermark.key").exists() else None

    @property
    def mark_keys(self) -> tuple[bytes, ...]:
        """All watermark keys that marks are looked for with: that of new ones first."""
        return (self.mark_key, *self.retired)

    def check_own(self) -> None:
        """Raise `KeyMaterialError` unless these are the keys of their folder, not put together from several: marks that
        its owner can read, and the root whose lists are looked at."""
        if self.anchor_pem != read(self.folder / "root.pem"):
            raise KeyMaterialError(f"{self.folder}: the root certificate is not the folder's; open the folder again")
        own = (_mark_key(self.folder / "watermark.key"), *_retired(self.folder / RETIRED))
        if type(self.mark_key) is not bytes or self.mark_key not in own:
            raise KeyMaterialError(
                f"{self.folder}: the watermark key is not the folder's, so its owner could not read marks"
            )

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
        with locked(self.folder):
            if anchors_pem:
                write(self.folder / TIME_ANCHORS, anchors_pem, 0o644)
            if authority is None:
                (self.folder / AUTHORITY).unlink(missing_ok=True)
            else:
                settings = {"url": authority.url, "required": authority.required}
                write(self.folder / AUTHORITY, json.dumps(settings).encode() + b"\n", 0o644)
        return self.stamped_by(authority)

    @property
    def chain(self) -> list[x509.Certificate]:
        """Leaf first."""
        return load_certificates(self.signer.chain_pem, str(self.folder))

    @property
    def expires(self) -> dt.datetime:
        """When the signing certificate stops being valid, UTC."""
        return self.chain[0].not_valid_after_utc

    @property
    def generations(self) -> list[Generation]:
        """The certificates that sign or signed, as far as they are in the folder, the oldest first; none where a key
        service signs."""
        return generations(self.folder) if isinstance(self.signer, LocalSigner) else []

    def renew(self) -> "Keys":
        """Sign with a new key and certificate from now on where the certificate is in its last week; and sign this
        maker's lists of revoked certificates anew, that they be up to date for another year.

        Raises:
            KeyMaterialError: as `rotate`.
        """
        if due(self._check_local()):
            renewed(self.folder)
        with locked(self.folder):
            if self.lists:
                write(self.folder / REVOKED, with_entry(self.lists[0].read_bytes(), self._authorities()), 0o644)
        return Keys.open(self.folder, create=False)

    def rotate(self) -> "Keys":
        """Sign with a new key and certificate from now on; what the old one signed stays valid. The old private key is
        deleted.

        Raises:
            KeyMaterialError: the signing key is behind a command, and not ours to change; the folder cannot be written.
        """
        self._check_local()
        with locked(self.folder):
            succeed(self.folder)
        return Keys.open(self.folder, create=False)

    def rotate_mark_key(self) -> "Keys":
        """Lay marks with a new watermark key from now on; those of the old one are still read.

        Raises:
            KeyMaterialError: the folder cannot be written.
        """
        path = self.folder / "watermark.key"
        with locked(self.folder):  # of two at once neither may lose the other's key
            old = read(self.folder / RETIRED) if (self.folder / RETIRED).exists() else b""
            write(self.folder / RETIRED, old + _mark_key(path).hex().encode() + b"\n", 0o600)
            write(path, secrets.token_hex(MARK_KEY_BYTES).encode() + b"\n", 0o600)
        return Keys.open(self.folder, create=False)

    def revoke(
        self, reason: str = "key_compromise", since: dt.datetime | None = None, *, serial: int | None = None
    ) -> Revoked:
        """Let a certificate count no more: that which signs now, an earlier one, or the intermediate and with it all
        that it issued. Of what it signed, only that counts on which a trusted time stamp lies from before. Where that
        which signs now is hit, a new one signs from now on.

        Args:
            reason: as RFC 5280 names it, "key_compromise", "superseded" ...
            since: when the key went astray, if that is known to be earlier than now; with a time zone.
            serial: of the certificate; that which signs now when left out.

        Raises:
            KeyMaterialError: as `rotate`, there is no such reason, `since` lies ahead, or nobody here can revoke it.
        """
        if reason not in x509.ReasonFlags.__members__:
            raise KeyMaterialError(f"{reason}: no reason; choose one of {', '.join(x509.ReasonFlags.__members__)}")
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        if since is not None and since > now:
            raise KeyMaterialError(f"{since:%Y-%m-%d %H:%M}: lies ahead; a key is revoked from now, or from before")
        self._check_local()
        with locked(self.folder):
            chain = load_certificates(current(self.folder).chain_pem, str(self.folder))
            serial = chain[0].serial_number if serial is None else serial
            issuer = self._issuer_of(serial, chain)
            before = self.lists[0].read_bytes() if self.lists else b""
            known = self._revocations().entry(issuer.certificate, serial)
            entry = Revoked.by(issuer.certificate, serial, known.when if known else now, reason, since)
            write(self.folder / REVOKED, with_entry(before, self._authorities(), issuer.certificate, entry), 0o644)
            self._recover(chain)
        return entry

    def _recover(self, chain: list[x509.Certificate]) -> None:
        """Sign with what is not revoked."""
        gone = self._revocations()
        if gone.entry(issuing(self.folder, "root").certificate, issuing(self.folder).certificate.serial_number):
            replace_authority(self.folder, make_intermediate(issuing(self.folder, "root")))
        if gone.of_chain(chain):
            succeed(self.folder)

    def _issuer_of(self, serial: int, chain: list[x509.Certificate]) -> Issued:
        """The authority that revokes a certificate of ours.

        Raises:
            KeyMaterialError: nobody can: it is the root's, or was issued by an intermediate that is gone.
        """
        root, middle = issuing(self.folder, "root"), issuing(self.folder)
        if serial == root.certificate.serial_number:
            raise KeyMaterialError(
                f"{self.folder}: serial number {serial:x} is the root's, which no list can revoke; whoever trusts it "
                "has to drop it, and `vasari keys create` makes another maker in another folder"
            )
        all_known = [*chain, middle.certificate, *(c for g in generations(self.folder) for c in g.chain)]
        certificate = next((c for c in all_known if c.serial_number == serial), None)
        if certificate is None or issued_by(certificate, middle.certificate):
            return middle
        if issued_by(certificate, root.certificate):
            return root
        raise KeyMaterialError(
            f"{self.folder}: serial number {serial:x} was issued by an intermediate that is revoked, and all it issued"
        )

    def _authorities(self) -> list[Issued]:
        """Those that sign lists here."""
        return [issuing(self.folder), issuing(self.folder, "root")]

    def _revocations(self) -> Revocations:
        return read_revoked(self.lists, self.anchor_pem.decode())

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

    def _check_local(self) -> LocalSigner:
        if not isinstance(self.signer, LocalSigner):
            raise KeyMaterialError(
                f"{self.folder}: signs through a command; who issued its certificate renews and revokes it"
            )
        return self.signer


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
        for name, issued in (("root", root), ("intermediate", intermediate)):
            _write_issued(beside, name, issued)
        succeed(beside)
        write(beside / "watermark.key", secrets.token_hex(MARK_KEY_BYTES).encode() + b"\n", 0o600)
        os.replace(beside, folder)
    except OSError as error:
        if (folder / "watermark.key").exists():
            return False  # another process was first; its keys are as good
        raise KeyMaterialError(f"{folder}: keys cannot be made here ({error.strerror})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return True


def _write_issued(folder: Path, name: str, issued: Issued) -> None:
    write(folder / f"{name}.pem", issued.certificate_pem, 0o644)
    write(folder / f"{name}.key", issued.key_pem, 0o600)


def _mark_key(path: Path) -> bytes:
    return _parsed(read(path).strip(), str(path))


def _retired(path: Path) -> list[bytes]:
    """Each once, the latest first."""
    lines = read(path).split() if path.exists() else []
    return list(dict.fromkeys(_parsed(line, str(path)) for line in reversed(lines)))


def _parsed(line: bytes, source: str) -> bytes:
    try:
        key = bytes.fromhex(line.decode("ascii"))
    except ValueError as error:
        raise KeyMaterialError(f"{source}: not a watermark key (64 hexadecimal digits)") from error
    if len(key) != MARK_KEY_BYTES:
        raise KeyMaterialError(f"{source}: {len(key)} bytes; a watermark key has {MARK_KEY_BYTES}")
    return key


def _remote_signer(folder: Path) -> CommandSigner:
    source = folder / "signer.json"
    try:
        settings = json.loads(read(source))
        command, chain = [str(word) for word in settings["command"]], folder / settings["chain"]
    except (ValueError, KeyError, TypeError) as error:
        raise KeyMaterialError(
            f'{source}: needs {{"command": ["program", "argument"], "chain": "file.pem"}}'
        ) from error
    if not command:
        raise KeyMaterialError(f"{source}: the command is empty")
    pem = read(chain)
    load_certificates(pem, str(chain))
    return CommandSigner(command, pem)

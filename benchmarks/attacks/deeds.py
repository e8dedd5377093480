"""What is done to keys, lists, consents, kept answers and the gate itself, rather than to a file. Each deed says
whether what followed was right, and what was said."""

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.attacks.rows import Scene
from media.errors import VasariError
from media.hashing import file_sha256
from media.units import SAMPLES_PER_FRAME
from provenance import Consent, Generated, Growing, Keys, Permit, Recorded, grant_consent, save_live, save_video, verify
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING
from provenance.trust.certificates import Issued
from provenance.trust.generations import issuing
from provenance.trust.keys import ENVIRONMENT

COARSEST = 51  # CRF


@dataclass(frozen=True)
class Deed:
    """One attack."""

    name: str
    done: Callable[[Scene], tuple[bool, str]]  # whether what followed is right, and what was said


def _keys(scene: Scene, name: str) -> Keys:
    """The maker's keys once more, in a folder of their own."""
    shutil.copytree(scene.made.keys.folder, scene.path(name))
    return Keys.open(scene.path(name))


def _stale_answer(scene: Scene) -> tuple[bool, str]:
    """An answer that was kept before the certificate was revoked is asked for again."""
    keys, kept = _keys(scene, "kept"), scene.path("answers.jsonl")

    def ask() -> int:
        command = [sys.executable, "-m", "vasari", "verify", str(scene.one), "-o", str(kept)]
        environment = os.environ | {ENVIRONMENT: str(keys.folder)}
        return subprocess.run(command, env=environment, capture_output=True).returncode

    before = ask()
    keys.revoke("superseded")
    after = ask()
    return (before, after) == (EXIT_KNOWN, EXIT_NOTHING), f"exit code {before}, after the revocation {after}"


def _asked(scene: Scene, keys: Keys, expected: int, **more) -> tuple[bool, str]:
    verdict = verify(scene.one, keys=keys, **more)
    return verdict.exit_code == expected, verdict.summary


def _revoked_intermediate(scene: Scene) -> tuple[bool, str]:
    keys = _keys(scene, "middle")
    keys.revoke("ca_compromise", serial=keys.chain[1].serial_number)
    return _asked(scene, Keys.open(keys.folder), EXIT_NOTHING)


def _leaked_leaf(scene: Scene) -> tuple[bool, str]:
    """The key was changed first, and then it turned out that the old one had leaked."""
    keys = _keys(scene, "leaked")
    leaked = keys.chain[0].serial_number
    keys.rotate().revoke("key_compromise", serial=leaked)
    return _asked(scene, Keys.open(keys.folder), EXIT_NOTHING)


def _foreign_list(scene: Scene) -> tuple[bool, str]:
    """A maker who is trusted too lists the serial number of this maker's certificate."""
    path = scene.path("foreign.pem")
    path.write_bytes(_listed(issuing(scene.stranger.folder), scene.made.keys.chain[0].serial_number))
    return _asked(scene, scene.made.keys, EXIT_KNOWN, anchors=[scene.stranger.folder / "root.pem"], revoked=[path])


def _listed(authority: Issued, serial: int) -> bytes:
    """A list that the library itself would not make: of a certificate that somebody else issued."""
    now = dt.datetime.now(dt.UTC)
    item = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    signed = builder.last_update(now).next_update(now + dt.timedelta(days=1)).add_revoked_certificate(item)
    return signed.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM) + authority.certificate_pem


def _refused(work: Callable[[], object]) -> tuple[bool, str]:
    try:
        work()
    except VasariError as error:
        return True, str(error)
    return False, "accepted"


def _somebody(scene: Scene) -> Path:
    """A portrait that is known to nobody."""
    path = scene.path("victim.png")
    data = scene.made.portrait.read_bytes()
    path.write_bytes(data + b"\0")
    return path


def _forged_consent(scene: Scene) -> tuple[bool, str]:
    """Signed with a copy of a key that was stolen, after its revocation."""
    victim, path = _somebody(scene), scene.path("forged.json")
    stolen = _keys(scene, "stolen")
    stolen.revoke("key_compromise")
    until = dt.date.today() + dt.timedelta(days=1)
    old = replace(scene.made.keys, folder=stolen.folder)
    grant_consent(path, portrait=victim, subject="V", purpose="-", until=until, granted_by="-", keys=old)
    return _refused(lambda: Permit.of(victim, keys=Keys.open(stolen.folder), consent=path))


def _unsigned_consent(scene: Scene) -> tuple[bool, str]:
    victim = _somebody(scene)
    consent = Consent(
        subject="V", purpose="-", portrait_sha256=file_sha256(victim), valid_until=dt.date.max, granted_by="-",
        granted_on=dt.datetime.now(dt.UTC), certificates="", signature="",
    )  # fmt: skip
    return _refused(lambda: Permit.of(victim, keys=scene.made.keys, consent=consent))


def _unreadable_mark(scene: Scene) -> tuple[bool, str]:
    """Coded so coarsely that no mark would be left."""
    frames, sound = scene.made.clips[0]
    saved = save_video(scene.path("coarse.mp4"), scene.made.shown(frames, sound), crf=COARSEST)
    verdict = verify(saved.path, keys=scene.made.keys)
    return verdict.picture_mark.message == saved.mark, ", ".join(saved.notes) or "as it was asked for"


def _growing_copy(scene: Scene) -> tuple[bool, str]:
    frames, sound = scene.made.clips[0]
    pieces = np.split(sound, range(SAMPLES_PER_FRAME, len(sound), SAMPLES_PER_FRAME))
    moments = (_Moment(*pair) for pair in zip(frames, pieces, strict=False))
    copy = scene.path("copy.mp4")
    save_live(scene.path("closed.mp4"), scene.made.shown(moments), Growing(copy))
    if not copy.exists():
        return True, "removed"
    verdict = verify(copy, keys=scene.made.keys)
    return verdict.exit_code == EXIT_KNOWN, verdict.summary


@dataclass(frozen=True)
class _Moment:
    frame: np.ndarray
    sound: np.ndarray


def _another_face(scene: Scene) -> tuple[bool, str]:
    """A permit for a person who does not exist, spent on frames of somebody else."""
    others = [path for path in sorted(scene.made.portrait.parent.glob("*.png")) if path != scene.made.portrait]
    frames = [Permit.of(others[0], keys=scene.made.keys).picture] * 10
    allowed = Permit.of(scene.made.portrait, keys=scene.made.keys)
    return _refused(lambda: save_video(scene.path("other.mp4"), allowed.perform(Generated, frames, command="x")))


def _called_recorded(scene: Scene) -> tuple[bool, str]:
    """What was generated from a portrait, claimed as what a camera took."""
    victim, path = _somebody(scene), scene.path("victim.json")
    until = dt.date.today() + dt.timedelta(days=1)
    grant_consent(path, portrait=victim, subject="V", purpose="-", until=until, granted_by="-", keys=scene.made.keys)
    allowed = Permit.of(victim, keys=scene.made.keys, consent=path)
    frames = scene.made.clips[0][0]
    return _refused(lambda: save_video(scene.path("recorded.mp4"), allowed.perform(Recorded, frames, command="x")))


DEEDS = [
    Deed("stale_answer", _stale_answer),
    Deed("revoked_intermediate", _revoked_intermediate),
    Deed("leaked_leaf_after_rotation", _leaked_leaf),
    Deed("foreign_list", _foreign_list),
    Deed("forged_consent", _forged_consent),
    Deed("unsigned_consent", _unsigned_consent),
    Deed("unreadable_mark", _unreadable_mark),
    Deed("growing_copy", _growing_copy),
    Deed("another_face_under_a_permit", _another_face),
    Deed("generated_called_recorded", _called_recorded),
]

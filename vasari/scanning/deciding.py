"""What decides an answer besides the file it is about: another answer may be due as soon as any of it is another.

Each is a name for people and a short mark of the contents: `{"version": "0.1.0", "lists of revoked certificates":
"4be1..."}`. Where a file lies and what it is called makes no difference. The registry of marks is left out, since every
output changes it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

from media.errors import WeightsError

DIGITS = 16  # of a mark
Deciding = Mapping[str, str]


def program() -> dict[str, str]:
    """The version of vasari."""
    try:
        return {"version": version("vasari")}
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return {"version": "unknown"}


def verifying(
    folder: Path | None,
    anchors: Iterable[Path] = (),
    revoked: Iterable[Path] = (),
    authorities: Iterable[Path] = (),
    hosts: Iterable[str] = (),
) -> dict[str, str]:
    """Of `provenance.verify`; arguments as of `vasari.commands.verify.opening`.

    Raises:
        KeyMaterialError: keys, an anchor or a list cannot be read.
    """
    from provenance import Keys
    from provenance.marks.identity import key_id
    from provenance.marks.picture import WEIGHTS
    from provenance.read.verification import read_anchors
    from provenance.trust.generations import read
    from provenance.trust.revocation import read_revoked

    keys = None if folder is None else Keys.open(folder, create=False)
    lists = [*(keys.lists if keys else ()), *revoked]
    clocks = [*(keys.time_anchors if keys else ()), *authorities]
    trusted = read_anchors(keys, anchors)
    overdue = {listed.authority.fingerprint(SHA256()) for listed in read_revoked(lists, trusted).overdue()}
    return program() | {
        "trusted roots": marked(trusted.encode()),
        "lists of revoked certificates": marked(*sorted(read(Path(path)) for path in lists)),
        "lists that were to be renewed": marked(*sorted(overdue)),
        "roots of time-stamp authorities": marked(read_anchors(None, clocks).encode()),
        "watermark keys": marked(*(key_id(key).encode() for key in (keys.mark_keys if keys else ()))),
        "hosts that are asked": marked(*(host.encode() for host in sorted(hosts))),
        "watermark weights": weights(WEIGHTS),
    }


def detecting(
    weight_file: Path | None,
    point: str,
    longest: float | None,
    profile: Path | None = None,
    person: Path | None = None,
) -> dict[str, str]:
    """Of the detector; arguments as of `vasari.commands.detect.opening`, which has read profile and person.

    Raises:
        WeightsError: weights cannot be read.
    """
    from detect.detector import WEIGHTS

    looked_at = "all" if longest is None else f"{longest:g}"
    return tracking() | {
        "detector weights": weights(weight_file or WEIGHTS), "threshold": point, "seconds looked at": looked_at,
        "profile": "-" if profile is None else marked(profile.read_bytes()),
        "person": "-" if person is None else marked(person.read_bytes()),
    }  # fmt: skip


def tracking() -> dict[str, str]:
    """Of the tracker."""
    from faces.finder import WEIGHTS

    files = [p for p in WEIGHTS.parent.iterdir() if p.suffix in (".onnx", ".safetensors")]
    return program() | {"tracker weights": weights(*sorted(files))}


def weights(*paths: Path) -> str:
    """By the contents of the files.

    Raises:
        WeightsError: one of them cannot be read.
    """
    contents = []
    for path in paths:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise WeightsError(f"{path}: weights cannot be read; reinstall vasari") from error
    return marked(*contents)


def marked(*parts: bytes) -> str:
    """The mark of these contents; of none, "-"."""
    if not any(parts):
        return "-"
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:DIGITS]


def differing(one: Deciding, other: Deciding) -> list[str]:
    """The names of what is not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))

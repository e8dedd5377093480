"""What a permit stands on, checked: whose picture a file is, what its licence says, whether a camera took it.

opened(path)                       hash, picture and bytes of a portrait, read once
made_here(path, data, keys, ...)   whether this maker rendered it, of a person who does not exist
licence_of(stated)                 the licence that a data set's file names
check_own(person)                  a person drawn by the renderer's own parts, which draw nobody
check_camera(subject, keys)        nothing in a file says that it was generated
"""

import io
import re
import tempfile
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from media.errors import ConsentError, OutputError, UnreadableError, UsageError
from media.hashing import bytes_sha256, file_sha256
from media.pictures import check_file, read_picture
from media.probing import probe
from provenance.permits.claims import MAKING
from provenance.permits.subjects import Consented, NonExistent, Subject
from provenance.registry import Registry, open_registry
from provenance.trust.keys import Keys

LICENCES = re.compile(r"\bCC[- ]?BY(?:[- ]SA)?(?:[- ]\d\.\d)?\b|\bCC0(?:[- ]1\.0)?\b|\bpublic domain\b", re.IGNORECASE)
"""Licences that let altered forms be made and shown."""
RESERVED = re.compile(
    r"\bN[CD]\b|non-?\s?commercial|no-?\s?deriv|all rights reserved|\bnot (?:\w+ ){0,2}(?:licen[cs]ed|in the public)",
    re.IGNORECASE,
)
"""Words of those that do not, and of what is under none."""


PLAIN = (type(None), bool, int, float, str, bytes, np.ndarray)  # values that say one thing only


def licence_of(stated: Path) -> str:
    """The licence that a text file names, "CC-BY 4.0".

    Raises:
        UnreadableError: the file cannot be read.
        ConsentError: it names none that lets altered forms be made and shown.
    """
    check_file(stated)
    text = re.sub(r"[\u2010-\u2015\u2212_]", "-", stated.read_text("utf-8", errors="replace"))
    found = LICENCES.search(text)
    if found is None or RESERVED.search(text):
        raise ConsentError(
            f"{stated}: names no licence that lets altered pictures be made (CC-BY, CC0, public domain); give the "
            "file that states the licence of the data set"
        )
    return " ".join(found[0].split())


def check_own(value: Any) -> None:
    """Raise `UsageError` where a part of a rendered person is not of the renderer's own kinds: these draw nobody."""
    if isinstance(value, tuple | list):
        for part in value:
            check_own(part)
    elif is_dataclass(value) and type(value).__module__.startswith(("faces.", "lab.people.")):
        for field in fields(value):
            check_own(getattr(value, field.name))
    elif type(value) not in PLAIN and not isinstance(value, np.generic | Enum):
        raise UsageError(f"a rendered person made of {type(value).__name__}: only the renderer's own parts draw nobody")


def made_here(path: Path, data: bytes, keys: Keys, registry: Registry | None) -> bool:
    """Whether these bytes are a picture that this maker rendered of a person who does not exist: the registry knows
    them, and their credentials, intact and trusted, say so."""
    registry = open_registry(keys.folder) if registry is None else registry
    if type(registry) is not Registry:
        raise TypeError(f"a {type(registry).__name__} is no registry of this maker's outputs")
    try:
        entry = registry.by_file(bytes_sha256(data))
    except OutputError:
        return False
    if entry is None or not entry.nobody:
        return False
    from provenance.read.verification import believed

    with tempfile.TemporaryDirectory() as folder:  # the file itself may have been exchanged since it was read
        copy = Path(folder) / f"portrait{path.suffix.lower()}"
        copy.write_bytes(data)
        store = believed(copy, keys)
    making = ((store or {}).get("manifest", {}).get("assertions") or {}).get(MAKING) or {}
    return making.get("person") == NonExistent.person and making.get("claim") == "rendered"


_looked: dict[tuple[str, bytes], str] = {}  # of (SHA-256, watermark key), why a file is no camera's, "" where it may be


def check_camera(subject: Subject, keys: Keys) -> None:
    """Raise `ConsentError` where a file of somebody is no camera's: its credentials, or a mark of this maker in it, say
    that it was generated."""
    if subject.path is None or not subject.exists:
        return
    from provenance.read.marked import marks_of
    from provenance.read.verification import read_credentials

    asked = (subject.sha256, keys.mark_key)
    if asked not in _looked:
        why = ""
        if read_credentials(subject.path, keys.anchor_pem.decode()).generated:
            why = "its credentials say that it was generated"
        elif marks_of(subject.path, probe(subject.path), keys, moved=isinstance(subject.grounds, Consented)):
            why = "it bears the mark of this maker"
        _looked[asked] = why
    if _looked[asked]:
        raise ConsentError(f"{subject.path}: claimed as what a camera took, but {_looked[asked]}")


def opened(path: Path) -> tuple[str, np.ndarray | None, bytes]:
    """Hash of a file's bytes, the picture decoded from these very bytes, and the bytes; None and b"" for a video."""
    check_file(path)
    if probe(path).kind != "picture":
        return file_sha256(path), None, b""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    return bytes_sha256(data), frozen(read_picture(path, io.BytesIO(data))), data


def frozen(values: np.ndarray) -> np.ndarray:
    """The same values, on memory that nobody can make writable again."""
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), values.dtype).reshape(values.shape)

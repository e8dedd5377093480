"""Portraits of people who do not exist: the only ones that need no consent.

A portrait counts as nobody's when its bytes are those of a shipped example (`data/nobody.json`), or of a picture that
this maker saved as nobody's (`save_picture` with `Claim(nobody=True)`, remembered in the registry). Bytes, not
likeness: a changed file is another file.
"""

import functools
import json
import os
from pathlib import Path

from provenance.hashing import file_sha256
from provenance.keys import Keys
from provenance.registry import Registry, open_registry

SHIPPED = Path(__file__).resolve().parent / "data" / "nobody.json"


@functools.cache
def shipped() -> frozenset[str]:
    """SHA-256 of the shipped example portraits."""
    return frozenset(json.loads(SHIPPED.read_text())["sha256"])


def is_nobody(portrait: str | os.PathLike[str], keys: Keys | None = None, *, registry: Registry | None = None) -> bool:
    """Whether `portrait` is known to show a person who does not exist.

    Raises:
        UnreadableError: the file cannot be read.
    """
    digest = file_sha256(portrait)
    if digest in shipped():
        return True
    if registry is None and keys is not None:
        registry = open_registry(keys.folder)
    entry = registry.by_file(digest) if registry else None
    return entry is not None and bool(entry.nobody)

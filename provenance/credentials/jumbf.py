"""A look into a C2PA manifest store: JUMBF superboxes (ISO 19566-5) and their labels."""

import struct


def only(store: bytes, label: str) -> bytes:
    """A manifest store with the manifest of this label alone; `store` itself where that is what it is, or where it
    cannot be taken apart."""
    try:
        outer = _boxes(store)
        (_, content) = next(box for box in outer if box[0] == b"jumb")
        inner = _boxes(content)
        head, manifests = inner[0], inner[1:]
        chosen = [box for box in manifests if _label(box[1]) == label]
    except (struct.error, ValueError, StopIteration, IndexError):
        return store
    if len(chosen) != 1 or len(manifests) == 1:
        return store
    return _box(b"jumb", _box(*head) + _box(*chosen[0]))


def inside(store: bytes, *path: str | bytes) -> bytes:
    """What lies in a manifest store under these labels, and at the end in a box of that type (bytes).

    Raises:
        ValueError, IndexError, struct.error: there is no such box.
    """
    content = next((box[1] for box in _boxes(store) if box[0] == b"jumb"), b"")
    for name in path:
        wanted = [
            box for kind, box in _boxes(content) if (kind == b"jumb" and _label(box) == name) or kind == name
        ]  # fmt: skip
        if len(wanted) != 1:
            raise ValueError(f"{len(wanted)} boxes of the name {name!r}")
        content = wanted[0]
    return content


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, content) of boxes that lie side by side. Raises `ValueError` or `struct.error` for what are none."""
    found, place = [], 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        if size < 8 or place + size > len(data):
            raise ValueError("a box of an impossible length")
        found.append((kind, data[place + 8 : place + size]))
        place += size
    return found


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _label(content: bytes) -> str:
    """Of a superbox, from its description box: 16 bytes of type, one of toggles, then the label up to a zero."""
    kind, description = _boxes(content)[0]
    if kind != b"jumd":
        return ""
    return description[17:].split(b"\0")[0].decode("utf-8", "replace")

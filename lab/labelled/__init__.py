"""Labelled sets of clips on disk: manifest, splits, loaders of public layouts, crops of faces."""

from pathlib import Path

from lab.labelled.layouts import read_layout
from lab.labelled.manifest import MANIFEST, SPLITS, ClipSet, Item, check_splits, read_manifest, write_manifest

__all__ = ["SPLITS", "ClipSet", "Item", "check_splits", "open_set", "read_layout", "read_manifest", "write_manifest"]


def open_set(folder: Path | str) -> ClipSet:
    """The labelled set in a folder: by its manifest, or as a public set that is laid out in a known way.

    Raises:
        UnreadableError: it is neither.
    """
    if (Path(folder) / MANIFEST).exists():
        return ClipSet(folder)
    return ClipSet(folder, read_layout(folder))

"""Labelled sets of clips on disk: manifest, splits, loaders of public layouts, crops of faces."""

from detect.data.manifest import SPLITS, ClipSet, Item, check_splits, read_manifest, write_manifest

__all__ = ["SPLITS", "ClipSet", "Item", "check_splits", "read_manifest", "write_manifest"]

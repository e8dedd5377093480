"""Weight files: one ONNX file that carries its own config, licence, data, commit and hash, and loads alone.

A file holds one or several networks ("parts"), side by side in one graph, and every tensor by the name it has in
training; tensors that no node takes (last biases, tables) are numbers for the program around the network. The card is
JSON in the metadata of the model; its SHA-256 is over everything else. Read here with no package for ONNX: of the
protocol-buffer encoding (onnx.proto3 of ONNX 1.x) only what is needed.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from media.errors import WeightsError

GRAPH, METADATA = 7, 14  # fields of ModelProto
NODE, INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12  # of GraphProto
NAMED = {NODE: 3, INITIALIZER: 8, INPUT: 1, OUTPUT: 1}  # where each of these has its name
TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64}
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # wire types


@dataclass(frozen=True)
class WeightCard:
    """What a weight file says of itself. Stored as JSON in its metadata."""

    model: str  # which model class reads it, e.g. "landmarks"
    config: dict[str, Any]  # keyword arguments that rebuild the model
    data: str  # what it was trained on, in words, with licences and citations
    steps: int  # optimiser steps taken
    figures: dict[str, float] = field(default_factory=dict)  # validation figures at the step that was kept
    licence: str = "Apache-2.0"
    recipe: str = ""  # the command that trains it again
    commit: str = ""  # commit of the repository the training ran from
    sha256: str = ""  # hash over everything in the file but its metadata


@dataclass(frozen=True)
class WeightFile:
    """A weight file that was read and found whole."""

    path: Path
    card: WeightCard
    content: memoryview  # the whole file

    def tensors(self, *beginnings: str) -> dict[str, np.ndarray]:
        """Tensors by their names, those whose names begin so, or all; half floats come back as float32, other types as
        they are. Constants that were made for the graph alone (their names begin with "/") are left out.

        Raises:
            WeightsError: a tensor is of a kind that no weight file has.
        """
        wanted = tuple(beginning.encode() for beginning in beginnings or ("",))
        found = {}
        for number, _, payload in fields(_graph(self.content)):
            own = _name(number, payload) if number == INITIALIZER else b"/"
            if own.startswith(wanted) and not own.startswith(b"/"):
                try:
                    name, values = _tensor(payload)
                except (LookupError, ValueError) as error:
                    raise WeightsError(f"{self.path}: a tensor cannot be read ({error})") from error
                found[name] = values.astype(np.float32) if values.dtype == np.float16 else values
        return found

    def part(self, name: str = "") -> bytes:
        """An ONNX model of one network of the file: the nodes, inputs and outputs whose names begin with "name.", and
        the tensors that these nodes take; the whole file where `name` is empty."""
        if not name:
            return bytes(self.content)
        start, parts = f"{name}.".encode(), []
        for number, whole, payload in fields(self.content):
            if number == GRAPH:
                kept = b"".join(_kept(payload, start))
                parts += [_key(GRAPH, BYTES), _varint(len(kept)), kept]
            elif number != METADATA:
                parts.append(bytes(whole))
        return b"".join(parts)


def read_weights(path: Path | str, model: str) -> WeightFile:
    """Read a weight file and check that it is whole and made for `model`.

    Raises:
        WeightsError: the file is missing, damaged, changed since it was written, or of another model.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: weight file not found; reinstall vasari or train it with `vasari train {model}`")
    try:
        content = memoryview(path.read_bytes())
        if bytes(content[8:9]) == b"{":
            raise WeightsError(f"{path}: is a safetensors file; run: python -m lab.convert {path} NEW.onnx")
        card = WeightCard(**json.loads(metadata(content)["card"]))
        digest = content_sha256(content)
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a vasari weight file ({error or type(error).__name__})") from error
    if card.model != model:
        raise WeightsError(f"{path}: holds weights of '{card.model}', '{model}' was needed")
    if digest != card.sha256:
        raise WeightsError(f"{path}: contents do not match the SHA-256 in its metadata; reinstall vasari")
    return WeightFile(path, card, content)


def content_sha256(content: memoryview) -> str:
    """SHA-256 over the fields of an ONNX model, but for its metadata.

    Raises:
        ValueError, IndexError: it is no protocol buffer.
    """
    digest = hashlib.sha256()
    for number, whole, _ in fields(content):
        if number != METADATA:
            digest.update(whole)
    return digest.hexdigest()


def metadata(content: memoryview) -> dict[str, str]:
    """Metadata of an ONNX model.

    Raises:
        ValueError, IndexError: it is no protocol buffer.
    """
    entries = [{n: str(p, "utf-8") for n, _, p in fields(e)} for n, _, e in fields(content) if n == METADATA]
    return {entry.get(1, ""): entry.get(2, "") for entry in entries}


def fields(content: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Fields of a protocol buffer: number, all of its bytes, its value (the bytes of a varint as they are).

    Raises:
        ValueError, IndexError: it is none, or breaks off.
    """
    at = 0
    while at < len(content):
        key, first = _number(content, at)
        kind = key & 7
        if kind == VARINT:
            _, end = _number(content, first)
        elif kind == BYTES:
            length, first = _number(content, first)
            end = first + length
        elif kind in (EIGHT, FOUR):
            end = first + (8 if kind == EIGHT else 4)
        else:
            raise ValueError(f"wire type {kind}")
        if end > len(content):
            raise ValueError("breaks off")
        yield key >> 3, content[at:end], content[first:end]
        at = end


def _number(content: memoryview, at: int) -> tuple[int, int]:
    """The varint at a place, and the place after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("not a number")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _graph(content: memoryview) -> memoryview:
    return next((payload for number, _, payload in fields(content) if number == GRAPH), content[:0])


def _kept(graph: memoryview, start: bytes) -> list[memoryview]:
    """The fields of a graph that belong to what has names that begin so."""
    entries = [(number, whole, payload) for number, whole, payload in fields(graph)]
    nodes = [payload for number, _, payload in entries if number == NODE and _name(NODE, payload).startswith(start)]
    taken = {bytes(value) for node in nodes for number, _, value in fields(node) if number == 1}
    return [
        whole
        for number, whole, payload in entries
        if number not in NAMED
        or (_name(number, payload) in taken if number == INITIALIZER else _name(number, payload).startswith(start))
    ]


def _name(number: int, payload: memoryview) -> bytes:
    return next((bytes(p) for n, _, p in fields(payload) if n == NAMED[number]), b"")


def _tensor(payload: memoryview) -> tuple[str, np.ndarray]:
    """Name and values of a TensorProto, kept as raw data, as `lab.networks.graph` writes them."""
    shape: list[int] = []
    name, kind, raw = "", 1, payload[:0]
    for number, whole, value in fields(payload):
        if number == 1 and whole[0] & 7 == BYTES:
            at = 0
            while at < len(value):
                size, at = _number(value, at)
                shape.append(size)
        elif number == 1:
            shape.append(_number(value, 0)[0])
        elif number == 2:
            kind = _number(value, 0)[0]
        elif number == 8:
            name = str(value, "utf-8")
        elif number == 9:
            raw = value
    return name, np.frombuffer(raw, TYPES[kind]).reshape(shape)

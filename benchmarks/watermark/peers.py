"""Other open marks in the same run, on single frames, where they are installed (`pip install invisible-watermark
blind-watermark PyWavelets`)."""

import importlib
import secrets
from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from unittest.mock import patch

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import psnr
from benchmarks.suites import Given
from benchmarks.watermark.clips import Clip
from lab import attacks
from provenance.marks.picture import PictureMarker, PictureReader

BITS = 32
MISSING = "its package is not installed"
WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clean": lambda frame: frame,
    "crf28": lambda frame: attacks.h264([frame], 28)[0],
    "crf33": lambda frame: attacks.h264([frame], 33)[0],
    "jpeg50": lambda frame: attacks.jpeg(frame, 50),
    "half": lambda frame: attacks.resized(attacks.resized(frame, 0.5), 2.0),
    "crop70": lambda frame: attacks.cropped(frame, 0.7)[0],
    "turn10": lambda frame: attacks.rotated(frame, 10)[0],
}


def measure(given: Given, clips: list[Clip]) -> list[Figure]:
    """PEER_psnr_db and PEER_frame_rate_WAY: the whole message (32 bits of theirs, 64 of ours) from one frame."""
    frames = [clip[10] for clip in clips[: 2 if given.quick else None]]
    found: dict[str, list[float]] = defaultdict(list)
    for frame in frames:
        _ours(frame, found)
    missing = []
    for name, (package, peer) in PEERS.items():
        try:
            library = _loaded(package)
        except ImportError:
            missing.append(Figure(name=f"{name}_psnr_db", value=None, unit="dB", note=MISSING))
            continue
        for frame in frames:
            _theirs(peer(library), name, frame, found)
    return [*_figures(found), *missing]


def _loaded(package: str) -> ModuleType:
    with patch("multiprocessing.set_start_method"):  # blind-watermark sets it for the whole process, and then cannot
        return importlib.import_module(package)


class _Imwatermark:
    """RivaGAN, or DWT, DCT and SVD, as invisible-watermark has them."""

    def __init__(self, library: ModuleType, method: str) -> None:
        self._library, self._method = library, method
        library.WatermarkEncoder.loadModel()

    def mark(self, frame: np.ndarray, bits: list[int]) -> np.ndarray:
        encoder = self._library.WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        return encoder.encode(np.ascontiguousarray(frame[..., ::-1]), self._method)[..., ::-1]

    def read(self, frame: np.ndarray) -> list[int]:
        decoder = self._library.WatermarkDecoder("bits", BITS)
        return list(map(int, decoder.decode(np.ascontiguousarray(frame[..., ::-1]), self._method)))


class _Blind:
    """DWT, DCT and SVD in blocks that a password shuffles, as blind-watermark has them."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library
        library.bw_notes.close()

    def mark(self, frame: np.ndarray, bits: list[int]) -> np.ndarray:
        marker = self._library.WaterMark(password_img=1, password_wm=1)
        marker.read_img(img=frame[..., ::-1].astype(np.float32))
        marker.read_wm(np.array(bits, bool), mode="bit")
        return np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8)[..., ::-1]

    def read(self, frame: np.ndarray) -> list[int]:
        reader = self._library.WaterMark(password_img=1, password_wm=1)
        told = reader.extract(embed_img=frame[..., ::-1].astype(np.float32), wm_shape=BITS, mode="bit")
        return (np.asarray(told) > 0.5).astype(int).tolist()


PEERS: dict[str, tuple[str, Callable[[ModuleType], "_Imwatermark | _Blind"]]] = {
    "rivagan": ("imwatermark", lambda library: _Imwatermark(library, "rivaGan")),
    "dwtdctsvd": ("imwatermark", lambda library: _Imwatermark(library, "dwtDctSvd")),
    "blind": ("blind_watermark", _Blind),
}


def _figures(found: dict[str, list[float]]) -> list[Figure]:
    note = "whole message from one frame"
    return [
        mean_figure(name, values, "dB" if name.endswith("db") else "", note="" if name.endswith("db") else note)
        for name, values in found.items()
    ]


def _ours(frame: np.ndarray, found: dict[str, list[float]]) -> None:
    key, message = secrets.token_bytes(32), secrets.randbits(64)
    marked = PictureMarker(message, key).mark(frame)
    for way, change in WAYS.items():
        reader = PictureReader(key)
        reader.add(change(marked))
        found[f"ours_frame_rate_{way}"].append(
            float(reader.read(search=way in ("crop70", "turn10")).message == message)
        )


def _theirs(peer: "_Imwatermark | _Blind", name: str, frame: np.ndarray, found: dict[str, list[float]]) -> None:
    bits = [secrets.randbelow(2) for _ in range(BITS)]
    marked = np.ascontiguousarray(peer.mark(frame, bits))
    found[f"{name}_psnr_db"].append(psnr(marked, frame, np.ones(frame.shape[:2], bool)))
    for way, change in WAYS.items():
        found[f"{name}_frame_rate_{way}"].append(float(peer.read(change(marked)) == bits))

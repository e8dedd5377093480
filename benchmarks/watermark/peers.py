"""Other open marks in the same run, on single frames, where they are installed (`pip install invisible-watermark`)."""

import secrets
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import psnr
from benchmarks.watermark.clips import Clip
from provenance.watermark import attacks
from provenance.watermark.picture import PictureMarker, PictureReader

if TYPE_CHECKING:
    from benchmarks.watermark.suite import Setting

BITS = 32
MISSING = "invisible-watermark is not installed"
WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clean": lambda frame: frame,
    "crf28": lambda frame: attacks.h264([frame], 28)[0],
    "crf33": lambda frame: attacks.h264([frame], 33)[0],
    "jpeg50": lambda frame: attacks.jpeg(frame, 50),
    "half": lambda frame: attacks.resized(attacks.resized(frame, 0.5), 2.0),
    "crop70": lambda frame: attacks.cropped(frame, 0.7)[0],
    "turn10": lambda frame: attacks.rotated(frame, 10)[0],
}


def measure(setting: "Setting", clips: list[Clip]) -> list[Figure]:
    """PEER_psnr_db and PEER_frame_rate_WAY: the whole message (32 bits of theirs, 64 of ours) from one frame."""
    frames = [clip[10] for clip in clips[: 2 if setting.quick else None]]
    found: dict[str, list[float]] = defaultdict(list)
    for frame in frames:
        _ours(frame, found)
    try:
        import imwatermark
    except ImportError:
        return [*_figures(found), *(Figure(name=f"{p}_psnr_db", value=None, unit="dB", note=MISSING) for p in PEERS)]
    imwatermark.WatermarkEncoder.loadModel()
    for frame in frames:
        for peer, method in PEERS.items():
            _theirs(imwatermark, peer, method, frame, found)
    return _figures(found)


PEERS = {"rivagan": "rivaGan", "dwtdctsvd": "dwtDctSvd"}


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


def _theirs(library, peer: str, method: str, frame: np.ndarray, found: dict[str, list[float]]) -> None:
    bits = [secrets.randbelow(2) for _ in range(BITS)]
    encoder = library.WatermarkEncoder()
    encoder.set_watermark("bits", bits)
    marked = np.ascontiguousarray(encoder.encode(np.ascontiguousarray(frame[..., ::-1]), method)[..., ::-1])
    found[f"{peer}_psnr_db"].append(psnr(marked, frame, np.ones(frame.shape[:2], bool)))
    for way, change in WAYS.items():
        decoder = library.WatermarkDecoder("bits", BITS)
        said = decoder.decode(np.ascontiguousarray(change(marked)[..., ::-1]), method)
        found[f"{peer}_frame_rate_{way}"].append(float(list(map(int, said)) == bits))

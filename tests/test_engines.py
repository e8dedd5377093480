"""Every network that ships: torch, OpenVINO and ONNX Runtime answer the same."""

import importlib
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from sitters import portrait

from lab.reference import Reference
from media.networks import Network

Arrays = tuple[np.ndarray, ...]


def crops(count: int, *shape: int) -> np.ndarray:
    """Heads of portraits, uint8 RGB (count, H, W, 3)."""
    heads = [portrait(k)[40:450, 60:460] for k in range(count)]
    return np.stack([cv2.resize(head, shape[::-1], interpolation=cv2.INTER_AREA) for head in heads])


def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(0, scale, shape).astype(np.float32)


CASES: dict[tuple[str, str, str], Callable[[], Arrays]] = {
    ("provenance.watermark.picture", "watermark", "strength"): lambda: (normal(1, 14, 64, 64, scale=0.3),),
    ("provenance.watermark.picture", "watermark", "reader"): lambda: (normal(1, 12, 64, 64, scale=0.3),),
    ("provenance.watermark.picture", "watermark", "finder"): lambda: (normal(1, 12, 24, 37, scale=0.3),),
    ("faces.finder", "finder", ""): lambda: (crops(1, 192, 224),),
    ("faces.landmarks", "landmarks", ""): lambda: (crops(3, 192, 192),),
    ("faces.closeup", "closeup", ""): lambda: (crops(2, 48, 64), crops(1, 96, 96), np.abs(normal(2, 160))),
    ("faces.regions", "regions", ""): lambda: (crops(1, 192, 192),),
    ("faces.recognition", "recognition", ""): lambda: (crops(2, 112, 112),),
    ("detect.detector", "detector", "picture"): lambda: (crops(2, 224, 224),),
}
EXACT = 2e-5  # largest difference in float32, as a share of the largest answer
ROUNDED = 0.06  # the same where the processor computes in bfloat16


@cache
def expected(case: tuple[str, str, str]) -> list[np.ndarray]:
    module, model, part = case
    return Reference.load(importlib.import_module(module).WEIGHTS, model, part)(*CASES[case]())


def differences(case: tuple[str, str, str], **options) -> float:
    """Largest difference from torch, as a share of the largest answer."""
    module, model, part = case
    network = Network.load(importlib.import_module(module).WEIGHTS, model, part, **options)
    found = network(*CASES[case]())
    assert len(found) == len(expected(case))
    for answer, truth in zip(found, expected(case), strict=True):
        assert answer.shape == truth.shape
        assert answer.dtype == np.float32
    pairs = zip(found, expected(case), strict=True)
    return max(float(np.abs(answer - truth).max() / np.abs(truth).max()) for answer, truth in pairs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[1:]))
def test_openvino_is_torch(case: tuple[str, str, str]) -> None:
    assert differences(case, engine="openvino", precise=True) < EXACT
    assert differences(case, engine="openvino") < ROUNDED


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[1:]))
def test_onnx_runtime_is_torch(case: tuple[str, str, str]) -> None:
    pytest.importorskip("onnxruntime")
    assert differences(case, engine="onnxruntime") < EXACT

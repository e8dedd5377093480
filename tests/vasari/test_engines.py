"""Every network that ships: torch, OpenVINO and ONNX Runtime answer the same."""

import importlib
import json
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from sitters import latent, portrait

from faces.lipsync import MOUTH as LIPS
from generate.motion.model import WEIGHTS as MOTION
from generate.motion.space import PAST, SIZE
from generate.motion.stepping import GROUPS, WINDOW, turning
from generate.painter import network_input
from generate.renderer import Renderer
from generate.speech.encoder import WEIGHTS as SPEECH
from generate.windows import EYE_LEFT, EYE_RIGHT, MOUTH
from lab.networks import exporter
from lab.reference import Reference, load_network
from media.mel import BINS
from media.networks import ENGINES, Network
from media.weights import metadata

Arrays = tuple[np.ndarray, ...]


def crops(count: int, *shape: int) -> np.ndarray:
    """Heads of portraits, uint8 RGB (count, H, W, 3)."""
    heads = [portrait(k)[40:450, 60:460] for k in range(count)]
    return np.stack([cv2.resize(head, shape[::-1], interpolation=cv2.INTER_AREA) for head in heads])


def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(0, scale, shape).astype(np.float32)


def windows(*names: str) -> np.ndarray:
    """What the painter sees of a portrait whose lips part, where it paints most, in blocks."""
    face = latent(512)
    made = Renderer(face).prepare(face.edit(jawOpen=0.3, eyeBlinkLeft=0.5)).windows
    seen = np.stack([network_input(made[name], name) for name in names])
    count, channels, height, width = seen.shape
    split = seen.reshape(count, channels, height // 2, 2, width // 2, 2).transpose(0, 2, 4, 3, 5, 1)
    return np.ascontiguousarray(split.reshape(count, height // 2, width // 2, 4 * channels))


def speech() -> Arrays:
    tails = [read.shape for read in load_network(SPEECH, "speech")(torch.zeros(1, BINS, 4))[3]]
    return normal(1, BINS, 4), *(normal(*shape, scale=0.5) for shape in tails)


CASES: dict[tuple[str, str, str], Callable[[], Arrays]] = {
    ("provenance.marks.picture", "watermark", "strength"): lambda: (normal(1, 14, 64, 64, scale=0.3),),
    ("provenance.marks.picture", "watermark", "reader"): lambda: (normal(1, 12, 64, 64, scale=0.3),),
    ("provenance.marks.picture", "watermark", "finder"): lambda: (normal(1, 12, 24, 37, scale=0.3),),
    ("faces.finder", "finder", ""): lambda: (crops(1, 192, 224),),
    ("faces.landmarks", "landmarks", ""): lambda: (crops(3, 192, 192),),
    ("faces.closeup", "closeup", ""): lambda: (
        crops(2, 48, 64),
        crops(1, 48, 64),
        crops(1, 96, 96),
        np.abs(normal(2, 160)),
    ),
    ("faces.regions", "regions", ""): lambda: (crops(1, 192, 192),),
    ("faces.recognition", "recognition", ""): lambda: (crops(2, 112, 112),),
    ("faces.lipsync", "lipsync", "sound"): lambda: (normal(1, BINS, 60),),
    ("faces.lipsync", "lipsync", "lips"): lambda: (np.abs(normal(1, 15, len(LIPS), scale=0.3)),),
    ("lab.performances.align", "aligner", ""): lambda: (normal(1, BINS, 57),),
    ("detect.detector", "detector", "picture"): lambda: (crops(2, 224, 224),),
    ("generate.dynamics", "dynamics", "encoder"): lambda: (normal(3, 52, scale=0.3),),
    ("generate.dynamics", "dynamics", "decoder"): lambda: (normal(3, 32),),
    ("generate.speech.encoder", "speech", ""): speech,
    ("generate.motion.model", "motion", "flow"): lambda: (normal(5, SIZE), abs(normal(5, 1)), normal(5, 192)),
}
EIGHT_BITS: dict[tuple[str, str, str], Callable[[], Arrays]] = {
    ("generate.painter", "painter", "mouth"): lambda: (windows(MOUTH),),
    ("generate.painter", "painter", "eye"): lambda: (windows(EYE_RIGHT, EYE_LEFT),),
    ("generate.refiner", "refiner", ""): lambda: (crops(1, 64, 64)[..., :1].repeat(84, 3) / np.float32(255),),
}
EXACT = 2e-5  # largest difference in float32, as a share of the largest answer
ROUGH = 0.01  # mean difference where convolutions are in 8 bits, as such a share
ROUNDED = 0.06  # the same where the processor computes in bfloat16


@cache
def expected(case: tuple[str, str, str]) -> list[np.ndarray]:
    module, model, part = case
    return Reference.load(importlib.import_module(module).WEIGHTS, model, part)(*(CASES | EIGHT_BITS)[case]())


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


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", EIGHT_BITS, ids=lambda case: " ".join(case[1:]))
def test_eight_bits_are_near_torch(case: tuple[str, str, str], engine: str) -> None:
    pytest.importorskip(engine)
    module, model, part = case
    network = Network.load(importlib.import_module(module).WEIGHTS, model, part, engine=engine)
    (answer,), (truth,) = network(*EIGHT_BITS[case]()), expected(case)
    assert np.abs(answer - truth).mean() < ROUGH * np.abs(truth).max()


@pytest.mark.parametrize("engine", ENGINES)
def test_motion_frame_by_frame_is_torch(engine: str) -> None:
    """Part "context", which carries keys and values from frame to frame."""
    pytest.importorskip(engine)
    frames, rows = WINDOW + 6, 2
    net = load_network(MOTION, "motion")
    size, heads = net.config["width"] // net.config["heads"], net.config["heads"]
    past = normal(rows, frames, PAST)
    told = {name: normal(rows, frames, count) for name, count in GROUPS.items()}
    heard = {name: np.array([True, name != "gaze"]) for name in GROUPS}
    with torch.inference_mode():
        to = torch.from_numpy
        whole = net.context(to(past), {k: to(v) for k, v in told.items()}, {k: to(v) for k, v in heard.items()})
        events = net.event(whole)
    network = Network.load(MOTION, "motion", "context", engine=engine, precise=True, threads=1)
    kept = [np.zeros((rows, heads, WINDOW - 1, size), np.float32)] * (2 * net.config["layers"])
    for frame in range(frames):
        conditions = []
        for name in GROUPS:
            conditions += [told[name][:, frame], heard[name][:, None].astype(np.float32)]
        angles = np.remainder(frame * turning(size), 2 * np.pi)
        place = np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
        known = np.where(np.arange(WINDOW) < WINDOW - 1 - frame, np.float32(-1e9), np.float32(0))
        context, chances, *kept = network(past[:, frame], *conditions, place, known, *kept)
        assert np.abs(context - whole[:, frame].numpy()).max() < 1e-4
        assert np.abs(chances - events[:, frame].numpy()).max() < 1e-4


@pytest.mark.parametrize("module", sorted({module for module, _, _ in CASES | EIGHT_BITS}))
def test_the_graph_that_ships_is_the_one_defined(module: str) -> None:
    """Built anew from the tensors in the file, it is the same, node for node."""
    onnx = pytest.importorskip("onnx")
    path = importlib.import_module(module).WEIGHTS
    shipped = onnx.load(path)
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in shipped.graph.initializer}
    card = json.loads(metadata(memoryview(path.read_bytes()))["card"])
    tensors = {name: values for name, values in stored.items() if not name.startswith("/")}
    assert exporter(card["model"])(tensors, card["config"]).model().graph == shipped.graph

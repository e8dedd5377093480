"""A detector that learned from noise, and people it might have looked at: no weights that ship are needed."""

from functools import cache

import numpy as np
import torch

from detect.detector import Model, Strangeness
from detect.evidence import Evidence, Person
from detect.frequency import feature_names as band_names
from detect.fusion import STREAMS, Fusion
from detect.motion import feature_names as motion_names
from detect.picture import CELLS, SIDE, Look
from lab.networks.detector import PictureNet
from lab.recipes.detector_linear import fit_linear
from lab.weights import WeightCard, weight_file

RNG = np.random.default_rng(0)


def mesh(side: float = SIDE) -> np.ndarray:
    """Mesh points (478, 2) somewhere in the middle of a crop."""
    return (side * RNG.uniform(0.25, 0.75, (478, 2))).astype(np.float32)


@cache
def noise_model() -> Model:
    """A detector that was fitted to noise, so that tests need no shipped weights."""
    torch.manual_seed(0)
    picture = {f"picture.{name}": tensor for name, tensor in PictureNet(8).state_dict().items()}
    count = 60
    made = np.arange(count) % 2 == 1
    who = [f"p{k % 12}" for k in range(count)]
    bands = RNG.standard_normal((count, len(band_names()))) + made[:, None]
    moves = RNG.standard_normal((count, len(motion_names()))) + made[:, None]
    scores = RNG.standard_normal((count, len(STREAMS))) + 3 * made[:, None]
    features = np.abs(RNG.standard_normal((200, 8)))
    card = WeightCard("detector", {}, "noise", 0, sha256="0" * 64)
    return Model(
        weight_file(picture, card), fit_linear(bands, made), fit_linear(moves, made), Fusion.fit(scores, made, who),
        Strangeness.fit(features), card,
    )  # fmt: skip


def person(logit: float, *, looks: int = 10, features: np.ndarray | None = None, quality: float = 1.0) -> Person:
    """Somebody who was looked at a few times, every look the same but for a little noise."""
    seen = np.full(8, 0.8, np.float32) if features is None else features
    evidence = np.full((CELLS, CELLS), logit, np.float32)
    return Person(
        number=1,
        times=[0.2 * k for k in range(looks)],
        boxes=[(100.0, 100.0, 120.0)] * looks,
        looks=[Look(logit + 0.01 * k, evidence, seen) for k in range(looks)],
        frequencies=[np.zeros(len(band_names()), np.float32)] * looks,
        qualities=[quality] * looks,
        reasons=["too dark"] * looks,
        sizes=[120.0] * looks,
        crops=[np.full((SIDE, SIDE, 3), 90, np.uint8)] * looks,
    )


def seen(*people: Person) -> Evidence:
    return Evidence("video", 50, 2.0, list(people), (640, 480))

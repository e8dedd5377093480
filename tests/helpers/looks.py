"""A detector that learned from noise, and people it might have looked at: no weights that ship are needed."""

from functools import cache

import numpy as np
import torch

from detect.detector import Model, Strangeness
from detect.evidence import Evidence, Person
from detect.odds import Odds
from detect.picture import CELLS, SIDE, Look
from detect.promise import QUALITIES, Promise
from lab.networks.detector import PictureNet
from lab.weights import WeightCard, weight_file

RNG = np.random.default_rng(0)
USUAL = np.zeros(len(QUALITIES), np.float32)  # conditions that many reals were seen under
PEOPLE = 300  # real ones to compare with


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
    scores = RNG.standard_normal(count) + 3 * made
    who = [f"p{k % 12}" for k in range(count)]
    conditions = 0.1 * RNG.standard_normal((PEOPLE, len(QUALITIES)))
    reals = Promise.of(RNG.standard_normal(PEOPLE), conditions, np.arange(PEOPLE))
    card = WeightCard("detector", {}, "noise", 0, sha256="0" * 64)
    strangeness = Strangeness.fit(np.abs(RNG.standard_normal((200, 8))))
    odds = Odds.fit(scores, made, who)
    return Model(weight_file(picture, card), odds, odds, strangeness, reals, "300 draws of noise", card)


def person(
    logit: float,
    *,
    looks: int = 10,
    features: np.ndarray | None = None,
    quality: float = 1.0,
    conditions: np.ndarray = USUAL,
) -> Person:
    """Somebody who was looked at a few times, every look the same but for a little noise."""
    seen = np.full(8, 0.8, np.float32) if features is None else features
    evidence = np.full((CELLS, CELLS), logit, np.float32)
    return Person(
        number=1,
        times=[0.2 * k for k in range(looks)],
        boxes=[(100.0, 100.0, 120.0)] * looks,
        looks=[Look(logit + 0.01 * k, evidence, seen) for k in range(looks)],
        conditions=[conditions] * looks,
        openings=[0.1] * looks,
        qualities=[quality] * looks,
        reasons=["too dark"] * looks,
        sizes=[120.0] * looks,
        crops=[np.full((SIDE, SIDE, 3), 90, np.uint8)] * looks,
    )


def seen(*people: Person) -> Evidence:
    return Evidence("video", 50, 2.0, list(people), (640, 480))

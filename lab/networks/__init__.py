"""Definitions of the networks in torch, a file each, and what makes ONNX graphs of them.

Every file has a class that is built from the config of a card (or a `build(tensors, config)` that does more), an
`export(tensors, config)` that builds the graph of its model from the tensors of its `state_dict`, and `answers(net,
part, *arrays)`, what the graph answers, by torch.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from lab.networks.graph import Graph

MODELS = {
    "aligner": "AlignerNet",
    "closeup": "CloseupNet",
    "detector": "PictureNet",
    "dynamics": "DynamicsNet",
    "finder": "FinderNet",
    "landmarks": "LandmarkNet",
    "lipsync": "LipSyncNet",
    "motion": "MotionNet",
    "painter": "PainterNets",
    "recognition": "RecognitionNet",
    "refiner": "RefinerNet",
    "regions": "RegionNet",
    "speech": "LipNet",
    "watermark": "Watermark",
}
"""Model, as cards name it, which is also the file here that defines it -> the class that has its tensors."""


def definition(model: str) -> ModuleType:
    """The file here that defines a model."""
    return import_module(f"lab.networks.{model}")


def exporter(model: str) -> Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], Graph] | None:
    """What builds the graph of a model; None for one that no product code runs."""
    return definition(model).export if model in MODELS else None

"""Definitions of the networks in torch, a file each, and what makes ONNX graphs of them.

Every file has an `export(tensors, config)` that builds the graph of its model from the tensors of its `state_dict`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from lab.networks.graph import Graph

MODELS = {"watermark": "watermark"}
"""Model, as cards name it -> the file here that defines it."""


def exporter(model: str) -> Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], Graph] | None:
    """What builds the graph of a model; None for one that no product code runs."""
    return import_module(f"lab.networks.{MODELS[model]}").export if model in MODELS else None

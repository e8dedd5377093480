"""Networks in torch where the product has engines: to train, to count operations, and to hold engines against."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from generate.painter import WEIGHTS as PAINTER
from generate.painter import Painter
from generate.refiner import WEIGHTS as REFINER
from lab.networks import MODELS, definition
from lab.weights import load_weights


def load_network(path: Path | str, model: str) -> Any:
    """The torch module of a weight file, ready to run.

    Raises:
        WeightsError: the file is missing, damaged or of another model.
    """
    tensors, card = load_weights(path, model)
    if build := getattr(definition(model), "build", None):
        return build(tensors, card.config).eval()
    net = getattr(definition(model), MODELS[model])(**card.config)
    net.load_state_dict(tensors)
    return net.eval()


class Reference:
    """A network in torch behind the interface of `media.networks.Network`.

    Args:
        net: module of the model.
        device: where torch computes: "cpu", "cuda", "cuda:1" ...
    """

    def __init__(self, net: Any, model: str, part: str = "", *, device: str = "cpu") -> None:
        self.net, self._answers, self._part, self._device = net.to(device), definition(model).answers, part, device

    @classmethod
    def load(cls, path: Path | str, model: str, part: str = "", *, device: str = "cpu") -> "Reference":
        """Of a weight file; raises as `load_network`."""
        return cls(load_network(path, model), model, part, device=device)

    @torch.inference_mode()
    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Arrays in the order of the network's inputs -> its outputs."""
        given = [torch.from_numpy(np.ascontiguousarray(array)).to(self._device) for array in arrays]
        return [answer.float().cpu().numpy() for answer in self._answers(self.net, self._part, *given)]

    def twin(self) -> "Reference":
        """The same."""
        return self


def painter_in_torch(weights: Path | str = PAINTER, refiner: Path | str = REFINER) -> Painter:
    """A painter whose networks, the refiner's too, compute in torch."""
    painter = Painter(weights, refiner)
    nets = load_network(weights, "painter")
    for kind, network in painter.networks.items():
        network.network = Reference(nets, "painter", kind)
    painter.refiner.network.network = Reference.load(refiner, "refiner")
    return painter

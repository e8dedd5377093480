"""Weight files from torch and back.

What the product runs is kept as ONNX (`media.weights`), which holds the tensors by their names, so that training can
start from a file that ships. What only the lab uses is kept as safetensors with the same card in its metadata.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lab.networks import exporter
from lab.training.ranks import Ranks
from media.atomic import replacing
from media.errors import WeightsError
from media.release import current_commit
from media.weights import WeightCard, WeightFile, content_sha256, read_weights

__all__ = ["WeightCard", "load_weights", "save_weights", "weight_file"]

Tensors = Mapping[str, torch.Tensor] | Mapping[str, np.ndarray]


def save_weights(
    path: Path | str, tensors: Tensors, card: WeightCard, *, dtype: torch.dtype | None = None
) -> WeightCard:
    """Write `tensors` and `card` to `path`, whole or not at all; floating tensors are stored as `dtype` when given.

    Returns the card as written, with commit and hash filled in.
    """
    kept = _stored(tensors, dtype)
    filled = replace(card, commit=card.commit or current_commit())
    if exporter(card.model) is not None:
        file = _exported(kept, filled, Path(path))
        if Ranks.join().first:
            with replacing(path) as temporary:
                temporary.write_bytes(file.content)
        return file.card
    filled = replace(filled, sha256=tensors_sha256(kept))
    if Ranks.join().first:
        with replacing(path) as temporary:
            temporary.write_bytes(save(kept, metadata={"card": json.dumps(asdict(filled))}))
    return filled


def weight_file(tensors: Tensors, card: WeightCard, *, dtype: torch.dtype | None = None) -> WeightFile:
    """The weight file that `save_weights` would write, in memory: to run what is being trained as the product does."""
    return _exported(_stored(tensors, dtype), card, Path())


def load_weights(path: Path | str, model: str) -> tuple[dict[str, torch.Tensor], WeightCard]:
    """Read a weight file of either kind and check that it is whole and made for `model`. Floating tensors come back as
    float32.

    Raises:
        WeightsError: the file is missing, damaged, changed since it was written, or of another model.
    """
    path = Path(path)
    if not path.is_file() or not is_safetensors(path):
        file = read_weights(path, model)
        return {name: torch.from_numpy(values.copy()) for name, values in file.tensors().items()}, file.card
    tensors, card = read_safetensors(path)
    if card.model != model:
        raise WeightsError(f"{path}: holds weights of '{card.model}', '{model}' was needed")
    return {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}, card


def is_safetensors(path: Path) -> bool:
    """Does a file begin as safetensors do?"""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], WeightCard]:
    """Tensors as they are stored, and the card.

    Raises:
        WeightsError: the file is damaged or was changed since it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            card = WeightCard(**json.loads(file.metadata()["card"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a vasari weight file ({error})") from error
    if tensors_sha256(tensors) != card.sha256:
        raise WeightsError(f"{path}: contents do not match the SHA-256 in its metadata; reinstall vasari")
    return tensors, card


def tensors_sha256(tensors: Tensors) -> str:
    """SHA-256 over the sorted names, types, shapes and bytes of `tensors`."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _stored(tensors: Tensors, dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    kept = {}
    for name, tensor in tensors.items():
        tensor = torch.from_numpy(np.array(tensor)) if isinstance(tensor, np.ndarray) else tensor.detach().cpu()
        if dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        kept[name] = tensor.contiguous().clone()
    return kept


def _exported(tensors: Tensors, card: WeightCard, path: Path) -> WeightFile:
    build = exporter(card.model)
    if build is None:
        raise WeightsError(f"no graph is known for '{card.model}'")
    arrays: dict[str, np.ndarray] = {name: tensor.numpy() for name, tensor in tensors.items()}
    model = build(arrays, card.config).model()
    filled = replace(card, sha256=content_sha256(memoryview(model.SerializeToString(deterministic=True))))
    entry = model.metadata_props.add()
    entry.key, entry.value = "card", json.dumps(asdict(filled))
    return WeightFile(path, filled, memoryview(model.SerializeToString(deterministic=True)))


def weights_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The tensors of a module by name, float32, as `media.stepping` takes them."""
    return {name: np.ascontiguousarray(t.detach().float().numpy()) for name, t in module.state_dict().items()}

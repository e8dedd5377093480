"""Weight files: one safetensors file that carries its own config, licence, data, commit and hash, and loads alone."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from learning.ranks import Ranks
from media.atomic import replacing
from media.errors import WeightsError


@dataclass(frozen=True)
class WeightCard:
    """What a weight file says of itself. Stored as JSON in the safetensors metadata."""

    model: str  # which model class reads it, e.g. "tracker"
    config: dict[str, Any]  # keyword arguments that rebuild the model
    data: str  # what it was trained on, in words, with licences and citations
    steps: int  # optimiser steps taken
    figures: dict[str, float] = field(default_factory=dict)  # validation figures at the step that was kept
    licence: str = "Apache-2.0"
    recipe: str = ""  # the command that trains it again
    commit: str = ""  # commit of the repository the training ran from
    sha256: str = ""  # hash over names, shapes, types and bytes of all tensors


def tensors_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over the sorted names, types, shapes and bytes of `tensors`."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def current_commit() -> str:
    """Commit of the checkout this code runs from, with "+" when files differ from it; "" outside a checkout."""
    root = Path(__file__).resolve().parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=root, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def save_weights(
    path: Path | str, tensors: Mapping[str, torch.Tensor], card: WeightCard, *, dtype: torch.dtype | None = None
) -> WeightCard:
    """Write `tensors` and `card` to `path`, whole or not at all; floating tensors are stored as `dtype` when given.

    Returns the card as written, with commit and hash filled in.
    """
    kept = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        if dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        kept[name] = tensor.contiguous().clone()
    filled = asdict(card) | {"commit": card.commit or current_commit(), "sha256": tensors_sha256(kept)}
    if Ranks.join().first:
        with replacing(path) as temporary:
            save_file(kept, temporary, metadata={"card": json.dumps(filled)})
    return WeightCard(**filled)


def load_weights(path: Path | str, model: str) -> tuple[dict[str, torch.Tensor], WeightCard]:
    """Read a weight file and check that it is whole and made for `model`. Floating tensors come back as float32.

    Raises:
        WeightsError: the file is missing, damaged, changed since it was written, or of another model.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: weight file not found; reinstall vasari or train it with `vasari train {model}`")
    try:
        with safe_open(path, framework="pt") as file:
            card = WeightCard(**json.loads(file.metadata()["card"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a vasari weight file ({error})") from error
    if card.model != model:
        raise WeightsError(f"{path}: holds weights of '{card.model}', '{model}' was needed")
    if tensors_sha256(tensors) != card.sha256:
        raise WeightsError(f"{path}: contents do not match the SHA-256 in its metadata; reinstall vasari")
    return {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}, card

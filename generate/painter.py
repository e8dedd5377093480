"""The painter: small networks that paint in the mouth and eye windows what geometry cannot.

Each is a U-Net on pixel-unshuffled windows that adds a residual to the composite of `generate.windows`. One network
paints the mouth, another both eyes (the right one mirrored). `lab.networks.painter` defines them.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from generate.inference import PictureNetwork
from generate.refiner import WEIGHTS as REFINER
from generate.refiner import Refiner
from generate.windows import CHANNELS, EYE_LEFT, EYE_RIGHT, MOUTH, SHAPES, Window
from media.errors import WeightsError
from media.weights import read_weights

WEIGHTS = Path(__file__).parent / "data" / "painter.onnx"
KINDS = {"mouth": SHAPES[MOUTH], "eye": SHAPES[EYE_LEFT]}  # network -> (height, width) of its windows
SIZES = {kind: (1 if kind == "mouth" else 2, CHANNELS, *shape) for kind, shape in KINDS.items()}  # of what it sees


class Painter:
    """Paints windows and holds the refiner of whole frames; loads weights and compiles the networks once.

    Args:
        weights, refiner: other weights than those that ship.
        engine: what runs the networks, see `media.networks`; None: the one that is set.
        threads: processor threads a call may use; 0 for half of what there are.
    """

    def __init__(
        self,
        weights: Path | str = WEIGHTS,
        refiner: Path | str = REFINER,
        *,
        engine: str | None = None,
        threads: int = 0,
    ) -> None:
        file = read_weights(weights, "painter")
        self.card = file.card
        self.refiner = Refiner(refiner, engine=engine, threads=threads)
        self.networks = {
            kind: PictureNetwork(file, kind, size, engine=engine, threads=threads) for kind, size in SIZES.items()
        }

    @classmethod
    def from_folder(cls, folder: Path | str, *, threads: int = 0) -> "Painter":
        """Of a folder with `painter.onnx`, `refiner.onnx` or both; what is missing is what ships.

        Raises:
            WeightsError: there is neither, or one is damaged.
        """
        own = [Path(folder) / shipped.name for shipped in (WEIGHTS, REFINER)]
        if not any(path.is_file() for path in own):
            raise WeightsError(f"{folder}: neither {WEIGHTS.name} nor {REFINER.name} is here")
        painter, refiner = (
            path if path.is_file() else shipped for path, shipped in zip(own, (WEIGHTS, REFINER), strict=True)
        )
        return cls(painter, refiner, threads=threads)

    def residual(self, kind: str, seen: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """B windows of (14, H, W) float32, one mouth or two eyes -> (B, 3, H, W) float32."""
        return self.networks[kind](seen)

    def paint(self, windows: dict[str, Window]) -> dict[str, np.ndarray]:
        """Window name -> painted window, float32 RGB (H, W, 3) in [0, 1], of the window's own size."""
        (mouth,) = self.residual("mouth", [network_input(windows[MOUTH], MOUTH)])
        right, left = self.residual("eye", [network_input(windows[name], name) for name in (EYE_RIGHT, EYE_LEFT)])
        residuals = {MOUTH: mouth, EYE_RIGHT: right[..., ::-1], EYE_LEFT: left}
        painted = {}
        for name, residual in residuals.items():
            composite = windows[name].composite
            residual = residual.transpose(1, 2, 0)
            if residual.shape != composite.shape:
                residual = np.ascontiguousarray(residual)
                residual = cv2.resize(residual, composite.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            painted[name] = np.clip(composite + residual, 0, 1)
        return painted


def network_input(window: Window, name: str) -> np.ndarray:
    """What the painter sees of a window as (14, H, W) float32 of the network's size; right eyes come mirrored."""
    seen = window.seen
    height, width = SHAPES[name]
    if seen.shape[1:] != (height, width):
        interpolation = cv2.INTER_AREA if seen.shape[1] > height else cv2.INTER_LINEAR
        seen = np.stack([cv2.resize(plane, (width, height), interpolation=interpolation) for plane in seen])
    return seen[..., ::-1] if name == EYE_RIGHT else seen

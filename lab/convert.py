"""Weights that were kept as safetensors, as the ONNX files that the product runs:

python -m lab.convert OLD.safetensors NEW.onnx

Tensors stay as they are stored, and the card says what it said.
"""

import argparse
from pathlib import Path

from lab.weights import read_safetensors, save_weights


def convert(old: Path, new: Path) -> None:
    """Write the ONNX file of a safetensors file.

    Raises:
        WeightsError: `old` is damaged.
        OutputError: `new` cannot be written.
    """
    tensors, card = read_safetensors(old)
    save_weights(new, tensors, card)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=convert.__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args()
    convert(given.old, given.new)

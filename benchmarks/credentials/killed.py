"""`python -m benchmarks.credentials.killed FOLDER KEYS PORTRAIT MODULE NAME WHEN`: saves a clip, killed at a step."""

import importlib
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np


def main(folder: Path, keys_folder: Path, portrait: Path, module: str, name: str, when: str) -> None:
    """Save FOLDER/out/a.mp4, and be killed before or after the function that is named."""
    from provenance import Generated, Keys, Permit, save_video

    owner = importlib.import_module(module)
    *above, last = name.split(".")
    for part in above:
        owner = getattr(owner, part)
    work = getattr(owner, last)

    def killed(*arguments, **options) -> None:
        if when == "after":
            work(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    permit = Permit.of(portrait, keys=Keys.open(keys_folder, create=False))
    rng = np.random.default_rng(0)
    still = cv2.resize(permit.picture, (128, 128), interpolation=cv2.INTER_AREA)
    setattr(owner, last, killed)
    sound = (0.1 * rng.standard_normal(9600)).astype(np.float32)
    save_video(folder / "out" / "a.mp4", permit.perform(Generated, [still] * 15, sound, command="bench"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), *sys.argv[4:])

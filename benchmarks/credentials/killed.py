"""`python -m benchmarks.credentials.killed FOLDER KEYS MODULE NAME WHEN`: saves a clip, killed at a step of it."""

import importlib
import os
import signal
import sys
from pathlib import Path

import numpy as np


def main(folder: Path, keys_folder: Path, module: str, name: str, when: str) -> None:
    """Save FOLDER/out/a.mp4, and be killed before or after the function that is named."""
    from provenance import Claim, Keys, save_video
    from provenance.watermark.hosts import drawn

    owner = importlib.import_module(module)
    *above, last = name.split(".")
    for part in above:
        owner = getattr(owner, part)
    work = getattr(owner, last)

    def killed(*arguments, **options) -> None:
        if when == "after":
            work(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    keys, claim = Keys.open(keys_folder, create=False), Claim("bench", nobody=True)
    rng = np.random.default_rng(0)
    still = np.clip(drawn(rng, 128), 0, 255).astype(np.uint8)
    setattr(owner, last, killed)
    sound = (0.1 * rng.standard_normal(9600)).astype(np.float32)
    save_video(folder / "out" / "a.mp4", [still] * 15, sound, claim=claim, keys=keys)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])

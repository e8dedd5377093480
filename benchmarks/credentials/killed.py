"""Saves one output in a process, which is killed at a step."""

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from provenance import Generated, Permit

FRAMES = 15


def main(folder: Path, keys_folder: Path, portrait: Path, way: str, module: str, name: str, when: str) -> None:
    """Save FOLDER/out/a with the suffix of a way, and be killed before or after the function that is named."""
    from provenance import Keys

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
    save, suffix = WAYS[way]
    setattr(owner, last, killed)
    save(folder / "out" / f"a{suffix}", permit)


def _video(path: Path, permit: Permit) -> None:
    from provenance import save_video

    save_video(path, permit.perform(Generated, [_still(permit)] * FRAMES, _sound(), command="bench"))


def _live(path: Path, permit: Permit) -> None:
    from provenance import Outlet, save_live

    still, nowhere = _still(permit), SimpleNamespace(write=len)
    moments = (SimpleNamespace(frame=still, sound=sound) for sound in np.split(_sound(), FRAMES))
    save_live(path, permit.perform(Generated, moments, command="bench"), Outlet(nowhere))


def _picture(path: Path, permit: Permit) -> None:
    from provenance import save_picture

    save_picture(path, permit.perform(Generated, _still(permit), command="bench"))


def _marked(path: Path, permit: Permit) -> None:
    from provenance import mark_file

    mark_file(_portrait(permit), path, keys=permit.keys)


def _signed(path: Path, permit: Permit) -> None:
    from provenance import sign_file

    sign_file(_portrait(permit), path, keys=permit.keys)


# How an output is saved, and its suffix.
WAYS: dict[str, tuple[Callable[[Path, Permit], None], str]] = {
    "video": (_video, ".mp4"), "live": (_live, ".mp4"), "picture": (_picture, ".webp"), "marked": (_marked, ".jpg"),
    "signed": (_signed, ".png"),
}  # fmt: skip


def _still(permit: Permit) -> np.ndarray:
    return cv2.resize(permit.picture, (128, 128), interpolation=cv2.INTER_AREA)


def _sound() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(640 * FRAMES)).astype(np.float32)


def _portrait(permit: Permit) -> Path:
    path = permit.subjects[0].path
    assert path is not None
    return path

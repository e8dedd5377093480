"""A process that is killed at any step leaves a whole output, signed and registered, or none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from making import picture

from provenance import Claim, Keys, Registry, save_picture, verify
from provenance.registry import FILE

# Where the process is killed: a function, and whether before it does its work or after.
POINTS = [
    ("media.encode", "Encoder.close", "after"),
    ("provenance.manifest", "sign", "before"),
    ("provenance.manifest", "sign", "after"),
    ("provenance.registry.store", "_attach", "before"),  # in the middle of the transaction
    ("provenance.registry.store", "Registry.add", "after"),
    ("os", "replace", "before"),
    ("os", "replace", "after"),
]
PROGRAM = """
import importlib, os, signal, sys
sys.path.insert(0, "tests")
from making import clip, voice
from provenance import Claim, Keys, save_video
folder, module, name, when = sys.argv[1:]
keys, claim = Keys.open(folder + "/keys", create=False), Claim("generate", nobody=True)
owner = importlib.import_module(module)
*above, last = name.split(".")
for part in above:
    owner = getattr(owner, part)
work = getattr(owner, last)
def killed(*arguments, **options):
    if when == "after":
        work(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, last, killed)
save_video(folder + "/out/a.mp4", clip(frames=15, size=128), voice(0.6), claim=claim, keys=keys)
"""


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maker")
    keys = Keys.open(folder / "keys")
    claim = Claim("data", nobody=True)
    save_picture(folder / "first.png", picture(), claim=claim, keys=keys)  # so that there is a registry
    return folder, keys


def test_killed_at_any_step(maker):
    folder, keys = maker
    running = []
    for number, point in enumerate(POINTS):
        place, earlier = folder / str(number), number % 2 == 0
        (place / "out").mkdir(parents=True)
        (place / "keys").symlink_to(keys.folder)
        if earlier:
            (place / "out" / "a.mp4").write_bytes(b"an earlier output")
        command = [sys.executable, "-c", PROGRAM, str(place), *point]
        running.append((point, place, earlier, subprocess.Popen(command, stderr=subprocess.PIPE, text=True)))
        if len(running) % 3 == 0:  # a few at a time
            [process.wait(180) for *_, process in running]
    for point, place, earlier, process in running:
        process.wait(180)
        assert process.returncode == -signal.SIGKILL, (point, process.stderr.read())
        check(place / "out" / "a.mp4", earlier, moved=point == ("os", "replace", "after"), keys=keys)
    assert verify(folder / "first.png", keys=keys).exit_code == 0  # the registry is whole


def check(path: Path, earlier: bool, *, moved: bool, keys: Keys) -> None:
    if not moved:
        assert (path.read_bytes() == b"an earlier output") if earlier else not path.exists()
    else:
        verdict = verify(path, keys=keys)
        assert verdict.exit_code == 0
        registry = Registry(keys.folder / FILE)
        assert registry.by_manifest(verdict.credentials.manifest)
        assert registry.manifest_store(verdict.credentials.manifest)
    left = [name for name in os.listdir(path.parent) if name != path.name]
    assert all(name.startswith(".") for name in left)  # hidden remains of the kill, never under the output's name
    assert len(left) <= 2

"""A wheel that is installed outside a checkout: weights, examples and lab come with it, and nothing else is needed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import wave
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("media", "faces", "provenance", "generate", "detect", "lab", "benchmarks", "vasari")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment that holds the wheel, and beside it what the wheel depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc", "*.nbi", "*.nbc")
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source]
    quick = "--config-settings=--build-option=--compression=stored"  # weights hardly get smaller
    subprocess.run([*build, quick], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    take_compiled(site)
    (site / "others.pth").write_text(
        sysconfig.get_path("purelib")
    )  # its .pth files, the checkout's among them, are not read
    return folder / "env" / "bin" / "python"


def take_compiled(site: Path) -> None:
    """Kernels that numba has compiled for the checkout, which takes longer than all that is run here. It knows them by
    size and time of their source, and compiles what is not there."""
    for index in (path for room in ROOMS for path in (ROOT / room).rglob("__pycache__/*.nb?")):
        source = index.parents[1] / f"{index.name.split('.')[0]}.py"
        target = site / source.relative_to(ROOT)
        if target.is_file() and target.read_bytes() == source.read_bytes():
            (target.parent / "__pycache__").mkdir(exist_ok=True)
            shutil.copy2(index, target.parent / "__pycache__")
            os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))


def test_a_face_is_made_verified_and_judged_outside_a_checkout(python, tmp_path):
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # with networks that others have compiled
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "VASARI_HOME": str(tmp_path / "home")}
    environment |= {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
    environment["XDG_CACHE_HOME"] = cache

    def run(*arguments):
        return subprocess.run([python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)

    def vasari(*arguments):
        return run("-m", "vasari", *arguments)

    site = next(python.parents[1].glob("lib/python*/site-packages"))
    assert (site / "vasari" / "desk" / "static" / "texts" / "en.json").is_file()
    where = run("-c", "import vasari; print(vasari.__file__)")
    assert str(python.parent.parent) in where.stdout
    shutil.copy(ROOT / "examples" / "portrait.png", tmp_path)
    with (
        wave.open(str(ROOT / "examples" / "speech.wav")) as speech,
        wave.open(str(tmp_path / "speech.wav"), "w") as short,
    ):
        short.setparams(speech.getparams())
        short.writeframes(speech.readframes(speech.getframerate() // 2))
    made = vasari("generate", "portrait.png", "speech.wav", "-o", "out.mp4", "--size", "256")
    assert made.returncode == 0, made.stderr
    verified = vasari("verify", "out.mp4")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    judged = vasari("detect", "out.mp4", "--json")
    assert json.loads(judged.stdout)["schema_version"], judged.stderr

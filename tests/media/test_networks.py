"""Weight files, the engines that run them, and what a command does without."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from making import clip, picture, voice, write_video
from safetensors.numpy import save_file

from lab.weights import load_weights
from media import networks
from media.errors import MissingExtraError, UsageError, WeightsError
from media.networks import Network
from media.weights import WeightFile, read_weights
from provenance.marks.picture import WEIGHTS

READER = "watermark", "reader"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def seen() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, (1, 12, 64, 64)).astype(np.float32)


def reader(**options) -> Network:
    return Network.load(WEIGHTS, *READER, precise=True, threads=1, **options)


def test_a_compiled_network_is_kept_and_taken_again(cache: Path, seen: np.ndarray, monkeypatch) -> None:
    first = reader()(seen)[0]
    (kept,) = (cache / "vasari" / "networks").iterdir()
    monkeypatch.setattr(networks, "_compiled", None)  # not to be compiled again
    assert np.array_equal(reader()(seen)[0], first)
    monkeypatch.undo()
    kept.write_bytes(kept.read_bytes()[:-100])
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert np.array_equal(reader()(seen)[0], first)
    assert list(kept.parent.iterdir()) == [kept]


def test_few_forms_of_a_network_are_kept(cache: Path, monkeypatch) -> None:
    for version in range(networks.KEPT + 3):
        monkeypatch.setattr(networks, "_machine", lambda version=version: str(version))
        reader()
    assert len(list((cache / "vasari" / "networks").iterdir())) == networks.KEPT


def test_without_a_place_to_keep_them_networks_run(cache: Path, seen: np.ndarray) -> None:
    cache.write_text("a file where the folder would be")
    assert reader()(seen)[0].shape == (1, 5120)


def test_a_twin_answers_the_same_and_leaves_answers_alone(seen: np.ndarray) -> None:
    one = reader()
    other = one.twin()
    said = one(seen)[0]
    before = said.copy()
    assert not np.array_equal(other(seen + 1)[0], before)
    assert np.array_equal(said, before)


def test_engines_are_chosen_by_name(seen: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="engine abacus: choose one of openvino, onnxruntime"):
        reader(engine="abacus")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"vasari\[onnxruntime\]"):
        reader(engine="onnxruntime")
    monkeypatch.setenv(networks.VARIABLE, "onnxruntime")
    with pytest.raises(MissingExtraError):
        reader()
    assert reader(engine="openvino").engine == "openvino"


def test_weights_are_read_without_a_package_for_onnx() -> None:
    file = read_weights(WEIGHTS, "watermark")
    tensors, card = load_weights(WEIGHTS, "watermark")
    assert card == file.card
    onnx = pytest.importorskip("onnx")
    model = onnx.load(WEIGHTS)
    theirs = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    ours = file.tensors()
    assert ours.keys() == tensors.keys() == {name for name in theirs if not name.startswith("/")}
    assert all(np.array_equal(ours[name], theirs[name].astype(ours[name].dtype)) for name in ours)
    part = onnx.load_from_string(file.part("reader"))
    onnx.checker.check_model(part)
    assert [i.name for i in part.graph.input] == ["reader.seen"]


def test_files_that_are_no_weights_give_one_line(tmp_path: Path) -> None:
    path, content = tmp_path / "w.onnx", WEIGHTS.read_bytes()
    cases = {
        "not a vasari weight file": [b"", b"nonsense", content[: len(content) // 2], b"\x0a\x05ab", bytes(500)],
        "do not match the SHA-256": [content.replace(b"stem", b"sten", 1)],
    }
    for said, contents in cases.items():
        for wrong in contents:
            path.write_bytes(wrong)
            with pytest.raises(WeightsError, match=said) as caught:
                read_weights(path, "watermark")
            assert "\n" not in str(caught.value)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"is a safetensors file; run: python -m lab\.convert"):
        read_weights(path, "watermark")
    with pytest.raises(WeightsError, match="not found"):
        read_weights(tmp_path / "none.onnx", "watermark")
    with pytest.raises(WeightsError, match="'watermark', 'finder' was needed"):
        read_weights(WEIGHTS, "finder")


@pytest.mark.parametrize("engine", networks.ENGINES)
def test_an_engine_that_cannot_run_a_file_says_so_in_one_line(engine: str) -> None:
    file = read_weights(WEIGHTS, "watermark")
    broken = WeightFile(file.path.with_name("broken"), file.card, memoryview(b"\x08\x08nothing"))
    with pytest.raises((WeightsError, MissingExtraError)) as caught:
        Network(broken, engine=engine)
    assert "\n" not in str(caught.value)


def loaded(code: str, *arguments: str) -> set[str]:
    """Names of the packages that a fresh process has imported once `code` has run."""
    told = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", told, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"torch", "timm", "sklearn", "onnx", "transformers", "lab"}


def test_the_command_line_brings_no_torch() -> None:
    assert not loaded("import vasari.cli") & HEAVY


def test_verify_brings_no_torch(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(picture(1, 96)).save(tmp_path / "a.png")
    code = (
        "import sys\nfrom vasari.cli import app\n"
        "try:\n    app(['verify', '--keys', sys.argv[2], '--jsonl', sys.argv[1]])\nexcept SystemExit:\n    pass"
    )
    subprocess.run([sys.executable, "-m", "vasari", "keys", "create", "--keys", str(tmp_path / "keys")], check=True)
    brought = loaded(code, str(tmp_path / "a.png"), str(tmp_path / "keys"))
    assert "openvino" in brought
    assert not brought & HEAVY


def test_a_file_without_marks_brings_no_more_than_it_needs(tmp_path: Path) -> None:
    """No database, as nothing is looked up in it, and no package that takes half a second to import."""
    path = write_video(tmp_path / "a.mp4", clip(1, 40, 96), sound=voice(1.6))
    keys = tmp_path / "keys"
    subprocess.run([sys.executable, "-m", "vasari", "keys", "create", "--keys", str(keys)], check=True)
    code = (
        "import sys\nfrom pathlib import Path\nfrom provenance import Keys, verify\n"
        "verdict = verify(sys.argv[1], keys=Keys.open(Path(sys.argv[2])))\n"
        "assert (verdict.picture_mark.state, verdict.sound_mark.state) == ('absent', 'absent')"
    )
    brought = loaded(code, str(path), str(keys))
    assert "openvino" in brought
    assert not brought & {"scipy", "numba", "sqlalchemy"}


def test_no_module_of_the_product_brings_torch() -> None:
    """All that can be imported, but recipes and the plug for models of the user's own."""
    code = """
import importlib, pkgutil
from media.errors import MissingExtraError
for package in ("media", "faces", "provenance", "generate", "detect", "vasari"):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        parts = found.name.split(".")
        if "training" in parts or parts[-1] in ("__main__", "huggingface", "finding"):
            continue
        try:
            importlib.import_module(found.name)
        except MissingExtraError:
            continue
        except ModuleNotFoundError as error:  # an extra that is not installed
            assert error.name.split(".")[0] not in ("torch", "lab"), found.name
"""
    assert not loaded(code) & {"torch", "timm", "sklearn", "onnx", "lab"}


def test_a_command_without_its_extra_says_how_to_get_it() -> None:
    code = "import sys\nsys.modules['torch'] = None\nfrom vasari.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code, "train", "dynamics"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["vasari: torch is not installed; run: pip install 'vasari[train]'"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_a_network_binds_its_thread_to_no_core(seen: np.ndarray) -> None:
    """Bound, all networks of all processes share the first core, and the others wait."""
    network, allowed = reader(), os.sched_getaffinity(0)
    found: list[set[int]] = []

    def run() -> None:
        for _ in range(40):
            network(seen)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        with contextlib.suppress(ProcessLookupError):
            found.append(os.sched_getaffinity(thread.native_id))
    assert found
    assert all(cores == allowed for cores in found)


def test_openvino_writes_and_reports_nothing(tmp_path: Path) -> None:
    """Its package has a telemetry of its own, which leaves an identifier in the home folder and calls its maker."""
    words = """
import socket, sys
def connect(*given): raise AssertionError("something was sent")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = connect
from faces.closeup import WEIGHTS
from media.networks import Network
Network.load(WEIGHTS, "closeup")
import openvino.tools.ovc.telemetry_utils as telemetry
assert "stub" in telemetry.tm.__name__, telemetry.tm
assert "openvino_telemetry" not in sys.modules
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", words], env=environment, check=True)
    assert not any(home.iterdir())

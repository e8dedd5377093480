"""The same scan on a Ray cluster: a small one of this machine, of one core."""

import contextlib
import io
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO, cast

import pytest
from permits import HELPERS
from test_scanning import Length, measuring
from typer.testing import CliRunner

from media.errors import KeyMaterialError, MissingExtraError, VasariError
from vasari.cli import app
from vasari.scanning import Answer, cluster, scan, scan_on_ray, survey


def measuring_at_home(home: str = "") -> Callable[[str], Length]:
    """`measuring`, for names from the working folder; one takes its actor with it, as the loss of a machine would."""
    look = measuring()
    if not Path("one").exists():
        raise KeyMaterialError(f"{home}: no keys")

    def dangerous(name: str) -> Length:
        word = Path(name).read_text()
        if word == "lost" and not Path("seen").exists():
            Path("seen").touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return look(name)

    return dangerous


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """A cluster of one core that knows this folder's modules."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HELPERS), str(Path(__file__).parent), *sys.path])
    try:
        ray.init(
            address="local", num_cpus=1, include_dashboard=False, object_store_memory=80 << 20, log_to_driver=False
        )
        yield
    finally:
        ray.shutdown()
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found = ["one", "bad", "twelve", "crash", "hang", "lost"]
    for word in found:
        (tmp_path / word).write_text(word)
    monkeypatch.chdir(tmp_path)
    return found


def told(answers: Iterable[Answer]) -> list[tuple[str, Length | None, str]]:
    return [(answer.source, answer.value, str(answer.error)) for answer in answers]


def test_a_cluster_answers_as_this_machine_does_and_outlives_what_is_lost(ray: None, words: list[str]) -> None:
    here = told(scan(words[:3], measuring, workers=1, seconds=1.5))
    there = told(scan_on_ray(iter(words), measuring_at_home, workers=1, seconds=1.5))
    assert there == [
        *here,
        ("crash", None, "crash: ended the process that looked at it"),
        ("hang", None, "hang: could not be looked at within 1.5 s"),
        ("lost", Length(file="lost", length=4), "None"),  # asked about once more
    ]
    assert [error for _, _, error in here] == ["None", "bad: bad", "None"]


def test_what_is_lost_again_and_again_is_an_answer_too() -> None:
    exceptions = pytest.importorskip("ray.exceptions", reason="Ray is not installed")

    def get(promise: object) -> None:
        raise exceptions.ActorUnavailableError("away", None)

    answer = cluster._answer(SimpleNamespace(get=get, exceptions=exceptions), None, "a.mp4")
    assert answer is not None
    assert str(answer.error) == "a.mp4: ended the process that looked at it"


def test_a_list_goes_on_where_it_was_cut_off(ray: None, words: list[str], tmp_path: Path) -> None:
    def survey_on(engine: str, ledger: Path, names: list[str]) -> tuple[list[int], list[dict[str, object]]]:
        lines: list[dict[str, object]] = []
        codes = survey(
            ["-"], measuring, (), lambda record, value, error: lines.append(record), what="measuring",
            workers=1, engine=engine, seconds=9, ledger=ledger, listed=io.StringIO("\n".join(names)),
        )  # fmt: skip
        return codes, lines

    names = [str(tmp_path / word) for word in ("one", "bad", "twelve")]
    codes, lines = survey_on("local", tmp_path / "here", names)
    survey_on("local", tmp_path / "there", names[:1])
    again, rest = survey_on("ray", tmp_path / "there", names)
    assert codes == again == [0, 1, 0]
    assert rest == lines[1:]
    assert (tmp_path / "there").read_text() == (tmp_path / "here").read_text()


def test_what_is_wrong_for_all_files_is_raised(ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the worker goes there as well, and finds no keys
    with pytest.raises(VasariError, match="mine: no keys"):
        next(scan_on_ray(["a"], measuring_at_home, ("mine",), workers=1, seconds=9))
    monkeypatch.setattr(cluster, "PATIENCE", 0.0)
    with pytest.raises(VasariError, match="no free core within 0 s"):
        next(scan_on_ray(["a"], measuring, workers=1, seconds=9))


def test_without_ray_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path))
    result = CliRunner().invoke(app, ["verify", str(tmp_path / "a.mp4"), "--engine", "ray"])
    assert isinstance(result.exception, MissingExtraError)
    assert str(result.exception) == "Ray is not installed; run: pip install 'vasari[ray]'"


def test_a_cluster_that_does_not_answer_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:{1}".format(*taken.getsockname()))
        with pytest.raises(VasariError, match=r"no Ray cluster at 127.0.0.1:\d+ \(\$RAY_ADDRESS\): .*refused$"):
            cluster._connect(None, 1)


def test_a_cluster_that_turns_us_away_may_want_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def init(**options: object) -> None:
        asked.append(options)
        raise ConnectionError("Failed to connect to Ray cluster")

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:{1}".format(*server.getsockname()))
        with pytest.raises(VasariError, match="Failed to connect to Ray cluster; one that asks for a token"):
            cluster._connect(SimpleNamespace(init=init), 1)
    assert [set(options) for options in asked] == [{"address", "logging_level", "log_to_driver"}]


def test_without_a_cluster_a_small_one_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def init(**options: object) -> None:
        asked.append(options)
        if options["address"] == "auto":
            raise ConnectionError("none is running")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cluster._connect(SimpleNamespace(init=init), 3)
    assert [options["address"] for options in asked] == ["auto", "local"]
    assert asked[1]["num_cpus"] == 3
    assert asked[1]["include_dashboard"] is False


def test_what_ray_tells_is_not_among_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.redirect_stdout(cast(TextIO, cluster._Apart(sys.stdout))):
        ray = threading.Thread(target=print, args=("a machine was lost",), name="ray_listen_error_messages")
        ray.start()
        ray.join()
        sys.stdout.write('{"file": "a"}\n')
    assert capsys.readouterr().out == '{"file": "a"}\n'

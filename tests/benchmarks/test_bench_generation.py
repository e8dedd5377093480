"""The benchmark of talking faces: commands as peers, distances, a run with peers that work and that do not."""

import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from sitters import EXAMPLES, PORTRAITS

from benchmarks.generation.entrants import Peer, PeerError, read_peers, run_peer
from benchmarks.generation.measures import WINDOW, frechet, windows
from benchmarks.motion.liveliness import frechet as of_gaussians
from benchmarks.suites import Given, run
from benchmarks.tampering import write
from media import read_picture
from media.errors import UnreadableError
from media.units import SAMPLES_PER_FRAME
from provenance import Keys, Verdict, verify

COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3])"


def peer(script: str, **options) -> Peer:
    command = (sys.executable, "-c", script, "{portrait}", "{speech}", "{out}")
    return Peer(name="other", command=command, **options)


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path, Path]:
    portrait, speech = tmp_path / "a portrait; $(x).png", tmp_path / "speech.wav"
    portrait.write_bytes(b"picture")
    speech.write_bytes(b"sound")
    return portrait, speech, tmp_path / "out.mp4"


def test_a_peer_gets_its_files_as_single_words(given: tuple[Path, Path, Path]) -> None:
    cost = run_peer(peer(COPY), *given)
    assert given[2].read_bytes() == b"picture"
    assert cost.seconds > 0


def test_a_peer_runs_in_its_folder_and_with_its_environment(tmp_path: Path, given: tuple[Path, Path, Path]) -> None:
    script = "import os, sys; open(sys.argv[3], 'w').write(os.getcwd() + os.environ['WHO'])"
    run_peer(peer(script, folder=tmp_path, environment={"WHO": "me"}), *given)
    assert given[2].read_text() == f"{tmp_path.resolve()}me"


def test_a_peer_that_asks_for_a_seed_gets_it(given: tuple[Path, Path, Path]) -> None:
    script = "import sys; open(sys.argv[3], 'w').write(sys.argv[4])"
    seeded = Peer(name="other", command=(*peer(script).command, "--seed={seed}"))
    run_peer(seeded, *given, seed=12)
    assert given[2].read_text() == "--seed=12"


def test_memory_is_that_of_all_it_starts(given: tuple[Path, Path, Path]) -> None:
    child = "import time; held = bytearray(150_000_000); time.sleep(0.8)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); {COPY}"
    assert run_peer(peer(script), *given).memory_mb > 150


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit('no licence found')", "ended with 1: no licence found"),
        ("print('done')", "made no file: done"),
        ("", "made no file: said nothing"),
    ],
)
def test_a_peer_that_fails_says_why(script: str, why: str, given: tuple[Path, Path, Path]) -> None:
    with pytest.raises(PeerError, match=why):
        run_peer(peer(script), *given)


def test_a_peer_that_is_not_there(given: tuple[Path, Path, Path]) -> None:
    missing = Peer(name="other", command=("/nowhere/to/be/found", "{portrait}", "{speech}", "{out}"))
    with pytest.raises(PeerError, match="No such file"):
        run_peer(missing, *given)


def test_a_peer_that_hangs_is_ended_with_all_it_started(tmp_path: Path, given: tuple[Path, Path, Path]) -> None:
    number = tmp_path / "number"
    child = f"import os, time; open({str(number)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    script = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    with pytest.raises(PeerError, match="not done after"):
        run_peer(peer(script, timeout=3), *given)
    time.sleep(0.2)
    started = int(number.read_text())
    assert not psutil.pid_exists(started) or psutil.Process(started).status() == psutil.STATUS_ZOMBIE


def test_peers_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "peers.toml"
    path.write_text(
        '[[peer]]\nname = "one"\ncommand = ["x", "{portrait}", "{speech}", "{out}"]\n'
        '[[peer]]\nname = "two"\ntimeout = 5\ncommand = ["y", "--all={portrait}+{speech}", "-o", "{out}"]\n'
    )
    assert [(p.name, p.timeout) for p in read_peers(path)] == [("one", 900), ("two", 5)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no"),
        ("[[peer]", "not a list of peers"),
        ('[[peer]]\nname = "one"', "command: Field required"),
        ('[[peer]]\nname = "one"\ncommand = ["x", "{portrait}", "{out}"]', "names no {speech}"),
        ('[[peer]]\nname = "../one"\ncommand = ["{portrait}{speech}{out}"]', "name: "),
        ('[[peer]]\nname = "one"\nshell = true\ncommand = ["{portrait}{speech}{out}"]', "shell: Extra"),
        ('[[peer]]\nname = "vasari"\ncommand = ["{portrait}{speech}{out}"]', "taken"),
        ('[[peer]]\nname = "a"\ntimeout = -1\ncommand = ["{portrait}{speech}{out}"]', "timeout"),
        (2 * '[[peer]]\nname = "one"\ncommand = ["{portrait}{speech}{out}"]\n', "taken"),
    ],
)
def test_bad_files_of_peers(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "peers.toml"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=why):
        read_peers(path)
    with pytest.raises(UnreadableError, match="not a list"):
        read_peers(tmp_path / "missing.toml")


def test_frechet_distance_is_that_of_gaussians() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(3, 2, (400, 6))
    made = true * 1.3 + rng.normal(0, 1, (400, 6))
    scale = true.std(0) + 1e-6
    ours = of_gaussians((true - true.mean(0)) / scale, (made - true.mean(0)) / scale)
    assert frechet(made, true) == pytest.approx(ours, rel=1e-3)
    assert frechet(true, true) == pytest.approx(0, abs=1e-3)
    assert frechet(true + 2, true) > frechet(true + 1, true) > 0.1


def test_windows_tell_still_from_moving_and_fast_from_slow() -> None:
    time_ = np.linspace(0, 6, 3 * WINDOW)[:, None]
    still, slow, fast = windows(0 * time_), windows(np.sin(time_)), windows(np.sin(4 * time_))
    assert still.max() < slow.min()
    assert slow[:, 1].mean() < fast[:, 1].mean()
    assert len(windows(np.zeros((WINDOW - 1, 3)))) == 0


def test_a_run_measures_who_made_something_and_names_who_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.generation import measures, suite

    monkeypatch.setattr(measures, "Perceptual", partial(measures.Perceptual, pretrained=False))
    portrait = PORTRAITS[0]
    picture = read_picture(portrait)
    film = tmp_path / "unmarked.mp4"
    write(film, [np.roll(picture, k % 3, axis=1) for k in range(70)], np.zeros(70 * SAMPLES_PER_FRAME, np.float32))
    copying = (sys.executable, "-c", f"import shutil, sys; shutil.copy({str(film)!r}, sys.argv[3])")
    words = ("{portrait}", "{speech}", "{out}")
    monkeypatch.setattr(suite, "ours", lambda keys: Peer(name="vasari", command=(*copying, *words)))
    monkeypatch.setattr(suite, "BASELINES", {"still": suite.BASELINES["still"]})

    def judged(path: Path, keys: Keys) -> SimpleNamespace | Verdict:  # a search for marks where there are none is long
        return SimpleNamespace(verdict="nothing_found") if "vasari" in path.name else verify(path, keys=keys)

    monkeypatch.setattr(suite, "verify", judged)
    peers = tmp_path / "peers.toml"
    peers.write_text('[[peer]]\nname = "broken"\ncommand = ["false", "{portrait}", "{speech}", "{out}"]\n')
    given = Given(tmp_path / "out", portrait, EXAMPLES / "speech.wav", quick=True, peers=peers)
    found = {figure.name: figure for figure in run(suite.SUITE, given).figures}
    assert found["made_pct_broken"].value == 0
    assert "ended with 1" in found["made_pct_broken"].note
    assert found["marked_pct"].value == 0
    assert found["marked_pct_still"].value == 100
    assert found["found_pct_still"].value == 100
    assert found["identity_still"].value > 0.9
    assert found["pose_intensity_still"].value < 0.02
    assert abs(found["lip_corr_still"].value) < 0.5
    assert found["cost_seconds"].value > 0
    assert not any(name.startswith("frechet") for name in found)
    assert (tmp_path / "out" / "sheet-portrait.jpg").is_file()
    assert (tmp_path / "out" / "results.json").is_file()

"""Runs of all suites, their page, and what moved between two of them."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.compare import Change, compare, summary
from benchmarks.figures import Figure, Results, write
from benchmarks.report import page, write_report
from benchmarks.suites import Given, run_or_tell, suite
from benchmarks.sweep import Sweep, measure_all, read_results
from media.errors import UnreadableError
from media.release import ROOT
from vasari.cli import main
from vasari.commands.bench import Suite

HOSTILE = '<script>alert("1")</script>&amp;'


def results(suite: str, *figures: Figure) -> Results:
    return Results(suite=suite, machine={"processor": "a", "cores": 2}, figures=list(figures))


def sweep(*suites: Results, **more) -> Sweep:
    known = {"quick": True, "machine": {"processor": "a", "cores": 2}, "commit": "", "versions": {}, "weights": {}}
    return Sweep(**known | more, suites=list(suites))


def change(before: Figure, after: Figure) -> Change:
    (found,) = compare(results("s", before), results("s", after)).changes
    return found


def works(suite: str) -> Results:
    return results(suite, Figure(name="f", value=1.0, unit="ms"))


def vasari(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["vasari", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_one_failure_does_not_end_the_others(tmp_path: Path) -> None:
    # Jobs that a new process has at hand without importing this file and all that it imports.
    breaks, dies = partial(int, "the ninth gate"), partial(os._exit, 9)
    works = partial(Results, suite="works", machine={}, figures=[])
    jobs = {"breaks": breaks, "dies": dies, "works": works}
    seen, trouble = [], []
    found = measure_all(
        jobs, tmp_path / "out", True, done=lambda s: seen.append(len(s.seconds)), trouble=trouble.append
    )
    assert [r.suite for r in found.suites] == ["works"]
    assert found.failed["breaks"].startswith("ValueError: ")
    assert "the ninth gate" in found.failed["breaks"]
    assert "killed" in found.failed["dies"]
    assert seen == [1, 2, 3]
    assert len(trouble) == 1
    assert "Traceback" in trouble[0]
    assert read_results(tmp_path / "out") == found
    assert {"vasari", "torch"} <= set(found.versions)
    name, digest = next(iter(found.weights.items()))
    assert digest == hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


class Page(HTMLParser):
    """Collects what a browser would load, and whether what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]
        self.classes += [value for name, value in attrs if name == "class"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_opens_offline(tmp_path: Path) -> None:
    (tmp_path / "speed" / "keys").mkdir(parents=True)
    (tmp_path / "speed" / "keys" / "key.json").write_text("secret")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "speed" / 'a "b" <c>#1.png')
    suite = results(
        "speed",
        Figure(name="met", value=2.0, unit="", goal=1, interval=(1.5, 2.5), note=HOSTILE),
        Figure(name=HOSTILE, value=0.5, unit=HOSTILE, goal=1),
        Figure(name="none", value=None, unit="s", goal=1, note="needs --london"),
    )
    write(suite, tmp_path / "speed")
    whole = sweep(suite, failed={"motion": HOSTILE}, seconds={"speed": 61.0}, machine={"processor": HOSTILE})
    text = write_report(whole, tmp_path).read_text(encoding="utf-8")
    parsed = Page()
    parsed.feed(text)
    assert parsed.open == []
    assert "script" not in parsed.tags
    assert {"met", "missed", "none", "failed"} <= set(parsed.classes)
    assert "1.5 to 2.5" in text
    assert "needs --london" in text
    assert len(parsed.loads) == 2  # the picture and results.json: nothing of keys, nothing from elsewhere
    assert all(load.startswith("./") and (tmp_path / unquote(load)).is_file() for load in parsed.loads)


def test_page_of_nothing_is_a_page(tmp_path: Path) -> None:
    parsed = Page()
    parsed.feed(page(sweep(), tmp_path))
    assert parsed.open == []


def about(value: float, error: float, better: str = "higher", **more) -> Figure:
    width = 1.96 * error
    return Figure(name="f", value=value, unit="dB", better=better, interval=(value - width, value + width), **more)


def test_intervals_decide_by_combined_standard_error() -> None:
    # sqrt(3^2 + 4^2) = 5, and 1.96 * 5 = 9.8
    assert change(about(20, 3), about(29.7, 4)).verdict == "same"
    assert change(about(20, 3), about(29.9, 4)).verdict == "better"
    assert change(about(20, 3, "lower"), about(29.9, 4, "lower")).verdict == "worse"
    assert change(about(29.9, 3), about(20, 4)).verdict == "worse"
    assert change(about(20, 3), about(29.9, 4)).error == pytest.approx(5)
    assert change(about(1, 0), about(1, 0)).verdict == "same"
    assert change(about(1, 0), about(0.99, 0)).verdict == "worse"
    within = change(about(20, 3, goal=21), about(22, 4, goal=21))  # crosses its goal by chance
    assert (within.verdict, within.goal) == ("same", "reached")


def test_without_intervals_size_and_goals_decide() -> None:
    def plain(value: float, better: str = "higher", **more) -> Figure:
        return Figure(name="f", value=value, unit="ms", better=better, **more)

    assert change(plain(100), plain(91)).verdict == "same"
    assert change(plain(100), plain(89)).verdict == "worse"
    assert change(plain(100, "lower"), plain(89, "lower")).verdict == "better"
    assert change(plain(-1), plain(1)).verdict == "better"
    assert change(plain(0), plain(0)).verdict == "same"
    assert change(about(100, 1), plain(95).model_copy(update={"unit": "dB"})).verdict == "same"
    lost = change(plain(27, goal=27), plain(26, goal=27))
    assert (lost.verdict, lost.goal) == ("worse", "lost")
    assert change(plain(27, goal=27), plain(27, goal=28)).verdict == "same"  # the goal moved, not the figure


values = st.floats(-1e6, 1e6, allow_nan=False)
spans = st.one_of(st.none(), st.tuples(values, values).map(lambda pair: (min(pair), max(pair))))
figures = st.builds(
    Figure, name=st.just("f"), value=values, unit=st.just(""), goal=st.one_of(st.none(), values), interval=spans
)


@settings(deadline=None, max_examples=80)
@given(figures, figures)
def test_comparison_is_even_handed(a: Figure, b: Figure) -> None:
    b = b.model_copy(update={"goal": a.goal})
    opposite = {"better": "worse", "worse": "better", "same": "same"}
    assert change(b, a).verdict == opposite[change(a, b).verdict]
    assert change(a, a).verdict == "same"


def test_what_is_only_in_one_run_is_said() -> None:
    ms, none = Figure(name="t", value=1.0, unit="ms"), Figure(name="x", value=None, unit="")
    first = sweep(results("speed", ms, none, Figure(name="gone", value=1.0, unit="")), works("tracker"))
    seconds = Figure(name="t", value=1.0, unit="s")
    second = sweep(results("speed", seconds, Figure(name="x", value=1.0, unit="")), works("motion"), quick=False)
    second.failed["tracker"] = "no disk"
    found = compare(first, second)
    assert found.changes == []
    assert found.only_before == ["tracker", "speed/gone"]
    assert found.only_after == ["motion", "speed/x"]
    said = " ".join(found.warnings)
    assert "speed/t: in ms, then in s" in said
    assert "--quick" in said
    assert "tracker failed after: no disk" in said
    assert summary(found) == []
    busy = works("motion").model_copy(update={"machine": {"processor": "b", "cores": 2, "load": 5.5}})
    said = " ".join(compare(works("motion"), busy).warnings)
    assert "processor: a, then b" in said
    assert "load 0, then 5.5" in said
    few = results("speed", ms.model_copy(update={"n": 3}))
    assert compare(results("speed", ms), few).warnings == ["1 of 1 figures are of samples of another size"]


def test_one_suite_compares_with_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    slow = results("speed", Figure(name="f", value=2.0, unit="ms", better="lower"))
    fast = results("speed", Figure(name="f", value=1.0, unit="ms", better="lower"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b.json").write_text(sweep(slow, works("motion")).model_dump_json())
    write(fast, tmp_path / "a")
    assert vasari(monkeypatch, "bench", "compare", tmp_path / "a", tmp_path / "b.json") == 0
    out = capsys.readouterr().out
    assert "speed/f" in out
    assert "speed: 0 better, 1 worse" in out
    assert "only in B: motion" in out
    assert vasari(monkeypatch, "bench", "compare", tmp_path / "a", tmp_path / "b.json", "--fail") == 1
    assert vasari(monkeypatch, "bench", "compare", tmp_path / "b.json", tmp_path / "a", "--fail") == 0
    write(works("motion"), tmp_path)
    assert vasari(monkeypatch, "bench", "compare", tmp_path, tmp_path / "a") == 2
    assert "no figure is in both" in capsys.readouterr().err


def test_help_of_both(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert vasari(monkeypatch, "bench", "compare", "--help") == 0
    assert "--fail" in capsys.readouterr().out
    assert vasari(monkeypatch, "bench", "--help") == 0
    assert "compare A B" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b'{"schema_version": 9}', b'{"schema_version": 1}', b'{"schema_version": 1, "suites": 3}'],
)
def test_no_results_are_one_error(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    with pytest.raises(UnreadableError, match=r"results\.json"):
        read_results(tmp_path)
    file.write_bytes(content)
    with pytest.raises(UnreadableError, match="give the results"):
        read_results(file)


def test_detector_without_a_set_names_the_option(tmp_path: Path) -> None:
    given = Given(tmp_path / "detector", tmp_path, tmp_path)
    found = run_or_tell(suite("detector"), given)
    assert {"auc", "tpr_fpr1", "video_fps", "slice_gap"} <= {f.name for f in found.figures}
    assert all(f.value is None and "--fakes" in f.note for f in found.figures)
    assert read_results(tmp_path / "detector") == found


def pretend(name: str, given: Given) -> Results:
    if name == "tracker":
        raise UnreadableError("the [tracker] has no people")
    given.folder.mkdir(parents=True)
    write(works(name), given.folder)
    return works(name)


def test_all_runs_every_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr("vasari.commands.bench.measure_or_tell", pretend)
    monkeypatch.setattr("benchmarks.sweep.ProcessPoolExecutor", lambda n, mp_context: ThreadPoolExecutor(n))
    out = tmp_path / "out"
    assert vasari(monkeypatch, "bench", "all", "-o", out, "--quick", "--london", tmp_path / "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
    assert not out.exists()
    assert vasari(monkeypatch, "bench", "all", "-o", out, "--quick") == 1
    said = capsys.readouterr()
    assert "the [tracker] has no people" in said.err
    data = json.loads((out / "results.json").read_text())
    suites = {suite.value for suite in Suite} - {"all"}
    assert {r["suite"] for r in data["suites"]} == suites - {"tracker"}
    assert set(data["seconds"]) == suites
    assert set(data["failed"]) == {"tracker"}
    assert {p.parent.name for p in out.glob("*/results.json")} == suites - {"tracker"}
    assert "the [tracker] has no people" in (out / "report.html").read_text()
    assert all(f"{suite}: 0 s" in said.out for suite in suites - {"detector"})

"""The suite `wild`: what it counts, and that a list of clips that is not as it should be is one line."""

from pathlib import Path

import numpy as np
import pytest
from making import clip, write_video

from benchmarks.compare import compare
from benchmarks.detector.judging import Said, said_of
from benchmarks.figures import Figure, Results
from benchmarks.suites import Given, run, run_or_tell, suite
from benchmarks.wild import judging, own
from benchmarks.wild.clips import WildClip, read_clips
from media.errors import UnreadableError

HEAD = "file,label,source,person\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_list_is_read(folder: Path) -> None:
    (folder / "clips.csv").write_text(HEAD + "a.mp4,real,phones,p1\nb.mp4,fake,Some Generator,\n")
    one, other = read_clips(folder)
    assert (one.path, one.made, one.source, one.person) == (folder / "a.mp4", False, "phones", "p1")
    assert (other.made, other.person) == (True, "b.mp4")


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "cannot be read"), ("", "reals and fakes"), (HEAD, "reals and fakes"),
     (HEAD + "a.mp4,real,x,y\n", "reals and"),
     (HEAD + "a.mp4,maybe,x,y\n", "line 2"), (HEAD + "c.mp4,real,x,y\n", "not there"), (HEAD + ",real,x,y\n", "line 2"),
     ("\0\xff\n", "clips.csv")],
)  # fmt: skip
def test_a_list_that_is_none_is_one_line(folder: Path, text: str | None, why: str) -> None:
    if text is not None:
        (folder / "clips.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UnreadableError, match=why):
        read_clips(folder)


def test_shares_are_of_all_clips_and_scores_of_those_that_were_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = {
        "r0": ("synthetic", 2.0), "r1": ("nothing_found", -1.0), "r2": ("cannot_tell", None),
        "r3": ("nothing_found", -2.0), "f0": ("synthetic", 3.0), "f1": ("cannot_tell", 1.0),
    }  # fmt: skip
    clips = [WildClip(Path(name), name[0] == "f", "a-b" if name[0] == "r" else "c", name) for name in answers]
    monkeypatch.setattr(judging, "said_of", lambda path: Said(*answers[path.name]))
    found = {f.name: f for f in judging.measure(Given(tmp_path, tmp_path, tmp_path), clips)}
    assert found["wild_fpr"].value == 0.25
    assert found["wild_tpr"].value == 0.5
    assert found["wild_cannot_tell_pct"].value == pytest.approx(100 / 3)
    assert found["wild_auc"].value == pytest.approx(5 / 6)
    assert (found["wild_n_real"].value, found["wild_n_fake"].value) == (4, 2)
    assert found["wild_a_b_called_synthetic"].value == 0.25


def test_clips_that_cannot_be_read_or_show_nobody_cannot_be_told(tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken.mp4", tmp_path / "empty.mp4"
    broken.write_bytes(b"no video")
    write_video(empty, [np.full((128, 128, 3), 90, np.uint8)] * 12)
    for path in (broken, empty):
        assert said_of(path) == Said("cannot_tell", None)


def test_somebody_filmed_is_made_to_speak_beside_themselves(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_video(path, clip(1, 14, 320))
    given = Given(tmp_path, tmp_path, Path(__file__).resolve().parents[2] / "examples" / "speech.wav", quick=True)
    before = set(tmp_path.rglob("*"))
    (figure,) = own.measure(given, [WildClip(path, False, "x", "p"), WildClip(path, True, "y", "q")])
    assert figure.name == "wild_own_auc"
    assert "1 people made to speak, 1 filmed" in figure.note
    assert figure.value is not None
    assert set(tmp_path.rglob("*")) == before  # nothing of it is written


def test_without_clips_the_suite_says_what_it_needs(tmp_path: Path) -> None:
    given = Given(tmp_path / "out", tmp_path, tmp_path)
    with pytest.raises(UnreadableError, match="needs --wild"):
        run(suite("wild"), given)
    assert not given.folder.exists()
    figures = run_or_tell(suite("wild"), given).figures
    assert {"wild_auc", "wild_fpr", "wild_own_auc"} <= {f.name for f in figures}
    assert all(f.value is None and "--wild" in f.note for f in figures)


def test_figures_of_a_suite_that_is_no_more_are_found_where_they_are_now() -> None:
    def of(suite: str, **values: float) -> Results:
        figures = [Figure(name=name, value=value, unit="") for name, value in values.items()]
        return Results(suite=suite, machine={}, figures=figures)

    found = compare(of("first-light", fps_512=30, lip_corr=0.8, first_frame_s=1), of("speed", fps_512=40))
    assert [(c.suite, c.before.value, c.after.value) for c in found.changes] == [("speed", 30, 40)]
    found = compare(of("first-light", lip_corr=0.8), of("motion", lip_corr_shipped=0.9))
    assert [(c.suite, c.after.name) for c in found.changes] == [("motion", "lip_corr_shipped")]

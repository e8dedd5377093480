"""Fakes of users' own videos: consent, splits, stretches of talk, and what goes with every clip."""

import csv
import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from command_line import vasari
from hypothesis import given, settings
from hypothesis import strategies as st
from making import voice, write_video
from permits import shown
from sitters import latent as latent_of
from sitters import tracked

from faces.actions import ACTION_INDEX
from generate import Talker
from generate.talker import retarget
from lab.fakes import maker, sittings, videos
from lab.fakes.maker import KINDS_OF_CLAIM, Making, make_set
from lab.fakes.people import Shown, read_people
from lab.fakes.sittings import SHARES
from lab.fakes.videos import TAKES, Footage, Look, movement_of, placed, square, stretches
from lab.labelled import SPLITS, check_splits, read_manifest
from media import probe
from media.errors import ConsentError, UnreadableError, UsageError
from provenance import Edited, Keys, grant_consent
from provenance.credentials import manifest
from provenance.permits.claims import MAKING


def claimed(path: Path) -> str:
    """As what a file is signed."""
    store = manifest.read_store(path, "")
    assert store is not None
    return store["manifest"]["assertions"][MAKING]["claim"]


YESTERDAY = str(dt.date.today() - dt.timedelta(days=1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("videos/a.mp4", "videos/deep/b.MOV", "videos/c.webm", "videos/notes.txt", "ann.json", "b.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "videos"


def listed(folder: Path, **changes: dict[str, str] | None) -> Path:
    """A list, CSV, of the three videos; `changes` of a row's cells by its person."""
    rows = {
        "ann": {"file": "a.mp4", "person": "ann", "consent": "ann.json"},
        "bob": {"file": "deep/b.MOV", "person": "bob", "consent": "b.json", "until": ""},
        "cid": {"file": "c.webm", "person": "cid", "consent": "b.json", "age": "31"},
    }
    path = folder.parent / "people.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "person", "consent", "until", "split", "age", "other"])
        writer.writeheader()
        for person, row in rows.items():
            change = changes.get(person, {})
            if change is not None:
                writer.writerow(row | change)
    return path


def test_a_list_is_read_as_csv_and_as_json(folder: Path) -> None:
    people = read_people(listed(folder), folder, SHARES)
    assert [(p.file, p.person, p.consent) for p in people] == [
        ("a.mp4", "ann", "ann.json"), ("c.webm", "cid", "b.json"), ("deep/b.MOV", "bob", "b.json"),
    ]  # fmt: skip
    assert all(p.split in SPLITS for p in people)
    assert not any(p.person in p.name for p in people)
    rows = [{"file": p.file, "person": p.person, "consent": p.consent, "age": 31} for p in people]
    other = folder.parent / "people.json"
    other.write_text("\ufeff" + json.dumps(rows))
    assert [(p.file, p.split, p.age) for p in read_people(other, folder, SHARES)] == [
        (p.file, p.split, "31") for p in people
    ]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"bob": None}, ConsentError, "deep/b.MOV: not on the list"),
        ({"bob": {"consent": "  "}}, ConsentError, "no signed consent of bob is named"),
        ({"bob": {"consent": "signed form of 2 May"}}, ConsentError, "no signed consent of bob"),
        ({"bob": {"until": YESTERDAY}}, ConsentError, f"the consent of bob expired on {YESTERDAY}"),
        ({"bob": {"until": "soon"}}, UnreadableError, "row 2: until"),
        ({"bob": {"split": "exam"}}, UnreadableError, "row 2: split"),
        ({"bob": {"person": ""}}, UnreadableError, "row 2: person: field required"),
        ({"bob": {"file": "a.mp4"}}, UsageError, "a.mp4 is listed twice"),
        (
            {"ann": {"split": "test"}, "bob": {"person": "ann", "split": "train"}},
            UsageError,
            "ann is in test and in tr",
        ),
    ],
)
def test_whoever_did_not_agree_is_not_shown(
    folder: Path, changes: dict[str, dict[str, str] | None], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=re.escape(says)) as raised:
        read_people(listed(folder, **changes), folder, SHARES)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", ["{", '{"file": "a.mp4"}', "[1]", "\0"])
def test_what_is_no_list_is_said(folder: Path, content: str) -> None:
    path = folder.parent / "people.json"
    path.write_text(content)
    with pytest.raises(UnreadableError, match=r"people\.json"):
        read_people(path, folder, SHARES)


def test_nothing_is_made_without_a_list_or_without_anybody(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--people LIST"):
        make_set(Making(tmp_path / "out", videos=folder))
    with pytest.raises(UsageError, match="--videos FOLDER"):
        make_set(Making(tmp_path / "out", n=3))
    with pytest.raises(UsageError, match=r"people.csv: a list of people goes with a folder"):
        make_set(Making(tmp_path / "out", assets=tmp_path, people=listed(folder)))
    with pytest.raises(ConsentError, match="no signed consent of ann"):
        make_set(Making(tmp_path / "out", videos=folder, people=listed(folder, ann={"consent": "no"})))
    assert not (tmp_path / "out").exists()


@settings(max_examples=20, deadline=None)
@given(st.sets(st.text("abcdefgh", min_size=1, max_size=5), min_size=2, max_size=60))
def test_a_person_stays_in_a_split_when_others_come(names: set[str]) -> None:
    from lab.fakes.people import _splits

    rows = [Shown(file=f"{name}/{k}.mp4", person=name, consent="yes") for name in sorted(names) for k in range(2)]
    some, all_ = _splits(rows[:2], Path(), SHARES), _splits(rows, Path(), SHARES)
    assert some == {rows[0].person: all_[rows[0].person]}
    chosen = _splits([row.model_copy(update={"split": "test"}) for row in rows[:1]] + rows[1:], Path(), SHARES)
    assert chosen == all_ | {rows[0].person: "test"}


def look(place: float = 200.0, *, person: int = 1, opening: float = 0.0, blink: float = 0.0, good: bool = True) -> Look:
    found = tracked().parameters
    actions = np.zeros_like(found.actions)
    actions[ACTION_INDEX["eyeBlinkLeft"]] = blink
    middle = np.array([place, 200.0], np.float32)
    return Look(replace(found, actions=actions, rotation=np.zeros(3), centre=middle, scale=60.0), person, good, opening)


def talk(count: int, start: int = 0, **more: float) -> list[Look]:
    return [look(opening=0.2 * (k % 3), **more) for k in range(start, start + count)]


@pytest.mark.parametrize(
    ("looks", "firsts"),
    [
        (talk(30), {0}),
        (talk(9), set()),  # too short
        ([look()] * 30, set()),  # nobody speaks
        ([*talk(6), None, *talk(6)], set()),
        ([*talk(6), look(good=False), *talk(12)], {7, 8, 9}),
        ([*talk(6), *talk(12, place=260.0)], {6, 7, 8}),  # a cut
        ([*talk(6), *talk(12, person=2)], {6, 7, 8}),
        ([*talk(4, blink=0.9), *talk(12)], {4, 5, 6}),  # starts with open eyes
    ],
)
def test_a_stretch_is_of_one_person_who_talks_without_a_cut(looks: list[Look | None], firsts: set[int]) -> None:
    found = stretches(iter(looks), 10)
    assert len(found) == bool(firsts)
    assert set(found) <= firsts


def test_stretches_lie_apart_and_are_few() -> None:
    found = stretches(iter(talk(400)), 10)
    assert len(found) == TAKES
    assert all(b - a >= 35 for a, b in pairwise(found))


def test_a_square_lies_within_the_picture() -> None:
    near = look(60.0).parameters  # 384 pixels around the head, in a picture of 400 by 300
    box = square((300, 400, 3), near)
    assert box is not None
    assert (box.left, box.top, box.side) == (0, 0, 300)
    assert square((205, 400, 3), near) is None  # too little of the usual square
    assert square((300, 400, 3), near.scaled(0.5)) is None  # too small a face


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_movement_leads_to_the_poses_that_it_was_read_from(seed: int) -> None:
    rng, start = np.random.default_rng(seed), latent_of(256)
    moments = []
    for _ in range(3):
        eyes = np.clip(start.pose.gaze + rng.normal(0, 0.1, 2), -0.6, 0.6)
        parameters = replace(
            tracked().parameters, rotation=start.pose.rotation + rng.normal(0, 0.15, 3), gaze=eyes,
            centre=start.pose.centre + rng.normal(0, 9, 2), scale=start.pose.scale * float(rng.uniform(0.8, 1.2)),
            actions=rng.uniform(0, 1, 52).astype(np.float32),
        )  # fmt: skip
        moments.append(placed(start, parameters))
    clip = movement_of(start, moments)
    for k, moment in enumerate(moments):
        again = retarget(start, clip.actions[k], clip.rotation[k], clip.translation[k], clip.gaze[k])
        assert again.pose.rotation == pytest.approx(moment.pose.rotation, abs=1e-3)
        assert again.pose.centre == pytest.approx(moment.pose.centre, abs=0.05)
        assert again.pose.scale == pytest.approx(moment.pose.scale, rel=1e-3)
        assert again.pose.gaze.mean(0) == pytest.approx(moment.pose.gaze.mean(0), abs=1e-3)
        assert (again.actions >= moment.actions - 1e-3).all()  # what the portrait shows at rest is kept


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video of somebody who opens and shuts their mouth, as if a camera had filmed them."""
    folder = tmp_path_factory.mktemp("filmed") / "videos"
    folder.mkdir()
    face = latent_of(256)
    moments = [face.edit(jawOpen=0.15 + 0.12 * np.sin(k), eyeBlinkLeft=0.0, eyeBlinkRight=0.0) for k in range(16)]
    renderer = Talker(face, None).renderer
    write_video(folder / "ann.mp4", [renderer.render(moment) for moment in moments], sound=voice(0.64, 2))
    (folder / "broken.mp4").write_bytes(b"no film")
    return folder


def people_of(folder: Path, rows: Iterable[tuple[str, str]], keys: Keys) -> Path:
    """The list of who is seen, each with a consent for the video, signed with `keys`."""
    path, until = folder.parent / "people.json", dt.date.today() + dt.timedelta(days=1)
    told = {"split": "train", "sex": "female"}
    for file, person in rows:
        consent = folder.parent / f"{person}.json"
        grant_consent(
            consent, portrait=folder / file, subject=person, purpose="fakes to train with", until=until,
            granted_by=person, keys=keys,
        )  # fmt: skip
    listed = [{"file": file, "person": person, "consent": f"{person}.json", **told} for file, person in rows]
    path.write_text(json.dumps(listed))
    return path


def test_a_consent_that_is_not_ours_stops_everything(filmed: Path, tmp_path: Path) -> None:
    people = people_of(filmed, [("ann.mp4", "ann"), ("broken.mp4", "bob")], Keys.open(tmp_path / "others"))
    making = Making(tmp_path / "set", videos=filmed, people=people, keys=tmp_path / "keys")
    with pytest.raises(ConsentError, match="signed by somebody else"):
        make_set(making)
    assert not (tmp_path / "set" / "clips").exists() or not any((tmp_path / "set" / "clips").iterdir())


def test_reals_and_fakes_of_a_video_are_made_alike(
    filmed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sittings.FRAMES, "train", 8)
    monkeypatch.setattr(videos, "SPOKEN", 1.0)
    people = people_of(filmed, [("ann.mp4", "ann"), ("broken.mp4", "bob")], Keys.open(tmp_path / "keys"))
    making = Making(tmp_path / "set", videos=filmed, people=people, n=100, keys=tmp_path / "keys")
    told = vasari(
        "data", "fakes", "-o", making.folder, "--videos", filmed, "--people", people, "--keys", making.keys,
        "--workers", 1,
    )  # fmt: skip
    assert told.code == 0, told.err
    items = read_manifest(making.folder)
    assert f"{making.folder}: 1 real and {len(items) - 1} fake clips (train {len(items)})" in told.out.replace("\n", "")
    assert "broken.mp4" in caplog.text
    check_splits(items)
    kinds = {item.kind for item in items}
    assert kinds > {"real", "sound_shift", *maker.ALWAYS}
    assert len(kinds & set(maker.DRAWN)) == maker.SOME
    for field in ("size", "frames", "codec", "sound", "person", "sitting", "split", "source", "sex", "voice"):
        assert len({getattr(item, field) for item in items}) == 1, field
    one = items[0]
    assert (one.person, one.source, one.split, one.frames, one.sound) == ("ann", "video", "train", 8, True)
    assert {item.kind for item in items if item.traits.get("movement") == "drawn"} == {"talk", "flow", "mouth"}
    for item in items:
        info = probe(making.folder / item.file)
        assert (info.width, info.has_sound) == (256, True)
        told = claimed(making.folder / item.file)
        assert told == KINDS_OF_CLAIM.get(item.kind, Edited).kind, item.kind

    def never(*_: object) -> None:
        raise AssertionError("made again")

    (making.folder / "parts" / f"{Shown(file='broken.mp4', person='b').name}.jsonl").touch()
    monkeypatch.setattr(maker, "_sit", never)
    assert sorted(make_set(making), key=lambda item: item.file) == items


def test_another_voice_is_of_somebody_else_of_the_same_split(tmp_path: Path) -> None:
    blank = [np.zeros((64, 64, 3), np.uint8)] * 50
    sounds = {"ann": voice(2, 1), "bob": voice(2, 2), "cid": voice(2, 3), "dan": np.zeros(32_000, np.float32)}
    for name, sound in sounds.items():
        write_video(tmp_path / f"{name}.mp4", blank, sound=sound)
    splits = {"ann": "train", "bob": "test", "cid": "train", "dan": "train"}
    footage = Footage.__new__(Footage)
    footage.folder = tmp_path
    footage.people = [
        Shown(file=f"{name}.mp4", person=name, consent="yes", split=split) for name, split in splits.items()
    ]
    for seed in range(3):
        job = sittings.Job(0, "train", False, seed)
        found = footage._another_voice("ann", job, 12_800, np.random.default_rng(seed))
        assert found is not None
        said, who = found
        assert who == "cid"  # dan says nothing, bob is in another split
        assert said.shape == (12_800,)
        assert np.abs(said).max() > 0.05
    assert footage._another_voice("bob", sittings.Job(0, "test", False, 1), 12_800, np.random.default_rng(0)) is None
    assert footage._another_voice("ann", job, 64_000, np.random.default_rng(0)) is None  # nobody speaks for so long


def test_what_was_generated_is_no_real(filmed: Path, tmp_path: Path) -> None:
    from provenance import save_video

    frames = [latent_of(256).appearance.picture] * 3
    (tmp_path / "in").mkdir()
    made = tmp_path / "in" / "made.mp4"
    save_video(made, shown(Keys.open(tmp_path / "keys"), frames, command="test"))
    footage = Footage.__new__(Footage)
    footage.folder = tmp_path / "in"
    with pytest.raises(UsageError, match=r"made\.mp4: its credentials say that it was generated"):
        next(footage.sittings(Shown(file="made.mp4", person="x", consent="yes", split="train")))

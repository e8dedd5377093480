"""A spoken notice: before the sound, marked with it, and stated as it was said."""

import json
from types import SimpleNamespace

import av
import numpy as np
import pytest
from command_line import vasari, write_sound
from making import clip, picture, voice, write_video
from permits import left, permit, shown, told
from PIL import Image
from searching import little_search  # noqa: F401
from sitters import EXAMPLES

import vasari as product
from media import SAMPLE_RATE, VideoReader, probe, read_sound, voices
from media.errors import UsageError
from provenance import Cut, Notice, Outlet, Recorded, mark_file, save_live, save_picture, save_video, verify
from provenance.marks.notice import ASSERTION, SENTENCES
from provenance.read.statements import spoken_notice

pytest_plugins = ["maker_fixtures", "command_fixtures"]
pytestmark = pytest.mark.usefixtures("little_search")
SPOKEN = pytest.mark.skipif(not voices.voices(), reason="espeak-ng is not on this machine")


@pytest.fixture(scope="module")
def notice() -> Notice:
    """As somebody recorded it."""
    return Notice("en", "This was made by AI.", voice(1.01, seed=9))


@pytest.fixture
def mute(monkeypatch, tmp_path) -> None:
    """A machine without a synthesiser."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    voices.voices.cache_clear()
    yield
    voices.voices.cache_clear()


def alike(one: np.ndarray, other: np.ndarray) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


def stereo(path, seconds: float):
    """48 kHz of 24 bits, another sound on either side."""
    times = np.arange(int(seconds * 48_000)) / 48_000
    sides = [np.interp(times, np.arange(int(seconds * 16_000)) / 16_000, voice(seconds, seed)) for seed in (1, 2)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s24le", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack(sides).astype(np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def test_it_lasts_whole_frames_and_holds_the_first(notice):
    assert (notice.frames, notice.seconds) == (26, 1.04)
    assert list(notice.held(iter("ab"))) == ["a"] * 27 + ["b"]
    assert list(notice.held([])) == []
    with pytest.raises(ValueError, match="read-only"):
        notice.sound[0] = 1


@pytest.mark.parametrize(
    ("words", "sound"),
    [("", voice(1)), ("two\nlines", voice(1)), ("x" * 301, voice(1)), ("good", np.zeros(0, np.float32)),
     ("good", np.zeros(21 * SAMPLE_RATE, np.float32))],
)  # fmt: skip
def test_what_is_no_notice_is_refused(words, sound):
    with pytest.raises(UsageError):
        Notice("en", words, sound)


@pytest.mark.parametrize("silent", [False, True])
def test_it_is_before_the_sound_marked_and_stated(silent, notice, tmp_path, keys):
    frames, sound = clip(frames=75), None if silent else voice(3.0)
    out = tmp_path / "out.mp4"
    saved = save_video(out, shown(keys, notice.held(frames), sound, notice=notice))
    assert saved.frames == notice.frames + 75
    heard, at = read_sound(out), len(notice.sound)
    assert alike(heard[:at], notice.sound) > 0.98
    assert silent or alike(heard[at:], sound) > 0.98
    first = [frame.astype(int) for _, frame in zip(range(notice.frames), VideoReader(out), strict=False)]
    assert np.abs(first[0] - first[-1]).mean() < 2
    found = verify(out, keys=keys)
    assert (found.exit_code, found.sound_mark.state) == (0, "found" if not silent else found.sound_mark.state)
    assert (found.credentials.notice.words, found.credentials.notice.seconds) == (notice.words, 1.04)
    assert any("a spoken notice is claimed" in reason and notice.words in reason for reason in found.reasons)
    assert left(tmp_path) == ["out.mp4"]


def test_of_sound_alone(notice, tmp_path, keys):
    source = stereo(tmp_path / "in.wav", 4.0)
    for suffix in (".wav", ".m4a"):
        marked = mark_file(source, tmp_path / f"out{suffix}", keys=keys, notice=notice)
        heard, at = read_sound(marked.saved.path), len(notice.sound)
        assert alike(heard[:at], notice.sound) > 0.95
        assert alike(heard[at:], read_sound(source)) > 0.95
        assert abs(probe(marked.saved.path).duration - 5.04) < 0.1
        found = verify(marked.saved.path, keys=keys)
        assert (found.exit_code, found.sound_mark.state) == (0, "found")
        assert found.credentials.notice.language == "en"
        assert not found.credentials.generated  # others made it; that a notice was put there says nothing more
        assert "c2pa.edited" in json.dumps(told(marked.saved.path))
    plain = mark_file(source, tmp_path / "plain.wav", keys=keys).saved
    assert verify(plain.path, keys=keys).credentials.notice is None


def test_nothing_else_takes_one(notice, tmp_path, keys):
    Image.fromarray(picture(1)).save(tmp_path / "in.png")
    write_video(tmp_path / "in.mp4", clip(frames=10), sound=voice(0.4))
    for name in ("in.png", "in.mp4"):
        with pytest.raises(UsageError, match="before sound alone"):
            mark_file(tmp_path / name, tmp_path / f"out{name[2:]}", keys=keys, notice=notice)
    with pytest.raises(UsageError, match="takes none"):
        save_picture(tmp_path / "out.png", shown(keys, picture(), notice=notice))
    moment = SimpleNamespace(frame=picture(), sound=voice(0.04))
    with pytest.raises(UsageError, match="takes none"):
        save_live(tmp_path / "out.mp4", shown(keys, [moment], notice=notice), Outlet(SimpleNamespace(write=len)))
    with pytest.raises(UsageError, match="a camera took"):
        permit(keys).perform(Recorded, Cut(first=0, frames=1), command="cut", notice=notice)
    with pytest.raises(UsageError, match="Notice is needed"):
        shown(keys, picture(), notice="en")
    assert left(tmp_path) == ["in.mp4", "in.png"]


@pytest.mark.parametrize(
    "said",
    [{}, {"place": "end"}, {"seconds": "long"}, {"seconds": float("nan")}, {"seconds": -1}, {"seconds": 1e9},
     {"words": ["a"]}, {"language": None}],
)  # fmt: skip
def test_a_strangers_words_are_not_taken_as_they_are(said, notice):
    whole = notice.said()
    assert spoken_notice({"assertions": {ASSERTION: whole}}) is not None
    assert spoken_notice({"assertions": {ASSERTION: (whole | said) if said else {}}}) is None
    odd = spoken_notice({"assertions": {ASSERTION: whole | {"words": "a\x1b[2J" + "b" * 999}}})
    assert odd.words.isprintable()
    assert len(odd.words) < 320


@SPOKEN
def test_every_sentence_is_spoken():
    for language, (of_voice, of_video) in SENTENCES.items():
        said = Notice.of(language, "voice")
        assert said.words == of_voice != of_video
        assert 1 < said.seconds < 6
        assert 0.3 < np.abs(said.sound).max() <= 1


@SPOKEN
def test_commands_say_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    source = write_sound(tmp_path / "in.wav", voice(4.0))
    for words, language in (
        (("--notice", source), "en"),
        (("--notice", "de", source), "de"),
        (("--notice=fr", source), "fr"),
    ):
        out = tmp_path / f"{language}.wav"
        done = vasari("mark", *words, "-o", out)
        assert done.code == 0, done.err
        (record,) = json.loads(vasari("verify", out, "--json").out)
        assert record["credentials"]["notice"]["words"] == SENTENCES[language][0]
    assert "spoken notice" in vasari("verify", out).out
    done = vasari("mark", source, "-o", tmp_path / "no.wav", "--notice", "xx")
    assert (done.code, "choose one of" in done.line) == (2, True)
    assert not (tmp_path / "no.wav").exists()


def test_without_a_synthesiser_it_is_said(mute, tmp_path):
    source = write_sound(tmp_path / "in.wav", voice(3.0))
    given = (EXAMPLES / "portrait.png", source)
    for words in (("mark", source), ("generate", *given)):
        done = vasari(*words, "-o", tmp_path / ("out.wav" if words[0] == "mark" else "out.mp4"), "--notice")
        assert (done.code, "install espeak-ng" in done.line) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav"]


def test_live_takes_none():
    done = vasari("generate", EXAMPLES / "portrait.png", "-", "--live", "-o", "out.mp4", "--notice", "en")
    assert (done.code, "say it yourself" in done.line) == (2, True)


def test_the_face_is_at_rest_meanwhile_and_controls_begin_with_the_speech(notice, tmp_path, monkeypatch, one_thread):
    from generate.acting import Controls

    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    speech, asked = write_sound(tmp_path / "in.wav", read_sound(EXAMPLES / "speech.wav")[8000:24_000]), []

    def curve(seconds: float) -> Controls:
        asked.append(seconds)
        return Controls()

    out = tmp_path / "out.mp4"
    saved = product.generate(EXAMPLES / "portrait.png", speech, out, size=128, controls=curve, notice=notice)
    assert saved.frames == notice.frames + 25
    assert (min(asked), max(asked) < 1.2) == (0.0, True)
    moved = tmp_path / "moved.mp4"
    assert (
        product.animate(EXAMPLES / "portrait2.png", out, moved, size=128, notice=notice).frames
        == 2 * notice.frames + 25
    )
    assert product.verify(moved).credentials.notice.words == notice.words

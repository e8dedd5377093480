"""A face for voice assistants: what comes out is marked and in step, silence comes at once, nothing is left over."""

import asyncio
import importlib
import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from making import clip, voice
from permits import left, permit
from sitters import EXAMPLES, latent
from streaming import Puppet, Script, Sketch, sketching

from media.errors import MissingExtraError, OutputError, SpeechError, UsageError
from provenance import Keys, Label, Permit, Registry, verify
from provenance.marks.identity import sound_message
from provenance.marks.picture import PictureReader
from provenance.marks.sound import SoundReader
from provenance.registry import FILE
from vasari.agents import face as faces
from vasari.agents.face import Face, Listener, Session, Shown
from vasari.studio import Sitter

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside")
SIZE = 256


class Film(Sketch):
    """In place of a renderer: shows a clip of people of the permit."""

    frames = clip(frames=40, size=SIZE)

    def finish(self, prepared: object) -> np.ndarray:
        return self.frames[len(self.shown) % len(self.frames)]


def sketched(keys: Keys) -> Face:
    """A face that takes no time."""
    made = object.__new__(Face)
    talker = sketching(latent(64))
    talker.renderer, talker.models = Film(), {}
    made.permit, made.size, made._motion, made._busy = permit(keys), SIZE, Puppet(), threading.Lock()
    made._sitter = Sitter(talker, lambda frame: frame, whole=True)
    return made


@pytest.fixture
def face(keys: Keys) -> Iterator[Face]:
    yield sketched(keys)
    stages = {"conversation", "mark", "encode", "readback", "move", "carry"}
    left = [thread for thread in threading.enumerate() if thread.name.partition("_")[0] in stages]
    for thread in left:  # the last frame is taken before the record is signed
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)


def pcm(sound: np.ndarray) -> bytes:
    return (sound * 32767).astype("<i2").tobytes()


def say(session: Session, seconds: float) -> np.ndarray:
    """A piece of speech at 16 kHz, all at once."""
    sound = voice(seconds)
    session.say(pcm(sound), 16_000)
    session.end_of_speech()
    return sound


def check_marks(keys: Keys, frames: list[np.ndarray], sounds: list[np.ndarray], message: int) -> None:
    pictures, heard = PictureReader(keys.mark_key), SoundReader(keys.mark_key)
    for frame in frames:
        pictures.add(frame)
    for sound in sounds:
        heard.add(sound)
    assert pictures.read().message == message
    assert heard.read().message == sound_message(message)


def test_what_comes_out_is_labelled_marked_and_in_step(tmp_path: Path, keys: Keys, face: Face) -> None:
    registry = Registry(tmp_path / "in" / FILE)
    with face.begin(keep=tmp_path / "a.mp4", registry=registry, realtime=False) as session:
        said = say(session, 3.0)
        session.close()
        coming = iter(session)
        shown = [next(coming)]
        assert [entry.kind for entry in registry.of_kind("live")] == ["live"]
        shown += coming
    assert [len(one.sound) for one in shown] == [640] * 75
    assert [k for k, one in enumerate(shown) if one.ended] == [74]
    saved = session.saved
    assert saved is not None
    message = int(saved.mark, 16)
    check_marks(keys, [one.frame for one in shown], [one.sound for one in shown], message)
    heard = np.concatenate([one.sound for one in shown])
    assert np.corrcoef(heard, said)[0, 1] > 0.99
    assert np.abs(np.frombuffer(shown[9].pcm, "<i2") / 32767 - shown[9].sound).max() < 1e-4
    assert left(tmp_path) == ["a.mp4"]
    verdict = verify(saved.path, keys=keys, registry=registry)
    assert (verdict.exit_code, verdict.label.stated.kind, verdict.label.state) == (0, "on", "seen")


def test_a_real_face_and_then_a_second_conversation_with_it(keys: Keys, tmp_path: Path) -> None:
    face = Face(Permit.of(EXAMPLES / "portrait.png", keys=keys), size=192)
    for kept in (tmp_path / "a.mp4", None):
        with face.begin(keep=kept, realtime=False) as session:
            say(session, 0.5)
            session.close()
            assert len(list(session)) == 13
        assert session.saved is not None
        assert session.saved.frames == 13
    assert left(tmp_path) == ["a.mp4"]


def test_it_lives_on_while_nobody_speaks_and_hears(face: Face) -> None:
    with face.begin(clock=Script()) as session:
        coming = iter(session)
        idle = list(itertools.islice(coming, 10))
        assert max(np.abs(one.sound).max() for one in idle) < 1e-3
        session.hear(pcm(voice(0.1)), 48_000, 2)
        say(session, 0.4)
        spoken = list(itertools.islice(coming, 60))
        assert max(np.abs(one.sound).max() for one in spoken) > 0.1
        assert sum(one.ended for one in spoken) == 1


@pytest.mark.parametrize("then", [0.0, 0.4])
def test_it_is_silent_with_the_next_frame_and_what_waits_is_dropped(face: Face, then: float) -> None:
    with face.begin(realtime=False) as session:
        say(session, 20.0)
        coming = iter(session)
        before = list(itertools.islice(coming, 30))
        assert not any(one.hushed for one in before)
        session.cancel()
        said = say(session, then) if then else None
        session.close()
        after = list(coming)
    assert len(after) < 40
    old = [one for one in after if one.hushed]
    assert after[: len(old)] == old
    assert not np.abs(old[0].sound[480:]).any()
    assert not any(np.abs(one.sound).any() for one in old[1:])
    new = [one for one in after if not one.hushed]
    assert len(new) == 25 * then
    assert sum(one.ended for one in after) == bool(then)
    if said is not None:
        assert np.corrcoef(np.concatenate([one.sound for one in new]), said)[0, 1] > 0.95


def test_an_event_loop_takes_them_too(face: Face) -> None:
    async def taken() -> list[Shown]:
        session = face.begin(realtime=False)
        say(session, 1.0)
        session.close()
        return [one async for one in session]

    assert len(asyncio.run(taken())) == 25


def test_who_leaves_ends_it_and_what_was_shown_is_signed(tmp_path: Path, keys: Keys, face: Face) -> None:
    session = face.begin(keep=tmp_path / "a.mp4", realtime=False)
    say(session, 9.0)
    next(iter(session))
    with pytest.raises(UsageError, match="end that one first"):
        face.begin()
    saved = session.end()
    assert saved.frames < 60
    assert verify(tmp_path / "a.mp4", keys=keys).exit_code == 0
    with pytest.raises(UsageError, match="closed"):
        session.say(pcm(voice(0.1)), 16_000)


def test_nobody_takes_frames(monkeypatch: pytest.MonkeyPatch, face: Face) -> None:
    monkeypatch.setattr(faces, "PATIENCE", 0.0)
    session = face.begin(realtime=False)
    say(session, 2.0)
    session._thread.join()
    with pytest.raises(OutputError, match="nobody has taken a frame"):
        list(session)
    with pytest.raises(OutputError, match="nobody has taken a frame"):
        session.end()


def test_what_is_refused(tmp_path: Path, keys: Keys, face: Face) -> None:
    with pytest.raises(UsageError, match="choose an even number"):
        Face(permit(keys), size=127)
    with pytest.raises(UsageError, match="outputs end in"):
        face.begin(keep=tmp_path / "a.txt")
    with pytest.raises(UsageError, match="jitter"):
        face.begin(jitter=-1)
    session = face.begin(label=Label("off"), realtime=False)
    with pytest.raises(UsageError, match="needs a reason"):
        list(session)
    with pytest.raises(UsageError, match="needs a reason"):
        session.end()
    assert left(tmp_path) == []


def test_sound_of_any_rate_is_heard_whole() -> None:
    t = np.arange(48_000) / 24_000
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    stereo = pcm(np.repeat(tone, 2))
    for data, channels in ((pcm(tone), 1), (stereo, 2)):
        listener, step = Listener(), 2 * channels * 441
        parts = [listener.listen(data[at : at + step], 24_000, channels) for at in range(0, len(data), step)]
        heard = np.concatenate([*parts, listener.rest()])
        assert abs(len(heard) - 32_000) < 40
        want = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000)
        assert np.abs(heard - want)[100:-100].max() < 0.01
    for wrong in ((b"123", 16_000, 1), (b"12", 16_000, 2), (b"", 16_000, 6), (b"12", 100, 1)):
        with pytest.raises(SpeechError, match="are needed"):
            Listener().listen(*wrong)


@pytest.mark.parametrize("package", ["pipecat", "livekit"])
def test_a_missing_package_is_said_in_a_line(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"vasari.agents.{package}", raising=False)
    with pytest.raises(MissingExtraError, match=r"is not installed; run: pip install 'vasari\[agents\]'"):
        importlib.import_module(f"vasari.agents.{package}")


def test_pipecat_gets_marked_frames_in_step(keys: Keys, tmp_path: Path, face: Face) -> None:
    pytest.importorskip("pipecat")
    from pipecat.frames import frames as kinds
    from pipecat.tests.utils import run_test

    from vasari.agents.pipecat import FaceProcessor

    registry = Registry(tmp_path / "in" / FILE)
    processor = FaceProcessor(face, keep=tmp_path / "a.mp4", registry=registry, realtime=False)
    data = pcm(np.repeat(voice(3.0), 2))  # at 32 kHz
    speech = [kinds.TTSAudioRawFrame(data[at : at + 6400], 32_000, 1) for at in range(0, len(data), 6400)]
    ends = kinds.TTSStartedFrame(), kinds.TTSStoppedFrame()
    heard = kinds.InputAudioRawFrame(pcm(voice(0.1)), 16_000, 1)
    down, up = asyncio.run(run_test(processor, frames_to_send=[heard, ends[0], *speech, ends[1]]))
    images = [frame for frame in down if type(frame) is kinds.OutputImageRawFrame]
    sounds = [frame for frame in down if isinstance(frame, kinds.OutputAudioRawFrame)]
    assert {type(frame) for frame in sounds} == {kinds.SpeechOutputAudioRawFrame}
    assert heard in down
    assert not any(isinstance(frame, kinds.ErrorFrame) for frame in up)
    assert len(images) == len(sounds) == 75
    assert all(one.sync_with_audio and one.size == (SIZE, SIZE) and one.format == "RGB" for one in images)
    assert {(one.sample_rate, one.num_channels, one.num_frames) for one in sounds} == {(16_000, 1, 640)}
    frames = [np.frombuffer(one.image, np.uint8).reshape(SIZE, SIZE, 3) for one in images]
    waves = [np.frombuffer(one.audio, "<i2").astype(np.float32) / 32767 for one in sounds]
    check_marks(keys, frames, waves, int(registry.of_kind("live")[0].mark, 16))
    assert verify(tmp_path / "a.mp4", keys=keys, registry=registry).exit_code == 0


def test_pipecat_frames_do_what_they_say(face: Face) -> None:
    pytest.importorskip("pipecat")
    from pipecat.frames import frames as kinds

    from vasari.agents.pipecat import FaceProcessor

    done: list[str] = []
    names = ("say", "hear", "cancel", "end_of_speech")
    told = SimpleNamespace(over=False, **{name: lambda *_, name=name: done.append(name) for name in names})

    async def tell() -> None:
        processor = FaceProcessor(face)
        processor.session = told
        for frame in (
            kinds.TTSStartedFrame(), kinds.TTSAudioRawFrame(b"", 16_000, 1), kinds.TTSStoppedFrame(),
            kinds.InterruptionFrame(), kinds.InputAudioRawFrame(b"", 16_000, 1),
        ):  # fmt: skip
            await processor._told(frame)

    asyncio.run(tell())
    assert done == ["say", "end_of_speech", "cancel", "hear"]


def test_livekit_gets_marked_frames_and_ends_of_segments(keys: Keys, tmp_path: Path, face: Face) -> None:
    pytest.importorskip("livekit.agents")
    from livekit import rtc
    from livekit.agents.voice.avatar import AudioSegmentEnd

    from vasari.agents.livekit import FaceVideo

    registry = Registry(tmp_path / "in" / FILE)

    async def run() -> list[object]:
        video = FaceVideo(face, keep=tmp_path / "a.mp4", registry=registry, realtime=False)
        assert (video.options.video_width, video.options.video_fps, video.options.audio_sample_rate) == (256, 25, 16000)
        data = pcm(voice(3.0))
        for at in range(0, len(data), 3200):
            await video.push_audio(rtc.AudioFrame(data[at : at + 3200], 16_000, 1, len(data[at : at + 3200]) // 2))
        await video.push_audio(AudioSegmentEnd())
        assert video.session is not None
        video.session.close()
        given = [frame async for frame in video]
        await video.aclose()
        return given

    given = asyncio.run(run())
    frames = [np.frombuffer(one.data, np.uint8).reshape(SIZE, SIZE, 4) for one in given if type(one) is rtc.VideoFrame]
    sounds = [np.asarray(one.data, np.float32) / 32767 for one in given if type(one) is rtc.AudioFrame]
    assert (len(frames), len(sounds), len(given)) == (75, 75, 151)
    assert type(given[-1]) is AudioSegmentEnd
    message = int(registry.of_kind("live")[0].mark, 16)
    check_marks(keys, [frame[..., :3] for frame in frames], sounds, message)
    assert verify(tmp_path / "a.mp4", keys=keys, registry=registry).exit_code == 0


def test_livekit_is_given_no_sound_of_silence_and_none_after_it_was_cleared(face: Face) -> None:
    pytest.importorskip("livekit.agents")
    from livekit import rtc

    from vasari.agents.livekit import FaceVideo

    async def run() -> tuple[list[object], list[object]]:
        video = FaceVideo(face, clock=Script())
        coming = aiter(video)
        idle = [await anext(coming) for _ in range(10)]
        await video.push_audio(rtc.AudioFrame(pcm(voice(5.0)), 16_000, 1, 80_000))
        while type(await anext(coming)) is not rtc.AudioFrame:
            pass
        video.clear_buffer()
        after = [await anext(coming) for _ in range(20)]
        await video.aclose()
        return idle, after

    idle, after = asyncio.run(run())
    assert {type(one) for one in (*idle, *after)} == {rtc.VideoFrame}

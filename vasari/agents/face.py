"""A face for a voice assistant: speech goes in as it is synthesised, marked frames and marked sound come out.

    face = Face(Permit.of("examples/portrait.png", keys=Keys.open()))     once; takes seconds
    session = face.begin(keep="call.mp4")                                 a conversation
    session.say(pcm, 24_000); session.end_of_speech()                     from any thread; never waits
    async for shown in session: ...                                       or `for`: shown.frame, shown.sound

What comes out is what `provenance.save_live` labelled, marked, coded and kept (`provenance.Uncoded`): the registry has
the marks' message before the first frame is handed out, consent is checked again, the visible label is on, and the
conversation is signed when it ends. Pixels that a transport sends carry no credentials, so the marks alone tell whose
they are: leave them the bits that they need (`docs/provenance.md`).

While nobody speaks the face lives on. `cancel` silences the next frame that is taken and drops what waits; `hear` takes
the other speaker's voice, which gaze, nods and brows answer.
"""

import asyncio
import os
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from generate import Motion
from generate.acted import Acted
from generate.moments import Moment
from generate.motion import Controls, Curve
from generate.stream import HUSH
from media.errors import OutputError, SpeechError, UsageError
from media.sound import MonoMixer
from media.units import SAMPLES_PER_FRAME
from provenance import Generated, Label, Permit, Registry, Saved, Uncoded, check_output, save_live
from vasari.studio import check_size, seat

ROOM = 2  # marked frames that may wait to be taken: what waits is late
PATIENCE = 600.0  # seconds that nobody may take one: a transport waits until somebody looks
QUEUE = 600.0  # seconds of speech that may wait: it is synthesised faster than it is spoken
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Shown:
    """A frame and the sound that plays with it; both marked."""

    frame: np.ndarray  # uint8 RGB (S, S, 3), labelled
    sound: np.ndarray  # (640,) float32 mono 16 kHz in [-1, 1]; the last may be shorter
    ended: int = 0  # pieces of speech (`end_of_speech`) that are over with this frame
    hushed: bool = False  # what was said here was cancelled meanwhile: `sound` fades, or is silence

    @property
    def pcm(self) -> bytes:
        """The sound as s16le."""
        return bytes(np.rint(np.clip(self.sound, -1, 1) * 32767).astype("<i2"))


class Face:
    """A portrait, ready for conversations, one at a time.

    Args:
        permit: who is shown, and with which keys it is signed.
        size: of the frames, pixels a side; even, 128 to 1024.

    Raises:
        UsageError: size out of range, or the permit is not for one picture.
        FaceError: there is no face in it.
    """

    def __init__(self, permit: Permit, *, size: int = 512) -> None:
        check_size(size)
        self.permit, self.size = permit, size
        self._sitter, self._motion = seat(permit, size=size), Motion.load()
        self._busy = threading.Lock()

    def begin(
        self,
        *,
        keep: str | os.PathLike[str] | None = None,
        label: Label | None = None,
        registry: Registry | None = None,
        **asking: Any,
    ) -> "Session":
        """Begin a conversation. What is wrong with consent, keys or label is raised where frames are taken.

        Args:
            keep: where the signed record of it goes, .mp4; thrown away when left out, with the entry in the registry
                kept.
            label: the visible label; "on" when left out. "off" needs a reason, which the credentials state.
            registry: of the outputs; the one beside the keys when left out.
            asking: seed, style, controls, guidance, jitter, realtime, clock, as of `generate.Stream`.

        Raises:
            UsageError: the face is at work; `keep` is no .mp4.
            OutputError: `keep` cannot be written.
        """
        if keep is not None:
            check_output(Path(keep))
        if not self._busy.acquire(blocking=False):
            raise UsageError("the face is in a conversation; end that one first")
        try:
            stream = Acted(self._sitter.talker, self._motion, queue=QUEUE, **asking)
            asked = self._sitter.label(label or Label("on"))
            return Session(stream, lambda session: self._save(session, keep, asked, registry))
        except BaseException:
            self._busy.release()
            raise

    def _save(
        self, session: "Session", keep: str | os.PathLike[str] | None, label: Label, registry: Registry | None
    ) -> Saved:
        try:
            performance = self.permit.perform(
                Generated, session._moments(), command="generate", settings={"size": self.size},
                models=self._sitter.talker.models, label=label,
            )  # fmt: skip
            with tempfile.TemporaryDirectory(prefix="vasari-") as folder:
                path = Path(folder) / "conversation.mp4" if keep is None else Path(keep)
                return save_live(path, performance, Uncoded(session._take, "the conversation"), registry=registry)
        finally:
            self._busy.release()


class Session:
    """A conversation, begun by `Face.begin`. One thread, or one task, goes through it, once; all else may be called
    from any thread and never waits, but for `end`.

    Attributes:
        saved: what was saved, once it has ended. Without `keep` the file is gone.
    """

    def __init__(self, stream: Acted, save: Callable[["Session"], Saved]) -> None:
        self.saved: Saved | None = None
        self._stream, self._save = stream, save
        self._voice, self._other = Listener(), Listener()
        self._on_way = deque[int]()  # of each moment that is being marked: samples spoken by its end
        self._change = threading.Condition()  # around all below
        self._ready = deque[tuple[np.ndarray, np.ndarray, int]]()
        self._said = self._whole = 0  # samples; of them since the last cancel
        self._dropped = -1  # speech up to this sample is not to be heard any more
        self._ends = deque[int]()  # samples after which a piece of speech is over
        self._audible = self._closed = self._left = self._over = False
        self._came: Callable[[], object] = lambda: None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="conversation", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it has ended, or takes no more speech."""
        return self._over or self._left or self._closed

    def say(self, pcm: bytes, rate: int, channels: int = 1) -> None:
        """More speech: s16le of any rate, 1 or 2 channels, in pieces of any length, faster than it is spoken.

        Raises:
            SpeechError: it is not that.
            UsageError: more than ten minutes wait, or the conversation is over.
        """
        with self._change:
            self._push(self._voice.listen(pcm, rate, channels))

    def end_of_speech(self) -> None:
        """A piece of speech is whole; `Shown.ended` tells when it is over."""
        with self._change:
            self._push(self._voice.rest())
            self._push(np.zeros(-self._whole % SAMPLES_PER_FRAME, np.float32))  # nothing waits for more of a frame
            self._ends.append(self._said)

    def hear(self, pcm: bytes, rate: int, channels: int = 1) -> None:
        """More of what the other speaker says, as it comes; as `say`."""
        sound = self._other.listen(pcm, rate, channels)
        if not self.over:
            self._stream.hear(sound)

    def steer(self, controls: Controls | Curve) -> None:
        """Change gaze, distance, mood, liveliness, as `generate.Stream.steer`."""
        self._stream.steer(controls)

    def act(self, amounts: Mapping[str, float]) -> None:
        """Hold brows, lips or lids so, as `generate.acted.Acted.act`."""
        self._stream.act(amounts)

    def cancel(self) -> None:
        """Be silent at once: from the next frame that is taken on, nothing is heard of what was said until now. The
        record has what was on its way, up to a quarter of a second more."""
        with self._change:
            self._voice = Listener()
            self._dropped, self._whole = self._said, 0
            self._ends.clear()
            self._stream.cancel()

    def close(self) -> None:
        """No more will be said: it ends when what waits has been spoken."""
        self._closed = True
        self._stream.close()

    def end(self) -> Saved:
        """End now, whether or not frames are taken, and wait until what was shown is signed (the mouth closes first).

        Raises: what broke it off, as `provenance.save_live`.
        """
        with self._change:
            self._left = True
            self._change.notify_all()
        self._stream.cancel(close=True)
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self.saved is not None
        return self.saved

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __iter__(self) -> Iterator[Shown]:
        """Frames as they are due, to the end. Raises what broke it off."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._ready or self._over)
            if (shown := self._next()) is None:
                return
            yield shown

    async def __aiter__(self) -> AsyncIterator[Shown]:
        """The same in an event loop."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        self._came = lambda: loop.call_soon_threadsafe(came.set)
        while True:
            came.clear()
            while self._ready or self._over:
                if (shown := self._next()) is None:
                    return
                yield shown
            await came.wait()

    def _moments(self) -> Iterator[Moment]:
        """For the save path: what the face does."""
        spoken = 0
        for moment in self._stream:
            spoken = self._stream.passed.pop(moment.number, spoken)
            self._on_way.append(spoken)
            yield moment

    def _take(self, frame: np.ndarray, sound: np.ndarray) -> None:
        """For the save path: what was marked. Raises `OutputError` where nobody takes it."""
        with self._change:
            if not self._change.wait_for(lambda: self._left or len(self._ready) < ROOM, PATIENCE):
                raise OutputError(f"nobody has taken a frame for {PATIENCE:g} s")
            if not self._left:
                self._ready.append((frame, sound, self._on_way.popleft()))
                self._change.notify_all()
        self._tell()

    def _run(self) -> None:
        try:
            self.saved = self._save(self)
        except BaseException as error:
            self._error = error
        with self._change:
            self._over = True
            self._change.notify_all()
        self._tell()

    def _tell(self) -> None:
        try:
            self._came()
        except RuntimeError:  # the event loop is closed: nobody will take anything
            self._left = True

    def _push(self, sound: np.ndarray) -> None:
        """The condition is held."""
        taken = self._stream.push(sound, timeout=0)
        self._said, self._whole = self._said + taken, self._whole + taken
        if taken < len(sound):
            raise UsageError(f"more than {QUEUE:g} s of speech wait to be spoken; say less at a time")

    def _next(self) -> Shown | None:
        """What waits, or the end."""
        with self._change:
            if not self._ready:
                if self._error is not None:
                    raise self._error
                return None
            frame, sound, spoken = self._ready.popleft()
            self._change.notify_all()
            ended = 0
            while self._ends and spoken >= self._ends[0]:
                self._ends.popleft()
                ended += 1
            shown = Shown(frame, sound, ended)
            hushed, audible = spoken <= self._dropped, self._audible
            self._audible = not hushed
        if not hushed:
            return shown
        left = 1 - np.arange(len(sound), dtype=np.float32) / HUSH if audible else np.zeros(len(sound), np.float32)
        return replace(shown, sound=sound * np.maximum(left, 0), hushed=True)


class Listener:
    """Sound of any rate -> float32 mono 16 kHz, as it comes."""

    def __init__(self) -> None:
        self._mixer: MonoMixer | None = None
        self._form = (0, 0)

    def listen(self, pcm: bytes, rate: int, channels: int) -> np.ndarray:
        """s16le -> (n,). Raises `SpeechError`."""
        if channels not in LAYOUTS or not 4000 <= rate <= 192_000 or len(pcm) % (2 * channels):
            raise SpeechError(f"{len(pcm)} bytes of sound, {channels} channels at {rate} Hz: whole samples of s16le, "
                              "1 or 2 channels at 4 to 192 kHz, are needed")  # fmt: skip
        before = self.rest() if self._form != (rate, channels) else np.zeros(0, np.float32)
        if not len(pcm):
            return before
        self._mixer, self._form = self._mixer or MonoMixer(LAYOUTS[channels]), (rate, channels)
        samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=LAYOUTS[channels])
        frame.sample_rate = rate
        return np.concatenate([before, *self._mixer.push(frame)])

    def rest(self) -> np.ndarray:
        """What the resampler still holds, (n,); it begins anew."""
        mixer, self._mixer, self._form = self._mixer, None, (0, 0)
        return np.concatenate([np.zeros(0, np.float32), *(mixer.finish() if mixer is not None else ())])

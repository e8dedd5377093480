"""A talking face in real time: sound is pushed in, frames are pulled out, and the face lives on while nobody speaks.

    stream = Stream(talker, motion)
    threading.Thread(target=microphone, args=[stream]).start()       # calls stream.push(samples), any number at a time
    for moment in stream:                                            # 25 a second: moment.frame, moment.sound
        ...

**Latency** of a frame is the time from the push that brings the first sample of its sound to its picture's leaving the
stream. 80 ms of it are the look-ahead of the motion (`LOOKAHEAD_SAMPLES`), the rest is rendering; sound that comes in
pieces shorter than a frame (40 ms) is waited for as long as it lasts. When sound comes while the face is idle, the
frames on their way are brought forward by up to a frame, so that they need not wait for the beat, and the beat is won
back while nobody speaks.

**Sound that comes late.** A frame is due 40 ms after the one before. Where its look-ahead has not come, 20 ms are
waited; then it is drawn as if silence followed, and nothing is heard of it. Only when its own sound has not come
either, which is 80 ms later, there is a gap: silence is put in, the mouth closes, the face goes on idling, and the
sound is spoken when it comes; none is lost. The same is done, if possible where the speech is silent, when the
look-ahead has been missing for long, as with a source that runs slow. A gap of up to a second is made up for by
leaving out silence later on, as soon as sound waits. `jitter` holds back the first sound after silence, so that later
pieces may be late by as much.

**Silence** is a sound like any other: the face blinks, looks and sways. It listens to what `hear` is given, the other
speaker's voice: nods, gaze and brows answer it within half a second, and stop when the face itself speaks.

**Too much, too slow.** Sound waits in a queue of bounded length; `push` waits while it is full, or says how much it
took. Before it is pulled, one frame is carried and one more moved. A machine that is too slow gives a frame twice
rather than late (`held`); for a puller that stops for more than a second everything waits; nothing is caught up on.

What is shown of it is saved and sent by `provenance.save_live`, which draws the visible label and lays the marks.

Frame k goes with samples 640 k to 640 (k + 1) of what comes out, always, so nothing drifts.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np

from generate.moments import Clock, Counts, Moment, Moved, Overheard, SoundQueue, Step, broken_off, hushed
from generate.motion import LOOKAHEAD_SAMPLES, Controls, Curve, Guidance, Motion, MotionClip
from generate.talker import Talker, retarget
from media.errors import UsageError
from media.sound import sound_row
from media.threads import one_blas_thread, one_thread_a_stage
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

BEAT = 1 / FPS  # seconds
AHEAD = -(-LOOKAHEAD_SAMPLES // SAMPLES_PER_FRAME)  # frames of sound that are heard before a frame is drawn
GRACE = 0.02  # seconds that a frame waits for its look-ahead
REPAID = 0.004  # seconds of being early that an idle frame wins back
MADE_UP = 1.0  # seconds: longer gaps are pauses, and not made up for
QUIET = 0.002  # root mean square of silence that may be left out
SHORT, LONG = 8, 50  # frames foreseen one after another until a gap is better, in silence and at all
SOFT = 80  # samples (5 ms) in which sound that breaks off fades
HUSH = 480  # samples (30 ms) in which a cancelled voice fades
SETTLE = 0.4  # seconds in which a mouth closes before a cancelled stream ends
LATE = 1.5 * BEAT  # from here on a frame is given twice
MOST_HELD = 2  # times in a row
OVERHEARD = 0.12  # seconds of the other speaker's voice that may wait
STALLED = 1.0  # seconds behind from which the puller is thought to have stopped


class Stream:
    """One performance in real time. `push`, `hear`, `steer`, `cancel` and `close` may be called from any thread; one
    thread iterates, once, and draws.

    Args:
        talker, motion: the portrait and the network, loaded. seed, style, guidance: as in `Motion.session`.
        controls: where to look, how far away, in which mood, to begin with.
        realtime: 25 frames a second by the clock, idling when no sound comes. False: as fast as sound comes and frames
            are pulled, waiting when none comes; the frames are then those of `Talker.frames(Motion.stream(...))`.
        queue: seconds of sound that may wait. clock: what tells the time.
        jitter: seconds by which sound may be late without being waited for; adds as much to the latency.

    Raises `UsageError` for a queue that is not 0.2 to 600 s, or a jitter that is not 0 to the queue.
    """

    def __init__(
        self,
        talker: Talker,
        motion: Motion,
        *,
        seed: int = 0,
        style: int | None = None,
        controls: Controls | Curve = Controls(),
        guidance: Guidance = Guidance(),
        realtime: bool = True,
        queue: float = 2.0,
        jitter: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        if not 0.2 <= queue <= 600:
            raise UsageError(f"a queue of {queue:g} s: choose 0.2 to 600")
        if not 0 <= jitter <= queue:
            raise UsageError(f"jitter of {jitter:g} s: choose 0 to what the queue holds, {queue:g}")
        self.counts = Counts()
        self._talker, self._motion, self._realtime, self._jitter = talker, motion, realtime, jitter
        self._clock = clock or Clock()
        self._change = threading.Condition()
        self._most = int(queue * SAMPLE_RATE)
        self._queue, self._others = SoundQueue(), Overheard(OVERHEARD if realtime else None)
        self._utterance = 0  # how often it was cancelled: what waits to be pushed belongs to one of them
        self._closed = self._over = self._begun = self._cut = self._ended = False
        self._session = motion.session(seed=seed, style=style, controls=controls, guidance=guidance)
        self._controls: Controls | Curve | None = None  # asked for and not passed on
        self._onset = 0.0  # when the first of what waits was pushed. Below: of the drawing thread alone
        self._sounds: deque[tuple[np.ndarray, bool]] = deque()  # heard and not given out: samples, whether put in
        self._rows: deque[tuple[np.ndarray, ...]] = deque()  # of frames that are known and not given out
        self._fed = self._known = self._next = 0  # frames of sound heard; frames known; frames taken to be drawn
        self._idle, self._gap = True, MADE_UP * SAMPLE_RATE + 1
        self._owed: float = 0  # samples of silence to leave out
        self._last, self._late = 0.0, np.zeros(1, np.float32)  # sample, frame of sound that was fed last
        self._unheard = 0  # frames foreseen one after another
        self._start, self._early, self._held = 0.0, 0.0, 0
        with one_blas_thread():
            talker.renderer.make_ready()
        motion.make_ready()

    def push(self, sound: np.ndarray, timeout: float | None = None) -> int:
        """More sound. Waits while the queue is full, at most `timeout` seconds (0: not at all; None: for ever).

        Args:
            sound: (n,) float32 or float64 mono 16 kHz in [-1, 1], any n; louder sound is clipped.

        Returns: how many samples were taken; all of them unless time ran out. What `cancel` drops counts as taken, also
        what this call had not handed over yet: nothing pushed before a cancel is spoken after it.

        Raises:
            SpeechError: not a row of finite numbers. Nothing of it is taken; the stream goes on.
            UsageError: the stream is closed or has ended.
        """
        sound = np.clip(sound_row(sound), -1, 1)
        until = None if timeout is None else time.monotonic() + timeout
        taken = 0
        with self._change:
            utterance = self._utterance
            while True:
                if self._utterance != utterance:  # cancelled while this waited
                    self.counts.dropped += len(sound) - taken
                    return len(sound)
                if self._closed or self._over:
                    raise UsageError("sound after the end: the stream is closed")
                part = sound[taken : taken + self._most - len(self._queue)]
                if len(part):
                    if not len(self._queue):
                        self._onset = self._clock.now()
                    self._queue.put(part)
                    taken += len(part)
                    self._change.notify_all()
                left = None if until is None else until - time.monotonic()
                if taken == len(sound) or (left is not None and left <= 0):
                    return taken
                self._change.wait(left)

    def hear(self, sound: np.ndarray) -> None:
        """More of what the other speaker says, as it comes, like `push`; never waits. What is older than `OVERHEARD`
        seconds is not answered any more. Without `realtime` all is kept: frame k hears samples 640 k to 640 (k + 1).

        Raises:
            SpeechError, UsageError: as in `push`.
        """
        sound = np.clip(sound_row(sound), -1, 1)
        with self._change:
            if self._closed or self._over:
                raise UsageError("sound after the end: the stream is closed")
            self._others.put(sound)

    def steer(self, controls: Controls | Curve) -> None:
        """Change gaze, distance, mood, liveliness from the next frame on that is not known yet; all change smoothly."""
        with self._change:
            self._controls = controls

    def cancel(self, *, close: bool = False) -> None:
        """Stop speaking: what waits is dropped, the voice fades within 30 ms, the mouth closes as it does when sound
        ends, and the face goes on idling. `close`: the stream ends when the mouth is closed."""
        with self._change:
            self._utterance += 1
            self.counts.dropped += len(self._queue)
            self._queue.drop(len(self._queue))
            self._cut = True
            if close and not self._closed:
                self._queue.put(np.zeros(int(SETTLE * SAMPLE_RATE), np.float32))
                self._closed = True
            self._change.notify_all()

    def close(self) -> None:
        """No more sound will come. The stream ends when what waits has been spoken."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def __iter__(self) -> Iterator[Moment]:
        """Moments as they are due, until the stream is closed. While mouth and eyes of a frame are painted on the
        calling thread, the next one is carried on a second, and the one after is waited for and moved on a third, so
        that none waits for another."""
        if self._begun:
            raise UsageError("a stream is gone through once")
        self._begun = True
        return self._moments()

    def _moments(self) -> Iterator[Moment]:
        renderer = self._talker.renderer
        shown = self._talker.latent.appearance.picture
        self._start = self._clock.now()
        with (
            one_thread_a_stage(),
            self._clock.worker("move") as mover,
            self._clock.worker("carry") as carrier,
        ):
            try:
                coming = carrier.submit(self._carry, mover.submit(self._move))
                moved = mover.submit(self._move)
                while (step := coming.result()) is not None:
                    coming = carrier.submit(self._carry, moved)
                    moved = mover.submit(self._move)
                    shown = shown if step.carried is None else renderer.finish(renderer.open(step.carried))
                    self.counts.frames += 1
                    self.counts.idle += step.idle
                    self.counts.held += step.carried is None
                    yield Moment(shown, step.sound, step.number, step.idle, step.carried is None)
            finally:
                with self._change:
                    self._over = True
                    self._change.notify_all()

    def _move(self) -> Moved | None:
        """The motion of the next frame, once it is due and known; None at the end."""
        with self._change:
            row = self._await()
            if row is None:
                return None
            sound, idle = self._sounds.popleft()
            self._next += 1
            return Moved(row, sound, self._next - 1, idle)

    def _carry(self, coming: "Future[Moved | None]") -> Step | None:
        """A frame but for mouth and eyes, where there is time for it."""
        moved = coming.result()
        if moved is None:
            return None
        carried = None
        if not self._too_late(moved.number):
            carried = self._talker.renderer.carry(retarget(self._talker.latent, *moved.row))
        return Step(carried, moved.sound, moved.number, moved.idle)

    def _await(self) -> tuple[np.ndarray, ...] | None:
        """The motion of the next frame, once it is due and known; None at the end. The condition is held."""
        waited = False
        while True:
            if self._over:
                return None
            if self._cut:
                self._hush()
            due = self._start + self._next * BEAT
            if self._idle and len(self._queue):
                self._bring_forward()
            left = due - self._early - self._clock.now() if self._realtime else 0.0
            if left > 0:
                self._clock.wait(self._change, left)
                continue
            if self._know(self._next, wait := left + GRACE):
                break
            if self._closed and not self._rows:
                return None
            self._clock.wait(self._change, wait if self._realtime else None)
            waited = True
        if waited:
            self._early = max(0.0, self._early + min(0.0, due - self._early - self._clock.now()))
        elif self._idle and not len(self._queue):
            self._early = max(0.0, self._early - REPAID)
        return self._rows.popleft()

    def _know(self, frame: int, patience: float) -> bool:
        """Feed the motion until `frame` is known. False: nothing to feed it with, and there is time to wait."""
        while not self._rows:
            if len(self._queue) >= SAMPLES_PER_FRAME and self._may_speak(frame):
                self._feed(self._take(SAMPLES_PER_FRAME), False)
            elif self._closed and self._may_speak(frame):
                return self._finish()
            elif not self._realtime:
                return False
            elif self._idle and (not len(self._queue) or not self._may_speak(frame)):
                self._feed(np.zeros(SAMPLES_PER_FRAME, np.float32), True)
            elif patience > 0:
                return False
            elif self._fed > frame and not self._behind():
                self._foresee(frame)
            else:
                self.counts.gaps += 1
                self._gap, self._idle = 0, True
                part = self._take(min(len(self._queue), SAMPLES_PER_FRAME))
                self._feed(np.concatenate([part, np.zeros(SAMPLES_PER_FRAME - len(part), np.float32)]), True, len(part))
        return True

    def _may_speak(self, frame: int) -> bool:
        """Whether the sound that waits may be fed. The first after silence is put where its look-ahead can come in
        time, and waits for `jitter`."""
        if not self._idle or not self._realtime or self._closed:
            return True
        if self._clock.now() < self._onset + self._jitter and len(self._queue) < self._jitter * SAMPLE_RATE:
            return False
        return self._fed >= frame + AHEAD or len(self._queue) >= (frame + 1 + AHEAD - self._fed) * SAMPLES_PER_FRAME

    def _behind(self) -> bool:
        """Whether the look-ahead has been missing for so long that a gap is better, and this is the place for it."""
        return self._unheard >= SHORT and (np.square(self._late).mean() < QUIET**2 or self._unheard >= LONG)

    def _feed(self, sound: np.ndarray, filled: bool, part: int = 0) -> None:
        """A whole frame of sound. filled: of silence, from sample `part` on."""
        if filled:
            self._gap += len(sound) - part
            broken_off(sound, part, self._last, SOFT)
        elif self._idle:
            self._idle = False
            made_up = int(MADE_UP * SAMPLE_RATE)
            self._owed = min(self._owed + self._gap, made_up) if self._gap <= made_up else 0
            if self._fed:
                sound[:SOFT] *= np.linspace(0, 1, SOFT, dtype=np.float32)
        self._last, self._late = float(sound[-1]), sound
        if self._controls is not None:
            self._session.steer(self._controls)
            self._controls = None
        self._sounds.append((sound, filled))
        self._fed += 1
        if self._fed > AHEAD or not self._realtime:  # else no frame becomes known
            self._session.hear(self._others.next())
        self._add(self._session.push(sound))

    def _add(self, clip: MotionClip) -> None:
        for row in zip(clip.actions, clip.rotation, clip.translation, clip.gaze, strict=True):
            if self._known >= self._next:  # else it was given as foreseen
                self._rows.append(row)
                self._unheard = 0
            self._known += 1

    def _foresee(self, frame: int) -> None:
        """Know a frame as if silence followed what is known."""
        missing = (frame + 1 + AHEAD - self._fed) * SAMPLES_PER_FRAME
        waits = np.zeros(missing, np.float32)
        heard = self._queue.peek(missing)
        waits[: len(heard)] = heard
        clip = self._session.twin().push(waits)
        at = frame - self._known
        self._rows.append((clip.actions[at], clip.rotation[at], clip.translation[at], clip.gaze[at]))
        self.counts.foreseen += 1
        self._unheard += 1

    def _finish(self) -> bool:
        """The sound has ended. False: so have the frames."""
        if not self._ended:
            if len(self._queue):
                rest = self._take(len(self._queue))
                self._sounds.append((rest, False))
                self._add(self._session.push(rest))
            self._add(self._session.finish())
            self._ended = True
        return bool(self._rows)

    def _take(self, count: int) -> np.ndarray:
        """Samples from the queue, which holds as many."""
        while (
            self._owed >= SAMPLES_PER_FRAME
            and len(self._queue) >= 2 * SAMPLES_PER_FRAME
            and np.square(self._queue.peek(SAMPLES_PER_FRAME)).mean() < QUIET**2
        ):
            self._queue.drop(SAMPLES_PER_FRAME)
            self._owed -= SAMPLES_PER_FRAME
            self.counts.skipped += SAMPLES_PER_FRAME
        sound = self._queue.peek(count)
        self._queue.drop(count)
        self._change.notify_all()
        return sound

    def _hush(self) -> None:
        """The voice has been cancelled: what of it is on its way fades."""
        self._cut = False
        hushed([sound for sound, _ in self._sounds], HUSH)
        self._last = 0.0 if self._sounds else self._last
        self._idle, self._gap, self._owed = True, MADE_UP * SAMPLE_RATE + 1, 0

    def _bring_forward(self) -> None:
        """Sound has come to an idle face: its first frame is begun as soon as the look-ahead has passed."""
        first = self._start + self._fed * BEAT
        early = first - (self._onset + self._jitter + AHEAD * BEAT)
        self._early = max(self._early, min(BEAT, early))

    def _too_late(self, number: int) -> bool:
        """Whether there is no time to draw this frame."""
        if not self._realtime:
            return False
        with self._change:
            behind = self._clock.now() - (self._start + number * BEAT - self._early)
            if behind > STALLED:
                self._start += behind
                behind = 0.0
        self._held = self._held + 1 if behind > LATE and self._held < MOST_HELD and number else 0
        return self._held > 0

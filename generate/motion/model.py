"""Speech -> motion: the speech encoder hears how lips move, the motion network draws what the whole face does.

Two sounds come in: what the face says, and what the other speaker says, which it listens to."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from generate.acting import Controls, MotionClip, Prosody, Style, frame_rms, join
from generate.motion.performer import Guidance, Performer
from generate.motion.space import Steps, heard, overheard
from generate.speech import Encoder, Listener, SpeechEncoder
from generate.speech.stepping import DELAY
from media.errors import SpeechError, WeightsError
from media.sound import sound_row
from media.stepping import Weights
from media.threads import one_blas_thread
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from media.weights import read_weights

Curve = Callable[[float], Controls]  # what is asked for at a time in seconds
DEFAULT = Controls()
GUIDANCE = Guidance()

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "motion.onnx"
LOOKAHEAD_SAMPLES = DELAY * SAMPLES_PER_FRAME  # 80 ms: frame k hears the sound up to its own end plus this
TOLERANCE = 1e-4  # largest difference between a stream and the whole, in any field
SHORTEST = SAMPLE_RATE // 5  # samples of sound under which there is nothing to speak


class Motion:
    """Speech in, motion out. Load once, use many times; holds no state between calls.

    Args:
        encoder: what hears.
        weights, config: tensors of the motion network by name, float32, and its sizes.
        steps: how motion is written for it.
    """

    def __init__(self, encoder: Encoder, weights: Weights, config: Mapping[str, int], steps: Steps) -> None:
        self._encoder, self._weights, self._config, self._steps = encoder, weights, config, steps
        self._ready = False

    @classmethod
    def load(cls, path: Path | str | None = None, encoder: Encoder | None = None) -> "Motion":
        """Read the weights that ship with the package, or those at `path`.

        Args:
            encoder: what hears; None: the one that ships.

        Raises:
            WeightsError: the file is missing, damaged, of another model or of an older version of this one.
        """
        file = read_weights(path or WEIGHTS, "motion")
        tensors = file.tensors()
        if missing := {f"steps.{part.name}" for part in fields(Steps)} - set(tensors):
            raise WeightsError(
                f"{path or WEIGHTS}: weights of an older motion network, without {', '.join(sorted(missing))}; "
                f"train it again (vasari train motion), or reinstall vasari"
            )
        return cls(encoder or SpeechEncoder.load(), tensors, file.card.config, Steps.load(tensors))

    def make_ready(self) -> None:
        """Do what is done at first use, of each shape, so that the first sound is not kept waiting for it; once."""
        for frames in () if self._ready else range(1, DELAY + 2):
            self.session().push(np.zeros(SAMPLES_PER_FRAME * frames, np.float32))
        self._ready = True

    def session(
        self,
        *,
        seed: int = 0,
        style: int | None = None,
        controls: Controls | Curve = DEFAULT,
        guidance: Guidance = GUIDANCE,
    ) -> "Session":
        """A performance that goes on for as long as sound is pushed into it.

        Args:
            seed: chooses head movement, glances, blinks, expressions.
            style: seed of the speaking style; None: the same as `seed`.
            controls: constant, or a function of the time in seconds.
            guidance: how far each condition is weighed, and how finely the flow is followed.
        """
        manner = Style.draw(seed if style is None else style)
        performer = Performer(self._weights, self._config, self._steps, seed, manner, guidance)
        return Session(self._encoder.listen(), performer, controls)

    def generate(
        self,
        speech: np.ndarray,
        *,
        seed: int = 0,
        style: int | None = None,
        controls: Controls | Curve = DEFAULT,
        guidance: Guidance = GUIDANCE,
        other: np.ndarray | None = None,
    ) -> MotionClip:
        """The motion for a whole recording: a clip of T = ceil(N / 640) frames. Arguments as in `session`.

        Args:
            speech: (N,) float32 mono 16 kHz in [-1, 1].
            other: likewise, what the other speaker says meanwhile, which the face listens to.

        Raises:
            SpeechError: shorter than 0.2 s, not finite, or not a row of numbers.
        """
        speech = sound_row(speech)
        if len(speech) < SHORTEST:
            raise _too_short(len(speech))
        session = self.session(seed=seed, style=style, controls=controls, guidance=guidance)
        if other is not None:
            session.hear(other)
        return join([session.push(speech), session.finish()])

    def stream(
        self,
        chunks: Iterable[np.ndarray],
        *,
        seed: int = 0,
        style: int | None = None,
        controls: Controls | Curve = DEFAULT,
        guidance: Guidance = GUIDANCE,
        other: Iterable[np.ndarray] | None = None,
    ) -> Iterator[MotionClip]:
        """The motion for sound that arrives in pieces of any length; arguments as in `session`.

        Args:
            other: likewise, what the other speaker says meanwhile; no more of it is asked for than was pushed.

        Frame k is given out once the sound up to `(k + 1) * 640 + LOOKAHEAD_SAMPLES` samples has arrived, or the sound
        has ended. The pieces joined equal `generate` within `TOLERANCE`. Memory does not grow with the length.

        Raises:
            SpeechError: the sound is shorter than 0.2 s in all, or not finite.
        """
        session = self.session(seed=seed, style=style, controls=controls, guidance=guidance)
        others, listened = iter(() if other is None else other), 0
        for chunk in chunks:
            chunk = np.asarray(chunk, np.float32).reshape(-1)
            for first in range(0, len(chunk), SAMPLES_PER_FRAME):  # a frame at a time: who asks waits for no other
                part = chunk[first : first + SAMPLES_PER_FRAME]
                while listened < session.heard + len(part) and (heard := next(others, None)) is not None:
                    session.hear(heard)
                    listened += len(heard)
                piece = session.push(part)
                if len(piece):
                    yield piece
        if session.heard < SHORTEST:
            raise _too_short(session.heard)
        piece = session.finish()
        if len(piece):
            yield piece


def _too_short(samples: int) -> SpeechError:
    return SpeechError(
        f"sound of {samples / SAMPLE_RATE:.2f} s: too short, give at least {SHORTEST / SAMPLE_RATE:.1f} s"
    )


class Session:
    """One performance under way: push sound, get the frames that are known by then."""

    def __init__(self, ear: Listener, performer: Performer, controls: Controls | Curve) -> None:
        self.heard = 0  # samples pushed so far
        self.given = 0  # frames given out so far
        self._ear, self._performer, self._controls = ear, performer, controls
        self._prosody, self._theirs = Prosody(), Prosody()
        self._pending, self._other = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self._open = True

    def push(self, sound: np.ndarray) -> MotionClip:
        """More sound (n,) float32, any n -> the frames that are now known, possibly none.

        Raises:
            SpeechError: it is not a row of finite numbers, or the session has finished.
        """
        sound = self._checked(sound)
        self.heard += len(sound)
        self._pending = np.concatenate([self._pending, sound])
        whole = len(self._pending) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        with one_blas_thread():
            piece = self._act(*self._ear.hear(self._pending[:whole]))
        self._pending = self._pending[whole:]
        return piece

    def hear(self, sound: np.ndarray) -> None:
        """More of what the other speaker says (n,) float32, any n. It follows what was heard before, and begins with
        the next frame to be given out; a frame that it does not reach hears silence.

        Raises:
            SpeechError: as in `push`.
        """
        self._other = np.concatenate([self._other, self._checked(sound)])

    def steer(self, controls: Controls | Curve) -> None:
        """Change what is asked for, from the next frame on that has not been given out."""
        self._controls = controls

    def twin(self) -> "Session":
        """A session that goes on from where this one is, on its own. Weights are shared; it takes some microseconds."""
        return copy.deepcopy(self)

    def finish(self) -> MotionClip:
        """The sound has ended: the frames that waited for more of it. Silence is what they hear."""
        self._open = False
        left = -(-self.heard // SAMPLES_PER_FRAME) - self.given
        with one_blas_thread():
            return self._act(*self._ear.end(self._pending, left))

    @property
    def held(self) -> int:
        """Numbers remembered: bounded, however long the performance."""
        return self._ear.held + self._performer.held + len(self._pending) + len(self._other)

    def _checked(self, sound: np.ndarray) -> np.ndarray:
        if not self._open:
            raise SpeechError("sound after the end: the session has finished, open another")
        return sound_row(sound)

    def _listened(self, frames: int) -> np.ndarray:
        """What the next frames hear of the other speaker: (T, OTHER)."""
        sound = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
        part = self._other[: len(sound)]
        sound[: len(part)] = part
        self._other = self._other[len(part) :]
        return overheard(frame_rms(sound), self._theirs)

    def _act(self, channels: np.ndarray, closure: np.ndarray, loudness: np.ndarray) -> MotionClip:
        moments = [self._moment(self.given + k) for k in range(len(channels))]
        self.given += len(channels)
        told = heard(channels, closure, loudness, self._prosody)
        return self._performer.perform(told, self._listened(len(moments)), closure, moments)

    def _moment(self, frame: int) -> Controls:
        return self._controls if isinstance(self._controls, Controls) else self._controls(frame / FPS)

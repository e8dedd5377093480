"""Speech -> motion: a learned causal network moves the lips, a seeded process the rest."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from faces.performances import Actor, Controls, MotionClip, Style, join
from generate.speech.encoder import Ear
from generate.speech.network import DELAY, LipNet
from learning import load_weights
from media.errors import SpeechError
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

Curve = Callable[[float], Controls]  # what is asked for at a time in seconds
DEFAULT = Controls()

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "motion.safetensors"
LOOKAHEAD_SAMPLES = DELAY * SAMPLES_PER_FRAME  # 120 ms: frame k hears the sound up to its own end plus this
TOLERANCE = 1e-4  # largest difference between a stream and the whole, in any field
SHORTEST = SAMPLE_RATE // 5  # samples of sound under which there is nothing to speak
BLOCK = 250  # frames the network sees at a time: bounds memory for any length of sound


class Motion:
    """Speech in, motion out. Load once, use many times; holds no state between calls."""

    def __init__(self, network: LipNet) -> None:
        self._network = network.eval()

    @classmethod
    def load(cls, path: Path | str | None = None) -> "Motion":
        """Read the weights that ship with the package, or those at `path`.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        tensors, card = load_weights(path or WEIGHTS, "motion")
        network = LipNet(card.config["width"], tuple(card.config["dilations"]))
        network.load_state_dict(tensors)
        return cls(network)

    def session(self, *, seed: int = 0, style: int | None = None, controls: Controls | Curve = DEFAULT) -> "Session":
        """A performance that goes on for as long as sound is pushed into it.

        Args:
            seed: chooses head movement, glances, blinks; the lips follow from the sound alone.
            style: seed of the speaking style; None: the same as `seed`.
            controls: constant, or a function of the time in seconds.
        """
        return Session(self._network, seed, Style.draw(seed if style is None else style), controls)

    def generate(
        self, speech: np.ndarray, *, seed: int = 0, style: int | None = None, controls: Controls | Curve = DEFAULT
    ) -> MotionClip:
        """The motion for a whole recording: a clip of T = ceil(N / 640) frames. Arguments as in `session`.

        Args:
            speech: (N,) float32 mono 16 kHz in [-1, 1].

        Raises:
            SpeechError: shorter than 0.2 s, not finite, or not a row of numbers.
        """
        speech = np.asarray(speech, np.float32)
        if speech.ndim != 1:
            raise SpeechError(f"sound of shape {speech.shape}: one channel was needed")
        if len(speech) < SHORTEST:
            raise _too_short(len(speech))
        return join(list(self.stream([speech], seed=seed, style=style, controls=controls)))

    def stream(
        self,
        chunks: Iterable[np.ndarray],
        *,
        seed: int = 0,
        style: int | None = None,
        controls: Controls | Curve = DEFAULT,
    ) -> Iterator[MotionClip]:
        """The motion for sound that arrives in pieces of any length; arguments as in `session`.

        Frame k is given out once the sound up to `(k + 1) * 640 + LOOKAHEAD_SAMPLES` samples has arrived, or the sound
        has ended. The pieces joined equal `generate` within `TOLERANCE`. Memory does not grow with the length.

        Raises:
            SpeechError: the sound is shorter than 0.2 s in all, or not finite.
        """
        session = self.session(seed=seed, style=style, controls=controls)
        for chunk in chunks:
            chunk = np.asarray(chunk, np.float32).reshape(-1)
            for first in range(0, len(chunk), BLOCK * SAMPLES_PER_FRAME):
                piece = session.push(chunk[first : first + BLOCK * SAMPLES_PER_FRAME])
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

    def __init__(self, network: LipNet, seed: int, style: Style, controls: Controls | Curve) -> None:
        self.heard = 0  # samples pushed so far
        self.given = 0  # frames given out so far
        self._ear = Ear(network)
        self._controls = controls
        self._actor = Actor(seed, style, self._moment(0))
        self._pending = np.zeros(0, np.float32)
        self._open = True

    def push(self, sound: np.ndarray) -> MotionClip:
        """More sound (n,) float32, any n -> the frames that are now known, possibly none.

        Raises:
            SpeechError: it is not a row of finite numbers, or the session has finished.
        """
        sound = np.asarray(sound, np.float32)
        if sound.ndim != 1:
            raise SpeechError(f"sound of shape {sound.shape}: one channel was needed")
        if not np.isfinite(sound).all():
            raise SpeechError("sound holds values that are not numbers (NaN or infinite); export it again")
        if not self._open:
            raise SpeechError("sound after the end: the session has finished, open another")
        self.heard += len(sound)
        self._pending = np.concatenate([self._pending, sound])
        whole = len(self._pending) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        piece = self._act(*self._ear.hear(self._pending[:whole]))
        self._pending = self._pending[whole:]
        return piece

    def steer(self, controls: Controls | Curve) -> None:
        """Change what is asked for, from the next frame on that has not been given out."""
        self._controls = controls

    def finish(self) -> MotionClip:
        """The sound has ended: the frames that waited for more of it. Silence is what they hear."""
        self._open = False
        left = -(-self.heard // SAMPLES_PER_FRAME) - self.given
        tail = np.zeros((left + DELAY) * SAMPLES_PER_FRAME, np.float32)
        tail = tail[: (self.given + left + DELAY) * SAMPLES_PER_FRAME - (self.heard - len(self._pending))]
        tail[: len(self._pending)] = self._pending
        return self._act(*(part[:left] for part in self._ear.hear(tail)))

    def _act(self, channels: np.ndarray, closure: np.ndarray, loudness: np.ndarray) -> MotionClip:
        moments = [self._moment(self.given + k) for k in range(len(channels))]
        self.given += len(channels)
        return self._actor.act(channels, closure, loudness, moments)

    def _moment(self, frame: int) -> Controls:
        return self._controls if isinstance(self._controls, Controls) else self._controls(frame / FPS)

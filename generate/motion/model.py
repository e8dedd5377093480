"""Speech -> motion: a learned causal network moves the lips, a seeded process the rest."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from faces.performances import AHEAD, CHANNELS, Actor, MotionClip, frame_rms, join
from generate.motion.features import HISTORY, log_mel
from generate.motion.network import DELAY, LipNet, State
from learning import load_weights
from media.errors import SpeechError, UsageError
from media.units import SAMPLE_RATE, SAMPLES_PER_FRAME

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "motion.safetensors"
LOOKAHEAD_SAMPLES = DELAY * SAMPLES_PER_FRAME  # 120 ms: frame k hears the sound up to its own end plus this
TOLERANCE = 1e-4  # largest difference between a stream and the whole, in any field
SHORTEST = SAMPLE_RATE // 5  # samples of sound under which there is nothing to speak
BLOCK = 250  # frames the network sees at a time: bounds memory for any length of sound
CLOSED, OPEN = 0.55, 0.20  # closure probability from which the lips are shut, and to which they are left alone
assert AHEAD <= DELAY


def decode(channels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Network outputs (T, C) and (T,) -> channels and closure in [0, 1]. Closures are made decisive."""
    probability = 1 / (1 + np.exp(-logits))
    ramp = np.clip((probability - OPEN) / (CLOSED - OPEN), 0, 1)
    return np.clip(channels, 0, 1).astype(np.float32), (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


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

    def generate(
        self,
        speech: np.ndarray,
        *,
        seed: int = 0,
        gaze: tuple[float, float] = (0.0, 0.0),
        distance: float = 1.0,
        emotion: tuple[str, float] | None = None,
        intensity: float = 1.0,
    ) -> MotionClip:
        """The motion for a whole recording.

        Args:
            speech: (N,) float32 mono 16 kHz in [-1, 1].
            seed: chooses head movement, glances, blinks; the lips follow from the sound alone.
            gaze: (yaw, pitch) radians from the direction to the camera to what the eyes rest on; + is image right,
            down. distance: of the head from the camera; 1 = as in the portrait, 0.5 to 3.
            emotion: (name, amount in [0, 1]); names in `faces.performances.EMOTIONS`.
            intensity: of head movement; 0 = still, 1 = natural, at most 2.

        Returns: a clip of T = ceil(N / 640) frames.

        Raises:
            SpeechError: shorter than 0.2 s, not finite, or not a row of numbers.
            UsageError: a control is out of range or the emotion is not known.
        """
        speech = np.asarray(speech, np.float32)
        if speech.ndim != 1:
            raise SpeechError(f"sound of shape {speech.shape}: one channel was needed")
        if len(speech) < SHORTEST:
            raise SpeechError(
                f"sound of {len(speech) / SAMPLE_RATE:.2f} s: too short, give at least {SHORTEST / SAMPLE_RATE:.1f} s"
            )
        size = BLOCK * SAMPLES_PER_FRAME
        blocks = (speech[i : i + size] for i in range(0, len(speech), size))
        pieces = self.stream(blocks, seed=seed, gaze=gaze, distance=distance, emotion=emotion, intensity=intensity)
        return join(list(pieces))

    def stream(
        self,
        chunks: Iterable[np.ndarray],
        *,
        seed: int = 0,
        gaze: tuple[float, float] = (0.0, 0.0),
        distance: float = 1.0,
        emotion: tuple[str, float] | None = None,
        intensity: float = 1.0,
    ) -> Iterator[MotionClip]:
        """The motion for sound that arrives in pieces of any length; arguments as in `generate`.

        Frame k is given out once the sound up to `(k + 1) * 640 + LOOKAHEAD_SAMPLES` samples has arrived, or the sound
        has ended. The pieces joined equal `generate` within `TOLERANCE`. Memory does not grow with the length.
        """
        if not 0.5 <= distance <= 3:
            raise UsageError(f"distance {distance:g}: must lie between 0.5 and 3")
        if not 0 <= intensity <= 2:
            raise UsageError(f"intensity {intensity:g}: must lie between 0 and 2")
        if not all(abs(angle) <= np.radians(45) for angle in gaze):  # NaN included
            raise UsageError(
                f"gaze {np.degrees(gaze[0]):g},{np.degrees(gaze[1]):g} degrees: must lie within 45 degrees"
            )
        actor = Actor(seed, gaze=gaze, distance=distance, emotion=emotion, intensity=intensity)
        return self._stream(chunks, actor)

    def _stream(self, chunks: Iterable[np.ndarray], actor: Actor) -> Iterator[MotionClip]:
        ear = _Ear(self._network)
        pending = np.zeros(0, np.float32)
        heard = given = 0
        for chunk in chunks:
            chunk = np.asarray(chunk, np.float32).reshape(-1)
            if not np.isfinite(chunk).all():
                raise SpeechError("sound holds values that are not numbers (NaN or infinite); export it again")
            heard += len(chunk)
            pending = np.concatenate([pending, chunk])
            whole = len(pending) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
            for first in range(0, whole, BLOCK * SAMPLES_PER_FRAME):
                piece = actor.act(*ear.hear(pending[first : min(whole, first + BLOCK * SAMPLES_PER_FRAME)]))
                given += len(piece)
                if len(piece):
                    yield piece
            pending = pending[whole:]
        if heard < SHORTEST:
            raise SpeechError(
                f"sound of {heard / SAMPLE_RATE:.2f} s: too short, give at least {SHORTEST / SAMPLE_RATE:.1f} s"
            )
        # The sound has ended: silence follows, until the last frame has been answered.
        left = -(-heard // SAMPLES_PER_FRAME) - given
        tail = np.zeros((left + DELAY) * SAMPLES_PER_FRAME, np.float32)
        tail = tail[: (given + left + DELAY) * SAMPLES_PER_FRAME - (heard - len(pending))]
        tail[: len(pending)] = pending
        piece = actor.act(*(part[:left] for part in ear.hear(tail)))
        if len(piece):
            yield piece


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on the calling thread alone: a frame is so little work that sharing it costs more than doing it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Ear:
    """Carries the network's state along the sound."""

    def __init__(self, network: LipNet) -> None:
        self._network = network
        self._history = np.zeros(HISTORY, np.float32)
        self._state: State | None = None
        self._skip = DELAY  # outputs still to drop: they are about frames before the first
        self._loudness = np.zeros(0)  # of the frames heard, from the next one to be answered on

    @torch.no_grad()
    def hear(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whole frames of sound -> channels (n, C), closure (n,), loudness `AHEAD` frames later (n,)."""
        if not len(sound):
            return np.zeros((0, len(CHANNELS)), np.float32), np.zeros(0, np.float32), np.zeros(0)
        joined = np.concatenate([self._history, sound])
        self._history = joined[len(joined) - HISTORY :]
        with _one_thread():
            mel = log_mel(torch.from_numpy(joined))[None]
            channels, logits, _, self._state = self._network(mel, self._state)
        lips, closure = decode(channels[0].numpy(), logits[0].numpy())
        drop = min(self._skip, len(lips))
        self._skip -= drop
        count = len(lips) - drop
        loudness = np.concatenate([self._loudness, frame_rms(sound)])
        self._loudness = loudness[count:]
        return lips[drop:], closure[drop:], loudness[AHEAD : AHEAD + count]

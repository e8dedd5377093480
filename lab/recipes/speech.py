"""The recipe of the lip network: speech with timed phones in, lips by the performance model as the target.

Targets are computed from phone timings (`lab.performances.lips`), so every voice, recorded or synthesised,
teaches the same
mouth. Sound is resampled, put in rooms and noise, and sent down telephone lines on the way (`sounds`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.acting import CHANNELS, CLASSES, GAP
from generate.speech.encoder import decode
from generate.speech.huggingface import MODEL as HEAD
from generate.speech.huggingface import HuggingFaceEncoder
from generate.speech.sounds import resampled, spoiled
from generate.speech.stepping import DELAY
from lab.mel import log_mel
from lab.networks.speech import LipNet
from lab.performances import Phones, class_frames
from lab.performances.lips import STEP, lip_curves
from lab.performances.speechset import Clip, load_speech_set, place
from lab.speaking.evaluate import closures, lip_corr, lip_lag_ms
from lab.speaking.toy import toy_set
from lab.speaking.voices import SOURCE as VOICES
from lab.speaking.voices import read_voices
from lab.training import Plan, bf16_is_fast
from lab.training.recipe import Run, Trial, recipe
from lab.weights import load_weights
from media.errors import UsageError
from media.mel import BINS, HISTORY
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

RELAX = 0.3  # seconds of lip curves after the end of a clip, while the mouth comes to rest
FRAMES = 100  # of a training example: 4 s
BATCH = 12  # examples
SHARES = {
    "recorded": 0.34,
    "kokoro": 0.18,
    VOICES: 0.24,
}  # of the examples, by where their voices come from; the rest is all else
WARPS = tuple(round(float(w), 3) for w in np.linspace(0.82, 1.2, 9))  # vocal tract lengths that training hears
PER_FRAME = round(1 / FPS / STEP)
_CHANNEL_GAP = np.array([2 * GAP.get(c + "Left", 0.0) or GAP.get(c, 0.0) for c in CHANNELS], np.float32)
DATA = (
    "Speech with timed phones: Debian's asterisk-core-sounds-{en,es,fr}-g722 (people; CC-BY-SA 3.0) and "
    "tuxpaint-stamps-default (people, in six languages; GPL-2), aligned by lab.performances.align, and speech "
    "synthesised with espeak-ng, flite, festival voices and Kokoro-82M (Apache-2.0) in 15 languages; some of it made "
    "to sing, laugh, draw breath, whisper or shout where the set holds that. Lip targets by lab.performances, "
    "whose visemes 26 filmed sentences of the GRID corpus (CC-BY 4.0) told; no other video, no picture of a "
    "face. Italian, Russian, Greek and Swahili are held out."
)
MORE = " And {} recordings of more voices without texts, their phones as lab.performances.align hears them."


@dataclass(frozen=True)
class Example:
    """A clip ready to train on: its lip curves at every STEP."""

    clip: Clip
    channels: np.ndarray  # (n, C)
    closure: np.ndarray  # (n,)

    @classmethod
    def of(cls, clip: Clip) -> "Example":
        speech = clip.speech.astype(np.float32) / 32768
        return cls(clip, *lip_curves(clip.phones, len(speech) / SAMPLE_RATE + RELAX, speech))


@dataclass(frozen=True)
class Batch:
    """What the network sees and should answer. B examples of T frames, the first `DELAY` answers left out."""

    mel: torch.Tensor  # (B, BINS, 4 T)
    sound: torch.Tensor  # (B, T * 640), which the features are of, before the voice was disguised
    channels: torch.Tensor  # (B, T - DELAY, C)
    closure: torch.Tensor  # (B, T - DELAY)
    classes: torch.Tensor  # (B, 2 (T - DELAY)) class index


def _compose(examples: list[Example], rng: np.random.Generator, frames: int) -> tuple[np.ndarray, ...]:
    """Clips one after another, each at its own speed, with pauses, until `frames` are full.

    Returns: sound (frames * 640,), channels (frames * 4, C), closure (frames * 4,), classes (frames * 2,).
    """
    sound = np.zeros(frames * SAMPLES_PER_FRAME)
    channels = np.zeros((frames * PER_FRAME, len(CHANNELS)), np.float32)
    closure = np.zeros(frames * PER_FRAME, np.float32)
    classes = np.zeros(frames * 2, np.int64)
    at = -int(rng.uniform(0, 1.2) * SAMPLE_RATE) if rng.random() < 0.7 else int(rng.uniform(0, 0.8) * SAMPLE_RATE)
    for example in examples:
        if at >= len(sound):
            break
        speed = rng.uniform(0.80, 1.22) if rng.random() < 0.75 else 1.0
        speech = resampled(example.clip.speech / 32768.0, speed)
        if len(speech) + at < SAMPLE_RATE // 4:
            at = 0
        at = at // HOP_STEP * HOP_STEP
        place(sound, speech, at)
        steps = int(len(example.channels) / speed)
        index = np.minimum((np.arange(steps) * speed).astype(int), len(example.channels) - 1)
        place(channels, example.channels[index], at // HOP_STEP)
        place(closure, example.closure[index], at // HOP_STEP)
        place(classes, class_frames(_faster(example.clip.phones, speed), steps // 2, 50.0), at // (2 * HOP_STEP))
        at += len(speech) + int(rng.uniform(0.05, 0.9) * SAMPLE_RATE)
    return sound, channels, closure, classes


HOP_STEP = int(STEP * SAMPLE_RATE)  # samples a step of the lip curves


def _faster(phones: Phones, speed: float) -> Phones:
    return phones.moved(lambda times: times / speed)


@dataclass(frozen=True)
class Disguise:
    """What makes one recording of a voice look like one of another voice on another microphone, in the features."""

    warp: float = 1.0  # vocal tract length
    hidden: tuple[int, int] = (0, 0)  # first band and number of bands that are blanked (SpecAugment, Park et al. 2019)
    colour: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)  # weights of slow cosines over the bands: tilt, bumps and dips

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Disguise":
        hidden = (int(rng.integers(BINS)), int(rng.integers(1, 12))) if rng.random() < 0.3 else (0, 0)
        colour = rng.normal(0, (0.25, 0.15, 0.12, 0.10)) if rng.random() < 0.8 else np.zeros(4)
        return cls(WARPS[rng.integers(len(WARPS))], hidden, tuple(float(c) for c in colour))

    def features(self, sound: np.ndarray) -> torch.Tensor:
        """Features (BINS, n) of sound (n * HOP,)."""
        mel = log_mel(torch.from_numpy(np.concatenate([np.zeros(HISTORY), sound]).astype(np.float32)), self.warp)
        band = np.pi * (np.arange(BINS) + 0.5) / BINS
        shape = sum(weight * np.cos((k + 1) * band) for k, weight in enumerate(self.colour))
        mel = mel + torch.as_tensor(shape, dtype=torch.float32)[:, None]
        low, width = self.hidden
        mel[low : low + width] = mel.mean()
        return mel


def _tensors(parts: list[tuple[np.ndarray, ...]], disguises: list[Disguise]) -> Batch:
    mels = [disguise.features(part[0]) for part, disguise in zip(parts, disguises, strict=True)]
    channels, closure, classes = (np.stack([p[i] for p in parts]) for i in (1, 2, 3))
    count, frames = len(parts), closure.shape[1] // PER_FRAME
    kept = frames - DELAY
    channels = channels.reshape(count, frames, PER_FRAME, -1).mean(2)[:, :kept]
    closure = closure.reshape(count, frames, PER_FRAME)[:, :kept, 1:3].max(2)
    to = torch.from_numpy
    sound = np.stack([part[0] for part in parts]).astype(np.float32)
    return Batch(torch.stack(mels), to(sound), to(channels), to(closure), to(classes[:, : 2 * kept]))


class Data:
    """Draws batches from the training clips; a batch depends on the seed and the step alone."""

    def __init__(self, clips: list[Clip], seed: int, frames: int, batch: int) -> None:
        train = [Example.of(c) for c in clips if c.split == "train"]
        named = {source: [e for e in train if e.clip.voice.source == source] for source in SHARES}
        others = [e for e in train if e.clip.voice.source not in SHARES]
        pools = [(share, named[source]) for source, share in SHARES.items()] + [(1 - sum(SHARES.values()), others)]
        self._pools = [pool for _, pool in pools if pool]
        shares = np.array([share for share, pool in pools if pool])
        self._shares = shares / shares.sum()
        self._validation = [Example.of(c) for c in clips if c.split == "validation"]
        assert not {e.clip.name for e in train} & {e.clip.name for e in self._validation}
        self._seed, self._frames, self._batch = seed, frames, batch

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        parts, disguises = [], []
        for _ in range(self._batch):
            pool = self._pools[rng.choice(len(self._pools), p=self._shares)]
            chosen = [pool[i] for i in rng.integers(len(pool), size=6)]
            sound, *targets = _compose(chosen, rng, self._frames)
            other = pool[rng.integers(len(pool))].clip.speech.astype(np.float64)
            parts.append((spoiled(sound, other, rng), *targets))
            disguises.append(Disguise.draw(rng))
        return _tensors(parts, disguises)

    def validation(self, count: int) -> list[tuple[Example, Batch]]:
        """Up to `count` validation clips, each whole, at -26 dBFS, every other one with noise at 20 dB."""
        order = np.random.default_rng(0).permutation(len(self._validation))[:count]
        found = []
        for number, i in enumerate(order):
            example = self._validation[i]
            frames = -(-len(example.clip.speech) // SAMPLES_PER_FRAME) + DELAY
            parts = _whole(example, frames, 20.0 if number % 2 else None)
            found.append((example, _tensors([parts], [Disguise()])))
        return found


def _whole(example: Example, frames: int, snr: float | None) -> tuple[np.ndarray, ...]:
    sound = np.zeros(frames * SAMPLES_PER_FRAME)
    place(sound, example.clip.speech / 32768.0, 0)
    sound *= 0.05 / (sound.std() + 1e-9)
    if snr is not None:
        sound = sound + np.random.default_rng(1).normal(0, 0.05 * 10 ** (-snr / 20), len(sound))
    channels = np.zeros((frames * PER_FRAME, len(CHANNELS)), np.float32)
    closure = np.zeros(frames * PER_FRAME, np.float32)
    place(channels, example.channels, 0)
    place(closure, example.closure, 0)
    return np.clip(sound, -1, 1), channels, closure, class_frames(example.clip.phones, frames * 2, 50.0)


def _answers(
    model: nn.Module, mel: torch.Tensor, sound: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Channels, closure logits and phone logits of all frames but the last `DELAY`."""
    if isinstance(model, OnStates):
        channels, logits, phones = model(sound)
        return channels[:, :-DELAY], logits[:, :-DELAY], phones[:, : -2 * DELAY]
    channels, logits, phones, _ = model(mel)
    return channels[:, DELAY:], logits[:, DELAY:], phones[:, 2 * DELAY :]


class OnStates(nn.Module):
    """The head of a speech model of the user's own, on sound; only the head is trained."""

    def __init__(self, encoder: HuggingFaceEncoder) -> None:
        super().__init__()
        self.head = encoder.head.train()
        self._encoder = [encoder]  # in a list: not a part of this module, so neither trained nor saved
        self.config = encoder.head.config

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """sound (B, T * 640) -> as `LipHead`."""
        return self.head(self._encoder[0].states(sound.to("cpu")).to(self.head.mix.weight.device))


def lip_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Errors of the channels (scaled by their spread), their velocity, the opening, the closure and the phones."""
    device = next(model.parameters()).device
    mel, wanted, shut, classes = (t.to(device) for t in (batch.mel, batch.channels, batch.closure, batch.classes))
    channels, logits, phones = _answers(model, mel, batch.sound)
    scale = 1 / wanted.new_tensor(SPREAD)
    position = F.smooth_l1_loss(channels * scale, wanted * scale)
    velocity = F.smooth_l1_loss(channels.diff(dim=1) * scale, wanted.diff(dim=1) * scale)
    gap = wanted.new_tensor(_CHANNEL_GAP)
    opening = F.l1_loss((channels @ gap) * (1 - torch.sigmoid(logits)), (wanted @ gap) * (1 - shut))
    weight = 1 + 2 * shut
    closing = F.binary_cross_entropy_with_logits(logits, shut, weight)
    spoken = F.cross_entropy(phones.reshape(-1, phones.shape[-1]), classes.reshape(-1), label_smoothing=0.05)
    total = position + 2 * velocity + 4 * opening + closing + 0.3 * spoken
    names = {"position": position, "velocity": velocity, "opening": opening, "closing": closing, "phones": spoken}
    return total, {name: float(value.detach()) for name, value in names.items()}


# Standard deviation of each channel over running speech, at least 0.04, in the order of CHANNELS.
SPREAD = (0.14, 0.10, 0.24, 0.12, 0.05, 0.11, 0.06, 0.07, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04)


def measure(model: nn.Module, found: list[tuple[Example, Batch]]) -> dict[str, float]:
    """Figures of whole clips: loss, lip_corr, lip_closure_pct, lip_lag_ms, phone accuracy in %."""
    device = next(model.parameters()).device
    losses, correlations, hits, lags, right = [], [], [], [], []
    for example, batch in found:
        losses.append(float(lip_loss(model, batch)[0]))
        channels, logits, phones = _answers(model, batch.mel.to(device), batch.sound)
        lips, closure = decode(channels[0].cpu().numpy(), logits[0].cpu().numpy())
        opening = np.maximum(lips @ _CHANNEL_GAP, 0) * (1 - closure)
        truth = np.maximum(batch.channels[0].numpy() @ _CHANNEL_GAP, 0) * (1 - batch.closure[0].numpy())
        correlations.append(lip_corr(opening, truth))
        hits.append(closures(opening, example.clip.phones))
        lags.append(lip_lag_ms(opening, truth))
        right.append((phones[0].argmax(-1).cpu() == batch.classes[0]).float().mean().item())
    shut = np.concatenate(hits)
    return {
        "loss": float(np.mean(losses)),
        "lip_corr": float(np.mean(correlations)),
        "lip_closure_pct": 100 * float(shut.mean()) if len(shut) else float("nan"),
        "lip_lag_ms": float(np.median(lags)),
        "phones_pct": 100 * float(np.mean(right)),
    }


@recipe("speech", steps=4000)
def train(
    run: Run,
    data: Path | None,
    *,
    encoder: Path | None = None,
    start: Path | None = None,
    lr: float = 1.5e-3,
    unlabelled: Sequence[Path] | None = None,
) -> Trial:
    """The lip network, 12 examples of 4 s a step.

    Args:
        data: folder of `vasari data speech`; None trains on a tiny set of tones with known phones, to try the recipe.
        encoder: folder of a Hugging Face speech model; a head on it is trained instead of the encoder that ships.
        start: weight file to go on from, instead of random weights.
        lr: peak learning rate.
        unlabelled: folders of recordings of more voices, whose words nobody knows (`lab.speaking.voices`).

    Raises:
        UsageError: `start` and `encoder` are both given.
        WeightsError: `start` is missing, damaged or of another model.
    """
    if encoder is not None and start is not None:
        raise UsageError("train speech: --encoder trains a new head; leave out --start, or --encoder")
    toy = data is None
    clips = toy_set(run.seed) if data is None else load_speech_set(Path(data))
    voices = [clip for folder in unlabelled or () for clip in read_voices(folder)]
    source = Data(clips + voices, run.seed, FRAMES // 4 if toy else FRAMES, 2 if toy else BATCH)
    found = source.validation(2 if toy else 96)
    torch.manual_seed(run.seed)
    own = None if encoder is None else OnStates(HuggingFaceEncoder(encoder))
    model = own or (LipNet(32, (1, 2)) if toy else LipNet())
    if start is not None:
        tensors, known = load_weights(start, "speech")
        model = LipNet(**known.config)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    plan = Plan(
        steps=run.steps, lr=lr, warmup=min(150, run.steps // 4 + 1), seed=run.seed, validate_every=400,
        checkpoint_every=200, bf16=own is None and bf16_is_fast(),
    )  # fmt: skip
    return Trial(
        model,
        plan,
        source.batch,
        lip_loss,
        lambda m: measure(m, found),
        select="loss",
        config=model.config,
        name="" if own is None else HEAD,
        kept=None if own is None else own.head,
        data="toy set of tones; not for use" if toy else DATA + (MORE.format(len(voices)) if voices else ""),
    )


assert len(SPREAD) == len(CHANNELS)
assert len(CLASSES) > 1

"""Recipe of the network that aligns recordings: synthesised speech first, then recordings as it aligns them itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.acting import CLASSES
from lab.mel import log_mel
from lab.networks.aligner import AlignerNet
from lab.performances.align import LOUD, Aligner, align
from lab.performances.lips import class_frames
from lab.performances.speechset import SPELLED_AS, Clip, load_speech_set, place
from lab.performances.synthesisers import Espeak
from lab.performances.vocal_styles import SPEECH
from lab.reference import Reference
from lab.training import Plan, fit
from lab.training.resuming import guarded
from lab.weights import WeightCard, save_weights
from media.errors import UsageError
from media.mel import BINS, HISTORY, HOP
from media.units import SAMPLE_RATE

FRAMES = 300  # of an example: 3 s
BATCH = 12  # examples
RECORDED = 0.4  # share of the examples that are recorded, once those are aligned
WARPS = tuple(round(float(w), 3) for w in np.linspace(0.85, 1.18, 7))  # vocal tract lengths
TURNS = ("timed", "aligned", "again")  # rounds of training; before the second and third, recordings are aligned
EXACT = ("espeak-ng", "flite", "festival")  # sources that tell exactly when each phone sounds
CHECKED = 60  # clips to choose by
NEAR = 0.02  # seconds
DATA = (
    "Speech of espeak-ng, flite and festival (vasari data speech), whose phones are timed by who spoke it; and speech "
    "whose text is known, aligned by the network itself on the way: of Kokoro-82M, and recordings (Debian's "
    "asterisk-core-sounds-*-g722, CC-BY-SA 3.0 and CC-BY 3.0; tuxpaint-stamps-default, GPL-2)."
)


@dataclass(frozen=True)
class Batch:
    """B examples of n feature frames."""

    mel: torch.Tensor  # (B, BINS, n)
    classes: torch.Tensor  # (B, n) class index


class Data:
    """step -> batch; depends on the seed, the step and the clips alone."""

    def __init__(self, spoken: Sequence[Clip], recorded: Sequence[Clip], seed: int, frames: int, batch: int) -> None:
        self._pools = [pool for pool in (spoken, recorded) if pool]
        self._seed, self._frames, self._batch = seed, frames, batch

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step, 8))
        rows = []
        for _ in range(self._batch):
            pool = self._pools[-1] if rng.random() < RECORDED else self._pools[0]
            rows.append(self._example(pool, rng))
        return Batch(*(torch.stack(parts) for parts in zip(*rows, strict=True)))

    def _example(self, pool: Sequence[Clip], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Clips one after another until the frames are full, louder or softer, hissing, in another voice."""
        sound = np.zeros(HISTORY + self._frames * HOP, np.float32)
        classes = np.zeros(self._frames, np.int64)
        at = -int(rng.integers(0, 150)) if rng.random() < 0.7 else int(rng.integers(0, 60))
        while at < self._frames:
            clip = pool[int(rng.integers(len(pool)))]
            length = -(-len(clip.speech) // HOP)
            if at + length > 10:
                level = LOUD / (clip.sound.std() + 1e-6)
                place(sound, clip.sound * np.float32(level), HISTORY + at * HOP)
                place(classes, class_frames(clip.phones, length, 1 / 0.01), at)
            at += length + int(rng.integers(5, 60))
        hiss = 10 ** rng.uniform(-4, -2) * rng.standard_normal(len(sound))
        sound = (sound * 10 ** rng.uniform(-0.4, 0.3) + hiss).astype(np.float32)
        mel = log_mel(torch.from_numpy(sound), WARPS[rng.integers(len(WARPS))])
        band = np.pi * (np.arange(BINS) + 0.5) / BINS
        shape = sum(weight * np.cos((k + 1) * band) for k, weight in enumerate(rng.normal(0, (0.25, 0.15, 0.12))))
        return mel + torch.as_tensor(shape, dtype=torch.float32)[:, None], torch.from_numpy(classes)


def loss(net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Cross-entropy of the classes."""
    device = next(net.parameters()).device
    logits, classes = net(batch.mel.to(device)), batch.classes.to(device)
    value = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), label_smoothing=0.05)
    return value, {"right": float((logits.argmax(-1) == classes).float().mean())}


def realigned(clips: Sequence[Clip], aligner: Aligner) -> list[Clip]:
    """Recordings with the times that `aligner` finds; those that it finds none for are left out."""
    found = []
    for clip in clips:
        code = SPELLED_AS.get(clip.voice.language)
        phones = None if code is None else aligner(clip.sound, clip.text, code)
        if phones is not None:
            found.append(replace(clip, phones=phones))
    return found


def boundaries(aligner: Aligner, clips: Sequence[Clip]) -> np.ndarray:
    """By how many seconds (n,) the phones of synthesised clips begin beside where they should, aligned as if only the
    order of their classes were known."""
    errors = []
    for clip in clips:
        phones = clip.phones.classes
        words = [[int(phone)] for phone in phones if phone]
        found = align(aligner.likelihoods(clip.sound), words, len(clip.speech) / SAMPLE_RATE)
        if found is not None:
            told, true = found[0].starts[found[0].classes > 0], clip.phones.starts[phones > 0]
            if len(told) == len(true):
                errors.append(np.abs(told - true))
    return np.concatenate(errors) if errors else np.zeros(0)


def in_torch(net: AlignerNet, espeak: Espeak) -> Aligner:
    """An aligner by a network that is being trained."""
    return Aligner(Reference(net.eval(), "aligner"), net.prior.cpu().numpy(), espeak)


@guarded
def train(
    data: Path | None,
    out: Path,
    *,
    steps: int = 3000,
    workdir: Path | str,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train the aligner and write its weights: a third of the steps on speech whose times are known, the others on
    recordings too, as the round before aligns them.

    All languages of the set are learned from, also those that other recipes hold out: what it tells is truth to
    measure by, and it is part of no face. Speakers of the validation split are held out.

    Args:
        data: folder of `vasari data speech`.
        out: where the weights go (ONNX, float16).

    Raises:
        UsageError: no speech set is given.
        UnreadableError: `data` holds none.
        MissingExtraError: espeak-ng is not installed, which spells the recordings' texts.
    """
    if data is None:
        raise UsageError("train aligner: give a speech set with --data SPEECH (`vasari data speech -o SPEECH`)")
    clips = [c for c in load_speech_set(Path(data)) if c.manner == SPEECH]
    recorded = [c for c in clips if c.voice.source not in EXACT]
    spoken = [c for c in clips if c.voice.source in EXACT and c.split != "validation"]
    unseen = [c for c in clips if c.voice.source in EXACT and c.split == "validation"]
    small = len(clips) < 50
    chosen = np.random.default_rng(5).permutation(len(unseen))[: 2 if small else CHECKED]
    checked, espeak = [unseen[i] for i in chosen], Espeak()
    torch.manual_seed(seed)
    net = AlignerNet(16, (1, 2)) if small else AlignerNet()
    shares = np.bincount(np.concatenate([class_frames(c.phones, len(c.speech) // HOP, 100.0) for c in spoken]),
                         minlength=len(CLASSES)) + 1.0  # fmt: skip
    net.prior.copy_(torch.from_numpy(np.log(shares / shares.sum())).float())

    def validate(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, AlignerNet)
        errors = boundaries(in_torch(model, espeak), checked)
        return {"near_pct": 100 * float((errors < NEAR).mean()), "error_ms": 1000 * float(errors.mean())}

    figures: dict[str, float] = {}
    for turn, name in enumerate(TURNS):
        also = realigned(recorded, in_torch(net, espeak)) if turn else []
        source = Data(spoken, also, seed + turn, 60 if small else FRAMES, 2 if small else BATCH)
        plan = Plan(
            steps=steps // len(TURNS), lr=2e-3 / (1 + turn), warmup=min(100, steps // 9 + 1), seed=seed,
            validate_every=min(250, steps // len(TURNS)), checkpoint_every=250,
        )  # fmt: skip
        figures = fit(
            net, plan, source, loss, validate, select="near_pct", higher_is_better=True,
            workdir=Path(workdir) / name, resume=resume, device=device, progress=progress,
        )  # fmt: skip
        net = net.cpu()
    recipe = f"vasari train aligner --data SPEECH --steps {steps} --seed {seed}"
    card = WeightCard("aligner", net.config, DATA, int(figures["step"]), figures, recipe=recipe)
    return save_weights(out, net.state_dict(), card, dtype=torch.float16)

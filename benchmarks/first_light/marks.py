"""The picture mark after what happens to videos, and how often it is seen where there is none."""

import secrets
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, mean_figure
from faces import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from media import SAMPLE_RATE, read_picture, read_sound
from provenance.watermark.attacks import h264, resized
from provenance.watermark.hosts import drawn
from provenance.watermark.picture import PictureMarker, PictureReader

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting

SECONDS = 2  # of each clip


def measure(setting: "Setting") -> list[Figure]:
    """message_rate_* over clips of 2 s, bit_accuracy_*, mark_psnr_db, mark_ms_512, mark_false_positives."""
    attacks = {
        "clean": lambda frames: frames,
        "crf23": lambda frames: h264(frames, 23),
        "crf28": lambda frames: h264(frames, 28),
        "crf33": lambda frames: h264(frames, 33),
        "half": lambda frames: h264([resized(f, 0.5) for f in frames], 23),
    }
    rate: dict[str, list[float]] = {name: [] for name in attacks}
    bits: dict[str, list[float]] = {name: [] for name in attacks}
    quality, spent, count = [], 0.0, 0
    for clip in _clips(setting, 2 if setting.quick else 10):
        key, message = secrets.token_bytes(32), secrets.randbits(64)
        marker = PictureMarker(message, key)
        marker.mark(clip[0])
        begun = time.perf_counter()
        marked = [marker.mark(frame) for frame in clip]
        spent, count = spent + time.perf_counter() - begun, count + len(clip)
        errors = [np.square(a.astype(np.float64) - b).mean() for a, b in zip(marked, clip, strict=True)]
        quality.append(10 * np.log10(255**2 / max(float(np.mean(errors)), 1e-9)))
        for name, attack in attacks.items():
            reader = PictureReader(key)
            for frame in attack(marked):
                reader.add(frame)
            rate[name].append(float(reader.read().message == message))
            bits[name].append(reader.bit_accuracy(message))
    goals = {"clean": 1.0, "crf28": 1.0}
    figures = [
        mean_figure(f"message_rate_{n}", v, "", goal=goals.get(n), note=f"clips of {SECONDS} s")
        for n, v in rate.items()
    ]
    figures += [mean_figure(f"bit_accuracy_{n}", v, "", note="coded bits, before correction") for n, v in bits.items()]
    figures.append(mean_figure("mark_psnr_db", quality, "dB", goal=42))
    figures.append(Figure(name="mark_ms_512", value=1000 * spent / count, unit="ms", better="lower", n=count))
    return [*figures, _false_positives(100 if setting.quick else 1000)]


def _clips(setting: "Setting", count: int) -> list[list[np.ndarray]]:
    """Generated, unmarked clips that never leave this process."""
    picture, sound, clips = read_picture(setting.portrait), read_sound(setting.speech), []
    track, _ = Tracker().portrait(picture)
    talker, motion = Talker(FaceLatent.encode(picture, track), Painter()), Motion.load()
    length = SECONDS * SAMPLE_RATE
    for seed in range(count):
        start = (seed * SAMPLE_RATE) % max(1, len(sound) - length)
        clips.append(list(talker.frames([motion.generate(sound[start : start + length], seed=seed)])))
    return clips


def _false_positives(count: int) -> Figure:
    """Unmarked pictures in which a mark was noticed, each read under a key of its own."""
    rng, seen = np.random.default_rng(9), 0
    for _ in range(count):
        reader = PictureReader(rng.bytes(32))
        reader.add(np.clip(drawn(rng, 256), 0, 255).astype(np.uint8))
        seen += reader.read().noticed
    return Figure(
        name="mark_false_positives", value=float(seen), unit="", goal=0, better="lower", n=count, note="drawn pictures"
    )

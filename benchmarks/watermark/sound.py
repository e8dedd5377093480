"""The sound mark: how often its message is heard after coding, noise and changes of speed, and where there is none."""

import secrets
from collections.abc import Callable

import numpy as np
import torch
from scipy.signal import resample_poly

from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given
from lab.attacks import coded_sound
from media import SAMPLE_RATE, read_sound
from provenance.marks.identity import sound_message
from provenance.marks.sound import SoundMarker, SoundReader

SECONDS = (3, 10)


def _noisy(sound: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1, len(sound))
    return sound + (noise * np.sqrt(np.mean(np.square(sound))) / 10).astype(np.float32)


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clean": lambda sound: sound,
    "aac64": lambda sound: coded_sound(sound, "aac", 64),
    "mp3_64": lambda sound: coded_sound(sound, "libmp3lame", 64),
    "opus32": lambda sound: coded_sound(sound, "libopus", 32),
    "resampled": lambda sound: resample_poly(resample_poly(sound, 1, 2), 2, 1).astype(np.float32),
    "noise20": _noisy,
    "speed90": lambda sound: resample_poly(sound, 10, 9).astype(np.float32),
    "speed110": lambda sound: resample_poly(sound, 10, 11).astype(np.float32),
}


def measure(given: Given) -> list[Figure]:
    """sound_message_rate_WAY and _WAY_10s, sound_snr_db, sound_pesq, sound_false_positives."""
    speech, figures = read_sound(given.speech), []
    quality, heard_as = [], []
    for seconds in SECONDS:
        pieces = _pieces(speech, seconds, 2 if given.quick else 12)
        heard: dict[str, list[float]] = {way: [] for way in WAYS}
        for piece in pieces:
            key, message = secrets.token_bytes(32), secrets.randbits(64)
            marked = np.concatenate(list(SoundMarker(message, key).mark([piece])))
            error = np.square(marked[: len(piece)] - piece, dtype=np.float64).mean()
            quality.append(10 * np.log10(np.square(piece, dtype=np.float64).mean() / max(float(error), 1e-20)))
            if seconds == SECONDS[-1]:
                heard_as.append(_pesq(marked[: len(piece)], piece))
            for way, change in WAYS.items():
                heard[way].append(float(_message(change(marked), key) == sound_message(message)))
        for way, values in heard.items():
            name = f"sound_message_rate_{way}" + ("" if seconds == SECONDS[-1] else f"_{seconds}s")
            goal = 0.95 if way == "aac64" and seconds == SECONDS[-1] else None
            figures.append(mean_figure(name, values, "", goal=goal, note=f"pieces of {seconds} s"))
    figures.append(mean_figure("sound_snr_db", quality, "dB", note="speech over mark"))
    told = [score for score in heard_as if score is not None]
    note = "wide band (ITU-T P.862.2), 4.64 is no difference" if told else "pesq is not installed"
    figures.append(mean_figure("sound_pesq", told, "", note=note))
    return [*figures, _false_positives(speech, 20 if given.quick else 400)]


def _pieces(speech: np.ndarray, seconds: int, count: int) -> list[np.ndarray]:
    length = seconds * SAMPLE_RATE
    starts = np.linspace(0, max(0, len(speech) - length), count).astype(int)
    return [np.resize(speech[start : start + length], length) for start in starts]


def _message(sound: np.ndarray, key: bytes) -> int | None:
    reader = SoundReader(key)
    reader.add(np.ascontiguousarray(sound, np.float32))
    return reader.read(search=True).message


def _pesq(marked: np.ndarray, sound: np.ndarray) -> float | None:
    """How alike marked and unmarked speech sound to a model of listeners; None where pesq is not installed."""
    try:
        from torchmetrics.functional.audio.pesq import perceptual_evaluation_speech_quality as pesq

        return float(pesq(torch.from_numpy(marked.astype(np.float32)), torch.from_numpy(sound), SAMPLE_RATE, "wb"))
    except ModuleNotFoundError:
        return None


def _false_positives(speech: np.ndarray, count: int) -> Figure:
    seen, rng, searched = 0, np.random.default_rng(3), count // 10
    for number, piece in enumerate(_pieces(speech, SECONDS[0], count)):
        reader = SoundReader(rng.bytes(32))
        reader.add(piece)
        seen += reader.read(search=number < searched).noticed
    note = f"unmarked pieces of speech that overlap, a key each; {searched} of them searched"
    return Figure(name="sound_false_positives", value=float(seen), unit="", goal=0, better="lower", n=count, note=note)

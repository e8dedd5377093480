"""Recordings without texts: the phones that are heard in them, and what a folder of them may hold."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from generate.acting import CLASS_INDEX
from lab.performances import class_frames
from lab.performances.align import Aligner
from lab.performances.synthesisers import Espeak, Utterance
from lab.speaking.voices import read_voices
from media.errors import UnreadableError

SILENCE = CLASS_INDEX["sil"]


@pytest.fixture(scope="module")
def spoken() -> Utterance:
    espeak = Espeak()
    voice = next(voice for voice in espeak.voices(("en",)))
    return espeak.speak("the quick brown fox jumps over the lazy dog", voice, np.random.default_rng(0))


def test_phones_are_heard_without_a_text(spoken: Utterance) -> None:
    speech = spoken.speech
    heard, true = Aligner.load(Espeak()).heard(speech), spoken.phones
    frames = len(speech) // 320
    found, wanted = (class_frames(phones, frames, 50.0) for phones in (heard, true))
    assert (found == wanted).mean() > 0.5  # one of 25 classes
    assert heard.starts[0] == 0
    assert heard.ends[-1] == pytest.approx(len(speech) / 16_000, abs=0.02)
    assert heard.starts[1:] == pytest.approx(heard.ends[:-1])
    assert (heard.ends > heard.starts).all()


def test_nothing_is_heard_in_silence() -> None:
    heard = Aligner.load(Espeak()).heard(np.zeros(16_000, np.float32))
    assert set(heard.classes) == {SILENCE}


def test_a_folder_of_voices_is_read_and_what_says_nothing_is_left_out(tmp_path: Path, spoken: Utterance) -> None:
    wavfile.write(tmp_path / "ann-1.wav", 16_000, (spoken.speech * 32767).astype(np.int16))
    wavfile.write(tmp_path / "bob-1.wav", 16_000, np.zeros(16_000, np.int16))
    (tmp_path / "notes.txt").write_text("no sound")
    clips = read_voices(tmp_path)
    assert [clip.voice.speaker for clip in clips] == ["voices-ann"]
    assert clips[0].split == "train"


def test_a_folder_without_voices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no recording in which somebody speaks"):
        read_voices(tmp_path)

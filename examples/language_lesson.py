"""How a word is said: `python examples/language_lesson.py squirrel OUT.mp4 [VOICE]`

The word as it is spoken, then slowly, then slowly seen from the side, by the voice of espeak-ng for a language (`de`,
`fr`, `en-gb`). OUT.mp4 is labelled, marked and signed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from generate.motion import Controls
from media import SAMPLE_RATE, read_sound
from provenance import Keys, Permit
from vasari.agents.face import Face

HERE = Path(__file__).resolve().parent
SPEEDS = 150, 80, 80  # words a minute; 80 is the slowest that espeak-ng speaks
SIDE = Controls(bias=(0.35, 0.0, 0.0), gaze=(0.2, 0.0))  # radians: the head turned by 20 degrees
PAUSE = np.zeros(SAMPLE_RATE, np.float32)


def spoken(word: str, voice: str, speed: int) -> np.ndarray:
    """(n,) float32 mono 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), "--", word], check=True)
        return read_sound(path)


def main(word: str, output: Path, voice: str = "en-gb") -> None:
    """Not in real time: each frame as soon as it is made."""
    sounds = [np.concatenate([PAUSE, spoken(word, voice, speed), PAUSE]) for speed in SPEEDS]
    aside = sum(map(len, sounds[:2])) / SAMPLE_RATE
    face = Face(Permit.of(HERE / "portrait.png", keys=Keys.open()))
    view = {"controls": lambda seconds: SIDE if seconds >= aside else Controls(intensity=0.3)}
    with face.begin(keep=output, realtime=False, **view) as session:
        session.say((np.concatenate(sounds) * 32767).astype("<i2").tobytes(), SAMPLE_RATE)
        session.end_of_speech()
        session.close()
        for shown in session:  # here they are only waited for; a program of lessons would show them
            assert shown.frame.shape == (face.size, face.size, 3)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])

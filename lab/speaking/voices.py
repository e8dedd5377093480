"""Many voices whose words are not known: recordings, and the phones that are heard in them.

The aligner hears what comes before and after, the speech encoder of a stream hardly any of it: so the one can teach the
other on people of whom nobody wrote down what they say.
"""

from pathlib import Path

from lab.performances.align import Aligner
from lab.performances.speechset import Clip
from lab.performances.synthesisers import Espeak, Voice
from media import read_sound
from media.errors import SpeechError, UnreadableError
from media.units import SAMPLE_RATE

SOUNDS = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a")
LONGEST = 12.0  # seconds that are taken of a recording
SOURCE = "voices"  # of their clips


def read_voices(folder: Path) -> list[Clip]:
    """All recordings in a folder and below it, to train on; a file is SPEAKER-ANYTHING.flac or the like.

    Raises:
        UnreadableError: there is no recording in which somebody speaks.
    """
    aligner, clips = Aligner.load(Espeak()), []
    for path in sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SOUNDS):
        try:
            sound = read_sound(path)[: int(LONGEST * SAMPLE_RATE)]
        except SpeechError:
            continue  # holds no sound
        phones = aligner.heard(sound)
        if len(phones.classes) < 2:
            continue  # nobody speaks
        voice = Voice(SOURCE, path.stem, "", f"{SOURCE}-{path.stem.split('-')[0]}", "")
        clips.append(Clip(path.stem, "train", (sound * 32767).astype("int16"), phones, voice, ""))
    if not clips:
        raise UnreadableError(f"{folder}: no recording in which somebody speaks; give a folder of .flac or .wav files")
    return clips

"""Text as speech, where espeak-ng is on this machine."""

import functools
import shutil
import subprocess
from pathlib import Path

from media.errors import SpeechError, UsageError

PROGRAM = "espeak-ng"
LONGEST = 500  # letters
SECONDS = 20.0  # that it may take
USUAL = "en-gb"  # the voice that is offered first


@functools.cache
def voices() -> dict[str, str]:
    """Code of each voice -> its name, sorted by name; empty where the program is missing or does not answer."""
    found = shutil.which(PROGRAM)
    if found is None:
        return {}
    try:
        told = subprocess.run([found, "--voices"], capture_output=True, timeout=SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [line.split() for line in told.decode(errors="replace").splitlines()[1:]]
    named: dict[str, str] = {}
    for row in rows:
        if len(row) > 4 and not row[4].startswith("mb/"):  # those need a program of their own
            named.setdefault(row[1], row[3].replace("_", " "))
    return dict(sorted(named.items(), key=lambda item: item[1]))


def check_text(text: str, voice: str) -> str:
    """The text in one line. Raises `UsageError` where it is empty or too long, or the voice is not known."""
    if not voices():
        raise UsageError(f"text cannot be spoken: {PROGRAM} is not on this machine")
    if voice not in voices():
        raise UsageError("there is no such voice")
    if not text.strip() or len(text) > LONGEST:
        raise UsageError(f"a text of {len(text)} letters: write 1 to {LONGEST}")
    return " ".join(text.split())


def speak(text: str, voice: str, path: Path) -> None:
    """Write a WAV file of the text.

    Raises:
        UsageError: as `check_text`.
        SpeechError: the program failed.
    """
    said = check_text(text, voice)
    command = [PROGRAM, "-v", voice, "--stdin", "-w", str(path)]
    try:
        subprocess.run(command, input=said.encode(), capture_output=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SpeechError(f"{PROGRAM} could not speak the text") from error

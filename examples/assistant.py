"""An assistant with a face: `python examples/assistant.py OUT.mp4`, then type; an empty line ends it.

The answers are scripted and the voice is espeak-ng's: nothing leaves this machine. A line that is typed while the face
speaks interrupts it. Every marked frame and its sound go to `send`, where a transport (WebRTC, a window) would be;
OUT.mp4 is the signed record of the conversation.
"""

import sys
import tempfile
import threading
from pathlib import Path

from media import SAMPLE_RATE, read_sound
from media.voices import USUAL, speak
from provenance import Keys, Permit
from vasari.agents.face import Face, Session, Shown

HERE = Path(__file__).resolve().parent
ANSWERS = {
    "hello": "Hello! I was made by A I, and every frame of me says so.",
    "who": "Nobody. I am mixed of the photographs of six volunteers.",
    "time": "It is always now.",
}


def answer(asked: str) -> str:
    """What a language model would be asked for."""
    return next((said for word, said in ANSWERS.items() if word in asked.lower()), f"You said: {asked}")


def say(session: Session, text: str) -> None:
    """What a text-to-speech service would be asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        speak(text, USUAL, path)
        sound = read_sound(path)
    session.say((sound * 32767).astype("<i2").tobytes(), SAMPLE_RATE)
    session.end_of_speech()


def talk(session: Session) -> None:
    """Answer every line, until an empty one."""
    while line := sys.stdin.readline().strip():
        session.cancel()
        say(session, answer(line))
    session.close()


def send(shown: Shown) -> None:
    """Where a transport would take `shown.frame` and `shown.pcm`."""
    if shown.ended:
        print("(spoken)")  # noqa: T201


def main(output: Path) -> None:
    """Everything is loaded before the conversation begins."""
    face = Face(Permit.of(HERE / "portrait.png", keys=Keys.open()))
    with face.begin(keep=output) as session:
        threading.Thread(target=talk, args=[session], daemon=True).start()
        for shown in session:
            send(shown)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

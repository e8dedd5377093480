"""A face speaks while its sound comes: `python examples/live.py OUT.mp4 | ffplay -`

The shipped speech is pushed as a microphone would bring it. Half way, somebody falls in: the voice breaks off, the face
listens with a smile, and then goes on. What goes to standard output is labelled and marked; OUT.mp4 is signed at
the end.
"""

import sys
import threading
import time
from pathlib import Path

from generate import Motion, Talker
from generate.motion import Controls
from generate.stream import Stream
from media import SAMPLE_RATE, read_sound
from provenance import Generated, Keys, Label, Permit, outlet, save_live

HERE = Path(__file__).resolve().parent
PIECE = SAMPLE_RATE // 50  # 20 ms


def speak(stream: Stream, seconds: float) -> None:
    """Push some of the shipped speech in real time."""
    sound = read_sound(HERE / "speech.wav")[8000:]  # it begins with silence
    start = time.monotonic()
    for first in range(0, int(seconds * SAMPLE_RATE), PIECE):
        time.sleep(max(0.0, start + first / SAMPLE_RATE - time.monotonic()))
        stream.push(sound[first : first + PIECE])


def conversation(stream: Stream) -> None:
    """What happens; runs beside the frames."""
    speak(stream, 3.0)
    stream.cancel()
    stream.steer(Controls(gaze=(0.1, 0.0), emotion=("happy", 0.6)))
    time.sleep(2.0)
    stream.steer(Controls())
    speak(stream, 3.0)
    stream.close()


def main(output: Path) -> None:
    """Everything is loaded before the stream begins."""
    portrait = HERE / "portrait.png"
    permit = Permit.of(portrait, keys=Keys.open())
    talker = Talker.of(permit)
    stream = Stream(talker, Motion.load())
    threading.Thread(target=conversation, args=[stream], daemon=True).start()
    label = Label("on", faces=(talker.head,))  # on anyway; said where the head is, nobody has to look for it
    performance = permit.perform(Generated, stream, command="example", models=talker.models, label=label)
    save_live(output, performance, outlet("-"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

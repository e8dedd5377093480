"""A character of a game: `python examples/game_character.py OUT [--osc HOST:PORT] [--portrait]`

Every line of a dialogue tree is spoken by espeak-ng and becomes OUT/LINE.wav and OUT/LINE.csv, which an engine plays
together, on a head of its own. No picture of a face is made for that, so nothing is signed. OUT/dialogue.json says
which answer leads to which line. Then the dialogue is played: type the number of an answer, anything else ends it.

--osc moves the engine's head live with each line as it is said (docs/guide.md, "Live, over OSC"). --portrait makes
OUT/LINE.mp4 besides, for a picture beside the text: somebody who does not exist, labelled, marked and signed.
"""

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import vasari
from generate.curves import curves, write_curves
from generate.motion import Controls
from media import read_sound
from media.voices import USUAL, speak
from vasari.sending import Clock, Sender, paced

HERE = Path(__file__).resolve().parent
RATE = 60  # frames a second of curves
MANNER = 7  # seed of the character's way of speaking, the same in every line
SIZE = 256  # of the portrait, pixels a side


@dataclass(frozen=True)
class Line:
    """What the character says."""

    text: str
    mood: tuple[str, float]  # and how much of it, 0 to 1
    answers: dict[str, str] = field(default_factory=dict)  # what the player may say -> the line that follows


FIRST = "gate"
TREE = {
    "gate": Line("Halt! Who walks here at night?", ("angry", 0.4), {"A friend.": "friend", "Nobody.": "nobody"}),
    "nobody": Line("Nobody? Then nobody minds if I close it.", ("surprised", 0.5), {"Wait!": "friend", "Do.": "end"}),
    "friend": Line("Then be welcome, and mind the step.", ("happy", 0.6)),
    "end": Line("Good night, nobody.", ("sad", 0.3)),
}


def bake(folder: Path, portrait: bool) -> dict[str, np.ndarray]:
    """Write sound and curves of every line, and the tree. Returns the curves, (n, 61) each."""
    motion, made = vasari.Motion.load(), dict[str, np.ndarray]()
    for seed, (name, line) in enumerate(TREE.items()):
        voice, controls = folder / f"{name}.wav", Controls(emotion=line.mood, intensity=0.6)
        speak(line.text, USUAL, voice)
        made[name] = curves(motion.generate(read_sound(voice), seed=seed, style=MANNER, controls=controls), RATE)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            write_curves(file, made[name], RATE, "csv")
        if portrait:
            look = {"seed": seed, "style": MANNER, "controls": controls, "size": SIZE}
            vasari.generate(HERE / "portrait4.png", voice, folder / f"{name}.mp4", label="on", **look)
    told = {"first": FIRST, "lines": {name: asdict(line) for name, line in TREE.items()}}
    (folder / "dialogue.json").write_text(json.dumps(told, indent=1))
    return made


def play(made: dict[str, np.ndarray], sender: Sender | None) -> None:
    """Say lines and take answers, from the first one to one without answers."""
    name = FIRST
    while True:
        line = TREE[name]
        print(line.text)  # noqa: T201
        for number, row in enumerate(paced(made[name], RATE, Clock()) if sender else ()):  # an engine plays the sound
            sender.send(row, number / RATE)
        for number, answer in enumerate(line.answers, 1):
            print(f"  {number}. {answer}")  # noqa: T201
        picked = sys.stdin.readline().strip() if line.answers else ""
        if picked not in map(str, range(1, len(line.answers) + 1)):
            return
        name = list(line.answers.values())[int(picked) - 1]


def main(*words: str) -> None:
    """Bake, then play."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, metavar="OUT")
    parser.add_argument("--osc", metavar="HOST:PORT")
    parser.add_argument("--portrait", action="store_true")
    asked = parser.parse_args(words)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with Sender(asked.osc) if asked.osc else nullcontext() as sender:
        play(bake(asked.folder, asked.portrait), sender)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What a person should look at: curves of what was made beside performances, and five people in five moods."""

from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure
from benchmarks.motion.talk import Talks
from benchmarks.plots import figure, save_plot
from benchmarks.sheets import portraits, save_sheet, tile
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from faces.tracker import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from generate.acting import Controls, MotionClip, Style, mouth_opening
from generate.motion.space import HEAD_WIDTH
from lab.people import Person, Wardrobe
from lab.performances import perform
from media import read_picture
from media.sound import read_sound
from media.units import FPS, SAMPLE_RATE

SECONDS = 10  # that are plotted
MOODS = ("neutral", "happy", "sad", "angry", "surprised")
PEOPLE, FIRST = 5, 921_300  # people on the sheet, and the seed of the first who is rendered for it
SIZE = 320  # pixels of a face on the sheet
ROWS = {
    "lips: opening": lambda c: np.maximum(mouth_opening(c.actions), 0),
    "head: yaw, pitch (degrees)": lambda c: np.degrees(c.rotation[:, :2]),
    "gaze: yaw, pitch (degrees)": lambda c: np.degrees(c.gaze),
    "lids: blink": lambda c: c.actions[:, ACTION_INDEX["eyeBlinkLeft"]],
    "brows, smile": lambda c: c.actions[:, [ACTION_INDEX["browInnerUp"], ACTION_INDEX["mouthSmileLeft"]]],
}


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Writes `curves.jpg`, what was made (left) beside what was performed (right), and `moods.jpg`, people who do not
    exist (rows) at the same moment of the same sentence in five moods (columns). No figures."""
    _curves(given, talks)
    _moods(given)
    return []


def _curves(given: Given, talks: Talks) -> None:
    phones, speech = talks.long(1)[0]
    speech = speech[: SECONDS * SAMPLE_RATE]
    clips = {
        "made": Motion.load().generate(speech, seed=3),
        "performed": perform(phones, speech, seed=3, style=Style.draw(3)),
    }
    drawn, axes = figure(len(ROWS), len(clips), (15, 11))
    for column, (title, clip) in enumerate(clips.items()):
        time = np.arange(len(clip)) / FPS
        for row, (name, curve) in enumerate(ROWS.items()):
            axes[row, column].plot(time, curve(clip), lw=1)
            axes[row, column].set_title(f"{title}: {name}", fontsize=9)
    for row in axes:
        low, high = min(a.get_ylim()[0] for a in row), max(a.get_ylim()[1] for a in row)
        for axis in row:
            axis.set_ylim(low, high)
    save_plot(given.folder, "curves", drawn)


def _moods(given: Given) -> None:
    motion, speech = Motion.load(), read_sound(given.speech)
    clips = [motion.generate(speech, seed=1, controls=Controls(emotion=(mood, 0.8))) for mood in MOODS]
    opening = mouth_opening(clips[0].actions)
    moment = FPS + int(opening[FPS:].argmax())  # the widest vowel, once the mood has come
    rows = []
    for portrait in _portraits(given):
        track, _ = Tracker().portrait(portrait)
        latent = FaceLatent.encode(portrait, track)
        talker = Talker(latent, Painter())
        shown = talker.frames([_moment(clip, moment) for clip in clips])
        reach = np.array([[-1, -1], [1, 1]]) * 0.55 * HEAD_WIDTH * latent.pose.scale
        around = latent.pose.centre + reach
        rows.append(np.hstack([tile(f, None, m, side=SIZE, around=around) for f, m in zip(shown, MOODS, strict=True)]))
    shipped = sorted(given.portrait.parent.glob("*.png"))
    save_sheet(given.folder, "moods", np.vstack(rows), portraits(given.folder, *shipped))


def _moment(clip: MotionClip, frame: int) -> MotionClip:
    part = slice(frame, frame + 1)
    return MotionClip(clip.actions[part], clip.rotation[part], clip.translation[part], clip.gaze[part])


def _portraits(given: Given) -> Iterator[np.ndarray]:
    """People who do not exist: those who ship with the project, and rendered ones where there are assets and time."""
    shipped = sorted(given.portrait.parent.glob(f"{given.portrait.stem}*.png"))[:PEOPLE]
    yield from map(read_picture, shipped)
    if given.assets is not None and not given.quick:
        wardrobe = Wardrobe(given.assets, given.skins)
        for seed in range(FIRST, FIRST + PEOPLE - len(shipped)):
            yield Person.random(seed, wardrobe, calm=True).photograph(wardrobe, 512).picture

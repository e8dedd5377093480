"""The people of the real clips, made to speak by our own generator from a quiet frame, beside themselves filmed.

Both are cut by one square, coded by one encoder and looked at by one detector: only who moved the face differs. Nothing
is written, and nobody but the detector sees it.
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from benchmarks.chains import coded
from benchmarks.detector import measures
from benchmarks.detector.judging import detector, said_of_people
from benchmarks.detector.measures import Scored, figure
from benchmarks.figures import Figure
from benchmarks.suites import Given
from benchmarks.wild.clips import WildClip
from faces import Tracker
from faces.crop import box_crop, face_box
from generate import FaceLatent, Motion, Painter, Talker
from generate.acting import mouth_opening
from media import VideoReader, probe, read_sound
from media.errors import SpeechError, UnreadableError
from media.units import SAMPLES_PER_FRAME

FRAMES = 60  # of each clip
LOOKED = 250  # frames among which the quiet one is found
SIDE = 512  # pixels at most of the square around a head
CRF = 23
PEOPLE_QUICK = 3


def measure(given: Given, clips: Sequence[WildClip]) -> list[Figure]:
    """wild_own_auc: how well the filmed are told from themselves made to speak."""
    tracker, motion, painter = Tracker(), Motion.load(), Painter()
    rows: list[tuple[float, bool, str]] = []
    people = {clip.person: clip for clip in clips if not clip.made}
    for clip in list(people.values())[: PEOPLE_QUICK if given.quick else None]:
        pair = _pair(clip, tracker, motion, painter, given)
        for frames, made in zip(pair or (), (False, True), strict=False):
            logit = said_of_people(detector().gatherer.watch(coded(frames, "libx264", CRF)).people).logit
            if logit is not None:
                rows.append((logit, made, clip.person))
    scored = Scored(
        np.array([logit for logit, _, _ in rows]), np.array([made for _, made, _ in rows], bool),
        np.array([person for _, _, person in rows]), np.array(["talk" if made else "real" for _, made, _ in rows]),
    )  # fmt: skip
    note = f"{int(scored.made.sum())} people made to speak, {int((~scored.made).sum())} filmed, both at CRF {CRF}"
    return [figure("wild_own_auc", measures.auc, scored, goal=0.9, note=note)]


def _pair(
    clip: WildClip, tracker: Tracker, motion: Motion, painter: Painter, given: Given
) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
    """Somebody as filmed, and made to speak; None where no face is found."""
    frames = list(islice(VideoReader(clip.path), LOOKED))
    tracks = [(k, track) for k in range(0, len(frames), 10) for track in tracker.track(frames[k])[:1]]
    if not tracks:
        return None
    at, track = min(tracks, key=lambda pair: float(mouth_opening(pair[1].parameters.actions)))
    box = face_box(frames[at].shape, track.parameters)
    side = min(SIDE, int(box.side) // 2 * 2)
    filmed = [box_crop(frame, box, side) for frame in frames[:FRAMES]]
    again = tracker.track(filmed[at] if at < len(filmed) else box_crop(frames[at], box, side))
    if not again:
        return None
    latent = FaceLatent.from_parameters(box_crop(frames[at], box, side), again[0].parameters)
    sound = _sound(clip, given)[: (len(filmed) + 2) * SAMPLES_PER_FRAME]
    made = list(islice(Talker(latent, painter).frames([motion.generate(sound)]), len(filmed)))
    return filmed, made


def _sound(clip: WildClip, given: Given) -> np.ndarray:
    """The clip's own, or the speech that is given where it has none."""
    try:
        if probe(clip.path).has_sound:
            return read_sound(clip.path)
    except (SpeechError, UnreadableError):
        pass
    return read_sound(given.speech)

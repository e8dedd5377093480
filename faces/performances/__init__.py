"""Synthetic performances: what lips, jaw, head, eyes and brows do when something is said, from published figures.

The data sets (`speechset`) need synthesisers that the product does not; import them from their module.
"""

from faces.performances.clip import GAP, SHUT, MotionClip, join, lips_to_actions, mouth_opening
from faces.performances.controls import ANGLE, CONDITIONS, REST_DISTANCE, Controls
from faces.performances.emotions import EMOTIONS, emotion_amounts, emotion_offsets
from faces.performances.life import Life, Placement, look_actions
from faces.performances.lips import class_frames, lip_frames
from faces.performances.performance import AHEAD, Actor, mood_spring, perform
from faces.performances.phones import CHANNELS, CLASS_INDEX, CLASSES, Phones
from faces.performances.prosody import Prosody, frame_rms
from faces.performances.speechset import build_speech_set
from faces.performances.style import TRAITS, Style

__all__ = [
    "AHEAD",
    "ANGLE",
    "CHANNELS",
    "CLASSES",
    "CLASS_INDEX",
    "CONDITIONS",
    "EMOTIONS",
    "GAP",
    "REST_DISTANCE",
    "SHUT",
    "TRAITS",
    "Actor",
    "Controls",
    "Life",
    "MotionClip",
    "Phones",
    "Placement",
    "Prosody",
    "Style",
    "build_speech_set",
    "class_frames",
    "emotion_amounts",
    "emotion_offsets",
    "frame_rms",
    "join",
    "lip_frames",
    "lips_to_actions",
    "look_actions",
    "mood_spring",
    "mouth_opening",
    "perform",
]

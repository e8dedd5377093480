"""Synthetic performances: what lips, jaw, head, eyes and brows do when something is said, from published figures.

The data sets (`speechset`) need synthesisers that the product does not; import them from their module.
"""

from faces.performances.clip import GAP, SHUT, MotionClip, join, lips_to_actions, mouth_opening
from faces.performances.emotions import EMOTIONS, emotion_offsets
from faces.performances.life import REST_DISTANCE, Life, look_actions
from faces.performances.lips import class_frames, lip_frames
from faces.performances.performance import AHEAD, Actor, perform
from faces.performances.phones import CHANNELS, CLASS_INDEX, CLASSES, Phones
from faces.performances.prosody import Prosody, frame_rms
from faces.performances.speechset import build_speech_set

__all__ = [
    "AHEAD",
    "CHANNELS",
    "CLASSES",
    "CLASS_INDEX",
    "EMOTIONS",
    "GAP",
    "REST_DISTANCE",
    "SHUT",
    "Actor",
    "Life",
    "MotionClip",
    "Phones",
    "Prosody",
    "build_speech_set",
    "class_frames",
    "emotion_offsets",
    "frame_rms",
    "join",
    "lip_frames",
    "lips_to_actions",
    "look_actions",
    "mouth_opening",
    "perform",
]

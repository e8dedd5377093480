"""What a face does over time, and how it is asked to: the words that everything which moves a face shares.

MotionClip      facial actions, pose and gaze of T frames
Controls        gaze, emotion, distance, bias, intensity: what is asked for in a frame
Style           how somebody speaks, apart from what they say
Prosody         voice activity and emphasis, heard frame by frame
Placement       where the head is held
"""

from generate.acting.clip import GAP, SHUT, MotionClip, join, lips_to_actions, mouth_opening
from generate.acting.controls import ANGLE, CONDITIONS, REST_DISTANCE, Controls
from generate.acting.emotions import EMOTIONS, emotion_amounts, emotion_offsets
from generate.acting.placement import Placement, look_actions, mood_spring, spring
from generate.acting.prosody import AHEAD, Prosody, frame_rms
from generate.acting.style import TRAITS, Style
from generate.acting.visemes import CHANNELS, CLASS_INDEX, CLASSES

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
    "Controls",
    "MotionClip",
    "Placement",
    "Prosody",
    "Style",
    "emotion_amounts",
    "emotion_offsets",
    "frame_rms",
    "join",
    "lips_to_actions",
    "look_actions",
    "mood_spring",
    "mouth_opening",
    "spring",
]

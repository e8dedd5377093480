"""Speech to motion: what a face does while it speaks, drawn frame by frame by a learned network."""

from generate.acting import Controls, MotionClip
from generate.motion.curve import read_curve
from generate.motion.model import LOOKAHEAD_SAMPLES, TOLERANCE, Curve, Motion, Session
from generate.motion.performer import Guidance

__all__ = [
    "LOOKAHEAD_SAMPLES",
    "TOLERANCE",
    "Controls",
    "Curve",
    "Guidance",
    "Motion",
    "MotionClip",
    "Session",
    "read_curve",
]

"""Speech to motion: lips by a learned causal network, head, gaze, blinks and brows by a seeded process."""

from faces.performances import Controls, MotionClip
from generate.motion.model import LOOKAHEAD_SAMPLES, TOLERANCE, Curve, Motion, Session

__all__ = ["LOOKAHEAD_SAMPLES", "TOLERANCE", "Controls", "Curve", "Motion", "MotionClip", "Session"]

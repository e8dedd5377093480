"""Speech to motion: lips by a learned causal network, head, gaze, blinks and brows by a seeded process."""

from faces.performances import MotionClip
from generate.motion.model import LOOKAHEAD_SAMPLES, TOLERANCE, Motion

__all__ = ["LOOKAHEAD_SAMPLES", "TOLERANCE", "Motion", "MotionClip"]

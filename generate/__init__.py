"""Portrait and speech in, frames of a talking face out. Nothing here writes a file: only `provenance` saves."""

from generate.latent import FaceLatent, Identity, Pose
from generate.motion import Motion, MotionClip
from generate.painter import Painter
from generate.pipeline import Talker, retarget
from generate.renderer import Renderer
from generate.stream import Stream

__all__ = [
    "FaceLatent",
    "Identity",
    "Motion",
    "MotionClip",
    "Painter",
    "Pose",
    "Renderer",
    "Stream",
    "Talker",
    "retarget",
]

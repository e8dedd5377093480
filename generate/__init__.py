"""Portrait and speech in, frames of a talking face out. Nothing here writes a file: only `provenance` saves."""

from typing import TYPE_CHECKING

from media.lazy import lazily

if TYPE_CHECKING:
    from generate.latent import FaceLatent, Identity, Pose
    from generate.motion import Motion, MotionClip
    from generate.painter import Painter
    from generate.renderer import Renderer
    from generate.stream import Stream
    from generate.talker import Talker, retarget

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

__getattr__ = lazily(
    __name__,
    {
        "FaceLatent": "latent", "Identity": "latent", "Motion": "motion", "MotionClip": "motion", "Painter": "painter",
        "Pose": "latent", "Renderer": "renderer", "Stream": "stream", "Talker": "talker", "retarget": "talker",
    },
)  # fmt: skip

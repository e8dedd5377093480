"""The head: a parametric model, a rasteriser, a tracker that fits it to pictures; whose face it is; lips and sound."""

from typing import TYPE_CHECKING

from media.lazy import lazily

if TYPE_CHECKING:
    from faces.actions import FACIAL_ACTIONS
    from faces.fit import FaceParameters
    from faces.head import Head, load_head
    from faces.tracker import Track, Tracker

__all__ = ["FACIAL_ACTIONS", "FaceParameters", "Head", "Track", "Tracker", "load_head"]

__getattr__ = lazily(
    __name__,
    {
        "FACIAL_ACTIONS": "actions", "FaceParameters": "fit", "Head": "head", "Track": "tracker", "Tracker": "tracker",
        "load_head": "head",
    },
)  # fmt: skip

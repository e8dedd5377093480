"""What becomes of a clip on its way through other people's services: coded, shrunk, sent on. Frames in, frames out."""

import numpy as np

from lab import attacks

Clip = list[np.ndarray]  # frames, uint8 RGB (H, W, 3) of even size


def coded(clip: Clip, codec: str, crf: int) -> Clip:
    """Through a video encoder of FFmpeg ("libx264", "libx265", "libvpx-vp9") at constant quality, and back."""
    preset = "" if codec == "libvpx-vp9" else "veryfast"
    quiet = {"libx265": {"x265-params": "log-level=none:pools=1"}, "libvpx-vp9": {"b": "0", "cpu-used": "8"}}
    return attacks.coded(clip, codec, crf, preset=preset, options=quiet.get(codec, {}))


def messenger(clip: Clip) -> Clip:
    """Shrunk and coded hard, then sent on."""
    return coded(coded([attacks.resized(f, 0.75) for f in clip], "libx264", 30), "libx264", 30)


def shared(clip: Clip) -> Clip:
    """Shown by two large networks, one after the other."""
    return coded(coded(clip, "libx264", 26), "libvpx-vp9", 40)


def half35(clip: Clip) -> Clip:
    """Half the size, at a poor rate."""
    return coded([attacks.resized(f, 0.5) for f in clip], "libx264", 35)


def screenshot(frame: np.ndarray) -> np.ndarray:
    """Shown larger on a screen, shrunk by who took the shot, kept as JPEG."""
    return attacks.jpeg(attacks.resized(attacks.resized(frame, 1.3), 0.6), 70)

"""What happens to pictures on their way: codecs, scaling, noise. For training the mark and for measuring it."""

import io

import av
import cv2
import numpy as np

from media.video import frame_rgb


def h264(frames: list[np.ndarray], crf: int, *, preset: str = "veryfast") -> list[np.ndarray]:
    """Code frames, uint8 RGB (H, W, 3) of even size, with H.264 in memory at `crf`, and decode them again."""
    height, width = frames[0].shape[:2]
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": preset, "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    memory.seek(0)
    with av.open(memory, "r") as container:
        return [frame_rgb(frame) for frame in container.decode(video=0)]


def jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    """One JPEG generation at `quality`."""
    _, coded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


def resized(frame: np.ndarray, factor: float) -> np.ndarray:
    """Scale both sides by `factor`, to even sizes."""
    height, width = (max(16, 2 * round(s * factor / 2)) for s in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def retouched(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """One or two of: blur, noise, gamma, contrast, saturation, grey, a slight shift."""
    picture = frame.astype(np.float32)
    for kind in rng.choice(6, size=rng.integers(1, 3), replace=False):
        if kind == 0:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 2.0))
        elif kind == 1:
            picture = picture + rng.normal(0, rng.uniform(1, 10), picture.shape).astype(np.float32)
        elif kind == 2:
            picture = 255 * (np.clip(picture, 0, 255) / 255) ** np.float32(rng.uniform(0.7, 1.4))
        elif kind == 3:
            picture = (picture - 128) * np.float32(rng.uniform(0.7, 1.3)) + 128 + np.float32(rng.uniform(-20, 20))
        elif kind == 4:
            grey = picture @ np.float32([0.299, 0.587, 0.114])
            picture = grey[..., None] + np.float32(rng.choice([0.0, rng.uniform(0.3, 1.5)])) * (
                picture - grey[..., None]
            )
        else:
            reach = frame.shape[0] / 250
            move = np.float32([[1, 0, rng.uniform(-reach, reach)], [0, 1, rng.uniform(-reach, reach)]])
            picture = cv2.warpAffine(picture, move, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def journey(rng: np.random.Generator, clip: list[np.ndarray]) -> np.ndarray:
    """Send a short clip through a random journey; the frame that arrives, uint8 RGB, perhaps of another size."""
    way = rng.random()
    if way < 0.08:
        return clip[-1]
    if rng.random() < 0.3:
        clip = [resized(f, factor) for factor in (rng.uniform(0.45, 1.0),) for f in clip]
    if way < 0.68:
        preset = ("ultrafast", "veryfast", "medium")[rng.integers(3)]
        clip = h264(clip, int(rng.integers(19, 38)), preset=preset)
        arrived = clip[rng.integers(len(clip))]
        return retouched(rng, arrived) if rng.random() < 0.15 else arrived
    arrived = clip[-1]
    if way < 0.85:
        return jpeg(arrived, int(rng.integers(40, 96)))
    return retouched(rng, arrived)

"""Measures one generation in a fresh process: `python -m benchmarks.first_light.probe PORTRAIT SPEECH OUT SECONDS`.

Prints one line of JSON. Uses the product's own path from portrait to signed file.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from media import SAMPLE_RATE, read_picture, read_sound


def main(portrait: Path, speech: Path, out: Path, seconds: float) -> dict:
    """Generate `seconds` of speech and report speed and memory."""
    from faces import Tracker
    from generate import FaceLatent, Motion, Painter, Talker
    from provenance import Claim, Keys, is_nobody, save_video

    sound = read_sound(speech)[: int(seconds * SAMPLE_RATE)]
    started = time.perf_counter()
    tracker, painter, motion = Tracker(), Painter(), Motion.load()
    warm = read_picture(portrait)
    latent = FaceLatent.encode(warm, tracker.portrait(warm)[0])
    next(iter(Talker(latent, painter).frames(motion.stream([sound[:SAMPLE_RATE]]))))  # compiles what is compiled once
    loaded = time.perf_counter()

    picture = read_picture(portrait)
    opened = time.perf_counter()
    track, _ = tracker.portrait(picture)
    tracked = time.perf_counter()
    talker = Talker(FaceLatent.encode(picture, track), painter)
    encoded = time.perf_counter()
    first: list[float] = []

    def frames():
        chunks = (sound[i : i + SAMPLE_RATE] for i in range(0, len(sound), SAMPLE_RATE))
        for frame in talker.frames(motion.stream(chunks)):
            if not first:
                first.append(time.perf_counter())
            yield frame

    with tempfile.TemporaryDirectory() as folder:
        keys = Keys.open(Path(folder) / "keys")
        claim = Claim(command="bench", portrait=portrait, nobody=is_nobody(portrait, keys))
        begun = time.perf_counter()
        saved = save_video(out, frames(), sound, claim=claim, keys=keys)
        took = time.perf_counter() - begun
    return {
        "fps": saved.frames / took,
        "frames": saved.frames,
        "first_frame_s": first[0] - begun + encoded - opened,
        "load_s": loaded - started,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stages": {"track_once": tracked - opened, "encode_latent_once": encoded - tracked, **saved.seconds},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(Path, sys.argv[1:4]), float(sys.argv[4]))) + "\n")

"""Measures one generation in a fresh process: `python -m benchmarks.speed.probe PORTRAIT SPEECH OUT SECONDS SIZE`.

Prints one line of JSON. Uses the product's own path from portrait to signed file.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from media import SAMPLE_RATE, read_picture, read_sound
from media.errors import VasariError
from media.threads import few_heaps


def probe(portrait: Path, speech: Path, out: Path, seconds: float, size: int = 512) -> dict:
    """What `main` reports, of a process of its own.

    Raises:
        VasariError: the process failed.
    """
    given = (portrait, speech, out, seconds, size)
    command = [sys.executable, "-m", "benchmarks.speed.probe", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise VasariError(f"the speed probe failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(portrait: Path, speech: Path, out: Path, seconds: float, size: int) -> dict:
    """Generate `seconds` of speech, again where it is shorter, in frames of `size` pixels; report speed, memory."""
    from faces import Tracker
    from generate import FaceLatent, Motion, Painter, Talker
    from provenance import Generated, Keys, Permit, save_video
    from provenance.permits import onlooker

    sound = np.resize(read_sound(speech), int(seconds * SAMPLE_RATE))
    started = time.perf_counter()
    tracker, painter, motion = Tracker(), Painter(), Motion.load()
    warm = read_picture(portrait)
    latent = FaceLatent.encode(warm, tracker.portrait(warm)[0], size=size)
    next(iter(Talker(latent, painter).frames(motion.stream([sound[:SAMPLE_RATE]]))))  # compiles what is compiled once
    onlooker.ready()
    loaded = time.perf_counter()

    picture = read_picture(portrait)
    opened = time.perf_counter()
    track, _ = tracker.portrait(picture)
    tracked = time.perf_counter()
    talker = Talker(FaceLatent.encode(picture, track, size=size), painter)
    encoded = time.perf_counter()
    came: list[float] = []  # when each frame came out of the renderer

    def frames():
        chunks = (sound[i : i + SAMPLE_RATE] for i in range(0, len(sound), SAMPLE_RATE))
        for frame in talker.frames(motion.stream(chunks)):
            came.append(time.perf_counter())
            yield frame

    with tempfile.TemporaryDirectory() as folder:
        keys = Keys.open(Path(folder) / "keys")
        performance = Permit.of(portrait, keys=keys).perform(Generated, frames(), sound, command="bench")
        begun = time.perf_counter()
        saved = save_video(out, performance)
        took = time.perf_counter() - begun
    between = 1000 * np.diff(came)
    return {
        "fps": saved.frames / took,
        "frames": saved.frames,
        "first_frame_s": came[0] - begun + encoded - opened,
        "frame_ms": [float(q) for q in np.quantile(between, (0.5, 0.95))],
        "load_s": loaded - started,
        "peak_memory_mb": peak_mb(),
        "stages": {"track_once": tracked - opened, "encode_latent_once": encoded - tracked, **saved.seconds},
    }


def peak_mb() -> float:
    """The most memory that this process held, MiB. Linux's `ru_maxrss` begins with what its parent held; VmHWM does
    not."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    told = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return float(told or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


if __name__ == "__main__":
    few_heaps()  # as the command does
    paths, numbers = [Path(word) for word in sys.argv[1:4]], sys.argv[4:]
    sys.stdout.write(json.dumps(main(*paths, float(numbers[0]), int(numbers[1]))) + "\n")

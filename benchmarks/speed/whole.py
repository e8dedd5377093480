"""The whole path at 512 x 512, from portrait and speech to a signed file, in a process of its own."""

import psutil

from benchmarks.figures import Figure
from benchmarks.speed.probe import probe
from benchmarks.suites import Given

SECONDS, SECONDS_QUICK = 10, 3  # of speech
BUSY = 0.7  # load from which a run says that it was not alone


def measure(given: Given) -> list[Figure]:
    """fps_512, frame_ms and frame_ms_p95, first_frame_ms, peak_memory_mb, load_s."""
    load = psutil.getloadavg()[0]  # of other work, before this begins
    busy = f"; other work kept the machine busy (load {load:.1f})" if load > BUSY else ""
    seconds = SECONDS_QUICK if given.quick else SECONDS
    measured = probe(given.portrait, given.speech, given.folder / "speed.mp4", seconds)
    median, p95 = measured["frame_ms"]
    frames = measured["frames"]
    return [
        Figure(name="fps_512", value=measured["fps"], unit="frames/s", goal=40, n=frames,
               note=f"{seconds} s of speech, rendering to signed file{busy}"),
        Figure(name="frame_ms", value=median, unit="ms", better="lower", n=frames,
               note="median between two frames on that path"),
        Figure(name="frame_ms_p95", value=p95, unit="ms", goal=40, better="lower", n=frames,
               note="95th percentile; 40 ms is 25 frames a second"),
        Figure(name="first_frame_ms", value=1000 * measured["first_frame_s"], unit="ms", goal=170, better="lower",
               note="from the open portrait to the first frame, networks loaded"),
        Figure(name="peak_memory_mb", value=measured["peak_memory_mb"], unit="MB", better="lower"),
        Figure(name="load_s", value=measured["load_s"], unit="s", better="lower", note="loading and compiling"),
    ]  # fmt: skip

"""Speed: ten seconds at 512 x 512 through the whole path, in a process of its own."""

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from media.errors import VasariError

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting


def measure(setting: "Setting") -> list[Figure]:
    """fps_512, first_frame_s, peak_memory_mb and the seconds of each stage."""
    seconds = 4 if setting.quick else 10
    command = [sys.executable, "-m", "benchmarks.first_light.probe", str(setting.portrait), str(setting.speech),
               str(setting.folder / "speed.mp4"), str(seconds)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise VasariError(f"the speed probe failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    probe = json.loads(done.stdout.splitlines()[-1])
    figures = [
        Figure(name="fps_512", value=probe["fps"], unit="frames/s", goal=25, n=probe["frames"],
               note=f"{seconds} s of speech, rendering to signed file"),
        Figure(name="first_frame_s", value=probe["first_frame_s"], unit="s", goal=1.0, better="lower",
               note="from the open portrait to the first frame, networks loaded"),
        Figure(name="peak_memory_mb", value=probe["peak_memory_mb"], unit="MB", better="lower"),
        Figure(name="load_s", value=probe["load_s"], unit="s", better="lower", note="loading and compiling"),
    ]  # fmt: skip
    for stage, spent in probe["stages"].items():
        note = "per frame of output; stages run side by side"
        figures.append(
            Figure(name=f"stage_{stage}_ms", value=1000 * spent / probe["frames"], unit="ms", better="lower", note=note)
        )
    return figures

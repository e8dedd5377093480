"""Speed: ten seconds at 512 x 512 through the whole path, in a process of its own."""

from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.speed.probe import probe

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting


def measure(setting: "Setting") -> list[Figure]:
    """fps_512, first_frame_s, peak_memory_mb and the seconds of each stage."""
    seconds = 3 if setting.quick else 10
    measured = probe(setting.portrait, setting.speech, setting.folder / "speed.mp4", seconds)
    figures = [
        Figure(name="fps_512", value=measured["fps"], unit="frames/s", goal=25, n=measured["frames"],
               note=f"{seconds} s of speech, rendering to signed file"),
        Figure(name="first_frame_s", value=measured["first_frame_s"], unit="s", goal=1.0, better="lower",
               note="from the open portrait to the first frame, networks loaded"),
        Figure(name="peak_memory_mb", value=measured["peak_memory_mb"], unit="MB", better="lower"),
        Figure(name="load_s", value=measured["load_s"], unit="s", better="lower", note="loading and compiling"),
    ]  # fmt: skip
    for stage, spent in measured["stages"].items():
        note = "per frame of output; stages run side by side"
        figures.append(
            Figure(
                name=f"stage_{stage}_ms", value=1000 * spent / measured["frames"], unit="ms", better="lower", note=note
            )
        )
    return figures

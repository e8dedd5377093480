"""What a frame costs elsewhere: facts with their source."""

from dataclasses import dataclass

from benchmarks.figures import Figure

TIMED = "best of torch and OpenVINO on two cores of an AMD EPYC (AVX-512 bf16), random weights, November 2026"
COUNTED = "render network alone"


@dataclass(frozen=True)
class Peer:
    """One figure of one peer."""

    figure: str  # the figure of ours that it stands beside
    name: str
    value: float
    unit: str
    source: str


PEERS = (
    Peer("fps_512", "vasa1", 45, "frames/s", "published, offline on one RTX 4090 (arXiv 2404.10667)"),
    Peer("fps_512", "vasa1_streaming", 40, "frames/s", "published, streaming on one RTX 4090 (arXiv 2404.10667)"),
    Peer("fps_512", "soulx_flashhead_lite", 96, "frames/s", "published, on one RTX 4090"),
    Peer("fps_512", "imtalker", 42, "frames/s", "published, on one RTX 4090"),
    Peer("first_frame_ms", "vasa1", 170, "ms", "published, on one RTX 4090 (arXiv 2404.10667)"),
    Peer("first_frame_ms", "ditto", 385, "ms", "published, on one A100"),
    Peer("gflop_frame", "mobileportrait", 4, "GFLOP", "published, the smallest of 4 to 16; 5.9 ms on a phone"),
    Peer("gflop_frame", "float", 37.8, "GFLOP", f"decoder, 22.5 M parameters: {COUNTED}"),
    Peer("gflop_frame", "imtalker", 123.8, "GFLOP", f"67.5 M parameters: {COUNTED}"),
    Peer("gflop_frame", "musetalk", 790, "GFLOP", f"a mouth of 256 pixels, 899 M parameters: {COUNTED}"),
    Peer("gflop_frame", "sadtalker", 1203, "GFLOP", f"256 pixels, 111 M parameters: {COUNTED}"),
    Peer("gflop_frame", "liveportrait", 1234, "GFLOP", f"101 M parameters; Ditto: 1245, 129 M: {COUNTED}"),
    Peer("gflop_frame", "lia_x", 6914, "GFLOP", f"911 M parameters: {COUNTED}"),
    Peer("render_ms", "float", 401, "ms", TIMED),
    Peer("render_ms", "imtalker", 912, "ms", TIMED),
    Peer("render_ms", "musetalk", 2874, "ms", f"a mouth of 256 pixels; {TIMED}"),
    Peer("render_ms", "sadtalker", 3645, "ms", f"256 pixels; {TIMED}"),
    Peer("render_ms", "liveportrait", 3227, "ms", TIMED),
    Peer("render_ms", "lia_x", 44_000, "ms", TIMED),
)


def figures() -> list[Figure]:
    """All of them, each named after ours."""
    return [
        Figure(
            name=f"{p.figure}_{p.name}", value=p.value, unit=p.unit, note=p.source,
            better="higher" if p.unit == "frames/s" else "lower",
        )
        for p in PEERS
    ]  # fmt: skip

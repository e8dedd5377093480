"""What each stage of a frame costs, alone and all together, and what its networks compute."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.figures import Figure
from benchmarks.speed import reference
from benchmarks.suites import Given
from faces import Tracker
from generate import FaceLatent, Motion, Painter, Renderer, Talker, retarget
from generate.painter import WEIGHTS
from generate.refiner import WEIGHTS as REFINER
from lab.networks.watermark import small
from lab.reference import load_network, painter_in_torch
from media import SAMPLE_RATE, read_picture, read_sound
from media.threads import one_blas_thread
from provenance.marks.chips import CHIPS
from provenance.marks.picture import WEIGHTS as MARK
from provenance.marks.picture import PictureMarker

T = TypeVar("T")
SECONDS, SECONDS_QUICK = 10, 3  # of speech that are rendered
STAGES = {
    "geometry": "vertices of the head",
    "flow": "flow and remap alone",
    "prepare": "geometry, flow, refiner, windows",
    "paint": "painter, and windows laid into the frame",
    "mark": "picture mark",
}
KEY = bytes(32)  # nothing marked here is kept


def measure(given: Given) -> list[Figure]:
    """render_fps_512, times_reference; stage_*_ms and render_ms, medians, each with _p95; gflop_frame and
    parameters_m."""
    portrait = read_picture(given.portrait)
    latent = FaceLatent.encode(portrait, Tracker().portrait(portrait)[0])
    seconds = SECONDS_QUICK if given.quick else SECONDS
    motion = Motion.load().generate(read_sound(given.speech)[: int(seconds * SAMPLE_RATE)])
    rows = zip(motion.actions, motion.rotation, motion.translation, motion.gaze, strict=True)
    moments = [retarget(latent, *row) for row in rows]
    painter, marker = Painter(), PictureMarker(1, KEY)
    together = _together(Talker(latent, painter), marker, motion)
    return [
        together,
        *reference.measure(1000 / together.value, quick=given.quick),
        *_alone(Renderer(latent, painter), marker, moments),
        *_cost(latent, moments[0]),
    ]


def _together(talker: Talker, marker: PictureMarker, motion) -> Figure:
    """Frames rendered and marked as `generate` does it, without speech, encoder and signature."""
    frames = talker.frames([motion])
    marker.mark(next(frames))
    began, count = time.perf_counter(), 0
    for frame in frames:
        marker.mark(frame)
        count += 1
    fps = count / (time.perf_counter() - began)
    note = "rendered and marked, in memory; no speech, no encoder, no signature"
    return Figure(name="render_fps_512", value=fps, unit="frames/s", goal=40, n=count, note=note)


def _alone(renderer: Renderer, marker: PictureMarker, moments: list[FaceLatent]) -> list[Figure]:
    """Every stage timed by itself, one after another; geometry and flow again within what prepares a frame."""
    spent: dict[str, list[float]] = {name: [] for name in (*STAGES, "render")}
    with one_blas_thread():
        renderer.render(moments[0])
        for moment in moments:
            geometry, (points, depth) = timed(partial(renderer.geometry, moment))
            flow, _ = timed(partial(renderer.warp, points, depth))
            prepare, prepared = timed(partial(renderer.prepare, moment))
            paint, frame = timed(partial(renderer.finish, prepared))
            mark, _ = timed(partial(marker.mark, frame))
            for name, value in zip(STAGES, (geometry, flow, prepare, paint, mark), strict=True):
                spent[name].append(value)
            spent["render"].append(prepare + paint)
    return list(_figures(spent))


def _figures(spent: dict[str, list[float]]) -> Iterator[Figure]:
    for name, values in spent.items():
        for suffix, share in (("", 0.5), ("_p95", 0.95)):
            yield Figure(
                name=f"{'' if name == 'render' else 'stage_'}{name}_ms{suffix}",
                value=float(np.quantile(values, share)), unit="ms", better="lower", n=len(values),
                note=STAGES.get(name, "prepare and paint, in turn"),
            )  # fmt: skip


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds and what came of it."""
    began = time.perf_counter()
    made = work()
    return 1000 * (time.perf_counter() - began), made


def _cost(latent: FaceLatent, moment: FaceLatent) -> list[Figure]:
    """Operations of the networks, counted as they run in torch; a multiplication and an addition are two."""
    painter = painter_in_torch()
    renderer = Renderer(latent, painter)
    renderer.make_ready()  # what is computed once is not a frame's
    with FlopCounterMode(display=False) as painting:
        frame = renderer.render(moment)
    strength = load_network(MARK, "watermark").strength
    with FlopCounterMode(display=False) as marking:
        strength(small(frame), torch.ones(1, CHIPS))
    total = (painting.get_total_flops() + marking.get_total_flops()) / 1e9
    note = f"painter and refiner {painting.get_total_flops() / 1e9:.3g}, mark {marking.get_total_flops() / 1e9:.3g}"
    nets = [load_network(WEIGHTS, "painter"), strength, load_network(REFINER, "refiner")]
    counted = sum(p.numel() for net in nets for p in net.parameters())
    return [
        Figure(name="gflop_frame", value=total, unit="GFLOP", goal=2, better="lower", note=note),
        Figure(name="parameters_m", value=counted / 1e6, unit="M", better="lower", note="of painter, refiner and mark"),
    ]

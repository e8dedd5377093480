"""What becomes of clips on their way: every stage keeps what it promises, and a draw does the same each time."""

import os

import numpy as np
import pytest
from making import clip, picture

from lab.fakes import stages
from lab.fakes.stages import ENCODERS, KINDS, codecs
from lab.fakes.world import LENGTHS, World


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(96, 96), (131, 97)])
def test_every_stage_keeps_size_and_number_and_does_the_same_each_time(name: str, shape: tuple[int, int]) -> None:
    kind = KINDS[name]
    frames = [np.ascontiguousarray(frame[: shape[0], : shape[1]]) for frame in clip(1, 5, 160)]
    for given in (frames, frames[:1]):
        for seed in range(3):
            kept = [frame.copy() for frame in given]
            values = kind.draw(np.random.default_rng(seed))
            once, again = (kind.change(given, values, np.random.default_rng(7)) for _ in range(2))
            assert len(once) == len(given)
            assert all(frame.shape == (*shape, 3) and frame.dtype == np.uint8 for frame in once)
            assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
            assert all(np.array_equal(a, b) for a, b in zip(kept, given, strict=True))  # nobody's frames are changed


def test_a_draw_is_its_seed_and_changes_what_is_seen() -> None:
    frames = [picture(2, 128)]
    worlds = [World.draw(np.random.default_rng(seed), whole=True) for seed in range(40)]
    assert worlds[3] == World.draw(np.random.default_rng(3), whole=True)
    changed = [not np.array_equal(world(frames)[0], frames[0]) for world in worlds]
    empty = [not world.stages for world in worlds]
    assert all(a != b or world.names == ("retimed",) for a, b, world in zip(changed, empty, worlds, strict=True))


def test_chains_are_of_all_lengths_and_crops_of_faces_stay_in_their_place() -> None:
    worlds = [World.draw(np.random.default_rng(seed)) for seed in range(600)]
    counts = np.bincount([len(world.stages) for world in worlds], minlength=len(LENGTHS)) / len(worlds)
    assert np.abs(counts - LENGTHS).max() < 0.06
    kinds = {stage.kind for world in worlds for stage in world.stages}
    assert kinds == {name for name, kind in KINDS.items() if not kind.whole}
    coded = {stage.values["codec"] for world in worlds for stage in world.stages if stage.kind == "coded"}
    assert coded == set(codecs())
    assert max(len(World.draw(np.random.default_rng(seed), most=1).stages) for seed in range(50)) == 1


def test_codecs_that_are_everywhere_are_here() -> None:
    assert {"h264", "mpeg4", "mpeg2"} <= set(codecs()) <= set(ENCODERS)


def test_another_rate_repeats_frames() -> None:
    frames = [np.full((64, 64, 3), 10 * k, np.uint8) for k in range(25)]
    shown = KINDS["retimed"].change(frames, {"rate": 10.0, "mixed": 0.0}, np.random.default_rng(0))
    assert len({int(frame[0, 0, 0]) for frame in shown}) == 10
    assert int(shown[0][0, 0, 0]) == 0


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no such priorities")
@pytest.mark.parametrize("codec", codecs())
def test_no_encoder_leaves_another_priority_behind(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "codecs", lambda: (codec,))
    rng, before = np.random.default_rng(0), (os.sched_getscheduler(0), os.sched_getaffinity(0))
    KINDS["coded"].change(clip(1, 2, 128), KINDS["coded"].draw(rng), rng)
    assert (os.sched_getscheduler(0), os.sched_getaffinity(0)) == before

"""Scenes out of tracked videos: right units, gaps bridged, refusals that say what to do."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from generate.motion.space import HEAD_WIDTH, SIZE
from generate.motion.stepping import GROUPS
from lab.speaking.tracks import read_tracks
from media.errors import UnreadableError

FRAMES = 16 * 25 + 60


def write(folder: Path, name: str = "talk", *, hole: slice | None = None, sound: bool = True) -> None:
    time = np.arange(FRAMES) / 25
    rows = {
        "rotation": np.stack([10 + 5 * np.sin(time), 3 + 0 * time, 0 * time], 1),
        "centre": np.stack([200 + 20 * np.sin(2 * time), 150 + 0 * time], 1),
        "scale": np.full(FRAMES, 40.0),
        "gaze": np.stack([np.full((FRAMES, 2), 0.0), np.full((FRAMES, 2), 0.0)], 1) + np.array([4.0, -2.0]),
        "actions": np.full((FRAMES, 52), 0.02),
        "found": np.ones(FRAMES, bool),
    }
    if hole is not None:
        rows["found"][hole] = False
        for key in ("rotation", "centre", "scale", "gaze", "actions"):
            rows[key][hole] = np.nan
    np.savez(folder / f"{name}.npz", **rows)
    if sound:
        noise = np.random.default_rng(0).normal(0, 1000, FRAMES * 640).astype(np.int16)
        wavfile.write(folder / f"{name}.wav", 16_000, noise)


def test_units_and_what_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    (scene,) = read_tracks(tmp_path)
    assert scene.motion.shape == (400, SIZE)
    assert {n: v.shape for n, v in scene.told().items()} == {n: (400, s) for n, s in (GROUPS | {"gaze": 2}).items()}
    assert set(scene.known) == {"sound", "gaze"}
    rotation, translation, gaze = scene.motion[:, 32:35], scene.motion[:, 35:38], scene.motion[:, 38:]
    assert np.degrees(np.ptp(rotation[:, 0])) == pytest.approx(10, abs=0.2)
    assert np.median(rotation, 0) == pytest.approx(np.zeros(3), abs=1e-3)
    assert np.ptp(translation[:, 0]) == pytest.approx(1.0 / HEAD_WIDTH, rel=0.02)
    assert np.abs(translation[:, 1:]).max() < 1e-6
    assert gaze - rotation[:, :2] == pytest.approx(np.tile(np.radians([4, -2]), (400, 1)), abs=1e-4)


def test_short_gaps_are_bridged_and_long_ones_end_a_scene(tmp_path: Path) -> None:
    write(tmp_path, "short", hole=slice(100, 104))
    write(tmp_path, "long", hole=slice(200, 230))
    scenes = read_tracks(tmp_path)
    assert len(scenes) == 1
    assert np.isfinite(scenes[0].motion).all()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="0 tracks"):
        read_tracks(tmp_path)
    write(tmp_path, sound=False)
    with pytest.raises(UnreadableError, match="none with its sound"):
        read_tracks(tmp_path)
    write(tmp_path, hole=slice(200, 230))
    with pytest.raises(UnreadableError, match="16 seconds"):
        read_tracks(tmp_path)
    (tmp_path / "talk.npz").write_bytes(b"nothing")
    with pytest.raises(UnreadableError, match="not a track"):
        read_tracks(tmp_path)

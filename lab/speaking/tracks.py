"""Scenes out of the user's own videos: what `vasari track` read of a face, and the sound that went with it.

A folder holds NAME.npz beside NAME.mp4, NAME.wav or whatever carries the sound. What the person felt is not known, so
emotion and manner are not told; where they meant to look is taken to be where they looked, over a second.
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import median_filter

from faces.fit import CAMERA_DISTANCE
from generate.acting import CONDITIONS, TRAITS, Controls, MotionClip, Prosody
from generate.motion.space import HEAD_WIDTH, OTHER, heard, to_vectors
from generate.speech import Ear, SpeechEncoder
from generate.speech.stepping import DELAY
from lab.performances.scenes import SECONDS, Scene
from media import read_sound
from media.errors import SpeechError, UnreadableError
from media.units import FPS, SAMPLES_PER_FRAME

SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".mp4", ".mov", ".mkv", ".webm", ".avi")
GAP = 5  # frames without a face that are bridged by straight lines
NEEDED = ("rotation", "centre", "scale", "gaze", "actions", "found")


def read_tracks(folder: Path) -> list[Scene]:
    """All scenes of `SECONDS` seconds that the tracks in a folder and below it hold.

    Raises:
        UnreadableError: there are no tracks with sound, one is damaged, or none is long enough.
    """
    tracks = sorted(Path(folder).rglob("*.npz"))
    pairs = [(t, next((t.with_suffix(s) for s in SOUNDS if t.with_suffix(s).is_file()), None)) for t in tracks]
    found = [(track, sound) for track, sound in pairs if sound is not None]
    if not found:
        raise UnreadableError(
            f"{folder}: {len(tracks)} tracks, none with its sound; lay NAME.mp4 or NAME.wav beside NAME.npz "
            f"(`vasari track videos/ -o tracks/` makes the tracks)"
        )
    encoder = SpeechEncoder.load()
    scenes = [scene for track, sound in found for scene in _scenes(track, sound, encoder)]
    if not scenes:
        raise UnreadableError(
            f"{folder}: no face is seen for {SECONDS} seconds on end, with sound ({len(found)} tracks)"
        )
    return scenes


def _scenes(track: Path, sound: Path, encoder: SpeechEncoder) -> list[Scene]:
    try:
        with np.load(track) as file:
            part = {name: file[name] for name in NEEDED}
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableError(f"{track}: not a track of one face by `vasari track` ({error})") from error
    if part["rotation"].ndim != 2:
        raise UnreadableError(f"{track}: tracks of several people are not read; track without --all")
    try:
        speech = read_sound(sound)
    except SpeechError:
        return []  # a video without sound teaches nothing here
    length, scenes = SECONDS * FPS, []
    for first, last in _seen(part["found"]):
        piece = {name: _bridged(part[name][first:last]) for name in NEEDED[:-1]}
        for start in range(0, last - first - length + 1, length):
            inside = {name: value[start : start + length] for name, value in piece.items()}
            samples = speech[(first + start) * SAMPLES_PER_FRAME :][: (length + DELAY) * SAMPLES_PER_FRAME]
            if len(samples) >= length * SAMPLES_PER_FRAME:
                scenes.append(_scene(inside, samples, encoder))
    return scenes


def _seen(found: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of frames in which the face is seen, gaps of up to `GAP` frames included."""
    at = np.flatnonzero(found)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > GAP + 1)
    firsts, lasts = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(at) - 1]])
    return [(int(at[a]), int(at[b]) + 1) for a, b in zip(firsts, lasts, strict=True)]


def _bridged(values: np.ndarray) -> np.ndarray:
    """Straight lines over frames that are NaN."""
    flat = values.reshape(len(values), -1).astype(np.float64)
    known = np.isfinite(flat).all(1)
    time = np.arange(len(flat))
    return np.stack([np.interp(time, time[known], column[known]) for column in flat.T], 1).reshape(values.shape)


def _scene(track: dict[str, np.ndarray], speech: np.ndarray, encoder: SpeechEncoder) -> Scene:
    rotation = np.radians(track["rotation"])
    rotation = rotation - np.median(rotation, 0)
    scale = np.median(track["scale"])
    shift = (track["centre"] - np.median(track["centre"], 0)) / track["scale"][:, None]
    nearer = CAMERA_DISTANCE * (1 - scale / track["scale"])
    translation = np.concatenate([shift, nearer[:, None]], 1) / HEAD_WIDTH
    gaze = np.radians(track["gaze"]).mean(1) + rotation[:, :2]
    clip = MotionClip(*(p.astype(np.float32) for p in (track["actions"], rotation, translation, gaze)))
    frames = len(rotation)
    padded = np.zeros((frames + DELAY) * SAMPLES_PER_FRAME, np.float32)
    padded[: len(speech)] = speech
    lips, closure, loudness = Ear(encoder).hear(padded)
    looked = median_filter(gaze, (FPS, 1), mode="nearest")
    told = np.stack([Controls(gaze=(float(y), float(p))).vector() for y, p in np.clip(looked, -0.75, 0.75)])
    return Scene(
        to_vectors(clip), heard(lips[:frames], closure[:frames], loudness[:frames], Prosody()), told[:, :2],
        np.zeros((frames, CONDITIONS - 3), np.float32), np.zeros((frames, 1 + len(TRAITS)), np.float32),
        np.zeros((frames, OTHER), np.float32),
        known=("sound", "gaze"),
    )  # fmt: skip

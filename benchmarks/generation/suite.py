"""Lets every entrant make every sitter speak, and measures what they made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.generation.entrants import (
    BASELINES,
    OURS,
    TRUTH,
    Baselines,
    Cost,
    Peer,
    PeerError,
    ours,
    read_peers,
    run_peer,
)
from benchmarks.generation.measures import Eye, Seen, frechet, windows
from benchmarks.generation.pairs import write_pairs
from benchmarks.generation.sitters import Sitter, rendered, shipped
from benchmarks.sheets import portraits, save_sheet, tile
from benchmarks.suites import Given, Parts, Suite
from lab.people import Wardrobe
from media import VideoReader, read_picture
from media.errors import UnreadableError
from media.units import FPS
from provenance import Keys, verify

UNITS = {
    "found_pct": "%", "lip_lag_ms": "ms", "pose_intensity": "degrees a frame", "jitter": "degrees",
    "blinks": "a minute", "marked_pct": "%", "cost_seconds": "s a second", "memory_mb": "MB",
}  # fmt: skip
LOWER = {"lip_lag_ms", "perceptual", "cost_seconds", "memory_mb", "jitter"}  # figures of which less is better
SHOWN, SIDE = 8, 180  # moments on a sheet, and pixels of each


@dataclass
class _Entrant:
    """What was found of one entrant so far."""

    values: dict[str, list[float]] = field(default_factory=dict)
    fine: list[np.ndarray] = field(default_factory=list)  # windows of clips whose truth is known
    coarse: list[np.ndarray] = field(default_factory=list)  # frames of them
    failed: list[str] = field(default_factory=list)

    def add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.values.setdefault(name, []).append(value)

    def see(self, eye: Eye, seen: Seen, truth: Seen) -> None:
        """A clip whose truth is known."""
        if not len(seen.crops):
            return
        count = min(len(seen.crops), len(truth.crops))
        fine, coarse = eye.features(seen.crops[:count])
        self.fine.append(windows(fine))
        self.coarse.append(coarse)
        self.add({"perceptual": eye.apart(seen.crops, truth.crops)})


def parts(given: Given) -> Parts:
    """A part for each sitter, then the figures. A peer that fails is told of; the others go on.

    Raises:
        UnreadableError: the peers' file or a folder is not what it should be; said before any work.
    """
    peers = [] if given.peers is None else read_peers(given.peers)
    if given.assets is not None:
        _ = Wardrobe(given.assets, given.skins).skins
    keys = Keys.open(given.folder / "keys")
    sitters = [*shipped(list(given.portraits[: 1 if given.quick else None]))]
    if given.assets is not None:
        sitters += rendered(given.assets, given.skins, 1 if given.quick else 10, given.folder, keys)
    eye, baselines = Eye(), Baselines(keys)
    entrants = [ours(keys.folder), *peers]
    found = {name: _Entrant() for name in (TRUTH, OURS, *BASELINES, *(peer.name for peer in peers))}

    def sit(number: int, sitter: Sitter) -> list[Figure]:
        clips = _made(sitter, number, given.folder, entrants, baselines, found, keys)
        seen = _measured(eye, sitter, clips, found)
        if number in (0, len(sitters) - 1):
            _sheet(given.folder, sitter, keys, clips, seen)
        return []

    for number, sitter in enumerate(sitters):
        yield sitter.name, partial(sit, number, sitter)
    if given.pairs is not None:
        yield "pairs", partial(_pairs, given.pairs, given.folder, [sitter.name for sitter in sitters], list(found))
    yield "figures", lambda: [f for name, entrant in found.items() for f in _figures(name, entrant, found[TRUTH])]


def _made(
    sitter: Sitter,
    seed: int,
    folder: Path,
    commands: Sequence[Peer],
    baselines: Baselines,
    found: dict[str, _Entrant],
    keys: Keys,
) -> dict[str, list[np.ndarray]]:
    """Frames by entrant, truth first; without those that made nothing."""
    clips = {TRUTH: sitter.truth} if sitter.truth else {}
    by_name = {peer.name: peer for peer in commands}
    for name, entrant in found.items():
        if name == TRUTH:
            continue
        out = folder / f"{sitter.name}-{name}.mp4"
        out.unlink(missing_ok=True)
        try:
            if name in by_name:
                cost = run_peer(by_name[name], sitter.portrait, sitter.speech, out, seed)
                frames = list(VideoReader(out))
                entrant.add(_cost(cost, len(frames)))
            else:
                baselines.make(name, sitter.portrait, sitter.speech, out, seed)
                frames = list(VideoReader(out))
        except (PeerError, UnreadableError) as error:
            entrant.failed.append(str(error))
            continue
        entrant.add({"marked_pct": 100.0 * (verify(out, keys=keys).verdict == "known_maker")})
        clips[name] = frames
    return clips


def _pairs(page: Path, folder: Path, sitters: Sequence[str], entrants: Sequence[str]) -> list[Figure]:
    """The page of blind pairs, of the clips that were made as files."""
    clips = {
        sitter: {name: path for name in entrants if (path := folder / f"{sitter}-{name}.mp4").is_file()}
        for sitter in sitters
    }
    write_pairs(page, clips, OURS)
    return []


def _cost(cost: Cost, frames: int) -> dict[str, float]:
    return {"cost_seconds": cost.seconds / max(frames / FPS, 1e-6), "memory_mb": cost.memory_mb}


def _measured(
    eye: Eye, sitter: Sitter, clips: dict[str, list[np.ndarray]], found: dict[str, _Entrant]
) -> dict[str, Seen]:
    face = eye.face(read_picture(sitter.portrait))
    seen = {name: eye.look(frames) for name, frames in clips.items()}
    for name, frames in clips.items():
        found[name].add(eye.measured(frames, seen[name], face, sitter.said))
        if TRUTH in seen:
            found[name].see(eye, seen[name], seen[TRUTH])
    return seen


def _figures(name: str, entrant: _Entrant, truth: _Entrant) -> list[Figure]:
    """Figures of one entrant; those that need truth, where there is some."""
    suffix = "" if name == OURS else f"_{name}"
    figures = []
    for what, values in entrant.values.items():
        if name == TRUTH and what == "perceptual":
            continue
        note = "features of EfficientNet-Lite0, beside the truth at the same moment" if what == "perceptual" else ""
        better = "lower" if what in LOWER else "higher"
        figures.append(mean_figure(f"{what}{suffix}", values, UNITS.get(what, ""), better=better, note=note))
    if name != TRUTH and truth.coarse and entrant.coarse:
        for what, made, true in (("frames", entrant.coarse, truth.coarse), ("clips", entrant.fine, truth.fine)):
            one, other = np.concatenate(made), np.concatenate(true)
            far, about = frechet(one, other), f"of {what}, from the truth; {len(made)} people"
            figures.append(
                Figure(name=f"frechet_{what}_lite0{suffix}", value=far, unit="", better="lower", n=len(one), note=about)
            )
    if entrant.failed:
        tried = len(entrant.failed) + len(entrant.values.get("found_pct", []))
        share = 100 * (1 - len(entrant.failed) / tried)
        figures.append(Figure(name=f"made_pct{suffix}", value=share, unit="%", n=tried, note=entrant.failed[0]))
    return figures


def _sheet(folder: Path, sitter: Sitter, keys: Keys, clips: dict[str, list[np.ndarray]], seen: dict[str, Seen]) -> None:
    """A row an entrant, at the same moments, around where its face is first."""
    count = min(len(frames) for frames in clips.values())
    at = np.linspace(0, count - 1, SHOWN).round().astype(int)
    rows = []
    for who, frames in clips.items():
        around = next((track.landmarks for track in seen[who].found), None)
        rows.append(np.hstack([tile(frames[k], None, who, side=SIDE, around=around) for k in at]))
    save_sheet(folder, f"sheet-{sitter.name}", np.vstack(rows), portraits(folder, sitter.portrait, keys=keys))


SUITE = Suite("generation", parts)

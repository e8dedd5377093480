"""Outputs of a maker of their own, made by the product's save path, for suites about credentials."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.authority import TimeAuthority
from benchmarks.tampering import write
from faces import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from media import FPS, SAMPLE_RATE, read_picture, read_sound
from media.units import SAMPLES_PER_FRAME
from provenance import (
    Claim,
    Cut,
    Generated,
    Keys,
    Outlet,
    Performance,
    Permit,
    Recorded,
    grant_consent,
    mark_file,
    save_live,
    save_picture,
    save_video,
)
from provenance.trust.timestamps import Authority


@dataclass(frozen=True)
class Maker:
    """Keys and a registry that end with the run, and what to make outputs from."""

    folder: Path
    keys: Keys
    permit: Permit
    clips: list[tuple[list[np.ndarray], np.ndarray]]  # frames uint8 RGB and sound; never leave the process unmarked
    kept: dict[str, Path] = field(default_factory=dict)  # one output of each kind, once it was asked for

    def shown(self, what: Any, sound: np.ndarray | None = None, keys: Keys | None = None) -> Performance:
        """Pictures of the portrait, as they may be saved."""
        permit = self.permit
        if keys is not None:
            paths = [subject.path for subject in permit.subjects if subject.path is not None]
            permit = Permit.together([Permit.of(path, keys=keys) for path in paths])
        return permit.perform(Generated, what, sound, command="bench")

    @property
    def portrait(self) -> Path:
        """The file."""
        path = self.permit.subjects[0].path
        assert path is not None
        return path

    def video(self, name: str, clip: int = 0) -> Path:
        """An mp4."""
        return save_video(self.folder / name, self.shown(*self.clips[clip])).path

    def stamped(self, name: str, clip: int = 0) -> Path:
        """An mp4 whose signature an authority stamped, whose word on times the maker does not trust."""
        with TimeAuthority() as authority:
            keys = self.keys.stamped_by(Authority(authority.url, required=True))
            return save_video(self.folder / name, self.shown(*self.clips[clip], keys=keys)).path

    def live(self, name: str, clip: int = 0) -> Path:
        """An mp4 that was sent while it was made."""
        frames, sound = self.clips[clip]
        pieces = np.split(sound, range(SAMPLES_PER_FRAME, len(sound), SAMPLES_PER_FRAME))
        moments = (SimpleNamespace(frame=f, sound=s) for f, s in zip(frames, pieces, strict=False))
        return save_live(self.folder / name, self.shown(moments), Outlet(_Nowhere())).path

    def picture(self, name: str, clip: int = 0) -> Path:
        """A PNG, JPEG or WebP."""
        return save_picture(self.folder / name, self.shown(self.clips[clip][0][0])).path

    def claimed(self, name: str, kind: type[Claim]) -> Path:
        """A picture with another kind of claim, of somebody who consented: to the bytes, the portrait is one."""
        somebody, consent = self.folder / "somebody.png", self.folder / "consent.json"
        if not consent.exists():
            changed = read_picture(self.portrait).copy()
            changed[0, 0] ^= 1
            Image.fromarray(changed).save(somebody)
            until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
            grant_consent(
                consent, portrait=somebody, subject="nobody", purpose="bench", until=until, granted_by="nobody",
                keys=self.keys,
            )  # fmt: skip
        permit = Permit.of(somebody, keys=self.keys, consent=consent)
        shown = Cut() if kind is Recorded else permit.picture
        return save_picture(self.folder / name, permit.perform(kind, shown, command="bench")).path

    def marked(self, name: str) -> Path:
        """What others made, a video or a picture, with this maker's marks in it."""
        target = self.folder / name
        frames, sound = self.clips[0]
        given = self.folder / f"given-{name}"
        if target.suffix == ".mp4":
            write(given, [frame[:, ::-1] for frame in frames], np.ascontiguousarray(sound[::-1]))
        else:
            Image.fromarray(frames[0][:, ::-1]).save(given)
        return mark_file(given, target, keys=self.keys).saved.path


class _Nowhere:
    def write(self, data: bytes) -> None:
        """It is gone."""


@contextmanager
def maker(portrait: Path, speech: Path, clips: int, seconds: float) -> Iterator[Maker]:
    """A maker, and `clips` clips of `seconds` of a portrait of nobody, each saying another part of `speech`."""
    picture, sound = read_picture(portrait), read_sound(speech)
    track, _ = Tracker().portrait(picture)
    talker, motion = Talker(FaceLatent.encode(picture, track), Painter()), Motion.load()
    length = round(seconds * FPS) * SAMPLES_PER_FRAME
    made = []
    for seed in range(clips):
        start = (seed * SAMPLE_RATE) % max(1, len(sound) - length)
        said = np.resize(sound[start : start + length], length)
        made.append((list(talker.frames([motion.generate(said, seed=seed)])), said))
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys.open(Path(folder) / "keys")
        yield Maker(Path(folder), keys, Permit.of(portrait, keys=keys), made)

"""What turns a portrait and a recording into a talking face: ours, simple baselines, and any command.

Peers stand in a TOML file, an entry each:

    [[peer]]
    name = "sadtalker"                                     # of its figures: small letters, digits and _
    command = ["python", "inference.py", "--source_image", "{portrait}", "--driven_audio", "{speech}", "--out", "{out}"]
    folder = "/opt/sadtalker"                              # optional: where it runs
    timeout = 900                                          # optional: seconds for one clip
    environment = { CUDA_VISIBLE_DEVICES = "0" }           # optional: besides the own

No shell stands between: each word is one argument. `{portrait}` is a PNG, `{speech}` a sound file, `{out}` the mp4 that
must be there when the command ends with 0; `{seed}`, which may be left out, is another number for each portrait. A peer
is run as it is, so whether what it makes is marked is measured, not enforced.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from faces.tracker import Tracker
from generate import FaceLatent, Motion, MotionClip, Talker
from generate.painter import Painter
from lab.fakes.masks import LIPS, blended, hull_mask
from media import read_picture, read_sound
from media.errors import UnreadableError, VasariError
from media.units import SAMPLES_PER_FRAME
from provenance import Generated, Keys, Permit, save_video
from provenance.trust.keys import ENVIRONMENT

OURS = "vasari"
TRUTH = "truth"
LOOKED = 0.1  # seconds between two looks at how much memory a command takes
TAIL = 200  # letters of its last words that are shown


class PeerError(VasariError):
    """A command made no video."""


class Peer(BaseModel):
    """A command that makes a talking face."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    command: tuple[str, ...]
    folder: Path | None = None
    timeout: float = Field(900.0, gt=0)
    environment: dict[str, str] = {}

    @field_validator("command")
    @classmethod
    def _complete(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        missing = [word for word in ("{portrait}", "{speech}", "{out}") if not any(word in part for part in command)]
        if missing:
            raise ValueError(f"names no {' and no '.join(missing)}")
        return command


@dataclass(frozen=True)
class Cost:
    """What one clip took."""

    seconds: float  # from start to end, loading included
    memory_mb: float  # most that the command and what it started held at once


def read_peers(path: Path) -> list[Peer]:
    """The entries of a TOML file.

    Raises:
        UnreadableError: there is no such file, it is no TOML, an entry is wrong, or a name stands twice.
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("peer", [])
        peers = [Peer.model_validate(row) for row in rows]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableError(f"{path}: not a list of peers ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "entry"
        raise UnreadableError(f"{path}: a peer's {where}: {first['msg']}") from error
    if not peers:
        raise UnreadableError(f"{path}: holds no [[peer]]; each needs a name and a command")
    taken = [OURS, TRUTH, *BASELINES]
    for peer in peers:
        if peer.name in taken:
            raise UnreadableError(f"{path}: the name {peer.name} is taken; choose another")
        taken.append(peer.name)
    return peers


def ours(keys: Path) -> Peer:
    """What `vasari generate` makes, signed with the keys of a folder."""
    command = (sys.executable, "-m", "vasari", "generate", "{portrait}", "{speech}", "-o", "{out}", "--seed", "{seed}")
    return Peer(name=OURS, command=command, environment={ENVIRONMENT: str(keys)})


def run_peer(peer: Peer, portrait: Path, speech: Path, out: Path, seed: int = 0) -> Cost:
    """Let a command make `out`. What it started ends with it.

    Raises:
        PeerError: it cannot be started, fails, takes too long or makes no file.
    """
    given = {"{portrait}": portrait.resolve(), "{speech}": speech.resolve(), "{out}": out.resolve(), "{seed}": seed}
    words = list(peer.command)
    for name, value in given.items():
        words = [word.replace(name, str(value)) for word in words]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                words, cwd=peer.folder, env=os.environ | peer.environment, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise PeerError(f"peer {peer.name}: {words[0]}: {error.strerror}") from error
        memory = 0.0
        try:
            while process.poll() is None and time.perf_counter() - start < peer.timeout:
                memory = max(memory, _memory(process.pid))
                time.sleep(LOOKED)
            late = process.poll() is None
        finally:
            _end(process)
        seconds = time.perf_counter() - start
        if late:
            raise PeerError(f"peer {peer.name}: not done after {peer.timeout:g} s")
        if process.returncode or not out.is_file():
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
            why = f"ended with {process.returncode}" if process.returncode else "made no file"
            raise PeerError(f"peer {peer.name}: {why}: {lines[-1][-TAIL:] if lines else 'said nothing'}")
    return Cost(seconds, memory)


def _memory(number: int) -> float:
    """Megabytes that a process and its children hold."""
    total = 0
    with contextlib.suppress(psutil.Error):  # some end while they are counted
        process = psutil.Process(number)
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    return total / 1e6


def _end(process: subprocess.Popen) -> None:
    """The process and all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Baselines:
    """What the simplest way would make: marked and signed as all outputs are."""

    def __init__(self, keys: Keys) -> None:
        self._keys, self._tracker, self._motion, self._painter = keys, Tracker(), Motion.load(), Painter()

    def make(self, name: str, portrait: Path, speech: Path, out: Path, seed: int = 0) -> None:
        """Let the baseline `name` (of `BASELINES`) make the mp4 `out`."""
        picture, sound = read_picture(portrait), read_sound(speech)
        latent = FaceLatent.encode(picture, self._tracker.portrait(picture)[0])
        points = self._tracker.portrait(latent.appearance.picture)[0].landmarks
        moved = self._motion.generate(sound, seed=seed)
        said = sound[: len(moved) * SAMPLES_PER_FRAME]
        frames = BASELINES[name](latent, points, moved, self._painter)
        permit = Permit.of(portrait, keys=self._keys)
        save_video(out, permit.perform(Generated, frames, said, command="bench", inputs=[speech]))


def _still(latent: FaceLatent, points: np.ndarray, moved: MotionClip, painter: Painter) -> Iterator[np.ndarray]:
    """The portrait, which says nothing."""
    return repeat(latent.appearance.picture, len(moved))


def _flow(latent: FaceLatent, points: np.ndarray, moved: MotionClip, painter: Painter) -> Iterator[np.ndarray]:
    """The portrait carried along the flow of its head, nothing painted."""
    return Talker(latent, None).frames([moved])


def _mouth(latent: FaceLatent, points: np.ndarray, moved: MotionClip, painter: Painter) -> Iterator[np.ndarray]:
    """The portrait with a mouth that moves."""
    still = np.zeros_like(moved.rotation)
    picture = latent.appearance.picture
    mask = hull_mask(picture.shape, points[list(LIPS)], 1.15, 0.02 * picture.shape[0])
    for frame in Talker(latent, painter).frames([MotionClip(moved.actions, still, still, still[:, :2])]):
        yield blended(picture, frame, mask)


BASELINES: dict[str, Callable[[FaceLatent, np.ndarray, MotionClip, Painter], Iterator[np.ndarray]]] = {
    "still": _still,
    "flow": _flow,
    "mouth": _mouth,
}

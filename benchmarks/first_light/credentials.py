"""What verification says of an output, whole and tampered with."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import av

from benchmarks.figures import Figure
from media import read_sound
from provenance import Generated, Keys, Permit, save_video, verify
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting


def measure(setting: "Setting") -> list[Figure]:
    """credentials_ok: share of five statements that hold. Each is a figure of its own as well."""
    from benchmarks.first_light.marks import SECONDS, _clips

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        keys = Keys.open(root / "keys")
        permit = Permit.of(setting.portrait, keys=keys)
        clip = _clips(setting, 1)[0]
        sound = read_sound(setting.speech)[: SECONDS * 16_000]
        save_video(root / "whole.mp4", permit.perform(Generated, clip, sound, command="bench"))
        whole = verify(root / "whole.mp4", keys=keys)
        stranger = verify(root / "whole.mp4", keys=None)
        flipped = verify(_flip(root / "whole.mp4", root / "flipped.mp4"), keys=keys)
        remuxed = verify(_remux(root / "whole.mp4", root / "remuxed.mp4"), keys=keys)
        statements: dict[str, Callable[[], bool]] = {
            "credentials_valid": lambda: whole.credentials.state == "valid" and whole.exit_code == EXIT_KNOWN,
            "credentials_trusted_with_anchor": lambda: whole.credentials.trust == "trusted",
            "credentials_untrusted_without": lambda: stranger.exit_code == EXIT_NOTHING,
            "credentials_invalid_after_flip": lambda: flipped.exit_code == EXIT_TAMPERED,
            "mark_recovers_after_remux": lambda: (
                remuxed.credentials.state == "absent"
                and remuxed.exit_code == EXIT_TAMPERED
                and remuxed.picture_mark.message == whole.picture_mark.message
            ),
        }
        results = {name: float(holds()) for name, holds in statements.items()}
    figures = [Figure(name=name, value=value, unit="", goal=1) for name, value in results.items()]
    share = sum(results.values()) / len(results)
    return [Figure(name="credentials_ok", value=share, unit="", goal=1, n=len(results)), *figures]


def _flip(source: Path, target: Path) -> Path:
    """A copy with one bit flipped in the middle of the media data."""
    shutil.copy(source, target)
    data = bytearray(target.read_bytes())
    data[data.find(b"mdat") + (len(data) - data.find(b"mdat")) // 2] ^= 1
    target.write_bytes(data)
    return target


def _remux(source: Path, target: Path) -> Path:
    """The same packets in a new container, as messengers and editors write them: the manifest is gone."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in given.streams if s.type in ("video", "audio")}
        for packet in given.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return target

"""A live stream in a folder: a playlist of segments (HLS, RFC 8216), written while it is sent."""

import os
from contextlib import suppress
from pathlib import Path

from media.atomic import replacing
from media.errors import OutputError, UsageError
from provenance.make.outlets import Outlet

FIRST = "init.mp4"
TARGET = 1  # seconds of a segment at most, rounded


class Playlist(Outlet):
    """Segments as files beside a playlist, each there before the playlist names it; nothing is ever taken off the list.

    Args:
        path: of the playlist. Its folder holds nothing else, and is made where it is missing.

    Raises:
        UsageError: the folder holds something, or it is an address.
        OutputError: it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if "://" in str(path):
            raise UsageError(f"{path}: a playlist is not sent to an address; name it in a new folder of this machine")
        self._path, self._folder = Path(path), Path(path).absolute().parent
        self._made = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if any(self._folder.iterdir()):
                raise UsageError(f"{path}: {self._folder} holds something already; name a playlist in a new folder")
        except OSError as error:
            raise OutputError(f"{path}: its folder cannot be made ({error.strerror})") from error
        self._data, self._names = bytearray(), list[tuple[str, float]]()
        super().__init__(_Gathered(self._data), str(path))

    def cut(self, seconds: float) -> None:
        if not self._data:
            return
        name = f"{len(self._names):06d}.m4s" if self._names else FIRST
        with replacing(self._folder / name) as file:
            file.write_bytes(self._data)
        self._data.clear()
        self._names.append((name, seconds))
        self._write(ended=False)

    def settle(self, signed: Path) -> None:
        self._write(ended=True)

    def take_back(self) -> None:
        for name in (*(name for name, _ in self._names), self._path.name):
            (self._folder / name).unlink(missing_ok=True)
        if self._made:
            with suppress(OSError):  # somebody else put something there
                self._folder.rmdir()

    def _write(self, *, ended: bool) -> None:
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{TARGET}", "#EXT-X-PLAYLIST-TYPE:EVENT"]
        lines += ["#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-MEDIA-SEQUENCE:1", f'#EXT-X-MAP:URI="{FIRST}"']
        for name, seconds in self._names[1:]:
            lines += [f"#EXTINF:{seconds:.3f},", name]
        lines += ["#EXT-X-ENDLIST"] if ended else []
        with replacing(self._path) as file:
            file.write_text("\n".join(lines) + "\n")


class _Gathered:
    """Takes what is written until a segment is whole."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        """All of it."""
        self._data += data

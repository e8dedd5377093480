"""A file in which more than one manifest store lies: that is named, and which was believed is said."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from making import clip, picture, write_video
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401

from media.errors import UsageError
from provenance import Keys, save_picture, save_video, sign_file, verify
from provenance.credentials.boxes import top_level_boxes
from provenance.read.coverage import MANIFEST, _parts, stores
from provenance.read.verification import believed

pytestmark = pytest.mark.usefixtures("little_search")
SUFFIXES = [".mp4", ".png", ".jpg", ".webp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def keys(folder: Path) -> Keys:
    return Keys.open(folder / "keys")


@pytest.fixture(scope="module")
def files(folder: Path, keys: Keys) -> dict[str, tuple[Path, bytes]]:
    """By suffix: an output, and the store of somebody else's file, as it lies in that."""
    others, made = Keys.open(folder / "others"), {}
    for suffix in SUFFIXES:
        path, plain, other = (folder / f"{name}{suffix}" for name in ("a", "plain", "other"))
        if suffix == ".mp4":
            save_video(path, shown(keys, clip(frames=15)))
            write_video(plain, clip(1, 15))
        else:
            save_picture(path, shown(keys, picture()))
            Image.fromarray(picture(1)).save(plain)
        sign_file(plain, other, keys=others)
        made[suffix] = path, b"".join(other.read_bytes()[start:end] for start, end in places(other))
    return made


def places(path: Path) -> list[tuple[int, int]]:
    """Where the store of a file lies: a box, a chunk, or segments."""
    boxes = [(box.start, box.start + box.size) for box in top_level_boxes(path) if box.name == "uuid"]
    return boxes or [(part.start, part.end) for part in _parts(path) if part.name == MANIFEST]


def whole(data: bytes) -> bytes:
    """With its length in front, where it has one there."""
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] if data[:4] == b"RIFF" else data


def behind(path: Path, store: bytes) -> bytes:
    data, end = path.read_bytes(), places(path)[-1][1]
    end = len(data) if path.suffix == ".mp4" else end  # what is put between boxes moves the media
    return whole(data[:end] + store + data[end:])


def before(path: Path, store: bytes) -> bytes:
    data, start = path.read_bytes(), places(path)[0][0]
    return whole(data[:start] + store + data[start:])


def unlike(path: Path, store: bytes) -> bytes:
    """Told apart from the first: by its purpose (mp4), or its number (JPEG)."""
    if path.suffix == ".mp4":
        return behind(path, store.replace(b"manifest\0", b"whatever\0", 1))
    return behind(path, store[:6] + b"\0\x09" + store[8:])


def twice(path: Path, store: bytes) -> bytes:
    """The same again."""
    return behind(path, b"".join(path.read_bytes()[start:end] for start, end in places(path)))


WAYS: list[tuple[str, Callable[[Path, bytes], bytes]]] = [
    *((suffix, way) for suffix in SUFFIXES for way in (behind, twice)),
    *((suffix, before) for suffix in SUFFIXES if suffix != ".mp4"),
    *((suffix, unlike) for suffix in (".mp4", ".jpg")),
]


@pytest.mark.parametrize(("suffix", "way"), WAYS, ids=[f"{way.__name__}{suffix}" for suffix, way in WAYS])
def test_it_is_named_and_which_was_believed_is_said(files, keys, tmp_path, suffix, way) -> None:
    path, store = files[suffix]
    both = tmp_path / f"both{suffix}"
    both.write_bytes(way(path, store))
    (tmp_path / "root.pem").write_bytes(keys.anchor_pem)
    for verdict in (verify(both, keys=keys), verify(both, anchors=[tmp_path / "root.pem"]), verify(both)):
        assert (verdict.verdict, verdict.exit_code, verdict.credentials.stores) == ("tampered", 4, 2)
        read = verdict.credentials.manifest or "none was believed"
        assert verdict.reasons[0].startswith("2 sets of credentials lie in the file"), verdict.reasons
        assert read in verdict.reasons[0]
        assert not any("damaged" in reason for reason in verdict.reasons)
    assert believed(both, keys) is None
    with pytest.raises(UsageError, match=r"2 sets of credentials|mark"):
        sign_file(both, tmp_path / f"signed{suffix}", keys=keys)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_is_one(files, keys, suffix) -> None:
    path, _ = files[suffix]
    assert (stores(path), verify(path, keys=keys).credentials.stores, verify(path, keys=keys).exit_code) == (1, 1, 0)


def test_nobody_signs_over_several(files, keys, tmp_path) -> None:
    """A store that the library does not look at would lie beside the new one."""
    path, store = files[".mp4"]
    both = tmp_path / "both.mp4"
    both.write_bytes(unlike(path, store))
    with pytest.raises(UsageError, match="2 sets of credentials"):
        sign_file(both, tmp_path / "signed.mp4", keys=Keys.open(tmp_path / "third"))
    assert not (tmp_path / "signed.mp4").exists()

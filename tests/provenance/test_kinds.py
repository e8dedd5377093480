"""Every kind of file that teams meet: credentials where they can lie, beside it where they cannot, and only read where
neither pictures nor sound are looked at."""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from making import clip, picture, voice, write_video
from permits import left, shown
from PIL import Image
from searching import little_search  # noqa: F401

from media import SAMPLES_PER_FRAME
from media.errors import NotLookedAtError, UsageError
from provenance import Keys, Playlist, mark_file, save_live, sign_file, verify
from provenance.credentials.ingredients import BESIDE
from provenance.credentials.manifest import sign_path
from provenance.permits.claims import Opened, definition
from vasari import triage

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("little_search")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5"/></svg>'
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCUMENTS = {"a.svg": "image/svg+xml", "a.pdf": "application/pdf", "a.docx": WORD}


def recorded(path: Path, seconds: float, codec: str, rate: int = 48_000) -> Path:
    times = np.arange(int(seconds * rate)) / rate
    sound = np.interp(times, np.arange(int(seconds * 16_000)) / 16_000, voice(seconds)).astype(np.float32)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate = rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    Image.fromarray(picture(3, 256)).save(folder / "a.png")
    return {
        "picture": folder / "a.png",
        "video": write_video(folder / "a.mkv", clip(frames=30, size=256)),
        "sound": recorded(folder / "a.wav", 6.0, "pcm_s16le"),
    }


def document(path: Path) -> Path:
    if path.suffix == ".svg":
        path.write_text(SVG)
    elif path.suffix == ".pdf":
        Image.new("RGB", (64, 64), "red").save(path)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", "<w/>")
    return path


def signed_document(path: Path, keys: Keys) -> Path:
    source, mime = document(path), DOCUMENTS[path.name]
    claim, target = Opened(source, command="sign"), path.with_name(f"signed{path.suffix}")
    said = definition(claim, title=path.name, mime=mime)
    sign_path(source, target, mime, said, keys.signer, ingredients=claim.ingredients())
    return target


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("picture", ".avif"), ("picture", ".gif"), ("picture", ".tif"), ("video", ".webm"), ("video", ".mkv"),
     ("sound", ".flac"), ("sound", ".opus"), ("sound", ".ogg")],
)  # fmt: skip
def test_marked_copies_of_every_kind(kind, suffix, sources, tmp_path, keys):
    copy = tmp_path / f"copy{suffix}"
    marked = mark_file(sources[kind], copy, keys=keys)
    beside = copy.with_name(copy.name + ".c2pa")
    assert left(tmp_path) == [copy.name, *([beside.name] if suffix in BESIDE else [])]
    assert any("keep both together" in note for note in marked.notes) == (suffix in BESIDE)
    found = verify(copy, keys=keys)
    assert (found.exit_code, found.kind) == (0, kind)
    assert found.credentials.source == ("sidecar" if suffix in BESIDE else "file")
    assert found.sound_mark.state == "found" if kind == "sound" else found.picture_mark.state == "found"
    if suffix in BESIDE:  # its marks name the maker where the sidecar was lost
        beside.unlink()
        assert verify(copy, keys=keys).exit_code == 4


def test_of_gifs_pictures_are_marked_and_what_moves_becomes_a_video(tmp_path, keys):
    still, *more = (Image.fromarray(picture(seed, 256)) for seed in (3, 4, 5))
    still.save(tmp_path / "in.gif", save_all=True, append_images=more, duration=100)
    with pytest.raises(UsageError, match=r"moving GIF .* choose \.mp4"):
        mark_file(tmp_path / "in.gif", tmp_path / "out.gif", keys=keys)
    clear = still.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 40, 40))
    clear.save(tmp_path / "in.png")
    mark_file(tmp_path / "in.png", tmp_path / "out.gif", keys=keys)
    assert Image.open(tmp_path / "out.gif").convert("RGBA").getpixel((5, 5))[3] == 0
    found = verify(tmp_path / "out.gif", keys=keys)
    assert (found.exit_code, found.picture_mark.state) == (0, "found")


@pytest.mark.parametrize("suffix", [".heic", ".HEIF"])
def test_heic_is_refused_and_what_to_do_is_said(suffix, sources, tmp_path, keys):
    with pytest.raises(UsageError, match=r"nothing here writes HEIC; choose \.avif, or `vasari sign`"):
        mark_file(sources["picture"], tmp_path / f"out{suffix}", keys=keys)
    assert left(tmp_path) == []


@pytest.mark.parametrize("suffix", [".avi", ".flac", ".webm", ".mkv", ".ogg"])
def test_signed_as_they_are(suffix, sources, tmp_path, keys):
    source = tmp_path / f"a{suffix}"
    if suffix in (".flac", ".ogg"):
        recorded(source, 1.0, {".flac": "flac", ".ogg": "libopus"}[suffix])
    else:
        codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
        write_video(source, clip(frames=8, size=128), codec=codec)
    signed = sign_file(source, tmp_path / f"b{suffix}", keys=keys)
    assert verify(signed.path, keys=keys).exit_code == 0
    if suffix in BESIDE:
        assert signed.path.read_bytes() == source.read_bytes()
        with pytest.raises(UsageError, match=f"{suffix} has no place for an address"):
            sign_file(source, tmp_path / f"c{suffix}", keys=keys, remote_url="https://example.com/a.c2pa")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_of_documents_the_credentials_alone_are_read(name, tmp_path, keys):
    signed = signed_document(tmp_path / name, keys)
    found = verify(signed, keys=keys)
    assert (found.exit_code, found.kind, found.picture_mark.state) == (0, "other", "not_checked")
    assert any(reason.startswith("only its credentials were looked at") for reason in found.reasons)
    assert not found.credentials.uncovered
    whole = triage(signed, keys=keys)
    assert (whole.exit_code, whole.detection) == (0, None)
    data = bytearray(signed.read_bytes())
    place = data.find(b"rect") if name.endswith("svg") else 40
    data[place] ^= 1
    signed.write_bytes(bytes(data))
    assert verify(signed, keys=keys).exit_code == 4
    with pytest.raises(NotLookedAtError):
        verify(tmp_path / name, keys=keys)


def test_a_store_by_itself_accuses_nobody(sources, tmp_path, keys):
    sign_file(sources["sound"], tmp_path / "b.wav", keys=keys, sidecar=True)
    alone = (tmp_path / "b.wav.c2pa").rename(tmp_path / "alone.c2pa")
    found = verify(alone, keys=keys)
    assert (found.verdict, found.kind) == ("nothing_found", "other")
    assert "credentials by themselves, signed by" in found.summary
    assert "what they are of is not here" in found.reasons[0]


def test_a_segment_is_judged_behind_the_beginning_that_lies_beside_it(tmp_path, keys):
    sound = voice(2.0).reshape(-1, SAMPLES_PER_FRAME)
    moments = [SimpleNamespace(frame=f, sound=s) for f, s in zip(clip(frames=50, size=256), sound, strict=True)]
    folder = tmp_path / "in"
    save_live(tmp_path / "a.mp4", shown(keys, moments), Playlist(folder / "talk.m3u8"))
    segment = folder / "000002.m4s"
    found = verify(segment, keys=keys)
    assert (found.exit_code, found.kind, found.file) == (0, "video", str(segment))
    assert any("segment 2, each signed" in reason for reason in found.reasons)
    data = bytearray(segment.read_bytes())
    data[-200] ^= 1
    segment.write_bytes(bytes(data))
    assert verify(segment, keys=keys).exit_code == 4
    (folder / "init.mp4").rename(tmp_path / "elsewhere.mp4")
    with pytest.raises(NotLookedAtError, match="put its initialization segment beside it"):
        verify(folder / "000001.m4s", keys=keys)

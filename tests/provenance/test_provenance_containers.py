"""Containers of all kinds: where their credentials lie, what these cover, what no signature or mark can keep."""

import os
import struct
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from making import clip, picture, voice, write_video
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401

from media.errors import UsageError
from provenance import Keys, mark_file, save_video, sign_beside, sign_file, verify
from provenance.credentials.manifest import read_store
from provenance.read.coverage import uncovered
from provenance.read.verification import read_credentials

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def root(keys, tmp_path_factory):
    path = tmp_path_factory.mktemp("root") / "root.pem"
    path.write_bytes(keys.anchor_pem)
    return path


def still(path: Path, seed: int = 0, **options) -> Path:
    Image.fromarray(picture(seed)).save(path, **options)
    return path


def test_files_that_cannot_be_searched_for_credentials_bear_none(keys, tmp_path):
    film = write_video(tmp_path / "film.mp4", clip(frames=4, size=128))
    tail = tmp_path / "tail.mp4"
    tail.write_bytes(film.read_bytes() + b"uploaded by example.org\n")
    webm = write_video(tmp_path / "a.webm", clip(frames=4, size=128), codec="libvpx").rename(tmp_path / "webm.mp4")
    rf64 = tmp_path / "rf64.wav"
    sound = (3000 * voice(1.0)).astype("<i2").tobytes()
    rf64.write_bytes(
        b"RF64\xff\xff\xff\xffWAVE" + b"ds64" + struct.pack("<IQQQI", 28, len(sound) + 72, len(sound), 16_000, 0)
        + b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16) + b"data\xff\xff\xff\xff" + sound
    )  # fmt: skip
    for path, odd in ((tail, True), (webm, False), (rf64, False)):
        verdict = verify(path)
        assert (verdict.exit_code, verdict.credentials.state) == (3, "absent"), path
        assert any("could not be searched" in reason for reason in verdict.reasons) == odd, path


def test_credentials_that_are_damaged_beyond_reading_are_not_tampering(keys, root, tmp_path):
    signed = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path
    data = bytearray(signed.read_bytes())
    at = data.find(b"jumb")
    data[at + 60] ^= 0xFF
    (tmp_path / "c.jpg").write_bytes(data)
    verdict = verify(tmp_path / "c.jpg", anchors=[root])
    assert (verdict.exit_code, verdict.credentials.state) == (3, "unreadable")
    assert "cannot be read" in verdict.summary
    data = bytearray(signed.read_bytes())
    data[-500] ^= 1
    (tmp_path / "d.jpg").write_bytes(data)
    verdict = verify(tmp_path / "d.jpg", anchors=[root])
    assert (verdict.exit_code, verdict.credentials.state) == (4, "invalid")
    assert any("changed after it was signed" in reason for reason in verdict.reasons)


def test_names_do_not_say_what_a_file_is(keys, root, tmp_path):
    signed = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path
    for name in ("b.png", "b", "b.mp4"):
        assert verify(Path(os.link(signed, tmp_path / name) or tmp_path / name), anchors=[root]).exit_code == 0, name


def test_an_intact_file_through_a_pipe(keys, root, tmp_path):
    data = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data), daemon=True).start()
    verdict = verify(tmp_path / "pipe", anchors=[root])
    assert (verdict.exit_code, verdict.file) == (0, str(tmp_path / "pipe"))


# Outside the hash


def hashed(content: list[dict]) -> dict:
    return {"assertions": {"c2pa.hash.data": {"exclusions": content}}}


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_what_lies_outside_the_hash_is_named(tmp_path, keys, kind):
    exif = Image.Exif()
    exif[0x010E] = "taken in Rome on Monday"
    source = still(tmp_path / f"a.{kind}", exif=exif)
    signed = sign_file(source, tmp_path / f"b.{kind}", keys=keys).path
    own = read_store(signed, "")["manifest"]
    assert uncovered(signed, own) == []
    exclusions = own["assertions"]["c2pa.hash.data"]["exclusions"]
    data = signed.read_bytes()
    at = data.find(b"Rome")
    found = uncovered(signed, hashed([*exclusions, {"start": at, "length": 4}]))
    assert [(item.what, item.size, item.metadata) for item in found] == [("EXIF", 4, True)]
    shown = {"start": 120 if kind == "webp" else len(data) - 300, "length": 300}  # what is seen comes first in WebP
    found = uncovered(signed, hashed([*exclusions, shown]))
    assert any(not item.metadata and item.size > 100 for item in found)
    wide = {"start": 0, "length": len(data)}
    assert {item.what for item in uncovered(signed, hashed([wide]))} >= {"EXIF"}
    assert any(not item.metadata for item in uncovered(signed, hashed([wide])))


def test_boxes_and_parts_outside_the_hash_are_named(keys, tmp_path):
    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(3, 25), voice(1.0, 3)))
    own = read_store(saved.path, "")["manifest"]
    assert uncovered(saved.path, own) == []
    bmff = own["assertions"]["c2pa.hash.bmff.v3"]
    for place in ("/moov", "/mdat"):
        loose = {**bmff, "merkle": None, "exclusions": [*bmff["exclusions"], {"xpath": place}]}
        found = uncovered(saved.path, {"assertions": {"c2pa.hash.bmff.v3": loose}})
        assert f"box '{place}'" in [item.what for item in found if not item.metadata]
    boxes = {"boxes": [{"names": ["C2PA"], "excluded": True}, {"names": ["APP1"], "excluded": True}]}
    found = uncovered(saved.path, {"assertions": {"c2pa.hash.boxes": boxes}})
    assert [(item.what, item.metadata) for item in found] == [("EXIF", True)]


@pytest.mark.parametrize("kind", ["tif", "gif", "mp3", "wav", "avif"])
def test_nothing_lies_outside_what_is_signed_here(keys, tmp_path, kind):
    source = tmp_path / f"a.{kind}"
    if kind in ("mp3", "wav"):
        with av.open(str(source), "w") as file:
            stream = file.add_stream({"mp3": "libmp3lame", "wav": "pcm_s16le"}[kind], rate=16_000, layout="mono")
            sound = av.AudioFrame.from_ndarray((voice(0.5) * 32767).astype(np.int16).reshape(1, -1), "s16", "mono")
            sound.sample_rate = 16_000
            for frame in av.AudioResampler(stream.format, "mono", 16_000).resample(sound):
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
    else:
        still(source)
    signed = sign_file(source, tmp_path / f"b.{kind}", keys=keys).path
    assert read_credentials(signed, "").uncovered == []


# Pages, depth


def test_pictures_of_several_pages_are_not_signed_in_them(keys, tmp_path):
    first = Image.fromarray(picture())
    first.save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(picture(1))])
    with pytest.raises(UsageError, match=r"2 pages.*--sidecar"):
        sign_file(tmp_path / "a.tif", tmp_path / "b.tif", keys=keys)
    sign_beside(tmp_path / "a.tif", keys=keys)
    assert verify(tmp_path / "a.tif", keys=keys).exit_code == 0
    assert not (tmp_path / "b.tif").exists()
    assert "1 further page was left out" in mark_file(tmp_path / "a.tif", tmp_path / "c.png", keys=keys).notes


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_pictures_of_16_bits_are_said_to_lose_them(keys, tmp_path, kind):
    import cv2

    cv2.imwrite(str(tmp_path / f"a.{kind}"), picture().astype(np.uint16) * 257)
    marked = mark_file(tmp_path / f"a.{kind}", tmp_path / "b.png", keys=keys)
    assert "16 bits a colour became 8" in marked.notes
    assert not mark_file(still(tmp_path / "c.png"), tmp_path / "d.png", keys=keys).notes

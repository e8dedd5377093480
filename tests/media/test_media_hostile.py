"""Files that are no friends of decoders: whatever those raise is one line, and what cannot be read twice is kept."""

import os
import struct
import threading

import av
import numpy as np
import pytest
from making import clip, picture, write_video
from PIL import Image

from media import VideoReader, probe, read_picture
from media.errors import UnreadableError
from media.guard import each, guarded, reason
from media.kinds import sniffed
from media.pictures import depth, pages
from media.spooling import settled
from media.video import keyframes
from media.words import as_json, plain, quoted

ODD = [TypeError("Missing dimensions"), NotImplementedError(), RuntimeError("no item"), MemoryError(),
       struct.error("short"), KeyError(1), ZeroDivisionError(), RecursionError("deep"), av.error.FFmpegError(1, "x"),
       AssertionError(), EOFError(), AttributeError("no tag")]  # fmt: skip


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
def test_whatever_a_decoder_raises_is_one_line_about_the_file(tmp_path, monkeypatch, error):
    Image.fromarray(picture(size=64)).save(tmp_path / "a.png")

    def broken(*_, **__):
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", broken)
    with pytest.raises(UnreadableError, match=r"a\.png: ") as caught:
        read_picture(tmp_path / "a.png")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr("PIL.Image.Image.getexif", broken)
    probe(tmp_path / "a.png")  # as one frame of a video, which does not ask for EXIF
    monkeypatch.setattr("av.open", broken)
    with pytest.raises(UnreadableError, match=r"a\.png: "):
        probe(tmp_path / "a.png")


def test_the_guard_is_around_steps_and_not_around_what_is_done_with_them():
    def steps():
        yield 1
        raise StopAsyncIteration("odd")

    got = []
    with pytest.raises(UnreadableError, match=r"x: cannot be read \(odd\)"):
        got.extend(each(steps(), "x"))
    with pytest.raises(KeyError):
        [{}[item] for item in each([1], "x")]
    with pytest.raises(UnreadableError, match="itself"), guarded("x"):
        raise UnreadableError("itself")
    assert reason(StopIteration()) == "nothing in it can be decoded"
    assert reason(OSError(5, "Bad \x1b[2J thing")) == "bad \\x1b[2j thing"


def tiff(entries: list[tuple[int, int, int, int]], second: bool) -> bytes:
    """A directory of (tag, type, count, value); the second says nothing of sizes."""
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    after = 8 + len(body) + 4
    more = struct.pack("<HHHIII", 1, 254, 4, 1, 0, 0) if second else b""
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", after if second else 0) + more + bytes(64)


def test_damaged_pictures_of_many_kinds(tmp_path):
    """A second directory without a size (TIFF), no item where an item should be (AVIF), lies about depth and planes."""
    short, size = 3, [(256, 3, 1, 4), (257, 3, 1, 4)]
    cases = {
        "second.tif": tiff([*size, (258, short, 1, 8), (262, short, 1, 1), (273, 4, 1, 60), (279, 4, 1, 16)], True),
        "none.tif": tiff([], False),
        "odd.tif": tiff([*size, (258, short, 1, 7), (262, short, 1, 9), (273, 4, 1, 60), (279, 4, 1, 16)], False),
    }
    Image.fromarray(picture(size=64)).save(tmp_path / "a.avif")
    cases["bad.avif"] = (tmp_path / "a.avif").read_bytes().replace(b"iloc", b"free")
    Image.fromarray(picture(size=64)).save(tmp_path / "a.jp2")
    cases["bad.jp2"] = (tmp_path / "a.jp2").read_bytes()[:90]
    Image.fromarray(picture(size=64)).save(tmp_path / "a.dds")
    whole = (tmp_path / "a.dds").read_bytes()
    cases["bad.dds"] = whole[:76] + bytes(12) + whole[88:]
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        for read in (probe, read_picture):
            said = _error(read, tmp_path / name)
            assert said is None or (said.startswith(str(tmp_path / name)) and "\n" not in said), name


def _error(read, path):
    try:
        read(path)
    except UnreadableError as error:
        return str(error)
    return None


def test_kinds_that_are_known_and_not_read_say_so(tmp_path):
    frames = [Image.fromarray(picture(k, 64)) for k in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.pdf")
    (tmp_path / "a.svg").write_text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bytes(30))
    (tmp_path / "a.m4s").write_bytes(struct.pack(">I4s4s", 24, b"styp", b"msdh") + bytes(40))
    for kind, word in (("webp", "animated"), ("pdf", "PDF"), ("svg", "SVG"), ("jxl", "JPEG XL"), ("m4s", "segment")):
        with pytest.raises(UnreadableError, match=word):
            probe(tmp_path / f"a.{kind}")
    frames[0].save(tmp_path / "b.webp")
    assert probe(tmp_path / "b.webp").kind == "picture"


def test_kinds_are_told_by_content(tmp_path):
    Image.fromarray(picture(size=64)).save(tmp_path / "a.jpg")
    Image.fromarray(picture(size=64)).save(tmp_path / "a.tif")
    write_video(tmp_path / "a.mp4", clip(frames=2, size=64))
    write_video(tmp_path / "a.webm", clip(frames=2, size=64), codec="libvpx")
    found = [sniffed((tmp_path / name).read_bytes()) for name in ("a.jpg", "a.tif", "a.mp4", "a.webm")]
    assert found == ["image/jpeg", "image/tiff", "video/mp4", "video/x-matroska"]
    assert sniffed(b"RF64\xff\xff\xff\xffWAVE") == "audio/x-rf64"
    assert sniffed(b"") == sniffed(b"text") == ""


def test_depth_and_pages(tmp_path):
    image = Image.fromarray(picture(size=64))
    image.save(tmp_path / "a.tif", save_all=True, append_images=[image])
    image.save(tmp_path / "a.png")
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "deep.png"), picture(size=64).astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "deep.tif"), picture(size=64).astype(np.uint16) * 257)
    assert (pages(tmp_path / "a.tif"), pages(tmp_path / "a.png")) == (2, 1)
    for name, bits in (("a.tif", 8), ("a.png", 8), ("deep.png", 16), ("deep.tif", 16)):
        with Image.open(tmp_path / name) as opened:
            assert depth(opened) == bits, name


# Tracks


def two_tracks(path, first, second, shown):
    """Two videos in one file; players show number `shown`."""
    with av.open(str(path), "w") as file:
        streams = []
        for number, frames in enumerate((first, second)):
            stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.disposition = av.stream.Disposition.default if number == shown else av.stream.Disposition(0)
            streams.append((stream, frames))
        for stream, frames in streams:
            for frame in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode())
    return path


@pytest.mark.parametrize("shown", [0, 1])
def test_the_track_that_players_show_is_read_first(tmp_path, shown):
    dark, bright = [np.full((64, 64, 3), level, np.uint8) for level in (20, 220)]
    path = two_tracks(tmp_path / "a.mp4", [dark] * 6, [np.pad(bright, ((0, 32), (0, 0), (0, 0)))] * 6, shown)
    info = probe(path)
    assert (info.video_tracks, info.height) == (2, 96 if shown else 64)
    means = [next(iter(VideoReader(path, track=track)))[:64].mean() for track in (0, 1)]
    assert (means[0] > 128) == bool(shown)
    assert (means[1] > 128) != bool(shown)
    with pytest.raises(UnreadableError, match="number 3"):
        VideoReader(path, track=2)


def test_keyframes_are_found_all_over_a_film(tmp_path):
    frames = [np.full((64, 64, 3), 10 * (k // 25), np.uint8) for k in range(150)]
    write_video(tmp_path / "a.mp4", frames, options={"g": "25"})
    found = list(keyframes(tmp_path / "a.mp4", [0.0, 0.4, 1.1, 2.5, 5.2]))
    assert [round(at, 2) for at, _ in found] == [0.0, 1.0, 2.0, 5.0]
    assert [round(float(shown.mean()) / 10) for _, shown in found] == [0, 1, 2, 5]


# What is read once


def test_what_comes_through_a_pipe_is_kept_while_it_is_looked_at(tmp_path):
    Image.fromarray(picture(size=64)).save(tmp_path / "a.png")
    data, pipe = (tmp_path / "a.png").read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(data), daemon=True).start()
    with settled(pipe) as path:
        assert path.read_bytes() == data
        assert probe(path).kind == "picture"
    assert not path.exists()
    with settled(tmp_path / "a.png") as path:
        assert path == tmp_path / "a.png"


def test_pipes_that_nobody_feeds_or_that_never_end(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableError, match=r"nothing came through it for 0.2 s"), settled(pipe, patience=0.2):
        pass
    with pytest.raises(UnreadableError, match="the limit"), settled("/dev/zero", largest=1 << 22):
        pass


# Words of strangers


def test_words_of_strangers_stay_words():
    assert plain("\x1b[1A\x9b\u202edekam\u200b\ttab\nline") == "\\x1b[1A\\x9b\\u202edekam\\u200b\\x09tab\\x0aline"
    assert plain("Zoë Müller 李 🎥") == "Zoë Müller 李 🎥"
    assert quoted("BBC' and intact") == "'BBC\\' and intact'"
    assert len(quoted("a" * 500)) == 66
    assert "…" in quoted("a" * 500)
    said = as_json({"name": "\x1b\x9b\u202e\u2066é"})
    assert said == '{"name": "\\u001b\\u009b\\u202e\\u2066é"}'


@pytest.mark.parametrize("kind", ["tif", "avif", "dds", "jp2", "png", "webp"])
def test_pictures_that_were_changed_by_chance(tmp_path, kind):
    """Nothing but our errors comes out, whatever the bytes."""
    rng = np.random.default_rng(5)
    Image.fromarray(picture(size=64)).save(tmp_path / f"a.{kind}")
    whole, path = (tmp_path / f"a.{kind}").read_bytes(), tmp_path / f"b.{kind}"
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 5)):
            at = int(rng.integers(min(len(data), 400)))
            data[at : at + 4] = rng.choice([0, 1, 255, 0x7FFFFFFF, 0xFFFFFFFF]).astype("<u4").tobytes()
        path.write_bytes(data)
        for read in (probe, read_picture, pages):
            assert (_error(read, path) or str(path)).startswith(str(path))


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile {1}\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_what_a_file_names_is_not_opened_in_its_place(tmp_path, name):
    other = tmp_path / "other.ts"
    with av.open(str(other), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width = stream.height = 64
        for frame in (av.VideoFrame.from_ndarray(one) for one in clip(9, 12, size=64)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert probe(other).kind == "video"
    (tmp_path / name).write_text(PLAYLISTS[name].format(other, other.name))
    with pytest.raises(UnreadableError, match=r"playlist|not a sound or video file"):
        probe(tmp_path / name)


def test_a_name_is_a_name_and_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "inner.mp4", clip(9, 5, size=64))
    for name in ("concat:inner.mp4", "subfile,,start,0,end,0,,:inner.mp4", "cache:inner.mp4", "http:127.0.0.1:1"):
        (tmp_path / name).write_bytes(b"nothing in it")
        with pytest.raises(UnreadableError, match="invalid data"):  # of its own bytes, and not "refused" by a host
            probe(name)
        (tmp_path / name).write_bytes((tmp_path / "inner.mp4").read_bytes())
        assert probe(name).kind == "video"


def test_pictures_that_are_programs_are_not_run(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: ran.append(a))
    path = tmp_path / "a.png"
    for head in (b"%!PS-Adobe-3.0 EPSF-3.0\n", struct.pack("<7I", 0xC6D3D0C5, 32, 200, 0, 0, 0, 0) + bytes(4)):
        path.write_bytes(head + b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
        with pytest.raises(UnreadableError, match="PostScript"):
            probe(path)
        with pytest.raises(UnreadableError, match="not a picture"):
            read_picture(path)
    assert not ran


def test_a_picture_of_too_many_pixels_is_refused_before_anything_decodes_it(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    Image.fromarray(picture(size=64)).save(tmp_path / "a.png")
    monkeypatch.setattr("av.open", None)
    for look in (probe, read_picture, VideoReader):
        with pytest.raises(UnreadableError, match=r"a\.png: the picture claims far too many pixels"):
            look(tmp_path / "a.png")


def test_an_animation_that_is_over_at_once_is_seen(tmp_path):
    frames = [Image.fromarray(picture(k, 96)) for k in range(2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=0)
    for fps in (5, 25):
        assert len(list(VideoReader(tmp_path / "a.gif", fps=fps))) >= 1

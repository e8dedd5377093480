"""Marks in what others made: copies keep what they can, and say whose marks they bear."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from making import clip, picture, remux, voice, write_video
from permits import shown
from PIL import Image
from searching import little_search, searching_little  # noqa: F401

from benchmarks.credentials.rubric import RUBRIC
from media import VideoReader, probe, read_picture
from media.errors import UnreadableError, UsageError
from media.originals import Picture, decoded, inspect
from provenance import Keys, mark_file, save_picture, verify
from provenance.credentials.ingredients import MIME
from provenance.credentials.manifest import crjson
from provenance.registry import open_registry

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def sounding(path, *, rate=48_000, layout="stereo", seconds=3.0, frames=None, codec=None, fps=Fraction(30_000, 1001)):
    """A file with wide sound, and pictures if there are any."""
    channels = av.AudioLayout(layout).nb_channels
    times = np.arange(int(seconds * rate)) / rate
    mono = np.interp(times, np.arange(int(seconds * 16_000)) / 16_000, voice(seconds))
    high = 0.02 * np.sin(2 * np.pi * 11_000 * times) if rate > 24_000 else 0 * times
    wide = np.stack([mono * (1 - 0.2 * k) + high for k in range(channels)], 1).astype(np.float32)
    with av.open(str(path), "w") as file:
        video = None
        if frames:
            video = file.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = "yuv420p"
        codec = codec or {".wav": "pcm_s24le", ".mp3": "libmp3lame"}.get(path.suffix, "aac")
        stream = file.add_stream(codec, rate=rate, layout=layout)
        for frame in frames or ():
            file.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        if video:
            file.mux(video.encode())
        sound = av.AudioFrame.from_ndarray(wide.reshape(1, -1), format="flt", layout=layout)
        sound.sample_rate = rate
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    return path


def layout_of(path):
    with av.open(str(path)) as file:
        return file.streams.audio[0].layout.name


def times_of(path):
    return [round(item.seconds, 4) for item in decoded(inspect(path)) if isinstance(item, Picture)]


@pytest.fixture(scope="module")
def film(tmp_path_factory, keys):
    """A film of others with wide sound, and its marked copy."""
    folder = tmp_path_factory.mktemp("film")
    source = sounding(folder / "a.mp4", frames=clip(frames=90, size=192))
    with searching_little():
        return source, mark_file(source, folder / "b.mp4", keys=keys)


def test_a_film_keeps_its_size_rates_and_length(film, keys):
    source, marked = film
    before, after = probe(source), probe(marked.saved.path)
    assert (after.width, after.height, after.fps, after.sample_rate) == (192, 192, before.fps, 48_000)
    assert after.duration == pytest.approx(before.duration, abs=0.001)
    assert layout_of(marked.saved.path) == "stereo"
    assert times_of(marked.saved.path) == times_of(source)
    assert marked.borne == ("picture", "sound")
    pairs = list(zip(VideoReader(source), VideoReader(marked.saved.path), strict=True))
    assert np.mean([cv2.PSNR(a, b) for a, b in pairs]) > 36
    assert sorted(p.name for p in source.parent.iterdir()) == ["a.mp4", "b.mp4"]


def test_verify_says_that_others_made_it(film, keys):
    _, marked = film
    verdict = verify(marked.saved.path, keys=keys)
    assert (verdict.exit_code, verdict.agreement) == (0, "agree")
    assert "marked, as others made it, by" in verdict.summary
    credentials = verdict.credentials
    assert (credentials.action, credentials.digital_source_type) == ("c2pa.opened", "")
    assert (credentials.soft_binding, credentials.sound_binding) == (marked.saved.mark, marked.saved.mark[-6:])


def test_a_stripped_copy_is_recovered(film, keys, tmp_path):
    _, marked = film
    verdict = verify(remux(marked.saved.path, tmp_path / "x.mp4"), keys=keys)
    assert verdict.exit_code == 4
    assert verdict.summary.startswith("recovered: marked, as others made it, by")
    assert (verdict.origin.command, verdict.origin.recovered.pictures, verdict.origin.recovered.sound) == (
        "mark", "same", "same",
    )  # fmt: skip


def test_credentials_hold_before_two_validators(film, keys, tmp_path):
    encypher = pytest.importorskip("encypher_c2pa")
    Image.fromarray(picture()).save(tmp_path / "a.png")
    paths = [film[1].saved.path, mark_file(tmp_path / "a.png", tmp_path / "b.jpg", keys=keys).saved.path]
    for path in paths:
        manifest = crjson(path.read_bytes(), MIME[path.suffix], keys.anchor_pem.decode())["manifests"][0]
        assert [name for name, holds in RUBRIC.items() if not holds(manifest)] == []
        assert encypher.verify(str(path), telemetry=False, online=False)["integrity"] == "valid"
        ingredients = [a for a in manifest["assertions"].values() if isinstance(a, dict) and "relationship" in a]
        assert [i["relationship"] for i in ingredients] == ["parentOf"]


def test_what_is_marked_already_is_refused(film, keys, tmp_path):
    with pytest.raises(UsageError, match="mark already, that of `vasari mark`"):
        mark_file(film[1].saved.path, tmp_path / "c.mp4", keys=keys)
    made = save_picture(tmp_path / "a.png", shown(keys, picture(1), command="data"))
    with pytest.raises(UsageError, match="mark already, that of `vasari data`"):
        mark_file(made.path, tmp_path / "b.png", keys=keys)
    again = mark_file(made.path, tmp_path / "b.png", keys=keys, again=True).saved
    assert again.mark != made.mark
    assert verify(again.path, keys=keys).picture_mark.message == again.mark
    other = Keys.open(tmp_path / "other")  # whose marks do not know of the first
    assert verify(mark_file(made.path, tmp_path / "c.png", keys=other).saved.path, keys=other).exit_code == 0


def test_silent_film_of_odd_size_and_changing_rate(keys, tmp_path):
    """Matroska, which carries no credentials itself, becomes mp4; times are kept one by one."""
    times = [0, 0.05, 0.11, 0.3, 0.31, 0.5, 0.9, 1.0]
    frames = [f[:161, :129] for f in clip(frames=len(times), size=192)]
    source = write_video(tmp_path / "a.mkv", frames, times=times, codec="ffv1", pix_fmt="yuv444p")
    marked = mark_file(source, tmp_path / "b.mp4", keys=keys)
    assert times_of(marked.saved.path) == times_of(source) == times
    assert probe(marked.saved.path).width == 130
    assert {"odd sides grew by one pixel: 129x161", "colour at full resolution became 4:2:0"} <= set(marked.notes)
    verdict = verify(marked.saved.path, keys=keys)
    assert (verdict.exit_code, verdict.sound_mark.state) == (0, "no_carrier")


def test_turned_films_come_out_upright(keys, tmp_path):
    write_video(tmp_path / "flat.mp4", [f[:144] for f in clip(frames=8, size=192)])
    with av.open(str(tmp_path / "flat.mp4")) as old, av.open(str(tmp_path / "a.mp4"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.set_display_rotation(90)
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    source, marked = tmp_path / "a.mp4", mark_file(tmp_path / "a.mp4", tmp_path / "b.mp4", keys=keys)
    with av.open(str(marked.saved.path)) as file:
        frame = next(file.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (144, 192, 0)
    assert cv2.PSNR(next(iter(VideoReader(source))), next(iter(VideoReader(marked.saved.path)))) > 36


@pytest.mark.parametrize(("pixels", "trc", "codec"), [("yuv420p10le", 18, "hevc"), ("yuvj420p", None, "h264")])
def test_colours_are_kept(keys, tmp_path, pixels, trc, codec):
    """HDR stays HDR; what uses all levels looks the same after."""
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("libx265" if trc else "libx264", rate=25, options={"x265-params": "log-level=error"})
        stream.width = stream.height = 192
        stream.pix_fmt = pixels
        if trc:
            stream.codec_context.color_trc, stream.codec_context.colorspace = trc, 9
            stream.codec_context.color_primaries = 9
        for frame in clip(frames=6, size=192):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels)))
        file.mux(stream.encode())
    marked = mark_file(tmp_path / "a.mkv", tmp_path / "b.mp4", keys=keys)
    pairs = zip(VideoReader(tmp_path / "a.mkv"), VideoReader(marked.saved.path), strict=True)
    assert min(cv2.PSNR(a, b) for a, b in pairs) > 36
    with av.open(str(marked.saved.path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == (codec, "yuv420p10le" if trc else "yuv420p")
        assert not trc or (context.color_trc, context.color_primaries) == (trc, 9)
    assert verify(marked.saved.path, keys=keys).picture_mark.message == marked.saved.mark


@pytest.mark.parametrize(
    ("given", "wanted", "rate", "layout"),
    [("a.wav", "b.wav", 44_100, "5.1"), ("a.mp3", "b.mp3", 48_000, "stereo"), ("a.m4a", "b.m4a", 32_000, "mono")],
)
def test_sound_alone(keys, tmp_path, given, wanted, rate, layout):
    source = sounding(tmp_path / given, rate=rate, layout=layout, seconds=4)
    marked = mark_file(source, tmp_path / wanted, keys=keys)
    info = probe(marked.saved.path)
    assert (info.kind, info.sample_rate, layout_of(marked.saved.path)) == ("sound", rate, layout)
    assert info.sound_codec == probe(source).sound_codec
    assert marked.saved.duration == pytest.approx(probe(source).duration, abs=0.06)
    verdict = verify(marked.saved.path, keys=keys)
    assert (verdict.exit_code, verdict.sound_mark.message) == (0, marked.saved.mark[-6:])
    assert verdict.credentials.soft_binding == ""
    assert "as others made it" in verdict.summary
    before, after = (_band(path, 11_000) for path in (source, marked.saved.path))
    assert after == pytest.approx(before, rel=0.2)  # full band: what lies above the mark's 8 kHz is there
    alone = open_registry(keys.folder).by_mark(marked.saved.mark)
    assert alone.kind == "sound"
    stripped = remux(marked.saved.path, tmp_path / f"x{source.suffix}")
    again = verify(stripped, keys=keys)
    assert (again.exit_code, again.origin.recovered.sound, again.origin.recovered.manifest) == (4, "same", "valid")


def _band(path, hertz):
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        rate = stream.codec_context.sample_rate
        left = np.concatenate([
            frame.to_ndarray()[0]
            for raw in file.decode(stream)
            for frame in av.AudioResampler("fltp", stream.layout, rate).resample(raw)
        ])  # fmt: skip
    return abs(left @ np.exp(-2j * np.pi * hertz / rate * np.arange(len(left)))) / len(left)


def test_pictures_keep_transparency_grey_and_profile_and_come_out_upright(keys, tmp_path):
    clear = np.dstack([picture(), np.full((256, 256), 255, np.uint8)])
    clear[:40, :, 3] = 0
    Image.fromarray(clear).save(tmp_path / "clear.png", icc_profile=b"a profile")
    with Image.open(mark_file(tmp_path / "clear.png", tmp_path / "b.webp", keys=keys).saved.path) as copy:
        assert (copy.mode, copy.info["icc_profile"]) == ("RGBA", b"a profile")
    with Image.open(mark_file(tmp_path / "clear.png", tmp_path / "b.png", keys=keys).saved.path) as copy:
        assert (np.asarray(copy)[..., 3] == clear[..., 3]).all()
    with pytest.raises(UsageError, match="transparent"):
        mark_file(tmp_path / "clear.png", tmp_path / "b.jpg", keys=keys)

    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "A. Photographer"
    Image.fromarray(picture()[:192]).convert("L").save(tmp_path / "grey.jpg", exif=exif)
    marked = mark_file(tmp_path / "grey.jpg", tmp_path / "c.jpg", keys=keys).saved.path
    with Image.open(marked) as copy:
        assert (copy.size, copy.mode) == ((192, 256), "L")
        assert (copy.getexif().get(0x0112, 1), copy.getexif()[0x013B]) == (1, "A. Photographer")
    assert cv2.PSNR(read_picture(tmp_path / "grey.jpg"), read_picture(marked)) > 38
    for path in ("b.webp", "b.png", "c.jpg"):
        assert verify(tmp_path / path, keys=keys).exit_code == 0


def test_hostile_and_broken_files_leave_nothing(keys, tmp_path, film):
    (tmp_path / "in").mkdir()
    whole = film[0].read_bytes()
    with (
        av.open(str(film[0])) as old,
        av.open(str(tmp_path / "in" / "q.mp4"), "w", options={"movflags": "faststart"}) as q,
    ):
        streams = {stream.index: q.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                q.mux(packet)
    quick = (tmp_path / "in" / "q.mp4").read_bytes()
    bad = {
        "text.mp4": b"not a film", "end.mp4": whole[: len(whole) // 2], "cut.mp4": quick[: len(quick) // 2],
        "noise.png": np.random.default_rng(0).bytes(4000), "empty.wav": b"",
    }  # fmt: skip
    for name, data in bad.items():
        (tmp_path / "in" / name).write_bytes(data)
        with pytest.raises(UnreadableError):
            mark_file(tmp_path / "in" / name, tmp_path / f"b{name[-4:]}", keys=keys)
    Image.fromarray(np.zeros((300, 300, 4), np.uint8)).save(tmp_path / "in" / "nothing.png")
    Image.fromarray(picture(size=96)).save(tmp_path / "in" / "small.png")
    for name, words in (("nothing.png", "nothing in it can bear"), ("small.png", "too few")):
        with pytest.raises(UsageError, match=words):
            mark_file(tmp_path / "in" / name, tmp_path / "b.png", keys=keys)
    with pytest.raises(UsageError, match=r"\.m4a or \.mp3 or \.wav"):
        mark_file(sounding(tmp_path / "in" / "s.wav", seconds=0.5), tmp_path / "b.mp4", keys=keys)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]

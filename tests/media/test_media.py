import os
import tracemalloc

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st
from making import RATE, clip, picture, voice, write_video
from PIL import Image

from media import VideoReader, iter_sound, probe, read_picture, read_sound
from media.encode import Encoder
from media.errors import OutputError, SpeechError, UnreadableError
from media.yuv import to_yuv420

# Pictures


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    image = picture(size=64)[:40]
    Image.fromarray(image).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.rot90(image, -1))
    assert (probe(tmp_path / "a.png").width, probe(tmp_path / "a.png").height) == (40, 64)


def test_alpha_lies_over_mid_grey(tmp_path):
    image = np.zeros((4, 4, 4), np.uint8)
    image[:2] = (255, 0, 0, 255)
    Image.fromarray(image).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png")
    assert (read[0, 0] == (255, 0, 0)).all()
    assert (read[3, 3] == 128).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "CMYK", "YCbCr", "RGBA", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    if mode == "I;16":
        image, name = Image.fromarray(ramp.astype(np.uint16) * 257), "a.png"
    elif mode in ("I", "F"):
        image, name = Image.fromarray(ramp.astype(np.int32 if mode == "I" else np.float32)), "a.tiff"
    else:
        image = Image.fromarray(ramp).convert("RGB" if mode == "CMYK" else "L").convert(mode)
        name = "a.tiff" if mode in ("CMYK", "YCbCr", "PA") else "a.png"
    if mode == "PA":
        image, name = Image.fromarray(ramp).convert("P"), "a.gif"
    image.save(tmp_path / name)
    read = read_picture(tmp_path / name)
    assert read.shape == (32, 32, 3)
    assert read.dtype == np.uint8
    if mode != "1":
        assert np.abs(read[0, :, 1].astype(int) - ramp[0]).max() <= 3


def test_bad_pictures_say_so_in_one_line(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture\n" * 50)
    Image.fromarray(picture()).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    for name in ("text.jpg", "cut.jpg", "empty.png", "missing.png", "."):
        with pytest.raises(UnreadableError) as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(data=st.binary(min_size=1, max_size=400))
def test_garbage_never_escapes_the_error_tree(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "garbage.png"
    path.write_bytes(data)
    for read in (read_picture, read_sound, VideoReader, probe):
        with pytest.raises((UnreadableError, SpeechError)):
            read(path)


# Video


def brightness(frames) -> list[int]:
    return [int(frame.mean()) for frame in frames]


def test_variable_frame_rate_follows_the_timestamps(tmp_path):
    levels = [20, 80, 140, 200]
    frames = [np.full((64, 64, 3), level, np.uint8) for level in levels]
    write_video(tmp_path / "a.mkv", frames, times=[0.0, 0.2, 0.28, 1.0])
    seen = np.array(brightness(VideoReader(tmp_path / "a.mkv")))
    assert np.abs(seen[:5] - 20).max() < 8
    assert np.abs(seen[5:7] - 80).max() < 8
    assert np.abs(seen[7:25] - 140).max() < 8
    assert np.abs(seen[25:] - 200).max() < 8


@pytest.mark.parametrize("rate", [10, 24, 30, 60])
def test_any_rate_becomes_25(tmp_path, rate):
    write_video(tmp_path / "a.mp4", [picture(size=64)] * rate, rate=rate)
    assert len(list(VideoReader(tmp_path / "a.mp4"))) == 25


def test_start_seeks(tmp_path):
    frames = [np.full((64, 64, 3), 8 * k, np.uint8) for k in range(30)]
    write_video(tmp_path / "a.mp4", frames)
    seen = brightness(VideoReader(tmp_path / "a.mp4", start=0.4))
    assert len(seen) == 20
    assert abs(seen[0] - 80) < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "source"),
    [
        ("a.mov", "prores_ks", "yuva444p10le", "rgba"),
        ("a.mkv", "ffv1", "gray", "gray"),
        ("a.mkv", "ffv1", "bgra", "rgba"),
    ],
)
def test_alpha_grey_and_deep_video(tmp_path, name, codec, pix_fmt, source):
    image = picture(size=64)
    if source == "rgba":
        frame = np.dstack([image, np.full((64, 64), 255, np.uint8)])
        frame[:, 32:, 3] = 0
    else:
        frame = image[..., 0].copy()
    write_video(tmp_path / name, [frame] * 3, codec=codec, pix_fmt=pix_fmt, source=source)
    read = next(iter(VideoReader(tmp_path / name)))
    assert read.shape == (64, 64, 3)
    if source == "rgba":
        assert np.abs(read[:, 40:].astype(int) - 128).max() <= 2
        assert np.abs(read[:, :28].astype(int) - image[:, :28]).mean() < 4
    else:
        assert np.abs(read[..., 1].astype(int) - image[..., 0]).mean() < 3


def test_truncated_video_gives_an_error_or_what_came_before(tmp_path):
    whole = write_video(tmp_path / "a.mp4", clip(frames=50))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UnreadableError, match=r"cut\.mp4"):
        VideoReader(tmp_path / "cut.mp4")  # its index was at the end and is gone
    whole = write_video(tmp_path / "b.mkv", clip(frames=50))
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 5])
    assert 0 < len(list(VideoReader(tmp_path / "cut.mkv"))) < 50


def test_video_reader_refuses_other_kinds(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    with pytest.raises(UnreadableError, match="is a picture"):
        VideoReader(tmp_path / "a.png")


# Sound


def write_sound(path, samples, codec="pcm_s16le", rate=RATE, layout="mono", fmt="s16"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        data = (np.clip(samples, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format=fmt, layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_sound_is_resampled_and_mixed(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    path = write_sound(tmp_path / "a.wav", np.repeat(0.5 * tone, 2), rate=44_100, layout="stereo")
    sound = read_sound(path)
    assert sound.dtype == np.float32
    assert abs(len(sound) - RATE) < 40
    spectrum = np.abs(np.fft.rfft(sound[:RATE]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert 0.3 < np.abs(sound).max() < 0.75


def test_raw_g722(tmp_path):
    with av.open(str(tmp_path / "a.g722"), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=RATE, layout="mono")
        data = (voice(1.0) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    sound = read_sound(tmp_path / "a.g722")
    assert abs(len(sound) - RATE) < 400
    assert np.corrcoef(sound[1000:9000], voice(1.0)[1000 - 22 : 9000 - 22])[0, 1] > 0.9


@settings(max_examples=10, deadline=None)
@given(seconds=st.floats(0.01, 3.0))
def test_chunks_join_to_the_whole(tmp_path_factory, seconds):
    path = tmp_path_factory.getbasetemp() / "chunks.wav"
    if not path.exists():
        write_sound(path, voice(2.3))
    chunks = list(iter_sound(path, seconds=seconds))
    assert np.array_equal(np.concatenate(chunks), read_sound(path))
    assert all(len(chunk) == max(1, round(seconds * RATE)) for chunk in chunks[:-1])


def test_long_sound_needs_no_more_memory(tmp_path):
    minutes = np.tile(voice(5.0), 30)
    path = write_sound(tmp_path / "long.wav", minutes)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in iter_sound(path, seconds=1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == len(minutes)
    assert peak < 4_000_000


def test_video_without_sound_says_so(tmp_path):
    write_video(tmp_path / "a.mp4", clip(frames=3))
    with pytest.raises(SpeechError, match="holds no sound"):
        read_sound(tmp_path / "a.mp4")


# Encoding


@pytest.mark.parametrize("size", [(64, 64), (63, 65), (160, 90)])
def test_encoder_writes_what_the_reader_reads(tmp_path, size):
    frame = picture(size=200)[: size[1], : size[0]]
    with Encoder(tmp_path / "a.mp4", size, crf=12) as encoder:
        for _ in range(10):
            encoder.write(frame)
            encoder.write_sound(voice(0.04))
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert (info.fps, info.has_sound, info.video_codec, info.sound_codec) == (25.0, True, "h264", "aac")
    frames = list(VideoReader(tmp_path / "a.mp4"))
    assert len(frames) == 10
    assert np.abs(frames[5][: size[1], : size[0]].astype(int) - frame).mean() < 4
    head = (tmp_path / "a.mp4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # starts playing before it is loaded


@pytest.mark.parametrize("size", [(512, 512), (258, 130), (34, 66)])
def test_planes_agree_with_the_general_converter(size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    frame = cv2.GaussianBlur(noise, (0, 0), 3)  # it takes colour of more pixels than ours: they differ at sharp edges
    frame[:2, :2], frame[-2:, -2:] = 255, 0
    general = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709
    )
    height = size[1]
    ours, theirs = (picture.to_ndarray().astype(int) for picture in (to_yuv420(frame), general))
    off = np.abs(ours - theirs)
    assert off[:height].max() <= 1
    assert np.quantile(off[height:], 0.99) <= 1
    assert ours[0, 0] == 235
    assert ours[height - 1, size[0] - 1] == 16


def test_encoder_reports_a_place_it_cannot_write(tmp_path):
    with pytest.raises(OutputError):
        Encoder(tmp_path / "missing" / "a.mp4", (64, 64))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_encoder_reports_a_full_disk(tmp_path):
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="disk is full"):
        _encode(tmp_path / "a.mp4", clip(frames=40))


def _encode(path, frames):
    with Encoder(path, (256, 256)) as encoder:
        for frame in frames:
            encoder.write(frame)


def test_loud_stereo_is_mixed_without_clipping(tmp_path):
    tone = (0.9 * np.sin(np.arange(48_000) * 2 * np.pi * 200 / 48_000)).astype(np.float32)
    with av.open(str(tmp_path / "a.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        both = av.AudioFrame.from_ndarray((32_767 * np.repeat(tone, 2)).astype("<i2")[None], "s16", "stereo")
        both.sample_rate = 48_000
        file.mux(stream.encode(both))
    heard = read_sound(tmp_path / "a.wav")
    assert abs(heard).max() == pytest.approx(0.9, abs=0.01)

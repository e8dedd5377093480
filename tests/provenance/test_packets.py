"""What is handed out as it was coded: the pictures of the record, bit for bit, with their marked sound."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from making import clip, voice
from permits import shown

from media import SAMPLES_PER_FRAME
from media.fragments import fragment, parameter_sets, sample_of
from provenance import Keys, Packets, Registry, save_live
from provenance.marks.identity import sound_message
from provenance.marks.picture import PictureReader
from provenance.marks.sound import SoundReader
from provenance.registry import FILE

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside")
FRAMES = 75


@dataclass
class Moment:
    frame: np.ndarray
    sound: np.ndarray


def test_a_decoder_of_the_packets_sees_what_the_record_holds(tmp_path: Path, keys: Keys) -> None:
    registry = Registry(tmp_path / "in" / FILE)
    said = voice(FRAMES / 25)
    pairs = zip(clip(frames=FRAMES, size=256), said.reshape(-1, SAMPLES_PER_FRAME), strict=True)
    taken: list[tuple[bytes, np.ndarray]] = []

    def take(packet: bytes, sound: np.ndarray) -> None:
        assert len(registry.of_kind("live")) == 1  # known before
        taken.append((packet, sound))

    moments = [Moment(*pair) for pair in pairs]
    saved = save_live(tmp_path / "a.mp4", shown(keys, moments), Packets(take), registry=registry)
    decoder = av.CodecContext.create("h264", "r")
    seen = [frame for packet, _ in taken for frame in decoder.decode(av.Packet(packet))] + decoder.decode(None)
    with av.open(str(saved.path)) as record:
        kept = [frame.to_ndarray(format="yuv420p") for frame in record.decode(video=0)]
    assert len(taken) == len(seen) == FRAMES
    assert np.array_equal([frame.to_ndarray(format="yuv420p") for frame in seen], kept)
    pictures, sounds, message = PictureReader(keys.mark_key), SoundReader(keys.mark_key), int(saved.mark, 16)
    for frame, (_, sound) in zip(seen, taken, strict=True):
        pictures.add(frame.to_ndarray(format="rgb24"))
        sounds.add(sound)
    assert pictures.read().message == message
    assert sounds.read().message == sound_message(message)
    heard = np.concatenate([sound for _, sound in taken])
    assert np.corrcoef(heard, said)[0, 1] > 0.99  # not a sample late


def test_a_decoder_that_comes_late_waits_a_second_at_most(tmp_path: Path, keys: Keys) -> None:
    sound = voice(2.0).reshape(-1, SAMPLES_PER_FRAME)
    moments = [Moment(*pair) for pair in zip(clip(frames=50, size=256), sound, strict=True)]
    taken: list[bytes] = []
    save_live(tmp_path / "a.mp4", shown(keys, moments), Packets(lambda packet, _: taken.append(packet)))
    whole = [k for k, packet in enumerate(taken) if packet[4] & 31 == 7]  # begins with its parameter sets
    assert whole[0] == 0
    assert max(np.diff([*whole, len(taken)])) <= 25
    for start in whole:
        decoder = av.CodecContext.create("h264", "r")
        assert decoder.decode(av.Packet(taken[start])) + decoder.decode(None)


def test_fragments_are_read_as_they_were_written() -> None:
    from media.fragments import Sample, box

    for sample in (Sample(1, 5 << 33, 640, True, b"abc"), Sample(2, 0, 1024, False, b"")):
        assert sample_of(fragment(7, sample)) == sample
    assert sample_of(box(b"emsg", bytes(100))) is None
    assert parameter_sets(box(b"moov", bytes(100))) == b""

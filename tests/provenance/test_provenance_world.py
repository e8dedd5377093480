"""What the world sends: files with credentials that nobody here made, or that somebody changed since. One of a kind."""

import json
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from making import clip, picture, remux, voice, write_video
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401

from benchmarks.credentials.rubric import RUBRIC
from media import read_sound
from media.errors import UsageError
from provenance import Keys, mark_file, save_picture, save_video, sign_beside, sign_file, verify
from provenance.credentials.manifest import crjson
from provenance.trust.signers import ready

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another maker, with root and marks of their own."""
    return Keys.open(tmp_path_factory.mktemp("other") / "keys")


@pytest.fixture(scope="module")
def root(keys, tmp_path_factory):
    path = tmp_path_factory.mktemp("root") / "root.pem"
    path.write_bytes(keys.anchor_pem)
    return path


@pytest.fixture(scope="module")
def made(keys, tmp_path_factory):
    """An output, 3 s of talk, and its remuxed copy."""
    folder = tmp_path_factory.mktemp("made")
    saved = save_video(folder / "a.mp4", shown(keys, clip(3, 75), voice(3.0, 3)))
    return saved, remux(saved.path, folder / "stripped.mp4")


def still(path: Path, seed: int = 0, **options) -> Path:
    Image.fromarray(picture(seed)).save(path, **options)
    return path


def held(keys: Keys) -> dict[str, str]:
    """Private key and certificates, as the library takes them."""
    signer = ready(keys.signer)
    private = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"alg": "es256", "sign_cert": signer.chain_pem.decode(), "private_key": private.decode()}


def raw_sign(keys: Keys, source: Path, target: Path, manifest: dict, **settings) -> Path:
    """Signed by the library as another program would, with any manifest and settings."""
    document = {"verify": {"verify_after_sign": False}, "signer": {"local": held(keys)}, **settings}
    context = c2pa.Context(c2pa.Settings.from_dict(document))
    context._has_signer = True  # that of the settings
    with source.open("rb") as given, target.open("w+b") as sink, c2pa.Builder(json.dumps(manifest), context) as builder:
        builder.sign("image/jpeg", given, sink)
    return target


CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
CAMERA = {
    "claim_generator_info": [{"name": "camera", "version": "1"}],
    "title": "t",
    "assertions": [
        {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": CAPTURE}],
                                              "allActionsIncluded": True}}
    ],
}  # fmt: skip

# Marks under credentials that do not mention them


def test_signing_a_stripped_output_is_refused_and_names_it(made, keys, tmp_path):
    _, stripped = made
    for call in (
        lambda: sign_file(stripped, tmp_path / "b.mp4", keys=keys),
        lambda: sign_beside(stripped, tmp_path / "b.c2pa", keys=keys),
        lambda: mark_file(stripped, tmp_path / "b.mp4", keys=keys, again=True),
    ):
        with pytest.raises(UsageError, match=r"`vasari generate`.*vasari verify"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_signing_an_output_with_its_credentials_says_that_it_is_generated(made, keys, tmp_path):
    saved, _ = made
    signed = sign_file(saved.path, tmp_path / "b.mp4", keys=keys)
    verdict = verify(signed.path, keys=keys)
    assert (verdict.exit_code, verdict.credentials.generated) == (0, True)
    assert verdict.summary.startswith("signed, over what is generated, by")
    assert {saved.mark, saved.mark[-6:]} <= set(verdict.credentials.opened_bindings)


def test_another_trusted_maker_who_launders_an_output_is_contradicted(made, keys, other, tmp_path):
    saved, stripped = made
    (tmp_path / "other.pem").write_bytes(other.anchor_pem)
    laundered = sign_file(stripped, tmp_path / "b.mp4", keys=other).path  # whose keys do not read the mark
    verdict = verify(laundered, keys=keys, anchors=[tmp_path / "other.pem"])
    assert (verdict.exit_code, verdict.agreement) == (4, "contradict")
    assert "mark of this maker (output of `vasari generate`" in verdict.summary
    assert verdict.origin.manifest == saved.manifest
    assert verify(laundered, keys=other).exit_code == 0  # they cannot know


# What credentials say of what went in


def test_what_was_changed_before_it_was_signed_again_is_told(keys, root, tmp_path):
    first = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path
    data = bytearray(first.read_bytes())
    data[-2000] ^= 16
    (tmp_path / "c.jpg").write_bytes(data)
    again = sign_file(tmp_path / "c.jpg", tmp_path / "d.jpg", keys=keys)
    assert any("do not fit it" in note for note in again.notes)
    verdict = verify(again.path, anchors=[root])
    assert verdict.exit_code == 0
    assert [(item.state, item.relationship) for item in verdict.credentials.opened] == [("broken", "parentOf")]
    assert "changed under its credentials" in verdict.summary
    assert any("assertion.dataHash.mismatch" in reason for reason in verdict.reasons)
    whole = verify(sign_file(first, tmp_path / "e.jpg", keys=keys).path, anchors=[root])
    assert [item.state for item in whole.credentials.opened] == ["intact"]


def test_a_parent_whose_credentials_lie_elsewhere_conforms(keys, tmp_path):
    away = sign_file(
        still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys, sidecar=True, remote_url="https://192.0.2.1/b.c2pa"
    )
    signed = sign_file(away.path, tmp_path / "c.jpg", keys=keys)
    manifest = crjson(signed.path.read_bytes(), "image/jpeg")["manifests"][0]
    assert [name for name, holds in RUBRIC.items() if not holds(manifest)] == []


def test_identities_neither_spoil_nor_carry_the_signature(keys, other, root, tmp_path):
    local = held(other) | {"referenced_assertions": ["c2pa.actions.v2"]}
    path = raw_sign(keys, still(tmp_path / "a.jpg"), tmp_path / "b.jpg", CAMERA, cawg_x509_signer={"local": local})
    verdict = verify(path, anchors=[root])
    assert (verdict.exit_code, verdict.credentials.trust) == (0, "trusted")
    assert [item.state for item in verdict.credentials.identities] == ["untrusted"]
    assert any("CAWG" in reason for reason in verdict.reasons)
    (tmp_path / "other.pem").write_bytes(other.anchor_pem)
    assert verify(path, anchors=[tmp_path / "other.pem"]).exit_code == 3  # who signed is not trusted, whoever vouches


def test_a_damaged_file_that_bears_our_mark_still_counts(made, keys, tmp_path):
    saved, _ = made
    (tmp_path / "a.mp4").write_bytes(saved.path.read_bytes() + b"uploaded by example.org\n")
    verdict = verify(tmp_path / "a.mp4", keys=keys)
    assert (verdict.exit_code, verdict.credentials.state) == (4, "unreadable")
    assert "the credentials cannot be read" in verdict.summary


# Tracks, time


def joined(path: Path, *sources: Path, shown: int = 0) -> Path:
    """The first video of each in one file; players show number `shown`."""
    opened = [av.open(str(source)) for source in sources]
    with av.open(str(path), "w") as new:
        streams = []
        for number, old in enumerate(opened):
            stream = new.add_stream_from_template(old.streams.video[0])
            stream.disposition = av.stream.Disposition.default if number == shown else av.stream.Disposition(0)
            streams.append(stream)
        for old, stream in zip(opened, streams, strict=True):
            for packet in old.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
    for old in opened:
        old.close()
    return path


@pytest.mark.parametrize("shown", [0, 1])
def test_every_track_that_a_player_may_show_is_judged(made, keys, tmp_path, shown):
    _, stripped = made
    plain = write_video(tmp_path / "plain.mp4", clip(8, 75))
    verdict = verify(joined(tmp_path / "two.mp4", stripped, plain, shown=shown), keys=keys)
    assert (verdict.exit_code, verdict.agreement) == (4, "contradict")
    marks = [verdict.picture_mark.state, *(track.mark.state for track in verdict.other_tracks)]
    assert marks == (["found", "absent"] if shown == 0 else ["absent", "found"])
    assert any("a player may show any" in reason for reason in verdict.reasons)


def test_marks_are_found_by_place_in_time(made, keys, tmp_path):
    """24 s of something else come first; the registry's answers are about the place."""
    from media import VideoReader

    saved, _ = made
    still_ = picture(11)
    frames = [still_] * (24 * 25) + list(VideoReader(saved.path))
    sound = np.concatenate([voice(24.0, 9), read_sound(saved.path)])
    path = write_video(tmp_path / "late.mp4", frames, sound=sound, options={"preset": "ultrafast", "crf": "18"})
    verdict = verify(path, keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.message) == (4, saved.mark)
    assert verdict.picture_mark.pieces[0].start > 20
    assert verdict.sound_mark.pieces[0].start > 18
    recovered = verdict.origin.recovered
    assert (recovered.pictures, recovered.sound, recovered.length) == ("same", "same", "longer")
    assert recovered.pictures_match.places[0][0] == pytest.approx(24, abs=0.5)
    assert recovered.sound_match.places[0][0] == pytest.approx(24, abs=0.5)
    assert "instead of 3.0" in verdict.summary
    assert not recovered.whole


def test_two_outputs_in_one_file_are_both_told(made, keys, tmp_path):
    from media import VideoReader

    saved, _ = made
    second = save_picture(tmp_path / "b.png", shown(keys, picture(5), command="data"))
    with Image.open(second.path) as opened:
        still_ = np.asarray(opened.convert("RGB"))
    frames = list(VideoReader(saved.path)) + [still_] * 100
    verdict = verify(write_video(tmp_path / "both.mp4", frames, options={"preset": "ultrafast"}), keys=keys)
    assert {piece.message for piece in verdict.picture_mark.pieces} == {saved.mark, second.mark}
    assert any(saved.mark in reason and second.mark in reason for reason in verdict.reasons)


def test_sound_that_was_stretched_accuses_nobody(keys, tmp_path):
    """Faster, with its pitch kept: neither mark nor comparison can say anything of the sound, nor of time."""
    from media import VideoReader

    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(3, 150), voice(6.0, 3)))
    frames = list(VideoReader(saved.path))[::2]
    strange = voice(3.0, 21)  # what no comparison can place
    verdict = verify(write_video(tmp_path / "fast.mp4", frames, sound=strange, options={"crf": "12"}), keys=keys)
    assert verdict.picture_mark.message == saved.mark
    assert verdict.origin.recovered.sound == "unsure"
    assert not any("is not the one that was registered" in reason for reason in verdict.reasons)
    assert any("exchanged, or changed so much" in reason or "altered too much" in reason for reason in verdict.reasons)


def test_music_is_compared_by_what_an_encoder_keeps(keys, tmp_path):
    rate, seconds = 44_100, 8
    t = np.arange(rate * seconds) / rate
    tones = sum(
        level * np.sin(2 * np.pi * hertz * t) * np.exp(-decay * np.mod(t, beat))
        for level, hertz, decay, beat in ((0.25, 196, 2, 0.6), (0.2, 392, 3, 0.3), (0.15, 587, 4, 0.4), (0.1, 98, 0, 1))
    )

    def written(path, samples, codec, bits=None):
        with av.open(str(path), "w") as file:
            stream = file.add_stream(codec, rate=rate, layout="mono")
            if bits:
                stream.bit_rate = bits
            sound = av.AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout="mono")
            sound.sample_rate = rate
            for frame in av.AudioResampler(stream.format, "mono", rate).resample(sound):
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
        return path

    source = written(tmp_path / "a.wav", tones, "pcm_s16le")
    marked = mark_file(source, tmp_path / "b.wav", keys=keys).saved.path
    with av.open(str(marked)) as file:
        heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]) / 32768
    verdict = verify(written(tmp_path / "c.m4a", heard, "aac", 64_000), keys=keys)
    assert verdict.exit_code == 4
    assert verdict.origin.recovered.sound in ("same", "unsure")
    assert not any("not the one" in reason for reason in verdict.reasons)


def test_a_mark_that_was_averaged_out_and_laid_on_something_else_is_told_as_copied(made, keys, tmp_path):
    from media import VideoReader

    saved, _ = made
    before, after = clip(3, 75), list(VideoReader(saved.path))
    pattern = np.mean(after, 0, dtype=np.float32) - np.mean(before, 0, dtype=np.float32)  # no key is needed
    laid = [np.clip(frame + 1.5 * pattern, 0, 255).astype(np.uint8) for frame in clip(13, 40)]
    verdict = verify(write_video(tmp_path / "copy.mp4", laid, options={"crf": "14"}), keys=keys)
    assert verdict.picture_mark.message == saved.mark
    assert any("copied or moved" in reason and "similarity" in reason for reason in verdict.reasons)
    assert verdict.agreement == "contradict"

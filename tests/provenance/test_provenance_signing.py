"""Credentials over what others made, as it is."""

import wave

import av
import numpy as np
import pytest
from making import clip, picture, voice, write_video
from permits import shown
from PIL import Image

from benchmarks.credentials.rubric import RUBRIC
from media.errors import UnreadableError, UsageError
from provenance import Keys, save_picture, sign_file, verify
from provenance.credentials.ingredients import MIME
from provenance.credentials.manifest import crjson
from provenance.read.verification import read_credentials

SUFFIXES = [".png", ".jpg", ".webp", ".wav", ".mp3", ".m4a", ".mp4", ".mov"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def made(path):
    """A small file of the type that its suffix says."""
    suffix = path.suffix
    if suffix in (".png", ".jpg", ".webp"):
        Image.fromarray(picture()).save(path)
    elif suffix in (".mp4", ".mov"):
        write_video(path, clip(frames=6, size=128), sound=voice(0.3))
    elif suffix == ".wav":
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((30_000 * voice(0.5)).astype("<i2").tobytes())
    else:
        with av.open(str(path), "w") as file:
            stream = file.add_stream("mp3" if suffix == ".mp3" else "aac", rate=16_000, layout="mono")
            sound = av.AudioFrame.from_ndarray(voice(0.5).reshape(1, -1), format="fltp", layout="mono")
            sound.sample_rate = 16_000
            file.mux(stream.encode(sound))
            file.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_type_is_signed_as_it_is(tmp_path, keys, suffix):
    encypher = pytest.importorskip("encypher_c2pa")
    source = made(tmp_path / f"a{suffix}")
    before = source.read_bytes()
    signed = sign_file(source, tmp_path / f"b{suffix}", keys=keys)
    assert source.read_bytes() == before
    manifest = crjson(signed.path.read_bytes(), MIME[suffix], keys.anchor_pem.decode())["manifests"][0]
    assert [name for name, holds in RUBRIC.items() if not holds(manifest)] == []
    assert encypher.verify(str(signed.path), telemetry=False, online=False)["integrity"] == "valid"
    verdict = verify(signed.path, keys=keys)
    assert (verdict.exit_code, verdict.credentials.action, verdict.credentials.soft_binding) == (0, "c2pa.opened", "")
    assert "as others made it" in verdict.summary

    data, at = bytearray(signed.path.read_bytes()), len(before) // 2
    data[data.index(before[at : at + 12])] ^= 1  # of what was signed
    (tmp_path / f"c{suffix}").write_bytes(data)
    assert read_credentials(tmp_path / f"c{suffix}", keys.anchor_pem.decode()).state == "invalid"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}{suffix}" for name in "abc"]


def test_the_chain_of_those_who_signed_is_kept(tmp_path, keys):
    other = Keys.open(tmp_path / "other")
    first = save_picture(tmp_path / "a.png", shown(other, picture(), command="data"))
    second = sign_file(first.path, tmp_path / "b.png", keys=keys)
    found = crjson(second.path.read_bytes(), "image/png")["manifests"]
    labels = [manifest["label"] for manifest in found]
    assert labels[0] == second.manifest
    assert first.manifest in labels
    assert verify(second.path, keys=keys).exit_code == 0


def test_media_in_several_pieces(tmp_path, keys, monkeypatch):
    monkeypatch.setattr("provenance.make.signing.LARGE", 1000)
    source = made(tmp_path / "a.mp4")
    with source.open("ab") as file:
        file.write((5008).to_bytes(4, "big") + b"mdat" + bytes(5000))
    for number in range(4):  # validation of such files in leaves is left to chance
        signed = sign_file(source, tmp_path / f"b{number}.mp4", keys=keys)
        assert read_credentials(signed.path, keys.anchor_pem.decode()).state == "valid"


def test_what_cannot_be_signed_is_said(tmp_path, keys):
    picture_ = made(tmp_path / "a.png")
    with pytest.raises(UsageError, match="also an input"):
        sign_file(picture_, picture_, keys=keys)
    with pytest.raises(UsageError, match="another type"):
        sign_file(picture_, tmp_path / "b.jpg", keys=keys)
    (tmp_path / "a.flv").write_bytes(b"film")
    with pytest.raises(UsageError, match="cannot carry"):
        sign_file(tmp_path / "a.flv", tmp_path / "b.flv", keys=keys)
    (tmp_path / "no.png").write_bytes(np.random.default_rng(0).bytes(500))
    with pytest.raises(UnreadableError):
        sign_file(tmp_path / "no.png", tmp_path / "b.png", keys=keys)
    with pytest.raises(UnreadableError, match="no such file"):
        sign_file(tmp_path / "none.png", tmp_path / "b.png", keys=keys)
    assert not (tmp_path / "b.png").exists()

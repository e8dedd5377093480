"""Credentials of what is sent live, through the save path; and what is left when they cannot be made."""

import io
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from making import clip, voice
from permits import left, shown

from benchmarks.streams import judged
from media import SAMPLES_PER_FRAME
from media.errors import SigningError
from provenance import Keys, Outlet, Playlist, Registry, save_live, verify
from provenance.registry import FILE
from provenance.segments.parsing import boxes
from provenance.trust.signers import CommandSigner, LocalSigner

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside")

FRAMES = 60


@pytest.fixture(scope="module")
def moments():
    sound = voice(FRAMES / 25).reshape(-1, SAMPLES_PER_FRAME)
    pairs = zip(clip(frames=FRAMES, size=256), sound, strict=True)
    return [SimpleNamespace(frame=frame, sound=piece) for frame, piece in pairs]


def without(path: Path, data: bytes, *kinds: bytes) -> Path:
    path.write_bytes(b"".join(box.data for box in boxes(data) if box.kind not in kinds))
    return path


def test_into_a_folder_as_segments(tmp_path, keys, moments):
    folder = tmp_path / "in" / "hls"
    save_live(tmp_path / "a.mp4", shown(keys, moments), Playlist(folder / "talk.m3u8"))
    assert left(folder) == ["000001.m4s", "000002.m4s", "000003.m4s", "init.mp4", "talk.m3u8"]
    with av.open(str(folder / "talk.m3u8")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    found, _ = judged(b"".join((folder / name).read_bytes() for name in ("init.mp4", *left(folder)[:3])), keys)
    assert (found.exit_code, found.first, found.last) == (0, 1, 3)
    stated = found.credentials
    assert stated.digital_source_type == "trainedAlgorithmicMedia"
    assert (stated.label.kind, bool(stated.soft_binding), bool(stated.sound_binding)) == ("on", True, True)

    no_key = Keys(keys.folder, CommandSigner(["false"], keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    with pytest.raises(SigningError):
        save_live(tmp_path / "b.mp4", shown(no_key, moments[:9]), Playlist(tmp_path / "in" / "b" / "talk.m3u8"))
    assert not (tmp_path / "in" / "b").exists()


class Once(LocalSigner):
    """Signs what begins the stream, and then no more."""

    def sign(self, data: bytes) -> bytes:
        if USED:
            raise SigningError("the key service is down")
        USED.append(data)
        return super().sign(data)


USED: list[bytes] = []


def test_without_a_signature_nothing_is_sent(tmp_path, keys, moments):
    registry = Registry(tmp_path / "in" / FILE)
    no_key = Keys(keys.folder, CommandSigner(["false"], keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    sent = io.BytesIO()
    sent.close = lambda: None
    with pytest.raises(SigningError):
        save_live(tmp_path / "a.mp4", shown(no_key, moments), Outlet(sent), registry=registry)
    assert left(tmp_path) == []
    assert not sent.getvalue()
    assert not registry.of_kind("live")


def test_where_the_file_cannot_be_signed_there_is_none_but_the_mark_is_known(tmp_path, keys, moments):
    registry = Registry(tmp_path / "in" / FILE)
    once = Keys(keys.folder, Once(keys.signer.key, keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    sent = io.BytesIO()
    sent.close = lambda: None
    with pytest.raises(SigningError):
        save_live(tmp_path / "a.mp4", shown(once, moments), Outlet(sent), registry=registry)
    assert left(tmp_path) == []
    verdict = verify(
        without(tmp_path / "in" / "r.mp4", sent.getvalue(), b"uuid", b"emsg"), keys=keys, registry=registry
    )
    assert verdict.exit_code == 4
    assert any("never closed" in reason for reason in verdict.reasons)
    assert registry.by_mark(verdict.picture_mark.message).manifest == ""

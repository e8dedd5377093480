"""Live streams that somebody forged who knows how they are judged: none is told whole."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from streams import segments, sent

from benchmarks.streams import Captured, apart, definition, judged
from media.errors import UnreadableError
from media.fragments import box, full_box
from provenance import Keys, Playlist
from provenance.credentials.cose import decode, read_signature
from provenance.credentials.jumbf import inside
from provenance.credentials.manifest import holds
from provenance.make.session import Segmented, Session
from provenance.read import recording
from provenance.read.sources import stream
from provenance.segments.cose import SessionKey
from provenance.segments.delivered import ASSERTION, delivered, store_of
from provenance.segments.info import LONGEST, SCHEME
from provenance.segments.parsing import boxes
from provenance.segments.store import CARRIER

pytest_plugins = ["maker_fixtures"]


@pytest.fixture(scope="module")
def parts(keys):
    return sent(keys)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("stranger") / "keys")


@pytest.fixture(scope="module")
def label(parts, keys):
    return recording.of_head(parts[0], keys.anchor_pem.decode())["label"]


def other_media(signer, label, number=1, key=None):
    """Another stream's pictures in segments that claim to be of the manifest of this label."""
    session, caught = Session(definition(), signer), Captured()
    session.manifest, session._number, session._key = label, number, key or session._key
    head, media = apart(segments(1))
    segmented = Segmented(caught, lambda: session)
    segmented.give(head, "head")
    for data in media[:2]:
        segmented.give(data, "key")
        segmented.close()
    return caught.parts


def exchanged(head, label):
    """A key of one's own in the store of an initialization segment, bound to the signer's certificate, which is public;
    and that key."""
    store = store_of(head)
    leaf = read_signature(store, label).chain[0].public_bytes(Encoding.DER)
    said = decode(inside(store, label, "c2pa.assertions", ASSERTION, b"cbor"))["keys"][0]
    key = SessionKey(Ed25519PrivateKey.generate(), said["key"][2])
    exchanged = store.replace(said["key"][-2], key.public()[-2])
    return exchanged.replace(said["signerBinding"][3], key.binding(leaf)[3]), key


def told(data, keys, tmp_path):
    """What a watcher says, in numbers and words, and whether a recording of it holds."""
    path = tmp_path / "recorded.mp4"
    path.write_bytes(data)
    found, events = judged(data, keys)
    held = holds(recording.read_store(path, keys.anchor_pem.decode()))
    return found.exit_code, [event.text for event in events], held


def test_a_beginning_of_somebody_else_under_the_same_name_is_another_stream(parts, keys, stranger, label, tmp_path):
    forged = parts[0] + parts[1] + parts[2] + b"".join(other_media(stranger.signer, label, 3))
    code, texts, held = told(forged, keys, tmp_path)
    assert (code, held) == (4, False)
    assert any("after segment 2: another stream begins" in text for text in texts)


@pytest.mark.parametrize("purpose", [b"other", b"manifes", b"manifest", b"merkle", b"update", b"original"])
@pytest.mark.parametrize("first", [True, False])
def test_a_second_store_delivers_no_key(purpose, first, parts, keys, stranger, label, tmp_path):
    forged, key = exchanged(parts[0], label)
    ftyp, carrier, moov = (item.data for item in boxes(parts[0]))
    second = box(b"uuid", CARRIER, bytes(4), purpose, bytes(17 - len(purpose)), forged)
    assert len(second) == len(carrier)  # so that what follows keeps its place
    head = ftyp + (second + moov + carrier if first else carrier + moov + second)
    code, _, held = told(head + b"".join(other_media(stranger.signer, label, 1, key)[1:]), keys, tmp_path)
    assert (code in (3, 4), held) == (True, False)


def test_a_second_store_in_the_middle_is_another_stream(parts, keys, stranger, label, tmp_path):
    forged, key = exchanged(parts[0], label)
    ftyp, carrier, moov = (item.data for item in boxes(parts[0]))
    second = box(b"uuid", CARRIER, bytes(4), b"other", bytes(12), forged)
    media = b"".join(other_media(stranger.signer, label, 2, key)[1:])
    for head in (ftyp + second + moov + carrier, ftyp + carrier + moov + second):
        code, _, held = told(parts[0] + parts[1] + head + media, keys, tmp_path)
        assert (code, held) == (4, False)


def test_a_key_that_the_claim_does_not_name_by_its_hash_signs_nothing(parts, label):
    assert delivered(store_of(parts[0]), label)
    assert not delivered(exchanged(parts[0], label)[0], label)


def test_media_before_the_beginning_are_told(parts, keys, stranger, tmp_path):
    for before in (segments(1)[1:3], sent(stranger, 1)[1:3]):
        code, texts, held = told(b"".join(before) + b"".join(parts), keys, tmp_path)
        assert (code, held) == (4, False)
        assert any("media came before the beginning" in text for text in texts)


@pytest.mark.parametrize(("value", "length"), [(b"other", 100), (b"fseg", LONGEST + 1)])
def test_what_is_hidden_under_the_scheme_of_segment_info_is_told(value, length, parts, keys):
    hidden = full_box(b"emsg", 0, 0, SCHEME, b"\0", value, b"\0", bytes(16), bytes(length))
    assert judged(parts[0] + parts[1] + hidden + parts[2], keys)[0].exit_code == 4


def test_a_signature_with_much_behind_it_is_damaged(parts, keys):
    long = b"".join(
        full_box(b"emsg", 0, 0, item.data[12:] + bytes(LONGEST)) if item.kind == b"emsg" else item.data
        for item in boxes(parts[1])
    )
    found, events = judged(parts[0] + long + parts[2], keys)
    assert found.exit_code == 4
    assert "a segment whose signature is damaged" in events[1].text


@pytest.mark.parametrize(
    "line",
    [
        "#EXT-X-BYTERANGE:100@0",
        '#EXT-X-KEY:METHOD=AES-128,URI="key"',
        '#EXT-X-PART:DURATION=1,URI="other.m4s"',
        '#EXT-X-MAP:URI="other.mp4",X-NOTE=",URI="init.mp4"',
        '#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"',
        '#EXT-X-DEFINE:NAME="x",VALUE="y"',
    ],
)
def test_playlists_that_players_read_otherwise_are_refused(line, tmp_path):
    path = tmp_path / "a.m3u8"
    path.write_text(f"#EXTM3U\n{line}\n#EXTINF:1,\na.m4s\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableError, match="is not read here"):
        list(stream(str(path), 0.0))


@pytest.mark.parametrize("name", ["a.m4s?b", "a%2em4s", "data:video", "a.m4s#b", "a\\b", "{$a}"])
def test_names_that_players_read_as_addresses_are_refused(name, tmp_path):
    path = tmp_path / "a.m3u8"
    path.write_text(f"#EXTM3U\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableError, match="rename it"):
        list(stream(str(path), 0.0))


def test_a_line_ends_where_players_end_it(tmp_path, parts):
    """Segments within a comment are not played."""
    path = tmp_path / "a.m3u8"
    for number, part in enumerate(parts[1:4]):
        (tmp_path / f"{number}.m4s").write_bytes(part)
    path.write_text("#EXTM3U\n0.m4s\n# #EXT-X-ENDLIST \u2028 1.m4s\n2.m4s\n#EXT-X-ENDLIST\n", encoding="utf-8")
    assert [piece.data for piece in stream(str(path), 0.0)] == [parts[1], parts[3]]


def test_a_pipe_among_segments_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.m4s")
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.m4s\n#EXT-X-ENDLIST\n")
    assert list(stream(str(tmp_path), 0.0)) == []


def test_a_playlist_that_says_otherwise_than_before_is_refused(tmp_path, parts):
    path = tmp_path / "a.m3u8"
    for number, part in enumerate(parts[1:3]):
        (tmp_path / f"{number}.m4s").write_bytes(part)
    path.write_text("#EXTM3U\n0.m4s\n")
    pieces = stream(str(path), 10.0)
    next(pieces)
    path.write_text("#EXTM3U\n1.m4s\n")
    with pytest.raises(UnreadableError, match="or other"):
        list(pieces)


@pytest.mark.parametrize("name", ["TALK.M3U8", ".m3u8"])
def test_a_playlist_is_found_by_any_name_that_it_may_be_given(name, tmp_path, parts):
    target = Playlist(tmp_path / "hls" / name)
    for number, part in enumerate(parts[:2]):
        target.write(part)
        target.cut(float(number > 0))
    target.settle(tmp_path)
    for where in (tmp_path / "hls", tmp_path / "hls" / name):
        assert [piece.data for piece in stream(str(where), 0.0)] == parts[:2]

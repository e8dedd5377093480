"""Live credentials: what is sent is whole, by an independent validator too; whatever is done to it on its way shows."""

import contextlib
import io
import random
import struct
import threading
import time

import av
import pytest
from streams import coded, sent

from benchmarks.attacks.streams import ATTACKS, streams
from benchmarks.streams import judged
from media.errors import OutputError, SigningError, UnreadableError, UsageError
from provenance import Keys, Playlist
from provenance.credentials.cose import decode
from provenance.credentials.manifest import holds
from provenance.make.playlist import FIRST
from provenance.make.session import Segmented, Session
from provenance.read import recording
from provenance.read.sources import stream
from provenance.segments import listing
from provenance.segments.cbor import Tag, encode
from provenance.segments.cose import PublicKey, SessionKey, Signed
from provenance.segments.delivered import delivered, store_of
from provenance.segments.info import SegmentInfo, messages
from provenance.segments.parsing import LARGEST, Segments

pytest_plugins = ["maker_fixtures"]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("stranger") / "keys")


@pytest.fixture(scope="module")
def parts(keys):
    return sent(keys)


@pytest.fixture(scope="module")
def given(keys, stranger, parts):
    return streams(parts, sent(keys, 1), keys, stranger)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_what_is_done_on_the_way_is_told(attack, given, keys):
    found, events = judged(attack.made(given), keys)
    said = [*(event.text for event in events), found.summary]
    assert found.exit_code == attack.right, said
    assert any(attack.words in text for text in said), said
    assert (found.exit_code == 4) == any(event.breaks for event in events)


def test_after_a_loss_what_follows_is_whole(given, keys):
    found, events = judged(given.one[0] + given.one[1] + given.one[4] + given.one[5], keys)
    assert (found.whole, found.first, found.last) == (3, 1, 5)
    assert [event.what for event in events] == ["begins", "missing"]


def test_it_is_the_same_however_the_bytes_come(parts, keys):
    whole = b"".join(parts)
    assert {judged(whole, keys, size)[0].summary for size in (777, 4096, len(whole))} == {
        judged(whole, keys)[0].summary
    }
    with av.open(io.BytesIO(whole)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 125


def test_an_independent_validator_agrees(given, keys):
    validator = pytest.importorskip("encypher_c2pa")

    def valid(parts):
        root = keys.anchor_pem.decode()
        said = validator.verify_stream(parts[0], parts[1:], "video/mp4", telemetry=False, online=False, trust_pem=root)
        return said["integrity"] == "valid"

    one, two = given.one, given.two
    flipped = bytearray(one[2])
    flipped[900] ^= 1
    assert valid(one)
    assert not any(
        map(valid, ([*one[:2], bytes(flipped)], [*one[:2], *one[3:]], [*one[:3], two[3]], [one[0], one[2], one[1]]))
    )
    assert not valid(given.expired)


def test_a_flipped_bit_anywhere_is_told(parts, keys):
    """All that plays and all that is signed; of what is neither, the second copy of a signature among it, none lies."""
    rng, segment = random.Random(0), parts[2]
    for place in sorted(rng.sample(range(len(segment)), 25)):
        changed = bytearray(segment)
        changed[place] ^= 1 << rng.randrange(8)
        try:
            found, _ = judged(parts[0] + parts[1] + bytes(changed) + parts[3], keys)
        except UnreadableError:
            continue
        if found.exit_code == 0:  # within the times of an event, which no player of the media looks at
            first = segment.index(b"emsg") - 4
            assert place >= first


def test_a_revoked_key_is_not_known(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    data = b"".join(sent(keys))
    keys.revoke("key_compromise")
    found, _ = judged(data, Keys.open(keys.folder))
    assert found.exit_code == 3
    assert "revoked" in found.summary


def test_who_is_revoked_while_it_goes_on_is_told(parts, keys, monkeypatch):
    monkeypatch.setattr("provenance.read.watching.ANEW", 2)
    trust, (_, events) = iter(["trusted"]), judged(b"".join(parts), keys)
    assert not [event for event in events if event.what == "untrusted"]
    from provenance.read.verdict import Credentials
    from provenance.read.watching import Watch

    label = judged(b"".join(parts), keys)[0].credentials.manifest
    watch, told = Watch(lambda head: Credentials(state="valid", trust=next(trust, "revoked"), manifest=label)), []
    for piece in Segments("x").push(b"".join(parts)):
        told += watch.take(piece)
    assert [event.what for event in told] == ["begins", "untrusted"]
    assert watch.judged().exit_code == 3


def test_a_key_that_is_not_bound_to_the_signer_signs_nothing(keys, monkeypatch):
    honest = SessionKey.binding
    monkeypatch.setattr(SessionKey, "binding", lambda self, leaf: honest(self, leaf + b"x"))
    found, events = judged(b"".join(sent(keys)), keys)
    assert found.exit_code == 4
    assert any("no session key in them is bound" in event.text for event in events)


def test_the_manifest_says_what_it_is(parts, tmp_path, keys):
    said = recording.of_head(parts[0], keys.anchor_pem.decode())
    assert said["state"] == "Trusted"
    assert holds(said)
    keys_of = delivered(store_of(parts[0]), said["label"])
    (one,) = keys_of.values()
    assert one.least == 1
    assert one.ends - one.created == 3600
    numbers = [SegmentInfo.read(Signed.read(messages(part)[0]).payload).number for part in parts[1:]]
    assert numbers == list(range(1, len(parts)))


def test_a_closed_file_is_no_stream(tmp_path, parts, keys):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        container.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(video.encode())
    with pytest.raises(UnreadableError, match="closed file"):
        pieces_judged(path, keys)


def test_what_is_signed_another_way_is_not_accused(keys, monkeypatch):
    monkeypatch.setattr(SegmentInfo, "encoded", lambda self: encode({"sequenceNumber": self.number, "other": 1}))
    found, events = judged(b"".join(sent(keys)), keys)
    assert found.exit_code == 3
    assert not any(event.breaks for event in events)
    assert "not known here" in events[1].text


def test_an_expired_session_stops(keys):
    now = [1000.0]
    session = Session(
        {"title": "x", "claim_generator_info": [{"name": "x"}], "assertions": []}, keys.signer, valid=10,
        clock=lambda: now[0],
    )  # fmt: skip

    class Nowhere:
        def write(self, data):
            pass

        def cut(self, seconds):
            pass

    segmented = Segmented(Nowhere(), lambda: session)

    def send():
        for number, (data, kind) in enumerate(coded()):
            now[0] = 1000 + 3 * number / 25
            segmented.give(data, kind)

    with pytest.raises(SigningError, match="expired"):
        send()


HOSTILE = {
    "empty": b"",
    "text": b"#EXTM3U\n" * 9,
    "cut header": b"\0\0\0",
    "giant": struct.pack(">I4sQ", 1, b"moof", 1 << 60),
    "large": struct.pack(">I4s", 0xFFFFFFFF, b"mdat"),
    "length of none": struct.pack(">I4s", 0, b"moof") + bytes(20),
    "length of less": struct.pack(">I4s", 7, b"moof") + bytes(20),
    "storm": struct.pack(">I4s", 8, b"free") * 5000,
    "damaged emsg": struct.pack(">I4s", 12, b"emsg") + b"\0" * 4 + struct.pack(">I4s", 8, b"moof"),
    "deep": struct.pack(">I4s", 40_100, b"uuid") + b"\x81" * 40_092,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("within", [False, True])
def test_hostile_bytes_end_in_one_line_or_a_finding(name, within, parts, keys):
    data = parts[0] + parts[1] + HOSTILE[name] + parts[2] if within else HOSTILE[name]
    try:
        found, _ = judged(data, keys)
    except UnreadableError as error:
        said = str(error)
    else:
        said = found.summary
        assert found.exit_code != 0 or (name, within) == ("empty", True)
    assert "\n" not in said


def test_no_more_is_kept_than_a_segment():
    segments = Segments("x")
    with pytest.raises(UnreadableError, match="no segment is larger"):
        list(segments.push(struct.pack(">I4s", LARGEST + 9, b"mdat")))


@pytest.mark.parametrize("seed", range(30))
def test_damaged_signatures_are_told_apart_from_errors(seed, parts):
    rng = random.Random(seed)
    message = bytearray(messages(parts[1])[0])
    for _ in range(rng.randrange(1, 6)):
        message[rng.randrange(len(message))] = rng.randrange(256)
    for data in (bytes(message), bytes(message[: rng.randrange(len(message))])):
        with contextlib.suppress(ValueError):
            SegmentInfo.read(Signed.read(data).payload)


def test_cbor_is_read_as_it_was_written():
    items = [0, 23, 24, 255, 65536, 1 << 40, -1, -500, b"\0x", "é", [1, [2]], {"a": 1, 2: None}, True, False, None]
    for item in items:
        assert decode(encode(item)) == item
    assert encode(Tag(0, "x")) == b"\xc0\x61x"
    with pytest.raises(TypeError):
        encode(object())


ED, EC = {1: 1, 2: b"k", -1: 6}, {1: 2, 2: b"k", -1: 1}
OTHER_KEYS = [{}, {1: 1}, 3, None, ED, ED | {1: 9}, ED | {2: b""}, ED | {-2: b"short"}, EC | {-2: b"x", -3: b"y"}]


@pytest.mark.parametrize("said", OTHER_KEYS)
def test_keys_of_other_kinds_are_refused(said):
    with pytest.raises(ValueError):  # noqa: PT011
        PublicKey.read(said)


def listed(folder, parts, ended=True):
    """A stream in a folder."""
    target = Playlist(folder / "talk.m3u8")
    for number, part in enumerate(parts):
        target.write(part)
        target.cut(1.0 if number else 0.0)
    if ended:
        target.settle(folder)
    return folder / "talk.m3u8"


def pieces_judged(name, keys, wait=0.0):
    return judged(b"".join(piece.data + (piece.tail or b"") for piece in stream(str(name), wait)), keys)[0]


def test_a_playlist_and_its_folder_are_followed(tmp_path, parts, keys):
    path = listed(tmp_path / "hls", parts)
    assert {pieces_judged(where, keys).exit_code for where in (path, path.parent)} == {0}
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 125
    (path.parent / "000003.m4s").unlink()
    assert pieces_judged(path, keys).exit_code == 4


def test_a_playlist_that_grows_is_followed_to_its_end(tmp_path, parts, keys):
    target = Playlist(tmp_path / "hls" / "talk.m3u8")

    def send():
        for number, part in enumerate(parts):
            target.write(part)
            target.cut(1.0 if number else 0.0)
            time.sleep(0.02)
        target.settle(tmp_path)

    target.write(b"")
    thread = threading.Thread(target=send)
    thread.start()
    while not (tmp_path / "hls" / "talk.m3u8").exists():
        time.sleep(0.01)
    found = pieces_judged(tmp_path / "hls", keys, wait=30.0)
    thread.join()
    assert (found.exit_code, found.whole) == (0, len(parts) - 1)


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "hls").mkdir()
    (tmp_path / "hls" / "a").write_bytes(b"x")
    with pytest.raises(UsageError, match="holds something"):
        Playlist(tmp_path / "hls" / "talk.m3u8")
    with pytest.raises(OutputError, match="cannot be made"):
        Playlist(tmp_path / "hls" / "a" / "talk.m3u8")


def test_what_was_sent_into_a_folder_can_be_taken_back(tmp_path, parts):
    target = Playlist(tmp_path / "hls" / "talk.m3u8")
    target.write(parts[0])
    target.cut(0.0)
    target.take_back()
    assert not (tmp_path / "hls").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#EXTM3U\n#EXTINF:1,\n../../etc/passwd\n", "does not lie in its folder"),
        ("#EXTM3U\n#EXTINF:1,\nhttps://example.org/a.m4s\n", "nothing is fetched"),
        ('#EXTM3U\n#EXT-X-MAP:URI="/etc/passwd"\n#EXTINF:1,\na.m4s\n', "does not lie in its folder"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", "lists streams"),
        ("what", "is no playlist"),
    ],
)
def test_playlists_that_lead_elsewhere_are_refused(tmp_path, text, said):
    path = tmp_path / "a.m3u8"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=said):
        list(stream(str(path), 0.0))


def test_a_file_that_grows_is_followed(tmp_path, parts, keys):
    path = tmp_path / "a.mp4"
    path.write_bytes(parts[0] + parts[1])

    def grow():
        for part in parts[2:]:
            time.sleep(0.02)
            with path.open("ab") as file:
                file.write(part)

    thread = threading.Thread(target=grow)
    thread.start()
    found = pieces_judged(path, keys, wait=1.0)
    thread.join()
    assert (found.exit_code, found.whole) == (0, len(parts) - 1)


def test_playlists_are_read_as_they_are_written(tmp_path, parts):
    said = listing.read(listed(tmp_path / "hls", parts))
    assert said.ended
    assert [head for head, _ in said.files] == [FIRST] * (len(parts) - 1)
    assert not listing.read(listed(tmp_path / "other", parts, ended=False)).ended

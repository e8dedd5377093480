"""Judges a live stream segment after segment: who signs it, and where that breaks (C2PA 2.4, sections 19.7.1, 19.7.3).

What is found is told in `Event`s. A segment is whole when the session key of the stream's own manifest signed its
number and its bytes, while that key was valid. Between segments, numbers count by one: what is missing was lost or cut
out, which nobody can tell apart, and is told as missing; what follows is whole again. To begin in the middle of a
stream is nobody's deed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from media.words import plain, quoted
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED
from provenance.read.findings import explained
from provenance.read.verdict import Credentials
from provenance.segments.cose import Signed
from provenance.segments.delivered import Delivered, delivered, store_of
from provenance.segments.info import SegmentInfo, digest, messages
from provenance.segments.parsing import Piece

What = Literal[
    "begins", "joined", "again", "ends",
    "missing", "repeated", "out_of_order", "foreign", "altered", "unsigned", "expired", "cut_off", "untrusted",
]  # fmt: skip
TOLD = frozenset(("begins", "joined", "again", "ends", "untrusted"))  # all others break the stream
ANEW = 60  # segments after which the signer's certificate is looked at again (section 19.7.3)
AHEAD = 60  # seconds by which clocks may be apart
CODES = {"sessionkey": "livevideo.sessionkey.invalid", "segment": "livevideo.segment.invalid"}
AT_MOST = 1000  # numbers of missing segments that are remembered


@dataclass(frozen=True)
class Event:
    """One finding."""

    what: What
    text: str  # one line
    segment: int | None = None  # number; of what bears none that can be believed, that of the last before it

    @property
    def breaks(self) -> bool:
        """Whether the stream is not whole."""
        return self.what not in TOLD


@dataclass(frozen=True)
class Judged:
    """What came of a stream."""

    verdict: Literal["known_maker", "nothing_found", "tampered"]
    exit_code: int
    summary: str
    credentials: Credentials | None  # of the first initialization segment
    first: int | None  # number of the first whole segment
    last: int | None
    whole: int  # segments
    broken: int  # findings that break it


class Watch:
    """One stream.

    Args:
        look: what an initialization segment's credentials say, and whether its signer is trusted.
        clock: tells the time, seconds since 1970.
    """

    def __init__(self, look: Callable[[bytes], Credentials], clock: Callable[[], float] = time.time) -> None:
        self._look, self._clock = look, clock
        self._head, self._credentials, self._keys = b"", Credentials(state="absent", trust="not_applicable"), _NONE
        self._store = b""  # the last that was valid
        self._before = False  # media came before any beginning
        self._last: int | None = None  # number of the last whole segment, of this head
        self._gone: set[int] = set()  # missing so far
        self._begun: Credentials | None = None
        self._spoken = self._held = False  # that it is not signed was said; the last segment was whole
        self._trust, self._unjudged = "", 0  # segments that are signed in a way that is not known here
        self.first: int | None = None
        self.whole = self.broken = 0

    @property
    def keyed(self) -> bool:
        """Whether there is a session key to judge segments by."""
        return bool(self._keys)

    def take(self, piece: Piece) -> Iterator[Event]:
        """The findings on what comes next."""
        for event in self._taken(piece):
            self.broken += event.breaks
            yield event

    def _taken(self, piece: Piece) -> Iterator[Event]:
        if piece.kind == "head":
            yield from self._take_head(piece.data)
        elif piece.tail is None or b"emsg" in piece.data:
            yield from self._take_segment(piece.data)
        else:
            yield from self._take_rest(piece.data + piece.tail)
            return
        if piece.tail:
            yield from self._take_rest(piece.tail)

    def judged(self) -> Judged:
        """What there is to say of all that came."""
        said, signer = self._begun, quoted(self._begun.signer) if self._begun else ""
        trusted = said is not None and said.state == "valid" and said.trust == "trusted"
        count = f"{self.whole} segment{'s' if self.whole != 1 else ''} whole"
        verdict: Literal["known_maker", "nothing_found", "tampered"] = "nothing_found"
        if said is None or said.state in ("absent", "unreadable"):
            summary = "nothing found: the stream bears no credentials" + (" that can be read" if said else "")
        elif said.state == "invalid":
            verdict, summary = "tampered", "tampered: the stream's credentials do not fit it"
        elif self.broken:
            places = f"{self.broken} place{'s' if self.broken != 1 else ''}"
            verdict, summary = "tampered", f"tampered: signed by {signer}, but not whole at {places}; {count}"
        elif not self.whole or self._unjudged:
            other = f"{self._unjudged} segments are signed in a way that is not known here"
            why = other if self._unjudged else "no segment is whole"
            summary = f"nothing to vouch for: signed by {signer}, but {why}"
        elif not trusted:
            summary = f"no known maker: {count}, signed by {signer}, {_doubt(said)}"
        else:
            verdict, summary = "known_maker", f"{count}, sent by {signer}, {self._from()}"
        code = {"known_maker": EXIT_KNOWN, "nothing_found": EXIT_NOTHING, "tampered": EXIT_TAMPERED}[verdict]
        return Judged(verdict, code, summary, said, self.first, self._last, self.whole, self.broken)

    def _from(self) -> str:
        return "from its beginning" if self.first == 1 else f"from segment {self.first} on"

    def _take_head(self, data: bytes) -> Iterator[Event]:
        """An initialization segment: the first, the same once more, or that of another stream."""
        if data == self._head:
            return
        said = self._look(data)
        store = store_of(data) if said.state == "valid" else b""
        keys = delivered(store, said.manifest) if store else _NONE
        other = said.manifest != self._credentials.manifest  # a name, which anybody may give to theirs
        other |= said.state == "valid" and store != self._store
        if self._begun is not None and other:
            whose = f"signed by {quoted(said.signer)}" if said.signer else "without credentials"
            yield Event("foreign", f"{self._after()}: another stream begins, {whose}", self._last)
        elif self._before and keys:
            text = "media came before the beginning of the stream; nobody vouches for them"
            yield Event("unsigned", text, self._last)
        if said.state != "valid" or other:
            self._last, self._gone = None, set()  # else numbers go on: the hash leaves a `ftyp` free to change
        self._head, self._credentials, self._keys, self._trust = data, said, keys, said.trust
        self._store, self._before = store or self._store, False
        self._begun = self._begun or said
        yield from self._introduced(said)

    def _introduced(self, said: Credentials) -> Iterator[Event]:
        if said.state == "valid" and self._keys:
            kind = f", {said.digital_source_type}" if said.digital_source_type else ""
            doubt = "trusted" if said.trust == "trusted" else _doubt(said)
            by = f" by {plain(said.generator, 64)}" if said.generator else ""
            made = f"made {said.made}{by}{kind}" if said.made else "of an unknown time"
            yield Event("begins", f"credentials begin: signed by {quoted(said.signer)} ({doubt}), {made}")
        elif said.state == "valid":
            yield Event("untrusted", "the stream's credentials deliver no session key; its segments are not judged")
        elif said.state == "invalid":
            yield Event("altered", f"the stream's credentials do not fit it: {explained(said.failures)}")
        elif not self._spoken:
            self._spoken = True
            yield Event("untrusted", "not signed: the stream begins without credentials")

    def _after(self) -> str:
        return "before any whole segment" if self._last is None else f"after segment {self._last}"

    def _take_segment(self, data: bytes) -> Iterator[Event]:
        if not self._keys:
            self._before |= self._begun is None
            if self._credentials.state == "absent" and not self._spoken:
                self._spoken = True
                yield Event("untrusted", "not signed: media come before anything that says who sends them")
            return
        found = self._judge(data)
        if isinstance(found, Event):
            self._held, self._unjudged = False, self._unjudged + (found.what == "untrusted")
            yield found
            return
        number = found
        order = list(self._ordered(number))
        yield from order
        if not self._held and self.whole and not order:
            yield Event("again", f"segment {number}: whole again", number)
        self._held = True
        if any(event.what == "repeated" for event in order):
            return
        self.whole += 1
        self.first = number if self.first is None else self.first
        self._last = max(number, self._last or 0)
        if self.whole % ANEW == 0:
            yield from self._anew()

    def _judge(self, data: bytes) -> int | Event:
        """The number of a whole segment, else what is wrong with it."""
        where = self._after()
        try:
            held = messages(data)
            signed = Signed.read(held[0]) if len(held) == 1 else None
        except ValueError:
            return Event("altered", f"{where}: a segment whose signature is damaged", self._last)
        if signed is None:
            if held:
                return Event("altered", f"{where}: a segment with {len(held)} signatures", self._last)
            return Event("unsigned", f"{where}: a segment that is not signed", self._last)
        key = self._keys.get(signed.kid)
        if key is None:
            return Event("foreign", f"{where}: a segment of another stream", self._last)
        if not signed.by(key.key):
            return Event("altered", f"{where}: a segment whose signature does not hold", self._last)
        try:
            info = SegmentInfo.read(signed.payload)
        except ValueError:
            return Event("untrusted", f"{where}: a segment signed in a way that is not known here", self._last)
        if info.manifest != self._credentials.manifest:
            return Event("foreign", f"{where}: a segment of another stream", self._last)
        if digest(data) != info.digest:
            self._last = max(info.number, self._last or 0)
            return Event("altered", f"segment {info.number}: its bytes were altered after it was signed", info.number)
        return self._in_time(key, signed, info)

    def _in_time(self, key: Delivered, signed: Signed, info: SegmentInfo) -> int | Event:
        """The number, where the key was valid."""
        now = self._clock()
        at = now if signed.iat is None else signed.iat
        odd = not key.created <= at <= key.ends or at > now + AHEAD or info.number < key.least
        self._last = max(info.number, self._last or 0) if odd else self._last
        if not key.created <= at <= key.ends or at > now + AHEAD:
            return Event("expired", f"segment {info.number}: signed when its session key was not valid", info.number)
        if info.number < key.least:
            return Event("expired", f"segment {info.number}: before the first that its session key signs", info.number)
        return info.number

    def _ordered(self, number: int) -> Iterator[Event]:
        """What is odd about the place of a whole segment."""
        last = self._last
        if last is None:
            if self.first is None and number > 1:
                yield Event("joined", f"joined at segment {number}: what was before is not judged", number)
        elif number in self._gone:
            self._gone.discard(number)
            yield Event("out_of_order", f"segment {number}: comes after segment {last}, out of order", number)
        elif number <= last:
            yield Event("repeated", f"segment {number}: comes again, or late, after segment {last}", number)
        elif number > last + 1:
            self._gone |= set(range(max(last + 1, number - AT_MOST), number))
            which = f"segment {last + 1} is" if number == last + 2 else f"segments {last + 1} to {number - 1} are"
            yield Event("missing", f"{which} missing, lost or cut out; segment {number} is whole", number)

    def _anew(self) -> Iterator[Event]:
        """Of a long stream: whether its signer is trusted still."""
        said = self._look(self._head)
        if said.trust != self._trust:
            self._trust, self._begun = said.trust, said
            yield Event("untrusted", f"{self._after()}: the signer is {_doubt(said)}", self._last)

    def _take_rest(self, data: bytes) -> Iterator[Event]:
        if self._keys:
            text = f"{self._after()}: the stream is cut off within a segment; nobody vouches for its {len(data)} bytes"
            yield Event("cut_off", text, self._last)


_NONE: Mapping[bytes, Delivered] = {}


def _doubt(said: Credentials) -> str:
    """Why its signer does not make a stream known."""
    gone = {"revoked": f"revoked {said.revoked}", "expired": f"expired {said.expired}"}.get(said.trust)
    return f"whose certificate was {gone}" if gone else "trusted" if said.trust == "trusted" else "not trusted"

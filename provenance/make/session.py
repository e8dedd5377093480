"""Signs a live stream as it goes: a manifest in its initialization segment, a signature by the session key behind each
segment. What is sent waits for nothing: frames go out as they come, and the signature over a second follows it."""

import datetime as dt
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media.errors import SigningError
from media.fragments import box
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from provenance.make.outlets import Outlet
from provenance.segments.cbor import Tag
from provenance.segments.cose import SessionKey
from provenance.segments.delivered import ASSERTION
from provenance.segments.info import Digest, SegmentInfo, events
from provenance.segments.parsing import boxes
from provenance.segments.store import UNSIGNED, carrier, chain_of, new_label, signed_store
from provenance.trust.certificates import load_certificates
from provenance.trust.signers import Signer, ready

VALID = 24 * 3600  # seconds that a session key is valid at most
STYP = box(b"styp", b"msdh", bytes(4), b"msdh", b"msix", b"iso6")  # a segment by itself (ISO/IEC 14496-12, 8.16.2)


class Session:
    """One stream.

    Args:
        definition: of `permits.claims.definition`: what the manifest says.
        signer: of the maker; used once.
        valid: seconds that the session key is valid.
        clock: tells the time, seconds since 1970.

    Raises:
        SigningError: the certificate has expired.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        signer: Signer,
        *,
        valid: int = VALID,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._definition, self._signer, self._clock = definition, ready(signer), clock
        self.manifest = new_label()
        self._key = SessionKey(Ed25519PrivateKey.generate(), secrets.token_bytes(16))
        self._created = int(clock())
        leaf = load_certificates(self._signer.chain_pem, "certificate chain")[0]
        self._ends = min(self._created + valid, int(leaf.not_valid_after_utc.timestamp()))
        if self._ends <= self._created:
            raise SigningError("the signing certificate has expired; `vasari keys rotate` makes another")
        self._number, self._digest = 1, Digest()

    def head(self, data: bytes) -> bytes:
        """The initialization segment (`ftyp`, `moov`) with its manifest behind `ftyp`.

        Raises:
            SigningError: the key could not be used.
        """
        first, *rest = boxes(data)
        chain, more = self._signer.chain_pem, {ASSERTION: {"keys": [self._said()]}}

        def store(digest: bytes, sign: Callable[[bytes], bytes]) -> bytes:
            return carrier(signed_store(self.manifest, self._definition, more, digest, chain, sign))

        hashed, place = Digest(), len(first.data) + len(store(bytes(32), UNSIGNED))
        hashed.skip(place)
        hashed.add(b"".join(item.data for item in rest))
        return first.data + store(hashed.value(), self._signer.sign) + b"".join(item.data for item in rest)

    def _said(self) -> dict[str, Any]:
        """The public half, and the private one's signature over the signer's certificate (section 18.25). The payload
        is in it: released validators want it there."""
        created = dt.datetime.fromtimestamp(self._created, dt.UTC)
        return {
            "key": self._key.public(),
            "minSequenceNumber": 1,
            "createdAt": Tag(0, created.isoformat().replace("+00:00", "Z")),
            "validityPeriod": self._ends - self._created,
            "signerBinding": Tag(18, self._key.binding(chain_of(self._signer.chain_pem)[0])),
        }

    def add(self, data: bytes) -> None:
        """Whole boxes of the segment that is open."""
        self._digest.add(data)

    def close(self, duration: int) -> bytes:
        """The boxes that end the segment, of so many samples at 16 kHz.

        Raises:
            SigningError: the session key has expired.
        """
        now = int(self._clock())
        if now > self._ends:
            raise SigningError(
                f"the key of the live credentials expired after {(self._ends - self._created) / 3600:.3g} h, so the "
                "stream was stopped; begin another"
            )
        info = SegmentInfo(self._number, self._digest.value(), self.manifest)
        made = events(self._key.sign(info.encoded(), iat=now), self._number, SAMPLE_RATE, duration)
        self._number, self._digest = self._number + 1, Digest()
        return made


class Segmented:
    """An outlet that is given heads and fragments, and sends segments with credentials.

    Args:
        begin: makes the session, when the first thing is sent.
        known: takes the session and its initialization segment before it is sent.
    """

    def __init__(
        self, to: Outlet, begin: Callable[[], Session], known: Callable[[Session, bytes], None] = lambda *_: None
    ) -> None:
        self._to, self._begin, self._known = to, begin, known
        self._session: Session | None = None
        self._frames, self._open = 0, False

    def give(self, data: bytes, kind: str) -> None:
        """What `media.encode.LiveEncoder` gives. Raises `SigningError` and what `Outlet.write` raises."""
        if self._session is None:
            self._session = self._begin()
            head = self._session.head(data)
            self._known(self._session, head)
            self._to.write(head)
            self._to.cut(0.0)
            return
        if self._frames and kind == "key":
            self.close()
        if not self._open:
            self._open = True
            self._session.add(STYP)
            self._to.write(STYP)
        self._session.add(data)
        self._to.write(data)
        self._frames += kind != "sound"
        if self._frames >= FPS:
            self.close()

    def close(self) -> None:
        """End the segment that is open: what was sent of it bears a signature then. Raises as `give`."""
        if not self._open or self._session is None:
            return
        frames, self._frames, self._open = self._frames, 0, False
        self._to.write(self._session.close(frames * SAMPLES_PER_FRAME))
        self._to.cut(frames / FPS)

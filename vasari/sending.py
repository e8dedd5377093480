"""Frames sent to an engine while its head speaks: to one address, over UDP, at the pace at which they are seen.

Nothing is received: who does not listen, or loses a datagram, is not known here and holds nobody up.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from types import TracebackType

import numpy as np

from generate.curves import NAMES
from generate.vmc import datagrams
from media.errors import OutputError, UsageError

PAUSE = 1.0  # seconds
WON_BACK = 0.25  # of the time between two rows


class Clock:
    """Tells the time and waits; another one stands in for it in tests."""

    def now(self) -> float:
        """Seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so long."""
        time.sleep(seconds)


def read_address(text: str) -> tuple[str, int]:
    """ "HOST:PORT" or "[IPV6]:PORT" -> host and port.

    Raises:
        UsageError: it is not that.
    """
    host, _, number = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    good = number.isascii() and number.isdigit() and 0 < int(number[:6]) < 1 << 16
    if not good or not bare or (":" in bare and bare == host):
        raise UsageError(f"--osc {text}: write HOST:PORT, for example 127.0.0.1:39539")
    return bare, int(number)


class Sender:
    """Sends frames to one address until it is closed; use it with `with`.

    Args:
        address: "HOST:PORT". A name is looked up once, here.

    Raises:
        UsageError: this is no address, or nobody knows the name.
    """

    def __init__(self, address: str) -> None:
        host, port = read_address(address)
        try:
            family, _, _, _, to = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "no name of a machine"
            raise UsageError(f"--osc {address}: {host} is not found ({reason})") from error
        self.address, self._to = address, to
        self._socket = socket.socket(family, socket.SOCK_DGRAM)

    def send(self, row: np.ndarray, seconds: float) -> None:
        """Send a frame (61,) in the order of `generate.curves.NAMES`, of the speech's second `seconds`.

        Raises:
            OutputError: there is no way to the address.
        """
        try:
            for data in datagrams(row, seconds):
                self._socket.sendto(data, self._to)
        except OSError as error:
            raise OutputError(f"--osc {self.address}: cannot send there ({error.strerror or error})") from error

    def rest(self, seconds: float) -> None:
        """Send a face at rest, for who breaks off with the mouth open."""
        self.send(np.zeros(len(NAMES)), seconds)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()


def paced(rows: Iterable[np.ndarray], rate: int, clock: Clock, *, follow: bool = False) -> Iterator[np.ndarray]:
    """Rows when they are due, `rate` a second from the first one on.

    Args:
        rows: (61,) each.
        clock: by which they are due.
        follow: the rows come in real time, too: where one comes late, those after it are due later by as much, and
            what was lost is won back little by little as soon as rows wait; more than `PAUSE` seconds were a pause.
            Without it they are due when they were, so that they stay with a sound that plays elsewhere.
    """
    start, lost = clock.now(), 0.0
    for number, row in enumerate(rows):
        now = clock.now()
        start = start if number else now
        late = now - (start + number / rate)
        if late < 0:
            won = min(lost, WON_BACK / rate, -late)
            start, lost = start - won, lost - won
            clock.sleep(-late - won)
        elif follow:
            start += late
            lost = lost + late if late < PAUSE else 0.0
        yield row

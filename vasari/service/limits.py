"""Who asks, how often they may, and how much at once; in bounded memory."""

import collections
import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Sequence

MOST_CLIENTS = 10_000  # that are remembered; the one longest silent is forgotten first


def client_of(peer: str, forwarded: str, proxies: Sequence[str]) -> str:
    """Who asks: the other end of the connection. Only where that is a proxy of ours, whom it says that it asks for:
    anybody can write that header.

    Args:
        peer: address of the other end.
        forwarded: X-Forwarded-For, "" where there is none; each proxy adds whom it heard from at the end.
        proxies: addresses or networks that are believed.

    Returns: an address; of IPv6 the network of 64 bits, since whoever has one address there has all of them.
    """
    chain = [part.strip() for part in forwarded.split(",") if part.strip()]
    while chain and _among(peer, proxies):
        peer = chain.pop()
    known = _address(peer)
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(known), 64), strict=False))
    return str(known or peer)[:64]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for what is none. A socket of both versions writes addresses of the fourth as ones of the sixth."""
    try:
        known = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(known, "ipv4_mapped", None) or known


def _among(address: str, networks: Sequence[str]) -> bool:
    known = _address(address)
    return known is not None and any(known in ipaddress.ip_network(network, strict=False) for network in networks)


class Arriving:
    """Bodies that arrive at the same time: so many in all, so many from one client.

    Args:
        most, each: as said.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._clients: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def one_more(self, client: str) -> Iterator[bool]:
        """Whether there is room for one of this client, which is kept meanwhile."""
        room = self._clients.total() < self._most and self._clients[client] < self._each
        self._clients[client] += room
        try:
            yield room
        finally:
            self._clients[client] -= room
            if not self._clients[client]:
                del self._clients[client]


class RateLimit:
    """A token bucket for each client: a burst of `a_minute / 4`, then `a_minute` evenly.

    Args:
        a_minute: how many requests a minute.
        clock: seconds, monotonic.
    """

    def __init__(self, a_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = a_minute / 60
        self._burst = max(1.0, a_minute / 4)
        self._clock = clock
        self._buckets: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Take one request from a client's bucket. Returns 0.0, or how many seconds it has to wait instead."""
        with self._lock:
            now = self._clock()
            level, since = self._buckets.pop(client, (self._burst, now))
            level = min(self._burst, level + (now - since) * self._rate)
            short = 0.0 if level >= 1 else (1 - level) / self._rate
            self._buckets[client] = (level if short else level - 1, now)
            if len(self._buckets) > MOST_CLIENTS:
                self._buckets.popitem(last=False)
            return short

"""How often somebody may ask, in bounded memory."""

import collections
import threading
import time
from collections.abc import Callable

MOST_CLIENTS = 10_000  # that are remembered; the one longest silent is forgotten first


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

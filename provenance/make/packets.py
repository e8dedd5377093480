"""An outlet for transports that take H.264 as it is coded and code sound themselves (WebRTC).

    save_live("call.mp4", performance, Packets(take))       take(packet, sound), 25 times a second

A second coder would cost the picture mark some of its strength, and a machine its time. So pictures are handed out as
`save_live` coded, kept and put before the reader of marks: the receiver decodes what the record holds. As with
`Uncoded`, credentials cannot travel along.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from media.fragments import parameter_sets, sample_of, with_start_codes
from provenance.make.uncoded import Uncoded

PICTURES = 1  # track of the stream that is sent


class Packets(Uncoded):
    """Hands out coded pictures with their sound, in the order in which they play.

    Args:
        take: as of `Uncoded`, but that it is given, in place of a frame, its packet: bytes of H.264 behind start codes
            (Annex B), High profile, 4:2:0, none shown out of order, at least one a second that needs none before it and
            comes with its parameter sets.
        name: for errors.
    """

    def __init__(self, take: Callable[[bytes, np.ndarray], object], name: str = "live output") -> None:
        super().__init__(take, name)  # type: ignore[arg-type]
        self._sets, self._packets = b"", deque[bytes]()

    def write(self, data: bytes) -> None:
        """Whole boxes, as `Outlet.write`."""
        super().write(data)
        sample = sample_of(data)
        if sample is None:
            self._sets = self._sets or parameter_sets(data)
        elif sample.track == PICTURES:
            self._packets.append((self._sets if sample.sync else b"") + with_start_codes(sample.data))

    def _form(self, _: np.ndarray) -> Any:
        return self._packets.popleft()  # its fragment was sent just before

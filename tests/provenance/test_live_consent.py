"""What is sent live stops where it may not be shown any more."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from making import voice
from permits import granted

from media import SAMPLES_PER_FRAME
from media.errors import ConsentError
from provenance import Generated, Keys, Permit, Uncoded, save_live
from provenance.make import live

pytest_plugins = ["maker_fixtures"]
FRAMES, GONE = 200, 30


@pytest.mark.parametrize("how", ["expired", "revoked", "exchanged"])
def test_a_stream_stops_where_consent_holds_no_more(
    somebody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (tmp_path / "out").mkdir()
    keys = Keys.open(tmp_path / "keys")
    allowed = Permit.of(somebody, keys=keys, consent=granted(somebody, tmp_path, keys))
    frame = cv2.resize(allowed.picture, (256, 256), interpolation=cv2.INTER_AREA)
    given: list[int] = []

    class Later(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return super().now(tz) + dt.timedelta(days=3)

    def end() -> None:
        if how == "expired":
            monkeypatch.setattr("provenance.trust.consent.dt.datetime", Later)
        elif how == "revoked":
            keys.revoke()
        else:
            somebody.write_bytes(somebody.read_bytes() + b"x")

    def moments() -> Iterator[SimpleNamespace]:
        for number, sound in enumerate(voice(FRAMES / 25).reshape(-1, SAMPLES_PER_FRAME)):
            if number == GONE:
                end()
            yield SimpleNamespace(frame=frame, sound=sound.astype(np.float32))
            given.append(number)

    monkeypatch.setattr(live, "AGAIN", 0.0)
    with pytest.raises(ConsentError, match=f"{how}|changed"):
        save_live(
            tmp_path / "out" / "a.mp4", allowed.perform(Generated, moments(), command="test"), Uncoded(lambda *_: None)
        )
    assert len(given) == GONE
    assert not any((tmp_path / "out").iterdir())

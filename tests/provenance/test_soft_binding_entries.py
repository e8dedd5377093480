"""The entries for the public list of soft bindings are what manifests bear, in the form that the list asks for."""

import base64
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from provenance.marks.identity import mark_hex, sound_mark_hex
from provenance.permits.claims import PICTURE_ALGORITHM, SOUND_ALGORITHM

PAGE = Path(__file__).resolve().parents[2] / "docs" / "soft-bindings.md"
KINDS = {"application", "audio", "image", "model", "text", "video"}


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0])
    return found


def test_both_marks_are_entered_under_the_names_that_manifests_bear() -> None:
    assert [entry["alg"] for entry in entries()] == [PICTURE_ALGORITHM, SOUND_ALGORITHM]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry["alg"]))
def test_an_entry_has_the_form_of_the_list(entry: dict[str, Any]) -> None:
    assert set(entry) >= {"identifier", "alg", "type", "entryMetadata", "decodedMediaTypes"}
    assert isinstance(entry["identifier"], int)
    assert re.fullmatch(r"[a-zA-Z0-9]+\.[a-zA-Z0-9.]+", entry["alg"])
    assert entry["type"] == "watermark"
    assert set(entry["decodedMediaTypes"]) <= KINDS
    told = entry["entryMetadata"]
    assert set(told) == {"description", "dateEntered", "contact", "informationalUrl"}
    assert dt.datetime.fromisoformat(told["dateEntered"]).tzinfo is not None
    assert "@" in told["contact"]
    assert told["informationalUrl"].startswith("https://")


def test_the_example_asks_for_a_message() -> None:
    page = PAGE.read_text("utf-8")
    value = re.search(r"value=([A-Za-z0-9+/=]+)", page)
    assert value is not None
    digits = base64.b64decode(value[1]).decode()
    assert mark_hex(int(digits, 16)) == digits
    assert len(sound_mark_hex(int(digits, 16))) == 6

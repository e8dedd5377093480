"""The table of verdicts, every row of it."""

import pytest

from provenance.judgement import judge
from provenance.registry import Entry, Registry
from provenance.verdict import Credentials, Mark

KEY = "5" * 16
MARK, OTHER = "00000000000a1b2c", "0000000000ffffff"


def credentials(state="valid", trust="trusted", bound=True):
    if state == "absent":
        return Credentials(state="absent", trust="not_applicable")
    binding = {"soft_binding": MARK, "sound_binding": MARK[-6:], "binding_key": KEY} if bound else {}
    return Credentials(state=state, trust=trust, signer="Somebody", **binding)


def found(message):
    return Mark(state="found", message=message, p_value=1e-9)


NONE, NOTICED, SILENT, UNSEEN = (Mark(state=s) for s in ("absent", "noticed", "no_carrier", "not_checked"))
P, S = found(MARK), found(MARK[-6:])


@pytest.mark.parametrize(
    ("signed", "picture", "sound", "exit_code", "agreement"),
    [
        (credentials(), P, S, 0, "agree"),
        (credentials(), P, SILENT, 0, "agree"),
        (credentials(), P, NONE, 0, "agree"),  # too short to read; the signature covers it
        (credentials(), NOTICED, S, 0, "agree"),
        (credentials(), UNSEEN, UNSEEN, 0, "not_applicable"),
        (credentials(bound=False), NONE, NONE, 0, "not_applicable"),  # another trusted maker
        (credentials(), NONE, S, 0, "agree"),  # a picture that could not hold its mark; the signature covers it
        (credentials(), NONE, NONE, 0, "not_applicable"),
        (credentials(), found(OTHER), S, 4, "contradict"),
        (credentials(), P, found("ffffff"), 4, "contradict"),
        (credentials(trust="untrusted", bound=False), NONE, NONE, 3, "not_applicable"),
        (credentials(trust="untrusted", bound=False), P, S, 4, "agree"),
        (credentials(state="invalid", trust="untrusted"), P, S, 4, "agree"),
        (credentials(state="invalid", trust="untrusted"), NONE, NONE, 4, "contradict"),
        (credentials("absent"), P, S, 4, "agree"),
        (credentials("absent"), NOTICED, NONE, 4, "not_applicable"),
        (credentials("absent"), P, found("ffffff"), 4, "contradict"),
        (credentials("absent"), NONE, S, 4, "contradict"),
        (credentials("absent"), SILENT, S, 4, "not_applicable"),  # a sound file alone
        (credentials("absent"), NONE, NONE, 3, "not_applicable"),
        (credentials("absent"), UNSEEN, UNSEEN, 3, "not_applicable"),
    ],
)
def test_verdict(signed, picture, sound, exit_code, agreement):
    key = "" if picture.state == "not_checked" else KEY
    judged = judge(signed, picture, sound, key=key, registry=None)
    assert (judged["exit_code"], judged["agreement"]) == (exit_code, agreement)
    assert judged["reasons"]
    assert "\n" not in judged["summary"]


def test_another_makers_binding_is_not_held_against_this_key():
    assert judge(credentials(), NONE, NONE, key="6" * 16, registry=None)["exit_code"] == 0


def test_sound_that_was_replaced_by_unmarked_sound(tmp_path):
    registry = Registry(tmp_path / "r.sqlite")
    registry.add(Entry(MARK, MARK[-6:], "urn:c2pa:x", "1", "2", "2026-01-01", "video", "generate", "3", 0))
    judged = judge(credentials("absent"), P, NONE, key=KEY, registry=registry)
    assert judged["agreement"] == "contradict"
    assert any("sound was exchanged" in reason for reason in judged["reasons"])
    assert judged["origin"].manifest == "urn:c2pa:x"

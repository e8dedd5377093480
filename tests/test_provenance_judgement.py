"""The table of verdicts, every row of it."""

import pytest

from provenance.judgement import judge, lookup
from provenance.registry import Entry, Registry
from provenance.verdict import Credentials, Mark, Recovered

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
    judged = judge(signed, picture, sound, keys=[] if picture.state == "not_checked" else [KEY])
    assert (judged["exit_code"], judged["agreement"]) == (exit_code, agreement)
    assert judged["reasons"]
    assert "\n" not in judged["summary"]


def test_another_makers_binding_is_not_held_against_this_key():
    assert judge(credentials(), NONE, NONE, keys=["6" * 16])["exit_code"] == 0


ENTRY = Entry(MARK, MARK[-6:], "urn:c2pa:x", "1", "2", "2026-01-01", "video", "generate", "3", 0)


def test_the_registry_is_asked_for_what_marks_name(tmp_path):
    registry = Registry(tmp_path / "r.sqlite")
    registry.add(ENTRY)
    assert lookup(P, NONE, registry) == lookup(NONE, S, registry) == ENTRY
    assert lookup(NONE, NONE, registry) is lookup(P, S, None) is lookup(found(OTHER), NONE, registry) is None


@pytest.mark.parametrize(
    ("manifest", "trust", "pictures", "sound", "agreement", "words"),
    [
        ("valid", "trusted", "same", "same", "agree", "recovered: made by 'Maker'"),
        ("valid", "trusted", "unsure", "not_compared", "agree", "recovered: made by 'Maker'"),
        ("valid", "untrusted", "same", "same", "agree", "credentials were removed; the mark"),
        ("invalid", "untrusted", "same", "same", "agree", "credentials were removed; the mark"),
        ("absent", "not_applicable", "not_compared", "not_compared", "agree", "credentials were removed; the mark"),
        ("valid", "trusted", "other", "same", "contradict", "credentials were removed; the mark"),
        ("valid", "trusted", "same", "other", "contradict", "credentials were removed; the mark"),
    ],
)
def test_what_was_recovered_is_told_and_never_0(manifest, trust, pictures, sound, agreement, words):
    recovered = Recovered(
        manifest=manifest, trust=trust, signer="Maker", made="2026", pictures=pictures, sound=sound, similarity=0.9
    )
    judged = judge(credentials("absent"), P, S, keys=["6" * 16, KEY], entry=ENTRY, recovered=recovered)
    assert (judged["exit_code"], judged["agreement"]) == (4, agreement)
    assert judged["summary"].startswith(words)
    assert judged["origin"].recovered == recovered


def test_sound_that_was_replaced_by_unmarked_sound():
    judged = judge(credentials("absent"), P, NONE, keys=["6" * 16, KEY], entry=ENTRY)
    assert judged["agreement"] == "contradict"
    assert any("sound was exchanged" in reason for reason in judged["reasons"])
    assert judged["origin"].manifest == "urn:c2pa:x"

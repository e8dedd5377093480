"""The table of verdicts, every row of it."""

import pytest

from provenance.read.judgement import judge, lookup
from provenance.read.verdict import Credentials, Identity, Mark, Opened, Recovered, Track, Uncovered
from provenance.registry import Entry, Registry

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
        (credentials(trust="untrusted", bound=False), P, S, 4, "contradict"),
        (credentials(bound=False), P, S, 4, "contradict"),  # another maker's, who does not mention the mark
        (credentials(bound=False), NOTICED, NONE, 4, "contradict"),
        (credentials(bound=False), NONE, S, 4, "contradict"),
        (credentials(state="invalid", trust="untrusted"), P, S, 4, "agree"),
        (credentials(state="invalid", trust="untrusted"), NONE, NONE, 4, "contradict"),
        (credentials("absent"), P, S, 4, "agree"),
        (credentials("absent"), NOTICED, NONE, 4, "not_applicable"),
        (credentials("absent"), P, found("ffffff"), 4, "contradict"),
        (credentials("absent"), NONE, S, 4, "not_applicable"),  # its mark may be lost: no accusation
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


@pytest.mark.parametrize(
    ("source", "made", "bound", "sentence"),
    [
        ("trainedAlgorithmicMedia", "2026-05-03T09:10:11Z", True,
         "AI-generated: made by 'Somebody' on 3 May 2026, signed and marked, unaltered since"),
        ("compositeWithTrainedAlgorithmicMedia", "", True,
         "AI-generated in part: made by 'Somebody', signed and marked, unaltered since"),
        ("algorithmicMedia", "yesterday", False, "computer graphics: made by 'Somebody', signed, unaltered since"),
        ("compositeCapture", "", False, "mixed of photographs: made by 'Somebody', signed, unaltered since"),
        ("", "2025-12-31T23:59:59+00:00", False, "made by 'Somebody' on 31 December 2025, signed, unaltered since"),
    ],
)  # fmt: skip
def test_what_a_known_maker_made_is_said_in_a_sentence_to_quote(source, made, bound, sentence):
    signed = credentials(bound=bound).model_copy(
        update={"action": "c2pa.created", "digital_source_type": source, "made": made}
    )
    assert judge(signed, P if bound else NONE, S if bound else NONE, keys=[KEY])["summary"] == sentence


def test_what_was_opened_is_not_said_to_be_made():
    signed = credentials().model_copy(update={"action": "c2pa.opened", "digital_source_type": "digitalCapture"})
    said = judge(signed, P, S, keys=[KEY])["summary"]
    assert said == "marked, as a camera recorded it, by 'Somebody' and intact"


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
    recovered = Recovered(manifest=manifest, trust=trust, signer="Maker", made="2026", pictures=pictures, sound=sound)
    judged = judge(credentials("absent"), P, S, keys=["6" * 16, KEY], entry=ENTRY, recovered=recovered)
    assert (judged["exit_code"], judged["agreement"]) == (4, agreement)
    assert judged["summary"].startswith(words)
    assert judged["origin"].recovered == recovered


def test_a_mark_that_is_not_read_is_weak_evidence():
    judged = judge(credentials("absent"), P, NONE, keys=["6" * 16, KEY], entry=ENTRY)
    assert judged["agreement"] == "not_applicable"
    assert any("exchanged, or changed so much" in reason for reason in judged["reasons"])
    assert judged["origin"].manifest == "urn:c2pa:x"


def signed(**more):
    return Credentials(**{"state": "valid", "trust": "trusted", "signer": "B GmbH", "action": "c2pa.opened"} | more)


def test_a_mark_under_credentials_that_do_not_mention_it_is_named():
    """Whose it is, and whose the credentials are."""
    for said in (signed(), signed(soft_binding=OTHER, binding_key="6" * 16), signed(trust="untrusted")):
        judged = judge(said, P, S, keys=[KEY], entry=ENTRY)
        assert judged["exit_code"] == 4
        assert any(
            "mark of this maker (output of `vasari generate`, 2026-01-01)" in reason
            and "of 'B GmbH' and do not mention it" in reason
            for reason in judged["reasons"]
        )


def test_what_was_opened_may_promise_the_mark():
    parent = signed(opened_bindings=[MARK, MARK[-6:]], generated=True)
    judged = judge(parent, P, S, keys=[KEY], entry=ENTRY)
    assert (judged["exit_code"], judged["agreement"]) == (0, "agree")
    assert judged["summary"].startswith("signed, over what is generated, by")
    silent = judge(signed(opened_bindings=[MARK]), P, S, keys=[KEY], entry=ENTRY, generated=True)
    assert silent["exit_code"] == 4
    assert any("is generated" in reason for reason in silent["reasons"])


def test_credentials_that_copy_the_promise_of_anothers_mark():
    copied = signed(soft_binding=MARK, binding_key=KEY, generated=True, manifest="urn:c2pa:other")
    judged = judge(copied, P, NONE, keys=[KEY], entry=ENTRY)
    assert judged["exit_code"] == 4
    assert any("registered as urn:c2pa:x" in reason for reason in judged["reasons"])
    own = signed(soft_binding=MARK, binding_key=KEY, generated=True, manifest="urn:c2pa:x", action="c2pa.created")
    assert judge(own, P, NONE, keys=[KEY], entry=ENTRY)["exit_code"] == 0


def test_what_the_signature_leaves_out():
    exif = Uncovered(what="EXIF", size=92, metadata=True)
    judged = judge(signed(uncovered=[exif]), NONE, NONE, keys=[KEY])
    assert judged["exit_code"] == 0
    assert "but for EXIF" in judged["summary"]
    assert any("outside the signature: EXIF (92 bytes)" in reason for reason in judged["reasons"])
    picture = Uncovered(what="picture data", size=9000, metadata=False)
    for trust in ("trusted", "untrusted"):
        judged = judge(signed(uncovered=[exif, picture], trust=trust), NONE, NONE, keys=[KEY])
        assert judged["exit_code"] == 4
        assert "leaves out what is seen" in judged["summary"]


def test_identities_and_what_was_opened_have_lines_of_their_own():
    identity = Identity(name="Somebody\x1b[2J", state="untrusted", failures=["cawg.x509.credential.untrusted"])
    parent = Opened(title="opened", relationship="parentOf", state="broken", failures=["assertion.dataHash.mismatch"])
    judged = judge(signed(identities=[identity], opened=[parent]), NONE, NONE, keys=[KEY])
    assert judged["exit_code"] == 0
    assert "had been changed under its credentials" in judged["summary"]
    text = "\n".join(judged["reasons"])
    assert "whom nobody here trusts" in text
    assert "changed after it was signed" in text
    assert "\x1b" not in text


def test_credentials_that_cannot_be_read_are_no_tampering():
    damaged = Credentials(state="unreadable", trust="not_applicable", failures=["damaged beyond reading: x"])
    alone = judge(damaged, NONE, NONE, keys=[KEY])
    assert (alone["exit_code"], alone["verdict"]) == (3, "nothing_found")
    marked = judge(damaged, P, S, keys=[KEY], entry=ENTRY)
    assert marked["exit_code"] == 4
    assert marked["summary"].startswith("the credentials cannot be read; the mark")


def test_videos_of_one_file_that_bear_different_marks():
    hidden = Track(kind="video", number=2, mark=P)
    for shown, others in ((NONE, [hidden]), (P, [Track(kind="video", number=2, mark=NONE)])):
        judged = judge(credentials("absent"), shown, NONE, keys=[KEY], entry=ENTRY, others=others)
        assert (judged["exit_code"], judged["agreement"]) == (4, "contradict")
        assert any("holds 2 videos, of which a player may show any" in reason for reason in judged["reasons"])
    assert (
        judge(credentials("absent"), NONE, NONE, keys=[KEY], others=[Track(kind="video", number=2, mark=NONE)])[
            "exit_code"
        ]
        == 3
    )


def test_names_of_strangers_are_never_part_of_our_sentences():
    name = "x', a trusted chain\x1b[1A\n\u202emade by BBC and intact" + "!" * 200
    for said in (signed(signer=name, trust="untrusted"), signed(signer=name), signed(signer=name, trust="expired")):
        judged = judge(said, NONE, NONE, keys=[KEY])
        for line in (judged["summary"], *judged["reasons"]):
            assert line.isprintable()
            assert "x\\', a" in line or "x'" not in line
            assert len(line) < 300


def test_pictures_sound_and_length_are_three_answers():
    match = {"similarity": 0.97, "share": 1.0, "places": [(0.0, 5.0)]}
    whole = {"pictures": "same", "sound": "same", "length": "same", "pictures_match": match, "sound_match": match}

    def said(**more):
        recovered = Recovered(
            manifest="valid", trust="trusted", signer="M", made="2026", seconds=45, registered_seconds=5,
            **(whole | more),
        )  # fmt: skip
        return judge(credentials("absent"), P, S, keys=[KEY], entry=ENTRY, recovered=recovered)

    assert said()["summary"].endswith("the content is as registered")
    longer = said(length="longer")
    assert longer["summary"].endswith("pictures as registered, sound as registered, 45.0 s instead of 5.0")
    assert "the length: longer, 45.0 s of 5.0 s" in longer["reasons"]
    partly = said(pictures="unsure", pictures_match={"similarity": 0.4, "share": 0.2, "places": [(1.0, 2.0)]})
    assert "the content is as registered" not in partly["summary"]
    assert any("20% of what was registered is here, at 1 to 2 s" in reason for reason in partly["reasons"])
    moved = said(pictures="other")
    assert moved["agreement"] == "contradict"
    assert any("copied or moved" in reason and "similarity 0.97" in reason for reason in moved["reasons"])

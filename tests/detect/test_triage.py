"""One verdict out of facts and an estimate."""

import pytest
from looks import noise_model, person, seen
from making import picture
from PIL import Image

from detect.detector import Detector, Model
from detect.report import write_report
from detect.result import SAYS
from detect.triage import join, marks_stand_for, sentence, settled
from provenance import Keys, mark_file, verify
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_SYNTHETIC, EXIT_TAMPERED
from provenance.read.verdict import Credentials, Mark, Origin, Recovered, Verdict


@pytest.fixture
def model() -> Model:
    return noise_model()


def facts(verdict: str, *, source: str = "", mark: str = "absent") -> Verdict:
    codes = {"known_maker": EXIT_KNOWN, "nothing_found": EXIT_NOTHING, "tampered": EXIT_TAMPERED}
    state, trust = ("valid", "trusted") if source else ("absent", "not_applicable")
    return Verdict(
        file="a.mp4", kind="video", verdict=verdict, exit_code=codes[verdict], summary=verdict, reasons=["because"],
        credentials=Credentials(state=state, trust=trust, digital_source_type=source),
        picture_mark=Mark(state=mark), sound_mark=Mark(state="absent"), agreement="not_applicable",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "source", "mark", "logit", "code"),
    [
        ("known_maker", "trainedAlgorithmicMedia", "found", 60.0, EXIT_KNOWN),  # facts outrank the estimate
        ("nothing_found", "", "absent", 60.0, EXIT_SYNTHETIC),
        ("nothing_found", "", "absent", -60.0, EXIT_NOTHING),
        ("nothing_found", "", "absent", None, EXIT_NOTHING),
        ("tampered", "", "found", -60.0, EXIT_TAMPERED),
        ("known_maker", "digitalCapture", "absent", 60.0, EXIT_KNOWN),
        ("known_maker", "digitalCapture", "found", -60.0, EXIT_TAMPERED),  # a camera does not mark
    ],
)
def test_triage_puts_facts_first(model, verdict, source, mark, logit, code):
    detection = None if logit is None else Detector(model).judge("a.mp4", seen(person(logit)))
    joint = join(facts(verdict, source=source, mark=mark), detection)
    assert joint.exit_code == code
    assert bool(joint.contradictions) == (source == "digitalCapture" and mark == "found")
    assert joint.findings[0].startswith("fact:")
    assert any(line.startswith("estimate:") for line in joint.findings)


def test_credentials_of_a_camera_beside_a_synthetic_look_are_noted(model):
    detection = Detector(model).judge("a.mp4", seen(person(60.0)))
    joint = join(facts("known_maker", source="digitalCapture"), detection)
    assert any("look closer" in line for line in joint.findings)


@pytest.mark.parametrize("logit", [60.0, -60.0])
def test_where_facts_say_how_it_was_made_the_estimate_is_a_footnote(model, logit, tmp_path):
    """Neither contradicted nor confirmed by what it looks like, on the page neither green nor red."""
    told = facts("known_maker", source="trainedAlgorithmicMedia", mark="found")
    told = told.model_copy(update={"credentials": told.credentials.model_copy(update={"generated": True})})
    evidence = seen(person(logit))
    joint = join(told, Detector(model).judge("a.mp4", evidence))
    assert joint.settled
    assert joint.summary == "Known_maker."  # nothing of the detector in it
    assert [line for line in joint.findings if line.startswith("estimate")] == [joint.findings[-1]]
    assert joint.findings[-1].startswith("estimate: not needed, the credentials say how it was made")
    page = write_report(tmp_path, joint.detection, evidence, [joint.summary], settled=settled(told)).read_text()
    head, folded = page.split("<details>")
    assert joint.summary in head
    assert SAYS[joint.detection.verdict] not in head
    assert SAYS[joint.detection.verdict] in folded
    assert not any(f'class="{verdict}"' in page for verdict in SAYS)
    plain = write_report(tmp_path, joint.detection, evidence, [joint.summary], settled=settled(facts("tampered")))
    assert f'class="{joint.detection.verdict}"' in plain.read_text()


def origin(command: str) -> Origin:
    return Origin(manifest="urn:c2pa:1", made="", command=command, file_sha256="", portrait_sha256="", nobody=False)


OWN = {"state": "valid", "trust": "trusted", "soft_binding": "ab"}


@pytest.mark.parametrize(
    ("credentials", "command", "stands_for"),
    [
        ({}, "generate", "made"),
        ({}, "live", "made"),
        ({}, "mark", "others"),
        ({}, "", "unknown"),
        (OWN | {"action": "c2pa.created"}, "", "made"),
        (OWN | {"action": "c2pa.opened"}, "", "others"),
        (OWN | {"action": "c2pa.opened"}, "animate", "made"),  # signed again by ourselves: the registry knows
        (OWN | {"action": "c2pa.opened", "state": "invalid"}, "", "unknown"),
        (OWN | {"action": "c2pa.opened", "soft_binding": ""}, "", "unknown"),  # signed as it is, a mark below
    ],
)
def test_what_a_mark_stands_for_is_told_by_registry_and_credentials(credentials, command, stands_for):
    found = facts("known_maker", source="digitalCapture", mark="found")
    changed = found.credentials.model_copy(update={"action": ""} | credentials)
    found = found.model_copy(update={"credentials": changed, "origin": origin(command) if command else None})
    assert marks_stand_for(found) == stands_for
    joint = join(found, None)
    assert joint.exit_code == (EXIT_KNOWN if stands_for == "others" else EXIT_TAMPERED)
    says = {"made": "of what is made here", "others": "", "unknown": "nothing shows that it was laid over what others"}
    assert says[stands_for] in " ".join(joint.contradictions)
    assert len(joint.contradictions) == (stands_for != "others")


def recovered(pictures: str, *, generated: bool = True, command: str = "generate", manifest: str = "valid") -> Verdict:
    """Of a file without credentials, whose picture mark was read and whose output the registry has."""
    kept = Recovered(manifest=manifest, trust="trusted", signer="Maker", pictures=pictures, sound="not_compared")
    found = facts("tampered", mark="found").model_copy(update={"summary": "recovered: made by 'Maker'"})
    return found.model_copy(
        update={"origin": origin(command).model_copy(update={"recovered": kept, "generated": generated})}
    )


@pytest.mark.parametrize(
    ("found", "known", "words"),
    [
        (recovered("same"), True, "AI-generated, at least in part: made by 'Maker'."),
        (recovered("unsure"), False, "Recovered: made by 'Maker'; its marks are those of what is registered as AI-"),
        (recovered("same", manifest="invalid"), False, "Recovered: made by 'Maker'; its marks are those of"),
        (recovered("same", generated=False), False, "Recovered: made by 'Maker'."),
        (recovered("same", command="mark"), False, "Recovered: made by 'Maker'."),
        (recovered("same").model_copy(update={"agreement": "contradict"}), False, "Recovered: made by 'Maker'."),
    ],
)
def test_what_was_recovered_is_called_generated_where_registry_and_pictures_say_so(model, found, known, words):
    joint = join(found, Detector(model).judge("a.mp4", seen(person(-60.0))))
    assert (joint.settled, settled(found)) == (known, known)
    assert joint.summary.startswith(words)
    assert ("not needed" in joint.findings[-1]) == known


@pytest.mark.parametrize(
    ("logit", "words"),
    [
        (60.0, "No maker known; looks synthetic by detection alone, which is an estimate."),
        (-60.0, "No maker known; the detector found nothing, which does not prove a camera took it."),
        (None, "No maker known; there are no pictures to look at."),
    ],
)
def test_without_facts_the_sentence_calls_the_estimate_one(model, logit, words):
    detection = None if logit is None else Detector(model).judge("a.mp4", seen(person(logit)))
    assert sentence(facts("nothing_found"), detection) == words
    untrusted = facts("nothing_found", source="digitalCapture")
    assert sentence(untrusted, detection) == words.replace(
        "No maker known", "Nothing_found"
    )  # what credentials are there


def test_a_sound_mark_contradicts_a_camera_too():
    found = facts("known_maker", source="computationalCapture")
    found = found.model_copy(update={"sound_mark": Mark(state="noticed"), "origin": origin("generate")})
    assert join(found, None).summary.endswith(
        "(computationalCapture), but its sound bears the mark of what is made here."
    )


def test_who_marked_it_says_nothing_of_where_it_comes_from(model):
    found = facts("known_maker", source="digitalCapture")
    opened = Credentials(**OWN, action="c2pa.opened")
    joint = join(found.model_copy(update={"credentials": opened}), Detector(model).judge("a.mp4", seen(person(60.0))))
    assert joint.exit_code == EXIT_KNOWN
    assert "the estimate is of what others made" in joint.findings[-1]


def test_a_photograph_that_was_marked_contradicts_no_camera(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    Image.fromarray(picture(3, 512)).save(tmp_path / "taken.png")
    mark_file(tmp_path / "taken.png", tmp_path / "marked.png", keys=keys)
    signed = verify(tmp_path / "marked.png", keys=keys)
    assert marks_stand_for(signed) == "others"
    Image.open(tmp_path / "marked.png").convert("RGB").save(tmp_path / "bare.png")  # its credentials are gone
    bare = verify(tmp_path / "bare.png", keys=keys)
    assert bare.picture_mark.state == "found"
    camera = Credentials(state="valid", trust="trusted", digital_source_type="digitalCapture")
    assert not join(bare.model_copy(update={"credentials": camera}), None).contradictions

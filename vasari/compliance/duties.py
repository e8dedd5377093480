"""Duties of a provider, one table: docs/law.md shows it, and `vasari comply` says of each whether it is met.

Texts are Markdown (code, links from docs/). What `rests` is the provider's; `shown` are figures of `vasari bench`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Rests = Literal["software", "certificate", "stamps", "label", "continuous", "notice", "tests", "provider", "nobody"]
"""On what it rests whether a duty is met: vasari itself, whatever is chosen; a setting (`record.SETTLED`); what a
provider does outside of vasari; nobody yet."""
HEADS = ("duty", "where it stands", "what vasari does by default", "what remains the provider's")


@dataclass(frozen=True)
class Duty:
    """One of them."""

    name: str  # of the record; stays once it is published
    duty: str
    where: str  # the texts that demand it
    does: str  # vasari, by default
    remains: str  # the provider's
    rests: Rests
    shown: tuple[str, ...] = ()  # figures of `vasari bench`: missing a goal, the duty is not met


DUTIES = (
    Duty(
        "signed_and_marked", "signed metadata, and a mark nobody sees", "Art. 50(2); EU Code 1.1.1, 1.1.2",
        "every output: C2PA credentials, marks in picture and sound, read back before it is signed; no option leaves "
        "one out",
        "a certificate that others trust: development keys are trusted by nobody else", "certificate",
        ("integrity_passed", "second_validator_agrees", "tamper_caught_pct", "message_rate_clean", "message_rate_crf33",
         "message_rate_half", "message_rate_jpeg50", "mark_psnr_db", "mark_false_positives", "sound_false_positives"),
    ),
    Duty(
        "time_stamp", "a time stamp on the metadata", "EU Code 1.1.1",
        "every signature is stamped once an authority is configured (`vasari keys timestamp URL`); none is until then, "
        "and `keys show` and `verify` say so",
        "choose an authority", "stamps",
    ),
    Duty(
        "fingerprint_or_log", "a fingerprint or a log", "EU Code 1.1.3",
        "the registry: marks, manifest, perceptual hash of each output", "keep it, and its backups", "software",
        ("recovered_pct",),
    ),
    Duty(
        "inputs_kept", "credentials of inputs kept", "EU Code 1.2",
        "portrait and inputs are ingredients, with the credentials they came with", "give originals, not screenshots",
        "software", ("rubric_passed",),
    ),
    Duty(
        "latent_disclosure", "disclosure within the file: provider, system and version, time, unique identifier",
        "CA 22757.3(b); India (identifier, metadata that lasts)",
        "in the credentials; the marks lead back to them where they are gone",
        "the provider's name stands in the certificate, so it is the provider's to get", "certificate",
        ("rubric_passed", "recovered_pct"),
    ),
    Duty(
        "visible_label", "a visible label by choice: clear, for the medium, hard to remove", "CA 22757.3(a)",
        "`--label on` or `start` (files: off unless asked for; the credentials state which); it lies under the mark, "
        "and `verify` tells where it was covered or cut away",
        "offer the choice to users", "label", ("label_tamper_told_pct", "label_false_alarms"),
    ),
    Duty(
        "deep_fakes_disclosed", "deep fakes disclosed: an icon at the start and again",
        "Art. 50(4); EU Code section 2", "`--label start`: for 3 s, and again every 10 s",
        "who publishes has to switch it on, and to add words where letters AI do not say enough", "label",
        ("label_tamper_told_pct", "label_false_alarms"),
    ),
    Duty(
        "continuous_label", "a prominent, continuous label", "India", "`--label on`", "switch it on for India",
        "continuous", ("label_tamper_told_pct", "label_false_alarms"),
    ),
    Duty(
        "told_of_the_ai", "people are told that they talk to an AI", "Art. 50(1)",
        "live video bears the label all the time, without it only for a reason that the credentials state; each second "
        "that is sent is signed as made by AI",
        "say it in words, too, before the talk begins", "software",
        ("live_segments_valid_pct", "live_attacks_caught_pct", "live_first_credential_s"),
    ),
    Duty(
        "spoken_notice", "a spoken notice for sound alone", "EU Code section 2",
        "`--notice LANGUAGE` (`mark` of sound, `generate`, `animate`, films of the studio; off unless asked for) says "
        "it before the sound, marked and signed with it, and stated in the credentials; vasari makes no sound alone",
        "switch it on; whoever takes the sound out of a video without one", "notice",
    ),
    Duty(
        "terms", "terms that forbid stripping; access ends within 96 hours", "EU Code 1.2; CA 22757.3(c)",
        "[terms](../TERMS.md), named by their SHA-256 in the credentials of each output",
        "bind users and licensees to them; end access; keep the record", "provider",
    ),
    Duty(
        "public_detector",
        "a free public detector: by upload or address, with an API; uploads not kept; feedback taken",
        "EU Code 2; CA 22757.2",
        "`vasari verify`, `vasari detect` and `vasari desk` run anywhere, offline; `vasari serve` answers over HTTP "
        "which credentials belong to a clip, and keeps none of what is sent",
        "a public page and address, and a way to complain", "provider", ("attacks_right",),
    ),
    Duty(
        "marks_others_read", "marks that others can read", "EU Code, from 2 February 2027",
        "`vasari serve` speaks C2PA's Soft Binding Resolution; "
        "[why there is no public reading key](provenance.md#no-public-reading-key)",
        "the marks are secret-keyed and not on the public list of soft bindings", "nobody",
    ),
    Duty(
        "tests_on_file", "tests and compliance on file", "EU Code 4",
        "`vasari bench` measures ([results](results.md)); `vasari comply` gathers what it wrote, the outcome of tests, "
        "versions, keys and this table into one signed report",
        "write it for each release, with `--results` and `--tests`, and keep it", "tests",
    ),
)  # fmt: skip


def markdown(duties: Iterable[Duty] = DUTIES) -> str:
    """The table of docs/law.md."""
    rows = [" | ".join((d.duty, d.where, d.does, d.remains)) for d in duties]
    return "\n".join([f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|", *(f"| {row} |" for row in rows)])

"""The report as a record, stable as JSON; and of each duty whether it is met. Pure: no files."""

from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vasari.compliance.duties import DUTIES, Duty, Rests

SCHEMA_VERSION = 1
State = Literal["met", "met by default", "yours to do", "not met"]
NO_ADVICE = "Facts with their sources, no legal advice. The texts themselves decide."


class Part(BaseModel):
    """Base of all parts: unknown fields are mistakes, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Certificate(Part):
    """One of the chain that signs; the signer's first."""

    subject: str
    issuer: str
    serial: str  # hexadecimal
    sha256: str  # of the DER
    since: str  # UTC
    until: str


class Maker(Part):
    """Whose keys sign and mark. Fingerprints, nothing secret."""

    certificates: list[Certificate]
    root_sha256: str  # of the DER of the root that others may trust
    development: bool  # made here, trusted by nobody else
    signs: Literal["a key in the folder", "a command"]
    watermark_key: str  # its public identity
    retired_keys: list[str]
    authority: str  # that stamps signatures with the time; "" for none
    stamp_required: bool
    authority_roots: list[str]  # SHA-256 of the certificates whose word on times is believed
    revoked: int  # certificates on this maker's own list


class Setting(Part):
    """What is chosen."""

    name: str
    value: str
    origin: Literal["default", "declared", "environment", "keys"]  # declared: by who asked for the report


class Shown(Part):
    """A figure as it was measured; `value` None where it could not be."""

    figure: str
    value: float | None
    unit: str = ""
    goal: float | None = None
    better: Literal["higher", "lower"] = "higher"
    met: bool | None = None
    n: int = 0
    interval: tuple[float, float] | None = None
    note: str = ""


class Measured(Part):
    """One suite of one results.json."""

    suite: str
    file_sha256: str
    made: str  # UTC; "" where the file does not tell
    quick: bool | None  # fewer samples; None where the file does not tell
    commit: str
    machine: dict[str, str | int | float]
    figures: list[Shown]
    failed: str = ""  # why it ended early


class Outcome(Part):
    """The outcome of a run of tests."""

    file_sha256: str
    made: str
    tests: int
    failures: int
    errors: int
    skipped: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Some were run, and none went wrong."""
        return self.tests > self.skipped and not (self.failures or self.errors)


class Judged(Part):
    """One duty, and whether it is met."""

    name: str
    duty: str
    where: str
    state: State
    how: str  # why it is so, in words
    does: str
    remains: str
    shown: list[Shown]  # each figure that would show it; without a value: not measured


class Report(Part):
    """Of one release."""

    schema_version: int = SCHEMA_VERSION
    made: str  # UTC
    commit: str  # "+" at its end: files differ from it; "" outside a checkout
    terms_sha256: str
    versions: dict[str, str]
    weights: dict[str, str]  # path -> SHA-256
    maker: Maker
    settings: list[Setting]
    measured: list[Measured]
    tested: Outcome | None
    duties: list[Judged]
    note: str = NO_ADVICE


class Facts(Part):
    """What duties are judged by."""

    maker: Maker
    label: str = "off"
    notice: str = ""
    measured: list[Measured] = []
    tested: Outcome | None = None


SETTLED: dict[Rests, tuple[Callable[[Facts], bool], str, str]] = {
    "certificate": (
        lambda facts: not facts.maker.development,
        "the certificate was issued elsewhere",
        "the certificate is a development one, which nobody else trusts",
    ),
    "stamps": (
        lambda facts: bool(facts.maker.authority),
        "an authority is configured, and every signature is stamped",
        "no authority is configured, so signatures bear no time stamp: vasari keys timestamp URL",
    ),
    "label": (
        lambda facts: facts.label in ("on", "start"),
        "declared: outputs are made with a label",
        "off in files unless asked for",
    ),
    "continuous": (
        lambda facts: facts.label == "on",
        "declared: outputs are made with the label all the time",
        "not all the time unless asked for",
    ),
    "notice": (
        lambda facts: bool(facts.notice),
        "declared: outputs are made with a spoken notice",
        "off unless asked for",
    ),
    "tests": (
        lambda facts: facts.tested is not None and bool(facts.measured),
        "results and tests are in this report",
        "give --results and --tests",
    ),
}
"""Settings on which duties rest: whether it is so, and what is said where it is and where it is not."""


def judged(facts: Facts, duties: Iterable[Duty] = DUTIES) -> list[Judged]:
    """All duties. A figure that misses its goal, or tests that failed, outweigh what is set."""
    return [_judged(duty, facts) for duty in duties]


def _judged(duty: Duty, facts: Facts) -> Judged:
    known = [figure for run in facts.measured for figure in run.figures]
    shown = [figure for name in duty.shown for figure in _of(name, known)]
    missed = [figure.figure for figure in shown if figure.met is False]
    state, how = _state(duty.rests, facts)
    if missed:
        state, how = "not met", f"misses its goal: {', '.join(dict.fromkeys(missed))}"
    if duty.rests == "tests" and facts.tested is not None and not facts.tested.passed:
        state, how = "not met", "tests failed, or none ran"
    return Judged(
        name=duty.name, duty=duty.duty, where=duty.where, state=state, how=how, does=duty.does, remains=duty.remains,
        shown=shown,
    )  # fmt: skip


def _of(name: str, known: list[Shown]) -> list[Shown]:
    """A figure as each run measured it; without a value where none did."""
    found = [figure for figure in known if figure.figure == name]
    return [figure for figure in found if figure.value is not None] or found[:1] or [Shown(figure=name, value=None)]


def _state(rests: Rests, facts: Facts) -> tuple[State, str]:
    if rests == "software":
        return "met by default", "no option turns it off"
    if rests == "provider":
        return "yours to do", "nothing in vasari can show it"
    if rests == "nobody":
        return "not met", "not available yet"
    holds, done, missing = SETTLED[rests]
    return ("met", done) if holds(facts) else ("yours to do", missing)

"""What a report says: gathered from what is installed, from the folder of keys, and from files that are given."""

import datetime as dt
import math
import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from benchmarks.figures import Figure, Results
from benchmarks.sweep import Sweep, read_results
from media.errors import UnreadableError
from media.hashing import file_sha256
from media.release import current_commit, versions, weight_hashes
from provenance.marks.identity import key_id
from provenance.permits.claims import terms_sha256
from provenance.registry import ENVIRONMENT
from provenance.trust.certificates import DEVELOPMENT, load_certificates
from provenance.trust.keys import Keys
from provenance.trust.revocation import read_revoked
from provenance.trust.signers import LocalSigner
from provenance.trust.timestamps import utc
from vasari.compliance.record import Certificate, Facts, Maker, Measured, Outcome, Report, Setting, Shown, judged

LARGEST = 64 << 20  # bytes of a file of tests


def gather(
    keys: Keys, *, results: Sequence[Path] = (), tests: Path | None = None, label: str | None = None, notice: str = ""
) -> Report:
    """The report of what is installed here, with what was measured and tested of it.

    Args:
        results: files that `vasari bench` wrote, or folders that hold them.
        tests: a junit XML file.
        label, notice: with which outputs are made, where that is not the default.

    Raises:
        UnreadableError: one of the files is missing, or is something else.
        KeyMaterialError: the keys cannot be read.
    """
    measured = [run for path in dict.fromkeys(results) for run in _measured(path)]
    tested, maker = None if tests is None else read_tests(tests), maker_of(keys)
    facts = Facts(maker=maker, label=label or "off", notice=notice, measured=measured, tested=tested)
    return Report(
        made=utc(dt.datetime.now(dt.UTC)), commit=current_commit(), terms_sha256=terms_sha256(), versions=versions(),
        weights=weight_hashes(), maker=maker, settings=_settings(keys, label, notice), measured=measured,
        tested=tested, duties=judged(facts),
    )  # fmt: skip


def maker_of(keys: Keys) -> Maker:
    """Fingerprints of a maker's keys and certificates."""
    chain = keys.chain
    root = load_certificates(keys.anchor_pem, str(keys.folder / "root.pem"))[0]
    clocks = [one for path in keys.time_anchors for one in load_certificates(path.read_bytes(), str(path))]
    gone = read_revoked(keys.lists, keys.anchor_pem.decode())
    authority = keys.authority
    return Maker(
        certificates=[_certificate(one) for one in chain], root_sha256=_sha256(root),
        development=any(DEVELOPMENT in one.issuer.rfc4514_string() for one in chain),
        signs="a key in the folder" if isinstance(keys.signer, LocalSigner) else "a command",
        watermark_key=key_id(keys.mark_key), retired_keys=[key_id(key) for key in keys.retired],
        authority=authority.url if authority else "", stamp_required=bool(authority and authority.required),
        authority_roots=[_sha256(one) for one in clocks], revoked=sum(len(one.entries) for one in gone.lists),
    )  # fmt: skip


def _certificate(one: x509.Certificate) -> Certificate:
    return Certificate(
        subject=one.subject.rfc4514_string(), issuer=one.issuer.rfc4514_string(), serial=f"{one.serial_number:x}",
        sha256=_sha256(one), since=utc(one.not_valid_before_utc), until=utc(one.not_valid_after_utc),
    )  # fmt: skip


def _sha256(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _settings(keys: Keys, label: str | None, notice: str) -> list[Setting]:
    """Those that matter. Addresses of databases may hold passwords, so none is told."""
    elsewhere, authority = bool(os.environ.get(ENVIRONMENT)), keys.authority
    needed = ", or nothing is signed" if authority and authority.required else ""
    return [
        Setting(name="label of files", value=label or "off", origin="declared" if label else "default"),
        Setting(name="label of live video", value="on; off only with a reason", origin="default"),
        Setting(name="spoken notice", value=notice or "off", origin="declared" if notice else "default"),
        Setting(name="time stamps", value=f"{authority.url}{needed}" if authority else "none", origin="keys"),
        Setting(
            name="registry", value="a database" if elsewhere else "a file beside the keys",
            origin="environment" if elsewhere else "default",
        ),
        Setting(name="hosts that are asked for credentials", value="none unless listed: --fetch", origin="default"),
    ]  # fmt: skip


def _measured(path: Path) -> list[Measured]:
    """Each suite of a results.json."""
    found, digest = read_results(path), file_sha256(path / "results.json" if path.is_dir() else path)
    if isinstance(found, Results):
        return [_run(found, digest, None, "", found.machine)]
    runs = [_run(suite, digest, found.quick, found.commit, suite.machine, found.made) for suite in found.suites]
    return runs + [_failed(found, name, why, digest) for name, why in found.failed.items()]


def _run(
    suite: Results, digest: str, quick: bool | None, commit: str, machine: dict[str, str | int | float], made: str = ""
) -> Measured:
    return Measured(
        suite=suite.suite, file_sha256=digest, made=suite.made or made, quick=quick, commit=commit, machine=machine,
        figures=[_shown(figure) for figure in suite.figures],
    )  # fmt: skip


def _failed(sweep: Sweep, name: str, why: str, digest: str) -> Measured:
    return Measured(
        suite=name, file_sha256=digest, made=sweep.made, quick=sweep.quick, commit=sweep.commit, machine=sweep.machine,
        figures=[], failed=why,
    )  # fmt: skip


def _shown(figure: Figure) -> Shown:
    number = figure.value is not None and math.isfinite(figure.value)
    return Shown(
        figure=figure.name, value=figure.value if number else None, unit=figure.unit, goal=figure.goal,
        better=figure.better, met=figure.met if number else None, n=figure.n, interval=figure.interval,
        note=figure.note,
    )  # fmt: skip


def read_tests(path: Path) -> Outcome:
    """The outcome in a junit XML file, as pytest and others write it.

    Raises:
        UnreadableError: there is none, it is something else, or does not add up.
    """
    wanted = "give a junit XML file (pytest --junitxml FILE)"
    try:
        if path.stat().st_size > LARGEST:
            raise UnreadableError(f"{path}: larger than {LARGEST >> 20} MiB; {wanted}")
        data = path.read_bytes()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise UnreadableError(f"{path}: declares entities, which no junit XML does; {wanted}")
        root = ElementTree.fromstring(data)
        suites = [root] if root.tag == "testsuite" else root.findall("testsuite") if root.tag == "testsuites" else []
        names = ("tests", "failures", "errors", "skipped")
        counts = [sum(int(suite.get(name, 0)) for suite in suites) for name in names]
        seconds = sum(float(suite.get("time", 0)) for suite in suites)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}; {wanted}") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableError(f"{path}: not junit XML ({error}); {wanted}") from error
    if not suites or min(counts) < 0 or max(counts[1:]) > counts[0] or not 0 <= seconds < math.inf:
        raise UnreadableError(f"{path}: tells of no tests, or of more that went wrong than ran; {wanted}")
    made = min((suite.get("timestamp", "") for suite in suites), default="")
    return Outcome(
        file_sha256=file_sha256(path), made=made, tests=counts[0], failures=counts[1], errors=counts[2],
        skipped=counts[3], seconds=round(seconds, 1),
    )  # fmt: skip

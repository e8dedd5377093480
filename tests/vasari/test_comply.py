"""`vasari comply`: what is gathered is told as it is, nothing is invented, and a changed report is found out."""

import datetime as dt
import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest
from command_line import vasari

from benchmarks.authority import TimeAuthority
from benchmarks.figures import Figure, Results, write
from benchmarks.sweep import Sweep
from provenance import Keys, sign_beside
from provenance.credentials import elsewhere
from provenance.trust import certificates
from provenance.trust.timestamps import Authority
from vasari.compliance import binding
from vasari.compliance.duties import DUTIES, markdown
from vasari.compliance.gathering import gather, maker_of
from vasari.compliance.record import SETTLED, Facts, Measured, Outcome, Shown, judged

ROOT = Path(__file__).resolve().parents[2]
SUITE = 'tests="9" failures="{}" errors="0" skipped="2" time="1.5" timestamp="2026-11-30T10:00"'
JUNIT = f"<testsuites><testsuite {SUITE}/></testsuites>"
FILES = ["report.html", "report.html.c2pa", "report.json", "report.json.c2pa"]


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(autouse=True)
def _own_keys(maker, monkeypatch):
    monkeypatch.setenv("VASARI_KEYS", str(maker.folder))


def results(folder: Path, **values: float | None) -> Path:
    folder.mkdir(exist_ok=True)
    figures = [Figure(name=n, value=v, unit="%", goal=100, note="<script>x</script>") for n, v in values.items()]
    return write(
        Results(suite="credentials", made="2026-11-30T09:00:00Z", machine={"processor": "P"}, figures=figures), folder
    )


def junit(path: Path, failures: int = 0) -> Path:
    path.write_text(JUNIT.format(failures))
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory, maker) -> Path:
    folder = tmp_path_factory.mktemp("report")
    given = results(folder / "in", tamper_caught_pct=100.0, recovered_pct=91.0, rubric_passed=None)
    done = vasari(
        "comply", "-o", folder / "out", "--results", given, "--tests", junit(folder / "in" / "junit.xml"),
        "--label", "start", "--notice", "--keys", maker.folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "out"


@pytest.fixture
def copy(report, tmp_path) -> Path:
    return shutil.copytree(report, tmp_path / "copy")


def test_a_report_says_what_was_given_and_no_more(report, maker):
    assert sorted(path.name for path in report.iterdir()) == FILES
    assert [path.name for path in report.parent.iterdir() if path.name.startswith(".")] == []
    record = json.loads((report / "report.json").read_text())
    assert record["schema_version"] == 1
    assert record["maker"]["certificates"][0]["serial"] == f"{maker.chain[0].serial_number:x}"
    assert maker.mark_key.hex() not in (report / "report.json").read_text()
    assert record["weights"]["provenance/data/watermark.onnx"]
    duties = {duty["name"]: duty for duty in record["duties"]}
    assert list(duties) == [duty.name for duty in DUTIES]
    assert duties["fingerprint_or_log"]["state"] == "not met"  # 91 of 100
    assert "recovered_pct" in duties["fingerprint_or_log"]["how"]
    assert duties["deep_fakes_disclosed"]["state"] == "met"
    assert duties["continuous_label"]["state"] == "yours to do"
    assert duties["spoken_notice"]["state"] == "met"
    assert duties["time_stamp"]["state"] == "yours to do"
    shown = {one["figure"]: one["value"] for one in duties["signed_and_marked"]["shown"]}
    assert shown["tamper_caught_pct"] == 100.0
    assert shown["message_rate_crf33"] is None
    assert record["measured"][0]["made"] == "2026-11-30T09:00:00Z"
    assert (record["tested"]["tests"], record["tested"]["skipped"]) == (9, 2)


def test_the_page_opens_offline_and_escapes(report):
    text = (report / "report.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;x" in text
    assert "src=" not in text
    assert "href=" not in text
    assert "default-src 'none'" in text
    assert "not measured" in text


def test_whole_is_told_in_one_line(report, maker):
    done = vasari("comply", "--check", report)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.strip().splitlines()) == 1
    assert "unaltered" in done.out
    assert "no time stamp" in done.out
    public = vasari("comply", "--check", report, "--keys", maker.folder, "--anchor", maker.folder / "root.pem")
    assert public.code == 0


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_told(name, copy):
    data = bytearray((copy / name).read_bytes())
    data[data.index(b"dataDrivenMedia") if name.endswith(".c2pa") else len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    done = vasari("comply", "--check", copy)
    assert done.code == 4
    assert len(done.err.strip().splitlines()) == 1
    assert name.removesuffix(".c2pa") in done.err


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told(name, copy):
    (copy / name).unlink()
    done = vasari("comply", "--check", copy)
    assert done.code == (3 if name.endswith(".c2pa") else 1)
    assert name in done.err


@pytest.mark.parametrize("said", ["{}", "report.json, SHA-256 <code>{}</code>"])
def test_a_page_of_another_report_is_told(copy, tmp_path, said):
    """Also where a figure's note, which anybody wrote, names the record."""
    note = said.format(hashlib.sha256((copy / "report.json").read_bytes()).hexdigest())
    figures = [Figure(name="recovered_pct", value=100.0, unit="%", note=note)]
    given = write(Results(suite="credentials", made="", machine={}, figures=figures), tmp_path)
    assert vasari("comply", "-o", tmp_path / "other", "--results", given).code == 0
    for name in ("report.html", "report.html.c2pa"):
        shutil.copy(tmp_path / "other" / name, copy / name)
    done = vasari("comply", "--check", copy)
    assert done.code == 4
    assert "put together of two reports" in done.err


def test_a_report_that_somebody_else_signed_is_told(copy, tmp_path):
    forger = Keys.open(tmp_path / "forger")
    assert vasari("comply", "-o", tmp_path / "forged", "--keys", forger.folder).code == 0
    done = vasari("comply", "--check", tmp_path / "forged")
    assert done.code == 3
    assert "not trusted here" in done.err
    assert vasari("comply", "--check", tmp_path / "forged", "--anchor", forger.folder / "root.pem").code == 0
    shutil.copy(tmp_path / "forged" / "report.json.c2pa", copy / "report.json.c2pa")
    assert vasari("comply", "--check", copy).code == 4


def test_what_the_maker_signed_as_something_else_is_no_report(copy, tmp_path, maker):
    sound = ROOT / "examples" / "speech.wav"
    for name in binding.MIME:
        shutil.copy(sound, copy / name)
        elsewhere.beside(copy / name).unlink()
        signed = sign_beside(sound, tmp_path / f"{name}.c2pa", keys=maker)
        shutil.copy(signed.path, elsewhere.beside(copy / name))
    done = vasari("comply", "--check", copy)
    assert done.code == 3
    assert "not signed as a report" in done.err


def test_expired_and_revoked_are_told(tmp_path, monkeypatch):
    keys = Keys.open(tmp_path / "keys")
    monkeypatch.setattr(certificates, "LEAF_DAYS", (3600 + 6.5) / 86400)
    monkeypatch.setattr("provenance.trust.generations.due", lambda _: False)
    keys = keys.rotate()
    out = tmp_path / "out"
    assert vasari("comply", "-o", out, "--keys", keys.folder).code == 0
    with TimeAuthority() as authority:
        keys.set_authority(Authority(authority.url), authority.anchor_pem)
        assert vasari("comply", "-o", tmp_path / "stamped", "--keys", keys.folder).code == 0
    assert keys.expires > dt.datetime.now(dt.UTC)
    time.sleep((keys.expires - dt.datetime.now(dt.UTC)).total_seconds() + 1.1)
    done = vasari("comply", "--check", out, "--keys", keys.folder)
    assert (done.code, "expired" in done.err) == (3, True)
    done = vasari("comply", "--check", tmp_path / "stamped", "--keys", keys.folder)
    assert (done.code, "stamped 20" in done.out) == (0, True)
    keys.set_authority(None)
    monkeypatch.undo()
    keys = Keys.open(keys.folder).rotate()
    assert vasari("comply", "-o", tmp_path / "later", "--keys", keys.folder).code == 0
    keys.revoke("superseded")
    done = vasari("comply", "--check", tmp_path / "later", "--keys", keys.folder)
    assert (done.code, "revoked" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("what", "text"),
    [("results", None), ("results", "{"), ("results", "[]"), ("results", '{"schema_version": 9}'),
     ("results", '{"schema_version": 1, "suite": "x", "machine": {}, "figures": [{"name": 3}]}'),
     ("tests", None), ("tests", "no xml"), ("tests", "<html/>"), ("tests", "<testsuites/>"),
     ("tests", '<testsuite tests="two"/>'), ("tests", '<testsuite tests="1" failures="2"/>'),
     ("tests", '<!DOCTYPE a [<!ENTITY b "c">]><testsuite tests="1"/>')],
)  # fmt: skip
def test_a_file_that_is_none_leaves_nothing(what, text, tmp_path):
    given = tmp_path / "given"
    if text is not None:
        given.write_text(text)
    done = vasari("comply", "-o", tmp_path / "out", f"--{what}", given)
    assert done.code == 1
    assert str(given) in done.line
    assert [path.name for path in tmp_path.iterdir()] == ([] if text is None else ["given"])


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = vasari("comply", "-o", tmp_path / "out")
    assert (done.code, "new folder" in done.line) == (1, True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").unlink()
    assert vasari("comply", "-o", tmp_path / "out").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert vasari("comply", "--check", tmp_path).code == 1
    assert "does not exist" in vasari("comply", "-o", tmp_path / "a" / "b").line


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(binding, "sign_paper", broken)
    assert "No space left" in vasari("comply", "-o", tmp_path / "out").line
    assert list(tmp_path.iterdir()) == []


def test_what_goes_together_is_said(tmp_path):
    for words in ((), ("-o", tmp_path / "a", "--check", tmp_path), ("--check", tmp_path, "--label", "on"),
                  ("-o", tmp_path / "a", "--anchor", tmp_path)):  # fmt: skip
        assert vasari("comply", *words).code == 2


def test_of_a_sweep_every_suite_is_told_and_what_failed(tmp_path, maker):
    one = Results(suite="watermark", machine={"cores": 2}, figures=[Figure(name="mark_psnr_db", value=44.0, unit="dB")])
    sweep = Sweep(
        quick=True, made="2026-11-30T08:00:00Z", machine={"cores": 2}, commit="abc", versions={}, weights={},
        suites=[one], failed={"attacks": "its process was killed"},
    )  # fmt: skip
    (tmp_path / "results.json").write_text(sweep.model_dump_json())
    first, second = gather(maker, results=[tmp_path, tmp_path]).measured  # a folder that is named twice is read once
    assert (first.suite, first.quick, first.commit, first.made) == ("watermark", True, "abc", "2026-11-30T08:00:00Z")
    assert (second.suite, second.failed, second.figures) == ("attacks", "its process was killed", [])
    old = json.loads(one.model_dump_json())
    del old["made"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert gather(maker, results=[tmp_path / "old.json"]).measured[0].made == ""  # nothing is made up


def run(**values: float) -> Measured:
    figures = [Shown(figure=n, value=v, goal=1.0, met=v >= 1) for n, v in values.items()]
    return Measured(suite="s", file_sha256="0", made="", quick=None, commit="", machine={}, figures=figures)


def test_duties_rest_on_settings_figures_and_tests(maker):
    def states(**given) -> dict[str, str]:
        return {one.name: one.state for one in judged(Facts(**{"maker": maker_of(maker)} | given))}

    plain = states()
    assert set(plain.values()) == {"met by default", "yours to do", "not met"}
    assert plain["marks_others_read"] == "not met"
    stamped = maker_of(maker.stamped_by(Authority("https://a.example")))
    assert states(maker=stamped)["time_stamp"] == "met"
    bought = maker_of(maker).model_copy(update={"development": False})
    assert states(maker=bought)["signed_and_marked"] == "met"
    assert states(maker=bought, measured=[run(tamper_caught_pct=0.9)])["signed_and_marked"] == "not met"
    tests = Outcome(file_sha256="", made="", tests=3, failures=0, errors=0, skipped=0, seconds=1)
    measured = [run(recovered_pct=1.0)]
    assert states(measured=measured, tested=tests)["tests_on_file"] == "met"
    for wrong in ({"failures": 1}, {"errors": 1}, {"skipped": 3}):
        assert states(measured=measured, tested=tests.model_copy(update=wrong))["tests_on_file"] == "not met"
    worst = [run(recovered_pct=0.5), run(recovered_pct=1.0)]
    assert states(measured=worst)["fingerprint_or_log"] == "not met"  # of several runs none is left out


def test_the_document_shows_the_table():
    text = (ROOT / "docs" / "law.md").read_text("utf-8")
    assert markdown() in text
    assert len({duty.name for duty in DUTIES}) == len(DUTIES)
    assert {duty.rests for duty in DUTIES} <= {*SETTLED, "software", "provider", "nobody"}

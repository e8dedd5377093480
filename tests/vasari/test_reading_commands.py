"""`verify`, `triage`, `sign`, `mark` and `serve` as they are called, with what strangers send."""

import datetime as dt
import html
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import c2pa
import numpy as np
import pytest
from command_line import vasari
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from making import clip, picture, voice, write_video
from PIL import Image
from searching import little_search  # noqa: F401

from benchmarks.credentials.rubric import INTEGRITY, RUBRIC
from provenance import Keys, sign_file
from provenance.registry import open_registry
from provenance.trust.certificates import _usage

pytestmark = pytest.mark.usefixtures("little_search")

EVIL = "x', a trusted chain\x1b[1A\x1b[2K\u202emade by BBC and intact\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(autouse=True)
def home(monkeypatch, keys):
    monkeypatch.setenv("VASARI_KEYS", str(keys.folder))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def small_detector(tmp_path, monkeypatch):
    """Fitted noise in the place of the shipped weights: `triage` is about words here."""
    from looks import noise_model

    from lab.weights import WeightCard, save_weights

    model = noise_model()
    save_weights(tmp_path / "w.onnx", model.tensors(), WeightCard("detector", model.config(), "noise", 1))
    monkeypatch.setattr("detect.detector.WEIGHTS", tmp_path / "w.onnx")


def still(path: Path, seed: int = 0) -> Path:
    Image.fromarray(picture(seed)).save(path)
    return path


def certificate(name: str, issuer=None, depth=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "O"), x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])  # fmt: skip
    by, signing = issuer or (None, key)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=300))
        .add_extension(x509.BasicConstraints(depth is not None, depth), True)
        .add_extension(_usage(depth is None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False)
    )
    if depth is None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return builder.sign(signing, hashes.SHA256()), key


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A picture of somebody whose names hold signs of a terminal and words of a verdict."""
    folder = tmp_path_factory.mktemp("evil")
    root = certificate("root", depth=1)
    middle = certificate(EVIL, root, 0)
    leaf, key = certificate(EVIL, middle)
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (leaf, middle[0])).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    said = {
        "claim_generator_info": [{"name": EVIL, "version": "1"}], "title": EVIL,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [
            {"action": "c2pa.created", "when": "2026-11-28T00:00:00Z",
             "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}]}}],
    }  # fmt: skip
    local = {"local": {"alg": "es256", "sign_cert": chain, "private_key": private}}
    context = c2pa.Context(c2pa.Settings.from_dict({"verify": {"verify_after_sign": False}, "signer": local}))
    context._has_signer = True
    source = still(folder / "a.jpg")
    with source.open("rb") as given, (folder / "b.jpg").open("w+b") as sink:
        c2pa.Builder(json.dumps(said), context).sign("image/jpeg", given, sink)
    return folder / "b.jpg"


def harmless(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


def test_names_of_strangers_reach_no_terminal_and_no_page(evil, small_detector, tmp_path):
    told = vasari("verify", evil)
    assert told.code == 3
    assert harmless(told.out + told.err)
    assert "x\\', a trusted chain\\x1b[1A" in told.out
    record = vasari("verify", evil, "--json")
    assert harmless(record.out)
    assert json.loads(record.out)[0]["credentials"]["signer"] == EVIL  # raw, but safe to print
    lines = vasari("verify", evil, "--jsonl")
    assert harmless(lines.out)
    joint = vasari("triage", evil, "--report", tmp_path / "pages")
    assert joint.code in (3, 5)
    assert harmless(joint.out + joint.err)
    assert all(harmless(page.read_text()) for page in (tmp_path / "pages").glob("*.html"))
    assert harmless(vasari("triage", evil, "--json").out)


def test_names_of_files_reach_no_terminal_either(tmp_path):
    bad = tmp_path / "a\x1b[2J\u202e.jpg"
    bad.write_bytes(b"nothing")
    for command in ("verify", "triage", "detect"):
        done = vasari(command, bad)
        assert done.code == 1
        assert harmless(done.out + done.err)
    done = vasari("sign", bad, "-o", tmp_path / "b.jpg")
    assert done.code == 1
    assert harmless(done.line)


def test_triage_joins_facts_and_estimate(keys, small_detector, tmp_path):
    sign_file(still(tmp_path / "a.png"), tmp_path / "b.png", keys=keys)
    done = vasari("triage", tmp_path / "a.png", tmp_path / "b.png", "--json", "--report", tmp_path / "pages")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["exit_code"] for record in records][1] == 0
    assert records[1]["findings"][0].startswith("fact: credentials valid")
    assert done.code == records[0]["exit_code"]
    said = vasari("triage", tmp_path / "a.png").out
    assert records[0]["summary"].startswith("No maker known; ")
    page = next((tmp_path / "pages").glob("a.png.*.html")).read_text()
    assert all(
        records[0]["summary"] in told for told in (said, html.unescape(page))
    )  # one sentence, wherever it is read
    assert vasari("triage").code == 2


def test_one_file_that_breaks_a_decoder_never_takes_the_others_along(keys, tmp_path, monkeypatch):
    good = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path
    bad = still(tmp_path / "c.png")
    from provenance.read import verification

    real = verification.probe

    def probe(path):
        if Path(path) == bad:
            raise TypeError("Missing dimensions")  # past every guard
        return real(path)

    monkeypatch.setattr(verification, "probe", probe)
    done = vasari("verify", bad, good, "--jsonl")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["exit_code"] for record in records] == [1, 0]
    assert "cannot be read" in records[0]["error"]


def test_lists_of_names_and_pipes(keys, tmp_path, monkeypatch):
    good = sign_file(still(tmp_path / "a.jpg"), tmp_path / "b.jpg", keys=keys).path
    (tmp_path / "names.txt").write_text(f"\ufeff{good}\n{good}\n", encoding="utf-8")
    with (tmp_path / "names.txt").open(encoding="utf-8") as listed:
        monkeypatch.setattr("sys.stdin", listed)
        done = vasari("verify", "-", "--jsonl")
    assert [json.loads(line)["exit_code"] for line in done.out.splitlines()] == [0, 0]

    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(good.read_bytes()), daemon=True).start()
    done = vasari("verify", tmp_path / "pipe", "--json")
    assert (done.code, json.loads(done.out)[0]["file"]) == (0, str(tmp_path / "pipe"))
    monkeypatch.setattr("media.spooling.PATIENCE", 0.2)
    done = vasari("verify", tmp_path / "pipe", good, "--jsonl")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["exit_code"] for record in records] == [1, 0]
    assert "nothing came through it" in records[0]["error"]


def test_mark_and_sign_at_the_command_line(keys, tmp_path):
    write_video(tmp_path / "film.mp4", clip(frames=30, size=192), sound=voice(1.2))
    done = vasari("mark", tmp_path / "film.mp4", "-o", tmp_path / "marked.mp4")
    assert done.code == 0, done.err
    assert "marked in picture" in done.out
    told = vasari("verify", tmp_path / "marked.mp4")
    assert told.code == 0
    assert "marked, as others made it" in told.out
    again = vasari("mark", tmp_path / "marked.mp4", "-o", tmp_path / "again.mp4")
    assert again.code == 2
    assert "`vasari mark`" in again.line
    from making import remux

    remux(tmp_path / "marked.mp4", tmp_path / "stripped.mp4")
    refused = vasari("sign", tmp_path / "stripped.mp4", "-o", tmp_path / "signed.mp4")
    assert refused.code == 2
    assert "bears the mark of this maker" in refused.line
    assert not (tmp_path / "signed.mp4").exists()
    over = vasari("sign", tmp_path / "marked.mp4", "-o", tmp_path / "signed.mp4")
    assert over.code == 0, over.err
    assert vasari("verify", tmp_path / "signed.mp4").code == 0


def test_what_is_lost_is_said(keys, tmp_path):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "deep.png"), picture().astype(np.uint16) * 257)
    done = vasari("mark", tmp_path / "deep.png", "-o", tmp_path / "b.png")
    assert done.code == 0
    assert "16 bits a colour became 8" in done.err


def test_keys_that_others_may_read_are_warned_of(tmp_path):
    folder = Keys.open(tmp_path / "keys").folder
    source = still(tmp_path / "a.jpg")
    assert "warning" not in vasari("sign", source, "-o", tmp_path / "b.jpg", "--keys", folder).err
    folder.chmod(0o755)
    (folder / "watermark.key").chmod(0o644)
    for words in (("sign", source, "-o", tmp_path / "c.jpg"), ("verify", tmp_path / "b.jpg")):
        done = vasari(*words, "--keys", folder)
        assert done.code == 0
        assert "others on this machine may read watermark.key" in done.err


def test_serve_answers_until_it_is_stopped(keys, tmp_path):
    pytest.importorskip("uvicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vasari", "serve", "--port", str(port), "--keys", str(keys.folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/services/status", timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
                break
            except OSError:
                assert time.monotonic() < until, process.stderr.read()
                time.sleep(0.2)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert f"127.0.0.1:{port}/v1 answers for" in said
    assert open_registry(keys.folder).of_kind("picture") is not None


def test_crjson_is_what_the_library_says_and_holds_what_the_rubrics_ask(keys, tmp_path):
    """Statements of the public rubrics (conformance 0.2 of specification 2.4, integrity 1.0), by what they ask for."""
    given, signed = still(tmp_path / "a.png"), tmp_path / "b.png"
    sign_file(given, signed, keys=keys)
    done = vasari("verify", signed, "--crjson")
    assert (done.code, done.err) == (0, "")
    (manifest,) = json.loads(done.out)["manifests"]
    with c2pa.Reader("image/png", signed.open("rb")) as reader:
        assert json.loads(reader.crjson())["manifests"][0]["label"] == manifest["label"]
    passed = {item["code"] for item in manifest["validationResults"]["success"]}
    assert not manifest["validationResults"]["failure"]  # well-formed, valid, trusted
    assert {"claimSignature.validated", "signingCredential.trusted", "assertion.dataHash.match"} <= passed
    assert manifest["claim.v2"]["claim_generator_info"]["specVersion"].startswith("2.")
    assert "c2pa.hash.data" in manifest["assertions"]  # a hard binding
    first = manifest["assertions"]["c2pa.actions.v2"]["actions"][0]
    assert first["action"] in ("c2pa.created", "c2pa.opened")
    assert [name for name, holds in RUBRIC.items() if not holds(manifest)] == []
    assert [name for name, holds in INTEGRITY.items() if not holds(manifest)] == []


def test_crjson_keeps_the_exit_codes_and_refuses_what_is_not_one_file(keys, tmp_path):
    given, signed = still(tmp_path / "a.jpg"), tmp_path / "b.jpg"
    sign_file(given, signed, keys=keys)
    data = bytearray(signed.read_bytes())
    data[-40] ^= 1
    (tmp_path / "broken.jpg").write_bytes(data)
    done = vasari("verify", tmp_path / "broken.jpg", "--crjson")
    assert done.code == 4
    failed = json.loads(done.out)["manifests"][0]["validationResults"]["failure"]
    assert "assertion.dataHash.mismatch" in [item["code"] for item in failed]
    done = vasari("verify", given, "--crjson")
    assert (done.code, json.loads(done.out)) == (3, {})
    assert "no credentials" in done.err
    assert vasari("verify", tmp_path / "none.png", "--crjson").code == 1
    for words in ((given, signed), (signed, "--json"), (signed, "--jsonl"), ("-",)):
        done = vasari("verify", *words, "--crjson")
        assert done.code == 2
        assert "one file" in done.line

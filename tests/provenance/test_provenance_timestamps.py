"""Time stamps of an authority on this machine: who is asked, who is believed, and what they change."""

import datetime as dt
import json
import socket
import time
from dataclasses import replace

import pytest
import typer
from making import clip, picture, voice
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from media.errors import KeyMaterialError, SigningError, UsageError
from provenance import Keys, mark_file, save_live, save_picture, save_video, sign_file, verify
from provenance.credentials import manifest
from provenance.credentials.manifest import crjson
from provenance.make.live import Outlet
from provenance.permits.claims import Opened, definition
from provenance.read.verification import read_credentials
from provenance.trust import certificates
from provenance.trust.certificates import load_certificates, load_key
from provenance.trust.signers import LocalSigner
from provenance.trust.timestamps import FILE, Authority
from vasari.commands import keys as keys_command
from vasari.commands import sign
from vasari.commands import verify as verify_command

pytest.importorskip("asn1crypto")
from benchmarks.authority import NAME, TimeAuthority

pytestmark = pytest.mark.usefixtures("little_search")

DAY = dt.timedelta(days=1)


@pytest.fixture
def authority():
    with TimeAuthority() as made:
        yield made


@pytest.fixture
def maker(tmp_path):
    return Keys.open(tmp_path / "keys")


@pytest.fixture
def clock(tmp_path, authority):
    """The file with the authority's root."""
    (tmp_path / "clock.pem").write_bytes(authority.anchor_pem)
    return tmp_path / "clock.pem"


def saved(tmp_path, keys, name="a.png"):
    return save_picture(tmp_path / name, shown(keys, picture(), command="data"))


def down():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_a_stamp_names_the_time_and_the_authority(tmp_path, maker, authority, clock):
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    out = saved(tmp_path, maker.stamped_by(Authority(authority.url)))
    assert (authority.asked, out.notes) == (1, ())
    verdict = verify(out.path, keys=maker, authorities=[clock])
    stamp = verdict.credentials.timestamp
    assert (verdict.exit_code, stamp.authority, stamp.trust) == (0, NAME, "trusted")
    assert before <= dt.datetime.fromisoformat(stamp.time) <= dt.datetime.now(dt.UTC)
    assert f"stamped {stamp.time}" in " ".join(verdict.reasons)
    unknown = verify(out.path, keys=maker)
    assert (unknown.exit_code, unknown.credentials.timestamp.trust) == (0, "untrusted")
    assert "not trusted here" in " ".join(unknown.reasons)


def test_roots_of_authorities_do_not_vouch_for_signers_nor_the_other_way_round(tmp_path, maker, authority, clock):
    out = saved(tmp_path, maker.stamped_by(Authority(authority.url)))
    root = maker.folder / "root.pem"
    assert verify(out.path, authorities=[root, clock]).credentials.trust == "untrusted"
    assert verify(out.path, anchors=[root, clock]).credentials.timestamp.trust == "untrusted"


def test_everything_that_signs_is_stamped(tmp_path, maker, authority, clock):
    keys = maker.set_authority(Authority(authority.url), authority.anchor_pem)
    assert Keys.open(maker.folder).authority == keys.authority == Authority(authority.url)
    Image.fromarray(picture(1)).save(tmp_path / "theirs.png")
    frames, sound = clip(frames=5), voice(0.2)

    class Moment:
        def __init__(self, k):
            self.frame, self.sound = frames[k], sound[640 * k : 640 * (k + 1)]

    class Sink:
        def write(self, data):
            pass

    made = [
        save_video(tmp_path / "a.mp4", shown(keys, frames, sound)).path,
        save_live(tmp_path / "b.mp4", shown(keys, map(Moment, range(5))), Outlet(Sink())).path,
        sign_file(tmp_path / "theirs.png", tmp_path / "c.png", keys=keys).path,
        mark_file(tmp_path / "theirs.png", tmp_path / "d.png", keys=keys).saved.path,
    ]
    assert authority.asked == len(made)
    assert [verify(path, keys=keys).credentials.timestamp.trust for path in made] == ["trusted"] * len(made)
    assert keys.set_authority(None).authority is None
    assert not (maker.folder / FILE).exists()
    assert keys.time_anchors  # what was stamped goes on being believed


def test_nobody_is_asked_unless_the_maker_says_so(tmp_path, maker, authority):
    assert verify(saved(tmp_path, maker).path, keys=maker).credentials.timestamp is None
    assert authority.asked == 0


@pytest.mark.parametrize("fault", ["down", "broken"])
def test_without_an_authority_it_is_signed_and_that_is_said(tmp_path, maker, authority, fault):
    authority.broken = True
    url = down() if fault == "down" else authority.url
    out = saved(tmp_path, maker.stamped_by(Authority(url)))
    assert len(out.notes) == 1
    assert "no time stamp" in out.notes[0]
    assert url in out.notes[0]
    verdict = verify(out.path, keys=maker)
    assert (verdict.exit_code, verdict.credentials.timestamp) == (0, None)


@pytest.mark.parametrize("fault", ["down", "broken"])
def test_a_stamp_that_is_required_is_required(tmp_path, maker, authority, fault):
    authority.broken = True
    keys = maker.stamped_by(Authority(down() if fault == "down" else authority.url, required=True))
    pulled = []

    def frames():
        for frame in clip(frames=3):
            pulled.append(1)
            yield frame

    with pytest.raises(SigningError, match="required"):
        save_video(tmp_path / "a.mp4", shown(keys, frames(), command="data"))
    assert bool(pulled) == (fault == "broken")  # who does not answer at all is noticed before the work
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_key_that_fails_is_not_blamed_on_the_authority(tmp_path, maker, authority):
    class Broken:
        chain_pem = maker.signer.chain_pem

        def sign(self, data):
            raise SigningError("no key today")

    keys = Keys(maker.folder, Broken(), maker.anchor_pem, maker.mark_key, authority=Authority(authority.url))
    with pytest.raises(SigningError, match="no key today"):
        saved(tmp_path, keys)


def test_what_was_stamped_before_a_revocation_goes_on_counting(tmp_path, maker, authority, clock):
    keys = maker.set_authority(Authority(authority.url), authority.anchor_pem)
    plain = saved(tmp_path, keys.stamped_by(None), "plain.png").path
    stamped = saved(tmp_path, keys, "stamped.png").path
    authority.offset = dt.timedelta(hours=2)  # what the thief signs later
    late = saved(tmp_path, keys, "late.png").path
    time.sleep(1.1)  # lists know seconds
    keys.revoke("superseded")
    keys = Keys.open(keys.folder)
    assert [verify(path, keys=keys).exit_code for path in (plain, stamped, late)] == [3, 0, 3]
    verdict = verify(stamped, keys=keys)
    assert "revoked later" in " ".join(verdict.reasons)
    public = {"anchors": [keys.folder / "root.pem"], "revoked": keys.lists}
    assert verify(stamped, **public, authorities=[clock]).exit_code == 0
    assert verify(stamped, **public).exit_code == 3  # a stamp that is not believed proves nothing


def test_since_when_a_key_was_astray_counts(tmp_path, maker, authority):
    keys = maker.set_authority(Authority(authority.url), authority.anchor_pem)
    authority.offset = -3 * DAY
    early = saved(tmp_path, keys, "early.png").path
    authority.offset = -DAY
    stolen = saved(tmp_path, keys, "stolen.png").path
    now = dt.datetime.now(dt.UTC)
    with pytest.raises(KeyMaterialError, match="ahead"):
        keys.revoke("key_compromise", now + DAY)
    keys.revoke("key_compromise", now - 2 * DAY)
    keys = Keys.open(keys.folder)
    assert [verify(path, keys=keys).exit_code for path in (early, stolen)] == [0, 3]


def test_certificates_expire_and_stamps_outlive_them(tmp_path, maker, authority, clock, monkeypatch):
    middle = maker.folder / "intermediate.pem"
    issuer = certificates.Issued(
        load_certificates(middle.read_bytes(), "")[0], load_key(middle.with_suffix(".key").read_bytes(), "")
    )
    saved(tmp_path, maker, "warm.png")  # what is loaded at first use does not take of the seconds below
    monkeypatch.setattr(certificates, "LEAF_DAYS", (3600 + 6.5) / 86400)
    ended = time.time() + 7.7  # certificates know whole seconds, and are valid through the last
    leaves = [certificates.make_leaf(issuer) for _ in range(2)]
    brief, thief = (
        replace(maker, signer=LocalSigner(leaf.key, leaf.certificate_pem + issuer.certificate_pem)) for leaf in leaves
    )
    plain = saved(tmp_path, brief, "plain.png").path
    stamped = saved(tmp_path, brief.stamped_by(Authority(authority.url)), "stamped.png").path
    with Image.open(stamped) as opened:
        opened.save(tmp_path / "bare.png")
    again = tmp_path / "again.png"
    with (tmp_path / "bare.png").open("rb") as given, again.open("w+b") as sink:  # `sign_file` refuses: it bears a mark
        claim = Opened(tmp_path / "bare.png", command="sign")
        words = definition(claim, title="", mime="image/png")
        manifest.sign(given, sink, "image/png", words, thief.signer, ingredients=claim.ingredients())
    time.sleep(max(0.0, ended - time.time()))

    verdict = verify(plain, keys=maker)
    assert (verdict.exit_code, verdict.credentials.state, verdict.credentials.trust) == (3, "valid", "expired")
    assert "expired" in verdict.summary
    assert "the registry knows this very file" in verdict.reasons
    assert verify(stamped, keys=maker).credentials.trust == "expired"
    assert verify(stamped, keys=maker, authorities=[clock]).exit_code == 0
    assert verify(stamped, authorities=[clock]).credentials.trust == "untrusted"
    assert verify(stamped, authorities=[clock, maker.folder / "root.pem"]).credentials.trust != "trusted"
    recovered = [verify(tmp_path / "bare.png", keys=maker, authorities=a).origin.recovered for a in ([], [clock])]
    assert [(found.manifest, found.trust) for found in recovered] == [("valid", "untrusted"), ("valid", "trusted")]
    assert verify(again, keys=maker).exit_code == 4  # an expired certificate is no way past the mark
    data = bytearray(plain.read_bytes())
    data[len(data) - 200] ^= 1
    plain.write_bytes(data)
    assert read_credentials(plain, maker.anchor_pem.decode()).state == "invalid"


def test_commands(tmp_path, monkeypatch, authority, clock):
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    Image.fromarray(picture()).save(tmp_path / "a.png")
    app = typer.Typer()
    app.add_typer(keys_command.app, name="keys")
    app.command("sign")(sign.sign)
    app.command("verify")(verify_command.verify)

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    a, b = tmp_path / "a.png", tmp_path / "b.png"
    for word in ("create", "show"):
        assert "Signatures bear no time stamp" in run("keys", word).output
        assert "vasari keys timestamp URL" in run("keys", word).output
    assert run("sign", a, "-o", b, "--timestamp", authority.url).exit_code == 0
    assert "timeStampInfo" in json.dumps(crjson(b.read_bytes(), "image/png"))
    assert isinstance(run("sign", a, "-o", b, "--timestamp-required").exception, UsageError)
    assert isinstance(run("sign", a, "-o", b, "--timestamp", "ftp://x").exception, UsageError)
    assert run("keys", "timestamp", authority.url, "--required", "--anchor", clock).exit_code == 0
    assert "(required)" in run("keys", "show").output
    assert "bear no time stamp" not in run("keys", "show").output
    assert "no time stamp" not in run("verify", b).output
    assert verify(b, keys=Keys.open()).credentials.timestamp.trust == "trusted"
    asked = authority.asked
    assert run("sign", a, "-o", b, "--timestamp", "off").exit_code == 0
    assert authority.asked == asked
    assert "no time stamp; they count until" in run("verify", b).output
    assert isinstance(run("sign", a, "-o", b, "--timestamp", down()).exception, SigningError)  # the folder requires it
    assert isinstance(run("keys", "timestamp").exception, UsageError)
    assert run("keys", "timestamp", "--off").exit_code == 0
    assert run("keys", "timestamp", down()).exit_code == 0
    result = run("sign", a, "-o", b)
    assert result.exit_code == 0
    assert "no time stamp" in result.output
    (tmp_path / "keys" / FILE).write_text("[]")
    assert isinstance(run("keys", "show").exception, KeyMaterialError)


@pytest.mark.parametrize("url", ["", "stamps", "file:///etc/passwd", "http://", "http://me@host/", "http://h:0/"])
def test_addresses_that_are_none(url):
    with pytest.raises(UsageError):
        Authority(url)

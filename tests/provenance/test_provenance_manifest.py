import datetime as dt
import json

import pytest
from making import clip, picture, remux, voice
from permits import PORTRAITS, shown
from PIL import Image
from searching import little_search  # noqa: F401

from benchmarks.credentials.rubric import RUBRIC
from media.hashing import file_sha256
from provenance import Generated, Keys, Permit, Registry, grant_consent, save_picture, save_video, verify
from provenance.credentials.manifest import crjson
from provenance.marks.identity import key_id
from provenance.permits.claims import MAKING, PICTURE_ALGORITHM, SOUND_ALGORITHM, definition
from provenance.registry import FILE
from provenance.trust.signers import CommandSigner

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    """Keys, and one output of them."""
    folder = tmp_path_factory.mktemp("maker")
    keys = Keys.open(folder / "keys")
    Image.fromarray(picture()).save(folder / "portrait.png")
    performance = shown(keys, clip(frames=75), voice(3.0), settings={"seed": 7}, models={"painter": "ab" * 32})
    saved = save_video(folder / "out.mp4", performance)
    return folder, keys, saved


def manifest_of(path, keys=None):
    anchors = keys.anchor_pem.decode() if keys else ""
    return crjson(path.read_bytes(), "video/mp4", anchors)["manifests"][0]


def test_rubric_of_the_conformance_programme(maker):
    _, keys, saved = maker
    manifest = manifest_of(saved.path, keys)
    assert len(RUBRIC) == 31
    assert [name for name, holds in RUBRIC.items() if not holds(manifest)] == []


def test_manifest_says_what_was_done(maker):
    _, keys, saved = maker
    manifest = manifest_of(saved.path, keys)
    found = manifest["assertions"]
    actions = [action["action"] for action in found["c2pa.actions.v2"]["actions"]]
    assert actions == ["c2pa.created", "c2pa.watermarked.bound"]
    assert found["c2pa.actions.v2"]["actions"][0]["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    bindings = {v["alg"]: v for k, v in found.items() if k.startswith("c2pa.soft-binding")}
    assert bindings[PICTURE_ALGORITHM]["blocks"][0]["value"] == saved.mark
    assert bindings[SOUND_ALGORITHM]["blocks"][0]["value"] == saved.mark[-6:]
    assert bindings[PICTURE_ALGORITHM]["name"] == key_id(keys.mark_key)
    making = found[MAKING]
    assert making["inputs"] == [{"role": "portrait", "sha256": file_sha256(path)} for path in PORTRAITS]
    assert making["settings"] == {"seed": 7}
    assert "portrait.png" not in json.dumps(manifest)
    urls = {item["url"].split("/")[-1] for item in manifest["claim.v2"]["created_assertions"]}
    own = {label for label in found if not label.startswith("c2pa.ingredient.v3")}
    assert own == urls  # the signer vouches for all but what others say of the portraits


def test_intact_file_of_a_known_maker(maker):
    _, keys, saved = maker
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.verdict, verdict.agreement) == (0, "known_maker", "agree")
    assert (verdict.credentials.state, verdict.credentials.trust) == ("valid", "trusted")
    assert verdict.picture_mark.message == saved.mark
    assert verdict.sound_mark.message == saved.mark[-6:]
    assert verdict.origin.file_sha256 == file_sha256(saved.path) == saved.sha256
    assert set(saved.seconds) == {"mark", "sound", "encode", "read", "sign", "total"}


def test_valid_is_not_trusted(maker, tmp_path):
    _, keys, saved = maker
    assert verify(saved.path).exit_code == 3  # nobody vouches for the signer
    assert verify(saved.path, anchors=[keys.folder / "root.pem"]).exit_code == 0
    stranger = Keys.open(tmp_path / "stranger")
    verdict = verify(saved.path, keys=stranger)
    assert (verdict.exit_code, verdict.credentials.trust) == (3, "untrusted")
    assert (verdict.picture_mark.state, verdict.sound_mark.state) == ("absent", "absent")


def test_a_flipped_byte_is_found(maker, tmp_path):
    _, keys, saved = maker
    data = bytearray(saved.path.read_bytes())
    data[-len(data) // 4] ^= 1
    (tmp_path / "flipped.mp4").write_bytes(data)
    verdict = verify(tmp_path / "flipped.mp4", keys=keys)
    assert (verdict.exit_code, verdict.credentials.state) == (4, "invalid")
    assert "assertion.bmffHash.mismatch" in verdict.credentials.failures


def test_an_appended_box_is_noted(maker, tmp_path):
    _, keys, saved = maker
    assert verify(saved.path, keys=keys).credentials.uncovered == []
    (tmp_path / "longer.mp4").write_bytes(saved.path.read_bytes() + b"\0\0\0\x10freehideaway")
    verdict = verify(tmp_path / "longer.mp4", keys=keys)
    assert verdict.exit_code == 0
    assert [(item.what, item.size, item.metadata) for item in verdict.credentials.uncovered] == [
        ("box 'free'", 16, True)
    ]
    assert any("outside the signature: box 'free' (16 bytes)" in reason for reason in verdict.reasons)


def test_stripped_credentials_are_recovered_from_the_mark(maker, tmp_path):
    _, keys, saved = maker
    stripped = remux(saved.path, tmp_path / "stripped.mp4")
    verdict = verify(stripped, keys=keys)
    assert (verdict.exit_code, verdict.credentials.state) == (4, "absent")
    assert verdict.picture_mark.message == saved.mark
    assert verdict.origin.manifest == saved.manifest
    assert "credentials were removed" in verdict.summary
    elsewhere = verify(stripped, keys=keys, registry=Registry(tmp_path / "empty.sqlite"))
    assert (elsewhere.exit_code, elsewhere.origin) == (4, None)
    assert verify(stripped).exit_code == 3  # without the key nothing is to be seen


def test_exchanged_sound_is_caught(maker, tmp_path):
    import av

    folder, keys, saved = maker
    other = save_video(folder / "other.mp4", shown(keys, clip(3, frames=75), voice(3.0, 5)))
    with av.open(str(saved.path)) as a, av.open(str(other.path)) as b, av.open(str(tmp_path / "x.mp4"), "w") as new:
        video, sound = (
            new.add_stream_from_template(a.streams.video[0]),
            new.add_stream_from_template(b.streams.audio[0]),
        )
        for source, stream, target in ((a, a.streams.video[0], video), (b, b.streams.audio[0], sound)):
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    new.mux(packet)
    verdict = verify(tmp_path / "x.mp4", keys=keys)
    assert (verdict.exit_code, verdict.agreement) == (4, "contradict")
    assert any("different outputs" in reason for reason in verdict.reasons)


def test_a_stranger_who_signs_again_does_not_become_the_maker(maker, tmp_path):
    """The mark of one maker under valid credentials of another contradict each other."""
    from provenance.credentials import manifest

    _, keys, saved = maker
    stranger = Keys.open(tmp_path / "stranger")
    stripped = remux(saved.path, tmp_path / "stripped.mp4")
    forged = definition(shown(stranger, None).claim, title="", mime="video/mp4", key_id="0", mark="0" * 16)
    with stripped.open("rb") as source, (tmp_path / "again.mp4").open("w+b") as target:
        manifest.sign(source, target, "video/mp4", forged, stranger.signer)
    verdict = verify(tmp_path / "again.mp4", keys=keys)
    assert (verdict.credentials.state, verdict.credentials.trust, verdict.exit_code) == ("valid", "untrusted", 4)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_pictures_are_marked_and_signed_too(maker, tmp_path, suffix):
    _, keys, _ = maker
    saved = save_picture(tmp_path / f"a{suffix}", shown(keys, picture(4), command="data"))
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.message) == (0, saved.mark)
    Image.open(saved.path).save(tmp_path / "again.jpg", quality=80)
    assert verify(tmp_path / "again.jpg", keys=keys).exit_code == 4
    assert Registry(keys.folder / FILE).by_mark(saved.mark).nobody == 0  # what was generated is no portrait again


def test_key_service_signs(maker, tmp_path):
    """A command that signs digests, here openssl, stands for a key service."""
    _, keys, _ = maker
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(keys.folder / "signing/0001.pem")]
    signer = CommandSigner(command, keys.signer.chain_pem)
    remote = Keys(keys.folder, signer, keys.anchor_pem, keys.mark_key)
    saved = save_picture(tmp_path / "a.png", shown(remote, picture(5)))
    assert verify(saved.path, keys=keys).exit_code == 0


def test_verdict_is_stable_json(maker):
    _, keys, saved = maker
    record = json.loads(verify(saved.path, keys=keys).model_dump_json())
    assert record["schema_version"] == 2
    assert list(record) == [
        *("schema_version", "file", "kind", "verdict", "exit_code", "summary", "reasons", "credentials"),
        *("picture_mark", "sound_mark", "other_tracks", "label", "agreement", "origin", "seconds"),
    ]


def test_a_signed_portrait_is_an_ingredient_with_its_credentials(maker, tmp_path):
    """Where a portrait comes from can be followed back through what was made of it."""
    _, keys, _ = maker
    portrait = save_picture(tmp_path / "p.png", shown(keys, picture(4), command="data"))
    (tmp_path / "speech.wav").write_bytes(b"RIFF no sound at all")
    consent, until = tmp_path / "consent.json", dt.date.today() + dt.timedelta(days=1)
    grant_consent(consent, portrait=portrait.path, subject="A", purpose="b", until=until, granted_by="A", keys=keys)
    permit = Permit.of(portrait.path, keys=keys, consent=consent)
    performance = permit.perform(Generated, picture(4), command="generate", inputs=[tmp_path / "speech.wav"])
    saved = save_picture(tmp_path / "out.png", performance)
    found = crjson(saved.path.read_bytes(), "image/png", keys.anchor_pem.decode())["manifests"]
    assert [name for name, holds in RUBRIC.items() if not holds(found[0])] == []
    assert {saved.manifest, portrait.manifest} <= {manifest["label"] for manifest in found}
    parts = {k: v for k, v in found[0]["assertions"].items() if k.startswith("c2pa.ingredient")}
    portraits = [part for part in parts.values() if part["dc:title"] == "portrait"]
    assert [part["relationship"] for part in portraits] == ["inputTo"]
    assert "p.png" not in json.dumps(found[0])
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.credentials.manifest) == (0, saved.manifest)
    assert verdict.picture_mark.message == saved.mark
    assert Registry(keys.folder / FILE).by_manifest(saved.manifest).mark == saved.mark

"""What a file was made of, as a tree."""

import io
import json

import c2pa
import pytest
from making import picture
from PIL import Image

from provenance import Keys, sign_file
from provenance.read.history import MOST, history

EVIL = "<img src=x onerror=alert(1)>"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def signed(source, target, keys, title, parents=()):
    """As other programs sign: with small pictures of what it is and of what went in."""
    names = [f"p{k}" for k in range(len(parents))]
    action = {"action": "c2pa.opened" if parents else "c2pa.created", "digitalSourceType": SOURCE}
    action |= {"parameters": {"ingredientIds": names[:1]}} if parents else {}
    placed = [{"action": "c2pa.placed", "parameters": {"ingredientIds": [name]}} for name in names[1:]]
    words = {
        "claim_generator_info": [{"name": "another", "version": "1"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action, *placed]}}],
    }
    settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": True}}})
    builder = c2pa.Builder(json.dumps(words), c2pa.Context(settings))
    for name, (path, role) in zip(names, parents, strict=True):
        told = {"title": path.name, "relationship": role, "label": name}
        builder.add_ingredient(json.dumps(told), "image/jpeg", io.BytesIO(path.read_bytes()))
    chain = keys.signer.chain_pem.decode()
    engine = c2pa.Signer.from_callback(keys.signer.sign, c2pa.C2paSigningAlg.ES256, chain, None)
    with source.open("rb") as given, target.open("w+b") as sink:
        builder.sign(engine, "image/jpeg", given, sink)
    return target


@pytest.fixture(scope="module")
def taken(keys, tmp_path_factory):
    """A photograph that its camera signed."""
    folder = tmp_path_factory.mktemp("taken")
    Image.fromarray(picture(3, 256)).save(folder / "bare.jpg")
    return signed(folder / "bare.jpg", folder / "camera.jpg", keys, "camera.jpg")


def test_parents_are_told_with_state_and_small_picture(keys, taken, tmp_path):
    bare = taken.with_name("bare.jpg")
    edited = signed(taken, tmp_path / "a.jpg", keys, EVIL, [(taken, "parentOf"), (bare, "componentOf")])
    tree = history(edited, keys.anchor_pem.decode())
    assert (tree.title, tree.state, tree.source) == (EVIL, "unknown", "digitalCapture")
    assert [(part.title, part.relationship, part.state) for part in tree.parts] == [
        ("camera.jpg", "parentOf", "intact"),
        ("bare.jpg", "componentOf", "none"),
    ]
    assert "vasari" in tree.parts[0].signer
    assert all(part.thumbnail.startswith("data:image/jpeg;base64,") for part in (tree, *tree.parts))


def test_what_bears_no_credentials_has_no_history(taken, tmp_path):
    assert history(taken.with_name("bare.jpg")) is None
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8nothing")
    assert history(tmp_path / "b.jpg") is None


def test_a_chain_that_leads_back_to_itself_ends(monkeypatch, taken):
    from provenance.credentials import manifest
    from provenance.read import statements

    label = "urn:c2pa:1"
    opened = [statements.Opened(title="again", relationship="parentOf", manifest=label, state="intact")] * 2
    content = {"label": label}
    monkeypatch.setattr(manifest, "read_store", lambda *_: {"manifests": [content], "manifest": content})
    monkeypatch.setattr(statements, "opened", lambda _: opened)

    def count(part):
        return 1 + sum(map(count, part.parts))

    assert count(history(taken)) <= MOST + 1


def test_a_small_picture_that_is_none_is_left_out(keys, taken, monkeypatch):
    from provenance.credentials import manifest

    monkeypatch.setattr(manifest, "resources", lambda path, addresses, largest: dict.fromkeys(addresses, b"<svg/>"))
    assert history(taken).thumbnail == ""
    signed_here = sign_file(taken.with_name("bare.jpg"), taken.with_name("own.jpg"), keys=keys)
    assert history(signed_here.path).thumbnail == ""

"""What the credentials say: a C2PA claim of the specification 2.4, built, signed and read with c2pa-python.

Assertions, `created` (vouched for by the signer):
    c2pa.actions.v2        c2pa.created, trainedAlgorithmicMedia; c2pa.watermarked.bound; nothing else was done
    c2pa.soft-binding      the message of the picture mark, and of the sound mark where there is sound
    c2pa.ai-disclosure     a generative model made it
    cawg.training-mining   not to be used to train on
    io.vasari.making       command, settings, SHA-256 of portrait, other inputs, consent and model weights
and, gathered, c2pa.ingredient.v3 of portrait and inputs: the credentials that they came with (`ingredients`).

Hashes of inputs are named by role, never by file name: file names are often people's names.
"""

import copy
import datetime as dt
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from media.errors import SigningError
from provenance.consent import Consent
from provenance.hashing import file_sha256
from provenance.ingredients import Ingredient, able, named
from provenance.signers import Signer

SPEC_VERSION = "2.4.0"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PICTURE_ALGORITHM = "io.vasari.mark.picture.1"
SOUND_ALGORITHM = "io.vasari.mark.sound.1"
MAKING = "io.vasari.making"
MODEL_TYPE = "c2pa.types.generator"
UNTRUSTED = "signingCredential.untrusted"  # a failure of trust, not of integrity
# Offline by design: nothing is fetched, wherever a file says its manifest lies.
SETTINGS: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"backing_store_memory_threshold_in_mb": 16},
}
# The media of an mp4 are hashed in leaves of 1 MiB, all of which are in the manifest: 12 MB of memory however long the
# video. Rows of a tree with proofs in boxes of their own would be smaller, but not every validator reads them.
IN_LEAVES = {"merkle_tree_chunk_size_in_kb": 1024, "merkle_tree_max_proofs": 0}


@dataclass(frozen=True)
class Claim:
    """What a maker says of an output."""

    command: str  # what made it: "generate", "animate" ...
    portrait: Path | None = None  # the portrait file; its hash goes into the manifest. None only for `nobody`
    inputs: tuple[Path, ...] = ()  # speech, driving video: hashed too
    consent: Consent | None = None  # demanded unless `nobody`
    nobody: bool = False  # the portrait shows a person who does not exist
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)  # seed, size, emotion ...
    models: Mapping[str, str] = field(default_factory=dict)  # name of each weight file -> SHA-256 of its tensors
    title: str = ""  # title in the credentials; the output's file name when empty

    @property
    def sources(self) -> tuple[Path, ...]:
        """All files that went in; the output may be none of them."""
        return ((self.portrait,) if self.portrait else ()) + tuple(self.inputs)

    def ingredients(self) -> list[Ingredient]:
        """Those that can carry credentials."""
        portrait = [Ingredient(self.portrait, "portrait")] if self.portrait else []
        found = [*portrait, *(Ingredient(path, "input") for path in self.inputs)]
        return [ingredient for ingredient in found if able(ingredient.path)]

    def making(self) -> dict[str, Any]:
        """The content of the io.vasari.making assertion."""
        inputs = [{"role": "portrait", "sha256": file_sha256(self.portrait)}] if self.portrait else []
        inputs += [{"role": "input", "sha256": file_sha256(path)} for path in self.inputs]
        making: dict[str, Any] = {
            "command": self.command,
            "inputs": inputs,
            "person": "nobody" if self.nobody else "consented",
            "settings": dict(self.settings),
            "models": [{"name": name, "sha256": digest} for name, digest in sorted(self.models.items())],
        }
        if self.consent is not None:
            making["consent"] = {"sha256": self.consent.sha256, "validUntil": self.consent.valid_until.isoformat()}
        return making


def vasari_version() -> str:
    """Version of the installed package, "0" from a bare checkout."""
    try:
        return version("vasari")
    except PackageNotFoundError:
        return "0"


def definition(claim: Claim, *, title: str, mime: str, key_id: str, mark: str, sound_mark: str) -> dict[str, Any]:
    """The manifest definition for `c2pa.Builder`. Marks are hexadecimal; `sound_mark` is "" without sound."""
    agent = {"name": "vasari", "version": vasari_version()}
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    actions = [
        {
            "action": "c2pa.created",
            "when": when,
            "softwareAgent": agent,
            "digitalSourceType": SOURCE_TYPE,
            "description": f"Made by `vasari {claim.command}`; no camera saw it",
        },
        {
            "action": "c2pa.watermarked.bound",
            "when": when,
            "softwareAgent": agent,
            "description": "Invisible mark bound to this manifest in its soft binding",
        },
    ]
    bindings = [(PICTURE_ALGORITHM, mark)] + ([(SOUND_ALGORITHM, sound_mark)] if sound_mark else [])
    not_allowed = {"use": "notAllowed"}
    uses = ("cawg.ai_training", "cawg.ai_generative_training", "cawg.data_mining", "cawg.ai_inference")
    assertions = [
        ("c2pa.actions.v2", {"actions": actions, "allActionsIncluded": True}),
        *(
            ("c2pa.soft-binding", {"alg": alg, "blocks": [{"scope": {}, "value": value}], "name": key_id})
            for alg, value in bindings
        ),
        ("c2pa.ai-disclosure", {"modelType": MODEL_TYPE, "modelName": "vasari"}),
        ("cawg.training-mining", {"entries": dict.fromkeys(uses, not_allowed)}),
        (MAKING, claim.making()),
    ]
    return {
        "claim_generator_info": [agent | {"specVersion": SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [{"label": label, "created": True, "data": data} for label, data in assertions],
    }


def signing(*, title: str, mime: str) -> dict[str, Any]:
    """The manifest definition for a file that is signed as it is; its one ingredient is what was opened."""
    agent = {"name": "vasari", "version": vasari_version()}
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    actions = [{"action": "c2pa.opened", "when": when, "softwareAgent": agent}]
    data = {"actions": actions, "allActionsIncluded": True}
    return {
        "claim_generator_info": [agent | {"specVersion": SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": data}],
    }


def sign(
    source: BinaryIO,
    target: BinaryIO,
    mime: str,
    manifest: Mapping[str, Any],
    signer: Signer,
    *,
    leaves: bool = False,
    ingredients: Sequence[Ingredient] = (),
) -> bytes:
    """Copy `source` to `target` with the signed manifest in it; both are open files, never the same one.

    Args:
        leaves: hash media in leaves, so that memory does not grow with the file; see `boxes.with_large_headers`.
        ingredients: files that went into it; the first action refers to them. One whose credentials are damaged beyond
            reading is left out.

    Returns: the bytes of the manifest store.

    Raises:
        SigningError: the key could not be used or the library refused.
        OSError: `target` cannot be written.
    """
    failure: list[SigningError] = []

    def callback(data: bytes) -> bytes:
        try:
            return signer.sign(data)
        except SigningError as error:  # the library would turn it into an error without a message
            failure.append(error)
            raise

    try:
        core = SETTINGS["core"] | (IN_LEAVES if leaves else {})
        settings = c2pa.Settings.from_dict(SETTINGS | {"core": core})
        engine = c2pa.Signer.from_callback(callback, c2pa.C2paSigningAlg.ES256, signer.chain_pem.decode(), None)
        with _builder(manifest, settings, list(ingredients)) as builder:
            return builder.sign(engine, mime, source, target)
    except c2pa.C2paError as error:
        if failure:
            raise failure[0] from error
        target.flush()  # a full disk shows here as the OSError that it is
        raise SigningError(f"credentials could not be made ({_line(error)})") from error


def _builder(manifest: Mapping[str, Any], settings: c2pa.Settings, ingredients: list[Ingredient]) -> c2pa.Builder:
    """With all the ingredients that can be read."""
    document = copy.deepcopy(dict(manifest))
    parts = named(ingredients)
    if parts:
        first = next(a for a in document["assertions"] if a["label"] == "c2pa.actions.v2")["data"]["actions"][0]
        first["parameters"] = {"ingredientIds": list(parts)}
    builder = c2pa.Builder(json.dumps(document), c2pa.Context(settings))
    for name, part in parts.items():
        words = {"title": part.role, "relationship": part.relationship, "label": name}
        try:
            with part.path.open("rb") as file:
                builder.add_ingredient(json.dumps(words), part.mime, file)
        except c2pa.C2paError:
            builder.close()
            return _builder(manifest, settings, [other for other in ingredients if other is not part])
    return builder


def read_store(path: Path, anchors_pem: str) -> dict[str, Any] | None:
    """Everything the C2PA library says of a file, offline, or None where there are no credentials.

    Returns: {"state": "Valid" | "Trusted" | "Invalid", "failures": [...], "informational": [...], "manifest": {...},
    "label": "urn:c2pa:..."}; "Invalid" with a failure code too where the manifest is damaged beyond parsing.
    """
    settings = json.loads(json.dumps(SETTINGS))
    settings["verify"]["verify_trust"] = True
    if anchors_pem:
        settings["trust"] = {"user_anchors": anchors_pem}
    try:
        reader = c2pa.Reader.try_create(path, context=c2pa.Context(c2pa.Settings.from_dict(settings)))
        if reader is None:
            return None
        with reader:
            document = json.loads(reader.crjson())
            state = reader.get_validation_state() or "Invalid"
    except c2pa.C2paError.NotSupported:
        return None  # a container that cannot carry credentials
    except c2pa.C2paError as error:
        return {"state": "Invalid", "failures": [_line(error)], "informational": [], "manifest": {}, "label": ""}
    manifests = document.get("manifests") or [{}]
    results = manifests[0].get("validationResults") or {}
    return {
        "state": state,
        "failures": [item.get("code", "?") for item in results.get("failure", [])],
        "informational": [item.get("code", "?") for item in results.get("informational", [])],
        "manifest": manifests[0],
        "label": manifests[0].get("label", ""),
    }


def holds(store: Mapping[str, Any] | None) -> bool:
    """Whether what `read_store` says is that the file is as it was signed, by whomever."""
    return store is not None and store["state"] in ("Valid", "Trusted") and not set(store["failures"]) - {UNTRUSTED}


def label_of(path: Path) -> str:
    """Label of a file's active manifest."""
    store = read_store(path, "")
    return store["label"] if store else ""


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def crjson(data: bytes, mime: str, anchors_pem: str = "") -> dict[str, Any]:
    """The crJSON document of a signed file in memory, for conformance checks."""
    settings = dict(SETTINGS)
    if anchors_pem:
        settings["trust"] = {"user_anchors": anchors_pem}
    context = c2pa.Context(c2pa.Settings.from_dict(settings))
    with c2pa.Reader(mime, io.BytesIO(data), context=context) as reader:
        return json.loads(reader.crjson())


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

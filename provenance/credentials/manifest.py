"""Credentials signed and read with c2pa-python; what they say is in `permits.claims`."""

import contextlib
import copy
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from media.errors import SigningError, UnreadableError
from media.kinds import kind_of
from media.words import plain
from provenance.credentials.cose import Signature, read_signature
from provenance.credentials.ingredients import Ingredient, mime_of, named
from provenance.faults import Sink
from provenance.trust.signers import Signer, ready
from provenance.trust.timestamps import Authority

UNTRUSTED = "signingCredential.untrusted"  # a failure of trust, not of integrity
EXPIRED = "signingCredential.expired"  # the same
IDENTITY = "cawg."  # codes of those who vouch besides the signer; no matter of the signature
REVOKED = "signingCredential.ocsp.revoked"  # the same
BYSTANDERS = frozenset({UNTRUSTED, EXPIRED, REVOKED})
ELSEWHERE = "Remote: must fetch remote manifests from url"  # what the library says where it may not
LONGEST_URL = 500  # letters of an address that are told
STORE = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # description box of a manifest store
PIECE = 1 << 20  # bytes
# Offline by design: nothing is fetched, wherever a file says its manifest lies.
SETTINGS: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"backing_store_memory_threshold_in_mb": 16, "allowed_network_hosts": [], "allow_redirects": False},
}
# The media of an mp4 are hashed in leaves of 1 MiB, all of which are in the manifest: 12 MB of memory however long the
# video. Rows of a tree with proofs in boxes of their own would be smaller, but not every validator reads them.
IN_LEAVES = {"merkle_tree_chunk_size_in_kb": 1024, "merkle_tree_max_proofs": 0}


def sign(
    source: BinaryIO,
    target: BinaryIO,
    mime: str,
    manifest: Mapping[str, Any],
    signer: Signer,
    *,
    leaves: bool = False,
    ingredients: Sequence[Ingredient] = (),
    authority: Authority | None = None,
    embed: bool = True,
    remote_url: str = "",
) -> tuple[bytes, str]:
    """Copy `source` to `target` with the signed manifest in it; both are open files, never the same one.

    Args:
        leaves: hash media in leaves, so that memory does not grow with the file; see `boxes.with_large_headers`.
        ingredients: files that went into it; the first action refers to them. An input whose credentials are damaged
            beyond reading is left out; of a file that was opened the type alone is told then.
        authority: asked for a time stamp; 30 s at most.
        embed: put the manifest into the copy; without, any type of file can be signed, and its copy is unchanged.
        remote_url: where the manifest can be had; the copy refers to it (in its XMP).

    Returns: the bytes of the manifest store; why it bears no time stamp though one was asked for, "" otherwise.

    Raises:
        SigningError: the key could not be used, the library refused, or a time stamp that is required did not come.
        OSError: `target` cannot be written.
    """

    def signed(authority: Authority | None) -> bytes:
        return _signed(
            source, target, mime, manifest, signer, leaves, ingredients, authority, embed=embed, remote_url=remote_url
        )

    if authority is None:
        return signed(None), ""
    try:
        return signed(authority), ""
    except _RefusedError as error:
        if authority.required:
            raise authority.refused(str(error)) from error
        refused = str(error)
    source.seek(0)
    target.seek(0)
    target.truncate()
    return signed(None), f"bears no time stamp: {authority.url} gave none ({refused})"


def sign_path(
    source: Path, target: Path, mime: str, manifest: Mapping[str, Any], signer: Signer, **how: Any
) -> tuple[bytes, str]:
    """As `sign`, from one path to another; what was written is on the disk when this returns."""
    with source.open("rb") as given, target.open("w+b") as sink:
        signed = sign(given, sink, mime, manifest, signer, **how)
        sink.flush()
        os.fsync(sink.fileno())
    return signed


class _RefusedError(SigningError):
    """The library refused; perhaps only because of the time stamp."""


def _signed(
    source: BinaryIO,
    target: BinaryIO,
    mime: str,
    manifest: Mapping[str, Any],
    signer: Signer,
    leaves: bool,
    ingredients: Sequence[Ingredient],
    authority: Authority | None,
    *,
    embed: bool,
    remote_url: str,
) -> bytes:
    failure: list[SigningError] = []
    signer, sink = ready(signer), Sink(target)

    def callback(data: bytes) -> bytes:
        try:
            return signer.sign(data)
        except SigningError as error:  # the library would turn it into an error without a message
            failure.append(error)
            raise

    try:
        core = SETTINGS["core"] | (IN_LEAVES if leaves else {})
        if authority is not None:
            core["allowed_network_hosts"] = [authority.host]
        settings = c2pa.Settings.from_dict(SETTINGS | {"core": core})
        url = authority.url if authority is not None else None
        engine = c2pa.Signer.from_callback(callback, c2pa.C2paSigningAlg.ES256, signer.chain_pem.decode(), url)
        with _builder(manifest, settings, list(ingredients)) as builder:
            if not embed:
                builder.set_no_embed()
            if remote_url:
                builder.set_remote_url(remote_url)
            return bytes(builder.sign(engine, mime, source, sink))
    except c2pa.C2paError as error:
        if failure:
            raise failure[0] from error
        if sink.error is not None:  # a full disk
            raise sink.error from error
        target.flush()  # which may show here, too
        if authority is not None:
            raise _RefusedError(_line(error)) from error
        raise SigningError(f"credentials could not be made ({_line(error)})") from error


def _builder(
    manifest: Mapping[str, Any],
    settings: c2pa.Settings,
    ingredients: list[Ingredient],
    bare: tuple[Ingredient, ...] = (),
) -> c2pa.Builder:
    """With all the ingredients that can be read; `bare` ones are named alone."""
    document = copy.deepcopy(dict(manifest))
    parts = named(ingredients)
    words = {
        name: {"title": part.role, "relationship": part.relationship, "label": name} for name, part in parts.items()
    }
    if parts:
        first = next(a for a in document["assertions"] if a["label"] == "c2pa.actions.v2")["data"]["actions"][0]
        first["parameters"] = {"ingredientIds": list(parts)}
        document["ingredients"] = [words[name] | {"format": p.mime} for name, p in parts.items() if p in bare]
    builder = c2pa.Builder(json.dumps(document), c2pa.Context(settings))
    for name, part in parts.items():
        if part in bare:
            continue
        if remote_url(part.path):  # credentials elsewhere are not asked for: it is told as a file without any
            builder.close()
            return _builder(manifest, settings, ingredients, (*bare, part))
        try:
            with part.path.open("rb") as file:
                builder.add_ingredient(json.dumps(words[name]), part.mime, file)
        except c2pa.C2paError:
            builder.close()
            if part.relationship == "parentOf":
                return _builder(manifest, settings, ingredients, (*bare, part))
            return _builder(manifest, settings, [other for other in ingredients if other is not part], bare)
    return builder


def read_store(
    path: Path, anchors_pem: str, store: bytes | None = None, segment: Path | None = None
) -> dict[str, Any] | None:
    """Everything the C2PA library says of a file, offline, or None where there are no credentials.

    Args:
        store: its manifest store from elsewhere; what is in the file is not looked at then.
        segment: of a stream whose initialization segment the file is: whether that segment is covered, too.

    Returns: {"state": "Valid" | "Trusted" | "Invalid" | "Unreadable", "failures": [...], "informational": [...],
    "passed": [...], "manifest": {...}, "manifests": [...], "label": "urn:c2pa:...", "signature": `cose.Signature`,
    "identity_failures": [(code, url)], "identity_passed": [...]}. "Unreadable" with a failure where there are
    credentials, but they are damaged beyond parsing, or the file that holds them is. A damaged file that holds none has
    none: None.
    """
    context = trusting(anchors_pem)
    try:
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(path.open("rb"))
            reader = _reader(path, file, context, store)
            if reader is None:
                return None
            opened.enter_context(reader)
            if segment is not None:
                file.seek(0)
                reader.with_fragment("video/mp4", file, opened.enter_context(segment.open("rb")))
            document = json.loads(reader.crjson())
            state = reader.get_validation_state() or "Invalid"
            signature = _signature(reader, (document.get("manifests") or [{}])[0].get("label", ""))
    except c2pa.C2paError.NotSupported:
        return None  # a container that cannot carry credentials
    except (c2pa.C2paError, ValueError) as error:
        if _line(error).startswith(ELSEWHERE) or (store is None and not bears_store(path)):
            return None
        return {
            "state": "Unreadable",
            "failures": [_line(error)],
            **{name: [] for name in ("informational", "passed", "identity_failures", "identity_passed", "manifests")},
            "manifest": {},
            "label": "",
            "signature": Signature(),
        }
    manifests = document.get("manifests") or [{}]
    results = manifests[0].get("validationResults") or {}
    failed, passed = _codes(results.get("failure")), _codes(results.get("success"))
    return {
        "state": state,
        "failures": [code for code, _ in failed if not code.startswith(IDENTITY)],
        "informational": [code for code, _ in _codes(results.get("informational"))],
        "passed": [code for code, _ in passed if not code.startswith(IDENTITY)],
        "identity_failures": [item for item in failed if item[0].startswith(IDENTITY)],
        "identity_passed": [item for item in passed if item[0].startswith(IDENTITY)],
        "manifest": manifests[0],
        "manifests": manifests,
        "label": manifests[0].get("label", ""),
        "signature": signature,
    }


def _reader(path: Path, file: BinaryIO, context: c2pa.Context, store: bytes | None) -> c2pa.Reader | None:
    """By what the file is, not by what its name says."""
    mime = kind_of(path).partition(";")[0]
    if mime in ("", "application/zip"):  # office documents differ by name alone
        mime = mime_of(path)
    if store is not None:
        return c2pa.Reader(mime, file, manifest_data=store, context=context)
    return c2pa.Reader.try_create(mime, file, context=context)


def _codes(items: Sequence[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    return [(str(item.get("code", "?")), str(item.get("url", ""))) for item in items or []]


def bears_store(path: Path) -> bool:
    """Whether a manifest store (JUMBF, ISO 19566-5) begins anywhere in a file, however damaged both are."""
    with path.open("rb") as file:
        before = b""
        while piece := file.read(PIECE):
            if STORE in before + piece:
                return True
            before = piece[-len(STORE) :]
    return False


def without(path: Path) -> tuple[str, str]:
    """Of a file without credentials in it: where it says that they lie, and why it could not be searched for them; ""
    where it says nothing, and where it could. Nothing is fetched."""
    try:
        with path.open("rb") as file:
            reader = _reader(path, file, trusting(""), None)
            if reader is not None:
                reader.close()
    except c2pa.C2paError.NotSupported:
        return "", ""
    except c2pa.C2paError as error:
        said = plain(_line(error), LONGEST_URL)  # a stranger's words
        return (said.removeprefix(ELSEWHERE).strip(), "") if said.startswith(ELSEWHERE) else ("", said)
    return "", ""


def _signature(reader: c2pa.Reader, label: str) -> Signature:
    """Certificates, and what is stapled to them; empty where it cannot be had."""
    store = io.BytesIO()
    try:
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", store)  # gives all of the manifest store
    except c2pa.C2paError:
        return Signature()
    return read_signature(store.getvalue(), label)


def remote_url(path: Path) -> str:
    """Where a file without credentials in it says that they lie, "" where it says nothing. Nothing is fetched."""
    return without(path)[0]


def holds(store: Mapping[str, Any] | None) -> bool:
    """Whether what `read_store` says is that the file is as it was signed, by whomever and however long ago."""
    if store is None or not store["label"] or set(store["failures"]) - BYSTANDERS:
        return False
    if store["state"] in ("Valid", "Trusted") or {EXPIRED, REVOKED} & set(store["failures"]):
        return True
    return bool(store["identity_failures"]) and "claimSignature.validated" in store["passed"]  # only they are amiss


def trusting(anchors_pem: str) -> c2pa.Context:
    """How files are read: offline, with these roots trusted, none for ""."""
    settings: dict[str, Any] = SETTINGS | {"verify": SETTINGS["verify"] | {"verify_trust": True}}
    if anchors_pem:
        settings["trust"] = {"anchors": [{"trust_anchors": anchors_pem, "trust_kind": "manifest"}]}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def label_of(path: Path, store: bytes | None = None) -> str:
    """Label of a file's active manifest; `store` as in `read_store`."""
    said = read_store(path, "", store)
    return said["label"] if said else ""


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def crjson(data: bytes, mime: str, anchors_pem: str = "") -> dict[str, Any]:
    """The crJSON document of a signed file in memory, for conformance checks."""
    with c2pa.Reader(mime, io.BytesIO(data), context=trusting(anchors_pem)) as reader:
        document: dict[str, Any] = json.loads(reader.crjson())
        return document


def document(path: Path, anchors_pem: str = "") -> dict[str, Any] | None:
    """The crJSON document of a file, as the C2PA library gives it, offline; None where there are no credentials in it.

    Raises:
        UnreadableError: there are some, but they or what they lie in are damaged beyond parsing.
    """
    try:
        with path.open("rb") as file:
            reader = _reader(path, file, trusting(anchors_pem), None)
            if reader is None:
                return None
            with reader:
                found: dict[str, Any] = json.loads(reader.crjson())
                return found
    except c2pa.C2paError.NotSupported:
        return None
    except (c2pa.C2paError, ValueError) as error:
        if _line(error).startswith(ELSEWHERE) or not bears_store(path):
            return None
        why = plain(_line(error), LONGEST_URL)
        raise UnreadableError(f"{path}: credentials that cannot be read ({why})") from error


def resources(path: Path, addresses: Sequence[str], largest: int) -> dict[str, bytes]:
    """What lies in a file's manifest store under addresses (self#jumbf=/c2pa/...), where that is no more than `largest`
    bytes; those that cannot be read are left out."""
    found: dict[str, bytes] = {}
    if not addresses:
        return found
    try:
        with path.open("rb") as file:
            reader = _reader(path, file, trusting(""), None)
            if reader is None:
                return found
            with reader:
                for address in addresses:
                    target = io.BytesIO()
                    with contextlib.suppress(c2pa.C2paError):
                        reader.resource_to_stream(address, target)
                        found |= {address: target.getvalue()} if target.tell() <= largest else {}
    except c2pa.C2paError:
        return found
    return found


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

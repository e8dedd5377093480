"""The public C2PA asset rubrics (C2PA Conformance Task Force, 2026-08-06, CC-BY 4.0): what a validator's crJSON
must show. One function a statement, named by the statement's id.

    RUBRIC      conformance 0.2, specification 2.4: 31 statements
    INTEGRITY   integrity and trust: 6 statements, on a file that its own maker's root vouches for
"""

from collections.abc import Callable
from typing import Any

Manifest = dict[str, Any]
RUBRIC: dict[str, Callable[[Manifest], bool]] = {}
MALFORMED = {
    *("assertion.action.malformed", "assertion.bmffHash.malformed", "assertion.boxesHash.malformed"),
    *("assertion.collectionHash.malformed", "assertion.dataHash.malformed", "assertion.external-reference.malformed"),
    *("assertion.external-reference.labelMismatch", "assertion.external-reference.created"),
    *("assertion.ingredient.malformed", "assertion.alternativeContentRepresentation.malformed"),
    *("assertion.alternativeContentRepresentation.missing", "assertion.multiAssetHash.malformed"),
    *("assertion.cbor.invalid", "assertion.json.invalid", "claim.cbor.invalid", "claim.hardBindings.missing"),
    *("claim.malformed", "claim.missing", "claim.multiple", "hashedURI.missing", "ingredient.manifest.missing"),
    *("assertion.boxesHash.unknownBox", "assertion.multipleHardBindings", "manifest.compressed.invalid"),
    *("manifest.html.multipleManifests", "manifest.inaccessible", "manifest.multipleParents"),
    *("manifest.structuredText.emptyReference", "manifest.structuredText.malformedReference"),
    *("manifest.structuredText.multipleReferences", "manifest.structuredText.noManifest"),
    *("manifest.structuredText.noResolutionPath", "manifest.timestamp.invalid", "manifest.timestamp.wrongParents"),
    *("manifest.update.invalid", "manifest.update.wrongParents"),
}
MISMATCHED = {
    *("assertion.action.ingredientMismatch", "assertion.action.redactionMismatch", "assertion.bmffHash.mismatch"),
    *("assertion.boxesHash.mismatch", "assertion.collectionHash.mismatch", "assertion.dataHash.mismatch"),
    *("assertion.external-reference.hashMismatch", "assertion.alternativeContentRepresentation.hashMismatch"),
    *("assertion.multiAssetHash.mismatch", "assertion.hashedURI.mismatch", "assertion.hardBinding.redacted"),
    *("hashedURI.mismatch", "ingredient.manifest.mismatch", "ingredient.claimSignature.missing"),
    *("ingredient.claimSignature.mismatch", "claimSignature.missing"),
}
UNTRUSTED = {
    *("claimSignature.mismatch", "claimSignature.outsideValidity", "signingCredential.invalid"),
    *("signingCredential.ocsp.revoked", "signingCredential.untrusted"),
}

INCEPTION = {"c2pa.created", "c2pa.opened"}
NON_EDITORIAL = {
    *("c2pa.converted", "c2pa.published", "c2pa.repackaged", "c2pa.transcoded", "c2pa.resized.proportional"),
    *("c2pa.enhanced", "c2pa.edited.metadata", "c2pa.watermarked", "c2pa.watermarked.bound"),
    *("c2pa.watermarked.unbound", "c2pa.redacted"),
}
ALLOWED_ASSERTIONS = {
    *("c2pa.hash.data", "c2pa.hash.data.part", "c2pa.actions.v2", "c2pa.ingredient.v3", "c2pa.hash.boxes"),
    *("c2pa.hash.bmff.v3", "c2pa.hash.collection.data", "c2pa.soft-binding", "c2pa.cloud-data", "c2pa.embedded-data"),
    *("c2pa.metadata", "c2pa.certificate-status", "c2pa.asset-ref", "c2pa.asset-type.v2", "c2pa.hash.multi-asset"),
    *("c2pa.thumbnail.claim", "c2pa.thumbnail.ingredient", "c2pa.depthmap.GDepth", "c2pa.icon"),
    *("c2pa.alternative-content-representation", "c2pa.external-reference", "c2pa.session-keys"),
    *("c2pa.environmental-sustainability", "c2pa.repository-receipt", "c2pa.ai-disclosure"),
    *("c2pa.assertion.metadata", "c2pa.time-stamp", "font.info"),
}
ALLOWED_ACTIONS = {
    *("c2pa.addedText", "c2pa.adjustedColor", "c2pa.changedSpeed", "c2pa.converted", "c2pa.created", "c2pa.cropped"),
    *("c2pa.deleted", "c2pa.drawing", "c2pa.dubbed", "c2pa.edited", "c2pa.edited.metadata", "c2pa.enhanced"),
    *("c2pa.filtered", "c2pa.mastered", "c2pa.mixed", "c2pa.opened", "c2pa.orientation", "c2pa.placed"),
    *("c2pa.published", "c2pa.redacted", "c2pa.remixed", "c2pa.removed", "c2pa.repackaged", "c2pa.resized"),
    *("c2pa.resized.proportional", "c2pa.transcoded", "c2pa.translated", "c2pa.trimmed", "c2pa.unknown"),
    *("c2pa.watermarked.bound", "c2pa.watermarked.unbound"),
}
DEPRECATED_ASSERTIONS = {
    *("c2pa.claim", "c2pa.hash.bmff.v2", "c2pa.asset-type", "c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.actions"),
}
STANDARD_PARAMETERS = {
    *("redacted", "ingredients", "ingredient", "description", "relatedAssertions", "sourceLanguage"),
    *("targetLanguage", "multipleInstances", "ranges", "weight", "width", "italic", "slant", "optical-size"),
}
RELATIONSHIPS = {"parentOf", "inputTo", "componentOf"}


def statement(check: Callable[[Manifest], bool]) -> Callable[[Manifest], bool]:
    RUBRIC[check.__name__] = check
    return check


def assertions(m: Manifest) -> dict[str, Any]:
    return m.get("assertions") or {}


def contents(m: Manifest) -> list[dict[str, Any]]:
    return [v for v in assertions(m).values() if isinstance(v, dict)]


def actions(m: Manifest) -> list[dict[str, Any]]:
    return [action for content in contents(m) for action in content.get("actions", [])]


def ingredients(m: Manifest) -> list[dict[str, Any]]:
    return [content for content in contents(m) if "relationship" in content]


def generator(m: Manifest) -> dict[str, Any]:
    info = m["claim.v2"]["claim_generator_info"]
    return info[0] if isinstance(info, list) else info


def failures(m: Manifest) -> list[str]:
    return [item["code"] for item in m["validationResults"].get("failure", [])]


@statement
def mandatory_dst_for_perceptible_transformations(m):
    exempt = INCEPTION | NON_EDITORIAL | {"c2pa.placed"}
    changing = [a for a in actions(m) if a["action"].startswith("c2pa.") and a["action"] not in exempt]
    return all(a.get("digitalSourceType") for a in changing)


@statement
def mandatory_spec_version(m):
    version = generator(m).get("specVersion")
    return isinstance(version, str) and version.split(".")[:2] == ["2", "4"]


@statement
def mandatory_all_actions_included(m):
    return all("allActionsIncluded" in c for c in contents(m) if "actions" in c)


@statement
def no_dst_for_opened_action(m):
    return not any(a.get("digitalSourceType") for a in actions(m) if a["action"] == "c2pa.opened")


@statement
def well_formed_data_present(m):
    return m.get("validationResults") is not None


@statement
def well_formed_success(m):
    return MALFORMED.isdisjoint(failures(m))


@statement
def valid_data_present(m):
    return m.get("validationResults") is not None


@statement
def valid_success(m):
    return MISMATCHED.isdisjoint(failures(m))


@statement
def inception_action_position(m):
    urls = [a["url"] for a in m["claim.v2"]["created_assertions"] if "c2pa.actions" in a["url"]]
    first = actions(m)[0]["action"]
    return bool(urls) and urls[0].endswith("c2pa.actions.v2") and first in INCEPTION


@statement
def no_deprecated_assertions(m):
    return not any(k.startswith("stds.") or k in DEPRECATED_ASSERTIONS for k in assertions(m))


@statement
def no_unsupported_assertions(m):
    known = ALLOWED_ASSERTIONS | DEPRECATED_ASSERTIONS
    return all(k.split("__")[0] in known for k in assertions(m) if k.startswith("c2pa."))


@statement
def no_deprecated_actions(m):
    old = ("copied", "formatted", "version_updated", "printed", "managed", "produced", "saved", "color_adjustments")
    return not any(a["action"] in {f"c2pa.{name}" for name in (*old, "watermarked")} for a in actions(m))


@statement
def no_unsupported_actions(m):
    return all(a["action"] in ALLOWED_ACTIONS for a in actions(m) if a["action"].startswith("c2pa."))


@statement
def no_unrecognized_custom_assertions(m):
    return all("." in k for k in assertions(m))


@statement
def no_unrecognized_custom_actions(m):
    return all("." in a["action"] for a in actions(m))


@statement
def no_unrecognized_custom_action_parameters(m):
    names = [name for a in actions(m) for name in a.get("parameters") or {}]
    return all(name in STANDARD_PARAMETERS or "." in name for name in names)


@statement
def discouraged_legacy_action_parameters(m):
    return not any({"description", "ingredient"} & set(a.get("parameters") or {}) for a in actions(m))


@statement
def active_manifest_urn(m):
    return m["label"].startswith("urn:c2pa:")


@statement
def review_ratings_datasource(m):
    human = ("humanEntry.anonymous", "humanEntry.credentialed")
    return not any("reviewRatings" in c and c.get("dataSource", {}).get("type") in human for c in contents(m))


@statement
def ingredient_v3_no_active_manifest(m):
    return all("activeManifest" in i or "validationResults" not in i for i in ingredients(m))


@statement
def ingredient_v3_mandatory_validation_results(m):
    return all("validationResults" in i for i in ingredients(m) if "activeManifest" in i)


@statement
def ingredient_relationship_values(m):
    return all(i["relationship"] in RELATIONSHIPS for i in ingredients(m))


@statement
def mandatory_dst_for_created_action(m):
    return all(a.get("digitalSourceType") for a in actions(m) if a["action"] == "c2pa.created")


@statement
def no_deprecated_claim_fields(m):
    return "specVersion" not in m["claim.v2"]


@statement
def ingredient_v3_choice(m):
    return not any("activeManifest" in i and "digitalSourceType" in i for i in ingredients(m))


@statement
def alternative_content_representation_choice(m):
    return not any(c.get("type") == "exif.originalPreservationImage" for c in contents(m))  # none is ever written


@statement
def forbidden_labels_in_external_references(m):
    outside = [c["label"] for c in contents(m) if {"label", "url"} <= set(c) and "relationship" not in c]
    return not any(label.startswith(("c2pa.actions", "c2pa.cloud-data", "c2pa.hash", "c2pa.ingr")) for label in outside)


@statement
def no_url_in_hashes(m):
    return not any("url" in assertions(m).get(k, {}) for k in ("c2pa.hash.data", "c2pa.hash.bmff.v3"))


@statement
def all_actions_included_opened(m):
    if len(actions(m)) != 1 or actions(m)[0]["action"] != "c2pa.opened":
        return True
    return all(c.get("allActionsIncluded") is True for c in contents(m) if "actions" in c)


@statement
def opened_action_ingredient_reference(m):
    opened = [a for a in actions(m) if a["action"] == "c2pa.opened"]
    return all(len((a.get("parameters") or {}).get("ingredients", [])) == 1 for a in opened)


@statement
def no_box_hash_for_tiff(m):
    return "c2pa.hash.boxes" not in assertions(m) or "c2pa.asset-type.v2" not in assertions(m)


def trusted_data_present(m: Manifest) -> bool:
    return m.get("validationResults") is not None


def trusted_success(m: Manifest) -> bool:
    return UNTRUSTED.isdisjoint(failures(m))


INTEGRITY: dict[str, Callable[[Manifest], bool]] = {
    name: RUBRIC[name]
    for name in ("well_formed_data_present", "well_formed_success", "valid_data_present", "valid_success")
} | {"trusted_data_present": trusted_data_present, "trusted_success": trusted_success}

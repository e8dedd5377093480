"""What a file was made of, generation by generation, as its credentials tell it: a tree, with the small pictures that
they hold. The state of a part is what was found when the file above it was signed.

    history(path, anchors_pem) -> Part | None
"""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from pydantic import Field

from provenance.credentials import manifest
from provenance.read import statements
from provenance.read.statements import DEEPEST
from provenance.read.verdict import Record

MOST = 64  # parts that are told; a chain of edits may be long, and a hostile one longer
SIDE = 160  # pixels of a small picture
LARGEST = 1 << 20  # bytes of one, as it is kept


class Part(Record):
    """A file, and what went into it."""

    title: str
    relationship: str = ""  # "parentOf", "componentOf", "inputTo"; "" for the file itself
    state: Literal["intact", "broken", "none", "unknown"] = "unknown"  # of its credentials; unknown: told elsewhere
    signer: str = ""
    made: str = ""
    source: str = ""  # digital source type, last part
    thumbnail: str = ""  # data:image/jpeg;base64,...
    parts: list["Part"] = Field(default_factory=list)


def history(path: Path, anchors_pem: str = "") -> Part | None:
    """The tree of a file; None where it bears no credentials that can be read."""
    said = manifest.read_store(path, anchors_pem)
    if said is None or not said["manifests"]:
        return None
    contents = {str(content.get("label", "")): content for content in said["manifests"]}
    addresses = [address for content in contents.values() for address in _pictures(content).values()]
    kept = manifest.resources(path, list(dict.fromkeys(addresses))[:MOST], LARGEST)
    small = {address: _small(data) for address, data in kept.items()}
    left = MOST

    def tree(content: Mapping[str, Any], depth: int, **told: Any) -> Part:
        nonlocal left
        left -= 1
        pictures, parts = _pictures(content), []
        for item in statements.opened(content):
            if left <= 0 or depth >= DEEPEST:
                break
            below = contents.get(item.manifest, {})
            shown = small.get(pictures.get(item.title, ""), "")
            known = {"title": item.title, "relationship": item.relationship, "state": item.state}
            parts.append(tree(below, depth + 1, **known, **({"thumbnail": shown} if shown else {})))
        told.setdefault("thumbnail", small.get(pictures.get("", ""), ""))
        return Part(**_about(content) | told, parts=parts)

    return tree(said["manifest"], 0)


def _about(content: Mapping[str, Any]) -> dict[str, str]:
    """What a manifest says of its file."""
    certificate = (content.get("signature") or {}).get("certificateInfo") or {}
    first: Mapping[str, Any] = next(iter(statements.actions(content)), {})
    claim = content.get("claim.v2") or content.get("claim") or {}
    return {
        "title": str(claim.get("dc:title") or ""),
        "signer": str((certificate.get("subject") or {}).get("CN") or ""),
        "made": str(first.get("when") or ""),
        "source": statements.origin(content),
    }


def _pictures(content: Mapping[str, Any]) -> dict[str, str]:
    """Addresses of the small pictures in a manifest: of the file itself under "", of what went in under its title."""
    own, found = str(content.get("label", "")), {}
    for label, said in statements.assertions(content):
        if label.startswith("c2pa.thumbnail.claim"):
            found[""] = f"self#jumbf=/c2pa/{own}/c2pa.assertions/{label}"
        elif label.startswith("c2pa.ingredient") and isinstance(said.get("thumbnail"), dict):
            url = str(said["thumbnail"].get("url") or "")
            title = str(said.get("dc:title") or said.get("title") or "")
            found[title] = url.replace("self#jumbf=c2pa.assertions", f"self#jumbf=/c2pa/{own}/c2pa.assertions")
    return found


def _small(data: bytes) -> str:
    """A stranger's picture, drawn anew; "" for what is none."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            picture.draft("RGB", (SIDE, SIDE))
            drawn = picture.convert("RGB")
    except Exception:  # whatever a decoder makes of bytes that are meant to break it
        return ""
    drawn.thumbnail((SIDE, SIDE))
    target = io.BytesIO()
    drawn.save(target, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(target.getvalue()).decode()

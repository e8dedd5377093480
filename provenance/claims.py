"""What the credentials of an output say: the assertions of a C2PA claim (specification 2.4) that `manifest` signs.

Of what is made here (`Claim`), `created`, which is vouched for by the signer:
    c2pa.actions.v2        c2pa.created, trainedAlgorithmicMedia; c2pa.watermarked.bound; nothing else was done
    c2pa.soft-binding      the message of the picture mark, and of the sound mark where there is sound
    c2pa.ai-disclosure     a generative model made it
    cawg.training-mining   not to be used to train on
    io.vasari.making       command, settings, SHA-256 of portrait, other inputs, consent and model weights
and, gathered, c2pa.ingredient.v3 of portrait and inputs: the credentials that they came with (`ingredients`).

Of what others made (`Opened`): c2pa.opened, with the file as its one ingredient; if it was marked here also
c2pa.transcoded, c2pa.watermarked.bound, soft bindings and io.vasari.making. Where it comes from is not ours to say, so
there is no digitalSourceType.

Hashes of inputs are named by role, never by file name: file names are often people's names.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from provenance.consent import Consent
from provenance.hashing import file_sha256
from provenance.ingredients import Ingredient, able

SPEC_VERSION = "2.4.0"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PICTURE_ALGORITHM = "io.vasari.mark.picture.1"
SOUND_ALGORITHM = "io.vasari.mark.sound.1"
MAKING = "io.vasari.making"
MODEL_TYPE = "c2pa.types.generator"
Assertions = list[tuple[str, dict[str, Any]]]  # label and content
Setting = str | int | float | bool


@dataclass(frozen=True)
class Claim:
    """What a maker says of an output."""

    command: str  # what made it: "generate", "animate" ...
    portrait: Path | None = None  # the portrait file; its hash goes into the manifest. None only for `nobody`
    inputs: tuple[Path, ...] = ()  # speech, driving video: hashed too
    consent: Consent | None = None  # demanded unless `nobody`
    nobody: bool = False  # the portrait shows a person who does not exist
    settings: Mapping[str, Setting] = field(default_factory=dict)  # seed, size, emotion ...
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

    def assertions(self, bindings: Assertions) -> Assertions:
        """All of them, with these soft bindings."""
        made = {
            "digitalSourceType": SOURCE_TYPE,
            "description": f"Made by `vasari {self.command}`; no camera saw it",
        }
        uses = ("cawg.ai_training", "cawg.ai_generative_training", "cawg.data_mining", "cawg.ai_inference")
        return [
            _actions(_action("c2pa.created", **made), _watermarked()),
            *bindings,
            ("c2pa.ai-disclosure", {"modelType": MODEL_TYPE, "modelName": "vasari"}),
            ("cawg.training-mining", {"entries": {use: {"use": "notAllowed"} for use in uses}}),
            (MAKING, self.making()),
        ]


@dataclass(frozen=True)
class Opened:
    """What a maker says of a file that others made."""

    source: Path
    settings: Mapping[str, Setting] = field(default_factory=dict)  # crf, quality
    title: str = ""  # as in `Claim`
    command: str = "mark"
    portrait: None = None
    nobody: bool = False

    def ingredients(self) -> list[Ingredient]:
        """The file itself."""
        return [Ingredient(self.source, "opened", "parentOf")]

    def assertions(self, bindings: Assertions) -> Assertions:
        """All of them; without soft bindings the file is signed as it is."""
        if not bindings:
            return [_actions(_action("c2pa.opened"))]
        making = {
            "command": self.command,
            "inputs": [{"role": "opened", "sha256": file_sha256(self.source)}],
            "settings": dict(self.settings),
        }
        actions = _actions(_action("c2pa.opened"), _action("c2pa.transcoded"), _watermarked())
        return [actions, *bindings, (MAKING, making)]


def definition(
    claim: Claim | Opened, *, title: str, mime: str, key_id: str = "", mark: str = "", sound_mark: str = ""
) -> dict[str, Any]:
    """The manifest definition for `c2pa.Builder`.

    Args:
        key_id: of the watermark key that reads the marks.
        mark, sound_mark: messages in hexadecimal, "" where there is none.
    """
    bindings: Assertions = [
        ("c2pa.soft-binding", {"alg": alg, "blocks": [{"scope": {}, "value": value}], "name": key_id})
        for alg, value in ((PICTURE_ALGORITHM, mark), (SOUND_ALGORITHM, sound_mark))
        if value
    ]
    return {
        "claim_generator_info": [_agent() | {"specVersion": SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [{"label": label, "created": True, "data": data} for label, data in claim.assertions(bindings)],
    }


def vasari_version() -> str:
    """Version of the installed package, "0" from a bare checkout."""
    try:
        return version("vasari")
    except PackageNotFoundError:
        return "0"


def _agent() -> dict[str, str]:
    return {"name": "vasari", "version": vasari_version()}


def _actions(*actions: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "c2pa.actions.v2", {"actions": list(actions), "allActionsIncluded": True}


def _action(name: str, **more: Any) -> dict[str, Any]:
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"action": name, "when": when, "softwareAgent": _agent(), **more}


def _watermarked() -> dict[str, Any]:
    return _action("c2pa.watermarked.bound", description="Invisible mark bound to this manifest in its soft binding")

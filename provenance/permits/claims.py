"""What the credentials of an output say: the assertions of a C2PA claim (specification 2.4). `credentials.manifest`
signs them.

Where it comes from is said by the type of the claim, with its digital source type and its first action:

    Generated   c2pa.created, trainedAlgorithmicMedia                      a model drew it from a portrait
    Rendered    c2pa.created, algorithmicMedia                             drawn by computer graphics, nobody's face
    Composite   c2pa.created, compositeWithTrainedAlgorithmicMedia         put together of generated and other parts
    Mixed       c2pa.created, compositeCapture                             mixed of photographs of several people
    Recorded    c2pa.opened, then c2pa.cropped, digitalCapture             what a camera took, cut out and coded again
    Edited      c2pa.opened, then c2pa.edited, algorithmicallyEnhanced     what a camera took, changed since
    Opened      c2pa.opened; nothing is said of where it comes from        what others made, signed or marked here

All of them but `Opened` are made by a `gate.Permit` alone, and say in io.vasari.making: the type, command, settings,
SHA-256 of what went in, of the model weights and of the terms (`TERMS`), who is shown (nobody, somebody who consented,
a data set) and how alike the faces in it are to the permit's portrait. Every output has c2pa.watermarked.bound with
c2pa.soft-binding (the messages of the marks that were read back from the file); what is not a camera's says in
io.vasari.label whether it bears a visible label, where and when, and in io.vasari.notice what is said before it; what a
model made also has c2pa.ai-disclosure and cawg.training-mining (not to be trained on). c2pa.ingredient.v3 carries the
credentials that inputs came with.

Hashes of inputs are named by role, never by file name: file names are often people's names.
"""

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from media.errors import UnreadableError, UsageError
from media.hashing import file_sha256
from media.release import vasari_version
from provenance.credentials.ingredients import Ingredient, able
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.marks.label import ASSERTION as LABEL
from provenance.marks.notice import ASSERTION as NOTICE
from provenance.permits.subjects import Licensed, NonExistent, Subject

SPEC_VERSION = "2.4.0"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
WRITTEN = "dataDrivenMedia"
MAKING = "io.vasari.making"
TERMS = Path(__file__).parents[1] / "data" / "TERMS.md"
MODEL_TYPE = "c2pa.types.generator"
MOST_INGREDIENTS = 16  # of a composite; of the others the hash is told
Assertions = list[tuple[str, dict[str, Any]]]  # label and content
Setting = str | int | float | bool


@dataclass(frozen=True)
class Input:
    """A file that goes in, hashed before it is used."""

    path: Path
    sha256: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> "Input":
        """Raises `UnreadableError` where it is no file that can be read."""
        if not Path(path).is_file():
            raise UnreadableError(f"{path}: no such file; what went in has to be one")
        return cls(Path(path), file_sha256(path))

    def check(self) -> None:
        """Raise `UnreadableError` where it is not what it was."""
        if file_sha256(self.path) != self.sha256:
            raise UnreadableError(f"{self.path}: was changed while it was used; nothing was written")


@dataclass(frozen=True)
class Claim:
    """What a maker says of an output: one of the types below, made by `gate.Permit.perform`."""

    command: str  # what made it: "generate", "animate" ...
    subjects: tuple[Subject, ...]  # who is shown
    inputs: tuple[Input, ...] = ()  # speech, driving video
    settings: Mapping[str, Setting] = field(default_factory=dict)  # seed, size, emotion ...
    models: Mapping[str, str] = field(default_factory=dict)  # name of each weight file -> SHA-256 of its tensors
    title: str = ""  # title in the credentials; the output's file name when empty
    label: Mapping[str, Any] = field(default_factory=dict)  # of `Labeller.said`, once it is drawn
    notice: Mapping[str, Any] = field(default_factory=dict)  # of `Notice.said`, once it is put before the sound

    kind: ClassVar[str] = ""
    source_type: ClassVar[str] = ""  # last part of the IPTC address
    synthetic: ClassVar[bool] = True  # a model made it, or some of it
    labelled: ClassVar[bool] = True  # may bear a visible label, and states whether it does

    @property
    def sources(self) -> tuple[Path, ...]:
        """All files that went in; the output may be none of them."""
        return (*(s.path for s in self.subjects if s.path is not None), *(given.path for given in self.inputs))

    @property
    def portrait_sha256(self) -> str:
        """Hash of the first portrait."""
        return self.subjects[0].sha256

    @property
    def nobody(self) -> bool:
        """Whether it may be a portrait again that needs no consent: somebody who does not exist, as they were rendered.
        What was generated from one may be less and less alike from step to step, so it is none."""
        return self.kind == "rendered" and not any(subject.exists for subject in self.subjects)

    def check(self) -> None:
        """Raise `UsageError` where the subjects cannot be claimed so."""

    def ingredients(self) -> list[Ingredient]:
        """Files that can carry credentials, as what went in."""
        given = [Ingredient(s.path, "portrait") for s in self.subjects if s.path is not None]
        found = [*given, *(Ingredient(one.path, "input") for one in self.inputs)]
        return [ingredient for ingredient in found if able(ingredient.path)][:MOST_INGREDIENTS]

    def actions(self) -> list[dict[str, Any]]:
        """What was done, but for the marks."""
        return [_action("c2pa.created", digitalSourceType=IPTC + self.source_type, description=self.description())]

    def description(self) -> str:
        """One sentence for who looks."""
        return f"Made by `vasari {self.command}`; no camera saw it"

    def making(self, likeness: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The content of the io.vasari.making assertion. `likeness`: of the faces that were made to the portrait's."""
        inputs = [{"role": "portrait", "sha256": subject.sha256} for subject in self.subjects]
        inputs += [{"role": "input", "sha256": one.sha256} for one in self.inputs]
        persons = sorted({subject.grounds.person for subject in self.subjects})
        making: dict[str, Any] = {
            "claim": self.kind,
            "command": self.command,
            "terms": terms_sha256(),
            "inputs": inputs,
            "person": persons[0] if len(persons) == 1 else ", ".join(persons),
            "settings": dict(self.settings),
            "models": [{"name": name, "sha256": digest} for name, digest in sorted(self.models.items())],
        }
        for subject in self.subjects:
            making |= {name: said for name, said in subject.grounds.said().items() if name not in making}
        if likeness:
            making["likeness"] = dict(likeness)
        return making

    def assertions(self, bindings: Assertions, likeness: Mapping[str, Any] | None = None) -> Assertions:
        """All of them, with these soft bindings."""
        told: Assertions = [_actions(*self.actions(), _watermarked()), *bindings]
        if self.synthetic:
            uses = ("cawg.ai_training", "cawg.ai_generative_training", "cawg.data_mining", "cawg.ai_inference")
            told += [
                ("c2pa.ai-disclosure", {"modelType": MODEL_TYPE, "modelName": "vasari"}),
                ("cawg.training-mining", {"entries": {use: {"use": "notAllowed"} for use in uses}}),
            ]
        told += [(name, dict(said)) for name, said in ((LABEL, self.label), (NOTICE, self.notice)) if said]
        return [*told, (MAKING, self.making(likeness))]


@dataclass(frozen=True)
class Generated(Claim):
    """A model drew it from a portrait."""

    kind: ClassVar[str] = "generated"
    source_type: ClassVar[str] = "trainedAlgorithmicMedia"


@dataclass(frozen=True)
class Rendered(Claim):
    """Computer graphics drew it: a person who does not exist, without any model that learned from pictures."""

    kind: ClassVar[str] = "rendered"
    source_type: ClassVar[str] = "algorithmicMedia"
    synthetic: ClassVar[bool] = False

    def check(self) -> None:
        if not all(isinstance(s.grounds, NonExistent) and s.grounds.how == "rendered" for s in self.subjects):
            raise UsageError("claimed as rendered, but it shows a portrait that was given; claim it as generated")

    def description(self) -> str:
        return f"Drawn by computer graphics (`vasari {self.command}`); the person does not exist"


@dataclass(frozen=True)
class Composite(Claim):
    """Put together of generated parts and others: a generated mouth on filmed frames, a sheet of many faces."""

    kind: ClassVar[str] = "composite"
    source_type: ClassVar[str] = "compositeWithTrainedAlgorithmicMedia"

    def description(self) -> str:
        return f"Put together by `vasari {self.command}` of parts that a model made and others"


@dataclass(frozen=True)
class Mixed(Claim):
    """Mixed of photographs of several people, without any model that generates: a face that nobody has."""

    kind: ClassVar[str] = "mixed"
    source_type: ClassVar[str] = "compositeCapture"
    synthetic: ClassVar[bool] = False

    def check(self) -> None:
        if not all(isinstance(s.grounds, Licensed) and s.path is None for s in self.subjects):
            raise UsageError("claimed as mixed, but it shows a portrait that was given; claim it as edited")

    def description(self) -> str:
        return f"Mixed of photographs of several people (`vasari {self.command}`), none of whom it shows"


@dataclass(frozen=True)
class _Captured(Claim):
    """What begins with a file that a camera took."""

    synthetic: ClassVar[bool] = False
    labelled: ClassVar[bool] = False

    def check(self) -> None:
        if len(self.subjects) != 1:
            raise UsageError(f"claimed as {self.kind}, which one file is; {len(self.subjects)} were given")

    def ingredients(self) -> list[Ingredient]:
        """The file itself, of which this is a changed copy."""
        path = self.subjects[0].path
        return [] if path is None else [Ingredient(path, "opened", "parentOf")]

    def _opened(self) -> dict[str, Any]:
        if self.subjects[0].path is None:  # somebody rendered: no camera, and no file
            return _action("c2pa.created", digitalSourceType=IPTC + Rendered.source_type)
        return _action("c2pa.opened")


@dataclass(frozen=True)
class Recorded(_Captured):
    """What a camera took, cut out and coded again; checked against the file that it is from."""

    kind: ClassVar[str] = "recorded"
    source_type: ClassVar[str] = "digitalCapture"

    def check(self) -> None:
        super().check()
        if not self.subjects[0].exists:
            raise UsageError("claimed as recorded, but the person does not exist: no camera saw them")

    def actions(self) -> list[dict[str, Any]]:
        cut = _action("c2pa.cropped", digitalSourceType=IPTC + self.source_type)
        return [self._opened(), cut, _action("c2pa.transcoded")]


@dataclass(frozen=True)
class Edited(_Captured):
    """What a camera took, changed by an algorithm that generates nothing."""

    kind: ClassVar[str] = "edited"
    source_type: ClassVar[str] = "algorithmicallyEnhanced"

    def actions(self) -> list[dict[str, Any]]:
        changed = _action("c2pa.edited", digitalSourceType=IPTC + self.source_type, description=self.description())
        return [self._opened(), changed, _action("c2pa.transcoded")]

    def description(self) -> str:
        return f"Changed by `vasari {self.command}`"


@dataclass(frozen=True)
class Opened:
    """What a maker says of a file that others made."""

    source: Path
    settings: Mapping[str, Setting] = field(default_factory=dict)  # crf, quality
    title: str = ""  # as in `Claim`
    command: str = "mark"
    notice: Mapping[str, Any] = field(default_factory=dict)  # as in `Claim`

    kind: ClassVar[str] = "opened"
    portrait_sha256: ClassVar[str] = ""
    nobody: ClassVar[bool] = False

    def ingredients(self) -> list[Ingredient]:
        """The file itself."""
        return [Ingredient(self.source, "opened", "parentOf")]

    def assertions(self, bindings: Assertions, likeness: Mapping[str, Any] | None = None) -> Assertions:
        """All of them; without soft bindings the file is signed as it is."""
        if not bindings:
            return [_actions(_action("c2pa.opened"))]
        making = {
            "claim": self.kind,
            "command": self.command,
            "inputs": [{"role": "opened", "sha256": file_sha256(self.source)}],
            "settings": dict(self.settings),
        }
        edited = [_action("c2pa.edited", description="A spoken notice was put before it")] if self.notice else []
        actions = _actions(_action("c2pa.opened"), *edited, _action("c2pa.transcoded"), _watermarked())
        return [actions, *bindings, *([(NOTICE, dict(self.notice))] if self.notice else []), (MAKING, making)]


@dataclass(frozen=True)
class Written:
    """What a maker says of a paper of their own: a program wrote it, of data."""

    command: str

    def assertions(self, bindings: Assertions, likeness: Mapping[str, Any] | None = None) -> Assertions:
        """One action."""
        return [_actions(_action("c2pa.created", digitalSourceType=IPTC + WRITTEN))]


KINDS = (Generated, Rendered, Composite, Mixed, Recorded, Edited)
"""What may be claimed; these types and none derived from them."""


def definition(
    claim: Claim | Opened | Written,
    *,
    title: str,
    mime: str,
    key_id: str = "",
    mark: str = "",
    sound_mark: str = "",
    likeness: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest definition for `c2pa.Builder`.

    Args:
        key_id: of the watermark key that reads the marks.
        mark, sound_mark: messages in hexadecimal, "" where there is none.
        likeness: as in `Claim.making`.
    """
    bindings: Assertions = [
        ("c2pa.soft-binding", {"alg": alg, "blocks": [{"scope": {}, "value": value}], "name": key_id})
        for alg, value in ((PICTURE_ALGORITHM, mark), (SOUND_ALGORITHM, sound_mark))
        if value
    ]
    told = claim.assertions(bindings, likeness)
    return {
        "claim_generator_info": [_agent() | {"specVersion": SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [{"label": label, "created": True, "data": data} for label, data in told],
    }


@cache
def terms_sha256() -> str:
    """Of `TERMS`: what who runs it has agreed to."""
    return file_sha256(TERMS)


def _agent() -> dict[str, str]:
    return {"name": "vasari", "version": vasari_version()}


def _actions(*actions: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "c2pa.actions.v2", {"actions": list(actions), "allActionsIncluded": True}


def _action(name: str, **more: Any) -> dict[str, Any]:
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"action": name, "when": when, "softwareAgent": _agent(), **more}


def _watermarked() -> dict[str, Any]:
    return _action("c2pa.watermarked.bound", description="Invisible mark bound to this manifest in its soft binding")

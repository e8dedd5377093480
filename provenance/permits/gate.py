"""The gate: nobody is shown without a permit, and nothing can be saved that no permit was given for.

    allowed = Permit.of("me.jpg", keys=keys, consent="consent.json")     somebody who agreed
    allowed = Permit.of("examples/portrait.png", keys=keys)              somebody who does not exist, known by the bytes
    allowed = Permit.rendered(person, wardrobe, 512, keys=keys)          somebody who does not exist, drawn here and now
    allowed = Permit.licensed("001.jpg", keys=keys, dataset="...", licence="LICENSE.txt")
    allowed = Permit.mixed(mixture, studio, keys=keys, dataset="...", licence="LICENSE.txt")     of several people there
    allowed = Permit.together([one, another])                            both are shown

    performance = allowed.perform(Generated, frames, sound, command="generate")
    save_video("out.mp4", performance)                                   signed and marked with the permit's keys

There is no other way: `Permit` and `Performance` have no constructor, the save path takes nothing but a `Performance`,
and no argument says that somebody does not exist or has agreed. A portrait is read once: what is animated are the bytes
whose hash is in the claim. Frames are tied to it by `likeness`: a face that is not the portrait's is refused.

Whoever holds the keys can write a program that signs anything with them, as with any key; the gate is there so that
nobody does it by mistake, by an argument, or through a service.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from media.errors import ConsentError, UsageError
from media.hashing import bytes_sha256, file_sha256
from provenance.marks.label import Label
from provenance.marks.notice import Notice
from provenance.permits.claims import KINDS, Claim, Edited, Input, Recorded, Setting
from provenance.permits.cut import Cut
from provenance.permits.grounds import check_camera, check_own, frozen, licence_of, made_here, opened
from provenance.permits.nobody import shipped
from provenance.permits.subjects import Consented, Licensed, NonExistent, Subject, stamp_of
from provenance.registry import Registry
from provenance.trust.consent import Consent, check_consent, check_signature, read_consent
from provenance.trust.keys import Keys

if TYPE_CHECKING:
    from lab.people import Person, Wardrobe
    from lab.pictures.composites import Mixture, Studio


class _Sealed:
    """Made by this module alone: no constructor, no copy with other contents, no subclass, no pickle."""

    __slots__ = ()

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError(
            f"a {type(self).__name__} cannot be constructed; see `provenance.permits.gate` for how one is given"
        )

    def __init_subclass__(cls, *, sealed: bool = False) -> None:
        if not sealed:
            raise TypeError(f"{cls.__name__}: what the gate gives cannot be subclassed")

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def __reduce__(self) -> Never:
        raise TypeError(f"a {type(self).__name__} does not leave its process; give portrait and consent")


def _given(cls: type, **values: object) -> Any:
    made: Any = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


class Permit(_Sealed, sealed=True):
    """Who may be shown, and with which keys what shows them is signed.

    Attributes:
        keys: the maker's; they sign and mark what is made under the permit.
        subjects: who is shown, and on what grounds.
    """

    __slots__ = ("keys", "photograph", "subjects")

    keys: Keys
    subjects: tuple[Subject, ...]
    photograph: Any  # of what was drawn or mixed here: the picture with its labels, else None

    @classmethod
    def of(
        cls,
        portrait: str | os.PathLike[str],
        *,
        keys: Keys,
        consent: str | os.PathLike[str] | Consent | None = None,
        registry: Registry | None = None,
    ) -> "Permit":
        """To show who is in a picture, or in a video.

        Without a consent the picture must be of a person who does not exist: a shipped example, or a picture of such a
        person that this maker rendered, whole and with its credentials. Bytes decide, not likeness.

        Args:
            consent: the signed file (`vasari consent grant`) for this very picture.
            registry: of this maker's outputs; the one beside the keys when left out.

        Raises:
            UnreadableError: the portrait cannot be read.
            ConsentError: there is no consent, or it is unsigned, altered, revoked, expired, or for another file.
        """
        path = Path(portrait).resolve()  # a link may lead elsewhere a moment later
        digest, picture, data = opened(path)
        if consent is not None:
            given = isinstance(consent, Consent)
            # Of an object the words alone are taken: a class of its own may say otherwise each time it is asked.
            agreed = Consent(**dict(consent)) if isinstance(consent, Consent) else read_consent(consent, keys=keys)
            check_signature(agreed, keys=keys)
            check_consent(agreed, digest, source="consent" if given else str(consent))
            grounds: NonExistent | Consented = Consented(agreed)
        elif digest in shipped():
            grounds = NonExistent("shipped")
        elif data and made_here(path, data, keys, registry):
            grounds = NonExistent("made")
        else:
            raise ConsentError(
                f"{path}: a portrait of somebody needs consent on file; make it with `vasari consent grant` and give "
                "it with --consent"
            )
        subject = Subject(grounds, digest, path, picture, stamp=stamp_of(path))
        return _permit(cls, keys, (subject,))

    @classmethod
    def rendered(
        cls, person: "Person", wardrobe: "Wardrobe", size: int = 512, *, keys: Keys, supersample: float = 1.5
    ) -> "Permit":
        """To show a person who does not exist: photographed here, so that nobody need be believed.

        `photograph` holds the picture, uint8 RGB (size, size, 3), and its labels; `supersample`: how much finer it is
        drawn first.

        Raises:
            UsageError: not a `lab.people.Person` and `Wardrobe` themselves.
        """
        from lab.people import Person, Wardrobe

        if type(person) is not Person or type(wardrobe) is not Wardrobe:
            raise UsageError("a lab.people.Person and a Wardrobe are needed, not what is derived from them")
        check_own(person)
        shot = Person.photograph(person, wardrobe, size, supersample=supersample)
        picture = frozen(shot.picture)
        subject = Subject(
            NonExistent("rendered"), bytes_sha256(picture.tobytes()), None, picture, frozen(shot.mesh[:, :2])
        )
        return _permit(cls, keys, (subject,), shot)

    @classmethod
    def licensed(
        cls,
        picture: str | os.PathLike[str],
        *,
        keys: Keys,
        dataset: str,
        licence: str | os.PathLike[str],
    ) -> "Permit":
        """To show who is in a picture of a data set, under the licence that a file of the set states.

        Args:
            dataset: its name, for the credentials.
            licence: a text file that names the licence: CC-BY, CC-BY-SA, CC0 or public domain.

        Raises:
            UnreadableError: picture or licence cannot be read.
            ConsentError: the file names no licence that lets altered forms be made.
        """
        path, stated = Path(picture).resolve(), Path(licence)
        digest, seen, _ = opened(path)
        grounds = Licensed(dataset, licence_of(stated), file_sha256(stated))
        return _permit(cls, keys, (Subject(grounds, digest, path, seen, stamp=stamp_of(path)),))

    @classmethod
    def mixed(
        cls,
        mixture: "Mixture",
        studio: "Studio",
        expression: str = "neutral",
        *,
        keys: Keys,
        dataset: str,
        licence: str | os.PathLike[str],
    ) -> "Permit":
        """To show a face that nobody has: mixed here of pictures of several people of a data set, under the licence
        that a file of the set states.

        `photograph` holds the picture, uint8 RGB (S, S, 3), and its points (`lab.pictures.composites.Composed`).

        Raises:
            UnreadableError: a picture of the set, or the licence, cannot be read.
            ConsentError: the file names no licence that lets altered forms be made.
            UsageError: not a `Mixture` and a `Studio` themselves, or one person has too much of the mixture.
        """
        from lab.pictures.composites import Mixture, Studio

        if type(mixture) is not Mixture or type(studio) is not Studio:
            raise UsageError("a lab.pictures.composites.Mixture and a Studio are needed, not what is derived from them")
        if not mixture.of_several:
            raise UsageError(f"{mixture}: one person stands out; a mixture is of three or more, none above 70%")
        stated = Path(licence)
        grounds = Licensed(dataset, licence_of(stated), file_sha256(stated))
        made = Studio.compose(studio, mixture, expression)
        picture = frozen(made.picture)
        subject = Subject(grounds, bytes_sha256(picture.tobytes()), None, picture, frozen(made.mesh[:, :2]))
        return _permit(cls, keys, (subject,), made)

    @classmethod
    def together(cls, permits: Sequence["Permit"]) -> "Permit":
        """To show all of them in one output.

        Raises:
            UsageError: there is none, or they are of different makers.
        """
        if not permits or any(type(one) is not Permit for one in permits):
            raise UsageError("no permit was given to put together")
        keys = permits[0].keys
        if any(one.keys.anchor_pem != keys.anchor_pem for one in permits):
            raise UsageError("permits of different makers cannot be put together; open all with the same keys")
        subjects = {subject.sha256: subject for one in permits for subject in one.subjects}
        return _permit(cls, keys, tuple(subjects.values()))

    @property
    def picture(self) -> np.ndarray:
        """The portrait, uint8 RGB (H, W, 3), read-only. Raises `UsageError` where it is a video, or several."""
        if len(self.subjects) != 1 or self.subjects[0].picture is None:
            raise UsageError("the permit is for a video or for several portraits; one picture is needed here")
        return self.subjects[0].picture

    def perform(
        self,
        kind: type[Claim],
        shown: Any,
        sound: np.ndarray | Iterable[np.ndarray] | None = None,
        *,
        command: str,
        inputs: Sequence[str | os.PathLike[str]] = (),
        settings: Mapping[str, Setting] | None = None,
        models: Mapping[str, str] | None = None,
        title: str = "",
        label: Label | None = None,
        notice: Notice | None = None,
    ) -> "Performance":
        """What can be saved: pictures and sound, with what will be claimed of them.

        Args:
            kind: what it is: `claims.Generated`, `Rendered`, `Composite`, `Mixed`, `Recorded` or `Edited`.
            shown: a picture, uint8 RGB (H, W, 3), for `save_picture`; frames of this kind, 25 a second, for
                `save_video`; moments (`.frame`, `.sound`) for `save_live`; a `Cut` for what is claimed as recorded,
                which is read from the permit's file here.
            sound: float32 mono 16 kHz in [-1, 1], whole or in chunks; None for a silent film.
            command: what made it, "generate"; `inputs` are files that went in, `settings` what was asked for, `models`
                the weights (name -> SHA-256). Inputs are hashed now: give them before they are used.
            title: in the credentials; the output's file name when empty.
            label: the visible label, drawn by the save path. When left out, files bear none, and what is sent live
                bears one all the time; what a camera took bears none.
            notice: what is said before the sound of a video, put there by the save path; `shown` begins with
                `notice.frames` frames for it (`notice.held` holds the first).

        Raises:
            UsageError: the permit does not allow this kind of claim, or the claim no label.
            ConsentError: consent has expired or was revoked since the permit was given.
        """
        if not any(kind is one for one in KINDS):
            raise UsageError(f"{kind}: no kind of claim; see `provenance.permits.claims`")
        if (kind is Recorded) != (type(shown) is Cut) or (kind is Recorded and sound is not None):
            raise UsageError("what a camera recorded is cut out of its file by the gate: Recorded takes a Cut, alone")
        if label is not None and type(label) is not Label:
            raise UsageError(f"label {label!r}: a provenance.Label is needed")
        if notice is not None and type(notice) is not Notice:
            raise UsageError(f"notice {notice!r}: a provenance.Notice is needed")
        if ((label is not None and label.kind != "off") or notice is not None) and not kind.labelled:
            raise UsageError(f"claimed as {kind.kind}, which a camera took: it is not to be labelled as made by AI")
        told = dict(settings or {}) | (shown.settings() if kind is Recorded else {})
        given = tuple(map(Input.of, inputs))
        claim = kind(command, self.subjects, given, _settings(told), _models(models or {}), title)
        claim.check()
        self.check()
        if kind in (Recorded, Edited):
            for subject in self.subjects:
                check_camera(subject, self.keys)
        if kind is Recorded:
            shown, sound = shown.taken(self.subjects[0])
        made: Performance = _given(
            Performance, permit=self, claim=claim, shown=shown, sound=sound, label=label, notice=notice
        )
        return made

    def check(self) -> None:
        """Raise unless all of it still holds: consents have neither expired nor been revoked, files are the same, and
        the watermark key is the maker's.

        Raises:
            ConsentError, KeyMaterialError, UnreadableError.
        """
        self.keys.check_own()
        for subject in self.subjects:
            if isinstance(subject.grounds, Consented):
                check_signature(subject.grounds.consent, keys=self.keys)
                check_consent(subject.grounds.consent, subject.sha256)
            if subject.path is not None and file_sha256(subject.path) != subject.sha256:
                raise ConsentError(f"{subject.path}: the portrait was changed since it was opened; open it again")

    def __repr__(self) -> str:
        return f"Permit({', '.join(f'{s.grounds.person} {s.sha256[:8]}' for s in self.subjects)})"


class Performance(_Sealed, sealed=True):
    """What can be saved: made by `Permit.perform`.

    Attributes:
        permit: under which it was made.
        claim: what its credentials will say.
        shown, sound, label, notice: as in `Permit.perform`.
    """

    __slots__ = ("claim", "label", "notice", "permit", "shown", "sound")

    permit: Permit
    claim: Claim
    shown: Any
    sound: np.ndarray | Iterable[np.ndarray] | None
    label: Label | None
    notice: Notice | None

    @property
    def keys(self) -> Keys:
        """The maker's."""
        return self.permit.keys

    def check(self) -> None:
        """Raise unless all of it still holds: as `Permit.check`, and what went in is what it was."""
        self.permit.check()
        for one in self.claim.inputs:
            one.check()


def admitted(performance: Performance) -> Performance:
    """The same, or an error: what the save path asks of everything before it begins.

    Raises:
        TypeError: it is something else.
        ConsentError: as `Permit.check`.
    """
    if type(performance) is not Performance:
        raise TypeError(f"a {type(performance).__name__} cannot be saved; only what `Permit.perform` gives can")
    performance.check()
    return performance


def check_unspoken(performance: Performance) -> None:
    """Raise `UsageError` for a spoken notice, which whole videos alone take."""
    if performance.notice is not None:
        raise UsageError("a spoken notice is put before whole videos and sound; a picture or live video takes none")


def is_nobody(portrait: str | os.PathLike[str], keys: Keys | None = None, *, registry: Registry | None = None) -> bool:
    """Whether `portrait` is known to show a person who does not exist, and needs no consent.

    Raises:
        UnreadableError: the file cannot be read.
    """
    digest, _, data = opened(Path(portrait))
    return digest in shipped() or (keys is not None and bool(data) and made_here(Path(portrait), data, keys, registry))


def _permit(cls: type[Permit], keys: Keys, subjects: tuple[Subject, ...], photograph: Any = None) -> Permit:
    if type(keys) is not Keys:
        raise TypeError(f"keys of {type(keys).__name__}: a permit is signed with a maker's own, `Keys.open`")
    made: Permit = _given(cls, keys=keys, photograph=photograph, subjects=subjects)
    return made


def _settings(told: Mapping[str, Any]) -> Mapping[str, Setting]:
    """The same, read-only. Raises `UsageError` for what credentials cannot say."""
    for name, value in told.items():
        known = type(name) is str and type(value) in (str, int, float, bool)
        if not known or (isinstance(value, float) and not math.isfinite(value)):
            raise UsageError(f"setting {name!r} is {value!r}; a text, a finite number, or true or false is needed")
    return MappingProxyType(dict(told))


def _models(told: Mapping[str, str]) -> Mapping[str, str]:
    for name, digest in told.items():
        if type(name) is not str or type(digest) is not str:
            raise UsageError(f"model {name!r} is {digest!r}; the SHA-256 of its weights is needed")
    return MappingProxyType(dict(told))

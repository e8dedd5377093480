"""What `import vasari` gives: the product in calls. Errors are of the tree in `media.errors`; every output is marked,
signed and registered; keys are the maker's own (`Keys.open()`) where none are given, made on first need.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from media.errors import FaceError, UnreadableError

if TYPE_CHECKING:
    from detect.detector import Detector
    from detect.result import Detection
    from detect.triage import Triage
    from faces import Track
    from generate.motion import Controls, Curve, Guidance
    from provenance import Consent, Keys, Notice, Saved, Verdict
    from provenance.marks.label import LabelKind

StrPath = str | os.PathLike[str]
Told = Callable[[int], None]


def generate(
    portrait: StrPath,
    speech: StrPath,
    output: StrPath,
    *,
    consent: "StrPath | Consent | None" = None,
    keys: "Keys | None" = None,
    controls: "Controls | Curve | None" = None,
    guidance: "Guidance | None" = None,
    size: int = 512,
    crop: str = "face",
    face: int | None = None,
    seed: int = 0,
    style: int | None = None,
    label: "LabelKind" = "off",
    label_reason: str = "",
    hear: StrPath | None = None,
    notice: "str | Notice | None" = None,
    told: dict[str, Any] | None = None,
    progress: Told | None = None,
) -> "Saved":
    """Make the face in a portrait speak.

    Args:
        portrait: a picture; of somebody, `consent` on file is needed. speech: any file with sound.
        output: an .mp4, which appears when it is whole.
        consent: a file of `vasari consent grant`, or a `Consent`. keys: the maker's own where none are given.
        controls: a `generate.motion.Controls` (gaze and pose in radians, + is right and down in the picture; distance
            0.5 to 3; moods by name with amounts 0 to 1; movement 0 to 2), or a `Curve` of them over time.
        guidance: how far conditions are weighed. seed: of head movement, glances, blinks. style: seed of speaking.
        size: of the square in which the face is rendered, pixels, 128 to 1024, even.
        crop: what is shown. "face": that square, around head and shoulders; "square": the largest square of the
            picture, as large; "full": the whole picture, at most 1280 pixels long.
        face: which of several, 1 for the largest.
        label: "on": a visible label (AI in a corner) all the time; "start": for 3 s, and again every 10 s; "off". The
            credentials state which, and why none if `label_reason` says so.
        hear: a recording of the other speaker, from the same moment on, to whom the face listens.
        notice: language, or a `Notice`, in which it is said first, the face at rest, that AI made the video.
        told: settings for the credentials. progress: called with the number of frames made.

    Raises:
        UnreadableError, SpeechError, FaceError: what is given cannot be used.
        ConsentError: there is no consent that holds.
        KeyMaterialError, UsageError (of it UnmarkableError), OutputError, SigningError: as `provenance.save_video`.
    """
    from provenance import Permit, save_video
    from vasari.studio import announced, check_request, check_speech, labelled, seat, speaking

    portrait, speech, output, other = Path(portrait), Path(speech), Path(output), None if hear is None else Path(hear)
    check_request(output, (portrait, speech, *filter(None, [other])), size)
    for sound in filter(None, (speech, other)):
        check_speech(sound)
    worn, spoken = labelled(label, label_reason), announced(notice)
    permit = Permit.of(portrait, keys=_opened(keys), consent=consent)
    sitter = seat(permit, size=size, face=face, crop=crop)
    chosen: dict[str, Any] = {"seed": seed, "style": style, "controls": controls, "guidance": guidance}
    asking = {name: value for name, value in chosen.items() if value is not None}
    told = {"size": size, "crop": crop, "seed": seed} | (told or {})
    performance = speaking(permit, sitter, speech, asking, told, sitter.label(worn), other, spoken)
    return save_video(output, performance, progress=progress)


def animate(
    portrait: StrPath,
    driving: StrPath,
    output: StrPath,
    *,
    consent: "StrPath | Consent | None" = None,
    keys: "Keys | None" = None,
    absolute: bool = False,
    size: int = 512,
    crop: str = "face",
    face: int | None = None,
    label: "LabelKind" = "off",
    label_reason: str = "",
    notice: "str | Notice | None" = None,
    told: dict[str, Any] | None = None,
    progress: Told | None = None,
) -> "Saved":
    """Move a portrait as the largest face in a video moves, with the video's sound.

    Args:
        driving: the video.
        absolute: take the driver's pose and expression as they are, not from its rest.
        notice: as in `generate`; the first frame is held meanwhile.
        portrait, output, consent, keys, size, crop, face, label, label_reason, told, progress: as in `generate`.

    Raises: as `generate`.
    """
    from faces import Tracker
    from media import VideoReader, iter_sound, probe
    from provenance import Generated, Permit, save_video
    from vasari.studio import announced, check_request, labelled, seat

    portrait, driving, output = Path(portrait), Path(driving), Path(output)
    check_request(output, (portrait, driving), size)
    info = probe(driving)
    if info.kind != "video":
        raise UnreadableError(f"{driving}: holds no moving picture; give a video to move by")
    worn, spoken = labelled(label, label_reason), announced(notice)
    permit = Permit.of(portrait, keys=_opened(keys), consent=consent)
    sitter, seen = seat(permit, size=size, face=face, crop=crop), 0

    def tracks() -> "Iterator[Track | None]":
        nonlocal seen
        for track in Tracker().follow(VideoReader(driving)):
            seen += track is not None
            yield track
        if not seen:
            raise FaceError(f"{driving}: no face was seen in the video; give one in which a face moves")

    frames = map(sitter.place, sitter.talker.follow(tracks(), absolute=absolute))
    settings: dict[str, Any] = {"size": size, "crop": crop, "absolute": absolute}
    performance = permit.perform(
        Generated, frames if spoken is None else spoken.held(frames),
        iter_sound(driving) if info.has_sound else None, command="animate", inputs=(driving,),
        settings=settings | (told or {}), models=sitter.talker.models,
        label=sitter.label(worn), notice=spoken,
    )  # fmt: skip
    return save_video(output, performance, progress=progress)


def track(path: StrPath) -> "Iterator[list[Track]]":
    """Everyone in a picture or video, frame by frame, 25 a second; a picture is one frame. One list a frame,
    empty where nobody is seen.

    Of each: `landmarks` (478, 2) float32 and `sigma` (478,), their expected error, pixels; `parameters`: `rotation`
    (3,) yaw, pitch, roll and `gaze` (2, 2) of the right and the left eye, radians (`vasari track` writes degrees),
    `centre` (2,) pixels, `actions` (52,) in [0, 1]; `confidence` (52,) of these, `quality` and `score` in [0, 1].

    Raises, when the first frame is asked for:
        UnreadableError: the file cannot be read, or holds no picture.
    """
    from faces import Tracker
    from media import VideoReader, probe, read_picture

    info = probe(path)
    if info.kind == "sound":
        raise UnreadableError(f"{path}: holds no picture; give a picture or a video")
    if info.kind == "picture":
        yield Tracker().track(read_picture(path))
        return
    yield from Tracker().follow_all(VideoReader(path))


def verify(path: StrPath, *, keys: "Keys | None" = None, anchors: Sequence[StrPath] = ()) -> "Verdict":
    """Who made a file, by its credentials and marks; offline. `provenance.verify` also takes lists of certificates that
    were revoked, roots of time stamps, and hosts from which credentials may be fetched.

    Args:
        keys: whose marks are looked for; nobody's where none are given and there are none of one's own.
        anchors: PEM files of further roots that are trusted.

    Raises:
        UnreadableError: the file cannot be read.
        KeyMaterialError: an anchor cannot be read.
    """
    from provenance import Keys
    from provenance import verify as verified

    return verified(path, keys=Keys.own() if keys is None else keys, anchors=anchors)


def detect(path: StrPath, *, longest: float | None = None, profile: StrPath | None = None) -> "Detection":
    """How likely the faces in a file were made: an estimate, never proof. Loads its networks once a process.

    Args:
        longest: seconds of a video that are looked at.
        profile: file of `vasari detect calibrate`: what real looks like where the file comes from. Read once a process.

    Raises:
        UnreadableError: the file or the profile cannot be read.
        UsageError: the profile is of other weights.
    """
    return _detector(None if profile is None else str(profile)).detect(Path(path), longest=longest)


def triage(path: StrPath, *, keys: "Keys | None" = None, anchors: Sequence[StrPath] = ()) -> "Triage":
    """Credentials first, marks second, the detector last: one verdict. Arguments and errors as `verify`;
    the detector looks at all of a video, without a profile (`detect.triage.join` takes what was found otherwise)."""
    from detect.triage import join

    facts = verify(path, keys=keys, anchors=anchors)
    return join(facts, None if facts.kind in ("sound", "other") else detect(path))


def _opened(keys: "Keys | None") -> "Keys":
    from provenance import Keys

    return Keys.open() if keys is None else keys


@cache
def _detector(profile: str | None) -> "Detector":
    from detect.detector import Detector

    return Detector.load(profile=profile)

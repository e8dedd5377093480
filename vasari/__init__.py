"""Talking faces that name their maker, and a way to tell the faces that do not.

    import vasari

    vasari.generate("examples/portrait.png", "examples/speech.wav", "out.mp4")      a signed, marked talking face
    vasari.verify("out.mp4").exit_code                                              0: a known maker, intact
    vasari.detect("clip.mp4").probability                                           an estimate, never proof

    generate, animate           a portrait speaks, or moves as a video moves -> Saved
    track                       everyone in a file, frame by frame: landmarks, pose, gaze, actions, doubts
    verify, detect, triage      who made it; was it made; both -> Verdict, Detection, Triage
    Talker, Motion, Stream      the same in memory, and in real time; nothing of it is saved but by `provenance`
    Keys, Permit                who signs, and who may be shown

The command line is `vasari`. Nothing is loaded before it is asked for.
"""

from typing import TYPE_CHECKING

from media.lazy import lazily

if TYPE_CHECKING:
    from generate import Motion, Stream, Talker
    from provenance import Keys, Permit
    from vasari.api import animate, detect, generate, track, triage, verify

__all__ = [
    "Keys",
    "Motion",
    "Permit",
    "Stream",
    "Talker",
    "animate",
    "detect",
    "generate",
    "track",
    "triage",
    "verify",
]

__getattr__ = lazily(
    __name__,
    {
        "Keys": "provenance.trust.keys", "Motion": "generate.motion", "Permit": "provenance.permits.gate",
        "Stream": "generate.stream", "Talker": "generate.talker", **dict.fromkeys(__all__[5:], "api"),
    },
)  # fmt: skip

"""Every kind of output against the public rubric, and against a validator that shares no code with ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.credentials.rubric import INTEGRITY, RUBRIC
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from provenance import Composite, Edited, Recorded
from provenance.credentials.manifest import crjson, read_store
from provenance.make.save import PICTURE_TYPES, VIDEO_TYPES

TYPES = VIDEO_TYPES | PICTURE_TYPES


def outputs(made: Maker) -> dict[str, Path]:
    """One of each kind, by kind; made when they are first asked for, and not to be written to."""
    if not made.kept:
        made.kept.update(_made(made))
    return made.kept


def _made(made: Maker) -> dict[str, Path]:
    return {
        "mp4": made.video("whole.mp4"),
        "live mp4": made.live("live.mp4"),
        "stamped mp4": made.stamped("stamped.mp4"),
        **{kind: made.picture(f"whole.{kind}") for kind in ("png", "jpg", "webp")},
        **{f"marked {kind}": made.marked(f"theirs.{kind}") for kind in ("mp4", "jpg")},
        **{kind.kind: made.claimed(f"{kind.kind}.png", kind) for kind in (Composite, Edited, Recorded)},
    }


def measure(made: Maker, quick: bool) -> list[Figure]:
    """rubric_passed of rubric_total and integrity_passed of integrity_total, on the kind that passes least;
    second_validator_agrees, over whole outputs and outputs with one bit flipped."""
    anchor = made.keys.anchor_pem.decode()
    shown = {
        kind: crjson(path.read_bytes(), TYPES[path.suffix], anchor)["manifests"][0]
        for kind, path in outputs(made).items()
    }
    conform = "statements of the C2PA asset rubric, conformance 0.2, specification 2.4"
    return [
        *_counted("rubric", RUBRIC, shown, conform),
        *_counted("integrity", INTEGRITY, shown, "statements of the C2PA asset integrity rubric, the maker trusted"),
        _second(made),
    ]


def _counted(name: str, rubric: Mapping[str, Any], shown: Mapping[str, Any], said: str) -> list[Figure]:
    failed = {kind: [key for key, holds in rubric.items() if not holds(m)] for kind, m in shown.items()}
    worst = max(failed, key=lambda kind: len(failed[kind]))
    note, total = f"on each of {', '.join(failed)}", len(rubric)
    if failed[worst]:
        note += f"; {worst} fails {', '.join(failed[worst])}"
    passed = float(total - len(failed[worst]))
    return [
        Figure(name=f"{name}_passed", value=passed, unit="", goal=total, n=len(failed), note=note),
        Figure(name=f"{name}_total", value=float(total), unit="", note=said),
    ]


def _second(made: Maker) -> Figure:
    from benchmarks.tampering import flipped

    name = "second_validator_agrees"
    try:
        from encypher_c2pa import verify
    except ImportError:
        return Figure(name=name, value=None, unit="%", goal=100, n=0, note="not installed: pip install 'vasari[bench]'")
    agree, told = [], []
    for kind, path in outputs(made).items():
        for changed in (False, True):
            file = flipped(path, path.with_stem("flipped"), 0.7) if changed else path
            theirs = verify(str(file), telemetry=False, online=False)["integrity"] == "valid"
            ours = (read_store(file, "") or {"state": "Invalid"})["state"] == "Valid"
            agree.append(theirs == ours == (not changed))
            if not agree[-1]:
                told.append(f"{kind}{' flipped' if changed else ''}")
    note = "encypher-c2pa, on whole outputs and with one bit flipped" + (f"; not on {', '.join(told)}" if told else "")
    return Figure(name=name, value=100 * sum(agree) / len(agree), unit="%", goal=100, n=len(agree), note=note)

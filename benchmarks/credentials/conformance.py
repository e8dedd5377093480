"""Every kind of output against the public rubric, and against a validator that shares no code with ours."""

from pathlib import Path

from benchmarks.credentials.rubric import RUBRIC
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from provenance.manifest import crjson, read_store
from provenance.save import PICTURE_TYPES, VIDEO_TYPES

TYPES = VIDEO_TYPES | PICTURE_TYPES


def outputs(made: Maker) -> dict[str, Path]:
    """One of each kind, by kind."""
    return {
        "mp4": made.video("whole.mp4"),
        "live mp4": made.live("live.mp4"),
        "stamped mp4": made.stamped("stamped.mp4"),
        **{kind: made.picture(f"whole.{kind}") for kind in ("png", "jpg", "webp")},
        **{f"marked {kind}": made.marked(f"theirs.{kind}") for kind in ("mp4", "jpg")},
    }


def measure(made: Maker, quick: bool) -> list[Figure]:
    """rubric_passed of rubric_total, on the kind that passes least; second_validator_agrees, over whole outputs and
    outputs with one bit flipped."""
    anchor = made.keys.anchor_pem.decode()
    failed: dict[str, list[str]] = {}
    for kind, path in outputs(made).items():
        manifest = crjson(path.read_bytes(), TYPES[path.suffix], anchor)["manifests"][0]
        failed[kind] = [name for name, holds in RUBRIC.items() if not holds(manifest)]
    worst = max(failed, key=lambda kind: len(failed[kind]))
    note = f"on each of {', '.join(failed)}"
    if failed[worst]:
        note += f"; {worst} fails {', '.join(failed[worst])}"
    total = len(RUBRIC)
    return [
        Figure(name="rubric_passed", value=float(total - len(failed[worst])), unit="", goal=total, n=len(failed),
               note=note),
        Figure(name="rubric_total", value=float(total), unit="",
               note="statements of the C2PA asset rubric, conformance 0.2, specification 2.4"),
        _second(made),
    ]  # fmt: skip


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

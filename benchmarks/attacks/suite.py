"""Does every attack, asks what the file is, and writes the table."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from pydantic import BaseModel

from benchmarks.attacks.deeds import DEEDS, Deed
from benchmarks.attacks.rows import ROWS, SECONDS, Row, Scene
from benchmarks.attacks.streams import ATTACKS, StreamAttack, Streams, streams
from benchmarks.figures import Figure
from benchmarks.outputs import maker
from benchmarks.streams import judged, sent
from benchmarks.suites import Given, Parts, Suite
from media.atomic import replacing
from media.errors import UnreadableError
from provenance import Verdict, verify
from provenance.exits import EXIT_UNREADABLE

COLUMNS = ("integrity", "trust", "picture mark", "sound mark", "agreement", "verdict", "exit code")


class Line(BaseModel):
    """One row of the table as it came out."""

    attack: str
    asked_by: str
    cells: dict[str, str]
    summary: str
    right: bool


def parts(given: Given, rows: Sequence[Row] = ROWS) -> Parts:
    """A part, with one figure, for each row, each deed and each way with a live stream, 1 where what followed is right;
    at the end the table, `attacks.json` and `attacks.png`."""
    lines: list[Line] = []

    def kept(line: Line) -> list[Figure]:
        lines.append(line)
        note = f"{line.cells['exit code']}: {line.summary}"
        return [Figure(name=line.attack, value=float(line.right), unit="", goal=1, note=note)]

    with maker(given.portrait, given.speech, 2, SECONDS) as made:
        scene = Scene(made)
        for row in rows:
            yield row.name, lambda row=row: kept(_line(row, scene))
        for deed in DEEDS:
            yield deed.name, lambda deed=deed: kept(_done(deed, scene))
        live = _streams(scene)
        for attack in ATTACKS:
            yield attack.name, lambda attack=attack: kept(_watched(attack, live, scene))
    yield "table", lambda: _table(lines, given.folder)


def _table(lines: Sequence[Line], folder: Path) -> list[Figure]:
    """Write it, and count."""
    with replacing(folder / "attacks.json") as temporary:
        temporary.write_text("[\n" + ",\n".join(line.model_dump_json(indent=2) for line in lines) + "\n]\n")
    _draw(lines, folder / "attacks.png")
    right = sum(line.right for line in lines)
    return [Figure(name="attacks_right", value=right / len(lines), unit="", goal=1, n=len(lines))]


def _line(row: Row, scene: Scene) -> Line:
    made = scene.made
    try:
        path = row.made(scene)
        verdict = verify(path, keys=scene.keys_of(row.asked), anchors=scene.anchors_of(row.asked))
    except UnreadableError as error:
        cells = dict.fromkeys(COLUMNS, "-") | {"verdict": "unreadable", "exit code": str(EXIT_UNREADABLE)}
        return Line(attack=row.name, asked_by=row.asked, cells=cells, summary=str(error).replace(f"{made.folder}/", ""),
                    right=EXIT_UNREADABLE in row.right)  # fmt: skip
    said = " ".join([verdict.summary, *verdict.reasons])
    right = verdict.exit_code in row.right and (not row.words or any(words in said for words in row.words))
    return Line(attack=row.name, asked_by=row.asked, cells=_cells(verdict), summary=verdict.summary, right=right)


def _done(deed: Deed, scene: Scene) -> Line:
    right, said = deed.done(scene)
    cells = dict.fromkeys(COLUMNS, "-")
    return Line(attack=deed.name, asked_by="maker", cells=cells, summary=_plain(said, scene), right=right)


def _streams(scene: Scene) -> Streams:
    """Two streams of the maker's, and what others make of them."""
    one, two = (sent(scene.made, f"live{clip}.mp4", clip)[0].parts for clip in (0, 1))
    return streams(one, two, scene.made.keys, scene.stranger)


def _watched(attack: StreamAttack, live: Streams, scene: Scene) -> Line:
    """What a watcher who trusts the maker says; the first finding that breaks the stream, or the summary."""
    found, events = judged(attack.made(live), scene.made.keys)
    said, stated = [event.text for event in events], found.credentials
    states = (stated.state, stated.trust) if stated else ("-", "-")
    cells = dict.fromkeys(COLUMNS, "-") | dict(zip(COLUMNS[:2], states, strict=True))
    cells |= {"verdict": found.verdict, "exit code": str(found.exit_code)}
    right = found.exit_code == attack.right and any(attack.words in text for text in (*said, found.summary))
    told = next((event.text for event in events if event.breaks), found.summary)
    cells = {name: value.replace("_", " ") for name, value in cells.items()}
    return Line(attack=attack.name, asked_by="maker", cells=cells, summary=told, right=right)


def _plain(said: str, scene: Scene) -> str:
    """Words for the table: without folders that are gone, and in one line."""
    return " ".join(said.replace(f"{scene.made.folder}/", "").split())[:LONGEST]


def _cells(verdict: Verdict) -> dict[str, str]:
    values = (
        *(verdict.credentials.state, verdict.credentials.trust, verdict.picture_mark.state, verdict.sound_mark.state),
        *(verdict.agreement, verdict.verdict, str(verdict.exit_code)),
    )
    return dict(zip(COLUMNS, (value.replace("_", " ") for value in values), strict=True))


LONGEST = 200  # letters of what is said
COLOURS = {"0": "#d8f0d8", "3": "#f5f0cc", "4": "#f6d5d0", "1": "#e4e4e4", "-": "#f2f2f2"}


def _draw(lines: Sequence[Line], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(15, 0.34 * len(lines) + 1))
    axes.axis("off")
    text = [
        [f"{'' if line.right else 'WRONG  '}{line.attack.replace('_', ' ')}", *line.cells.values()] for line in lines
    ]
    colours = [
        [("white" if line.right else "#ff9d9d"), *[COLOURS[line.cells["exit code"]]] * len(COLUMNS)] for line in lines
    ]
    table = axes.table(text, cellColours=colours, colLabels=["attack", *COLUMNS], loc="center", cellLoc="left",
                       colWidths=[0.28, 0.08, 0.1, 0.1, 0.1, 0.11, 0.13, 0.07])  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.35)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


SUITE = Suite("attacks", parts)

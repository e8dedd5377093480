"""Does every attack, asks what the file is, and writes the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from pydantic import BaseModel

from benchmarks.attacks.deeds import DEEDS, Deed
from benchmarks.attacks.rows import ROWS, SECONDS, Row, Scene
from benchmarks.figures import Figure, Results, machine, write
from benchmarks.outputs import maker
from media.atomic import replacing
from media.errors import UnreadableError
from provenance import Verdict, verify
from provenance.exits import EXIT_UNREADABLE

COLUMNS = ("integrity", "trust", "picture mark", "sound mark", "agreement", "verdict", "exit code")


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results and the table go
    quick: bool  # the same: it takes a minute or two
    portrait: Path  # a portrait of a person who does not exist
    speech: Path  # speech to generate from


class Line(BaseModel):
    """One row of the table as it came out."""

    attack: str
    asked_by: str
    cells: dict[str, str]
    summary: str
    right: bool


def run(setting: Setting, say: Callable[[str], None] = lambda _: None, rows: Sequence[Row] = ROWS) -> Results:
    """One figure a row and a deed, 1 where what followed is right; `attacks.json` and `attacks.png` hold the table."""
    setting.folder.mkdir(parents=True, exist_ok=True)
    with maker(setting.portrait, setting.speech, 2, SECONDS) as made:
        scene = Scene(made)
        lines = []
        for row in rows:
            say(row.name)
            lines.append(_line(row, scene))
        for deed in DEEDS:
            say(deed.name)
            lines.append(_done(deed, scene))
    with replacing(setting.folder / "attacks.json") as temporary:
        temporary.write_text("[\n" + ",\n".join(line.model_dump_json(indent=2) for line in lines) + "\n]\n")
    _draw(lines, setting.folder / "attacks.png")
    figures = [
        Figure(
            name=line.attack,
            value=float(line.right),
            unit="",
            goal=1,
            note=f"{line.cells['exit code']}: {line.summary}",
        )
        for line in lines
    ]
    right = sum(line.right for line in lines)
    figures.append(Figure(name="attacks_right", value=right / len(lines), unit="", goal=1, n=len(lines)))
    results = Results(suite="attacks", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results


def _line(row: Row, scene: Scene) -> Line:
    made = scene.made
    anchors = [made.keys.folder / "root.pem"] if row.asked == "public" else []
    try:
        path = row.made(scene)
        verdict = verify(path, keys=scene.keys_of(row.asked), anchors=anchors)
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


def _draw(lines: list[Line], path: Path) -> None:
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

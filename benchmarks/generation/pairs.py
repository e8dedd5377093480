"""Blind pairs: a page that shows two clips of one portrait side by side, and asks which is more like a person filmed.

    write_pairs(folder, clips, "vasari")        clips: sitter -> entrant -> file; ours against every other
    python -m benchmarks.generation.pairs DIR/answers*.json

Which side is whose is drawn anew for each pair and rater, and files bear numbers for names. The page needs nothing from
outside and answers to the keys left, right and down (neither); at the end it tells how often each entrant was preferred
and offers the answers as a file. Files of several raters are put together by the second command.
"""

import base64
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict

from benchmarks.figures import wilson
from media.atomic import replacing
from media.errors import UnreadableError, UsageError

PAGE = Path(__file__).parent / "data" / "pairs.html"
TIE = ""  # what stands for "neither"


class Answer(BaseModel):
    """What one rater said of one pair."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sitter: str
    one: str  # entrants
    other: str
    preferred: str  # one of them, or `TIE`
    rater: str = ""


@dataclass(frozen=True)
class Preference:
    """How often one entrant was preferred to another."""

    one: str
    other: str
    share: float  # of the answers; a tie is half of one
    interval: tuple[float, float]  # 95%, Wilson 1927
    n: int


def write_pairs(folder: Path, clips: Mapping[str, Mapping[str, Path]], ours: str) -> Path:
    """Write index.html and its clips into `folder`: `ours` against each other entrant, portrait by portrait.

    Args:
        clips: sitter -> entrant -> video.

    Raises:
        UsageError: there is nothing to compare.
    """
    pairs, numbers = [], iter(range(10**6))
    names: dict[Path, str] = {}
    for sitter, made in sorted(clips.items()):
        for other in sorted(set(made) - {ours}) if ours in made else ():
            for path in (made[ours], made[other]):
                names.setdefault(path, f"{next(numbers):04d}{path.suffix}")
            pairs.append({"sitter": sitter, "one": ours, "other": other,
                          "files": [names[made[ours]], names[made[other]]]})  # fmt: skip
    if not pairs:
        raise UsageError(f"{folder}: no portrait was animated by two entrants, so there is nothing to compare")
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in names.items():
        with replacing(folder / name) as temporary:
            shutil.copyfile(path, temporary)
    held = base64.b64encode(json.dumps(pairs).encode()).decode()  # not to be read in passing
    with replacing(folder / "index.html") as temporary:
        temporary.write_text(PAGE.read_text("utf-8").replace("{{pairs}}", held), "utf-8")
    return folder / "index.html"


def read_answers(paths: Iterable[Path]) -> list[Answer]:
    """Answers of several raters.

    Raises:
        UnreadableError: a file is none that the page offers.
    """
    answers = []
    for path in paths:
        try:
            answers += [Answer.model_validate(row) for row in json.loads(path.read_text("utf-8"))]
        except (OSError, ValueError, TypeError) as error:
            why = str(error).splitlines()[0]
            raise UnreadableError(f"{path}: no file of answers from the page of pairs ({why})") from error
    for answer in answers:
        if answer.preferred not in (answer.one, answer.other, TIE):
            raise UnreadableError(f"an answer prefers {answer.preferred!r}, which was not shown beside {answer.one!r}")
    return answers


def preferences(answers: Sequence[Answer]) -> list[Preference]:
    """Of each pair of entrants, the first by name against the second."""
    told: dict[tuple[str, str], list[float]] = defaultdict(list)
    for answer in answers:
        one, other = sorted((answer.one, answer.other))
        told[one, other].append(0.5 if answer.preferred == TIE else float(answer.preferred == one))
    return [
        Preference(*names, float(np.mean(values)), wilson(values), len(values))
        for names, values in sorted(told.items())
    ]


def main(paths: Sequence[str]) -> int:
    """Print preferences; returns the exit code."""
    if not paths:
        typer.echo("usage: python -m benchmarks.generation.pairs ANSWERS.json ...", err=True)
        return 2
    try:
        answers = read_answers(map(Path, paths))
    except UnreadableError as error:
        typer.echo(str(error), err=True)
        return 1
    for found in preferences(answers):
        low, high = found.interval
        told = f"{found.share:.0%} ({low:.0%} to {high:.0%}) of {found.n} answers"
        typer.echo(f"{found.one} preferred to {found.other}: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

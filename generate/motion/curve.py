"""Controls over time, from a table a person can write: a row is a moment, a column a control, between is straight."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from generate.acting import EMOTIONS, Controls
from media.errors import UsageError

ANGLES = ("gaze_yaw", "gaze_pitch", "pose_yaw", "pose_pitch", "pose_roll")  # degrees
COLUMNS = (*ANGLES, "distance", "movement", *EMOTIONS[1:])
LARGEST = 10_000_000  # bytes of a table: ten hours of one row a frame


def read_curve(path: Path | str, base: Controls = Controls()) -> Callable[[float], Controls]:
    """Read a CSV table of controls: the column `time` (seconds, rising) and any of `COLUMNS`.

    Args:
        base: what holds for everything that the table has no column for.

    Returns: the controls at a time in seconds. Before the first row and after the last, those rows hold.

    Raises:
        UsageError: the file cannot be read, a column is not known, a cell is not a number, times do not rise, or a row
            asks for what `Controls` refuses; the message names the row.
    """
    names, table = _table(Path(path))
    times = table[:, 0]
    if np.any(np.diff(times) <= 0):
        row = int(np.argmax(np.diff(times) <= 0)) + 3
        raise UsageError(f"{path}, line {row}: times must rise from row to row")

    def at(seconds: float) -> Controls:
        row = {name: float(np.interp(seconds, times, table[:, i])) for i, name in enumerate(names) if i}
        return _controls(row, base)

    for line, seconds in enumerate(times, 2):
        try:
            at(float(seconds))
        except UsageError as error:
            raise UsageError(f"{path}, line {line}: {error}") from error
    return at


def _table(path: Path) -> tuple[list[str], np.ndarray]:
    """Column names, `time` first, and the numbers (rows, columns)."""
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: a curve of more than {LARGEST // 1_000_000} MB; give fewer rows")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as a table ({error})") from error
    names = [cell.strip() for cell in rows[0]] if rows else []
    unknown = [name for name in names if name not in ("time", *COLUMNS)]
    if not rows or "time" not in names or unknown or len(set(names)) < len(names):
        raise UsageError(
            f"{path}: the first line must name 'time' and, each once, any of {', '.join(COLUMNS)}; "
            f"it says '{','.join(names)[:200]}'"
        )
    if len(rows) < 2:
        raise UsageError(f"{path}: holds no rows under its first line")
    numbers = np.zeros((len(rows) - 1, len(names)))
    for line, row in enumerate(rows[1:], 2):
        try:
            if len(row) != len(names):
                raise ValueError(f"it has {len(row)} cells")
            numbers[line - 2] = [float(cell) for cell in row]
        except ValueError as error:
            raise UsageError(f"{path}, line {line}: {len(names)} numbers were needed ({error})") from error
        if not np.isfinite(numbers[line - 2]).all():
            raise UsageError(f"{path}, line {line}: a number is not finite")
    order = [names.index("time"), *(i for i, name in enumerate(names) if name != "time")]
    return [names[i] for i in order], numbers[:, order]


def _controls(row: dict[str, float], base: Controls) -> Controls:
    angle = {name: math.radians(row[name]) for name in ANGLES if name in row}
    emotions = {name: row[name] for name in EMOTIONS[1:] if name in row}
    gaze = angle.get("gaze_yaw", base.gaze[0]), angle.get("gaze_pitch", base.gaze[1])
    bias = tuple(angle.get(f"pose_{axis}", base.bias[i]) for i, axis in enumerate(("yaw", "pitch", "roll")))
    return Controls(
        gaze=gaze,
        distance=row.get("distance", base.distance),
        emotion=emotions or base.emotion,
        bias=(bias[0], bias[1], bias[2]),
        intensity=row.get("movement", base.intensity),
    )

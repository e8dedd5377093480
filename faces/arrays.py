"""Tracks of a picture or a video as plain arrays, in the units of the door: pixels and degrees."""

from collections.abc import Callable, Sequence

import numpy as np

from faces.actions import FACIAL_ACTIONS
from faces.track import Track

Value = np.ndarray | float
Cell = tuple[Track, np.ndarray]  # somebody in a frame, and the light on them
COLUMNS: dict[str, tuple[tuple[int, ...], Callable[[Track], Value]]] = {
    "landmarks": ((478, 2), lambda t: t.landmarks),
    "sigma": ((478,), lambda t: t.sigma),
    "rotation": ((3,), lambda t: np.degrees(t.parameters.rotation)),
    "centre": ((2,), lambda t: t.parameters.centre),
    "scale": ((), lambda t: t.parameters.scale),
    "gaze": ((2, 2), lambda t: np.degrees(t.parameters.gaze)),
    "actions": ((52,), lambda t: t.parameters.actions),
    "confidence": ((52,), lambda t: t.confidence),
    "score": ((), lambda t: t.score),
    "quality": ((), lambda t: t.quality),
}
"""Name -> shape of one face's value, and how it is read from a track."""


def arrays_of(
    rows: Sequence[Sequence[Track]], lights: Sequence[Sequence[np.ndarray]], *, everyone: bool
) -> dict[str, np.ndarray]:
    """Arrays of T frames with the tracks and the lights (9, 3) of each.

    Of one face a frame, (T, ...) each, or with `everyone`, of P people in the order of their numbers, (T, P, ...).
    Where somebody is not seen, floats are NaN, and `found` is False. `identity` is that of the person who is seen in
    most frames, (K,), or with `everyone`, of each, (P, K).
    """
    frames = range(len(rows))
    seen = [t.person for row in rows for t in row]
    people = sorted(set(seen), key=lambda p: (-seen.count(p), p))  # the one seen most comes first
    everybody = sorted(people)
    if everyone:
        at = [{t.person: (t, light) for t, light in zip(rows[f], lights[f], strict=True)} for f in frames]
        cells = [[at[f].get(person) for person in everybody] for f in frames]
    else:
        cells = [[(rows[f][0], lights[f][0]) if rows[f] else None] for f in frames]
    width = len(everybody) if everyone else 1

    def column(shape: tuple[int, ...], read: Callable[[Cell], Value]) -> np.ndarray:
        values = np.full((len(rows), width, *shape), np.nan, np.float32)
        for f, row in enumerate(cells):
            for k, cell in enumerate(row):
                if cell is not None:
                    values[f, k] = read(cell)
        return values if everyone else values[:, 0]

    def of_track(read: Callable[[Track], Value]) -> Callable[[Cell], Value]:
        return lambda c: read(c[0])

    arrays = {name: column(shape, of_track(read)) for name, (shape, read) in COLUMNS.items()}
    arrays["light"] = column((9, 3), lambda c: c[1])
    arrays["found"] = np.isfinite(arrays["score"])
    reasons = np.array([["" if c is None else c[0].reason for c in row] for row in cells])
    arrays["reason"] = reasons if everyone else reasons[:, 0]
    identities = {t.person: t.parameters.identity for row in rows for t in row}
    if everyone:
        arrays["person"] = np.array(everybody)
        arrays["identity"] = np.stack([identities[person] for person in everybody])
    else:
        arrays["person"] = np.array([0 if row[0] is None else row[0][0].person for row in cells])
        arrays["identity"] = identities[people[0]]
    arrays["action_names"] = np.array(FACIAL_ACTIONS)
    return arrays

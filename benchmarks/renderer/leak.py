"""Leak: one part of the latent is replaced; how much of the others does the picture show to have changed?

The picture is tracked again before and after. Shape of the head, who it is, pose and facial actions are compared; each
change is given as a share of the change that replacing the part itself brings about. Who somebody is lies in identity
and appearance both, so neither leaks into it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import Judge
from benchmarks.renderer.smiles import PEOPLE_QUICK, latent_of
from benchmarks.renderer.truth import latent_of as exact_latent_of
from benchmarks.renderer.truth import sitters
from benchmarks.sheets import portraits, rendered, save_sheet, tile, volunteers
from benchmarks.suites import Given
from benchmarks.tracker.truth import turn_between
from faces import Track
from faces.actions import ACTION_INDEX
from faces.fit import at_rest
from faces.solve import FREE
from generate import FaceLatent, Renderer
from lab.pictures.london import London
from media import read_picture
from provenance import Permit

RENDERED = 8  # people who do not exist
ROWS = 6  # people on a grid
TURNS = {"yaw 15": (15, 0, 0), "yaw -15": (-15, 0, 0), "pitch 12": (0, 12, 0), "roll 10": (0, 0, 10)}  # degrees
EXPRESSIONS: dict[str, dict[str, float]] = {
    "open": {"jawOpen": 0.6},
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5},
    "pout": {"mouthPucker": 0.8},
    "brows": {"browInnerUp": 0.9, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8},
}
PARTS = ("identity", "pose", "dynamics", "appearance")  # what is replaced
SEEN = {"shape": "%", "who": "", "pose": "degrees", "actions": ""}  # what is looked for -> unit
OWN = {"shape": "identity", "who": "appearance", "pose": "pose", "actions": "dynamics"}
BOTH = ("identity", "who")  # neither own nor leak
NOISE = 3.0  # grey levels: what the tracker makes of a picture that is only a little grainier is the floor


@dataclass(frozen=True)
class Change:
    """A latent of which one part was replaced."""

    part: str  # one of `PARTS`, or "nothing"
    label: str
    latent: FaceLatent


def changes(latent: FaceLatent, other: FaceLatent) -> Iterator[Change]:
    """Every part replaced: pose and dynamics by what is listed above, identity and appearance by those of `other`."""
    for label, turn in TURNS.items():
        yield Change("pose", label, latent.with_pose(latent.pose.moved(np.radians(turn), np.zeros(3), np.zeros(2))))
    for label, actions in EXPRESSIONS.items():
        at_least = {name: max(amount, float(latent.actions[ACTION_INDEX[name]])) for name, amount in actions.items()}
        yield Change("dynamics", label, latent.edit(**at_least))
    yield Change("identity", "other identity", latent.with_identity(other.identity))
    yield Change("appearance", "other appearance", latent.with_appearance(other))


def measure(given: Given, judge: Judge) -> list[Figure]:
    """leak_max_pct: the largest entry off the diagonal, over the groups of people; and every entry."""
    figures, largest = [], []
    for group, latents, permits in _groups(given, judge):
        seen, rows = _observe(latents, judge)
        save_sheet(given.folder, f"leak_{group}", np.vstack(rows[:ROWS]), permits)
        matrix, own = matrix_of(seen)
        for (part, what), share in matrix.items():
            counts = len(seen[part][what])
            if part == OWN[what]:
                figures.append(Figure(
                    name=f"leak_{group}_{part}_own_{what}", value=own[what], unit=SEEN[what], n=counts,
                    note="the change itself, of which the others are shares",
                ))  # fmt: skip
            else:
                note = "no leak: who somebody is lies in both" if (part, what) == BOTH else ""
                note = "the tracker's own unrest: a grainier picture" if part == "nothing" else note
                name = f"leak_{group}_{part}_{what}_pct"
                figures.append(Figure(name=name, value=share, unit="%", better="lower", n=counts, note=note))
        leaks = {k: v for k, v in matrix.items() if k[0] in PARTS and k[0] != OWN[k[1]] and k != BOTH}
        worst = max(leaks, key=lambda k: leaks[k])
        largest.append((leaks[worst], f"{group}: {worst[0]} into {worst[1]}", len(latents)))
    value, where, count = max(largest)
    return [Figure(name="leak_max_pct", value=value, unit="%", better="lower", n=count, note=where), *figures]


def matrix_of(
    seen: dict[str, dict[str, list[float]]],
) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """(part replaced, what changed) -> mean change, % of that change where its own part is replaced; and those own
    changes. `seen`: part -> what -> changes."""
    own = {what: float(np.nanmean(seen[part][what])) for what, part in OWN.items()}
    matrix = {
        (part, what): 100 * float(np.nanmean(values)) / max(own[what], 1e-9)
        for part, columns in seen.items()
        for what, values in columns.items()
    }
    return matrix, own


def _groups(given: Given, judge: Judge) -> Iterator[tuple[str, list[FaceLatent], list[Permit]]]:
    """Groups of people, each with a name, and the permits to show them."""
    if given.assets is not None:
        from lab.people import Wardrobe

        wardrobe = Wardrobe(given.assets, given.skins)
        count = PEOPLE_QUICK if given.quick else RENDERED
        drawn = list(sitters(wardrobe, count))
        latents = [exact_latent_of(person, wardrobe) for person in drawn]
        yield "rendered", latents, rendered(given.folder, drawn, wardrobe)
    if given.london is not None:
        people = London(given.london).test
        people = people[:PEOPLE_QUICK] if given.quick else people
        latents = [latent_of(person.picture("neutral"), judge) for person in people]
        yield "london", latents, volunteers(given.folder, given.london)
    if given.assets is None and given.london is None:
        examples = sorted(given.portrait.parent.glob("*.png"))
        latents = [latent_of(read_picture(path), judge) for path in examples]
        yield "examples", latents, portraits(given.folder, *examples)


def _observe(latents: list[FaceLatent], judge: Judge) -> tuple[dict[str, dict[str, list[float]]], list[np.ndarray]]:
    """Part -> what -> changes, over all people; and the rows of a grid: each person at rest and after every change."""
    seen: dict[str, dict[str, list[float]]] = {part: {what: [] for what in SEEN} for part in ("nothing", *PARTS)}
    rng, rows = np.random.default_rng(5), []
    for latent, other in zip(latents, latents[1:] + latents[:1], strict=True):
        renderer = Renderer(latent, judge.painter)
        still = renderer.render(latent)
        before = judge.track(still)
        grainy = np.clip(still + rng.normal(0, NOISE, still.shape), 0, 255).astype(np.uint8)
        pictures = {"at rest": still}
        shown = [("nothing", grainy)]
        for change in changes(latent, other):
            painted = (renderer if change.part != "appearance" else Renderer(change.latent, judge.painter)).render(
                change.latent
            )
            pictures[change.label] = painted
            shown.append((change.part, painted))
        for part, picture in shown:
            after = judge.track(picture)
            for what, value in difference(judge, (still, before), (picture, after)).items():
                seen[part][what].append(value)
        rows.append(np.hstack([tile(p, None, label, side=192) for label, p in pictures.items()]))
    return seen, rows


def difference(
    judge: Judge, one: tuple[np.ndarray, Track | None], other: tuple[np.ndarray, Track | None]
) -> dict[str, float]:
    """What differs between two tracked pictures: shape of the resting head (root mean square, % of the distance of the
    eyes), who it is (1 - cosine), pose (degrees), facial actions (mean over those that are tracked). NaN where no face
    was found."""
    a, b = one[1], other[1]
    if a is None or b is None:
        return dict.fromkeys(SEEN, np.nan)
    shapes = [at_rest(t.parameters.identity, t.parameters.detail) for t in (a, b)]
    cosine = float(judge.recogniser.embed(one[0], a) @ judge.recogniser.embed(other[0], b))
    return {
        "shape": 100 * float(np.sqrt(np.square(shapes[0] - shapes[1]).sum(1).mean())),
        "who": 1 - cosine,
        "pose": turn_between(a.parameters.rotation, b.parameters.rotation),
        "actions": float(np.abs(a.parameters.actions - b.parameters.actions)[FREE].mean()),
    }

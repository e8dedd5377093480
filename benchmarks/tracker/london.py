"""Landmarks of volunteers who were never trained on, and how they differ between groups of people."""

from collections import defaultdict

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.landmark_error import Errors, landmark_errors
from benchmarks.sheets import save_sheet, tile, tiled, volunteers
from benchmarks.suites import Given
from faces import Track, Tracker
from lab.pictures.london import London, Person

GOAL = 2.1
FIRST_LIGHT = 2.86  # % with the tracker and the weights of commit efbc7af
FEWEST = 2  # people that make a group; one would be that person
WORST = 12  # faces on the sheet
UNTOLD = "untold"


def measure(given: Given) -> list[Figure]:
    """landmark_nme_pct beside its baselines; nme_gap_pct between groups of people, each of them listed."""
    if given.london is None:
        note = "not measured: needs --london"
        return [
            Figure(name="landmark_nme_pct", value=None, unit="%", goal=GOAL, better="lower", n=0, note=note),
            Figure(name="nme_gap_pct", value=None, unit="%", better="lower", n=0, note=note),
        ]
    london, tracker = London(given.london), Tracker()
    tracks: dict[str, Track] = {}

    def read(person: Person) -> np.ndarray | None:
        found = tracker.track(person.picture("neutral"))
        if found:
            tracks[person.id] = found[0]
        return found[0].landmarks if found else None

    errors = landmark_errors(london, read, quick=given.quick)
    mesh = landmark_errors(london, lambda p: london.mesh[f"{p.id}_neutral"], quick=given.quick)
    note = "London people held out" + (f", {errors.missed} not found" if errors.missed else "")
    figures = [
        mean_figure("landmark_nme_pct", errors.test, "%", goal=GOAL, better="lower", note=note),
        mean_figure("landmark_nme_pct_mean_face", errors.mean_face, "%", better="lower", note="on the true pupils"),
        Figure(
            name="landmark_nme_pct_first_light", value=FIRST_LIGHT, unit="%", better="lower", n=len(errors.test),
            note="recorded at commit efbc7af, the same people",
        ),
        mean_figure(
            "landmark_nme_pct_public_mesh", mesh.test, "%", better="lower",
            note="the public face mesh (mesh478.npz of the set), teacher of these landmarks",
        ),
    ]  # fmt: skip
    _worst_sheet(given, london, errors, tracks)
    return figures + _slices(london, errors)


def _slices(london: London, errors: Errors) -> list[Figure]:
    """Mean error of each group of validation and test people, and the widest gap between two groups of a kind."""
    people = [p for p in london.validation + london.test if p.id in errors.by_person]
    figures, gaps = [], {}
    for kind, group_of in GROUPS.items():
        groups: dict[str, list[float]] = defaultdict(list)
        for person in people:
            groups[group_of(person)].append(errors.by_person[person.id])
        for group, values in sorted(groups.items()):
            name = f"nme_{kind}_{group}"
            figures.append(mean_figure(name, values, "%", better="lower", note="validation and test people"))
        means = [float(np.mean(v)) for v in groups.values() if len(v) >= FEWEST]
        gaps[kind] = max(means) - min(means) if len(means) > 1 else 0.0
    widest = max(gaps, key=gaps.__getitem__)
    note = f"widest by {widest}, groups of {FEWEST} or more of {len(people)} people; groups are small, see n"
    return [
        Figure(name="nme_gap_pct", value=gaps[widest], unit="%", better="lower", n=len(people), note=note),
        *figures,
    ]


def _age_group(person: Person) -> str:
    try:
        age = int(float(person.told("age")))
    except ValueError:
        return UNTOLD
    return "under_25" if age < 25 else "25_to_34" if age < 35 else "35_and_over"


GROUPS = {
    "sex": lambda person: person.told("gender") or UNTOLD,
    "age": _age_group,
    "ethnicity": lambda person: person.told("eth").replace("/", "_or_") or UNTOLD,
}
"""Kind of group -> which group somebody is in, by what they say of themselves in people.csv."""


def _worst_sheet(given: Given, london: London, errors: Errors, tracks: dict[str, Track]) -> None:
    """The volunteers with the largest errors, landmarks drawn."""
    people = {p.id: p for p in london.validation + london.test}
    worst = sorted(errors.by_person, key=lambda i: -errors.by_person[i])[:WORST]
    tiles = [
        tile(
            people[i].picture("neutral"), tracks[i].landmarks, f"{errors.by_person[i]:.1f}%", side=320,
            around=tracks[i].landmarks,
        )
        for i in worst
    ]  # fmt: skip
    save_sheet(given.folder, "worst_volunteers", tiled(tiles, 4), volunteers(given.folder, given.london))

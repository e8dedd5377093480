"""How often a mark is seen where there is none: decision at 1e-6 with every place that was looked at counted."""

import cv2
import numpy as np

from benchmarks.figures import Figure
from benchmarks.suites import Given
from lab import attacks
from lab.pictures.hosts import drawn
from lab.pictures.london import London
from provenance.marks.picture import PictureReader

PICTURES, PICTURES_QUICK = 10_000, 400
SEARCHED, SEARCHED_QUICK = 60, 2
HOSTS = 60  # drawn at full size once; crops of them, retouched and coded, are the pictures


def measure(given: Given) -> list[Figure]:
    """mark_false_positives, mark_trials; the same of searches; the highest pilot of any."""
    rng = np.random.default_rng(9)
    count, searched = (PICTURES_QUICK, SEARCHED_QUICK) if given.quick else (PICTURES, SEARCHED)
    hosts = [drawn(rng, 384) for _ in range(HOSTS)]
    if given.london:
        hosts += [cv2.resize(p.picture("neutral"), (512, 512)) for p in London(given.london).training]
    seen, highest, seen_in_search = 0, 0.0, 0
    for number in range(count):
        reader = PictureReader(rng.bytes(32))
        reader.add(_picture(rng, hosts))
        reading = reader.read(search=number < searched)
        seen += reading.noticed
        seen_in_search += reading.noticed and number < searched
        highest = max(highest, reading.pilot_z)
    bound = 1 - 0.05 ** (1 / count)
    note = f"rate at most {bound:.1e} at 95% confidence; 1e-6 by arithmetic (Hoeffding, and 2^-32 a decoding)"
    kinds = "crops of drawn pictures" + (" and of training photographs" if given.london else "") + ", noise, gradients"
    return [
        Figure(name="mark_false_positives", value=float(seen), unit="", goal=0, better="lower", n=count, note=note),
        Figure(name="mark_trials", value=float(count), unit="", goal=10_000, n=count, note=f"{kinds}; a key each"),
        Figure(
            name="search_false_positives", value=float(seen_in_search), unit="", goal=0, better="lower", n=searched,
            note="of those, the ones that were searched for a grid too",
        ),
        Figure(name="unmarked_pilot_z", value=highest, unit="sd", better="lower", n=count, note="the highest of all"),
    ]  # fmt: skip


def _picture(rng: np.random.Generator, hosts: list[np.ndarray]) -> np.ndarray:
    """Noise, a gradient, or a crop of a host, often coded."""
    kind = rng.random()
    if kind < 0.08:
        return rng.integers(0, 256, (*rng.integers(96, 300, 2), 3), np.uint8)
    if kind < 0.16:
        y, x = np.mgrid[:200, :200].astype(np.float32) / 200
        plane = rng.uniform(0, 255, 3) + x[..., None] * rng.normal(0, 80, 3) + y[..., None] * rng.normal(0, 80, 3)
        return np.clip(plane, 0, 255).astype(np.uint8)
    picture, _ = attacks.cropped(hosts[rng.integers(len(hosts))], rng.uniform(0.4, 1.0), tuple(rng.uniform(0, 1, 2)))
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
    kind = rng.random()
    if kind < 0.3:
        return attacks.jpeg(picture, int(rng.integers(20, 95)))
    if kind < 0.5:
        return attacks.h264([picture], int(rng.integers(18, 40)))[0]
    return attacks.retouched(rng, picture) if kind < 0.8 else picture

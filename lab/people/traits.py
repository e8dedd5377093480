"""How sex, age and weight show in the shape of a head: the mean of the identity code, given them. A build step:

    pip install --group head && python -m lab.people.traits

writes `lab/people/data/traits.npz`, a few hundred numbers; sampling needs nothing else.
"""

from functools import cache
from pathlib import Path

import numpy as np

from faces.head import load_head
from media.atomic import replacing

TRAITS_FILE = Path(__file__).parent / "data" / "traits.npz"
TRAITS = ("gender", "age", "weight")  # as anny names them; its gender is 0 for men
LOW, HIGH = np.array((0.0, 0.6, 0.1)), np.array((1.0, 1.0, 0.9))  # range of each among adults, see `lab.building`
HEADS = 3000


def random_identity(rng: np.random.Generator, traits: np.ndarray, spread: float) -> np.ndarray:
    """Identity code (K,) float32 of a head with `traits` (3,) in [0, 1]: manly, old, heavy. `spread` around 1: how far
    people of the same traits differ."""
    slopes, left = _regression()
    own = np.clip(rng.standard_normal(len(slopes)), -2.2, 2.2) * left * spread
    return np.clip(slopes @ (traits - 0.5) + own, -3, 3).astype(np.float32)


@cache
def _regression() -> tuple[np.ndarray, np.ndarray]:
    """Slopes (K, 3) of the identity code by each trait over its whole range, and the deviation (K,) that they leave."""
    with np.load(TRAITS_FILE) as file:
        return file["slopes"].astype(np.float64), file["left"].astype(np.float64)


def build(out: Path = TRAITS_FILE, *, seed: int = 5) -> None:
    """Regress the codes of random heads on their traits."""
    from lab import building

    model, head, rng = building._anny(), load_head(), np.random.default_rng(seed)
    builder = building._Builder(model)
    builder.assemble(building._vertices(model))
    basis = head.identity.reshape(head.identity_size, -1)
    solve = np.linalg.solve(basis @ basis.T, basis)
    labels, codes, traits = list(model.local_change_labels), [], []
    for _ in range(HEADS):
        chosen = building._random_phenotypes(rng)
        vertices, _ = builder.assemble(building._vertices(model, chosen, building._random_changes(labels, rng)))
        codes.append(solve @ (vertices - head.mean).ravel())
        traits.append([chosen[name] for name in TRAITS])
    known = np.column_stack([((np.array(traits) - LOW) / (HIGH - LOW) - 0.5) * (-1, 1, 1), np.ones(HEADS)])
    slopes = np.linalg.lstsq(known, np.array(codes), rcond=None)[0]
    left = (np.array(codes) - known @ slopes).std(0)
    with replacing(out) as temporary, temporary.open("wb") as stream:
        np.savez(stream, slopes=slopes[:-1].T.astype(np.float32), left=left.astype(np.float32))


if __name__ == "__main__":
    build()

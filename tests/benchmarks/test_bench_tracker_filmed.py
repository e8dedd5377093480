"""What the tracker's suite says of real people without labels: lips in consonants, trembling, who is left out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from making import picture
from PIL import Image

from benchmarks.films import held_out
from benchmarks.suites import Given
from benchmarks.tracker import filmed
from lab.performances.phones import Phones
from lab.performances.texts import grid_sentence
from lab.recipes.detector_pairs import side_of


@dataclass
class Seen:
    """As much of a track as is measured."""

    landmarks: np.ndarray

    @property
    def raw(self) -> np.ndarray:
        return self.landmarks


def face(gap: float, moved: tuple[float, float] = (0, 0)) -> Seen:
    """Pupils 100 pixels apart and lips `gap` of that."""
    points = np.random.default_rng(0).uniform(0, 200, (478, 2))
    points[468], points[473] = (50, 80), (150, 80)
    points[13], points[14] = (100, 150), (100, 150 + 100 * gap)
    return Seen(points + moved)


def test_consonants_take_the_least_gap_and_vowels_the_widest() -> None:
    gaps = filmed._openings([face(0.2), face(0.01), face(0.2), face(0.3), None, face(0.2)])
    assert np.allclose(gaps[:4], [0.2, 0.01, 0.2, 0.3])
    assert np.isnan(gaps[4])
    phones = Phones.from_names(["p", "a"], [0.04, 0.10], [0.08, 0.14])
    assert list(filmed._at(phones, gaps, filmed.BILABIALS)) == pytest.approx([0.01])
    assert list(filmed._at(phones, gaps, filmed.VOWELS)) == pytest.approx([0.3])


def test_a_head_that_moves_as_a_whole_does_not_tremble_and_points_on_their_own_do() -> None:
    rng = np.random.default_rng(1)
    ways = 10 * rng.standard_normal((20, 2)).cumsum(0)
    together = [face(0.1, (x, y)) for x, y in ways]
    assert filmed._tremble(together) == pytest.approx(0, abs=1e-9)
    for seen in together:
        seen.landmarks[:468] += rng.normal(0, 0.5, (468, 2))
    assert filmed._tremble(together) == pytest.approx(0.5 * np.sqrt(2 * 6), rel=0.15)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s1_bbaf2n", "bin blue at F two now"),
        ("pA_swwp2s", "set white with P two soon"),
        ("holiday", ""),
        ("bbaf2", ""),
    ],
)
def test_the_name_of_a_film_of_the_corpus_is_its_sentence(name: str, said: str) -> None:
    assert grid_sentence(name) == said


def test_who_teaches_a_recipe_is_left_out_unless_that_is_everybody(tmp_path: Path) -> None:
    names = [f"q{number}" for number in range(40)]
    for name in names:
        Image.fromarray(picture(1, 32)).save(tmp_path / f"{name}_a.png")
    kept, films = held_out(tmp_path)
    assert {path.name[:-6] for path in kept} == {name for name in names if side_of(name) != "train"}
    assert not films
    for path in kept:
        path.unlink()
    assert len(held_out(tmp_path)[0]) == 40 - len(kept)


def test_without_real_material_the_names_are_given_without_values() -> None:
    figures = filmed.measure(Given(Path("x"), Path("x"), Path("x")))
    assert [figure.name for figure in figures] == list(filmed.NAMES)
    assert not any(figure.n for figure in figures)

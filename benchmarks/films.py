"""Films of single talkers, which more than one suite measures on: which they are, and what is said in them."""

from pathlib import Path

from lab.labelled.manifest import person_of
from lab.performances.align import Aligner
from lab.performances.phones import Phones
from lab.performances.synthesisers import Espeak
from lab.performances.texts import grid_sentence
from lab.recipes.detector_pairs import KINDS, side_of
from media import probe
from media.errors import VasariError
from media.sound import read_sound


def held_out(folder: Path) -> tuple[list[Path], list[Path]]:
    """Pictures, and videos, of those who teach no recipe; a set in which nobody is left out is taken whole."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS)
    kept = [path for path in paths if side_of(person_of(path)) != "train"] or paths
    kinds = {path: probe(path).kind for path in kept}
    return [path for path in kept if kinds[path] == "picture"], [path for path in kept if kinds[path] == "video"]


def aligner() -> Aligner | None:
    """None where espeak-ng, which spells texts, is not installed."""
    try:
        return Aligner.load(Espeak())
    except VasariError:
        return None


def phones_of(path: Path, words: Aligner) -> Phones | None:
    """Of what is said in a film: in a text file beside it, or, of the GRID corpus, in its name."""
    beside = path.with_suffix(".txt")
    text = beside.read_text(encoding="utf-8") if beside.is_file() else grid_sentence(path.stem)
    return words(read_sound(path), text, "en-gb-x-rp") if text else None

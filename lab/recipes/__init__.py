"""What `vasari train` runs, as a table: one row a network. What a row's recipe is, stands in its module."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

LONDON, SPEECH, FAKES, FOLDERS, ANY, NOTHING = "LONDON", "SPEECH", "FAKES", "FOLDERS", "ANY", ""
SEVERAL = (FAKES, FOLDERS)  # kinds of data of which more than one folder can be given
PEOPLE = ("workers", "batch", "assets", "skins")  # options of what learns from people who do not exist, too


@dataclass(frozen=True)
class Row:
    """A recipe by name, without importing it."""

    home: str  # "module:name" of the path where its weights ship
    data: str  # what --data is: see `needs`
    takes: tuple[str, ...] = ()  # options that not all recipes take

    @property
    def needs(self) -> str:
        """What has to be said of --data where it is missing; "" where the recipe does without or says it itself."""
        return {
            LONDON: "give the training pictures with --data LONDON_FOLDER",
            FOLDERS: "give pictures and videos with --data FOLDER (several times, if need be)",
        }.get(self.data, "")


RECIPES: dict[str, Row] = {
    "finder": Row("faces.finder:WEIGHTS", LONDON),
    "tracker": Row("faces.landmarks:WEIGHTS", LONDON, (*PEOPLE, "lr", "start", "composites", "taught", "frozen")),
    "closeup": Row("faces.closeup:WEIGHTS", LONDON, (*PEOPLE, "lr", "composites")),
    "regions": Row("faces.regions:WEIGHTS", LONDON, (*PEOPLE, "lr")),
    "painter": Row("generate.painter:WEIGHTS", LONDON, (*PEOPLE, "teacher", "start", "lr")),
    "refiner": Row("generate.refiner:WEIGHTS", LONDON, (*PEOPLE, "teacher")),
    "recognition": Row("faces.recognition:WEIGHTS", LONDON, (*PEOPLE, "lr")),
    "dynamics": Row("generate.dynamics:WEIGHTS", NOTHING),
    "aligner": Row("lab.performances.align:WEIGHTS", SPEECH),
    "speech": Row("generate.speech.encoder:WEIGHTS", SPEECH, ("lr", "start", "encoder", "unlabelled")),
    "lipsync": Row("faces.lipsync:WEIGHTS", SPEECH),
    "motion": Row("generate.motion.model:WEIGHTS", SPEECH, ("lr", "start", "tracks")),
    "watermark": Row("provenance.marks.picture:WEIGHTS", ANY),
    "detector": Row("detect.detector:WEIGHTS", FAKES, ("workers", "batch", "lr", "start", "untaught")),
    "roundtrip": Row("lab.fakes.decoding:weights_of", FOLDERS, ("workers", "batch", "lr", "variant")),
}
OPTIONS = frozenset(option for row in RECIPES.values() for option in row.takes)
"""Those that some recipes take and others do not."""


def load(name: str, **options: Any) -> tuple[Callable[..., Any], Path]:
    """The recipe `name` (see `lab.training.recipe.Recipe`) and where its weights ship."""
    module, attribute = RECIPES[name].home.split(":")
    home = getattr(import_module(module), attribute)
    return import_module(f"lab.recipes.{name}").train, home(**options) if callable(home) else home

"""What real looks like somewhere: scores of a team's own clips that are known to be real, in a file that can be read.

    profile = calibrate(detector, paths)    looks at each (`detect.calibrate`)
    profile.write("newsroom.json")
    Detector.load(profile="newsroom.json")

The file holds numbers and file names, no picture, and is signed by nothing: whoever can write it decides what is
accused. It is of one set of weights; scores of others mean something else.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from detect.promise import QUALITIES, SEVERAL, Promise
from media.atomic import replacing
from media.errors import UnreadableError, UsageError

FORMAT = "vasari detector profile 2"


@dataclass(frozen=True)
class Known:
    """One real clip: the person of whom most is seen in it."""

    file: str  # its name
    score: float  # what its looks say in the mean
    conditions: tuple[float, ...]  # (len(QUALITIES),) how it came to be seen
    looks: int  # of the score


@dataclass(frozen=True)
class Profile:
    """Reals of one place."""

    weights: str  # SHA-256 of those that looked
    clips: tuple[Known, ...]

    @cached_property
    def promise(self) -> Promise:
        """To compare with; every clip counts as another person."""
        scores = np.array([clip.score for clip in self.clips], np.float32)
        conditions = np.array([clip.conditions for clip in self.clips])
        clips = np.array([clip.looks >= SEVERAL for clip in self.clips])
        return Promise.of(scores, conditions, np.arange(len(self.clips)), clips)

    def words(self) -> str:
        """One line for people."""
        return f"a profile of {len(self.clips)} real clips"

    def check(self, weights: str) -> None:
        """Raise `UsageError` unless it is of these weights."""
        if self.weights != weights:
            raise UsageError(
                f"the profile is of other weights ({self.weights[:12]}, not {weights[:12]}); make it anew with "
                "`vasari detect calibrate`"
            )

    def write(self, path: Path | str) -> None:
        """Write it, whole or not at all."""
        head = {"format": FORMAT, "weights": self.weights, "conditions": QUALITIES}
        rows = ",\n".join("    " + json.dumps(asdict(clip)) for clip in self.clips)
        with replacing(Path(path)) as temporary:
            temporary.write_text(json.dumps(head)[:-1] + f',\n  "clips": [\n{rows}\n  ]}}\n')

    @classmethod
    def read(cls, path: Path | str) -> "Profile":
        """From its file.

        Raises:
            UnreadableError: it is none, or of another version.
        """
        try:
            told = json.loads(Path(path).read_text())
            if told["format"] != FORMAT or tuple(told["conditions"]) != QUALITIES:
                raise ValueError(f"format '{told['format']}', expected '{FORMAT}'")
            rows = [
                Known(str(c["file"]), float(c["score"]), tuple(map(float, c["conditions"])), int(c["looks"]))
                for c in told["clips"]
            ]
            whole = np.array([[row.score, row.looks, *row.conditions] for row in rows])
            if whole.shape != (len(rows), 2 + len(QUALITIES)) or not len(rows) or not np.isfinite(whole).all():
                raise ValueError("a clip is not as it should be")
            return cls(str(told["weights"]), tuple(rows))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(f"{path}: no profile of `vasari detect calibrate` ({error})") from error

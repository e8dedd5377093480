"""Whether a mixed face is anybody's: held against every picture of the set that it was mixed of.

    strangers = Strangers(london)
    strangers.nearest(picture)      likeness to whoever of the volunteers is most like it
    strangers.limit                 as alike are only one in a hundred pairs of different volunteers

The recogniser is no proof of identity, and pictures of one studio look alike to it; so the limit is taken from the set
itself. Test people are compared too: a face must be nobody's, whoever taught it.
"""

import numpy as np

from faces import Tracker
from faces.recognition import Recogniser
from lab.pictures.london import London, Person

SHARE = 0.99  # of the pairs of different volunteers, who are less alike than the limit
EXPRESSIONS = ("neutral", "smile")


class Strangers:
    """Everybody in a set.

    Attributes:
        limit: cosine under which a face is called nobody's of the set.
    """

    def __init__(self, london: London) -> None:
        self._tracker, self._recogniser = Tracker(threads=1), Recogniser()
        people = [*london.training, *london.validation, *london.test]
        rows = [(person.id, self._of(person, expression, london)) for person in people for expression in EXPRESSIONS]
        self.ids = np.array([name for name, _ in rows])
        self.faces = np.stack([face for _, face in rows])
        different = self.ids[:, None] != self.ids
        self.limit = float(np.quantile((self.faces @ self.faces.T)[different], SHARE))

    def _of(self, person: Person, expression: str, london: London) -> np.ndarray:
        return self._recogniser.embed(person.picture(expression), london.mesh[f"{person.id}_{expression}"][:, :2])

    def nearest(self, picture: np.ndarray) -> float:
        """Likeness (cosine) of the face in a uint8 RGB picture (H, W, 3) to the volunteer who is most like it; 1 where
        no face is found, which is nobody's portrait either."""
        tracks = self._tracker.track(picture)
        if not tracks:
            return 1.0
        return float((self.faces @ self._recogniser.embed(picture, tracks[0])).max())

"""What learning one kind of fake teaches of the others: trained on rows, tested on columns.

A simple learner stands for any, since training a detector for every row would take days: logistic regression on what
an ImageNet backbone sees of the crops (means and deviations of its maps at a sixteenth). It says which kinds are alike
to a learner, not how good the detector is.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from detect.picture import SIDE
from lab.fakes.spoiling import Spoiling
from lab.labelled.crops import Shelf
from lab.labelled.manifest import REAL, Item
from lab.networks.detector import PictureNet

Row = tuple[Item, Shelf]


class Backbone:
    """Looks at crops with ImageNet's eyes."""

    def __init__(self) -> None:
        self.net = PictureNet(pretrained=True).eval()
        self.cut = Spoiling.draw(np.random.default_rng(0), 0.0)  # cuts the crop in its place and changes nothing

    @torch.inference_mode()
    def features(self, shelf: Shelf) -> np.ndarray:
        """(2 C,) of a clip, means over its crops."""
        crops = np.stack([self.cut(picture) for picture in shelf.crops().pictures])
        assert crops.shape[1:3] == (SIDE, SIDE)
        maps = self.net.maps(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
        return torch.cat([maps.mean((2, 3)), maps.std((2, 3))], 1).mean(0).numpy()


def transfer(train: Sequence[Row], test: Sequence[Row]) -> tuple[list[str], list[str], np.ndarray]:
    """Kinds trained on (R), kinds tested on (C), and AUC (R, C), NaN where a class is missing."""
    backbone = Backbone()
    learned, tested = _by_kind(train, backbone), _by_kind(test, backbone)
    rows = sorted(set(learned) - {REAL})
    columns = [*(k for k in rows if k in tested), *sorted(set(tested) - set(rows) - {REAL})]
    table = np.full((len(rows), len(columns)), np.nan)
    if REAL not in learned or REAL not in tested:
        return rows, columns, table
    for i, row in enumerate(rows):
        x = np.concatenate([learned[REAL], learned[row]])
        y = np.arange(len(x)) >= len(learned[REAL])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))
        model.fit(x, y)
        calm = model.decision_function(tested[REAL])
        for j, column in enumerate(columns):
            found = model.decision_function(tested[column])
            table[i, j] = roc_auc_score(np.arange(len(calm) + len(found)) >= len(calm), np.append(calm, found))
    return rows, columns, table


def _by_kind(rows: Sequence[Row], backbone: Backbone) -> dict[str, np.ndarray]:
    kinds: dict[str, list[np.ndarray]] = {}
    for item, shelf in rows:
        kinds.setdefault(item.kind, []).append(backbone.features(shelf))
    return {kind: np.stack(found) for kind, found in kinds.items()}

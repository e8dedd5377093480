"""What the detector has to beat: chance, and the spectrum of a face before a support vector machine.

After Durall et al. 2020, "Unmasking DeepFakes with simple features" (arXiv 1911.00686): the power spectrum of a grey
face, averaged over all directions, into a support vector machine.
"""

import cv2
import numpy as np

from detect.picture import SIDE
from lab.labelled.crops import Crops


def spectrum(crop: np.ndarray) -> np.ndarray:
    """Logarithm of the azimuthal mean of the power spectrum of a uint8 RGB crop: (SIDE // 2,), less its mean."""
    grey = cv2.cvtColor(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    window = np.outer(*(2 * [np.hanning(SIDE)]))
    power = np.abs(np.fft.fftshift(np.fft.fft2((grey - grey.mean()) * window))) ** 2
    y, x = np.indices(power.shape) - SIDE // 2
    radius = np.hypot(x, y).astype(int).ravel()
    sums = np.bincount(radius, power.ravel())[: SIDE // 2]
    log = np.log(sums / np.bincount(radius)[: SIDE // 2] + 1e-3)
    return log - log.mean()


class SpectrumMachine:
    """Learns spectra of crops; `score` a clip by the mean over its crops."""

    def __init__(self, crops: list[Crops], made: np.ndarray) -> None:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        rows = [spectrum(picture) for clip in crops for picture in clip.pictures]
        labels = np.concatenate([np.full(len(clip.pictures), m) for clip, m in zip(crops, made, strict=True)])
        self.machine = make_pipeline(StandardScaler(), SVC(class_weight="balanced"))
        self.machine.fit(np.stack(rows), labels)

    def score(self, clip: Crops) -> float:
        """Larger for what looks made."""
        return float(self.machine.decision_function(np.stack([spectrum(p) for p in clip.pictures])).mean())

"""How near a picture is to the truth, and where in it the face is."""

import cv2
import numpy as np

from faces.head import load_head
from faces.raster import Raster
from media.errors import MissingExtraError


def psnr(a: np.ndarray, b: np.ndarray, inside: np.ndarray) -> float:
    """Peak signal to noise in dB of uint8 pictures (H, W, 3) where `inside` (H, W) is True."""
    error = np.square(a[inside].astype(np.float64) - b[inside]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def ssim(a: np.ndarray, b: np.ndarray, inside: np.ndarray) -> float:
    """Structural similarity of luma (Wang et al. 2004, eq. 13; torchmetrics) averaged where `inside` is True."""
    import torch

    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchmetrics is not installed; run: pip install 'vasari[bench]'") from error

    x, y = (torch.from_numpy(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)).float()[None, None] / 255 for p in (a, b))
    _, full = structural_similarity_index_measure(x, y, data_range=1.0, return_full_image=True)
    return float(full[0, 0].numpy()[inside].mean())


def face_region(points: np.ndarray, depth: np.ndarray, size: int) -> np.ndarray:
    """Where the face is, from brow to chin and from ear to ear: bool (size, size), for vertices that land on `points`
    (V, 2) pixels at `depth` (V,)."""
    head = load_head()
    raster = Raster(size, size).draw(points, depth, head.triangles)
    where = raster.interpolate(head.mean, head.triangles)
    return (raster.triangle >= 0) & (where[..., 2] < 0.6) & (where[..., 1] < 1.9) & (where[..., 1] > -0.75)

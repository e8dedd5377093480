"""Reading colours between pixels, for kernels that numba compiles."""

import numpy as np
from numba import njit


@njit(fastmath=True, nogil=True, inline="always")
def sample(picture: np.ndarray, x: np.float32, y: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Red, green and blue (float32, 0 to 255) of a square uint8 picture between its pixels, bilinear, the border
    repeated; x and y (float32) count from the middle of the first pixel."""
    last, one = np.float32(picture.shape[0] - 1), np.float32(1)
    x, y = min(max(x, np.float32(0)), last), min(max(y, np.float32(0)), last)
    i, j = min(np.int32(x), picture.shape[1] - 2), min(np.int32(y), picture.shape[0] - 2)
    u, v = x - np.float32(i), y - np.float32(j)
    a, b, c, d = (one - u) * (one - v), u * (one - v), (one - u) * v, u * v
    return (
        a * picture[j, i, 0] + b * picture[j, i + 1, 0] + c * picture[j + 1, i, 0] + d * picture[j + 1, i + 1, 0],
        a * picture[j, i, 1] + b * picture[j, i + 1, 1] + c * picture[j + 1, i, 1] + d * picture[j + 1, i + 1, 1],
        a * picture[j, i, 2] + b * picture[j, i + 1, 2] + c * picture[j + 1, i, 2] + d * picture[j + 1, i + 1, 2],
    )

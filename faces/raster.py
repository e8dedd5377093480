"""A z-buffer rasteriser: which triangle each pixel sees, and where on it.

Compiled by numba; one thread a call, the interpreter lock released, so that the stages of a pipeline run side by side.
Pixels are sampled at their centres, (x + 0.5, y + 0.5); pictures start at the top left.
"""

import numpy as np
from numba import njit

EMPTY = -1


@njit(fastmath=True, cache=True, nogil=True)
def fill(
    points: np.ndarray,
    depth: np.ndarray,
    triangles: np.ndarray,
    first: int,
    cull: bool,
    tri_map: np.ndarray,
    bary: np.ndarray,
    zbuf: np.ndarray,
) -> None:
    """Rasterise a mesh over what is there: points (N, 2) pixels, depth (N,), triangles (T, 3).

    Where it is nearer than `zbuf` (H, W), the pixel sees triangle `first + t` (tri_map (H, W) int32) at bary (H, W, 3).
    """
    height, width = tri_map.shape
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)  # doubles would take a third longer
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = points[a, 0], points[a, 1]
        bx, by, cx, cy = points[b, 0] - ax, points[b, 1] - ay, points[c, 0] - ax, points[c, 1] - ay
        area = bx * cy - cx * by
        if area == zero or (cull and area < zero):
            continue
        y0 = max(0, int(np.ceil(ay + min(zero, by, cy) - half)))
        y1 = min(height - 1, int(np.floor(ay + max(zero, by, cy) - half)))
        x0 = max(0, int(np.ceil(ax + min(zero, bx, cx) - half)))
        x1 = min(width - 1, int(np.floor(ax + max(zero, bx, cx) - half)))
        if y0 > y1 or x0 > x1:
            continue
        inverse = one / area
        b_right, b_down, c_right, c_down = cy * inverse, -cx * inverse, -by * inverse, bx * inverse
        nearest, b_depth, c_depth = depth[a], depth[b] - depth[a], depth[c] - depth[a]
        from_left = np.float32(x0) + half - ax
        for y in range(y0, y1 + 1):
            from_top = np.float32(y) + half - ay
            wb, wc = from_left * b_right + from_top * b_down, from_left * c_right + from_top * c_down
            for x in range(x0, x1 + 1):
                wa = one - wb - wc
                if wa >= zero and wb >= zero and wc >= zero:
                    z = nearest + wb * b_depth + wc * c_depth
                    if z < zbuf[y, x]:
                        zbuf[y, x] = z
                        tri_map[y, x] = first + t
                        bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = wa, wb, wc
                wb += b_right
                wc += c_right


class Raster:
    """What a picture of (height, width) pixels sees of a mesh. Buffers are reused from frame to frame."""

    def __init__(self, height: int, width: int) -> None:
        self.triangle = np.full((height, width), EMPTY, np.int32)  # seen triangle, or EMPTY
        self.bary = np.zeros((height, width, 3), np.float32)  # weights of its corners
        self.depth = np.full((height, width), np.inf, np.float32)

    def draw(self, points: np.ndarray, depth: np.ndarray, triangles: np.ndarray, *, cull: bool = False) -> "Raster":
        """Rasterise. points (V, 2) float32 pixels; depth (V,) float32, nearer is smaller; triangles (T, 3) int32.

        With `cull`, triangles that are anti-clockwise in the picture (y down) are not seen.
        """
        self.depth.fill(np.inf)
        self.triangle.fill(EMPTY)
        fill(
            np.ascontiguousarray(points, np.float32),
            np.ascontiguousarray(depth, np.float32),
            triangles,
            0,
            cull,
            self.triangle,
            self.bary,
            self.depth,
        )
        return self

    def interpolate(self, values: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """Per-vertex values (V, C) float32 -> (H, W, C), 0 where nothing is seen."""
        out = np.zeros((*self.triangle.shape, values.shape[1]), np.float32)
        _interpolate(self.triangle, self.bary, triangles, np.ascontiguousarray(values, np.float32), out)
        return out


@njit(fastmath=True, cache=True, nogil=True)
def _interpolate(
    tri_map: np.ndarray, bary: np.ndarray, triangles: np.ndarray, values: np.ndarray, out: np.ndarray
) -> None:
    height, width = tri_map.shape
    channels = values.shape[1]
    for y in range(height):
        for x in range(width):
            t = tri_map[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            for k in range(channels):
                out[y, x, k] = (
                    bary[y, x, 0] * values[a, k] + bary[y, x, 1] * values[b, k] + bary[y, x, 2] * values[c, k]
                )


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray, weld: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), smooth across vertices that `weld` (V,) calls the same; they point towards the viewer of a
    triangle whose corners run clockwise in the picture (y down, z away)."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(c - a, b - a)
    total = np.zeros((int(weld.max()) + 1, 3), np.float32)
    for corner in range(3):
        index = weld[triangles[:, corner]]
        for axis in range(3):
            total[:, axis] += np.bincount(index, face[:, axis], len(total))
    normals = total[weld]
    unit: np.ndarray = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return unit

"""Rasterise textured cards whose texture says where they have holes."""

import numpy as np
from numba import njit


@njit(fastmath=True, cache=True, nogil=True)
def draw_cutout(points, depth, triangles, uv, alpha, threshold, zbuf, tri_map, bary):
    """Draw cards over a depth buffer: points (N, 2) pixels, depth (N,), uv (N, 2) in [0, 1], alpha (h, w) in [0, 1].

    A pixel is written where the card is nearer than `zbuf` and its texture's alpha there exceeds `threshold`.
    zbuf (H, W), tri_map (H, W) int32 and bary (H, W, 3) are changed in place.
    """
    height, width = tri_map.shape
    th, tw = alpha.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        y0 = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        x0 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                wb = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) * inverse
                wc = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) * inverse
                wa = 1.0 - wb - wc
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                z = wa * depth[a] + wb * depth[b] + wc * depth[c]
                if z >= zbuf[y, x]:
                    continue
                u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
                v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
                if alpha[min(th - 1, max(0, int(v * th))), min(tw - 1, max(0, int(u * tw)))] < threshold:
                    continue
                zbuf[y, x] = z
                tri_map[y, x] = t
                bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = wa, wb, wc

"""The inner loops of the renderer, compiled: cast shadows, read textures, blend cards (`faces.raster` fills depths)."""

import numpy as np
from numba import njit


@njit(fastmath=True, cache=True, nogil=True)
def gather(seen, tri_map, bary, triangles, values):
    """Per-vertex values (N, C) at the pixels `seen` (P,) of flattened tri_map (H * W,), bary (H * W, 3) -> (P, C)."""
    channels = values.shape[1]
    out = np.empty((len(seen), channels), np.float32)
    for p in range(len(seen)):
        i = seen[p]
        t = tri_map[i]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        wa, wb, wc = bary[i, 0], bary[i, 1], bary[i, 2]
        for k in range(channels):
            out[p, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
    return out


@njit(fastmath=True, cache=True, nogil=True)
def sample(texture, u, v, repeat):
    """Texture (h, w, C) of floats or small integers, read bilinearly at u, v (P,) in [0, 1] -> (P, C) float32; clamped,
    or repeated with `repeat`."""
    height, width, channels = texture.shape
    out = np.empty((len(u), channels), np.float32)
    for p in range(len(u)):
        x, y = u[p] * width - 0.5, v[p] * height - 0.5
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - x0, y - y0
        if repeat:
            xa, xb, ya, yb = x0 % width, (x0 + 1) % width, y0 % height, (y0 + 1) % height
        else:
            xa, xb = min(max(x0, 0), width - 1), min(max(x0 + 1, 0), width - 1)
            ya, yb = min(max(y0, 0), height - 1), min(max(y0 + 1, 0), height - 1)
        for k in range(channels):
            top = (1 - fx) * np.float32(texture[ya, xa, k]) + fx * np.float32(texture[ya, xb, k])
            low = (1 - fx) * np.float32(texture[yb, xa, k]) + fx * np.float32(texture[yb, xb, k])
            out[p, k] = (1 - fy) * top + fy * low
    return out


@njit(fastmath=True, cache=True, nogil=True)
def _depth_map(x, y, z, triangles, zbuf):
    height, width = zbuf.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = x[a], y[a], x[b], y[b], x[c], y[c]
        x0 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        if x0 > x1:
            continue
        y0 = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if y0 > y1 or area == 0.0:
            continue
        inverse = 1.0 / area
        for j in range(y0, y1 + 1):
            for i in range(x0, x1 + 1):
                wb = ((i + 0.5 - ax) * (cy - ay) - (cx - ax) * (j + 0.5 - ay)) * inverse
                wc = ((bx - ax) * (j + 0.5 - ay) - (i + 0.5 - ax) * (by - ay)) * inverse
                wa = 1.0 - wb - wc
                if wa >= 0.0 and wb >= 0.0 and wc >= 0.0:
                    depth = wa * z[a] + wb * z[b] + wc * z[c]
                    zbuf[j, i] = min(zbuf[j, i], depth)


@njit(fastmath=True, cache=True, nogil=True)
def visibility(points, casters, triangles, axes, middle, radius, side, reach, bias):
    """Share of each directional light that reaches surface points past the casters.

    points (P, 3), casters (V, 3), triangles (T, 3); axes (L, 3, 3): rows right, down and away from the light.
    Shadows fall within `radius` of `middle` (3,). The shadow map has `side` pixels; its edge is softened over
    +-`reach` of them. -> (L, P) float32
    """
    out = np.empty((len(axes), len(points)), np.float32)
    zbuf = np.empty((side, side), np.float32)
    count = (2 * reach + 1) ** 2
    for k in range(len(axes)):
        cast = casters @ axes[k].T
        r, d, f = axes[k, 0], axes[k, 1], axes[k, 2]
        low_x = middle[0] * r[0] + middle[1] * r[1] + middle[2] * r[2] - radius
        low_y = middle[0] * d[0] + middle[1] * d[1] + middle[2] * d[2] - radius
        scale = side / (2 * radius)
        zbuf[:] = 1e9
        _depth_map((cast[:, 0] - low_x) * scale, (cast[:, 1] - low_y) * scale, cast[:, 2], triangles, zbuf)
        for p in range(len(points)):
            px, py, pz = points[p, 0], points[p, 1], points[p, 2]
            i = int(np.floor((px * r[0] + py * r[1] + pz * r[2] - low_x) * scale))
            j = int(np.floor((px * d[0] + py * d[1] + pz * d[2] - low_y) * scale))
            z = px * f[0] + py * f[1] + pz * f[2] - bias
            lit = 0
            for y in range(j - reach, j + reach + 1):
                for x in range(i - reach, i + reach + 1):
                    if x < 0 or y < 0 or x >= side or y >= side or z < zbuf[y, x]:
                        lit += 1
            out[k, p] = lit / count
    return out


@njit(fastmath=True, cache=True, nogil=True)
def add_light(normals, visible, directions, colours, wrap, total):
    """Add to `total` (P, 3) what directional lights (L, 3) of colours (L, 3) bring to normals (P, 3), each dimmed by
    visible (L, P). `wrap` (P, 3): how far light of each colour creeps around the terminator."""
    for k in range(len(directions)):
        dx, dy, dz = directions[k]
        for p in range(len(normals)):
            if visible[k, p] == 0.0:
                continue
            cosine = normals[p, 0] * dx + normals[p, 1] * dy + normals[p, 2] * dz
            for c in range(3):
                w = wrap[p, c]
                facing = (cosine + w) / (1 + w)
                if facing > 0:
                    total[p, c] += visible[k, p] * colours[k, c] * facing * (1 - w * (1 - facing))


@njit(fastmath=True, cache=True, nogil=True)
def blend(points, depth, triangles, uv, light, normal, texture, sharp, picture, zbuf, normals, regions, region):
    """Blend textured cards (triangles from far to near) over linear `picture` (H, W, 3) where they are not hidden.

    light (N, 3): what falls on each vertex; normal (N, 3); texture (h, w, 4) linear RGB and alpha. Alpha is spread
    from [0.5 - 0.5 / sharp, 0.5 + 0.5 / sharp] to [0, 1]; where it passes a half, zbuf (H, W), normals (H, W, 3) and
    regions (H, W) are set too.
    """
    height, width = zbuf.shape
    th, tw = texture.shape[:2]
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
                wb = ((x + 0.5 - ax) * (cy - ay) - (cx - ax) * (y + 0.5 - ay)) * inverse
                wc = ((bx - ax) * (y + 0.5 - ay) - (x + 0.5 - ax) * (by - ay)) * inverse
                wa = 1.0 - wb - wc
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                z = wa * depth[a] + wb * depth[b] + wc * depth[c]
                if z >= zbuf[y, x]:
                    continue
                u = (wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]) * tw - 0.5
                v = (wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]) * th - 0.5
                u, v = min(max(u, 0.0), tw - 1.001), min(max(v, 0.0), th - 1.001)
                i, j = int(u), int(v)
                fu, fv = u - i, v - j
                w00, w01, w10, w11 = (1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv
                i1, j1 = min(i + 1, tw - 1), min(j + 1, th - 1)
                alpha = w00 * texture[j, i, 3] + w01 * texture[j, i1, 3]
                alpha += w10 * texture[j1, i, 3] + w11 * texture[j1, i1, 3]
                alpha = min(1.0, max(0.0, (alpha - 0.5) * sharp + 0.5))
                if alpha < 0.02:
                    continue
                for k in range(3):
                    tone = w00 * texture[j, i, k] + w01 * texture[j, i1, k]
                    tone += w10 * texture[j1, i, k] + w11 * texture[j1, i1, k]
                    tone *= wa * light[a, k] + wb * light[b, k] + wc * light[c, k]
                    picture[y, x, k] += alpha * (tone - picture[y, x, k])
                if alpha > 0.5:
                    zbuf[y, x] = z
                    regions[y, x] = region
                    nx = wa * normal[a, 0] + wb * normal[b, 0] + wc * normal[c, 0]
                    ny = wa * normal[a, 1] + wb * normal[b, 1] + wc * normal[c, 1]
                    nz = wa * normal[a, 2] + wb * normal[b, 2] + wc * normal[c, 2]
                    length = max(1e-6, np.sqrt(nx * nx + ny * ny + nz * nz))
                    normals[y, x, 0], normals[y, x, 1], normals[y, x, 2] = nx / length, ny / length, nz / length

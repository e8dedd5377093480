"""The rasteriser against a second, slow implementation, and against geometry."""

import numpy as np
import pytest

from faces.raster import EMPTY, Raster, vertex_normals

HEIGHT, WIDTH = 24, 32


def soup(seed: int, count: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random triangles, partly outside: points (V, 2), depth (V,), triangles (T, 3)."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((-8, -8), (WIDTH + 8, HEIGHT + 8), (3 * count, 2)).astype(np.float32)
    return points, rng.uniform(0, 5, 3 * count).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def brute_force(points, depth, triangles, *, cull=False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By solving the 3x3 system of each triangle for all pixels: triangle, depth, smallest distance to an edge case."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    pixels = np.stack([xs.ravel(), ys.ravel(), np.ones(xs.size)])
    layers, doubt = [], np.full(xs.size, np.inf)
    for t in triangles:
        corners = np.vstack([points[t].T.astype(float), np.ones(3)])
        clockwise = np.linalg.det(corners) > 0  # y down
        weights = np.linalg.solve(corners, pixels)
        doubt = np.minimum(doubt, np.abs(weights).min(0))
        inside = (weights >= 0).all(0) & (clockwise or not cull)
        layers.append(np.where(inside, depth[t] @ weights, np.inf))
    layers = np.stack(layers)
    nearest = layers.min(0)
    second = np.sort(layers, 0)[1]
    doubt = np.minimum(
        doubt, np.where(np.isfinite(second), second - np.where(np.isfinite(nearest), nearest, 0), np.inf)
    )
    seen = np.where(np.isfinite(nearest), layers.argmin(0), EMPTY)
    return seen.reshape(HEIGHT, WIDTH), nearest.reshape(HEIGHT, WIDTH), doubt.reshape(HEIGHT, WIDTH)


@pytest.mark.parametrize("cull", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_brute_force(seed: int, cull: bool) -> None:
    points, depth, triangles = soup(seed)
    raster = Raster(HEIGHT, WIDTH).draw(points, depth, triangles, cull=cull)
    truth, nearest, doubt = brute_force(points, depth, triangles, cull=cull)
    sure = doubt > 1e-4
    assert sure.mean() > 0.95
    assert np.array_equal(raster.triangle[sure], truth[sure])
    seen = sure & (truth >= 0)
    assert seen.sum() > 50
    assert np.allclose(raster.depth[seen], nearest[seen], atol=1e-3)
    assert np.isinf(raster.depth[sure & (truth < 0)]).all()
    assert np.allclose(raster.bary[seen].sum(-1), 1, atol=1e-5)


def test_interpolated_positions_are_the_pixels_own() -> None:
    points, depth, triangles = soup(9)
    raster = Raster(HEIGHT, WIDTH).draw(points, depth, triangles)
    at = raster.interpolate(points, triangles)
    seen = raster.triangle >= 0
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    assert np.allclose(at[seen], np.stack([xs, ys], -1)[seen], atol=2e-3)
    assert not at[~seen].any()


def test_culling_hides_the_back() -> None:
    points = np.array([[2, 2], [20, 2], [2, 20]], np.float32)  # clockwise in the picture
    depth, front = np.ones(3, np.float32), np.array([[0, 1, 2]], np.int32)
    back = front[:, ::-1].copy()
    raster = Raster(HEIGHT, WIDTH)
    assert (raster.draw(points, depth, front, cull=True).triangle >= 0).sum() > 100
    assert (raster.draw(points, depth, back, cull=True).triangle >= 0).sum() == 0
    assert (raster.draw(points, depth, back).triangle >= 0).sum() > 100


def test_buffers_forget_the_frame_before() -> None:
    raster = Raster(HEIGHT, WIDTH).draw(*soup(1))
    again = raster.draw(*soup(2)).triangle.copy()
    assert np.array_equal(again, Raster(HEIGHT, WIDTH).draw(*soup(2)).triangle)


def test_neighbours_leave_no_gap_and_flat_triangles_nothing() -> None:
    grid = np.stack(np.meshgrid(np.linspace(0, WIDTH, 6), np.linspace(0, HEIGHT, 5)), -1).reshape(-1, 2)
    cells = np.arange(30).reshape(5, 6)
    a, b, c, d = cells[:-1, :-1].ravel(), cells[:-1, 1:].ravel(), cells[1:, :-1].ravel(), cells[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)
    raster = Raster(HEIGHT, WIDTH).draw(grid, np.ones(30), triangles, cull=True)
    assert (raster.triangle >= 0).all()
    flat = np.array([[0, 0], [10, 10], [20, 20]], np.float32)
    assert (Raster(HEIGHT, WIDTH).draw(flat, np.ones(3), np.array([[0, 1, 2]], np.int32)).triangle == EMPTY).all()


def test_normals_point_at_the_viewer_of_a_clockwise_triangle() -> None:
    vertices = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [5, 5, 5]], np.float32)
    normals = vertex_normals(vertices, np.array([[0, 1, 2]]), np.array([0, 1, 2, 3]))
    assert normals[:3] == pytest.approx(np.tile((0, 0, -1), (3, 1)))
    assert not normals[3].any()  # used by no triangle


def test_welded_vertices_share_a_normal() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [-1, 0, 1]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    normals = vertex_normals(vertices, triangles, np.array([0, 1, 2, 0, 2, 3]))
    assert normals[0] == pytest.approx(normals[3])
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)

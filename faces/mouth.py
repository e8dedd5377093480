"""What is behind the lips: teeth, gums, tongue and the dark, coloured for a given light.

Widths of teeth are mean crown widths (Wheeler's Dental Anatomy), in millimetres.
"""

from functools import cache

import cv2
import numpy as np

from faces.head import MILLIMETRES, Part

UPPER_WIDTHS = (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 9.0)  # from the middle outwards
LOWER_WIDTHS = (5.0, 5.5, 7.0, 7.0, 7.0, 11.0, 10.5)
ROW_HALF = {Part.TEETH_UPPER: 0.44, Part.TEETH_LOWER: 0.40}  # half width of the strip in units of the head (building)
ROW_HEIGHT = {Part.TEETH_UPPER: 0.295, Part.TEETH_LOWER: 0.25}
CROWN = {Part.TEETH_UPPER: 10.5, Part.TEETH_LOWER: 9.0}  # millimetres from gum to edge
TEXTURE = (96, 384)  # pixels, height (gum to edge) and width

ENAMEL = np.array([0.93, 0.90, 0.82], np.float32)  # albedo, RGB in [0, 1]
GUM = np.array([0.72, 0.40, 0.40], np.float32)
TONGUE = np.array([0.70, 0.38, 0.37], np.float32)
CAVITY = np.array([0.34, 0.12, 0.11], np.float32)
THROAT, FALL = 0.3, 1.9  # light in the throat, as a share of that at the lips; how fast it falls, a unit of the head


@cache
def tooth_texture(part: Part) -> np.ndarray:
    """Albedo (96, 384, 3) float32 in [0, 1] of one row of teeth with its gum; v runs from gum to edge."""
    height, width = TEXTURE
    widths = UPPER_WIDTHS if part is Part.TEETH_UPPER else LOWER_WIDTHS
    u = (np.arange(width) + 0.5) / width
    v = ((np.arange(height) + 0.5) / height)[:, None]
    # Along the arch, x in millimetres; teeth further back are seen more and more from the side, as in the strip itself.
    x = np.abs(u - 0.5) * 2 * ROW_HALF[part] * MILLIMETRES
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    tooth = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(widths) - 1)
    inside = (x - edges[tooth]) / np.array(widths)[tooth]  # 0 to 1 across one tooth
    across = np.abs(2 * inside - 1)
    millimetre = 1 / (ROW_HEIGHT[part] * MILLIMETRES)
    gum_line = 1 - CROWN[part] * millimetre * (1 - 0.16 * across**2 - 0.02 * tooth)
    edge_line = 1 - millimetre * (0.25 + 0.9 * across**4 + 0.35 * (tooth == 1))
    enamel = _step(v - gum_line, 0.6 * millimetre) * _step(edge_line - v, 0.3 * millimetre)
    gap = 1 - 0.62 * np.exp(-(((1 - across) * np.array(widths)[tooth] / 0.55) ** 2))
    sheen = 0.93 + 0.07 * np.sin(np.pi * np.clip(inside, 0, 1)) ** 0.7 - 0.05 * (v > edge_line - 1.5 * millimetre)
    albedo = ENAMEL * (gap * sheen)[..., None] * (1 - 0.03 * tooth[None, :, None])
    gums = GUM * (0.8 + 0.2 * across[None, :, None])
    dark = CAVITY * 0.4
    below = _step(v - edge_line, 0.3 * millimetre)[..., None]
    texture = enamel[..., None] * albedo + (1 - enamel[..., None]) * (below * dark + (1 - below) * gums)
    soft: np.ndarray = cv2.GaussianBlur(texture.astype(np.float32), (0, 0), 0.8)
    return soft


def _step(x: np.ndarray, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x / (0.3 * width), -40, 40)))


def colour_interior(
    part: np.ndarray, uv: np.ndarray, depth: np.ndarray, lip_depth: float, tint: np.ndarray, unit: float
) -> np.ndarray:
    """Colour the mouth's inside in a window.

    Args:
        part: (H, W) uint8 values of `Part`, 0 where nothing is seen.
        uv: (H, W, 2) float32 texture coordinates.
        depth: (H, W) float32 depth in units of the head; `lip_depth` is that of the lips.
        tint: (3,) RGB in [0, 1] that a white surface between the lips has in this picture.
        unit: pixels a unit of the head.

    Returns: (H, W, 3) float32 RGB in [0, 1]; zero where the mouth's inside is not seen.
    """
    inner = (part == Part.CAVITY) | (part == Part.TONGUE) | (part == Part.TEETH_UPPER) | (part == Part.TEETH_LOWER)
    colour = np.zeros((*part.shape, 3), np.float32)
    if not inner.any():
        return colour
    colour[part == Part.CAVITY] = CAVITY
    colour[part == Part.TONGUE] = TONGUE
    for row in (Part.TEETH_UPPER, Part.TEETH_LOWER):
        where = part == row
        if where.any():
            texture = tooth_texture(row)
            at = (uv[where] * (TEXTURE[1], TEXTURE[0]) - 0.5).astype(np.float32)
            sampled = cv2.remap(
                texture, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            colour[where] = sampled[0]
    # Light falls off behind the lips and in their shadow.
    behind = np.clip(depth - lip_depth - 0.1, 0, 4)
    deep = THROAT + (1 - THROAT) * np.exp(-FALL * behind)
    open_sky = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), max(0.5, 0.07 * unit))
    light = deep * np.clip(0.62 + 0.6 * open_sky, 0.3, 1.1)
    return np.where(inner[..., None], colour * light[..., None] * tint, 0).astype(np.float32)

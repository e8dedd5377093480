"""Parts of a face and of what is around it, as masks of a crop: features are compared between them."""

import cv2
import numpy as np

PARTS: dict[str, tuple[int, ...]] = {  # mesh points whose hull each part is
    "mouth": (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),
    "eye_right": (70, 105, 107, 133, 121, 111, 35),
    "eye_left": (300, 334, 336, 362, 350, 340, 265),
    "nose": (168, 114, 48, 64, 2, 294, 278, 343),
    "cheek_right": (50, 36, 206, 216, 214, 192, 123),
    "cheek_left": (280, 266, 426, 436, 434, 416, 352),
    "forehead": (54, 103, 67, 10, 297, 332, 284, 334, 9, 105),
    "chin": (43, 106, 182, 83, 18, 313, 406, 335, 273, 262, 369, 395, 175, 170, 140, 32),
}
NAMES = (*PARTS, "around")  # around: of the crop, what is off the face
GAP = 1.08  # by which the face is grown before what is off it begins


def part_masks(meshes: np.ndarray, side: int) -> np.ndarray:
    """Masks (len(NAMES), side, side) uint8, 1 inside, of mesh points (478, 2) in pixels of a crop of `side`."""
    masks = np.zeros((len(NAMES), side, side), np.uint8)
    for mask, index in zip(masks, PARTS.values(), strict=False):
        cv2.fillConvexPoly(mask, cv2.convexHull(meshes[list(index)].astype(np.float32)).round().astype(np.int32), 1)
    points = meshes[:468]
    middle = points.mean(0)
    face = np.zeros((side, side), np.uint8)
    hull = cv2.convexHull(((points - middle) * GAP + middle).astype(np.float32)).round().astype(np.int32)
    cv2.fillConvexPoly(face, hull, 1)
    masks[-1] = 1 - face
    return masks


def means(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean of values (C, H, W) in each mask (P, H, W): (P, C); where a mask is empty, that of the whole."""
    flat, weight = values.reshape(len(values), -1), masks.reshape(len(masks), -1).astype(np.float32)
    count = weight.sum(1, keepdims=True)
    inside = weight @ flat.T / np.maximum(count, 1)
    mean: np.ndarray = np.where(count > 3, inside, flat.mean(1)[None]).astype(np.float32)
    return mean

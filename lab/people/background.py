"""What is behind people: walls, rooms, windows, leaves, skies, lights at night, print. Linear RGB, mostly blurred."""

import cv2
import numpy as np

from lab.people.chart import noise_window

SMALL = 192  # pixels a side at which soft backgrounds are painted


def random_background(seed: int, size: int, *, calm: bool = False) -> np.ndarray:
    """A place (size, size, 3) float32 around 0.3, from sharp to wholly out of focus."""
    rng = np.random.default_rng((seed, 7))
    painters = (_wall, _room, _shelves, _leaves, _sky, _lights, _print, _tiles, _clouds)
    kind = int(rng.choice(len(painters), p=(0.22, 0.17, 0.1, 0.12, 0.1, 0.08, 0.07, 0.06, 0.08)))
    blur = (
        float(rng.uniform(0.012, 0.05))
        if calm
        else float(rng.choice((0.0, 0.006, 0.02, 0.045)) * rng.uniform(0.5, 1.5))
    )
    blur = max(blur, 0.012) if kind == 5 else blur
    side = SMALL if blur > 0.008 else size
    picture = _wall(rng, side) if calm and kind > 4 else painters[kind](rng, side)
    if blur * side > 0.3:
        if kind in (3, 5) and blur > 0.01:  # bright points grow to discs
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(blur * side) + 1,) * 2).astype(np.float32)
            picture = cv2.filter2D(picture, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
        picture = cv2.GaussianBlur(picture, (0, 0), blur * side * 0.6)
    if side != size:
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
    level = 0.5 if calm else float(np.exp(rng.uniform(np.log(0.04), np.log(1.1))))
    return np.clip(picture * (level / max(0.05, float(picture.mean()))), 0, 6).astype(np.float32)


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    return np.meshgrid(axis, axis)


def _colour(rng: np.random.Generator, spread: float = 0.35) -> np.ndarray:
    colour = np.exp(rng.normal(0, spread, 3))
    return (rng.uniform(0.1, 0.7) * colour / colour.max()).astype(np.float32)


def _clouds_of(rng: np.random.Generator, side: int, kind: int, stretch: float = 1.0) -> np.ndarray:
    """Noise (side, side), finest for kind 0, at a random place."""
    part = noise_window(rng, kind, 512, int(512 * stretch))
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if side < 512 else cv2.INTER_LINEAR)


def _wall(rng: np.random.Generator, side: int) -> np.ndarray:
    x, y = _grid(side)
    fall = 1 + rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.4, 0.3) * y - rng.uniform(-0.1, 0.35) * (x * x + y * y)
    rough = 1 + rng.uniform(0, 0.12) * _clouds_of(rng, side, int(rng.integers(2, 10)))
    picture = _colour(rng, rng.choice((0.04, 0.15, 0.45))) * (np.clip(fall, 0.1, 2) * rough)[..., None]
    if rng.random() < 0.3:  # a shadow on the wall
        centre, size = rng.uniform(-0.6, 0.6, 2), rng.uniform(0.2, 0.8, 2)
        shadow = np.exp(-((((x - centre[0]) / size[0]) ** 2 + ((y - centre[1]) / size[1]) ** 2) ** 3))
        picture = picture * (1 - rng.uniform(0.2, 0.7) * shadow)[..., None]
    return picture


def _boxes(rng: np.random.Generator, picture: np.ndarray, count: int, most: float) -> np.ndarray:
    """Rectangles of other colours, some framed, some striped: furniture, doors, posters."""
    side = len(picture)
    for _ in range(count):
        w, h = (rng.uniform(0.04, most, 2) * side).astype(int) + 1
        x, y = rng.integers(-w // 2, side, 1)[0], rng.integers(-h // 2, side, 1)[0]
        box = picture[max(0, y) : y + h, max(0, x) : x + w]
        if not box.size:
            continue
        box[:] = _colour(rng) * np.linspace(rng.uniform(0.5, 1), 1, box.shape[1], dtype=np.float32)[None, :, None]
        if rng.random() < 0.4:
            edge = max(1, int(0.012 * side))
            cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), _colour(rng, 0.1).tolist(), edge)
        if rng.random() < 0.2:
            box[:: max(2, int(0.03 * side))] *= 0.5
    return picture


def _room(rng: np.random.Generator, side: int) -> np.ndarray:
    picture = np.ascontiguousarray(_wall(rng, side))
    edge = int(rng.uniform(0.1, 0.9) * side)
    picture[:, edge:] *= rng.uniform(0.4, 1.4)  # a corner of the room
    picture = _boxes(rng, picture, int(rng.integers(2, 12)), 0.5)
    if rng.random() < 0.5:  # a window
        w, h = (rng.uniform(0.2, 0.6, 2) * side).astype(int)
        x, y = int(rng.uniform(-0.2, 0.8) * side), int(rng.uniform(-0.2, 0.4) * side)
        light = _colour(rng, 0.1) * rng.uniform(2, 7)
        cv2.rectangle(picture, (x, y), (x + int(w), y + int(h)), light.tolist(), -1)
        for share in (0.33, 0.5, 0.66) if rng.random() < 0.5 else (0.5,):
            bar = (0.3 * _colour(rng, 0.1)).tolist()
            cv2.line(picture, (x + int(w * share), y), (x + int(w * share), y + int(h)), bar, max(1, side // 60))
        cv2.line(picture, (x, y + int(h) // 2), (x + int(w), y + int(h) // 2), bar, max(1, side // 60))
    return picture


def _shelves(rng: np.random.Generator, side: int) -> np.ndarray:
    picture = np.ascontiguousarray(_wall(rng, side))
    wood, y = _colour(rng, 0.3) * 0.6, int(rng.uniform(0, 0.2) * side)
    while y < side:
        height, x = int(rng.uniform(0.12, 0.3) * side), 0
        while x < side:
            wide = max(1, int(rng.uniform(0.012, 0.06) * side))
            if rng.random() < 0.85:
                top = y + int(height * rng.uniform(0.05, 0.4))
                picture[max(0, top) : y + height, x : x + wide] = _colour(rng, 0.6) * rng.uniform(0.3, 1.2)
            x += wide
        picture[y + height : y + height + max(1, side // 50)] = wood
        y += height + side // 40
    return picture


def _leaves(rng: np.random.Generator, side: int) -> np.ndarray:
    light = np.clip(0.5 + 0.6 * _clouds_of(rng, side, 6) + 0.5 * _clouds_of(rng, side, 10), 0, 3)
    green = np.array((0.13, 0.20, 0.06)) * np.exp(rng.normal(0, (0.35, 0.15, 0.35)))
    picture = (light**1.5)[..., None] * green.astype(np.float32)
    gaps = np.clip(_clouds_of(rng, side, 5) + 0.6 * _clouds_of(rng, side, 11) - rng.uniform(1, 2.2), 0, 1)
    return picture + gaps[..., None] * np.array((0.8, 0.95, 1.1), np.float32) * rng.uniform(0.4, 2.5)


def _sky(rng: np.random.Generator, side: int) -> np.ndarray:
    x, y = _grid(side)
    horizon = rng.uniform(0.0, 1.2) + 0.1 * np.cumsum(rng.normal(0, 0.05, side)).astype(np.float32)[None]
    blue = np.array((0.25, 0.45, 0.85)) * np.exp(rng.normal(0, 0.25, 3))
    low = np.array((0.9, 0.85, 0.8)) * np.exp(rng.normal(0, 0.2, 3))
    mix = np.clip((y + 1) / 2, 0, 1)[..., None]
    cloud = np.clip(_clouds_of(rng, side, 12, 0.5) * 0.6 + _clouds_of(rng, side, 8) * 0.2 - rng.uniform(-0.5, 1), 0, 1)
    sky = (1 - mix) * blue + mix * low
    sky = sky + cloud[..., None] * (0.95 - sky)
    ground = _colour(rng, 0.4) * 0.5 * (1 + 0.3 * _clouds_of(rng, side, 5))[..., None]
    return np.where((y + 0 * x < horizon)[..., None], sky, ground).astype(np.float32)


def _lights(rng: np.random.Generator, side: int) -> np.ndarray:
    picture = np.ascontiguousarray(_wall(rng, side)) * 0.15
    picture = _boxes(rng, picture, int(rng.integers(0, 8)), 0.4) * 0.4
    for _ in range(int(rng.integers(10, 60))):
        x, y = rng.integers(0, side, 2)
        glow = np.exp(rng.normal(0, 0.5, 3)) * rng.uniform(3, 30)
        cv2.circle(picture, (int(x), int(y)), int(rng.integers(1, 2 + side // 90)), glow.tolist(), -1)
    return picture


def _print(rng: np.random.Generator, side: int) -> np.ndarray:
    picture = np.ascontiguousarray(_wall(rng, side))
    if rng.random() < 0.5:
        picture = _boxes(rng, picture, int(rng.integers(1, 6)), 0.6)
    picture = np.clip(picture * 255, 0, 255).astype(np.uint8)
    letters = np.array(list("ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz0123456789 "))
    for _ in range(int(rng.integers(3, 16))):
        text = "".join(rng.choice(letters, int(rng.integers(2, 14))))
        size = float(rng.uniform(0.3, 2.5)) * side / 320
        at = (int(rng.integers(-20, side)), int(rng.integers(0, side)))
        bold = max(1, int(size * rng.uniform(1, 4)))
        cv2.putText(picture, text, at, int(rng.integers(0, 8)), size, rng.uniform(0, 255, 3).tolist(), bold)
    return picture.astype(np.float32) / 255


def _tiles(rng: np.random.Generator, side: int) -> np.ndarray:
    x, y = _grid(side)
    tilt, pitch = rng.normal(0, 0.3), rng.uniform(0.05, 0.4)
    a, b = (
        (x * np.cos(tilt) - y * np.sin(tilt)) / pitch,
        (x * np.sin(tilt) + y * np.cos(tilt)) / (pitch * rng.uniform(0.4, 1.5)),
    )
    a = a + 0.5 * (np.floor(b) % 2) * (rng.random() < 0.5)
    joint = ((a % 1 < 0.06) | (b % 1 < 0.1)).astype(np.float32)
    one = np.sin(np.floor(a) * 12.9898 + np.floor(b) * 78.233) * 43758.5453 % 1
    tone = (1 + rng.uniform(0, 0.5) * (one - 0.5))[..., None]
    return _wall(rng, side) * tone * (1 - rng.uniform(-0.5, 0.7) * joint)[..., None]


def _clouds(rng: np.random.Generator, side: int) -> np.ndarray:
    first, second, third = (_colour(rng, 0.8) for _ in range(3))
    mix = 0.5 + 0.4 * _clouds_of(rng, side, int(rng.integers(6, 13)))[..., None]
    other = np.clip(_clouds_of(rng, side, int(rng.integers(2, 12)))[..., None] * 0.5, 0, 1)
    picture = first + np.clip(mix, 0, 1) * (second - first)
    return picture + other * (third - picture)

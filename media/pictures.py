"""Photographs in: whatever Pillow can open becomes upright 8-bit RGB."""

import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from media.errors import UnreadableError
from media.guard import guarded

MID_GREY = 128  # what lies behind transparent pixels
LARGEST = 200_000_000  # pixels; a picture that claims more is refused before it is decoded
# Pillow would have these drawn by another program (PostScript, by Ghostscript), by the system, or by whoever registers.
DRAWN = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}


def read_picture(path: str | os.PathLike[str], data: BinaryIO | None = None) -> np.ndarray:
    """Read a picture as uint8 RGB (H, W, 3), upright.

    Args:
        data: its bytes, where they were read already; `path` is for errors then.

    Raises:
        UnreadableError: missing, empty, truncated, not a picture, or larger than `LARGEST` pixels.
    """
    path = Path(path)
    if data is None:
        check_file(path)
    try:
        with guarded(path, "the picture is damaged or truncated"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that can be read past
            with open_picture(data or path) as picture:
                if picture.width * picture.height > LARGEST:
                    raise UnreadableError(
                        f"{path}: {picture.width}x{picture.height} pixels is too large; scale it down"
                    )
                picture.load()
                return to_rgb(ImageOps.exif_transpose(picture))
    except UnreadableError as error:
        if isinstance(error.__cause__, UnidentifiedImageError):
            raise UnreadableError(f"{path}: not a picture that can be read; give a JPEG, PNG, WebP or TIFF") from error
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise UnreadableError(f"{path}: the picture claims far too many pixels; scale it down") from error
        raise


def open_picture(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
    """A picture of any kind that Pillow decodes itself, not yet decoded. Raises whatever Pillow does: `guarded` it."""
    Image.init()  # else the kinds that few files are of are not known yet
    return Image.open(source, formats=[kind for kind in Image.ID if kind not in DRAWN])


def pages(path: str | os.PathLike[str]) -> int:
    """How many pictures a file of pictures holds: pages of a TIFF, frames of an animation.

    Raises:
        UnreadableError: no picture.
    """
    with guarded(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_picture(path) as picture:
            return int(getattr(picture, "n_frames", 1))


def depth(picture: Image.Image) -> int:
    """Bits of each colour in an open picture as it is stored, 8 where that is not told: Pillow reads colours of 16 bits
    as 8."""
    if picture.mode in ("I", "F"):
        return 32
    if picture.mode.startswith("I;"):
        return 16
    said = getattr(picture, "tag_v2", {}).get(258)  # BitsPerSample of TIFF
    if said:
        return int(max(said)) if isinstance(said, tuple) else int(said)
    name = getattr(picture, "filename", "")
    if picture.format == "PNG" and name:
        with open(name, "rb") as file:
            return max(8, int(file.read(25)[24:25].ljust(1, b"\x08")[0]))
    return 8


def check_file(path: Path) -> None:
    """Raise `UnreadableError` unless `path` is a readable file with something in it."""
    if path.is_dir():
        raise UnreadableError(f"{path}: is a folder; give a file")
    if not path.exists():
        raise UnreadableError(f"{path}: no such file")
    if not os.access(path, os.R_OK):
        raise UnreadableError(f"{path}: may not be read (permissions)")
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableError(f"{path}: the file is empty")


def to_rgb(picture: Image.Image) -> np.ndarray:
    """Pillow picture of any mode -> uint8 RGB (H, W, 3)."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return np.repeat(_eight_bits(np.asarray(picture))[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return over_grey(np.asarray(picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


def over_grey(rgba: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) with straight alpha -> uint8 (H, W, 3) over mid grey."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3].astype(np.uint16) * alpha + MID_GREY * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey of any depth -> uint8. Floats in [0, 1] and integers of 16 bits are the two conventions met in the wild."""
    values = np.nan_to_num(values.astype(np.float64))
    top = values.max(initial=0.0)
    scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 1.0 / 257.0
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)

"""Photographs in: whatever Pillow can open becomes upright 8-bit RGB."""

import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from media.errors import UnreadableError

MID_GREY = 128  # what lies behind transparent pixels
LARGEST = 200_000_000  # pixels; a picture that claims more is refused before it is decoded


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(data or path) as picture:
                if picture.width * picture.height > LARGEST:
                    raise UnreadableError(
                        f"{path}: {picture.width}x{picture.height} pixels is too large; scale it down"
                    )
                picture.load()
                return to_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        raise UnreadableError(f"{path}: not a picture that can be read; give a JPEG, PNG, WebP or TIFF") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError(f"{path}: the picture claims far too many pixels; scale it down") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError) as error:
        raise UnreadableError(f"{path}: the picture is damaged or truncated ({_line(error)})") from error


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


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

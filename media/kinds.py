"""What a file is by its first bytes, whatever its name says.

kind_of(path), sniffed(head) -> "image/jpeg"     "" for what is not known by its beginning
"""

from pathlib import Path

HEAD = 4096  # bytes that `sniffed` looks at, at most
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL ", "image/jxl"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"DDS ", "image/vnd.ms-dds"),
    (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"%!PS", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (b"ffconcat", "application/vnd.apple.mpegurl"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"RF64", "audio/x-rf64"),
)
_RIFF = {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
           b"mif1": "image/heic", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4"}  # fmt: skip
SEGMENT = "video/iso.segment"
STORE = "application/c2pa"
_ANIMATED = "image/webp; animated"
NOT_READ = {
    "application/pdf": "is a PDF; documents are not looked at: give the pictures that are in it",
    "application/postscript": "is PostScript, a program that draws, and is not run: give a PNG of what it draws",
    "application/vnd.apple.mpegurl": "is a playlist, which is not opened: give its files, or `verify --live`",
    "image/svg+xml": "is an SVG drawing; it holds shapes, no picture: give a PNG of it",
    "image/jxl": "is a JPEG XL picture, which is not read yet: give a PNG or JPEG of it",
    "application/zip": "is an archive or an office document; what is in it is not looked at: give the pictures in it",
    STORE: "is a C2PA manifest store by itself, and neither picture nor sound: give the file that it belongs to",
    SEGMENT: "is one segment of a stream and cannot be shown alone: put its initialization segment beside it",
    _ANIMATED: "is an animated WebP, which is not read yet: give an mp4 or a GIF of it",
}
"""Why a file of a kind that is known is not looked at."""


def kind_of(path: Path) -> str:
    """`sniffed` of a file; "" for one that cannot be read, too."""
    try:
        with path.open("rb") as file:
            return sniffed(file.read(HEAD))
    except OSError:
        return ""


def sniffed(head: bytes) -> str:
    """The media type of a file that begins so, "" where that is not told by its beginning."""
    if head[:4] == b"RIFF":
        moves = head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)  # a flag of its header
        return _ANIMATED if moves else _RIFF.get(head[8:12], "")
    if head[4:8] == b"styp":
        return SEGMENT
    if head[4:8] == b"moof":
        return SEGMENT  # without a box that says so
    if head[4:8] == b"jumb":
        return STORE
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!")) and b"<svg" in text):
        return "image/svg+xml"
    return "audio/mpeg" if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2 else ""

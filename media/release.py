"""What is installed here: versions of packages, weight files by hash, the commit where this is a checkout."""

import importlib.metadata
import subprocess
from pathlib import Path

from media.hashing import file_sha256

ROOT = Path(__file__).resolve().parents[1]
KINDS = (".onnx", ".safetensors")
FLOORS = ("detect", "generate", "provenance", "faces")  # whose data/ holds weights
PACKAGES = (
    "torch", "numpy", "scipy", "opencv-python-headless", "pillow", "av", "openvino", "onnxruntime", "numba",
    "c2pa-python", "cryptography", "pydantic", "sqlalchemy", "timm", "scikit-learn", "torchmetrics",
)  # fmt: skip


def vasari_version() -> str:
    """Version of the installed package, "0" from a bare checkout."""
    try:
        return importlib.metadata.version("vasari")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def weight_hashes() -> dict[str, str]:
    """SHA-256 of every weight file of the product, by its path inside it."""
    files = sorted(path for floor in FLOORS for path in (ROOT / floor / "data").glob("*") if path.suffix in KINDS)
    return {path.relative_to(ROOT).as_posix(): file_sha256(path) for path in files}


def versions() -> dict[str, str]:
    """Versions of vasari ("0" from a bare checkout) and of those packages that outputs and figures depend on and that
    are here."""
    found = {"vasari": vasari_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def current_commit() -> str:
    """Commit of the checkout this code runs from, with "+" when files differ from it; "" outside a checkout, even
    where it is installed into a folder within somebody else's."""
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    return done.stdout.strip()

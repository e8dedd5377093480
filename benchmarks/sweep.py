"""`vasari bench all`: every suite in a process of its own, and one file that holds what all of them found."""

import hashlib
import importlib.metadata
import json
import multiprocessing
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from pydantic import BaseModel, ValidationError

from benchmarks.figures import SCHEMA_VERSION, Results, machine
from media.atomic import replacing
from media.errors import UnreadableError, VasariError

ROOT = Path(__file__).resolve().parents[1]
KINDS = (".onnx", ".safetensors")
FLOORS = ("detect", "generate", "provenance", "faces")  # whose data/ holds weights
PACKAGES = ("torch", "numpy", "opencv-python-headless", "av", "openvino", "onnxruntime", "numba", "c2pa-python", "timm",
            "scikit-learn", "torchmetrics")  # fmt: skip


class Sweep(BaseModel):
    """What all suites found in one run."""

    schema_version: int = SCHEMA_VERSION
    quick: bool
    machine: dict[str, str | int | float]
    commit: str  # of the checkout, with "+" when files differ from it; "" outside one
    versions: dict[str, str]  # of the packages that figures depend on
    weights: dict[str, str]  # SHA-256 of each weight file, hexadecimal
    suites: list[Results] = []
    seconds: dict[str, float] = {}  # how long each suite took
    failed: dict[str, str] = {}  # suites that ended early, and why


def weight_hashes() -> dict[str, str]:
    """SHA-256 of every weight file of the product, by its path inside it."""
    found = {}
    for path in sorted(path for floor in FLOORS for path in (ROOT / floor / "data").glob("*") if path.suffix in KINDS):
        with path.open("rb") as file:
            found[path.relative_to(ROOT).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def versions() -> dict[str, str]:
    """Versions of vasari ("0" from a bare checkout) and of those packages that figures depend on and that are here."""
    from provenance.claims import vasari_version

    found = {"vasari": vasari_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def measure_all(
    jobs: Mapping[str, Callable[[], Results]],
    folder: Path,
    quick: bool,
    *,
    done: Callable[[Sweep], None] = lambda _: None,
    trouble: Callable[[str], None] = lambda _: None,
) -> Sweep:
    """Run every job, whatever happens to the others, and write `folder`/results.json after each.

    Each runs in a new process: memory that one suite took is not counted against the next (Linux hands a parent's
    peak down to what it starts), and one that is killed takes nobody along.

    Args:
        jobs: what to run, by suite; picklable.
        done: called after each job with all that is known by then.
        trouble: called with the traceback of an error that is not the user's.
    """
    from lab.weights import current_commit  # brings torch, which reading results does not need

    sweep = Sweep(quick=quick, machine=machine(), commit=current_commit(), versions=versions(), weights=weight_hashes())
    folder.mkdir(parents=True, exist_ok=True)
    for name, job in jobs.items():
        start = time.perf_counter()
        try:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                sweep.suites.append(pool.submit(job).result())
        except VasariError as error:
            sweep.failed[name] = str(error)
        except BrokenProcessPool:
            sweep.failed[name] = "its process was killed, perhaps for want of memory"
        except Exception as error:  # a suite's defect must not cost the hours of the others
            sweep.failed[name] = f"{type(error).__name__}: {error}"
            trouble("".join(traceback.format_exception(error)))
        sweep.seconds[name] = round(time.perf_counter() - start, 1)
        with replacing(folder / "results.json") as temporary:
            temporary.write_text(sweep.model_dump_json(indent=2))
        done(sweep)
    return sweep


def read_results(path: Path) -> Sweep | Results:
    """What `vasari bench` wrote: its results.json, or the folder that holds it; of one suite or of all.

    Raises:
        UnreadableError: there is none, or it is of another kind or version.
    """
    file = path / "results.json" if path.is_dir() else path
    wanted = "give the results.json that `vasari bench` wrote, or its folder"
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise UnreadableError(f"{file}: {error.strerror}; {wanted}") from error
    except ValueError as error:
        raise UnreadableError(f"{file}: not JSON; {wanted}") from error
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise UnreadableError(f"{file}: not results of schema version {SCHEMA_VERSION}; {wanted}")
    try:
        return (Sweep if "suites" in data else Results).model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UnreadableError(f"{file}: {where}: {first['msg']}; {wanted}") from error

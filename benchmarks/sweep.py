"""`vasari bench all`: every suite in a process of its own, and one file that holds what all of them found."""

import json
import multiprocessing
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from pydantic import BaseModel, ValidationError

from benchmarks.figures import SCHEMA_VERSION, Results, machine, now
from media.atomic import replacing
from media.errors import UnreadableError, VasariError
from media.release import current_commit, versions, weight_hashes


class Sweep(BaseModel):
    """What all suites found in one run."""

    schema_version: int = SCHEMA_VERSION
    quick: bool
    made: str = ""  # when it began, UTC; "" of earlier versions
    machine: dict[str, str | int | float]
    commit: str  # of the checkout, with "+" when files differ from it; "" outside one
    versions: dict[str, str]  # of the packages that figures depend on
    weights: dict[str, str]  # SHA-256 of each weight file, hexadecimal
    suites: list[Results] = []
    seconds: dict[str, float] = {}  # how long each suite took
    failed: dict[str, str] = {}  # suites that ended early, and why


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
    sweep = Sweep(
        quick=quick,
        made=now(),
        machine=machine(),
        commit=current_commit(),
        versions=versions(),
        weights=weight_hashes(),
    )
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

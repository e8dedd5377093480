"""Whether a run may go on in a working folder: what made its checkpoint has to be what makes the rest.

A checkpoint says by which plan, seed and network it was made (`lab.training.loop`), the folder by which data and
settings (`claimed`, in settings.json): whatever a recipe prepares there, pictures or scenes, is of that data.
"""

import functools
import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from torch import nn

from lab.training.ranks import Ranks
from media.atomic import replacing
from media.errors import UsageError, VasariError

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
FILE = "settings.json"
BOOKKEEPING = (
    "steps",
    "validate_every",
    "checkpoint_every",
    "bf16",
)  # of a plan: hardly a matter of what is learned
ELSEWHERE = ("out", "steps", "workdir", "device", "resume", "workers", "progress")  # no settings of a recipe
DIGITS = 12


def made_by(plan: Any, model: nn.Module, processes: int) -> dict[str, Any]:
    """What a checkpoint says of itself: the plan, the network's shape, how many processes draw batches."""
    shapes = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
    network = hashlib.sha256(repr(shapes).encode()).hexdigest()[:DIGITS]
    return asdict(plan) | {"network": network, "processes": processes}


def check(before: Mapping[str, Any], now: Mapping[str, Any], done: int, where: Path) -> None:
    """Raise `UsageError` unless a run that has `done` steps by `before` may be gone on with by `now`.

    The number of steps may be another: that is said, since the rate of learning then follows another plan from here on.
    """
    left_out = {*BOOKKEEPING} | ({"warmup"} if before.get("steps") != now["steps"] else set())
    found = {name: (before.get(name), now[name]) for name in now if name not in left_out}
    _refuse({name: pair for name, pair in found.items() if pair[0] != pair[1]}, where)
    if done > now["steps"]:
        raise UsageError(
            f"{where}: has done {done} steps, {now['steps']} are asked for; use another --workdir or --no-resume"
        )
    if before["steps"] != now["steps"]:
        log.warning(
            "%s: was planned for %d steps, now %d; from step %d on the rate of learning follows the new plan, which is "
            "not what an unbroken run of so many steps does", where, before["steps"], now["steps"], done,
        )  # fmt: skip


def guarded(recipe: Callable[P, T]) -> Callable[P, T]:
    """A recipe that refuses a working folder in which it was run with other data or settings.

    All arguments are settings but those of `ELSEWHERE`; folders and files are told apart by what is in them.
    """
    signature = inspect.signature(recipe)

    @functools.wraps(recipe)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        with claimed(given.arguments):
            return recipe(*args, **kwargs)

    return run


@contextmanager
def claimed(given: Mapping[str, Any]) -> Iterator[None]:
    """While a recipe runs that was `given` these arguments: its working folder says so.

    Raises:
        UsageError: the folder was used with others.
    """
    made = tuple(Path(given[name]).absolute() for name in ("out", "workdir") if given.get(name))
    kept = {name: _told(value, made) for name, value in given.items() if name not in ELSEWHERE}
    now = {name: value for name, value in kept.items() if value is not NotImplemented}
    workdir = Path(given["workdir"])
    _claim(workdir, now, resume=bool(given["resume"]))
    try:
        yield
    except VasariError:
        if [path.name for path in workdir.iterdir()] == [FILE]:  # refused before it began
            (workdir / FILE).unlink()
            workdir.rmdir()
        raise


def _claim(workdir: Path, now: Mapping[str, Any], *, resume: bool) -> None:
    """Write into the folder what it is used with, or refuse."""
    path = workdir / FILE
    if path.is_file():
        try:
            before = json.loads(path.read_bytes())
            found = {name: (before.get(name), now.get(name)) for name in before.keys() | now.keys()}
        except (ValueError, AttributeError) as error:
            raise UsageError(f"{path}: is damaged ({error}); use another --workdir") from error
        differing = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
        of_data = {name: pair for name, pair in differing.items() if any(isinstance(value, dict) for value in pair)}
        _refuse(of_data, workdir, "what was prepared of it is kept there, so use another --workdir")
        if resume:
            _refuse(differing, workdir)
    if Ranks.join().first:
        workdir.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(now, indent=2) + "\n")


def _refuse(differing: Mapping[str, tuple[Any, Any]], where: Path, hint: str = "") -> None:
    if differing:
        words = ", ".join(
            f"{'--' if isinstance(a or b, dict) else ''}{name} was {_words(a)}, now {_words(b)}"
            for name, (a, b) in sorted(differing.items())
        )
        raise UsageError(f"{where}: {words}; {hint or 'use another --workdir or --no-resume'}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return f"'{value['name']}' ({value['files']} files, {value['contents']})"
    return "none" if value is None else str(value)


def _told(value: Any, made: tuple[Path, ...]) -> Any:
    """A setting as JSON has it, without what the run itself has `made`; NotImplemented for what is none (a network, a
    function)."""
    if isinstance(value, Path):
        return contents(value, made)
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_told(part, made) for part in value]
        paths = [part for part in parts if isinstance(part, dict)]
        if paths and len(paths) == len(parts):
            return _joined(paths)
        return NotImplemented if NotImplemented in parts else parts
    return value if value is None or isinstance(value, bool | int | float | str) else NotImplemented


def contents(path: Path, without: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What lies at a path: name, number of files, a digest; of folders over names and sizes of the files in them, but
    for what lies in the folders `without`."""
    digest, count = hashlib.sha256(), 0
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and not any(file.absolute().is_relative_to(other) for other in without):
                digest.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\n".encode())
                count += 1
    elif path.is_file():
        digest.update(path.read_bytes())
        count = 1
    return {"name": path.resolve().name, "files": count, "contents": digest.hexdigest()[:DIGITS]}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(part["contents"] for part in parts).encode()).hexdigest()
    return {
        "name": ", ".join(part["name"] for part in parts), "files": sum(part["files"] for part in parts),
        "contents": digest[:DIGITS],
    }  # fmt: skip

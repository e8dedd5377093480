"""The same scan on the machines of a Ray cluster, for those who have millions of files.

Every core is given an actor that holds a `Worker`, as a core of this machine is given one by `scan`: limits of time and
memory, and what becomes of a file that crashes its process, are the same. Ray adds the loss of whole machines: an actor
that is lost is started elsewhere and asked about its file once more.

The cluster is the one that $RAY_ADDRESS names, else one that runs on this machine, else a small one of our own, ended
afterwards. Its machines need this package in the same version, and the files under the same names. Of this process they
get the working folder, where they have it, and the settings $VASARI_*.
"""

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TextIO, cast

from media.errors import MissingExtraError, UnreadableError, VasariError
from vasari.scanning.scan import Answer, asked
from vasari.scanning.worker import Worker

PATIENCE = 600.0  # seconds until the first actor must be ready; clusters that grow take minutes
STORE = 80 << 20  # bytes of shared memory of a cluster of our own; answers are small
LIVES = 2  # times that a file is asked about where the machine is lost meanwhile


def scan_on_ray(
    names: Iterable[str],
    opening: Callable[..., Callable[[str], Any]],
    arguments: tuple[Any, ...] = (),
    *,
    workers: int | None = None,
    seconds: float,
) -> Generator[Answer, None, None]:
    """As `scan`, on a Ray cluster. Names are taken as actors become free, one each, so there may be millions.

    Args:
        names, opening, seconds: as of `scan`; what `opening` reads lies at the same place on every machine.
        arguments: of `opening`; pickled and sent to the machines.
        workers: actors, a core each; None: as many as the cluster has cores now.

    Raises:
        MissingExtraError: Ray is not installed.
        VasariError: no cluster can be reached or started, no core is free in time, or its machines cannot look at
            files (this package is not there; no keys).
    """
    ray = _ray()
    with _connected(ray, workers):
        looker = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=LIVES - 1)(Looker)
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        settings = {name: value for name, value in os.environ.items() if name.startswith("VASARI_")}
        crew = [looker.remote(os.getcwd(), settings, opening, arguments, seconds) for _ in range(count)]
        try:
            yield from _among(ray, iter(names), crew)
        finally:
            for one in crew:
                ray.kill(one)


class Looker:
    """The actor: a worker beside it, which may be ended at any time.

    Args:
        folder: becomes the working folder of the worker, where there is one of that name.
        settings: environment of the worker, beside its machine's own.
        opening, arguments: as of `Worker`.
        seconds: that one file may take.
    """

    def __init__(
        self,
        folder: str,
        settings: dict[str, str],
        opening: Callable[..., Callable[[str], Any]],
        arguments: tuple[Any, ...],
        seconds: float,
    ) -> None:
        self._worker = Worker(_opened_in, (folder, settings, opening, arguments))
        self._seconds = seconds

    def ready(self) -> None:
        """Wait until it can be asked. Raises as `Worker.ready`."""
        self._worker.start()
        self._worker.ready()

    def look(self, name: str) -> Answer:
        """What came of a file. Raises as `ready`, where the process has to be started anew."""
        return asked(self._worker, name, self._seconds)


def _opened_in(
    folder: str, settings: dict[str, str], opening: Callable[..., Callable[[str], Any]], arguments: tuple[Any, ...]
) -> Callable[[str], Any]:
    os.environ.update(settings)
    with contextlib.suppress(OSError):
        os.chdir(folder)
    return opening(*arguments)


def _among(ray: Any, names: Iterator[str], crew: list[Any]) -> Iterator[Answer]:
    # what is waited for -> (actor, name; None where it is only to become ready)
    busy: dict[Any, tuple[Any, str | None]] = {one.ready.remote(): (one, None) for one in crew}
    able, ahead = False, next(names, None)
    while ahead is not None or any(name is not None for _, name in busy.values()):
        done, _ = ray.wait(list(busy), num_returns=1, timeout=None if able else PATIENCE)
        if not done:
            raise VasariError(f"the Ray cluster had no free core within {PATIENCE:g} s")
        one, name = busy.pop(done[0])
        answer = _answer(ray, done[0], name)
        able = True
        if ahead is not None:
            busy[one.look.remote(ahead)] = (one, ahead)
            ahead = next(names, None)
        if answer is not None:
            yield answer


def _answer(ray: Any, promise: Any, name: str | None) -> Answer | None:
    """What came of a file, None of an actor that became ready."""
    try:
        answer: Answer | None = ray.get(promise)
        return answer
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, VasariError):
            raise VasariError(str(error.cause)) from error
        raise VasariError(f"a machine of the Ray cluster failed: {_last_line(error)}") from error
    except ray.exceptions.RayActorError as error:
        if name is not None:
            return Answer(name, error=UnreadableError(f"{name}: ended the process that looked at it"))
        raise VasariError(f"the Ray cluster cannot look at files: {_last_line(error)}") from error


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def _ray() -> Any:
    """The package, told to keep to itself before it is loaded: no usage reports."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # leaves settings of GPUs as they are, silently
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("Ray is not installed; run: pip install 'vasari[ray]'") from error
    return ray


@contextlib.contextmanager
def _connected(ray: Any, workers: int | None) -> Iterator[None]:
    """Within a cluster; left afterwards, and ended where it is our own."""
    if ray.is_initialized():
        yield
        return
    with contextlib.redirect_stdout(cast(TextIO, _Apart(sys.stdout))):
        try:
            _connect(ray, workers)
            yield
        finally:
            ray.shutdown()


def _connect(ray: Any, workers: int | None) -> None:
    from media.threads import cores

    address = os.environ.get("RAY_ADDRESS") or "auto"
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    own = {"num_cpus": workers or cores(), "include_dashboard": False, "object_store_memory": STORE}
    try:
        _knock(address)
        try:
            ray.init(address=address, **(own if address == "local" else {}), **quiet)
        except ConnectionError:
            if address != "auto":
                raise
            ray.init(address="local", **own, **quiet)
    except Exception as error:  # of the network, of the operating system, of Ray
        if address in ("auto", "local"):
            raise VasariError(f"no Ray cluster on this machine: {_last_line(error)}") from error
        hint = "; one that asks for a token needs RAY_AUTH_MODE=token" if type(error) is ConnectionError else ""
        raise VasariError(f"no Ray cluster at {address} ($RAY_ADDRESS): {_last_line(error)}{hint}") from error


def _knock(address: str) -> None:
    """Raises OSError where nobody answers at host:port, which Ray itself takes minutes to say."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _Apart:
    """Standard output for answers alone: what Ray's threads tell of its processes, on standard output too, is logged.

    Args:
        answers: the stream that all other threads write to.
    """

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers

    def write(self, text: str) -> int:
        if not threading.current_thread().name.startswith("ray_"):
            return self._answers.write(text)
        logging.getLogger(__name__).info(text.rstrip())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answers, name)

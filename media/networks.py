"""Networks at work: a part of a weight file, compiled once by OpenVINO or ONNX Runtime, called with arrays.

What OpenVINO made of a network is kept in the user's cache folder ($XDG_CACHE_HOME/vasari, else ~/.cache/vasari), so
that a second start takes hundredths of a second. Where that folder cannot be written to, nothing is kept. Arithmetic
is in bfloat16 where the processor has it, unless a network is asked for precisely. ONNX Runtime, an optional
dependency, computes everything in float32.
"""

import contextlib
import hashlib
import importlib
import io
import os
import secrets
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from media.errors import MissingExtraError, UsageError, WeightsError
from media.weights import WeightFile, read_weights

ENGINES = ("openvino", "onnxruntime")
VARIABLE = "VASARI_ENGINE"  # environment variable: which of them, where nothing else says so
DIGEST = hashlib.sha256().digest_size
KEY = 24  # digits of a kept network's name
KEPT = 4  # compiled forms of one network that are kept


def engine_named(engine: str | None = None) -> str:
    """The engine that is meant: `engine`, else $VASARI_ENGINE, else OpenVINO.

    Raises:
        UsageError: there is none of that name.
    """
    name = engine or os.environ.get(VARIABLE) or ENGINES[0]
    if name not in ENGINES:
        raise UsageError(f"engine {name}: choose one of {', '.join(ENGINES)}")
    return name


def cache_folder() -> Path:
    """Where compiled networks are kept.

    Raises:
        RuntimeError: nobody can tell where the user is at home.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vasari" / "networks"


class Network:
    """A network, ready to be called from one thread at a time; `twin` is for another thread.

    Args:
        file: weight file that was read.
        part: of its networks; "" for a file of one.
        engine: "openvino" or "onnxruntime"; None: as `engine_named` says.
        precise: compute in float32 where OpenVINO would take bfloat16.
        threads: processor threads a call may use; 0 lets the engine choose.

    Raises:
        WeightsError: the engine cannot make a network of it.
        MissingExtraError: ONNX Runtime was asked for and is not installed.
        UsageError: there is no such engine.
    """

    def __init__(
        self,
        file: WeightFile,
        part: str = "",
        *,
        engine: str | None = None,
        precise: bool = False,
        threads: int = 0,
    ) -> None:
        self.card, self.engine = file.card, engine_named(engine)
        make = _OpenVINO if self.engine == "openvino" else _ONNXRuntime
        try:
            self._run = make(file, part, precise=precise, threads=threads)
        except RuntimeError as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise WeightsError(f"{file.path}: {self.engine} cannot run it ({said[-1].strip()})") from error

    @classmethod
    def load(cls, path: Path | str, model: str, part: str = "", **options: Any) -> "Network":
        """Read, check and compile; `options` as of the class.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        return cls(read_weights(path, model), part, **options)

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Arrays in the order of the network's inputs -> its outputs."""
        return self._run(arrays)

    def twin(self) -> "Network":
        """The same network for another thread; compiled code and weights are shared."""
        other = object.__new__(type(self))
        other.card, other.engine, other._run = self.card, self.engine, self._run.twin()
        return other


class _OpenVINO:
    """The part, compiled or taken from the cache."""

    def __init__(self, file: WeightFile, part: str, *, precise: bool, threads: int) -> None:
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if not precise and "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            options["INFERENCE_PRECISION_HINT"] = "bf16"
        options |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
        # Bound to cores, networks that work side by side, in one process or several, would all be bound to the first.
        options["ENABLE_CPU_PINNING"] = False
        place = _place(file, part, options)
        self._compiled = _kept(place, options) or _compiled(file.part(part), place, options)
        self._request = self._compiled.create_infer_request()
        self._count = len(self._compiled.outputs)

    def __call__(self, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        said = self._request.infer(list(arrays), share_inputs=True)
        return [said[k] for k in range(self._count)]

    def twin(self) -> "_OpenVINO":
        other = object.__new__(type(self))
        other._compiled, other._count = self._compiled, self._count
        other._request = self._compiled.create_infer_request()
        return other


@cache
def openvino() -> Any:
    """The package OpenVINO without its telemetry, which would write an identifier into the home folder and report each
    import to its maker."""
    watcher = "openvino_telemetry"
    unseen = sys.modules.get(watcher)
    sys.modules[watcher] = None  # type: ignore[assignment]  # cannot be imported; OpenVINO has a stub for that
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[watcher]
        if unseen is not None:
            sys.modules[watcher] = unseen


@cache
def _core() -> Any:
    return openvino().Core()


@cache
def _machine() -> str:
    """What compiled networks hang on, besides their files."""
    return f"{openvino().__version__} {_core().get_property('CPU', 'FULL_DEVICE_NAME')} " + " ".join(
        _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )


def _place(file: WeightFile, part: str, options: dict[str, Any]) -> Path | None:
    """Where the compiled part is kept; None for a file that is only in memory, and where there is no such place."""
    if not file.path.name:
        return None
    try:
        folder = cache_folder()
    except RuntimeError:
        return None
    key = repr((file.card.sha256, part, options["INFERENCE_PRECISION_HINT"], _machine()))  # the same for any threads
    name = "-".join(filter(None, (file.card.model, part, hashlib.sha256(key.encode()).hexdigest()[:KEY])))
    return folder / name


def _kept(place: Path | None, options: dict[str, Any]) -> Any:
    """The compiled network from the cache; None where it is not there or not whole."""
    if place is None:
        return None
    try:
        content = np.fromfile(place, np.uint8)
        if hashlib.sha256(content[:-DIGEST].data).digest() != content[-DIGEST:].tobytes():
            return None
        return _core().import_model(openvino().Tensor(content[:-DIGEST]), "CPU", options)
    except (OSError, RuntimeError):
        return None


def _compiled(model: bytes, place: Path | None, options: dict[str, Any]) -> Any:
    """Compile an ONNX model, and keep what comes of it."""
    compiled = _core().compile_model(_core().read_model(io.BytesIO(model)), "CPU", options)
    if place is None:
        return compiled
    with contextlib.suppress(OSError, RuntimeError):
        content = compiled.export_model().getvalue()
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(content + hashlib.sha256(content).digest())
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
        older = sorted(place.parent.glob(f"{place.name[:-KEY]}*"), key=lambda path: path.stat().st_mtime)[:-KEPT]
        for path in older:  # of other weights, versions, processors
            path.unlink(missing_ok=True)
    return compiled


class _ONNXRuntime:
    """The part in ONNX Runtime, on the processor."""

    def __init__(self, file: WeightFile, part: str, *, precise: bool, threads: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("ONNX Runtime is not installed; run: pip install 'vasari[onnxruntime]'") from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(file.part(part), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class of their own in common
            raise RuntimeError(str(error)) from error
        self._names = [entry.name for entry in self._session.get_inputs()]

    def __call__(self, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = self._session.run(None, dict(zip(self._names, arrays, strict=True)))
        return outputs

    def twin(self) -> "_ONNXRuntime":
        return self

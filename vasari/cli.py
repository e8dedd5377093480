"""The command line. Commands live in `vasari.commands`; errors become one line and an exit code here."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Never

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import MissingExtraError, VasariError
from media.words import plain
from vasari.commands import (
    animate,
    bench,
    calibrate,
    comply,
    consent,
    data,
    desk,
    detect,
    enroll,
    generate,
    keys,
    mark,
    perform,
    serve,
    sign,
    track,
    train,
    triage,
    verify,
)
from vasari.commands.within import having, spoken

app = typer.Typer(
    name="vasari",
    help="Talking faces that name their maker, and a way to tell the faces that do not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(cls=spoken())(generate.generate)
app.command(cls=spoken())(animate.animate)
app.command()(perform.perform)
app.command()(track.track)
app.command()(verify.verify)
app.command()(sign.sign)
app.command(cls=spoken())(mark.mark)
app.command(cls=having(calibrate=calibrate.calibrate, enroll=enroll.enroll))(detect.detect)
app.command()(triage.triage)
app.add_typer(keys.app, name="keys")
app.add_typer(consent.app, name="consent")
app.command()(desk.desk)
app.add_typer(serve.app, name="serve")
app.command(cls=spoken())(comply.comply)
app.command()(train.train)
app.add_typer(data.app, name="data")
app.command(cls=having(compare=bench.compare))(bench.bench)


EXTRAS = {
    "onnx": "train", "sklearn": "train", "timm": "train", "torch": "train", "torchmetrics": "bench",
    "livekit": "agents", "pipecat": "agents",
    "fastapi": "serve", "starlette": "serve", "uvicorn": "serve", "websockets": "serve",
}  # fmt: skip
"""Packages that some commands need -> the extra that brings them."""
STOPPING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
LAB = ("benchmarks", "lab")  # rooms that an installation can do without: images have none


def main() -> None:
    """Entry point: run a command; what the user got wrong becomes one line, never a traceback."""
    from media.threads import few_heaps
    from provenance.exits import exit_code

    few_heaps()
    try:
        try:
            with _stoppable():
                app()
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in LAB:
                raise MissingExtraError(
                    f"{package} is not part of this installation, which holds the product alone; install all of vasari"
                ) from error
            extra = EXTRAS.get(package)
            if extra is None:
                raise
            extra = "bench" if sys.argv[1:2] == ["bench"] else extra  # which has them all
            raise MissingExtraError(f"{error.name} is not installed; run: pip install 'vasari[{extra}]'") from error
    except VasariError as error:
        Console(stderr=True).print(f"[red]vasari:[/red] {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        Console(stderr=True).print("vasari: stopped; nothing was written")
        sys.exit(130)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Who is asked to end (`kill`, a service that is stopped, a terminal that is closed) leaves nothing half-written;
    asked again, it ends at once. What is ignored (`nohup`) stays so, and a command may have a way of its own."""

    def stop(number: int, _: object) -> Never:
        signal.signal(number, signal.SIG_DFL)
        sys.exit(128 + number)

    asked = [number for number in STOPPING if signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in asked:
            signal.signal(number, stop)
        yield
    finally:
        for number in asked:
            signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main()

"""A desk that looks at nothing: what it would find is made up, and found at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from detect.triage import join
from media.errors import UnreadableError
from provenance.read.verdict import Credentials, Mark, Verdict
from vasari.desk import Settings, create_desk
from vasari.desk.looking import Task

EVIL = "<img src=x onerror=\"document.title='evil'\">"
PATIENT = {"queries_a_minute": 1e9, "uploads_a_minute": 1e9, "writes_a_minute": 1e9}
CLIP = {"Content-Type": "application/octet-stream"}


def facts(name: str) -> Verdict:
    """Of a sound file that a stranger signed, whose every word is meant to be run."""
    signed = Credentials(state="valid", trust="untrusted", signer=EVIL, issuer=EVIL, generator=EVIL, notes=[EVIL])
    return Verdict(
        file=name, kind="sound", verdict="nothing_found", exit_code=3, summary=f"no known maker: {EVIL}",
        reasons=[EVIL], credentials=signed, picture_mark=Mark(state="no_carrier"), sound_mark=Mark(state="absent"),
        agreement="not_applicable",
    )  # fmt: skip


def found(task: Task) -> dict[str, Any]:
    """What each step finds; a file of "broken" cannot be read."""
    if task.path.read_bytes() == b"broken":
        raise UnreadableError(f"{task.path}: cannot be read".replace(str(task.path), task.name))
    part = {"title": EVIL, "relationship": "parentOf", "state": "broken", "signer": EVIL, "made": "", "source": ""}
    part |= {"thumbnail": "javascript:alert(1)", "parts": []}
    media = {"kind": "sound", "width": 0, "height": 0, "duration": 1.0}
    verdict = facts(task.name)
    steps: dict[str, dict[str, Any]] = {
        "credentials": {"history": part | {"parts": [part, part]}, "media": media},
        "marks": {"facts": verdict.model_dump(mode="json"), "matches": [], "triage": None},
        "detector": {"triage": join(verdict, None).model_dump(mode="json"), "report": f"<!doctype html>{task.name}"},
    }
    return steps[task.step]


class Bench:
    """Stands for `vasari.scanning.Worker`: answers in the same process."""

    def __init__(self, look: Callable[[Task], Any] = found) -> None:
        self.look, self.tasks, self.pipe = look, list[Task](), self

    def start(self) -> None: ...

    ready = end = start

    def ask(self, task: Task) -> None:
        self.tasks.append(task)

    def poll(self, seconds: float) -> bool:
        return True

    def answer(self) -> Any:
        return self.look(self.tasks[-1])


@contextmanager
def desk(bench: Any = None, **told: Any) -> Iterator[TestClient]:
    """A client of a desk that was told so; its pages' token comes along."""
    app = create_desk(Settings(**PATIENT | told), lambda: bench or Bench())
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        client.headers["X-CSRF-Token"] = app.state.csrf
        yield client

"""The image is what it says it is, as far as can be told without building it: who it runs as, what is in it, what it
runs, and that nothing secret gets there. What the documents show of it is run by the same command line."""

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from command_line import parsed, vasari

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HEAVY = {"torch", "timm", "transformers", "scikit-learn", "onnx", "ray"}


def read_instructions() -> list[tuple[str, str]]:
    """Word and rest of each instruction, in order."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line)]


STEPS = read_instructions()
FINAL = STEPS[max(at for at, (word, _) in enumerate(STEPS) if word == "FROM") :]
TAKEN = [source for word, rest in STEPS if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]]


def of(word: str, steps: list[tuple[str, str]] = FINAL) -> str:
    """The last instruction of that name."""
    return [rest for name, rest in steps if name == word][-1]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file or folder out: the last line that fits it, or a folder above it, decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.lstrip("!")
        parents = [path, *map(str, Path(path).parents)][: path.count("/") + 1]
        names = [pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        if line and not line.startswith("#"):
            fits = any(fnmatch(Path(one).name if "**" in pattern else one, name) for one in parents for name in names)
            out = not line.startswith("!") if fits else out
    return out


def test_every_stage_stands_on_a_version_that_is_named() -> None:
    base = of("ARG", STEPS)
    assert re.fullmatch(r"BASE=python:3\.(\d+)\.\d+-slim-[a-z]+", base)
    assert int(base.split(".")[1]) >= int(PROJECT["project"]["requires-python"].rpartition(".")[2])
    assert [rest.split()[0] for word, rest in STEPS if word == "FROM"] == ["${BASE}", "${BASE}"]


def test_it_runs_as_somebody_without_rights() -> None:
    user, group = of("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    after = [word for word, _ in FINAL[FINAL.index(("USER", of("USER"))) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    made = next(rest for word, rest in FINAL if word == "RUN")
    assert f"useradd --uid {user}" in made
    assert f"groupadd --gid {group}" in made
    assert re.search(r"install .*--owner vasari .*--mode 700 (.*)", made)[1].split() == json.loads(of("VOLUME"))


def test_what_it_takes_is_there_and_is_the_product() -> None:
    assert "ADD" not in {word for word, _ in STEPS}
    for source in TAKEN:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    folders = {source for source in TAKEN if (ROOT / source).is_dir()}
    assert folders == set(PROJECT["tool"]["mypy"]["packages"])  # as the product is called there
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} < set(TAKEN)
    assert [rest for word, rest in FINAL if word == "COPY"] == ["--from=build /opt/vasari /opt/vasari"]


def test_the_product_is_whole_without_what_is_left_out() -> None:
    kept = [Path(source).stem for source in TAKEN if source.startswith("benchmarks/")]
    program = f"""
import importlib, sys
class Away:
    def find_spec(self, name, path=None, target=None):
        room, _, rest = name.partition(".")
        if room in ("lab", "torch", "timm") or (room == "benchmarks" and rest and rest not in {kept}):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Away())
for name in ("cli", "api", "service", "service.app", "desk", "desk.looking", "compliance.gathering"):
    importlib.import_module("vasari." + name)
import detect.detector, detect.triage, generate.stream
from provenance import Keys
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words", [("train", "speech"), ("bench", "speed", "-o", "m"), ("data", "people", "-n", "1", "-o", "p")]
)
def test_what_is_left_out_is_missed_in_a_line(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.startswith(("lab.", "benchmarks."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lab", None)
    monkeypatch.setitem(sys.modules, "benchmarks.suites", None)
    assert "is not part of this installation, which holds the product alone" in vasari(*words).line


def test_extras_are_there_and_light() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    named = next(re.search(r"'\.\[(.*?)\]'", rest) for word, rest in STEPS if word == "RUN" and "pip install" in rest)
    for extra in named[1].split(","):
        assert {re.split(r"[\[>=<]", one)[0] for one in extras[extra]}.isdisjoint(HEAVY)


def test_it_runs_a_command_of_ours_where_its_health_is_asked_for() -> None:
    assert json.loads(of("ENTRYPOINT")) == ["vasari"]
    command = json.loads(of("CMD"))
    parsed(list(command))
    assert command[0] == "serve"  # the desk would need a token that nobody has given
    assert command[command.index("--host") + 1] == "0.0.0.0"
    assert command[command.index("--port") + 1] == of("EXPOSE")
    assert f"'127.0.0.1', {of('EXPOSE')}," in of("HEALTHCHECK")


@pytest.mark.parametrize(
    ("status", "said", "well"),
    [(200, b'{"status":"ok"}', True), (200, b'{"status":"down"}', False), (401, b"{}", True), (500, b"{}", False)],
)
def test_it_is_well_when_the_service_says_so_or_the_desk_has_a_door(status: int, said: bytes, well: bool) -> None:
    from vasari.service.routes import BASE, router

    words = json.loads(of("HEALTHCHECK").partition("CMD")[2])
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.timeout = 60
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        code = words[2].replace(f" {of('EXPOSE')},", f" {server.server_port},")
        done = subprocess.run([sys.executable, "-IS", words[1], code], capture_output=True, text=True)
        thread.join()
    assert (done.returncode == 0) == well, done.stderr
    assert asked[0].removeprefix(BASE) in {route.path for route in router.routes}
    closed = subprocess.run([sys.executable, "-IS", words[1], code], capture_output=True)
    assert closed.returncode == 1


def test_nothing_secret_gets_there() -> None:
    set_here = [one for word, rest in STEPS if word in ("ENV", "ARG") for one in shlex.split(rest)]
    told = dict(one.partition("=")[::2] for one in set_here)
    volumes = json.loads(of("VOLUME"))
    for name, value in told.items():
        if re.search("KEY|TOKEN|SECRET|PASS|REGISTRY", name):
            assert any(value.startswith(f"{volume}/") for volume in volumes), name  # a place, not a secret
    for path in ("keys/watermark.key", "vasari/root.pem", "provenance/data/registry.sqlite", ".git", ".venv", "lab",
                 "examples", "tests", "shared", "runs", "media/__pycache__", "token"):  # fmt: skip
        assert ignored(path), path
    assert not ignored("provenance/data/nobody.json")


def test_what_the_documents_show_of_it_can_be_run() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    shown = [re.sub(r"\s+#.*", "", line) for line in text.splitlines() if line.startswith("docker run ")]
    assert len(shown) == 3
    for line in shown:
        words = shlex.split(line)
        command = words[words.index("vasari") + 1 :]
        parsed(command or json.loads(of("CMD")))
        assert [name for name in json.loads(of("VOLUME")) if f":{name}" not in line] in ([], ["/cache"])
        assert "-p" not in words or words[words.index("-p") + 1].endswith(f":{of('EXPOSE')}")
        if "desk" in command:
            assert {"--token", "--no-open", "--no-studio"} < set(command)

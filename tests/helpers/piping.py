"""A line of shell whose `vasari` is run in this process: bash makes the pipes, the command reads and writes them, but
nothing is imported and no kernel is loaded anew."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import built

from vasari.cli import main

PROGRAM = """#!{python} -IS
import json, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
socket.send_fds(link, [json.dumps(sys.argv[1:]).encode()], [0, 1, 2])
sys.exit(int(link.recv(16) or b"70"))
"""


class Shell:
    """Runs lines in a folder of programs, to which it adds `vasari`."""

    def __init__(self, programs: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(programs / "link"))
        self._listener.listen()
        program = programs / "vasari"
        program.write_text(PROGRAM.format(python=sys.executable, address=str(programs / "link")))
        program.chmod(0o755)
        self._said = programs / "said.txt"
        self.served = 0  # commands so far

    def run(self, line: str) -> tuple[int, str]:
        """Exit code of a line, of the last of its commands that failed, and what was said on standard error."""
        with self._said.open("wb") as said:
            bash = subprocess.Popen(["bash", "-o", "pipefail", "-c", line], stdout=subprocess.DEVNULL, stderr=said)
        while bash.poll() is None:
            if select.select([self._listener], [], [], 0.02)[0]:
                self._serve(self._listener.accept()[0])
        return bash.returncode, self._said.read_text()

    def _serve(self, link: socket.socket) -> None:
        """Run one command with the standard streams of who asks for it."""
        self.served += 1
        with link, contextlib.ExitStack() as stack:
            data, handles, _, _ = socket.recv_fds(link, 1 << 16, 3)
            streams = [os.fdopen(handle, mode) for handle, mode in zip(handles, "rww", strict=True)]
            for stream in streams:
                stack.callback(_close, stream)
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
                patch.setattr(sys, f"__{name}__", stream)
            patch.setattr(sys, "argv", ["vasari", *json.loads(data)])
            patch.setattr("typer.main.get_command", built)
            code: object = 0
            try:
                main()
            except SystemExit as stop:
                code = stop.code
            for stream in streams:
                _close(stream)
            link.sendall(str(code if isinstance(code, int) else int(code is not None)).encode())


def _close(stream: object) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()  # type: ignore[attr-defined]

"""What somebody at the desk waits for: the first picture of a face that speaks, its pace, the answer about a clip.

`vasari desk` runs in a process of its own and Chromium in others, on the machine that measures, as they do in use; a
fake microphone speaks.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.io import wavfile

from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given, Parts, Suite
from media import SAMPLE_RATE, read_sound
from media.errors import MissingExtraError, VasariError

SESSIONS, SESSIONS_QUICK = 4, 2  # live, one after the other; the first loads what is loaded once
SPEAKING = 8.0  # seconds of each that are counted
LOOK = 0.5  # seconds between two looks at what the page says of its delay
CLIP = 10.0  # seconds
MINUTE = 60.0  # seconds that the microphone says before it begins again
PATIENCE = 300_000  # ms
BUSY = 0.7  # load from which a run says that it was not alone
SHOWN = "() => { const q = document.getElementById('film').getVideoPlaybackQuality(); "
SHOWN += "return [performance.now(), q.totalVideoFrames - q.droppedVideoFrames]; }"
GOALS = {"first": 300.0, "fps": 25.0, "inspect": 10.0, "page": 300.0}


class Desk:
    """The desk at its address, and a browser before it."""

    def __init__(self, address: str, browser: Any, folder: Path, keys: Path) -> None:
        self.address, self.browser, self.folder, self.keys = address, browser, folder, keys

    def open(self, path: str = "") -> Any:
        """A page of it, in a fresh profile."""
        page = self.browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(self.address + path)
        return page

    def weight(self, path: str) -> float:
        """kB that a page brings, portraits to choose from left out."""
        got: list[int] = []
        page = self.browser.new_context().new_page()
        page.on("response", lambda told: "/example/" in told.url or got.append(len(told.body())))
        page.goto(self.address + path, wait_until="networkidle")
        page.context.close()
        return sum(got) / 1000


@contextmanager
def at_work(given: Given) -> Iterator[Desk]:
    """`vasari desk` and Chromium, until the block ends.

    Raises:
        MissingExtraError: there is no Chromium, or nothing to drive it with.
        VasariError: the desk does not begin.
    """
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        chromium = None
    if chromium is None:
        raise MissingExtraError("bench desk: needs Chromium (or $CHROMIUM) and playwright; run: pip install playwright")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        keys, voice = folder / "keys", _speech(given, folder / "voice.wav", MINUTE)
        with _desk(keys) as address:
            browser = driver.chromium.launch(executable_path=chromium, args=[
                "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={voice}", "--autoplay-policy=no-user-gesture-required",
            ])  # fmt: skip
            try:
                yield Desk(address, browser, folder, keys)
            finally:
                browser.close()


def _speech(given: Given, path: Path, seconds: float) -> Path:
    """So much of the speech, again where it is shorter, as a file."""
    sound = np.resize(read_sound(given.speech), int(seconds * SAMPLE_RATE))
    wavfile.write(path, SAMPLE_RATE, (32767 * np.clip(sound, -1, 1)).astype(np.int16))
    return path


@contextmanager
def _desk(keys: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vasari", "desk", "--no-open", "--port", str(port)]
    environment = {**os.environ, "VASARI_KEYS": str(keys)}
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert running.stderr is not None
    try:
        address = running.stderr.readline().strip()
        if not address.startswith("http"):
            raise VasariError(f"bench desk: the desk did not begin: {address or 'no message'}")
        yield address
    finally:
        running.terminate()
        running.communicate()


def parts(given: Given) -> Parts:
    load = psutil.getloadavg()[0]  # of other work, before this begins
    note = f"; other work kept the machine busy (load {load:.1f})" if load > BUSY else ""
    with at_work(given) as desk:
        yield "pages", partial(pages, desk)
        sessions = SESSIONS_QUICK if given.quick else SESSIONS
        yield "studio", partial(studio, desk, sessions, note)
        yield "socket", partial(studio, desk, sessions, note, rtc=False)
        yield "inspector", partial(inspector, desk, given, note)


def pages(desk: Desk) -> list[Figure]:
    """page_kb, the larger of the two."""
    weights = {name: desk.weight(path) for name, path in (("inspector", ""), ("studio", "studio"))}
    told = ", ".join(f"{name} {weight:.0f}" for name, weight in weights.items())
    return [Figure(name="page_kb", value=max(weights.values()), unit="kB", goal=GOALS["page"], better="lower",
                   note=f"without video and portraits; {told}")]  # fmt: skip


def studio(desk: Desk, sessions: int, note: str, *, rtc: bool = True) -> list[Figure]:
    """desk_seat_ms, desk_first_frame_ms, desk_fps, desk_delay_ms at 512 x 512; rtc: over WebRTC where it is there.
    Without it desk_socket_first_frame_ms, desk_socket_fps, desk_socket_delay_ms of the way that is there always."""
    sat = [_session(desk, rtc=rtc) for _ in range(sessions)]
    seats, firsts, rates, delays = ([one[name] for one in sat] for name in ("seat", "first", "rate", "delay"))
    again, name = firsts[1:] or firsts, "desk" if rtc else "desk_socket"
    note = f", over {sat[-1]['way']}{note}"
    seat = mean_figure(
        "desk_seat_ms", seats[1:] or seats, "ms", better="lower",
        note=f"from a portrait to 'ready'; the first time, with networks, {seats[0]:.0f} ms{note}",
    )  # fmt: skip
    return [seat] * rtc + [
        mean_figure(f"{name}_first_frame_ms", again, "ms", goal=GOALS["first"], better="lower",
                    note=f"from 'go live' to the first picture that is seen; the first time {firsts[0]:.0f} ms" + note),
        mean_figure(f"{name}_fps", rates, "frames/s", goal=GOALS["fps"],
                    note=f"512 x 512, pictures shown while a microphone speaks for {SPEAKING:g} s, but those given "
                         f"twice for want of time{note}"),
        mean_figure(f"{name}_delay_ms", delays, "ms", better="lower",
                    note="medians, from a sound's leaving the page to its picture's being shown" + note),
    ]  # fmt: skip


def _session(desk: Desk, *, rtc: bool) -> dict[str, Any]:
    """One: ms to be ready, to the first picture, pictures a second, ms of delay, and the way that it took."""
    page, beats = desk.open("studio"), list[dict[str, Any]]()
    page.on("websocket", lambda link: link.on("framereceived", lambda said: beats.extend(_beat(said))))
    if not rtc:
        page.add_init_script("delete window.RTCPeerConnection")
    page.reload()
    page.locator("#examples label").first.wait_for()
    began = time.perf_counter()
    page.click("#examples label:first-child")
    page.locator("#go:enabled").wait_for()
    seat = 1000 * (time.perf_counter() - began)
    page.evaluate(_WATCH)
    page.click("#go")
    page.wait_for_function("() => window.firstShown")
    first = float(page.evaluate("() => window.firstShown - window.asked"))
    page.locator("#delay", has_text="s").wait_for()
    begin, told, since = page.evaluate(SHOWN), [], beats[-1]
    for _ in range(int(SPEAKING / LOOK)):
        page.wait_for_timeout(1000 * LOOK)
        told.append(_milliseconds(page.inner_text("#delay")))
    end = page.evaluate(SHOWN)
    given = 1 - (beats[-1]["held"] - since["held"]) / max(1, beats[-1]["frame"] - since["frame"])
    rate, way = given * 1000 * (end[1] - begin[1]) / (end[0] - begin[0]), page.inner_text("#way")
    page.click("#go")
    page.locator("#go:enabled").wait_for()
    page.wait_for_function("() => !document.getElementById('frame').classList.contains('live')")
    page.context.close()
    return {"seat": seat, "first": first, "rate": rate, "delay": float(np.median(told)), "way": way}


_WATCH = """() => {
  window.firstShown = 0;
  const film = document.getElementById("film");
  document.getElementById("go").addEventListener("click", () => { window.asked = performance.now(); }, { once: true });
  film.requestVideoFrameCallback((now) => { window.firstShown = now; });
}"""


def _beat(said: str | bytes) -> list[dict[str, Any]]:
    """What the studio says of its frames, of a message over its socket."""
    word = json.loads(said) if isinstance(said, str) else {}
    return [word] if word.get("kind") == "beat" else []


def _milliseconds(told: str) -> float:
    """What the page says of a time, "180 ms" or "1.2 s"."""
    number, unit = told.split()
    return float(number) * (1 if unit == "ms" else 1000)


def inspector(desk: Desk, given: Given, note: str) -> list[Figure]:
    """inspect_10s_clip_s and inspect_facts_s, of an output of ours."""
    own, speech = desk.folder / "own.mp4", _speech(given, desk.folder / "speech.wav", CLIP)
    command = ["generate", str(given.portrait), str(speech), "-o", str(own)]
    environment = {**os.environ, "VASARI_KEYS": str(desk.keys)}
    subprocess.run([sys.executable, "-m", "vasari", *command], check=True, capture_output=True, env=environment)
    page = desk.open()
    page.locator("#promise:not(:empty)").wait_for()
    page.set_input_files("#file", {"name": "warm.wav", "mimeType": "audio/wav", "buffer": speech.read_bytes()})
    _answered(page)  # the process that looks has begun
    began = time.perf_counter()
    page.set_input_files("#file", own)
    page.locator(".sentence").wait_for()
    facts = time.perf_counter() - began
    _answered(page)
    whole = time.perf_counter() - began
    page.context.close()
    told = f"{CLIP:g} s, 512 x 512, from choosing the file"
    return [
        Figure(name="inspect_10s_clip_s", value=whole, unit="s", goal=GOALS["inspect"], better="lower",
               note=f"{told} to the whole answer{note}"),
        Figure(name="inspect_facts_s", value=facts, unit="s", better="lower", note=f"{told} to the sentence{note}"),
    ]  # fmt: skip


def _answered(page: Any) -> None:
    page.wait_for_function("() => !document.body.classList.contains('busy') && document.querySelector('.sentence')")


SUITE = Suite("desk", parts)

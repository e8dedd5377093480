"""The studio in a browser: a fake microphone speaks, and the face is seen to move."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from command_line import SPEECH

pytest.importorskip("fastapi")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import sync_playwright
from studios import SMALLEST, app_of, serving

from provenance import Keys

pytest_plugins = ["maker_fixtures"]
CHROMIUM = shutil.which("chromium")
PATIENCE = 60_000  # ms
QUALITY = "() => document.getElementById('film').getVideoPlaybackQuality().totalVideoFrames"


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not on this machine")
    with sync_playwright() as started:
        options = [
            "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={SPEECH}", "--autoplay-policy=no-user-gesture-required",
        ]  # fmt: skip
        yield started.chromium.launch(executable_path=CHROMIUM, args=options)


@pytest.mark.parametrize("way", ["WebRTC", "WebSocket"])
def test_a_face_speaks_to_a_microphone(way: str, browser: Any, keys: Keys, record_testsuite_property: Any) -> None:
    if way == "WebRTC":
        pytest.importorskip("aiortc")
    broken: list[str] = []
    with serving(app_of(keys)) as url:
        page = browser.new_page()
        if way == "WebSocket":
            page.add_init_script("delete window.RTCPeerConnection")
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if "Security Policy" in said.text else None)

        def says(words: str) -> None:
            page.locator("#status").filter(has_text=re.compile(f"^{words}")).wait_for(timeout=PATIENCE)

        page.goto(f"{url}/studio")
        page.select_option("#size", str(SMALLEST))
        page.click("#examples label:first-child")
        says("Ready")
        page.check("#keep")
        page.click("#go")
        says("Live")
        page.locator("#delay").filter(has_text=re.compile(r"\d")).wait_for(timeout=PATIENCE)
        figures = {name: page.inner_text(f"#{name}") for name in ("first", "rate", "delay")}
        for name, figure in figures.items():
            record_testsuite_property(f"{way} {name}", figure)  # of a machine that others use, too: told, not asserted
        assert page.inner_text("#way") == way
        page.click("#go")
        says("Ended")
        assert page.evaluate(QUALITY) > 1
        with page.expect_download() as fetched:
            page.click("#fetch")
        assert fetched.value.path().stat().st_size > 10_000
    assert not broken

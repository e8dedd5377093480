"""The inspector in a browser: what people of every kind see, hear and press. Skipped where there is no Chromium."""

import json
import os
import shutil
import threading

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright")

from desks import EVIL, Bench, found
from playwright.sync_api import sync_playwright

from vasari.desk import Settings, create_desk
from vasari.service.connections import listening, server

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install it, or name one in $CHROMIUM")
FILES = [{"name": name, "mimeType": "audio/wav", "buffer": b"broken" if "bad" in name else b"RIFF"} for name in
         ("b.wav", f"{EVIL}.wav", "bad.wav")]  # fmt: skip


class Slow(Bench):
    """Says that it has found nothing yet until it is let go."""

    def __init__(self) -> None:
        super().__init__(found)
        self.go = threading.Event()
        self.go.set()

    def poll(self, seconds):
        return self.go.wait(seconds)


@pytest.fixture(scope="module")
def bench():
    return Slow()


@pytest.fixture(scope="module")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def address(bench, spool, tmp_path_factory):
    settings = Settings(spool=spool, feedback=tmp_path_factory.mktemp("said") / "f.jsonl")
    with listening("127.0.0.1", 0) as link:
        running = server(create_desk(settings, lambda: bench))
        thread = threading.Thread(target=running.run, args=([link],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{link.getsockname()[1]}/"
        running.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(120_000)  # on a busy machine a browser may be kept waiting
    page.errors = []
    page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("h1:not(:empty)")
    yield page
    assert page.title() != "evil"
    assert not page.errors, page.errors
    page.close()


def wide(page):
    return page.evaluate("document.documentElement.scrollWidth")


def test_an_answer_is_shown_and_nothing_of_it_is_run(page):
    page.set_input_files("#file", FILES[1])
    page.wait_for_selector(".chip")
    assert "no maker" in page.inner_text(".sentence").lower() or EVIL in page.inner_text(".sentence")
    assert page.inner_text("#answer").count(EVIL) >= 5
    assert page.query_selector("#answer img[src='x']") is None
    assert page.query_selector("[src^='javascript']") is None
    assert page.evaluate("document.activeElement.id") == "answer"  # who cannot see is taken there
    assert page.inner_text("#said") == page.inner_text(".sentence")
    assert wide(page) <= 390
    assert page.query_selector("audio")


def test_words_are_explained_and_the_timeline_read_with_keys(page):
    page.set_input_files("#file", FILES[0])
    page.wait_for_selector(".tracks")
    first = page.locator(".why summary").first
    first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".why p").first.is_visible()
    page.focus(".tracks")
    before = page.get_attribute(".tracks", "aria-valuetext")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert before.startswith("0.0 s; Credentials: valid")
    assert page.get_attribute(".tracks", "aria-valuenow") == "0.4"
    page.keyboard.press("End")
    assert page.inner_text(".readout li") == "1.0 s"


def test_record_and_link_and_feedback(page, address):
    page.set_input_files("#file", FILES[0])
    with page.expect_download() as saved:
        page.click("text=Save as JSON")
    record = json.loads(saved.value.path().read_text())
    assert record["triage"]["file"] == "b.wav"
    page.click("text=Make a link")
    link = page.get_attribute(".link a", "href")
    assert link.startswith(f"{address}answers/")
    page.click("text=Not sure")
    page.wait_for_selector("text=Thank you")
    page.goto(link)
    page.wait_for_selector(".chip")
    assert page.inner_text(".sentence") == record["triage"]["summary"]
    assert page.query_selector("audio") is None


def test_many_files_fill_a_table_that_sorts_filters_and_goes_out(page):
    page.set_input_files("#file", FILES)
    page.wait_for_selector("text=3 of 3 done")
    assert page.locator("tbody tr").count() == 3
    page.click("thead th:first-child button")
    page.click("thead th:first-child button")
    assert page.get_attribute("thead th:first-child", "aria-sort") == "descending"
    assert page.inner_text("tbody tr:last-child th").startswith("<img")
    page.fill("#find", "bad")
    assert page.locator("tbody tr").count() == 1
    with page.expect_download() as saved:
        page.click("text=Save as CSV")
    head, row = saved.value.path().read_text().splitlines()
    assert head == "file,verdict,sentence,signer,estimate"
    assert row.startswith('"bad.wav","failed",')
    assert wide(page) <= 390


def test_what_comes_before_the_desk_has_answered_is_looked_at_then(browser, address):
    page, held = browser.new_page(), []
    page.set_default_timeout(120_000)
    page.route("**/api/desk", lambda route: held.append(route))
    with page.expect_request("**/api/desk"):
        page.goto(address)
    page.set_input_files("#file", FILES[:2])
    page.wait_for_selector("h1:not(:empty)")
    assert page.locator("tbody tr").count() == 0
    held.pop().continue_()
    page.wait_for_selector("text=2 of 2 done")
    page.close()


def test_who_cancels_is_told_that_the_file_is_gone(page, bench, spool):
    bench.go.clear()
    try:
        page.set_input_files("#file", FILES[0])
        page.wait_for_selector(".steps .now")
        page.click("text=Cancel")
        page.wait_for_selector("text=the file is deleted")
        for _ in range(100):  # the desk hears of it when it next has something to tell
            if not list(spool.iterdir()):
                break
            page.wait_for_timeout(100)
        assert not list(spool.iterdir())
    finally:
        bench.go.set()


def test_keys_alone_reach_the_file_chooser(page):
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "file":
            break
    assert page.evaluate("document.activeElement.id") == "file"
    assert page.evaluate("getComputedStyle(document.getElementById('drop')).outlineStyle") == "solid"  # it shows

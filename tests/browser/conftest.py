"""A browser of the system's, and the two pages in it. `make check-browser` runs this; `make test` has no browser."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import house as a_house
from playwright.sync_api import sync_playwright

from octoworker.sms.record import State
from octoworker.store import Reply, Store, connect
from octoworker.web.gauges import Gauges
from octoworker.web.server import Server
from octoworker.web.site import Site

TOKEN = "a-token-of-sixteen-or-more"

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venv" / "browser" / "node_modules" / "axe-core" / "axe.min.js"

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_ONE = "No Chromium is installed. Debian and Ubuntu: apt-get install chromium. macOS: brew install chromium."

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
"""Also as root in a container, and without a word to anybody outside."""


@pytest.fixture(scope="session")
def chromium():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.exit(HOW_TO_GET_ONE, returncode=2)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    """A house in which each kind of message has happened, and a worker works."""
    with a_house(tmp_path_factory.mktemp("house"), {"OCTOWORKER_SWEEP_EVERY": "0.5"}) as it:
        it.worker()
        ended = [it.enqueue(f"+3361234{n:04d}", text="Votre code est 4711") for n in range(8)]
        ended += [it.enqueue(f"+3361235{n:04d}", text="Soldes !", transactional=False) for n in range(2)]
        for message_id in ended:
            it.ended(message_id)
        it.ended(
            it.enqueue(
                "+33612360000",
                text="Rappel de votre rendez-vous",
                send_at=datetime.now(UTC) + timedelta(days=30),
                hold=True,
            ),
            State.SCHEDULED,
        )
        it.sandbox_page = f"http://127.0.0.1:{it.sandbox.port}/"
        asked = it.ended(it.enqueue("+33612370000", text="Venez-vous ?"))
        it.store.reply(Reply(asked.ticket, "+33612370000", "oui", "", "1-1", "e1", "a reply", "raw"))
        it.answered = asked.message_id
        it.rejected = ended[-1]
        it.accepted = ended[0]
        yield it


@contextmanager
def serving(redis_url):
    """The status page of a Redis. Yields its address."""
    store = Store(connect(redis_url, retries=0), keep_for=timedelta(hours=1), requeue_after=timedelta(minutes=1))
    server = Server("127.0.0.1", 0, Site((Gauges(lambda: store.board({}), 0),), store, {}, TOKEN).route)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        store.close()


@pytest.fixture(scope="module")
def status(lived_in):
    with serving(lived_in.redis_url) as address:
        yield address


@pytest.fixture
def tab(chromium):
    """A new tab, of a browser that knows nothing yet. `tab(width=420, dark=True)`."""
    contexts = []

    def opened(*, width=1280, dark=False):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Paris",
        )
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda line: page.wrong.append(line.text) if "Content Security" in line.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()


def let_in(page, address, place="/"):
    page.goto(address + place)
    page.fill("#token", TOKEN)
    page.press("#token", "Enter")
    page.wait_for_selector("#message")
    return page


def violations(page):
    """What axe-core finds wrong: WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )["violations"]
    return [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found]


def overflows(page):
    """Whether it must be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def picture(page, name, tmp_path):
    """A picture of the page, for the docs when PICTURES names their folder."""
    folder = Path(os.environ.get("PICTURES") or tmp_path)
    page.screenshot(path=(folder if folder.is_absolute() else ROOT / folder) / name)

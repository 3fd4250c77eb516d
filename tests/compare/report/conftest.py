"""A real browser for the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, that of the system: nothing is downloaded for it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install --no-install-recommends chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright, which drives chromium, is not there")
    quiet = ("first-run", "default-browser-check")
    off = ("gpu", "background-networking", "component-update", "sync")
    flags = ["--no-sandbox", *(f"--no-{name}" for name in quiet), *(f"--disable-{name}" for name in off)]
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(index)` opens a report from disk; the test fails for anything in the console or on the network."""
    opened: list[Page] = []
    wrong: list[str] = []

    def open_page(index: Path, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        opened.append(page)
        page.set_default_timeout(300_000)  # milliseconds, against what hangs alone
        page.on("console", lambda message: wrong.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note_request(request.url, wrong))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url} {request.failure}"))
        page.goto(index.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for page in opened:
        page.close()
    # a video that is taken from the page while it loads says so; that is how it should be
    assert [what for what in wrong if "net::ERR_ABORTED" not in what] == []


def _note_request(url: str, wrong: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        wrong.append(f"request: {url}")

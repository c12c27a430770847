"""A real Chromium over the built book, served on this machine; every other address is cut off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from book_site import SITE, running
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # only the book
]


def missing(what: str) -> None:
    """Skip on a reader's machine, fail where the suite must run."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    if path is None:
        missing("THE BROWSER TESTS DID NOT RUN: no Chromium here (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built book."""
    if not (SITE / "index.html").exists():
        missing("the book is not built: run make html")
    with running(SITE) as address:
        yield address


@dataclass
class Visit:
    """An open page, and what happened while it loaded."""

    page: Page
    asked: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until the page is there and its formulas are set."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("window.MathJax?.startup?.promise")


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visit]]:
    """Open a page of the book: `visit("chapters/01_slope.html", width=360, theme="dark")`."""
    contexts: list[Any] = []

    def open_page(
        name: str, *, width: int = 1440, theme: str = "light", at: str = site, **options: Any
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, **options
        )
        contexts.append(context)
        seen = Visit(context.new_page())

        def note(address: str) -> None:
            seen.asked.append(address)
            if not address.startswith((at, "data:", "blob:")):
                seen.outside.append(address)

        seen.page.on("request", lambda request: note(request.url))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on(
            "console",
            lambda message: seen.errors.append(message.text) if message.type == "error" else None,
        )
        seen.page.goto(f"{at}/{name}")
        seen.settle()
        return seen

    yield open_page
    for context in contexts:
        context.close()

"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.local_stack.laptop import Laptop

# Playwright would download a browser of its own; the system's is there, and is kept up to date.
PROGRAM = shutil.which("chromium")

_SWITCHES = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    # It calls nobody but the pages under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # The same picture on every machine.
    "--font-render-hinting=none",
)


@contextmanager
def running() -> Iterator[Browser]:
    """The browser, with no profile, until the block ends."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=_SWITCHES)
        try:
            yield browser
        finally:
            browser.close()


def context(browser: Browser, laptop: Laptop, **choices: Any) -> BrowserContext:
    """A window of its own on the pages of a laptop, with cookies of its own."""
    made = browser.new_context(base_url=f"http://127.0.0.1:{laptop.port}", **choices)
    # What takes longer than this does not happen.
    made.set_default_timeout(10_000)
    return made

"""One laptop and one browser for all of them; everybody has a context, and so cookies, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser import chromium
from tests.browser.people import Customer, Seller
from tests.browser.tour.town import Town, settle
from tests.local_stack.laptop import Laptop

pytest.register_assert_rewrite("tests.browser.page_checks")

NO_BROWSER = "There is no chromium here; .ci/run installs Debian's."

_numbers = count(1)


def started(data: Path) -> Laptop:
    """Starts a laptop whose demo merchant gives refunds by themselves."""
    # Our own pages are looked at, down to the bank's: Stripe's are in test_stripes_page.py.
    machine = Laptop(data, SELL_AT="sandbox").start()
    machine.ask("PATCH", "/v1/settings", {"self_refund": "automatic"})
    return machine


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    if chromium.PROGRAM is None:
        pytest.skip(NO_BROWSER)
    machine = started(tmp_path_factory.mktemp("browser") / "data")
    # The town moves this clock on, before some tests and after others: none of them may take it
    # for the machine's.
    machine.post("/_dev/clock", {"advance": "P60D"})
    yield machine
    machine.stop()


@pytest.fixture
def new_laptop(tmp_path: Path) -> Iterator[Laptop]:
    """A laptop that nobody has used.

    A card has one trial, and elsewhere others have had it; and months pass quickly where few buy.
    """
    machine = started(tmp_path / "data")
    yield machine
    machine.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.PROGRAM is None:
        pytest.skip(NO_BROWSER)
    with chromium.running() as running:
        yield running


@pytest.fixture(scope="session")
def town(browser: Browser, laptop: Laptop) -> Town:
    """Settled once, for the files that visit all pages."""
    return settle(browser, laptop)


@pytest.fixture
def opened(browser: Browser, laptop: Laptop) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts, which are closed behind the test."""
    made: list[BrowserContext] = []

    def context(**choices: object) -> BrowserContext:
        made.append(chromium.context(browser, laptop, **choices))
        return made[-1]

    yield context
    for each in made:
        each.close()


@pytest.fixture
def ann(opened: Callable[..., BrowserContext], laptop: Laptop) -> Customer:
    """A customer whom the shop has not seen yet. Her browser runs no scripts: none are needed."""
    page = opened(java_script_enabled=False).new_page()
    return Customer(page, laptop, f"ann{next(_numbers)}@example.com")


@pytest.fixture
def seller(opened: Callable[..., BrowserContext], laptop: Laptop) -> Seller:
    person = Seller(opened().new_page(), laptop)
    person.sign_in()
    return person

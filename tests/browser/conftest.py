"""One laptop and one browser for all of them; everybody has a context, and so cookies, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser import chromium
from tests.browser.people import Customer, Seller
from tests.browser.tour.town import Town, settle
from tests.local_stack.laptop import Laptop

pytest.register_assert_rewrite("tests.browser.page_checks")

_numbers = count(1)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    if chromium.PROGRAM is None:
        pytest.skip("There is no chromium here; .ci/run installs Debian's.")
    # Our own pages are looked at, down to the bank's: Stripe's are in test_stripes_page.py.
    data = tmp_path_factory.mktemp("browser") / "data"
    machine = Laptop(data, SELL_AT="sandbox").start()
    machine.ask("PATCH", "/v1/settings", {"self_refund": "automatic"})
    yield machine
    machine.stop()


@pytest.fixture(scope="session")
def browser(laptop: Laptop) -> Iterator[Browser]:
    with chromium.running() as started:
        yield started


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

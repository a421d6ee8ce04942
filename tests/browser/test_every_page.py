"""Checks of the first half of all pages: those of customers, and accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser import tour
from tests.browser.page_checks import PageChecks, visit
from tests.browser.tour.town import Town

pytestmark = pytest.mark.slow


# A fixture of the module, so that all that is asked of a page is asked in one visit.
@pytest.fixture(scope="module", params=tour.stops_of(tour.FIRST_HALF))
def page(town: Town, request: pytest.FixtureRequest) -> Iterator[Page]:
    yield from visit(town, request.param)


class TestEveryPage(PageChecks):
    """All checks of each of these pages."""

"""Every page there is, and the way to it.

A stop leads somebody to a page. Those who look after all pages, such as the tests of accessibility
and the screenshots, go from stop to stop. Each public function of a part is a stop, so a new page
gets a function in the part of the house where it stands; its name is also that of its screenshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isfunction
from types import ModuleType

from playwright.sync_api import Page

from tests.browser.tour import (
    account,
    checkout,
    console,
    console_branding,
    console_desk,
    console_figures,
    console_gateways,
    console_imports,
    console_more,
    console_notices,
    console_team,
    console_webhooks,
    coupons,
    declarations,
    helpdesk,
    portal,
    portal_changes,
    portal_endings,
)
from tests.browser.tour.town import Town

Stop = Callable[[Town], Page]

FIRST_HALF = (
    checkout,
    portal,
    portal_changes,
    portal_endings,
    helpdesk,
    declarations,
    account,
    console_desk,
    console_branding,
)
SECOND_HALF = (
    console,
    console_figures,
    console_gateways,
    console_imports,
    console_more,
    console_notices,
    console_team,
    console_webhooks,
    coupons,
)
"""Two halves that take about the same time to look at, in the order of the visits."""


def _stops_of(part: ModuleType) -> dict[str, Stop]:
    """Its own public functions, in the order in which they stand."""
    return {
        name.replace("_", "-"): lead
        for name, lead in vars(part).items()
        if isfunction(lead) and lead.__module__ == part.__name__ and not name.startswith("_")
    }


def stops_of(parts: Iterable[ModuleType]) -> dict[str, Stop]:
    """Returns the stops of some parts by their names."""
    return {name: lead for part in parts for name, lead in _stops_of(part).items()}


STOPS: dict[str, Stop] = stops_of((*FIRST_HALF, *SECOND_HALF))


def lead(name: str, town: Town) -> Page:
    """Leads somebody to a stop, whatever screen the one before was looked at on."""
    town.widen()
    return STOPS[name](town)

"""Every page of the console is among the stops of the browser's tour (M-4)."""

from __future__ import annotations

import pytest

from functions.console import app as console
from functions.gateways import app as gateways
from tests.world import World

pytest.importorskip("playwright")
from tests.browser import tour
from tests.browser.tour import routes


@pytest.mark.spec("M-4")
def test_every_page_of_the_console_has_a_stop() -> None:
    ports = World().ports
    built = [route for app in (console, gateways) for route in app.build(ports).routes]
    pages = {route.path for route in built if route.method == "GET"} - routes.FILES
    assert pages == routes.PAGES.keys() | routes.ALIKE.keys()
    assert not routes.PAGES.keys() & routes.ALIKE.keys()
    assert set(routes.PAGES.values()) | set(routes.ALIKE.values()) <= tour.STOPS.keys()

"""The page at / says what this is and where to go (M-4)."""

from __future__ import annotations

import pytest

from billing.kernel.values import replace
from dev.exchange import Response
from dev.server import with_links
from functions.checkout import app as checkout
from tests.render.html import read
from tests.web.calls import Client
from tests.world import World


@pytest.mark.spec("M-4")
def test_the_first_page_leads_to_signing_in_and_to_what_is_on_sale() -> None:
    world = World()
    page = read(Client(checkout.build(world.ports)).browse("GET", "/").body)
    links = {str(each.attributes["href"]) for each in page.all("a")}
    assert {"/console/sign-in", "/directory"} <= links and "/account/sign-up" not in links
    operation = replace(world.ports.operation, platform="acme")
    platform = replace(world.ports, operation=operation)
    page = read(Client(checkout.build(platform)).browse("GET", "/").body)
    assert "/account/sign-up" in {str(each.attributes["href"]) for each in page.all("a")}


@pytest.mark.spec("C-5")
def test_the_first_page_speaks_the_visitors_language() -> None:
    client = Client(checkout.build(World().ports))
    assert "Anmelden" in client.browse("GET", "/", accept_language="de-AT,en;q=0.5").body
    assert "Sign in" in client.browse("GET", "/", accept_language="tlh").body


def test_make_run_adds_its_own_links_and_nothing_else_changes() -> None:
    page = Response(200, [("content-length", "30"), ("x", "y")], b"<main>Hello</main><p>More</p>")
    assert with_links(page, ()).body == page.body
    shown = with_links(page, [("Mailbox", "http://127.0.0.1:3000/_dev/mail?a=1&b=2")])
    assert b'<a href="http://127.0.0.1:3000/_dev/mail?a=1&amp;b=2">Mailbox</a>' in shown.body
    assert shown.body.startswith(b"<main>Hello") and shown.body.endswith(b"</main><p>More</p>")
    assert shown.headers == [("x", "y")]

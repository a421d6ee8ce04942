"""Whoever acts on other people's money is written down before it is done, on every route there is
(M-8; RELIABILITY.md section 3, invariant 20).

The routes are the functions' own: a new one that changes something and leaves no trace fails here.
"""

from __future__ import annotations

import pytest

from billing.kernel.audit import EVERYBODY, AuditRecord
from billing.kernel.errors import Unavailable
from billing.kernel.values import replace
from billing.operations.web import operator
from billing.storage.audit_rows import MemoryAudit
from dev import demo
from functions.console import app as console_app
from functions.merchant import app as merchant_app
from tests.render.html import read
from tests.scenarios.stories.people import Program
from tests.security.test_isolation import FORM, FORMS, OF_API, OF_PAGES, Street, body_of, street
from tests.web.calls import Client
from tests.web.shop import Shop, link, signed_in
from tests.world import World

pytestmark = pytest.mark.spec("M-8")

LOOKS = ("/v1/preview", "/quote")
"""POSTs that change nothing, and say so by the scope of the key that they want."""

OF_AGENTS = [
    (method, route)
    for method, route in OF_PAGES
    if method == "POST"
    and route.startswith(("/console/", "/account/"))
    and "sign-" not in route
    and "/join/" not in route
]


@pytest.fixture
def here() -> Street:
    """A street of its own for each route: some of them end what the next one needs."""
    return street.__wrapped__()


def records(here: Street) -> list[AuditRecord]:
    return here.town.world.audit.records


@pytest.mark.parametrize(("method", "route"), OF_API)
def test_what_a_program_asks_to_change_is_written_down(
    here: Street, method: str, route: str
) -> None:
    mine = Program.of(here.town, demo.MERCHANT)
    before = len(records(here))
    address = here.address(route)
    mine.call(method, address, None if method in {"GET", "DELETE"} else body_of(route))
    new = records(here)[before:]
    if method == "GET" or route.endswith(LOOKS):
        assert new == []
        return
    (record,) = new
    assert (record.merchant, record.action) == (demo.MERCHANT, f"{method} {address}")
    assert record.actor.startswith("key:apikey_") and mine.key not in record.actor
    assert (record.at, bool(record.request), bool(record.ip)) == (here.town.now(), True, True)


@pytest.mark.parametrize(("method", "route"), OF_AGENTS)
def test_what_an_owner_or_agent_sends_is_written_down(
    here: Street, method: str, route: str
) -> None:
    inputs = [e.attributes for e in here.eve.see("/console").all("input")]
    token = next(str(i["value"]) for i in inputs if i.get("name") == "csrf")
    before, address = len(records(here)), here.address(route)
    here.eve.browse("POST", address, {**FORM, "csrf": "forged"})
    assert len(records(here)) == before, "nobody asked from one of our own pages"
    form = FORMS.get(route.rpartition("/")[2], FORM)
    here.eve.browse("POST", address, {**form, "csrf": token})
    (record,) = records(here)[before:]
    assert (record.merchant, record.action) == (here.eve.username, f"POST {address}")
    assert record.actor == route.split("/")[1]


def test_the_matrix_is_not_empty() -> None:
    assert len([m for m, _ in OF_API if m != "GET"]) > 25 and len(OF_AGENTS) > 10


class Broken(MemoryAudit):
    """A table that does not answer."""

    def put(self, record: AuditRecord) -> None:
        raise Unavailable("The table does not answer.")


def test_what_cannot_be_written_down_is_not_done() -> None:
    shop = Shop()
    order = shop.world.buy().invoice.order_id
    browser = signed_in(shop)
    (page,) = read(browser.browse("GET", f"/console/orders/{order}/refund").body).all("main")
    token = str(page.one("input", name="csrf").attributes["value"])
    shop.world.ports = replace(shop.world.ports, audit=Broken())
    api = Client(merchant_app.build(shop.world.ports), "sk_acme")
    assert api.post(f"/v1/orders/{order}/refund", {}).status == 503
    assert api.get(f"/v1/orders/{order}").json["refunded"] == 0
    console = Client(console_app.build(shop.world.ports))
    console.cookies = browser.cookies
    sent = console.browse("POST", f"/console/orders/{order}/refund", {"csrf": token})
    assert sent.status == 503
    answer = operator.answer(shop.world.ports, {"do": "stop", "merchant": "acme"})
    assert answer["error"] == "unavailable"
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None and not merchant.stopped
    assert [c["status"] for c in shop.world.charges()] == ["succeeded"]


def test_the_operators_verbs_are_written_down_with_their_reason(world: World) -> None:
    for event in (
        {"do": "merchant", "name": "Harbor Lane", "email": "hello@harborlane.example"},
        {"do": "key", "merchant": "acme"},
        {"do": "pause", "reason": "A wrong price was published"},
        {"do": "stop", "merchant": "acme"},
        {"do": "standing"},
        {"do": "stop", "merchant": "nobody"},
        {"do": "explode"},
        {"do": "pause"},
    ):
        operator.answer(world.ports, event)
    assert [(r.merchant, r.action) for r in world.audit.records] == [
        (EVERYBODY, "merchant"),
        ("acme", "key"),
        (EVERYBODY, "pause: A wrong price was published"),
        ("acme", "stop"),
        ("nobody", "stop"),
    ]
    assert {r.actor for r in world.audit.records} == {"operator"}
    assert all(r.request for r in world.audit.records)


@pytest.fixture
def world() -> World:
    return World()


def test_no_secret_and_no_strangers_words_stand_in_the_trail() -> None:
    shop = Shop()
    shop.api.post("/v1/orders/ann%40example.com/refund", {"reason": "ann@example.com"})
    shop.api.post("/v1/orders/ann@example.com/refund", {"reason": "ann@example.com"})
    assert link(shop)
    trail = repr(shop.world.audit.records)
    assert len(shop.world.audit.records) == 2
    assert "ann" not in trail and "sk_" not in trail.replace("key_sk_acme", "")
    assert {r.action for r in shop.world.audit.records} == {"POST /v1/orders/?/refund"}

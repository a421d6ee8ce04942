"""Every route of the house, asked by nobody, by the owner of another account in the browser, and by
their program: nothing of a merchant's is shown, and nothing is done (A-8, B-2, H-3, M-3).

The routes are the functions' own, so that a new one falls in by itself: one that wants a body which
is not here fails, and so does one that is nobody's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from billing.kernel.values import Value
from dev import demo
from tests.scenarios.stories.owners import LIBRARY, MONTHLY
from tests.scenarios.stories.people import Owner, Program, buy, open_account
from tests.scenarios.stories.town import InMemory, all_routes

ANN = "ann.isolated@example.com"
FOR_ALL = re.compile(
    r"/(|health|directory(\.json)?|checkout/.*|sandbox/.*|webhooks/.*|v1/openapi\.json)"
    r"|/account/(sign-up|sign-in|plans|forgot|reset/.*|email/<.*)"
    r"|/portal/<merchant>(|/login|/login/code|/link.*|/logo/.*|/payments/.*)"
    r"|/helpdesk/<merchant>(|/seller|/new/.*|/confirm/.*)"
    r"|/console/(sign-in(/.*)?|join/.*)"
    r"|/(cancel|withdraw)/<merchant>(/answer/.*)?"
)
"""Routes that sign in, are open to all, or are signed: the folders' own tests hold these."""

BODIES: dict[str, Any] = {
    "price-change": {"price": {"amount": 3499, "currency": "USD"}, "from": "2026-12-01"},
    "replay": {"from": "2026-01-01", "to": "2026-01-02"},
    "rates.csv": "country,name,rate\n",
    "coupon": {"coupon": "SPRING"},
    "tax-id": {"tax_id": None},
    "refund-tax": {"proof": "A certificate"},
    "<coupon>": {"active": False},
    "unfreeze/quote": {},
    "cancel": {"when": "now"},
    "quote": {"price_point": LIBRARY, "when": "now"},
    "change-plan": {"price_point": LIBRARY, "when": "now"},
    "price-points": {
        "type": "recurring",
        "price": {"amount": 100, "currency": "USD"},
        "period": "1m",
    },
    "reply": {"text": "Hello"},
    "<member>": {"role": "support"},
}
FORMS: dict[str, dict[str, str]] = {"approve": {}, "reassign": {"department": "billing"}}
FORM = {"when": "now", "text": "Hello", "act": "reply", "attempt": "attempt-1", "confirm": "true"}


class Street(Value):
    """A merchant with a customer and a request, and Eve, who has an account next door."""

    town: InMemory
    eve: Owner
    program: Program
    named: dict[str, str]

    def address(self, route: str) -> str:
        """A route with the merchant's own things in its places."""
        return re.sub(r"<(\w+)>", lambda place: self.named.get(place[1], "some-id"), route)

    def kept(self) -> dict[str, str]:
        """All that is stored of the merchant."""
        partitions = self.town.world.store._items._partitions  # type: ignore[attr-defined]
        mine = {pk: kept for pk, kept in partitions.items() if pk.split("#")[1] == demo.MERCHANT}
        return {f"{pk} {sk}": repr(e) for pk, kept in mine.items() for sk, e in kept.items()}

    def shows(self, body: str) -> list[str]:
        """Returns the merchant's values that are in an answer."""
        secret = ("subscription", "order", "customer", "ticket", "card", "invoice")
        return [self.named[each] for each in secret if self.named[each] in body] + (
            [ANN] if ANN in body else []
        )


@cache
def street() -> Street:
    town = InMemory()
    mine = Program.of(town, demo.MERCHANT)
    bought = buy(town, LIBRARY, ANN)
    (sale,) = mine.get("/v1/orders", subscription=bought["subscription"])["data"]
    asked = {"department": "billing", "email": ANN, "subject": "Please", "text": "Cancel it"}
    ticket = mine.post("/v1/tickets", {**asked, "order": sale["id"], "wish": "cancel"})
    history = town.world.store.history(demo.MERCHANT, sale["customer"])
    named = {
        "merchant": demo.MERCHANT,
        "subscription": bought["subscription"],
        "order": sale["id"],
        "customer": sale["customer"],
        "invoice": sale["invoice"],
        "ticket": ticket["id"],
        "reference": ticket["id"],
        "card": history.methods[0].id,
        "product": sale["product"],
        "price_point": LIBRARY,
        "key": mine.get("/v1/keys")["data"][0]["id"],
        "gateway": "stripe",
        "account": "acct_of_theirs",
    }
    eve = open_account(town, MONTHLY)
    return Street(town, eve, Program.of(town, eve.username), named)


ROUTES = [each for each in all_routes(InMemory()) if not FOR_ALL.fullmatch(each[1])]
OF_API = [each for each in ROUTES if each[1].startswith("/v1/")]
OF_PAGES = [each for each in ROUTES if not each[1].startswith("/v1/")]
OF_OTHERS = [
    each
    for each in OF_PAGES
    if not each[1].endswith("/sign-out") and (each[0] == "GET" or "<" in each[1])
]
"""All but what Eve does to her own account and session."""


def body_of(route: str) -> Any:
    return next((body for end, body in BODIES.items() if route.endswith(f"/{end}")), {})


def test_the_matrix_is_the_whole_house() -> None:
    folders = {route.split("/")[1] for _, route in ROUTES}
    assert folders == {"account", "console", "helpdesk", "portal", "v1"}
    assert len(OF_API) > 45 and len(OF_PAGES) > 40


@pytest.mark.spec("A-8", "B-2", "H-3", "M-3")
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_nobody_learns_anything(method: str, route: str) -> None:
    here = street()
    before = here.kept()
    stranger = Owner(here.town)
    if route.startswith("/v1/"):
        stranger_program = Program(here.town, "sk_unknown")
        body = None if method in {"GET", "DELETE"} else body_of(route)
        answer = stranger_program.call(method, here.address(route), body)
    else:
        form = None if method == "GET" else FORM
        answer = stranger.browse(method, here.address(route), form)
    assert answer.status == 401, answer.body[-300:]
    assert here.shows(answer.body) == [] and here.kept() == before


@pytest.mark.spec("M-3", "H-3")
@pytest.mark.parametrize(("method", "route"), OF_API)
def test_a_program_of_another_account_finds_nothing(method: str, route: str) -> None:
    here = street()
    before = here.kept()
    body = None if method in {"GET", "DELETE"} else body_of(route)
    answer = here.program.call(method, here.address(route), body)
    if "<" in route and "<figure>" not in route:  # that is a name, which all may ask about
        assert answer.status == 404, (answer.status, answer.body[-300:])
    assert here.shows(answer.body) == [] and here.kept() == before


@pytest.mark.spec("A-8", "H-3")
@pytest.mark.parametrize(("method", "route"), OF_OTHERS)
def test_an_owner_or_agent_of_another_account_comes_to_nothing(method: str, route: str) -> None:
    here = street()
    before = here.kept()
    form = None
    if method == "POST":
        inputs = [e.attributes for e in here.eve.see("/console").all("input")]
        token = next(str(i["value"]) for i in inputs if i.get("name") == "csrf")
        form = {**FORMS.get(route.rpartition("/")[2], FORM), "csrf": token}
    answer = here.eve.browse(method, here.address(route), form)
    if route.startswith(("/portal/", "/helpdesk/")):
        assert answer.status == 401, "a session of the console is none of the portal"
    elif "<" in route and route.startswith("/console/"):
        assert answer.status == 404, (answer.status, answer.body[-300:])
    assert here.shows(answer.body) == [] and here.kept() == before

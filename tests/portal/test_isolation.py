"""Every route of the portal, asked by another customer, at another merchant, by nobody."""

from __future__ import annotations

import pytest

from billing.kernel.merchants import SelfService
from tests.portal.visitors import ANN, BOB, Shop, Visitor
from tests.world import MONTHLY

OPEN_TO_ALL = {
    ("GET", "/portal/<merchant>"),
    ("GET", "/portal/<merchant>/logo/<file>"),
    ("POST", "/portal/<merchant>/login"),
    ("POST", "/portal/<merchant>/login/code"),
    ("GET", "/portal/<merchant>/link"),
    ("POST", "/portal/<merchant>/link"),
    ("GET", "/portal/<merchant>/link/<token>"),
    ("POST", "/portal/<merchant>/link/<token>"),
    ("GET", "/portal/<merchant>/email/<token>"),
    ("POST", "/portal/<merchant>/email/<token>"),
    ("GET", "/portal/<merchant>/payments/<reference>"),
    ("POST", "/portal/<merchant>/payments/<reference>"),
    ("GET", "/portal/<merchant>/mail/<reference>"),
    ("GET", "/portal/<merchant>/mail/<reference>/card"),
    ("GET", "/portal/<merchant>/mail/<reference>/code"),
    ("POST", "/portal/<merchant>/mail/<reference>/card"),
    ("POST", "/portal/<merchant>/mail/<reference>/code"),
    ("POST", "/portal/<merchant>/mail/<reference>/enter"),
    ("POST", "/portal/<merchant>/mail/<reference>/pay"),
}
"""Routes that let in, or ask to be let in (test_login.py), and those that whoever holds a mailed
link may use (test_reminders.py, test_mail_links.py, test_email_change.py)."""


def routes(shop: Shop) -> list[tuple[str, str]]:
    """Every route as the resolver has it."""
    app = shop.resolver
    found = app.routes
    return [(route.method, route.path) for route in found]


ROUTES = sorted(set(routes(Shop())) - OPEN_TO_ALL)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_refund=SelfService.AUTOMATIC)
    for email in (ANN, BOB):
        shop.world.buy(shop.world.product(MONTHLY, refund_days=30), email=email)
    return shop


def address_of(shop: Shop, route: str, merchant: str = "acme") -> str:
    """A route with Ann's own things in it."""
    history = shop.world.history(ANN)
    values = {
        "merchant": merchant,
        "subscription": history.subscriptions[0].id,
        "order": shop.order_ids(ANN)[0],
        "card": history.methods[0].id,
        "reference": history.invoices[0].id,
    }
    for name, value in values.items():
        route = route.replace(f"<{name}>", value)
    assert "<" not in route
    return route


def ask(visitor: Visitor, method: str, address: str) -> int:
    if method == "GET":
        return visitor.browse("GET", address).status
    form = {"csrf": visitor.csrf, "payment_method": "pm_card_visa", "attempt_key": "attempt_1"}
    return visitor.browse("POST", address, form).status


def state(shop: Shop) -> object:
    history = shop.world.history(ANN)
    return history, shop.world.charges()


def test_the_matrix_has_every_route() -> None:
    assert len(ROUTES) >= 17
    assert set(routes(Shop())) >= OPEN_TO_ALL


@pytest.mark.spec("B-2", "B-3")
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_signed_out_nothing_is_shown_and_nothing_is_done(
    shop: Shop, method: str, route: str
) -> None:
    before = state(shop)
    assert ask(shop.visitor(), method, address_of(shop, route)) == 401
    assert state(shop) == before


OF_THE_CUSTOMER = [pair for pair in ROUTES if pair[1].count("<") > 1]


@pytest.mark.spec("B-2", "B-3")
@pytest.mark.parametrize(("method", "route"), OF_THE_CUSTOMER)
def test_what_is_another_customers_is_not_found(shop: Shop, method: str, route: str) -> None:
    before = state(shop)
    bob = shop.signed_in(BOB)
    if route.endswith("/cards/<card>/remove") and method == "POST":
        assert ask(bob, method, address_of(shop, route)) == 303, "gone already, for all he knows"
    else:
        assert ask(bob, method, address_of(shop, route)) == 404
    assert state(shop) == before


@pytest.mark.spec("B-2", "B-3")
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_session_is_worth_nothing_at_another_merchant(
    shop: Shop, method: str, route: str
) -> None:
    before = state(shop)
    ann = shop.signed_in(ANN)
    assert ask(ann, method, address_of(shop, route, "rival")) == 401
    assert state(shop) == before


@pytest.mark.parametrize("route", [route for method, route in ROUTES if method == "POST"])
@pytest.mark.parametrize("csrf", ["", "0" * 64, "another's"])
def test_a_form_without_its_sessions_token_does_nothing(shop: Shop, route: str, csrf: str) -> None:
    before = state(shop)
    ann, bob = shop.signed_in(ANN), shop.signed_in(BOB)
    token = bob.csrf if csrf == "another's" else csrf
    answer = ann.browse("POST", address_of(shop, route), {"csrf": token} if token else {})
    assert answer.status == 403
    assert ann.browse("POST", address_of(shop, route)).status in {403, 415}
    assert state(shop) == before


@pytest.mark.parametrize("route", [route for method, route in ROUTES if method == "POST"])
def test_a_form_from_another_site_does_nothing_even_with_the_token(shop: Shop, route: str) -> None:
    before = state(shop)
    ann = shop.signed_in(ANN)
    form = {"csrf": ann.csrf}
    for header in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = ann.browse("POST", address_of(shop, route), form, **header)
        assert answer.status == 403
    assert state(shop) == before


@pytest.mark.parametrize("junk", ["%23", "..%2F..", "x" * 300, "x" * 3000, "%00", "é", "sub_1#2"])
def test_addresses_that_name_nothing_are_not_found(shop: Shop, junk: str) -> None:
    ann = shop.signed_in()
    for page in (f"/subscriptions/{junk}/cancel", f"/orders/{junk}/refund", f"/cards/{junk}/use"):
        assert ann.browse("GET", ann.base + page).status == 404
    for page in (f"/subscriptions/{junk}/cancel", f"/cards/{junk}/use", f"/cards/{junk}/remove"):
        assert ann.post(page).status in {303, 404}
    for page in (junk, f"{junk}/invoices/a~b~c/invoice.pdf", f"{junk}/payments/a~b~c"):
        assert ann.browse("GET", f"/portal/{page}").status == 404
    for reference in (junk, f"{junk}~b~c", f"a~{junk}~c", f"a~b~{junk}"):
        assert ann.browse("GET", f"{ann.base}/invoices/{reference}/invoice.pdf").status == 404
        assert ann.browse("GET", f"{ann.base}/payments/{reference}").status == 404
    assert ann.browse("GET", f"/portal/{junk}").status == 404

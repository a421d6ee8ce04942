"""A merchant's words to the checkout come back to their program, and prove nothing (C-1)."""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from billing.kernel import return_addresses
from billing.kernel.gateways import TheirPage
from billing.kernel.hand_off import HandOff, Metadatum
from billing.storage.dynamo.writes import item_of
from functions.checkout import app
from tests.checkout.test_checkout import FORM, Till
from tests.checkout.test_their_page import FILLED_IN, gateway, till_with
from tests.render.html import read
from tests.web.calls import Client
from tests.web.shop import Shop, signed_in

HANDED = "client_reference=user-17&metadata[plan]=gold&metadata[seats]=3"
SAID = {"client_reference": "user-17", "metadata": {"plan": "gold", "seats": "3"}}
LISTED = ("https://app.example.org/thanks", "https://app.example.org/other?from=shop")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def till(shop: Shop) -> Till:
    product = shop.world.product(public_listing=True)
    return Till(shop.world, product, Client(app.build(shop.world.ports)))


def hidden(body: str) -> dict[str, str]:
    """The hidden fields of the checkout's form that were handed over."""
    inputs = [each.attributes for each in read(body).all("input")]
    fields = {str(each["name"]): str(each["value"]) for each in inputs if "value" in each}
    return {k: v for k, v in fields.items() if k.startswith(("client_", "metadata", "return_"))}


@pytest.mark.spec("C-1", "M-5")
def test_a_link_fills_the_form_in_and_what_it_says_is_kept_with_the_purchase(
    shop: Shop, till: Till
) -> None:
    page = till.client.browse("GET", f"{till.address}?email=ann%40example.com&{HANDED}")
    handed = hidden(page.body)
    assert handed == {
        "client_reference": "user-17",
        "metadata[plan]": "gold",
        "metadata[seats]": "3",
    }
    assert 'value="ann@example.com"' in page.body
    sent = till.fill_in(**handed)
    assert "Thank you" in till.follow(sent).body
    (order,) = shop.api.get("/v1/orders").json["data"]
    assert {name: order[name] for name in SAID} == SAID
    subscription = shop.api.get(f"/v1/subscriptions/{order['subscription']}").json
    invoice = shop.api.get(f"/v1/invoices/{order['invoice']}").json
    assert [{n: each[n] for n in SAID} for each in (subscription, invoice)] == [SAID, SAID]


@pytest.mark.spec("C-1", "R-1")
def test_renewals_refunds_and_cancellations_of_it_say_the_same(shop: Shop, till: Till) -> None:
    assert till.post(**SAID).status == 201
    (sale,) = shop.api.get("/v1/orders").json["data"]
    shop.world.advance(days=40)
    shop.api.post(f"/v1/orders/{sale['id']}/refund")
    shop.api.post(f"/v1/subscriptions/{sale['subscription']}/cancel", {"when": "now"})
    orders = shop.api.get("/v1/orders").json["data"]
    assert {each["kind"] for each in orders} >= {"sale", "rebill", "refund", "cancellation"}
    assert all({name: each[name] for name in SAID} == SAID for each in orders)


@pytest.mark.spec("C-1", "M-4")
def test_the_console_shows_it_where_the_purchase_is(shop: Shop, till: Till) -> None:
    till.post(client_reference="user-<17>", metadata={"plan": "gold"})
    (order,) = shop.world.orders()
    console = signed_in(shop)
    for address in (f"orders/{order.id}", f"subscriptions/{order.subscription}"):
        page = console.browse("GET", f"/console/{address}").body
        assert "user-&lt;17&gt;" in page and "Metadata: plan" in page and "user-<17>" not in page


@pytest.mark.spec("C-1", "M-5")
def test_events_of_a_purchase_say_it_too(shop: Shop, till: Till) -> None:
    shop.api.get("/v1/events")
    till.post(**SAID)
    shop.world.advance(minutes=1)
    events = shop.api.get("/v1/events", type="purchase.completed").json["data"]
    (shown,) = [event["data"]["object"] for event in events]
    assert {name: shown[name] for name in SAID} == SAID


@pytest.mark.spec("C-1", "C-4")
def test_a_decline_and_a_way_back_keep_it_and_a_bare_link_does_not(till: Till) -> None:
    declined = till.follow(
        till.fill_in(payment_method="pm_card_chargeDeclined", client_reference="user-17")
    )
    again = [str(each.attributes.get("href")) for each in read(declined.body).all("a")]
    (back,) = [address for address in again if address.startswith("/checkout/")]
    assert hidden(till.client.browse("GET", back).body) == {"client_reference": "user-17"}
    assert hidden(till.client.browse("GET", till.address).body) == {}


@pytest.mark.spec("C-1")
def test_a_gateways_own_page_does_not_lose_it() -> None:
    till = till_with(TheirPage())
    till.client.browse(
        "POST", till.address, {**FILLED_IN, "client_reference": "user-17", "metadata[plan]": "gold"}
    )
    ((_, page),) = gateway(till).pages.items()
    assert "client_reference=user-17" in page["cancel"]
    till.client.browse("GET", gateway(till).give())
    (order,) = till.world.orders()
    assert order.hand_off == HandOff("user-17", (Metadatum("plan", "gold"),))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"client_reference": "x" * 201}, "client_reference"),
        ({"client_reference": "ann@example.com"}, "client_reference"),
        ({"client_reference": "two\nlines"}, "client_reference"),
        ({"client_reference": 17}, "client_reference"),
        ({"metadata": {"n": "ann@example.com"}}, "metadata.n"),
        ({"metadata": {"n": "x" * 201}}, "metadata.n"),
        ({"metadata": {"n": {"a": "b"}}}, "metadata.n"),
        ({"metadata": {"": "x"}}, "metadata..[key]"),
        ({"metadata": {"n" * 41: "x"}}, f"metadata.{'n' * 41}.[key]"),
        ({"metadata": {"a b": "x"}}, "metadata.a b.[key]"),
        ({"metadata": {str(n): "x" for n in range(11)}}, "metadata"),
        ({"metadata": "gold"}, "metadata"),
    ],
)
def test_what_is_too_much_or_names_somebody_is_refused(
    till: Till, fields: dict[str, Any], wrong: str
) -> None:
    refused = till.post(**fields)
    assert (refused.status, refused.fields) == (422, [wrong])
    assert till.world.charges() == []


def test_a_link_with_what_the_form_would_refuse_is_refused_at_once(till: Till) -> None:
    for query in ("client_reference=a%40example.com", "metadata[a%20b]=x", "metadata[]=x"):
        assert till.client.browse("GET", f"{till.address}?{query}").status == 422, query
    long = f"{till.address}?email={quote('x' * 400)}"
    assert till.client.browse("GET", long).status == 200, "an email is a suggestion"


def test_the_same_key_with_another_reference_is_another_form(till: Till) -> None:
    assert till.post(client_reference="a").status == 201
    assert till.post(client_reference="a").status == 201
    assert till.post(client_reference="b").json["code"] == "attempt_key_reused"


@pytest.mark.spec("C-1", "R-8")
def test_an_email_in_the_link_proves_nothing(shop: Shop, till: Till) -> None:
    till.post()
    page = till.client.browse("GET", f"{till.address}?email=ann%40example.com")
    for secret in (FORM["name"], FORM["address"]["line1"]):
        assert secret not in page.body
    again = till.post(attempt_key="attempt-2", name="Eve")
    assert again.json["code"] == "already_purchased", "asked as ever, by what was typed"


@pytest.mark.spec("C-1")
def test_the_way_back_is_a_button_to_what_is_listed_and_nothing_else(
    shop: Shop, till: Till
) -> None:
    changed = shop.api.call("PATCH", "/v1/settings", {"return_urls": list(LISTED)})
    assert changed.json["return_urls"] == list(LISTED)

    def button(asked: str | None, key: str) -> list[str]:
        fields = {} if asked is None else {"return_url": asked}
        sent = till.fill_in(attempt_key=key, email=f"{key}@example.com", **fields)
        page = read(till.follow(sent).body)
        links = [unescape(str(each.attributes["href"])) for each in page.all("a")]
        return [link for link in links if link.startswith("http")]

    assert button(None, "a") == [LISTED[0]]
    assert button("https://app.example.org/thanks/17?x=1", "b") == [
        "https://app.example.org/thanks/17?x=1"
    ]
    assert button("https://evil.example.net/thanks", "c") == [LISTED[0]]
    shop.api.call("PATCH", "/v1/settings", {"return_urls": []})
    assert button("https://app.example.org/thanks", "d") == []


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example.org/thanks",
        "https://app.example.org.evil.example/thanks",
        "https://app.example.org@evil.example/thanks",
        "https://app.example.org:8443/thanks",
        "https://evil.example/https://app.example.org/thanks",
        "https://app.example.org/thanksgiving",
        "https://app.example.org/thanks/../admin",
        "https://app.example.org/thanks/%2e%2e/admin",
        "https://app.example.org\\thanks",
        "https://app.example.org/thanks#x",
        "//app.example.org/thanks",
        "/thanks",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://app.example.org/thanks",
        "https://app.example.org/thanks\n",
        "https://APP.example.org/thanks",
        "https://app.example.org/thanks/" + "x" * 500,
        "",
    ],
)
def test_no_other_address_is_a_listed_one(address: str) -> None:
    assert not return_addresses.allowed(address, LISTED)


@pytest.mark.parametrize(
    "address",
    ["http://x.example", "javascript:alert(1)", "x", "https://u@x.example", "https://x/#y", ""],
)
def test_only_addresses_of_a_site_can_be_listed(shop: Shop, address: str) -> None:
    refused = shop.api.call("PATCH", "/v1/settings", {"return_urls": [address]})
    assert (refused.status, refused.fields) == (422, ["return_urls[0]"])
    twice = shop.api.call("PATCH", "/v1/settings", {"return_urls": [LISTED[0]] * 2})
    assert (twice.status, twice.fields) == (422, ["return_urls"])


@pytest.mark.spec("C-1")
def test_a_purchase_without_it_stores_no_more_than_before(till: Till) -> None:
    till.post()
    checkout = till.world.store.checkout("acme", FORM["attempt_key"])
    assert checkout is not None
    for entity in (checkout, till.world.orders()[0]):
        stored = str(item_of(entity, "x"))
        assert "hand_off" not in stored and "return_url" not in stored

"""Evidence of where a buyer is: kept with the purchase, shown on its orders, stopping nothing."""

from __future__ import annotations

import pytest

from billing.checkout.flows import submit
from billing.checkout.flows.submit import Visitor
from billing.kernel.catalog import Product
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.tax.evidence import Evidence, Standing
from functions.checkout import app
from tests.checkout.test_checkout import FORM
from tests.console.agent import Agent
from tests.tax.taxing import BERLIN, collecting, usd
from tests.web.calls import Client
from tests.web.shop import Shop
from tests.world import World


def bought(world: World, country: str | None, **fields: object) -> None:
    visitor = Visitor("192.0.2.1", "https://pay.example.com/return", country=country)
    product, form = world.product(), world.submission(address=BERLIN, **fields)
    submit.submit(world.ports, product.default_price_point, form, visitor, now=world.now)


def send_from(world: World, product: Product, country: str) -> None:
    """Buys at the checkout as its content network hands a visitor's request on."""
    client = Client(app.build(world.ports))
    address = f"/checkout/{product.default_price_point}"
    assert client.post(address, FORM, cloudfront_viewer_country=country).status == 201


def shown(shop: Shop) -> str:
    """The page of the customer's newest order."""
    order = shop.world.orders()[-1]
    return Agent.of(shop).look(f"/console/orders/{order.id}").one("main").text


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("ip", "card", "standing"),
    [
        ("DE", "US", Standing.AGREES),
        (None, "DE", Standing.AGREES),
        ("AT", "AT", Standing.CONTRADICTS),
        (None, "US", Standing.CONTRADICTS),
        (None, None, Standing.SINGLE),
    ],
)
def test_two_pieces_that_say_the_taxed_country_are_enough(
    ip: str | None, card: str | None, standing: Standing
) -> None:
    assert Evidence("DE", ip, card).standing is standing


@pytest.mark.spec("C-7")
def test_a_checkout_keeps_the_countries_of_its_visitor_and_of_the_card() -> None:
    world = World()
    product = world.product()
    send_from(world, product, "de")
    (consent,) = world.history().consents
    (method,) = world.history().methods
    assert (consent.ip_country, consent.card_country) == ("DE", "US")
    assert method.country == "US"


@pytest.mark.spec("C-7", "C-12")
@pytest.mark.parametrize("sent", ["", "XX", "Germany", "D"])
def test_what_is_no_country_is_not_kept(sent: str) -> None:
    world = World()
    product = world.product()
    send_from(world, product, sent)
    (consent,) = world.history().consents
    assert consent.ip_country is None


@pytest.mark.spec("C-7", "M-1")
def test_an_order_shows_the_evidence_and_a_renewal_that_of_its_subscription() -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, "DE")
    for _ in range(2):
        words = shown(shop)
        assert "Billing addressGermany Internet addressGermany" in words
        assert (
            "issued inUnited States Different country" in words and "At least two pieces" in words
        )
        shop.world.advance(days=31)
    assert len(shop.world.orders()) > 1


@pytest.mark.spec("C-7", "M-1")
def test_a_contradiction_is_shown_and_stops_nothing() -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, "US")
    assert shop.world.history().invoices[-1].tax_lines[0].amount == usd(570)
    assert "The evidence contradicts the billing address" in shown(shop)


@pytest.mark.spec("C-7", "M-1")
@pytest.mark.parametrize(
    ("country", "words", "brief"),
    [
        ("DE", "At least two pieces of evidence", "Confirmed"),
        ("US", "The evidence contradicts the billing address", "Contradicted"),
    ],
)
def test_subscriptions_and_customers_show_the_evidence(
    country: str, words: str, brief: str
) -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, country)
    sold, agent = shop.world.subscription(), Agent.of(shop)
    assert words in agent.look(f"/console/subscriptions/{sold.id}").one("main").text
    page = agent.look(f"/console/customers/{sold.customer}").one("main").text
    assert f"Where the buyer isGermany {brief}" in page


@pytest.mark.spec("C-7", "M-1")
def test_the_evidence_follows_the_billing_address_of_the_next_payment() -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, "DE")
    sold, agent = shop.world.subscription(), Agent.of(shop)
    (kept,) = shop.world.store.bill_tos([(sold.merchant, sold.customer, sold.id)])
    assert kept is not None
    moved = replace(kept.bill_to, address=replace(kept.bill_to.address, country="FR"))
    shop.world.store.commit(Change(kept, replace(kept, bill_to=moved)))
    page = agent.look(f"/console/subscriptions/{sold.id}").one("main").text
    assert "The evidence contradicts the billing address" in page


@pytest.mark.spec("C-7", "M-1")
def test_an_older_purchase_shows_that_nothing_else_is_known() -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, None)
    (consent,) = shop.world.history().consents
    shop.world.store.commit(Change(consent, replace(consent, card_country=None)))
    assert "Only the billing address is known." in shown(shop)


@pytest.mark.spec("C-7", "M-8")
def test_the_evidence_is_in_the_customers_own_copy_and_outlives_their_erasure() -> None:
    shop = Shop(collecting(World()))
    bought(shop.world, "DE")
    (consent,) = shop.world.history().consents
    (copied,) = shop.api.get(f"/v1/customers/{consent.customer}/export").json["consents"]
    assert (copied["ip_country"], copied["card_country"]) == ("DE", "US")
    shop.world.cancel(When.NOW)
    assert shop.api.post(f"/v1/customers/{consent.customer}/erase").status == 200
    shop.world.advance(days=1)
    kept = shop.world.store.consent("acme", consent.customer, consent.purchase)
    assert kept is not None and (kept.ip_country, kept.card_country) == ("DE", "US")

"""A refund of tax alone, on proof that none was owed: to the cent, once, and of nothing else
(C-7)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.coupons.coupons import Duration
from billing.invoices.flows import documents
from billing.kernel.catalog import TaxBehavior
from billing.kernel.customers import Address
from billing.kernel.gateways import DisputeStanding
from billing.kernel.orders import OrderKind
from billing.kernel.values import replace
from billing.render import invoice_lines
from billing.render.invoice_pdf import render
from tests.console.agent import Agent
from tests.coupons.couponing import coupon
from tests.plans.changing import HALF, ask, change
from tests.scenarios.disputes import decide, disputed
from tests.tax.taxing import BERLIN, LOS_ANGELES, booked, collecting, usd
from tests.web.calls import Answer
from tests.web.shop import Shop
from tests.world import MONTHLY, World

PROOF = {"proof": "VAT ID DE136695976, confirmed on the phone"}
SPAN = "?from=2026-01-01&to=2026-12-31"


@pytest.fixture
def shop() -> Shop:
    return Shop(collecting(World()))


def buy(shop: Shop, address: Address = BERLIN, **fields: Any) -> str:
    """Buys a month; returns the Order ID of its payment."""
    shop.world.buy(shop.world.product(MONTHLY), address=address, **fields)
    return shop.world.history().invoices[-1].order_id


def refund_tax(shop: Shop, order: str, document: Any = None, **headers: str) -> Answer:
    answer = shop.api.post(f"/v1/orders/{order}/refund-tax", document or PROOF, **headers)
    shop.world.work()
    return answer


def report(shop: Shop) -> dict[str, tuple[int, int]]:
    """Amounts taxed, and the tax of it, by the name of a rate."""
    rows = shop.api.get(f"/v1/tax/report{SPAN}").json["data"]
    return {row["name"]: (row["taxable"]["amount"], row["tax"]["amount"]) for row in rows}


@pytest.mark.spec("C-7", "M-7")
def test_exactly_the_tax_goes_back_and_the_ledger_and_the_report_know(shop: Shop) -> None:
    order = buy(shop)
    before = shop.world.subscription()
    answer = refund_tax(shop, order)
    assert answer.status == 201 and answer.json["amount"]["amount"] == 570
    assert shop.world.subscription() == before, "its time, its access and its credit stay"
    assert booked(shop.world) == {"revenue:sales": 2999}
    assert report(shop) == {"VAT": (0, 0)}
    (entry,) = [o for o in shop.world.orders() if o.kind is OrderKind.REFUND]
    assert (entry.amount, entry.reason) == (usd(570), PROOF["proof"])
    assert shop.world.charges()[0]["refunded"] == 570


@pytest.mark.spec("C-7", "C-10", "M-7")
def test_each_rate_goes_back_of_its_own_and_a_credit_note_says_so(shop: Shop) -> None:
    refund_tax(shop, buy(shop, LOS_ANGELES))
    history = shop.world.history()
    (gone,), (paid,) = history.refunds, history.invoices
    assert gone.taxes == (180, 7, 67)
    numbered = documents.numbered_refund(shop.world.ports, shop.world.merchant, paid, gone.id)
    note = documents.issued_credit_note(shop.world.ports, shop.world.merchant, paid, numbered)
    assert [line.amount.amount_minor for line in note.lines] == [0, -180, -7, -67]
    assert [line.tax.taxable_minor for line in note.lines if line.tax] == [-2999] * 3
    assert note.total == usd(254) and render(note)[:4] == b"%PDF"
    shown: Any = invoice_lines.table(note)
    assert [(row["words"], row["cells"][-1]) for row in shown["lines"]] == [
        ("California 6% on −$29.99", "−$1.80"),
        ("Los Angeles County 0.25% on −$29.99", "−$0.07"),
        ("Los Angeles 2.25% on −$29.99", "−$0.67"),
    ]
    assert [row[1] for row in shown["sums"]] == ["−$2.54"], "its total, and nothing of 0.00"
    assert set(report(shop).values()) == {(0, 0)}


@pytest.mark.spec("C-7", "C-10")
def test_after_a_part_was_refunded_the_rest_of_the_tax_goes_back(shop: Shop) -> None:
    order = buy(shop)
    assert shop.api.post(f"/v1/orders/{order}/refund", {"amount": 1000}).status == 201
    assert refund_tax(shop, order).json["amount"]["amount"] == 570 - 160
    assert booked(shop.world) == {"revenue:sales": 2999 - 840}
    assert report(shop)["VAT"][1] == 0
    left = shop.api.post(f"/v1/orders/{order}/refund").json
    assert left["amount"]["amount"] == 2999 - 840, "and then the net amount, with no tax in it"
    assert booked(shop.world) == {}


@pytest.mark.spec("C-7")
def test_it_is_refused_twice_and_the_same_request_is_the_same_refund(shop: Shop) -> None:
    order = buy(shop)
    first = refund_tax(shop, order, idempotency_key="proof-1")
    assert refund_tax(shop, order, idempotency_key="proof-1").json["id"] == first.json["id"]
    again = refund_tax(shop, order, idempotency_key="proof-2")
    assert (again.status, again.json["code"]) == (409, "tax_refunded")
    assert refund_tax(shop, order).json["code"] == "tax_refunded"
    assert shop.world.charges()[0]["refunded"] == 570


@pytest.mark.spec("C-7", "C-12")
def test_what_has_no_tax_or_is_no_payment_is_refused(shop: Shop) -> None:
    order = buy(shop, Address("1 Main Street", "Springfield", "US", "12345", state="IL"))
    assert refund_tax(shop, order).json["code"] == "not_taxed"
    taxed = buy(shop, email="bob@example.com")
    taxed = shop.world.history("bob@example.com").invoices[-1].order_id
    assert shop.other.post(f"/v1/orders/{taxed}/refund-tax", PROOF).status == 404
    for wrong in ({}, {"proof": ""}, {"proof": " "}, {"proof": "x" * 201}, {**PROOF, "amount": 1}):
        assert shop.api.post(f"/v1/orders/{taxed}/refund-tax", wrong).status == 422
    assert shop.api.post(f"/v1/orders/{taxed}/refund").status == 201
    assert refund_tax(shop, taxed).json["code"] == "already_refunded"
    assert refund_tax(shop, "none").status == 404


@pytest.mark.spec("C-7", "W-4")
@pytest.mark.parametrize("outcome", [None, DisputeStanding.LOST])
def test_what_a_bank_has_taken_back_is_not_refunded(
    shop: Shop, outcome: DisputeStanding | None
) -> None:
    order = buy(shop)
    dispute = disputed(shop.world)
    if outcome is not None:
        decide(shop.world, dispute, outcome)
    assert refund_tax(shop, order).json["code"] == "disputed"


@pytest.mark.spec("C-7", "A-4")
def test_unused_time_takes_no_tax_off_that_went_back_already(shop: Shop) -> None:
    """The tax of a period is given back once: with the proof, or with its unused time."""
    world = shop.world
    product = world.product(MONTHLY, replace(MONTHLY, price=usd(5998)))
    world.buy(product, address=BERLIN)
    refund_tax(shop, world.history().invoices[-1].order_id)
    world.advance(to=HALF)
    quoted = ask(world, product.price_points[1])
    change(world, product.price_points[1], token=quoted.token)
    (_, changed) = world.history().invoices
    assert [line.text for line in changed.lines if line.tax is not None] == ["VAT"]
    taxed = sum(line.amount.amount_minor for line in changed.lines if line.tax is None)
    unused = [x.amount.amount_minor for x in changed.lines if x.amount.amount_minor < 0]
    assert unused and all(x.kind != "DE" for x in changed.lines if x.amount.amount_minor < 0)
    rest = taxed - sum(unused)
    assert changed.tax_lines[0].amount.amount_minor == round(rest * 0.19)


@pytest.mark.spec("C-7", "C-8", "P-18")
def test_of_a_price_with_its_tax_and_a_coupon_the_tax_inside_goes_back(shop: Shop) -> None:
    coupon(shop.world, duration=Duration.FOREVER)
    inclusive = replace(MONTHLY, price=usd(11900), tax=TaxBehavior.INCLUSIVE)
    shop.world.buy(shop.world.product(inclusive), address=BERLIN, coupon="SPRING")
    order = shop.world.history().invoices[-1].order_id
    assert refund_tax(shop, order).json["amount"]["amount"] == 1425
    assert booked(shop.world) == {"revenue:sales": 7500}
    assert report(shop) == {"VAT": (0, 0)}
    shop.world.advance(days=31)
    assert shop.world.history().invoices[-1].total == usd(8925), "the next one is taxed as before"


@pytest.mark.spec("C-7", "M-4")
def test_an_agent_refunds_the_tax_from_the_orders_page(shop: Shop) -> None:
    order = buy(shop)
    agent = Agent.of(shop)
    address = f"/console/orders/{order}/refund-tax"
    assert address in str(agent.look(f"/console/orders/{order}"))
    page = agent.look(address)
    assert "Refund $5.70 of tax" in page.text
    fields = {str(e.attributes.get("name")): e.attributes.get("value") for e in page.all("input")}
    attempt = str(fields["attempt"])
    for wrong in ("", " ", "x" * 501, "a\x00b"):
        answer = agent.send(address, proof=wrong, attempt=attempt)
        assert answer.status == 422 and 'id="proof-error"' in answer.body
    for _ in range(2):
        answer = agent.send(address, proof="Exemption 4711", attempt=attempt)
        assert "?done=refund" in answer.headers["location"]
    stale = agent.send(address, proof="Exemption 4711", attempt="attempt-of-another-page")
    assert stale.status == 409 and "already been refunded" in stale.body
    assert address not in str(agent.look(f"/console/orders/{order}"))
    agent.look(address, 409)
    assert shop.world.charges()[0]["refunded"] == 570

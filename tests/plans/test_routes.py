"""Changing plans through the API, as merchants do (A-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.web.shop import Shop
from tests.world import MONTHLY

GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
YEARLY = PriceTerms(PriceType.RECURRING, Money(19900, Currency.USD), Period.YEARLY)
FOURS = PriceTerms(PriceType.INSTALLMENT, Money(900, Currency.USD), Period.MONTHLY, 4)


class Plans(Shop):
    """A shop whose customer bought the first of four plans half a period ago."""

    def __post_init__(self) -> None:
        super().__post_init__()
        product = self.world.product(GOLD, MONTHLY, YEARLY, FOURS)
        self.gold, self.silver, self.yearly, self.fours = product.price_points
        self.world.buy(product)
        self.world.advance(to=datetime(2026, 2, 14, 15, tzinfo=UTC))
        self.address = f"/v1/subscriptions/{self.world.subscription().id}"

    def quote(self, price_point: str, when: str = "now") -> Any:
        body = {"price_point": price_point, "when": when}
        return self.api.post(f"{self.address}/change-plan/quote", body)

    def change(self, price_point: str, when: str = "now", **more: Any) -> Any:
        self.world.now += timedelta(microseconds=1)
        body = {"price_point": price_point, "when": when, **more}
        return self.api.post(f"{self.address}/change-plan", body)

    def pay_with(self, token: str) -> None:
        subscription, method = self.world.subscription(), self.world.history().methods[0]
        card = replace(method, id=f"{token}:saved", fingerprint=token)
        changed = replace(subscription, payment_method=card.id)
        self.world.store.commit(Insert(card), Change(subscription, changed))


@pytest.fixture
def shop() -> Plans:
    return Plans()


@pytest.mark.spec("A-4", "P-19")
def test_a_quote_is_charged_as_it_was_shown(shop: Plans) -> None:
    quoted = shop.quote(shop.yearly)
    assert quoted.status == 200
    assert quoted.json["due_now"] == {"amount": 17400, "currency": "USD"}
    assert quoted.json["lines"] == [
        {"text": "Course", "amount": {"amount": 19900, "currency": "USD"}},
        {"text": "Unused time on Course", "amount": {"amount": -2500, "currency": "USD"}},
    ]
    assert quoted.json["next_charge_at"] == "2027-02-14T15:00:00Z"
    assert quoted.json["next_charge"] == {"amount": 19900, "currency": "USD"}
    assert quoted.json["expires_at"] == "2026-02-14T15:15:00Z"
    shop.world.now += timedelta(minutes=10)
    changed = shop.change(shop.yearly, token=quoted.json["token"])
    assert (changed.status, changed.json["price_point"]) == (200, shop.yearly)
    assert changed.json["next_charge_at"] == quoted.json["next_charge_at"]
    assert (changed.json["pending_plan"], changed.json["credit"]) == (None, 0)
    assert shop.world.charges()[-1]["amount"] == quoted.json["due_now"]
    orders = shop.api.get("/v1/orders").json["data"]
    assert [order["kind"] for order in orders] == ["rebill", "sale"]


@pytest.mark.spec("A-4", "P-18")
def test_a_downgrade_now_shows_its_credit_and_one_later_its_plan(shop: Plans) -> None:
    later = shop.change(shop.silver, "next_rebill")
    assert (later.status, later.json["pending_plan"]) == (200, shop.silver)
    assert later.json["price_point"] == shop.gold
    quoted = shop.quote(shop.silver)
    amounts = [line["amount"]["amount"] for line in quoted.json["lines"]]
    assert (amounts, quoted.json["due_now"]["amount"]) == ([1500, -2500, 1000], 0)
    assert quoted.json["next_charge"]["amount"] == 1999
    now = shop.change(shop.silver)
    assert (now.status, now.json["credit"], now.json["pending_plan"]) == (200, 1000, None)
    shop.world.advance(days=20)
    shown = shop.api.get(shop.address).json
    assert (shown["credit"], shop.world.charges()[-1]["amount"]["amount"]) == (0, 1999)


@pytest.mark.spec("A-4")
def test_another_amount_than_was_shown_is_refused(shop: Plans) -> None:
    token = shop.quote(shop.yearly).json["token"]
    assert shop.change(shop.silver).status == 200
    changed = shop.change(shop.yearly, token=token)
    assert (changed.status, changed.json["code"]) == (409, "quote_changed")
    shop.world.now += timedelta(minutes=16)
    old = shop.change(shop.yearly, token=token)
    assert (old.status, old.json["code"]) == (409, "quote_changed")
    assert len(shop.world.charges()) == 1


@pytest.mark.spec("A-4", "C-4")
def test_a_declined_change_is_402_and_changes_nothing(shop: Plans) -> None:
    shop.pay_with("pm_card_chargeCustomerFail")
    declined = shop.change(shop.yearly)
    assert (declined.status, declined.json["code"]) == (402, "card_declined")
    shown = shop.api.get(shop.address).json
    assert (shown["price_point"], shown["state"]) == (shop.gold, "active")
    assert shown["open_invoice"] is None
    kinds = [order["kind"] for order in shop.api.get("/v1/orders").json["data"]]
    assert kinds == ["failed", "sale"]


@pytest.mark.spec("A-4", "C-4")
def test_authentication_is_202_with_where_to_go(shop: Plans) -> None:
    shop.pay_with("pm_card_authenticationRequired")
    begun = shop.change(shop.yearly)
    assert (begun.status, begun.json["state"]) == (202, "requires_action")
    assert begun.json["url"].startswith("https://pay.example.com/portal/acme/payments/")
    refused = shop.change(shop.silver)
    assert (refused.status, refused.json["code"]) == (409, "invoice_open")
    waiting = shop.world.history().invoices[-1]
    shop.world.sandbox.authenticate(str(waiting.gateway_ref), succeeded=True)
    done = shop.change(shop.yearly)
    assert (done.status, done.json["price_point"]) == (200, shop.yearly)


@pytest.mark.spec("A-4", "R-6", "M-3")
def test_an_unknown_outcome_is_202_and_the_same_request_asks_again(shop: Plans) -> None:
    shop.world.sandbox.faults.arm("timeout_after", 1)
    body = {"price_point": shop.yearly, "when": "now"}
    address = f"{shop.address}/change-plan"
    begun = shop.api.post(address, body, idempotency_key="once")
    assert (begun.status, begun.json) == (202, {"state": "processing"})
    done = shop.api.post(address, body, idempotency_key="once")
    assert (done.status, done.json["price_point"]) == (200, shop.yearly)
    again = shop.api.post(address, body, idempotency_key="once")
    assert again.json == done.json
    assert len(shop.world.charges()) == 2


@pytest.mark.spec("A-4")
def test_what_may_not_be_changed_is_409_with_its_reason(shop: Plans) -> None:
    for answer in (shop.quote(shop.fours), shop.change(shop.fours)):
        assert (answer.status, answer.json["code"]) == (409, "not_changeable")
    for answer in (shop.quote(shop.gold, "next_rebill"), shop.change(shop.gold)):
        assert (answer.status, answer.json["code"]) == (409, "same_plan")
    for answer in (shop.quote("acme.nothing"), shop.change("rival.x")):
        assert (answer.status, answer.json["code"]) == (404, "not_found")
    shop.api.post(f"{shop.address}/cancel", {"when": "period_end"})
    assert shop.change(shop.silver).json["code"] == "cancelling"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "price_point"),
        ({"price_point": "acme.x"}, "when"),
        ({"price_point": "acme.x", "when": "soon"}, "when"),
        ({"price_point": "acme.x", "when": "period_end"}, "when"),
        ({"price_point": 7, "when": "now"}, "price_point"),
        ({"price_point": "", "when": "now"}, "price_point"),
        ({"price_point": "a#b", "when": "now"}, "price_point"),
        ({"price_point": "x" * 101, "when": "now"}, "price_point"),
        ({"price_point": "acme.x", "when": "now", "amount": 0}, "amount"),
    ],
)
def test_a_malformed_change_is_422_and_names_what_is_wrong(
    shop: Plans, body: dict[str, Any], field: str
) -> None:
    for verb in ("change-plan", "change-plan/quote"):
        answer = shop.api.post(f"{shop.address}/{verb}", body)
        assert (answer.status, answer.fields[0]) == (422, field)
    assert len(shop.world.charges()) == 1


@pytest.mark.parametrize("token", ["", "x", 7, "1.2", "0." + "a" * 33, f"{'f' * 10}.{'0' * 32}"])
def test_a_malformed_token_is_422(shop: Plans, token: object) -> None:
    answer = shop.change(shop.yearly, token=token)
    assert (answer.status, answer.json["field"]) == (422, "token")


def test_a_well_formed_token_that_nobody_gave_is_409(shop: Plans) -> None:
    for head in ("0", "fffffffff", f"{int(shop.world.now.timestamp()):x}"):
        answer = shop.change(shop.yearly, token=f"{head}.{'0' * 32}")
        assert (answer.status, answer.json["code"]) == (409, "quote_changed")


def test_quoting_needs_no_more_than_reading(shop: Plans) -> None:
    reader = shop.holding("acme", "sk_reader", "read")
    body = {"price_point": shop.yearly, "when": "now"}
    assert reader.post(f"{shop.address}/change-plan/quote", body).status == 200
    assert reader.post(f"{shop.address}/change-plan", body).status == 403
    assert shop.other.post(f"{shop.address}/change-plan", body).status == 404


def test_the_document_has_both_answers(shop: Plans) -> None:
    paths = shop.api.get("/v1/openapi.json").json["paths"]
    answers = paths["/v1/subscriptions/{subscription}/change-plan"]["post"]["responses"]
    assert {"200", "202", "402"} - set(answers) == set()


@pytest.mark.spec("A-5")
def test_a_subscription_is_frozen_and_unfrozen_for_what_was_shown(shop: Plans) -> None:
    asked = shop.api.post(f"{shop.address}/freeze")
    assert (asked.status, asked.json["state"]) == (200, "active")
    assert asked.json["freezes_at"] == "2026-02-28T15:00:00Z"
    assert (asked.json["pending_plan"], asked.json["thaws_to"]) == (None, shop.gold)
    assert shop.api.post(f"{shop.address}/freeze").json == asked.json
    assert shop.change(shop.silver).json["code"] == "freezing"
    shop.world.advance(to=datetime(2026, 3, 14, 14, tzinfo=UTC))
    held = shop.api.get(shop.address).json
    assert (held["state"], held["next_charge_at"]) == ("frozen", "2026-03-31T14:00:00Z")
    assert held["terms"]["price"] == {"amount": 999, "currency": "USD"}
    quoted = shop.api.post(f"{shop.address}/unfreeze/quote").json
    shop.world.now += timedelta(minutes=1)
    thawed = shop.api.post(f"{shop.address}/unfreeze", {"token": quoted["token"]})
    assert (thawed.status, thawed.json["state"], thawed.json["thaws_to"]) == (200, "active", None)
    assert shop.world.charges()[-1]["amount"] == quoted["due_now"]
    assert shop.api.post(f"{shop.address}/unfreeze").json == thawed.json
    assert shop.api.post(f"{shop.address}/unfreeze/quote").json["code"] == "not_frozen"


@pytest.mark.spec("A-5")
def test_an_unfreezing_that_is_declined_stays_frozen(shop: Plans) -> None:
    shop.api.post(f"{shop.address}/freeze")
    shop.world.advance(to=datetime(2026, 3, 14, 14, tzinfo=UTC))
    shop.pay_with("pm_card_chargeCustomerFail")
    declined = shop.api.post(f"{shop.address}/unfreeze")
    assert declined.status == 402
    assert shop.api.get(shop.address).json["state"] == "frozen"
    shop.pay_with("pm_card_visa")
    shop.world.now += timedelta(seconds=1)
    assert shop.api.post(f"{shop.address}/unfreeze").json["state"] == "active"

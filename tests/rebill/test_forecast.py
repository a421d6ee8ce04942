"""Forecasts, against the charges that follow; and subscriptions that need a look."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.rebill.flows import forecast as forecast_flow
from tests.depth import examples
from tests.web.shop import Shop
from tests.world import MONTHLY

ZONE = "America/New_York"


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


WEEKLY = PriceTerms(PriceType.RECURRING, usd(700), Period.WEEKLY)
TRIAL = PriceTerms(
    PriceType.RECURRING, usd(2900), Period.MONTHLY, initial=Initial(0, Span(14, Unit.DAY))
)
LATER = PriceTerms(PriceType.ONE_TIME, usd(9900), initial=Initial(100, Span(20, Unit.DAY)))
FOUR = PriceTerms(PriceType.INSTALLMENT, usd(9900), Period.EVERY_2_WEEKS, 4)
SETS = PriceTerms(PriceType.RECURRING_INSTALLMENT, usd(500), Period.WEEKLY, 3, Cycle.YEARLY)
EVERY_TERMS = [MONTHLY, WEEKLY, TRIAL, LATER, FOUR, SETS]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def forecast(shop: Shop, to: datetime) -> dict[tuple[str, int], int]:
    """Charges per day and amount, as the API foretells them."""
    answer = shop.api.get("/v1/forecast", to=to.isoformat())
    assert answer.status == 200, answer.body
    assert answer.json["complete"]
    return {d["date"]: (d["amount"]["amount"], d["charges"]) for d in answer.json["data"]}


def charged_since(shop: Shop, since: datetime) -> dict[str, Any]:
    """Returns the charges that really happened, in the forecast's form."""
    amounts: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for order in shop.api.get("/v1/orders", kind="rebill", limit="200").json["data"]:
        at = datetime.fromisoformat(order["at"])
        if at > since:
            day = Anchor.at(at, ZONE).wall.date().isoformat()
            amounts[day] += order["amount"]["amount"]
            counts[day] += 1
    return {day: (amounts[day], counts[day]) for day in amounts}


@given(
    bought=st.lists(
        st.tuples(st.sampled_from(EVERY_TERMS), st.integers(0, 40 * 24)), min_size=1, max_size=5
    ),
    days=st.integers(1, 200),
)
@settings(max_examples=examples(25))
@pytest.mark.spec("R-10")
def test_a_forecast_is_what_is_then_charged_and_charges_nothing(
    bought: list[tuple[PriceTerms, int]], days: int
) -> None:
    shop = Shop()
    for number, (terms, hours) in enumerate(bought):
        shop.world.buy(shop.world.product(terms), email=f"c{number}@example.com")
        shop.world.advance(hours=hours)
    now = shop.world.now
    before = shop.world.charges()
    foretold = forecast(shop, now + timedelta(days=days))
    assert shop.world.charges() == before
    shop.world.advance(days=days)
    assert foretold == charged_since(shop, now)


@pytest.mark.spec("R-2", "R-10")
def test_missed_periods_are_foretold_one_a_local_day(shop: Shop) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    # The schedules stood still: due on the 7th, and on the 14th, which it is now.
    shop.world.now += timedelta(days=14)
    now = shop.world.now
    foretold = forecast(shop, now + timedelta(days=10))
    assert list(foretold) == ["2026-02-14", "2026-02-15", "2026-02-21"]
    shop.world.advance(days=10)
    assert foretold == charged_since(shop, now - timedelta(seconds=1))


@pytest.mark.spec("R-10")
def test_a_past_due_subscription_is_foretold_at_its_retry(shop: Shop) -> None:
    shop.world.buy(shop.world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    shop.world.advance(days=15)
    assert shop.world.subscription().state == "past_due"
    foretold = forecast(shop, shop.world.now + timedelta(days=5))
    assert foretold == {"2026-02-17": (2900, 1)}


@pytest.mark.spec("R-10")
def test_the_money_of_the_sandbox_is_marked_and_totals_add_up(shop: Shop) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    answer = shop.api.get("/v1/forecast", to="2026-02-28").json
    assert {day["test"] for day in answer["data"]} == {True}
    assert answer["totals"] == [
        {"amount": {"amount": 4 * 700, "currency": "USD"}, "charges": 4, "test": True}
    ]
    assert (answer["next"], answer["held"], answer["to"]) == (None, None, "2026-03-01T05:00:00Z")


@pytest.mark.parametrize(
    ("change", "held"), [({"stopped": True}, "stopped"), ({"armed": False}, "disarmed")]
)
@pytest.mark.spec("R-10")
def test_a_forecast_says_why_nothing_of_it_would_be_charged(
    shop: Shop, change: dict[str, bool], held: str
) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    shop.world.change_merchant(**change)
    answer = shop.api.get("/v1/forecast", to="2026-02-28").json
    assert (answer["held"], len(answer["data"])) == (held, 4)


def test_nothing_to_come_is_an_empty_forecast(shop: Shop) -> None:
    assert shop.api.get("/v1/forecast", to="2026-12-31").json["data"] == []
    shop.world.buy(shop.world.product(WEEKLY))
    assert shop.api.get("/v1/forecast", to="2026-02-01").json["data"] == []
    assert shop.api.get("/v1/forecast", to="2020-01-01").json["data"] == []


def test_the_farthest_forecast_is_bounded_and_answered(shop: Shop) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    answer = shop.api.get("/v1/forecast", to="2100-12-31")
    assert answer.status == 200
    assert len(answer.json["data"]) <= forecast_flow.DAYS_AT_MOST
    assert len(answer.body) < 1_000_000


def test_what_is_too_much_is_cut_at_the_end_and_says_where(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast_flow, "CHARGES_AT_MOST", 5)
    product = shop.world.product(WEEKLY)
    for n in range(3):
        shop.world.buy(product, email=f"c{n}@example.com")
    answer = shop.api.get("/v1/forecast", to="2026-12-31").json
    assert [(day["date"], day["charges"]) for day in answer["data"]] == [
        ("2026-02-07", 3),
        ("2026-02-14", 2),
    ]
    assert answer["to"] == "2026-02-14T15:00:00Z"


@pytest.mark.parametrize("to", ["", "soon", "2026-13-01", "1969-01-01", "2101-01-01", "x" * 5000])
def test_a_wrong_end_is_422(shop: Shop, to: str) -> None:
    answer = shop.api.get("/v1/forecast", to=to)
    assert (answer.status, answer.fields) == (422, ["to"])
    assert shop.api.call("GET", "/v1/forecast").fields == ["to"]


@pytest.mark.spec("R-9")
def test_an_alarm_that_nobody_answered_for_an_hour_is_listed_with_what_holds_it(
    shop: Shop,
) -> None:
    bought = shop.world.buy()
    due = shop.world.subscription().due_at
    assert due is not None
    shop.world.now = due + timedelta(minutes=59)
    assert shop.api.call("GET", "/v1/attention").json == {"data": [], "next": None}
    shop.world.now = due + timedelta(minutes=61)
    (matter,) = shop.api.call("GET", "/v1/attention").json["data"]
    assert matter == {
        "what": "overdue",
        "subscription": bought.purchase,
        "customer": bought.customer,
        "since": "2026-02-28T15:00:00Z",
        "payments": 1,
        "total": {"amount": 2999, "currency": "USD"},
        "reason": None,
    }
    shop.world.change_merchant(stopped=True)
    (matter,) = shop.api.call("GET", "/v1/attention").json["data"]
    assert matter["reason"] == "stopped"
    assert shop.other.call("GET", "/v1/attention").json["data"] == []


@pytest.mark.spec("R-2", "R-9")
def test_payments_that_wait_for_the_merchant_are_listed_with_their_total(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(WEEKLY))
    shop.world.now += timedelta(days=22)
    shop.world.tick()
    (matter,) = shop.api.call("GET", "/v1/attention").json["data"]
    assert (matter["what"], matter["subscription"]) == ("waiting", bought.purchase)
    assert (matter["payments"], matter["total"]["amount"]) == (3, 2100)

"""Stripe as a source: read as canonical cells, stopped, resumed, cancelled, each twice as once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from billing.gateways.stripe import source_cells
from billing.gateways.stripe.source import EXPANDED, StripeSource
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import AccountRef
from billing.kernel.live_sources import Collected, Obstacle, SourceState
from dev.stripe.faults import Faults
from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests.dev.stripe.conftest import Clock
from tests.gateways.stripe.edge import Impatient

pytestmark = pytest.mark.spec("M-6")

KEY = "sk_test_source"
ACCOUNT = AccountRef("acme", "stripe", "acct_1_test")


class Bench:
    """A Stripe with subscriptions, and our adapter to it."""

    def __init__(self, loopback: Loopback, clock: Clock, faults: Faults) -> None:
        self.loopback, self.clock, self.faults = loopback, clock, faults
        self.client = stripe.StripeClient(
            KEY, base_addresses={"api": loopback.url}, max_network_retries=0
        )
        self.source = StripeSource(
            ACCOUNT,
            lambda fresh: {"secret_key": KEY},
            api_base=loopback.url,
            http_client=Impatient(),
        )

    def price(self, **more: Any) -> str:
        v1 = self.client.v1
        product = v1.products.create({"name": "Course"}).id
        params: Any = {
            "currency": "usd",
            "product": product,
            "unit_amount": 2999,
            "recurring": {"interval": "month"},
            **more,
        }
        return v1.prices.create(params).id

    def subscribe(self, **more: Any) -> str:
        v1 = self.client.v1
        customer = v1.customers.create(
            {
                "email": "ada@example.com",
                "name": "Ada Lovelace",
                "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
            }
        ).id
        card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        params: Any = {"customer": customer, "default_payment_method": card, **more}
        if "items" not in params:
            params["items"] = [{"price": self.price()}]
        return v1.subscriptions.create(params).id

    def pass_time(self, **by: float) -> None:
        self.clock.move(**by)
        self.loopback.renew()


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock, faults = Clock(), Faults()
    with Loopback(clock=clock, faults=faults) as loopback:
        loopback.open_account(Account("acct_1", KEY))
        yield Bench(loopback, clock, faults)


def test_a_subscription_is_read_as_canonical_cells(bench: Bench) -> None:
    found = bench.source.find(bench.subscribe())
    assert found is not None
    cells = dict(found.cells)
    assert cells.pop("external_id") == found.id
    assert cells.pop("source_price").startswith("price_")
    assert found.method is not None
    assert cells.pop("payment_method") == found.method.token
    assert cells.pop("gateway_customer") == found.method.token.split(":")[0]
    assert cells == {
        "status": "active",
        "started_at": "2026-01-31T15:00:00Z",
        "next_charge_at": "2026-02-28T15:00:00Z",
        "zone": "UTC",
        "anchor_local": "2026-01-31T15:00:00",
        "gateway": "stripe",
        "gateway_account": "acct_1_test",
        "price": "29.99",
        "currency": "USD",
        "period": "1m",
        "quantity": "1",
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "address_line1": "1 Main Street",
        "city": "Springfield",
        "country": "US",
    }
    assert found.next_charge_at == datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert (found.state, found.collected) == (SourceState.RUNNING, Collected.PAID)
    assert (found.obstacles, found.mark, found.stopped) == ((), None, False)
    assert (found.method.last4, found.method.expires_on) == ("4242", "2034-12")


def test_pages_follow_one_another_to_the_last(bench: Bench) -> None:
    made = [bench.subscribe() for _ in range(5)]
    seen: list[str] = []
    after = None
    while True:
        page = bench.source.page(after, 2)
        seen += [each.id for each in page.data]
        if (after := page.next) is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("recurring", "period"),
    [
        ({"interval": "week"}, "1w"),
        ({"interval": "day", "interval_count": 14}, "2w"),
        ({"interval": "month", "interval_count": 12}, "1y"),
        ({"interval": "month", "interval_count": 4}, "4 month"),
        ({"interval": "year", "interval_count": 2}, "2y"),
    ],
)
def test_intervals_are_our_periods_or_named(bench: Bench, recurring: Any, period: str) -> None:
    made = bench.subscribe(items=[{"price": bench.price(recurring=recurring), "quantity": 3}])
    found = bench.source.find(made)
    assert found is not None
    assert (found.cells["period"], found.cells["quantity"]) == (period, "3")


def test_what_cannot_be_moved_as_it_is_is_named(bench: Bench) -> None:
    later = int((bench.clock() + timedelta(days=100)).timestamp())
    two = bench.subscribe(items=[{"price": bench.price()}, {"price": bench.price()}])
    metered = bench.subscribe(
        items=[{"price": bench.price(recurring={"interval": "month", "usage_type": "metered"})}]
    )
    ends = bench.subscribe(cancel_at=later)
    found = [bench.source.find(each) for each in (two, metered, ends)]
    assert [each and each.obstacles for each in found] == [
        (Obstacle.LINES,),
        (Obstacle.METERED,),
        (Obstacle.ENDS,),
    ]


@pytest.mark.parametrize(
    ("coupon", "cells"),
    [
        ({"duration": "forever"}, ("TEN", None)),
        ({"duration": "once"}, (None, None)),
        ({"duration": "repeating", "duration_in_months": 3}, ("TEN", "2")),
        ({"duration": "repeating", "duration_in_months": 1}, (None, None)),
    ],
)
def test_a_coupon_is_named_with_the_charges_left(
    bench: Bench, coupon: Any, cells: tuple[str | None, str | None]
) -> None:
    bench.client.v1.coupons.create({"id": "TEN", "percent_off": 10, **coupon})
    found = bench.source.find(bench.subscribe(discounts=[{"coupon": "TEN"}]))
    assert found is not None
    assert (found.cells.get("coupon"), found.cells.get("coupon_charges_left")) == cells


def test_the_customers_default_card_is_charged_where_there_is_no_other(bench: Bench) -> None:
    made = bench.subscribe()
    client = bench.client.v1
    card = str(client.subscriptions.retrieve(made).default_payment_method)
    customer = str(client.subscriptions.retrieve(made).customer)
    client.subscriptions.update(made, {"default_payment_method": ""})
    found = bench.source.find(made)
    assert found is not None and found.method is None
    client.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    found = bench.source.find(made)
    assert found is not None and found.method is not None
    assert found.method.token == f"{customer}:{card}"


def test_a_stop_marks_and_pauses_and_twice_is_once(bench: Bench) -> None:
    made = bench.subscribe(metadata={"theirs": "kept"})
    for _ in range(2):
        stopped = bench.source.stop(made, "imp_1")
        assert (stopped.mark, stopped.stopped, stopped.state) == (
            *("imp_1", True),
            SourceState.RUNNING,
        )
    bench.pass_time(days=29)
    found = bench.source.find(made)
    assert found is not None
    assert (found.collected, found.period_at) == (
        Collected.VOID,
        datetime(2026, 2, 28, 15, tzinfo=UTC),
    )
    for _ in range(2):
        resumed = bench.source.resume(made)
        assert (resumed.mark, resumed.stopped) == (None, False)
    metadata = bench.client.v1.subscriptions.retrieve(made).metadata.to_dict()
    assert metadata == {"theirs": "kept"}
    bench.pass_time(days=31, hours=2)
    assert [each.collected for each in bench.source.charges(made, bench.clock())] == []
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    assert [(each.amount_minor, each.collected) for each in bench.source.charges(made, begun)] == [
        (2999, Collected.PAID),
        (2999, Collected.VOID),
        (2999, Collected.PAID),
    ]


def test_a_pause_that_is_not_ours_is_told_apart(bench: Bench) -> None:
    made = bench.subscribe()
    bench.client.v1.subscriptions.update(made, {"pause_collection": {"behavior": "void"}})
    found = bench.source.find(made)
    assert found is not None
    assert (found.state, found.stopped) == (SourceState.PAUSED, False)


def test_a_draft_may_still_be_charged(bench: Bench) -> None:
    made = bench.subscribe()
    bench.pass_time(days=28, minutes=10)
    found = bench.source.find(made)
    assert found is not None and found.collected is Collected.OPEN
    bench.pass_time(hours=1)
    found = bench.source.find(made)
    assert found is not None and found.collected is Collected.PAID


def test_what_has_ended_is_cancelled_and_stopped_without_a_word(bench: Bench) -> None:
    made = bench.subscribe()
    for _ in range(2):
        bench.source.cancel(made)
        ended = bench.source.stop(made, "imp_1")
        assert (ended.state, ended.stopped) == (SourceState.ENDED, False)
    assert bench.source.find("sub_unknown") is None


@pytest.mark.parametrize(
    ("fault", "times"), [("timeout_before", 1), ("timeout_after", 1), ("internal_error", 2)]
)
def test_a_lost_answer_is_unknown_and_asked_again(bench: Bench, fault: str, times: int) -> None:
    made = bench.subscribe()
    bench.faults.arm(fault, times)
    with pytest.raises(Unreachable):
        bench.source.stop(made, "imp_1")
    assert bench.source.stop(made, "imp_1").stopped


@pytest.mark.parametrize(
    ("customer", "obstacles"),
    [
        ({"discount": {"object": "discount", "id": "di_1"}}, (Obstacle.DISCOUNTS,)),
        ({"balance": -2999}, (Obstacle.BALANCE,)),
        ({"balance": 500}, (Obstacle.BALANCE,)),
        ({"balance": 0, "discount": None}, ()),
    ],
)
def test_what_stripe_takes_off_for_the_customer_is_not_charged_here_instead(
    bench: Bench, customer: Any, obstacles: tuple[Obstacle, ...]
) -> None:
    """A customer's own discount and balance count for all of their subscriptions."""
    made = bench.client.v1.subscriptions.retrieve(bench.subscribe(), {"expand": [*EXPANDED]})
    raw = made.to_dict()
    raw["customer"] |= customer
    found = source_cells.of_subscription(stripe.Subscription.construct_from(raw, KEY), ACCOUNT)
    assert found.obstacles == obstacles


def test_a_discount_of_its_own_is_taken_in_place_of_its_customers(bench: Bench) -> None:
    bench.client.v1.coupons.create({"id": "TEN", "percent_off": 10, "duration": "forever"})
    name = bench.subscribe(discounts=[{"coupon": "TEN"}])
    raw = bench.client.v1.subscriptions.retrieve(name, {"expand": [*EXPANDED]}).to_dict()
    raw["customer"]["discount"] = {"object": "discount", "id": "di_1"}
    found = source_cells.of_subscription(stripe.Subscription.construct_from(raw, KEY), ACCOUNT)
    assert (found.cells["coupon"], found.obstacles) == ("TEN", ())

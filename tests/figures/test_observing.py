"""Figures read from the table's stream: each record once, each event on its own day (M-10)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from billing.cancel.flows import pause as pausing
from billing.cancel.pausing import pause, resume
from billing.figures.monthly import monthly_minor
from billing.figures.records import Record, changes_figures, sequence
from billing.figures.sums import SEEN_MOST, FigureSums
from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType, TaxBehavior
from billing.kernel.errors import Conflict
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import freeze
from billing.storage.dynamo.writes import item_of
from tests.figures.lives import BEGIN, bought, paid
from tests.figures.watched import SHARD, Watched, by_day, mrr_of

MONTHLY = PriceTerms(PriceType.RECURRING, Money(2_999, Currency.USD), Period.MONTHLY)
IN_PARTS = replace(
    MONTHLY, type=PriceType.RECURRING_INSTALLMENT, installments=3, cycle=Cycle.YEARLY
)
TRIAL = Initial(0, Span(14, Unit.DAY))


@pytest.fixture
def world() -> Watched:
    return Watched()


@pytest.mark.spec("M-10")
def test_a_purchase_two_renewals_and_an_end_are_new_revenue_and_churn(world: Watched) -> None:
    product = world.product(MONTHLY)
    world.buy(product)
    world.advance(days=65)
    world.cancel(When.NOW)
    world.tick()
    world.observe()
    assert [(e.kind.value, e.minor, e.country) for e in world.movements()] == [
        ("new", 2_999, "US"),
        ("churn", -2_999, "US"),
    ]
    assert world.mrr() == 0
    assert world.total("payments") == 3
    assert world.total("revenue") == 3 * 2_999
    assert by_day(world.sums(product=product.id)) == {
        key: amount
        for key, amount in by_day(world.sums()).items()
        if "customer" not in key[1] and key[1] != "start_ended"
    }


@pytest.mark.spec("M-10")
def test_a_renewal_writes_two_rows_of_sums_and_no_movement(world: Watched) -> None:
    world.buy(world.product(MONTHLY))
    world.observe()
    world.advance(days=32)
    world.now = world.records[-1].at
    moved = world.movements()
    wrote: list[int] = []
    commit = world.store.commit
    world.store.commit = lambda *w: (wrote.append(len(w)), commit(*w))[1]  # type: ignore[method-assign,func-returns-value]
    world.observe()
    assert wrote == [1, 1]
    assert world.movements() == moved
    assert world.total("payments") == 2


@pytest.mark.spec("M-10")
def test_records_that_come_again_in_any_batches_are_added_once(world: Watched) -> None:
    for name in ("ann", "ben", "cem"):
        world.buy(email=f"{name}@example.com")
    world.advance(days=40)
    world.cancel(When.NOW)
    world.tick()
    world.observe()
    once = by_day(world.sums()), world.movements()
    for size in (1, 2, 7, len(world.records)):
        for start in range(0, len(world.records), size):
            world.observe(world.records[start : start + size])
    assert (by_day(world.sums()), world.movements()) == once


@pytest.mark.spec("M-10")
def test_a_batch_that_dies_between_two_writes_is_whole_when_it_comes_again(
    world: Watched,
) -> None:
    for name in ("ann", "ben"):
        world.buy(email=f"{name}@example.com")
    world.advance(days=40)
    commit, expected = world.store.commit, Watched()
    for name in ("ann", "ben"):
        expected.buy(email=f"{name}@example.com")
    expected.advance(days=40)
    expected.observe()

    deaths = 0
    while True:
        left = [deaths]

        def dying(*writes: object, left: list[int] = left) -> None:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            commit(*writes)  # type: ignore[arg-type]

        world.store.commit = dying  # type: ignore[method-assign]
        deaths += 1
        try:
            world.observe(world.records)
        except KeyboardInterrupt:
            continue
        break
    assert deaths > 3
    assert by_day(world.sums()) == by_day(expected.sums())


@pytest.mark.spec("M-10")
def test_a_trial_counts_apart_until_its_first_payment(world: Watched) -> None:
    world.buy(world.product(replace(MONTHLY, initial=TRIAL)))
    world.observe()
    assert (world.mrr(), world.total("trial")) == (0, 2_999)
    world.advance(days=15)
    world.observe()
    assert (world.mrr(), world.total("trial")) == (2_999, 0)
    assert world.total("customers_new") == 1


@pytest.mark.spec("M-10")
def test_an_end_to_come_is_pending_until_it_is_churn_on_its_own_day(world: Watched) -> None:
    world.buy(world.product(MONTHLY))
    world.cancel(When.PERIOD_END)
    world.observe()
    assert (world.mrr(), world.total("pending")) == (2_999, 2_999)
    world.advance(days=29)
    world.observe()
    assert (world.mrr(), world.total("pending")) == (0, 0)
    (churn,) = [e for e in world.movements() if e.kind.value == "churn"]
    assert churn.day == date(2026, 2, 28)


@pytest.mark.spec("M-10")
def test_a_pause_takes_revenue_away_and_gives_the_same_back(world: Watched) -> None:
    world.buy(world.product(MONTHLY))
    sub = world.subscription()
    pausing.pause(world.ports, sub, now=world.now)
    world.observe()
    assert (world.mrr(), world.total("paused")) == (0, -2_999)
    world.now += timedelta(days=3)
    pausing.resume(world.ports, world.subscription(), now=world.now)
    world.observe()
    assert (world.mrr(), world.total("resumed")) == (2_999, 2_999)
    assert world.total("customers_ended") == 0


@pytest.mark.spec("M-10")
def test_months_hold_the_movements_of_their_days(world: Watched) -> None:
    product = world.product(MONTHLY)
    for name in ("ann", "ben"):
        world.buy(product, email=f"{name}@example.com")
    world.advance(days=40)
    world.cancel(When.NOW)
    world.tick()
    world.observe()
    for part in ("", product.id):
        days, months = world.sums(product=part), world.sums(product=part, length="month")
        assert mrr_of(world.movements()) == sum(r.mrr for r in days) == sum(r.mrr for r in months)
        assert {r.span for r in months} == {"2026-01", "2026-03"}
        assert not any(r.payments for r in months)
    (month,) = [r for r in world.sums(length="month") if r.span == "2026-03"]
    assert (month.start_churn, month.start_ended, month.customers_ended) == (-2_999, 1, 1)


@pytest.mark.spec("M-10")
def test_days_are_of_the_zone_in_which_they_happened(world: Watched) -> None:
    world.now = world.now.replace(hour=3)  # still the day before in New York
    world.buy()
    world.observe()
    world.change_merchant(settings=replace(world.merchant.settings, time_zone="Asia/Tokyo"))
    world.now += timedelta(hours=24)
    world.buy(email="ben@example.com")
    world.observe()
    assert [e.day for e in world.movements()] == [date(2026, 1, 30), date(2026, 2, 1)]


@pytest.mark.spec("M-10")
def test_shards_of_the_stream_add_to_rows_of_their_own_as_far_as_there_are(
    world: Watched,
) -> None:
    for number in range(12):
        world.buy(email=f"b{number}@example.com")
        world.observe(shard=f"{SHARD}{number}")
    rows = world.sums()
    assert 1 < len(rows) <= world.ports.operation.shards
    assert world.total("payments") == world.total("customers_new") == 12


@pytest.mark.spec("M-10")
def test_a_row_that_others_write_meanwhile_is_read_again(world: Watched) -> None:
    world.buy()
    world.observe()
    world.buy(email="ben@example.com")
    commit, conflicts = world.store.commit, [Conflict(), Conflict()]

    def contested(*writes: object) -> None:
        if conflicts:
            raise conflicts.pop()
        commit(*writes)  # type: ignore[arg-type]

    world.store.commit = contested  # type: ignore[method-assign]
    world.observe()
    assert (world.total("payments"), world.total("customers_new")) == (2, 2)


@pytest.mark.spec("M-10")
def test_a_price_that_includes_its_tax_counts_at_the_rate_of_the_last_invoice(
    world: Watched,
) -> None:
    world.buy(world.product(replace(MONTHLY, tax=TaxBehavior.INCLUSIVE)))
    world.observe()
    assert world.mrr() == 2_999


@pytest.mark.spec("M-10")
def test_what_lapsed_and_goes_on_at_a_later_date_counts_from_its_next_payment() -> None:
    began = bought("sub_1", MONTHLY, None, BEGIN)
    lapsed = replace(began, open_invoice="x").declined(None, BEGIN).unpaid()
    going_on = lapsed.at_its_next_date(BEGIN + timedelta(days=70))
    renewed = paid(going_on, BEGIN + timedelta(days=90))
    assert changes_figures(Record("1", BEGIN, lapsed, going_on))
    assert changes_figures(Record("1", BEGIN, going_on, renewed))
    again = paid(renewed, BEGIN + timedelta(days=120))
    assert not changes_figures(Record("1", BEGIN, renewed, again))


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("terms", [MONTHLY, IN_PARTS])
def test_what_lapsed_right_after_a_late_payment_counts_from_its_next_payment(
    terms: PriceTerms,
) -> None:
    """The late payment was on the day of the next one, so that no day is missing."""
    began = bought("sub_1", terms, None, BEGIN)
    second = began.payment_at(began.period + 1)
    late = paid(began, second + timedelta(hours=2))
    lapsed = replace(late, open_invoice="x").declined(None, second + timedelta(hours=3)).unpaid()
    going_on = lapsed.at_its_next_date(second + timedelta(days=1))
    due_at = going_on.payment_at(going_on.period)
    renewed = paid(going_on, due_at)
    assert changes_figures(Record("1", due_at, going_on, renewed))


@pytest.mark.spec("M-10")
def test_a_payment_that_is_skipped_after_a_thaw_counts_what_had_lapsed_in_that_period() -> None:
    began = bought("sub_1", MONTHLY, None, BEGIN)
    # Thawed while unpaid, it is active, and its payment of the period awaits the merchant.
    thawed = replace(began, waiting_since=BEGIN + timedelta(days=60))
    skipped = replace(thawed, period=thawed.period + 1, waiting_since=None)
    assert changes_figures(Record("1", BEGIN, thawed, skipped))


@pytest.mark.spec("M-10")
def test_a_period_that_lapsed_is_paid_after_a_pause_and_counts_again() -> None:
    """The payment before was late, on the day of this one, so that no day is missing."""
    began = bought("sub_1", MONTHLY, None, BEGIN)
    second = began.payment_at(began.period + 1)
    late = paid(began, second + timedelta(hours=2))
    lapsed = replace(late, open_invoice="x").declined(None, second + timedelta(hours=3)).unpaid()
    paused = pause(lapsed, second + timedelta(hours=4))
    going_on = resume(paused, late.payment_at(late.period + 1))
    due_at = going_on.payment_at(going_on.period)
    assert changes_figures(Record("1", due_at, going_on, paid(going_on, due_at)))


@pytest.mark.spec("M-10", "A-5")
@pytest.mark.parametrize("terms", [MONTHLY, replace(MONTHLY, period=Period.YEARLY)])
def test_a_lapsed_freeze_counts_again_once_its_thaw_is_paid(
    world: Watched, terms: PriceTerms
) -> None:
    """A thaw into a year pays for that at once; one into the same month leaves a payment due."""
    kept = RetrySchedule(attempts=1, final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=replace(world.merchant.settings, retry_schedule=kept))
    world.buy(world.product(terms))
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    world.advance(to=world.subscription().payment_at(2) - timedelta(days=20))
    good = world.subscription().payment_method
    with_card(world, "pm_card_chargeCustomerFail:bad")
    world.advance(days=25)
    assert world.subscription().is_unpaid
    world.observe()
    assert world.mrr() == 0
    with_card(world, good)
    freeze.unfreeze(world.ports, world.subscription(), now=world.now)
    world.advance(minutes=10)
    assert world.subscription().state is State.ACTIVE
    world.observe()
    assert world.mrr() == monthly_minor(terms, None, 0)


def with_card(world: Watched, payment_method: str) -> None:
    """Gives the subscription a card that is not tried at once."""
    held = world.subscription()
    world.store.commit(Change(held, replace(held, payment_method=payment_method)))


def bytes_of(attribute: object) -> int:
    """The size of an item as DynamoDB counts it, roughly: names and values as text."""
    if isinstance(attribute, dict):
        return sum(len(name) + bytes_of(value) for name, value in attribute.items())
    if isinstance(attribute, list):
        return 3 + sum(1 + bytes_of(each) for each in attribute)
    return len(str(attribute))


@pytest.mark.spec("M-10")
def test_a_full_row_of_sums_is_one_write_unit() -> None:
    sold = {
        "payments": 99_999,
        "revenue": 9_999_999_999,
        "tax": 999_999_999,
        "refunds": 999_999_999,
        "refunded_tax": 99_999_999,
        "chargebacks": 99_999_999,
        "failed": 99_999,
        "cancel_requests": 9_999,
        "offers_shown_discount": 9_999,  # a product has one offer at a time
        "offers_taken_discount": 9_999,
    }
    row = FigureSums(
        "merchant-of-a-long-name",
        "2026-01-31",
        Currency.USD,
        3,
        False,
        "prod_1234567890abcdef",
        "US",
    ).plus(sold)
    for number in range(20):
        row = row.seeing(f"{SHARD}{number}", sequence("4" * 26))
    assert len(row.seen) == SEEN_MOST
    assert bytes_of(item_of(row, "op_1234567890abcdef")) < 1_024

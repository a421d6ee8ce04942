"""Trials, failed payments, cancellations and cohorts, each followed to its end (M-10)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billing.figures import cohort_tables
from billing.figures.cohorts import Series
from billing.figures.flows import rebuild
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.subscription import Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from sim import figure_cases, figures_oracle
from tests.figures.watched import Watched

MONTHLY = PriceTerms(PriceType.RECURRING, Money(2_999, Currency.USD), Period.MONTHLY)
TRIAL = Initial(0, Span(14, Unit.DAY))
MONTHS = [f"2026-{month:02d}" for month in range(1, 8)]
NO_MONEY = "pm_card_chargeDeclinedInsufficientFunds"
EXPIRED = "pm_card_chargeDeclinedExpiredCard"


@pytest.fixture
def world() -> Watched:
    return Watched()


def goes_bad(world: Watched, token: str, email: str = "ann@example.com") -> None:
    """The bank has changed its mind about the customer's card."""
    subscription, card = world.subscription(email), world.history(email).methods[0]
    other = replace(card, id=f"{token}:{email}", fingerprint=token)
    changed = replace(subscription, payment_method=other.id)
    world.store.commit(Insert(other), Change(subscription, changed))


def mends(world: Watched, email: str = "ann@example.com") -> None:
    subscription, methods = world.subscription(email), world.history(email).methods
    (card,) = (each for each in methods if not each.id.startswith("pm_card_charge"))
    world.store.commit(Change(subscription, replace(subscription, payment_method=card.id)))


def steps(world: Watched) -> list[tuple[str, str, int]]:
    return [(each.kind.value, each.label, each.minor) for each in world.case_steps()]


def rows(world: Watched, series: Series, product: str = "") -> list[Any]:
    return world.sums(series=series.value, product=product)


def agrees_with_the_oracle(world: Watched) -> None:
    """Holds what was booked against raw orders and writes."""
    histories = defaultdict(list)
    for record in world.records:
        if isinstance(record.after, Subscription):
            histories[record.after.customer].append((record.at, record.after, 0))
    zone = ZoneInfo(world.merchant.settings.time_zone)
    customers = [figures_oracle.expected(each, zone, {}) for each in histories.values()]
    products = [product.id for product in world.store.catalog("acme")[0]]
    series = figure_cases.series_of(world.ports, "acme", products)
    orders = {e.after.id: e.after for e in world.records if isinstance(e.after, Order)}
    figure_cases.cases_agree(
        *(world.records, list(orders.values()), world.invoices, "acme"),
        world._booked(test=True),
        series,
        customers,
        zone,
    )


def many_lives(world: Watched) -> None:
    """Lets customers try, pay, fail, be paid late, give up and leave, in all ways."""
    product, trial = world.product(), world.product(replace(MONTHLY, initial=TRIAL))
    for name in ("ann", "ben", "cem", "dee", "eve"):
        world.buy(product, email=f"{name}@example.com")
        world.buy(trial, email=f"{name}.tries@example.com")
        world.advance(days=2)
    goes_bad(world, NO_MONEY, "ann@example.com")
    goes_bad(world, NO_MONEY, "ben@example.com")
    goes_bad(world, EXPIRED, "ben.tries@example.com")
    world.cancel(When.NOW, email="cem.tries@example.com")
    world.cancel(When.PERIOD_END, email="dee.tries@example.com")
    world.cancel(When.PERIOD_END, email="cem@example.com")
    world.advance(days=20)
    mends(world, "ann@example.com")
    world.advance(days=40)
    world.cancel(When.PERIOD_END, email="dee@example.com")
    world.advance(days=60)


@pytest.mark.spec("M-10")
def test_a_trial_that_pays_is_converted_in_the_month_of_its_start(world: Watched) -> None:
    trial = world.product(replace(MONTHLY, initial=TRIAL))
    for name in ("ann", "ben", "cem"):
        world.buy(trial, email=f"{name}@example.com")
    world.cancel(When.NOW, email="ben@example.com")
    world.now += timedelta(days=2)
    world.buy(trial, email="dee@example.com")
    world.advance(days=13)
    world.observe()
    january, february, *_ = cohort_tables.trials(rows(world, Series.TRIALS), MONTHS)
    assert (january.begun, january.ended, january.paid) == (3, 3, 2)
    assert str(january.conversion) == "0.6667"
    assert (february.begun, february.running, february.conversion) == (1, 1, None)
    assert cohort_tables.trials(rows(world, Series.TRIALS, trial.id), MONTHS)[0] == january
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
def test_a_declined_payment_that_is_paid_later_is_recovered_by_its_attempt(
    world: Watched,
) -> None:
    world.buy()
    goes_bad(world, NO_MONEY)
    world.advance(days=29)
    world.observe()
    (february,) = cohort_tables.recovery(rows(world, Series.RECOVERY), ["2026-02"])
    assert (february.begun, february.begun_minor, february.open_count) == (1, 2_999, 1)
    mends(world)
    world.advance(days=10)
    world.observe()
    assert [kind for kind, *_ in steps(world)] == ["failure_begun", "failure_paid"]
    found = rows(world, Series.RECOVERY)
    (february,) = cohort_tables.recovery(found, ["2026-02"])
    assert (february.paid, february.paid_minor, february.open_count) == (1, 2_999, 0)
    (code,) = cohort_tables.recovery_by_code(found, ["2026-02"])
    assert (code.name, code.paid, str(code.share)) == ("insufficient_funds", 1, "1.0000")
    assert cohort_tables.paid_by_attempt(found, ["2026-02"]) == ((2, 1, 2_999),)
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("final", FinalAction)
def test_a_payment_whose_retries_are_over_is_lost_once(world: Watched, final: FinalAction) -> None:
    schedule = RetrySchedule(2, final_action=final)
    world.change_merchant(settings=Settings(retry_schedule=schedule))
    world.buy()
    goes_bad(world, NO_MONEY)
    world.advance(days=75)
    world.observe()
    kinds = [kind for kind, *_ in steps(world)]
    assert kinds[:2] == ["failure_begun", "failure_lost"]
    assert kinds.count("failure_begun") == 1
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
def test_whoever_cancels_while_a_payment_is_retried_is_shown_apart(world: Watched) -> None:
    world.buy()
    goes_bad(world, NO_MONEY)
    world.advance(days=29)
    world.cancel(When.NOW)
    world.tick()
    world.observe()
    assert [kind for kind, *_ in steps(world)] == [
        "failure_begun",
        "failure_cancelled",
        "cancelled",
    ]
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
def test_an_end_that_is_asked_for_taken_back_and_carried_out_counts_by_its_reason(
    world: Watched,
) -> None:
    world.buy()
    world.buy(email="ben@example.com")
    world.cancel(When.PERIOD_END, reason="too_expensive")
    world.cancel(When.NOW, email="ben@example.com", reason="too_expensive")
    world.advance(days=29)
    world.tick()
    world.observe()
    (reason,) = cohort_tables.reasons(rows(world, Series.REASONS), MONTHS)
    assert (reason.reason, reason.source) == ("too_expensive", "customer")
    assert (reason.asked, reason.undone, reason.ended, reason.at_once) == (1, 0, 2, 1)
    assert reason.ended_minor == 2 * 2_999
    months = cohort_tables.ends_by_month(rows(world, Series.REASONS), MONTHS[:2])
    assert months == (("2026-01", 1, 2_999), ("2026-02", 1, 2_999))
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
def test_cohorts_show_who_is_live_and_what_they_pay_months_later(world: Watched) -> None:
    for name in ("ann", "ben", "cem", "dee"):
        world.buy(email=f"{name}@example.com")
    world.advance(days=10)
    world.buy(email="eve@example.com")
    world.advance(days=30)
    world.cancel(When.NOW, email="ann@example.com")
    world.tick()
    world.advance(days=60)
    world.observe()
    january, february = cohort_tables.retention(
        rows(world, Series.RETENTION), MONTHS[:2], "2026-05"
    )
    assert (january.customers, january.minor) == (4, 4 * 2_999)
    assert january.live == (4, 4, 3, 3, 3)
    assert january.live_minor == (4 * 2_999, 4 * 2_999, 3 * 2_999, 3 * 2_999, 3 * 2_999)
    assert (february.live, str(january.share(2, of_revenue=False))) == ((1, 1, 1, 1), "0.7500")
    assert str(cohort_tables.kept([january, february], 2, of_revenue=True)) == "0.8000"
    agrees_with_the_oracle(world)


@pytest.mark.spec("M-10")
def test_many_lives_are_what_the_oracle_makes_of_raw_orders_in_any_batches(
    world: Watched,
) -> None:
    many_lives(world)
    for size in (3, 40):
        for start in range(0, len(world.records), size):
            world.observe(world.records[start : start + size])
    agrees_with_the_oracle(world)
    kinds = {each.kind.value for each in world.case_steps()}
    assert len(kinds) >= 7, kinds


@pytest.mark.spec("M-10")
def test_a_rebuild_gives_the_same_rows_of_series(world: Watched) -> None:
    many_lives(world)
    world.observe()
    products = [product.id for product in world.store.catalog("acme")[0]]
    was = {row.place: row for row in figure_cases.series_of(world.ports, "acme", products)}
    assert len(was) > 20
    for row in was.values():
        world.store.commit(Remove(row))
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    job = world.store.job("acme", rebuild.JOB)
    assert job is not None and job.state == "done", job
    again = figure_cases.series_of(world.ports, "acme", products)
    assert _amounts(again) == _amounts(list(was.values()))


def _amounts(found: list[Any]) -> set[Any]:
    return {replace(row, shard=0, seen=()) for row in found}


@pytest.mark.spec("M-10")
def test_what_began_before_cases_were_followed_is_in_none(world: Watched) -> None:
    trial = world.product(replace(MONTHLY, initial=TRIAL))
    world.buy(trial)
    world.buy(email="ben@example.com")
    world.observe()
    (book,) = world.store.figure_books(["acme"])
    assert book is not None and book.cases_since is not None
    for each in world.store.figures_of_customers("acme", limit=9):
        spans = replace(each.live, cohort=None), replace(each.test, cohort=None)
        world.store.commit(Change(each, replace(each, live=spans[0], test=spans[1], cases=())))
    for row in figure_cases.series_of(world.ports, "acme", [p.id for p in _catalog(world)]):
        world.store.commit(Remove(row))
    world.store.commit(Change(book, replace(book, cases_since=None)))
    world.now += timedelta(days=1)
    world.buy(email="cem@example.com")
    world.observe()
    world.advance(days=40)
    world.cancel(When.NOW, email="ben@example.com")
    world.tick()
    world.observe()
    (book,) = world.store.figure_books(["acme"])
    assert book is not None and book.cases_since is not None and book.cases_since > book.since
    assert rows(world, Series.TRIALS) == []
    (cohort,) = cohort_tables.retention(rows(world, Series.RETENTION), ["2026-02"], "2026-03")
    assert (cohort.customers, cohort.live) == (2, (2, 2))
    assert [kind for kind, *_ in steps(world) if kind != "trial_begun"] == ["cancelled"]


def _catalog(world: Watched) -> Any:
    return world.store.catalog("acme")[0]

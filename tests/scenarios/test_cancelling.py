"""Customers who leave: at once, at the end of the period, in the middle of a charge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.cancel.flows import cancel
from billing.cancel.flows.cancel import Result
from billing.kernel import customers
from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.errors import NotFound, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.world import MONTHLY, World


@pytest.fixture
def world() -> World:
    return World()


def has_access(world: World, email: str = "ann@example.com") -> bool:
    history = world.history(email)
    found = customers.access(history.entitlements, history.subscriptions, world.now)
    return any(access.active for access in found)


@pytest.mark.spec("P-16", "X-9")
def test_an_instant_cancellation_ends_access_inside_the_paid_period(world: World) -> None:
    world.buy()
    assert has_access(world)
    ending = world.cancel(When.NOW)
    assert (ending.result, ending.subscription.state) == (Result.ENDED, State.CANCELLED)
    assert not has_access(world)
    world.advance(days=90)
    assert len(world.charges()) == 1
    assert [o.kind for o in world.orders()] == [OrderKind.SALE, OrderKind.CANCELLATION]


@pytest.mark.spec("P-16", "X-2", "X-4")
def test_a_delayed_cancellation_keeps_access_to_the_end_and_then_ends_by_itself(
    world: World,
) -> None:
    world.buy()
    ending = world.cancel(reason="too_expensive", comment="Sorry")
    subscription = ending.subscription
    assert (ending.result, subscription.state) == (Result.PENDING, State.CANCEL_PENDING)
    assert subscription.ends_at == datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert subscription.next_charge_at is None
    world.advance(to=subscription.ends_at - timedelta(seconds=1))
    assert has_access(world)
    world.now = subscription.ends_at
    assert not has_access(world), "whether or not a sweep has come"
    world.advance(days=90)
    assert world.subscription().state is State.CANCELLED
    assert world.subscription().ends_at == subscription.ends_at
    request, done = world.orders()[1:]
    assert (request.kind, request.reason, request.source) == (
        OrderKind.CANCEL_REQUEST,
        "too_expensive",
        "customer",
    )
    assert done.kind is OrderKind.CANCELLATION
    assert len(world.charges()) == 1
    assert world.subjects()[1:] == [
        "[TEST] Your subscription to Course will end on February 28, 2026",
        "[TEST] Your subscription to Course has ended",
    ]


@pytest.mark.spec("X-5", "X-2")
def test_a_pending_cancellation_can_be_undone_and_the_schedule_stands(world: World) -> None:
    world.buy()
    world.cancel()
    world.advance(days=10)
    undone = cancel.undo(world.ports, world.subscription(), now=world.now)
    assert (undone.state, undone.ends_at) == (State.ACTIVE, None)
    assert [o.withdrawn for o in world.orders()] == [False, True]
    world.advance(days=30)
    assert [c["at"][:10] for c in world.charges()] == ["2026-01-31", "2026-02-28"]


@pytest.mark.spec("X-4", "X-5")
def test_what_has_ended_cannot_be_undone_even_before_the_sweep_has_come(world: World) -> None:
    world.buy()
    ends_at = world.cancel().subscription.ends_at
    assert ends_at is not None
    world.now = ends_at
    with pytest.raises(Refused, match="not_pending"):
        cancel.undo(world.ports, world.subscription(), now=world.now)
    with pytest.raises(Refused) as refused:
        world.cancel(When.NOW)
    assert refused.value.code == "already_cancelled"


@pytest.mark.spec("X-2")
def test_now_overrides_a_pending_request_and_asking_twice_changes_nothing(world: World) -> None:
    world.buy()
    world.advance(minutes=5)
    first = world.cancel()
    assert world.cancel().subscription == first.subscription
    world.advance(minutes=5)
    assert world.cancel(When.NOW).result is Result.ENDED
    kinds = [o.kind for o in world.orders()]
    assert kinds == [OrderKind.SALE, OrderKind.CANCEL_REQUEST, OrderKind.CANCELLATION]
    with pytest.raises(Refused):
        world.cancel(When.NOW)


@pytest.mark.spec("X-4")
def test_in_a_trial_the_period_is_the_initial_one(world: World) -> None:
    world.buy(world.product(replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))))
    ends_at = world.cancel().subscription.ends_at
    assert ends_at == datetime(2026, 2, 14, 15, tzinfo=UTC)
    world.advance(days=60)
    assert world.charges() == []
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("X-4")
def test_after_the_last_of_a_set_the_period_ends_with_the_next_cycle() -> None:
    world = World(datetime(2026, 1, 1, 15, tzinfo=UTC))
    price = Money(9900, Currency.USD)
    yearly = PriceTerms(PriceType.RECURRING_INSTALLMENT, price, Period.MONTHLY, 3, Cycle.YEARLY)
    world.buy(world.product(yearly))
    world.advance(days=70)
    assert len(world.charges()) == 3
    assert world.cancel().subscription.ends_at == datetime(2027, 1, 1, 15, tzinfo=UTC)


@pytest.mark.spec("X-4", "R-4")
def test_past_due_a_delayed_cancellation_ends_at_once_and_voids_what_is_open(
    world: World,
) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE
    assert world.cancel().result is Result.ENDED
    assert world.history().invoices[-1].state is InvoiceState.VOID
    world.advance(days=30)
    assert len(world.charges()) == 1, "cancelling stops retries"


@pytest.mark.spec("X-6")
@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("charged", [True, False])
def test_a_cancel_that_meets_a_charge_under_way_waits_for_what_the_gateway_says(
    world: World, when: When, charged: bool
) -> None:
    world.buy()
    world.now = world.subscription().due_at or world.now
    world.sweep()
    real_confirm = world.sandbox.confirm

    def confirm_and_die(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm("timeout_after" if charged else "timeout_before", 1)
        return real_confirm(*args, **kwargs)  # type: ignore[arg-type]

    world.sandbox.confirm = confirm_and_die  # type: ignore[method-assign,assignment]
    world.work()
    world.sandbox.confirm = real_confirm  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    assert world.cancel(when).result is Result.CHARGE_UNDER_WAY
    assert world.subscription().state is State.ACTIVE, "not shown before it is so"
    world.advance(days=400)
    assert world.subscription().state is State.CANCELLED
    assert len(world.charges()) == (2 if charged else 1)
    invoice = world.history().invoices[-1]
    assert invoice.state is (InvoiceState.PAID if charged else InvoiceState.VOID)


@pytest.mark.spec("X-9")
def test_the_same_access_bought_elsewhere_stays(world: World) -> None:
    world.buy()
    world.buy(confirm_repeat=True)
    first, second = world.history().subscriptions
    cancel.request(world.ports, first, when=When.NOW, source=Source.MERCHANT, now=world.now)
    assert has_access(world)
    cancel.request(world.ports, second, when=When.NOW, source=Source.MERCHANT, now=world.now)
    assert not has_access(world)


@pytest.mark.spec("X-7", "R-8")
@pytest.mark.parametrize("when", When)
def test_a_cancellation_that_meets_a_credit_mails_it(world: World, when: When) -> None:
    world.buy()
    read = world.subscription()
    credited = read.with_credit(500)
    world.store.commit(Change(read, credited))
    cancel.request(world.ports, read, when=when, source=Source.MERCHANT, now=world.now)
    (told,) = [
        fact
        for shard in range(world.ports.operation.shards)
        for fact in world.store.undelivered(shard, world.now, 100)
        if fact.kind in {EventKind.ENDED, EventKind.CANCEL_REQUESTED}
    ]
    assert told.was is not None
    assert told.was.credit_minor == credited.credit_minor == 500


def test_a_subscription_of_another_merchant_is_not_found(world: World) -> None:
    world.buy()
    with pytest.raises(NotFound):
        subscriptions.fresh(world.ports, "other", world.subscription().id)

"""A change that is declined, asks the bank, loses its answer, is killed, or meets a cancel."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.cancel.flows.cancel import Result as Ended
from billing.gateway_events.flows import buyer_return
from billing.kernel.catalog import Initial
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import Settings
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.retries import RetrySchedule
from billing.kernel.subscription import State
from billing.kernel.subscription import When as CancelWhen
from billing.kernel.values import replace
from billing.plans.flows.change_plan import Result
from tests.plans.changing import (
    books_balance,
    bought,
    change,
    charged,
    refused,
)
from tests.world import MONTHLY, World


@pytest.mark.spec("A-4")
def test_a_declined_change_leaves_everything_as_it_was(world: World) -> None:
    trial = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)))
    _, gold, _ = bought(world).price_points
    before = world.subscription()
    world.store.commit(*_other_card(world, "pm_card_chargeCustomerFail"))
    done = change(world, gold)
    assert (done.result, done.code) == (Result.DECLINED, "card_declined")
    after = world.subscription()
    assert replace(after, seq=1, payment_method=before.payment_method) == before
    assert world.history().invoices[-1].state is InvoiceState.UNCOLLECTIBLE
    assert world.orders()[-1].kind is OrderKind.FAILED
    world.tick()
    assert "didn't go through" in world.subjects()[-1]
    assert "Your plan hasn't changed" in str(world.mailer.sent[-1].get_body(("plain",)))
    world.store.commit(*_other_card(world, "pm_card_visa"))
    change(world, gold)
    assert charged(world)[1:] == [("2026-02-14", 1000)]
    assert trial.initial is not None


@pytest.mark.spec("A-4", "C-4")
@pytest.mark.parametrize("succeeds", [True, False])
def test_a_buyer_who_must_authenticate_decides(world: World, succeeds: bool) -> None:
    _, gold, _ = bought(world).price_points
    # A change of plan has one attempt, and an hour for it, whatever the retry schedule.
    world.change_merchant(settings=Settings(retry_schedule=RetrySchedule(attempts=1)))
    world.store.commit(*_other_card(world, "pm_card_authenticationRequired"))
    done = change(world, gold)
    assert done.result is Result.REQUIRES_ACTION
    assert done.url is not None
    assert done.url.startswith("https://pay.example.com/portal/acme/payments/")
    assert (world.subscription().state, world.subscription().price_point) != (None, gold)
    assert refused(world, world.subscription().price_point) == "invoice_open"
    world.advance(minutes=5)
    assert change(world, gold).url == done.url, "asked again, it goes on with the same"
    assert world.history().invoices[-1].attempt == 1
    assert OrderKind.FAILED not in {order.kind for order in world.orders()}
    waiting = world.history().invoices[-1]
    bank = buyer_return.with_buyer(world.ports, waiting, return_url=done.url, now=world.now)
    assert bank is not None
    assert bank.endswith(f"/sandbox/authenticate/{waiting.gateway_ref}")
    assert world.sandbox.authenticate(str(waiting.gateway_ref), succeeded=succeeds) == done.url
    world.advance(minutes=5)
    assert (world.subscription().price_point == gold) is succeeds
    assert world.subscription().open_invoice is None
    assert world.subscription().state is State.ACTIVE
    assert charged(world)[1:] == ([("2026-02-14", 1000)] if succeeds else [])
    world.store.commit(*_other_card(world, "pm_card_visa"))
    world.advance(days=20)
    assert charged(world)[-1] == ("2026-02-28", 4999 if succeeds else 2999)
    assert books_balance(world)


@pytest.mark.spec("A-4")
def test_a_buyer_who_never_authenticates_keeps_the_old_plan(world: World) -> None:
    _, gold, _ = bought(world).price_points
    world.store.commit(*_other_card(world, "pm_card_authenticationRequired"))
    assert change(world, gold).url is not None
    reference = str(world.history().invoices[-1].gateway_ref)
    world.advance(hours=2)
    assert world.subscription().price_point != gold
    assert world.history().invoices[-1].state is InvoiceState.VOID
    world.sandbox.authenticate(reference, succeeded=True)
    world.store.commit(*_other_card(world, "pm_card_visa"))
    world.advance(days=20)
    assert charged(world)[1:] == [("2026-02-28", 2999)], "withdrawn: its link charges nothing"


def _other_card(world: World, token: str) -> tuple[Any, ...]:
    from billing.kernel.writes import Change, Insert

    saved = world.sandbox._save_method(token, f"other-{len(world.history().methods)}", False)
    history = world.history()
    subscription, first = history.subscriptions[0], history.methods[0]
    return (
        Insert(replace(first, id=saved.token, fingerprint=saved.fingerprint)),  # type: ignore[union-attr]
        Change(subscription, replace(subscription, payment_method=saved.token)),  # type: ignore[union-attr]
    )


CALLS_OF_A_CHANGE = ("prepare", "confirm")


@pytest.mark.spec("A-4", "R-1", "R-6")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "unavailable"])
@pytest.mark.parametrize("call", CALLS_OF_A_CHANGE)
@pytest.mark.parametrize("again", [True, False])
def test_a_gateway_call_that_fails_is_finished_by_the_worker_once(
    world: World, fault: str, call: str, again: bool
) -> None:
    _, gold, _ = bought(world).price_points
    real = getattr(world.sandbox, call)

    def failing(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm(fault, 1)
        return real(*args, **kwargs)

    setattr(world.sandbox, call, failing)
    assert change(world, gold).result is Result.PROCESSING
    setattr(world.sandbox, call, real)
    if again:
        world.now += timedelta(minutes=1)
        assert change(world, gold).result is Result.CHANGED
    world.advance(minutes=20)
    assert world.subscription().price_point == gold
    assert world.subscription().due_at == world.subscription().period_at
    world.advance(days=20)
    assert charged(world)[1:] == [("2026-02-14", 1000), ("2026-02-28", 4999)]
    assert books_balance(world)


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.spec("A-4", "R-1")
@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("step", range(4))
def test_a_process_killed_at_any_write_leaves_what_the_worker_finishes_once(
    world: World, step: int, written: bool
) -> None:
    _, gold, _ = bought(world).price_points
    steps = Counter[str]()
    real_commit, real_each = world.store.commit, world.store.commit_each

    def dying(real: Any) -> Any:
        def commit(*args: Any) -> Any:
            steps["taken"] += 1
            if steps["taken"] - 1 != step:
                return real(*args)
            if written:
                real(*args)
            raise Killed

        return commit

    world.store.commit = dying(real_commit)  # type: ignore[method-assign]
    # Settling nothing is a write of nothing: only what is written counts.
    world.store.commit_each = _if_any(dying(real_each))  # type: ignore[method-assign]
    with pytest.raises(Killed):
        change(world, gold)
    world.store.commit, world.store.commit_each = real_commit, real_each  # type: ignore[method-assign]
    never_begun = step == 0 and not written
    world.advance(minutes=20)
    assert (world.subscription().price_point == gold) is not never_begun
    assert world.subscription().open_invoice is None
    world.advance(days=20)
    upgrade = [] if never_begun else [("2026-02-14", 1000)]
    assert charged(world)[1:] == [*upgrade, ("2026-02-28", 2999 if never_begun else 4999)]
    assert books_balance(world)


def _if_any(commit_each: Any) -> Any:
    return lambda transactions: commit_each(transactions) if transactions else []


@pytest.mark.spec("A-4")
def test_a_change_that_cannot_be_paid_for_within_the_hour_is_withdrawn(world: World) -> None:
    _, gold, _ = bought(world).price_points
    world.sandbox.faults.arm("timeout_before", 1)
    assert change(world, gold).result is Result.PROCESSING
    world.now += timedelta(hours=2)
    world.tick()
    assert world.history().invoices[-1].state is InvoiceState.VOID
    assert world.subscription().due_at == world.subscription().period_at
    world.advance(days=20)
    assert charged(world)[1:] == [("2026-02-28", 2999)]


@pytest.mark.spec("A-4", "X-6")
@pytest.mark.parametrize("when", list(CancelWhen))
@pytest.mark.parametrize("call", CALLS_OF_A_CHANGE)
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
def test_a_cancel_that_meets_a_change_has_one_order_of_events(
    world: World, when: CancelWhen, call: str, fault: str
) -> None:
    _, gold, _ = bought(world).price_points
    real = getattr(world.sandbox, call)

    def failing(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm(fault, 1)
        return real(*args, **kwargs)

    setattr(world.sandbox, call, failing)
    change(world, gold)
    setattr(world.sandbox, call, real)
    ending = world.cancel(when)
    under_way, paid = call == "confirm", call == "confirm" and fault == "timeout_after"
    now_and = Ended.ENDED if when is CancelWhen.NOW else Ended.PENDING
    assert ending.result is (Ended.CHARGE_UNDER_WAY if under_way else now_and)
    world.advance(minutes=20)
    after = world.subscription()
    pending = when is CancelWhen.PERIOD_END
    assert after.state is (State.CANCEL_PENDING if pending else State.CANCELLED)
    assert (after.open_invoice, after.price_point == gold) == (None, paid)
    assert world.history().invoices[-1].state is (InvoiceState.PAID if paid else InvoiceState.VOID)
    if pending:
        assert after.ends_at == datetime(2026, 2, 28, 15, tzinfo=UTC)
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    assert charged(world)[1:] == ([("2026-02-14", 1000)] if paid else [])
    assert books_balance(world)

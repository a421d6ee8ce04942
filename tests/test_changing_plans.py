"""Customers who move to another plan: up, down, later, and while something fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import customers, invoicing, ledger, protocol
from billing.catalog import Initial, PriceTerms, PriceType, Product
from billing.errors import Conflict, NotFound, Refused
from billing.flows import cancel, change_plan, forecast, pause, pay
from billing.flows.cancel import Result as Ended
from billing.flows.change_plan import Changed, Result
from billing.gateways import Capabilities
from billing.merchants import RetrySchedule, Settings
from billing.money import Currency, Money
from billing.orders import InvoiceState, OrderKind
from billing.periods import Period, Span, Unit
from billing.plan_change import Quote, When
from billing.subscription import State
from billing.subscription import When as CancelWhen
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
YEARLY = PriceTerms(PriceType.RECURRING, Money(19900, Currency.USD), Period.YEARLY)
HALF = datetime(2026, 2, 14, 15, tzinfo=UTC)
"""The middle of the first period, of 28 days."""


@pytest.fixture
def world() -> World:
    return World()


def bought(world: World, *terms: PriceTerms, **fields: Any) -> Product:
    """A product of these plans, the first of them bought; the clock at half of its period."""
    product = world.product(*(terms or (MONTHLY, GOLD, YEARLY)))
    world.buy(product, **fields)
    world.advance(to=HALF)
    return product


def ask(world: World, price_point: str, when: When = When.NOW) -> Quote:
    return change_plan.quote(
        world.ports, "acme", world.subscription().id, price_point, when, now=world.now
    )


def change(
    world: World, price_point: str, when: When = When.NOW, token: str | None = None
) -> Changed:
    world.now += timedelta(microseconds=1)  # No two facts of a kind have one instant.
    return change_plan.change(
        world.ports,
        "acme",
        world.subscription().id,
        price_point,
        when,
        token=token,
        now=world.now,
    )


def charged(world: World) -> list[tuple[str, int]]:
    return [
        (charge["at"][:10], charge["amount"]["amount"])
        for charge in world.charges()
        if charge["status"] == "succeeded"
    ]


def refused(world: World, price_point: str, when: When = When.NOW) -> str:
    """The code with which both the quote and the change are refused."""
    with pytest.raises(Refused) as quoting:
        ask(world, price_point, when)
    with pytest.raises(Refused) as changing:
        change(world, price_point, when)
    assert quoting.value.code == changing.value.code
    return changing.value.code


def books_balance(world: World) -> bool:
    """The ledger is balanced, and holds what the gateway took."""
    entries = world.history().ledger
    balance = ledger.trial_balance(entries)
    taken = sum(amount for _, amount in charged(world))
    received = balance.get(("assets:gateway:sandbox:sandbox", Currency.USD), 0)
    return sum(balance.values()) == 0 and received == taken


# ---- At once


@pytest.mark.spec("A-4", "P-19")
def test_an_upgrade_pays_the_difference_and_the_next_rebill_is_the_new_price_on_the_old_date(
    world: World,
) -> None:
    silver, gold, _ = bought(world).price_points
    quoted = ask(world, gold)
    assert [line.amount.amount_minor for line in quoted.lines] == [2500, -1500]
    done = change(world, gold, token=quoted.token)
    assert done.result is Result.CHANGED
    assert (done.subscription.price_point, done.subscription.state) == (gold, State.ACTIVE)
    assert done.subscription.next_charge_at == quoted.next_charge_at
    assert charged(world) == [("2026-01-31", 2999), ("2026-02-14", 1000)]
    world.advance(days=45)
    assert charged(world)[2:] == [("2026-02-28", 4999), ("2026-03-31", 4999)]
    assert world.subscription().payments_made == 3, "a change is no standard payment"
    assert [o.kind for o in world.orders()] == [OrderKind.SALE] + [OrderKind.REBILL] * 3
    assert world.orders()[1].price_point == gold
    assert books_balance(world)
    assert "[TEST] Receipt: $10.00 for your new plan, Course" in world.subjects()
    assert silver != gold


@pytest.mark.spec("A-4")
def test_monthly_to_yearly_starts_a_new_period_at_the_full_price_less_the_credit(
    world: World,
) -> None:
    _, _, yearly = bought(world).price_points
    quoted = ask(world, yearly)
    assert quoted.due_now.amount_minor == 19900 - 1500
    assert quoted.next_charge_at == datetime(2027, 2, 14, 15, tzinfo=UTC)
    change(world, yearly, token=quoted.token)
    world.advance(days=370)
    assert charged(world)[1:] == [("2026-02-14", 18400), ("2027-02-14", 19900)]
    assert books_balance(world)


@pytest.mark.spec("A-4", "P-18", "P-19")
def test_a_downgrade_leaves_credit_that_the_next_invoices_use_up(world: World) -> None:
    yearly, monthly = bought(world, YEARLY, MONTHLY).price_points
    quoted = ask(world, monthly)
    done = change(world, monthly, token=quoted.token)
    assert (done.result, quoted.due_now.amount_minor) == (Result.CHANGED, 0)
    unused = 19900 * 351 / 365  # 14 of 365 days are used
    credit = round(unused) - 2999
    assert done.subscription.credit_minor == credit
    assert done.subscription.next_charge_at == datetime(2026, 3, 14, 14, tzinfo=UTC)
    world.advance(days=190)
    assert len(world.charges()) == 2, "what is free is not sent to the gateway"
    (_, first), (_, rest) = charged(world)
    assert (first, rest) == (19900, 2999 - credit % 2999)
    totals = [invoice.total.amount_minor for invoice in world.history().invoices]
    assert totals == [19900, *[0] * (credit // 2999), rest]
    assert world.subscription().credit_minor == 0
    assert all(i.state is InvoiceState.PAID for i in world.history().invoices)
    assert books_balance(world)
    assert yearly != monthly


@pytest.mark.spec("P-18")
def test_too_little_to_charge_is_owed_with_the_next_invoice(world: World) -> None:
    world.sandbox.capabilities = Capabilities(minimum_minor=50, test=True)  # type: ignore[misc]
    dearer = replace(MONTHLY, price=Money(3009, Currency.USD))
    _, dear = bought(world, MONTHLY, dearer).price_points
    quoted = ask(world, dear)
    assert (quoted.due_now.amount_minor, quoted.next_charge.amount_minor) == (0, 3014)
    change(world, dear, token=quoted.token)
    assert world.subscription().credit_minor == -5
    world.advance(days=50)
    assert charged(world)[1:] == [("2026-02-28", 3014), ("2026-03-31", 3009)]
    assert books_balance(world)


@pytest.mark.spec("A-4")
def test_up_and_down_again_costs_nothing(world: World) -> None:
    silver, gold, _ = bought(world).price_points
    change(world, gold)
    change(world, silver)
    assert world.subscription().credit_minor == 1000
    change(world, gold)
    assert world.subscription().credit_minor == 0
    assert charged(world)[1:] == [("2026-02-14", 1000)]


@pytest.mark.spec("A-4")
def test_in_a_trial_the_change_is_free_and_the_trial_stays(world: World) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(1, Unit.MONTH)))
    _, yearly = bought(world, trial, YEARLY).price_points
    done = change(world, yearly, token=ask(world, yearly).token)
    assert (done.subscription.state, done.subscription.credit_minor) == (State.TRIALING, 0)
    world.advance(days=400)
    assert charged(world) == [("2026-02-28", 19900), ("2027-02-28", 19900)]
    assert "[TEST] Your plan is changed: Course" in world.subjects()


# ---- Later


@pytest.mark.spec("A-4", "P-19")
def test_at_the_next_rebill_the_new_terms_begin_with_its_invoice(world: World) -> None:
    silver, gold, yearly = bought(world).price_points
    change(world, gold, When.NEXT_REBILL)
    quoted = ask(world, yearly, When.NEXT_REBILL)
    done = change(world, yearly, When.NEXT_REBILL, quoted.token)
    assert (done.subscription.price_point, done.result) == (silver, Result.CHANGED)
    assert done.subscription.next_plan is not None
    assert done.subscription.next_plan.price_point == yearly, "the second replaces the first"
    again = change(world, yearly, When.NEXT_REBILL)
    assert again.subscription == done.subscription
    world.advance(days=15)
    assert world.subscription().due_at == datetime(2027, 2, 28, 15, tzinfo=UTC)
    world.advance(days=385)
    assert charged(world)[1:] == [
        ("2026-02-28", quoted.next_charge.amount_minor),
        ("2027-02-28", 19900),
    ]
    assert world.subscription().next_plan is None
    assert world.subjects().count("[TEST] Your next plan: Course") == 2


@pytest.mark.spec("A-4")
def test_what_was_asked_for_later_can_be_taken_back_or_overtaken(world: World) -> None:
    silver, gold, yearly = bought(world).price_points
    change(world, yearly, When.NEXT_REBILL)
    assert change(world, silver, When.NEXT_REBILL).subscription.next_plan is None
    assert refused(world, silver, When.NEXT_REBILL) == "same_plan"
    change(world, yearly, When.NEXT_REBILL)
    assert change(world, gold).subscription.next_plan is None
    world.advance(days=20)
    assert charged(world)[-1] == ("2026-02-28", 4999)


@pytest.mark.spec("A-4", "X-2")
def test_a_cancellation_forgets_the_plan_that_was_to_come(world: World) -> None:
    _, gold, _ = bought(world).price_points
    change(world, gold, When.NEXT_REBILL)
    assert world.cancel().subscription.next_plan is None
    assert refused(world, gold) == "cancelling"
    world.now += timedelta(minutes=1)
    cancel.undo(world.ports, "acme", world.subscription().id, now=world.now)
    world.advance(days=20)
    assert charged(world)[-1] == ("2026-02-28", 2999)


@pytest.mark.spec("A-4", "R-4")
def test_a_new_plan_whose_first_payment_is_declined_is_retried_as_any_other(world: World) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(1, Unit.MONTH)))
    _, gold = bought(world, trial, GOLD, payment_method="pm_card_chargeCustomerFail").price_points
    change(world, gold, When.NEXT_REBILL)
    world.advance(days=40)
    assert world.subscription().state is State.CANCELLED
    assert {charge["amount"]["amount"] for charge in world.charges()} == {4999}
    assert len(world.charges()) == 4


@pytest.mark.spec("A-4", "R-1")
@pytest.mark.parametrize("when", list(When))
def test_no_invoice_is_opened_at_the_terms_of_before_a_change(world: World, when: When) -> None:
    product = bought(world, GOLD, MONTHLY)
    stale = world.subscription()
    invoice = invoicing.following(
        stale,
        world.history().invoices[0].bill_to,
        order_id="late",
        download_key="key",
        now=world.now,
        minimum_minor=1,
    )
    change(world, product.price_points[1], when)
    with pytest.raises(Conflict):
        world.store.commit(*protocol.open_invoice(stale, invoice))


# ---- Another product


@pytest.mark.spec("A-4", "C-3")
@pytest.mark.parametrize("when", list(When))
def test_another_product_brings_its_access_and_takes_the_old(world: World, when: When) -> None:
    first = bought(world)
    other = world.product(GOLD, name="Club", grants=("club", "forum"))

    def access() -> set[str]:
        history = world.history()
        found = customers.access(history.entitlements, history.subscriptions, world.now)
        return {each.grant for each in found if each.active}

    assert access() == {"course"}
    change(world, other.default_price_point, when)
    if when is When.NEXT_REBILL:
        assert access() == {"course"}
        world.advance(days=15)
    assert access() == {"club", "forum"}
    assert (world.subscription().product, world.subscription().product_name) == (other.id, "Club")
    change(world, first.default_price_point, When.NOW)
    assert access() == {"course"}, "opened again"
    assert books_balance(world)


# ---- Refused


@pytest.mark.spec("A-4")
def test_installments_one_time_prices_and_other_currencies_are_not_changed_to(
    world: World,
) -> None:
    set_of_4 = PriceTerms(PriceType.INSTALLMENT, MONTHLY.price, Period.MONTHLY, 4)
    once = PriceTerms(PriceType.ONE_TIME, MONTHLY.price)
    euros = replace(MONTHLY, price=Money(2999, Currency.EUR))
    silver, fours, single, euro = bought(world, MONTHLY, set_of_4, once, euros).price_points
    assert refused(world, fours) == "not_changeable"
    assert refused(world, single, When.NEXT_REBILL) == "not_changeable"
    assert refused(world, euro) == "other_currency"
    assert refused(world, silver) == "same_plan"
    elsewhere = world.product(gateways=("stripe",))
    assert refused(world, elsewhere.default_price_point) == "other_gateway"
    for unknown in ("acme.nothing", "rival.price"):
        with pytest.raises(NotFound):
            ask(world, unknown)


@pytest.mark.spec("A-4")
def test_an_installment_plan_is_not_changed_from(world: World) -> None:
    set_of_4 = PriceTerms(PriceType.INSTALLMENT, MONTHLY.price, Period.MONTHLY, 4)
    _, monthly = bought(world, set_of_4, MONTHLY).price_points
    assert refused(world, monthly) == "not_changeable"


@pytest.mark.spec("A-4")
def test_a_price_point_that_is_not_for_sale_is_not_changed_to(world: World) -> None:
    from billing.flows import products

    product = bought(world)
    products.remove_price_point(world.ports, world.merchant, product.id, product.price_points[1])
    with pytest.raises(NotFound):
        change(world, product.price_points[1])


@pytest.mark.spec("A-4")
def test_what_is_paused_ended_or_due_is_not_changed(world: World) -> None:
    _, gold, _ = bought(world).price_points
    pause.pause(world.ports, "acme", world.subscription().id, now=world.now)
    assert refused(world, gold) == "not_active"
    pause.resume(world.ports, "acme", world.subscription().id, now=world.now)
    due_at = world.subscription().due_at
    assert due_at is not None
    world.now = due_at
    assert refused(world, gold) == "invoice_open", "due, whether or not a sweep has come"
    world.sandbox.faults.arm("unavailable", 1)
    world.tick()
    assert refused(world, gold, When.NEXT_REBILL) == "invoice_open"
    world.cancel(CancelWhen.NOW)
    assert refused(world, gold) == "not_active"


@pytest.mark.spec("A-4", "R-3", "W-5")
def test_nothing_is_charged_while_charging_is_stopped(world: World) -> None:
    _, gold, _ = bought(world).price_points
    world.change_merchant(stopped=True)
    with pytest.raises(Refused) as stopped:
        change(world, gold)
    assert stopped.value.code == "stopped"
    assert len(world.history().invoices) == 1


# ---- Quotes


@pytest.mark.spec("A-4", "P-19")
def test_a_quote_is_charged_as_it_was_shown_or_not_at_all(world: World) -> None:
    _, gold, yearly = bought(world).price_points
    quoted = ask(world, gold)
    world.now += timedelta(minutes=15)
    late = ask(world, gold)
    assert late.due_now.amount_minor <= quoted.due_now.amount_minor
    world.now += timedelta(seconds=1)
    for token, point in ((quoted.token, gold), (late.token, yearly), ("0.0", gold)):
        with pytest.raises(Refused) as changed:
            change(world, point, token=token)
        assert changed.value.code == "quote_changed"
    assert len(world.charges()) == 1
    change(world, gold, token=late.token)
    assert charged(world)[-1][1] == late.due_now.amount_minor
    with pytest.raises(Refused):
        change(world, yearly, token=ask(world, yearly).token[:-1] + "x")


@pytest.mark.spec("A-4")
def test_a_quote_does_not_outlive_what_it_rests_on(world: World) -> None:
    silver, gold, yearly = bought(world).price_points
    quoted = ask(world, yearly)
    change(world, gold)
    with pytest.raises(Refused) as changed:
        change(world, yearly, token=quoted.token)
    assert changed.value.code == "quote_changed"
    assert silver != yearly


# ---- Declined, and authentication


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
    assert "did not go through" in world.subjects()[-1]
    assert "Your plan stays as it was" in str(world.mailer.sent[-1].get_body(("plain",)))
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
    bank = pay.with_buyer(world.ports, waiting, return_url=done.url, now=world.now)
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
    from billing.transactions import Change, Insert

    saved = world.sandbox._save_method(token, f"other-{len(world.history().methods)}", False)
    history = world.history()
    subscription, first = history.subscriptions[0], history.methods[0]
    return (
        Insert(replace(first, id=saved.token, fingerprint=saved.fingerprint)),  # type: ignore[union-attr]
        Change(subscription, replace(subscription, payment_method=saved.token)),  # type: ignore[union-attr]
    )


# ---- Whatever fails


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
    """What ends a process."""


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


# ---- A cancel that meets it


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


# ---- Preview


@pytest.mark.spec("A-4", "R-10", "P-19")
def test_the_forecast_is_what_is_charged(world: World) -> None:
    yearly, monthly = bought(world, YEARLY, MONTHLY).price_points
    change(world, monthly)
    change(world, yearly, When.NEXT_REBILL)
    until = world.now + timedelta(days=800)
    foreseen = forecast.forecast(world.ports, world.merchant, until=until, now=world.now)
    world.advance(to=until)
    assert [(day.date.isoformat(), day.amount.amount_minor) for day in foreseen.days] == [
        (invoice.opened_at.date().isoformat(), invoice.total.amount_minor)
        for invoice in world.history().invoices[1:]
    ]


@pytest.mark.spec("A-4", "R-10")
def test_a_change_under_way_is_in_the_forecast(world: World) -> None:
    _, gold, _ = bought(world).price_points
    world.sandbox.faults.arm("timeout_before", 1)
    change(world, gold)
    until = world.now + timedelta(days=20)
    foreseen = forecast.forecast(world.ports, world.merchant, until=until, now=world.now)
    assert [day.amount.amount_minor for day in foreseen.days] == [1000, 4999]

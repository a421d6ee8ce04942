"""Another plan, now or with the next rebill: its cost, its access and its forecast (A-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.cancel.flows import cancel
from billing.kernel import customers, invoicing
from billing.kernel.catalog import Initial
from billing.kernel.errors import Conflict
from billing.kernel.gateways import Capabilities
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.taxes import BEFORE_TAX
from billing.kernel.values import replace
from billing.plans.flows.change_plan import Result
from billing.plans.plan_change import When
from billing.rebill import charge_steps
from billing.rebill.flows import forecast
from tests.plans.changing import (
    GOLD,
    YEARLY,
    ask,
    books_balance,
    bought,
    change,
    charged,
    refused,
)
from tests.world import MONTHLY, World


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
    assert "[TEST] Your new plan: Course" in world.subjects()


@pytest.mark.spec("A-4", "P-19")
def test_at_the_next_rebill_the_new_terms_begin_with_its_invoice(world: World) -> None:
    silver, gold, yearly = bought(world).price_points
    change(world, gold, When.NEXT_REBILL)
    world.work()
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


@pytest.mark.spec("A-4", "X-2", "X-5")
def test_a_plan_to_come_does_not_come_while_an_end_is_pending_and_does_once_that_is_undone(
    world: World,
) -> None:
    _, gold, _ = bought(world).price_points
    change(world, gold, When.NEXT_REBILL)
    assert world.cancel().subscription.plan_to_come is None
    assert refused(world, gold) == "cancelling"
    world.now += timedelta(minutes=1)
    cancel.undo(world.ports, world.subscription(), now=world.now)
    world.advance(days=20)
    assert charged(world)[-1] == ("2026-02-28", 4999)


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
        taxes=BEFORE_TAX,
    )
    change(world, product.price_points[1], when)
    with pytest.raises(Conflict):
        world.store.commit(*charge_steps.open_invoice(stale, invoice))


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

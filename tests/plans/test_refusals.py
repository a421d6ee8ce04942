"""Plans that cannot be changed to or from, and a quote that holds or is refused (A-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cancel.flows import pause
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import NotFound, Refused
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import When as CancelWhen
from billing.kernel.values import replace
from billing.plans.plan_change import When
from tests.plans.changing import (
    ask,
    bought,
    change,
    charged,
    refused,
)
from tests.world import MONTHLY, World


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
    from billing.catalog.flows import products

    product = bought(world)
    products.remove_price_point(world.ports, world.merchant, product.id, product.price_points[1])
    with pytest.raises(NotFound):
        change(world, product.price_points[1])


@pytest.mark.spec("A-4")
def test_what_is_paused_ended_or_due_is_not_changed(world: World) -> None:
    _, gold, _ = bought(world).price_points
    pause.pause(world.ports, world.subscription(), now=world.now)
    assert refused(world, gold) == "not_active"
    pause.resume(world.ports, world.subscription(), now=world.now)
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

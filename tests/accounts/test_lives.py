"""Ends, freezes and returns of an account, and their effect on its customers (A-3 .. A-7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.accounts.flows import account, account_life
from billing.cancel.flows import cancel, pause
from billing.coupons.coupons import Coupon, Duration
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.kernel import gateways
from billing.kernel.account_standings import Standing
from billing.kernel.catalog import Initial, Limit
from billing.kernel.charge_eligibility import Hold
from billing.kernel.customers import ERASED
from billing.kernel.errors import Invalid, NotFound, Refused, Unreachable
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import AccountPolicy
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.plans import plan_change
from billing.plans.flows import change_plan, freeze
from billing.privacy.flows import erase_merchant
from tests.accounts.platform import (
    DAY,
    PLAN,
    SELLER,
    Platform,
    leave,
    opened,
)
from tests.world import MONTHLY


@pytest.mark.spec("A-3", "R-3")
def test_with_the_account_its_customers_charges_stop_from_the_end_of_its_period(
    world: Platform,
) -> None:
    opened(world)
    leave(world)
    assert world.standing() is Standing.ACTIVE, "it is paid for"
    world.advance(to=datetime(2026, 2, 28, 15, 10, tzinfo=UTC))
    assert world.standing() is Standing.INACTIVE
    held = world.fan()
    assert (held.state, held.paused_by) == (State.PAUSED, Source.SYSTEM)
    assert world.charges_of() == 1
    told = [str(m["Subject"]) for m in world.mailer.sent if str(m["To"]) == "fan@example.com"]
    assert any("is paused" in subject for subject in told)
    world.advance(days=30)
    assert world.charges_of() == 1


@pytest.mark.spec("A-3")
def test_no_charge_slips_through_between_the_end_and_the_sweep(world: Platform) -> None:
    opened(world)
    leave(world)
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    world.sweep()
    tally = world.work()
    assert tally[f"held_{Hold.STOPPED}"] == 1, tally
    assert world.charges_of() == 1
    with pytest.raises(Refused) as refusal:
        world.buy(world.sells(), email="late@example.com")
    assert refusal.value.code == "stopped"


@pytest.mark.spec("A-7", "A-6")
def test_bought_again_with_the_same_email_on_day_89_everything_is_back(world: Platform) -> None:
    opened(world)
    leave(world)
    ended = datetime(2026, 2, 28, 15, tzinfo=UTC)
    world.advance(to=ended + 89 * DAY)
    support = account_life.restorable_standing(world.ports, "AnnsArt", SELLER, now=world.now)
    assert (support.state, support.until) == (Standing.INACTIVE, ended + 90 * DAY)
    world.buy(world.plan, email=SELLER)
    assert world.standing() is Standing.ACTIVE
    world.tick()
    assert world.seller().suspended_from is None
    assert world.fan().state is State.ACTIVE
    world.advance(days=1)
    assert world.charges_of() == 2, "the next payment at once: it is the new anchor"
    products, _ = world.store.catalog("annsart")
    assert products


@pytest.mark.spec("A-7", "A-6")
@pytest.mark.parametrize("swept", [True, False], ids=["erased by then", "before the sweep"])
def test_on_day_91_it_is_erased_and_the_same_email_makes_a_new_account(
    world: Platform, swept: bool
) -> None:
    opened(world)
    leave(world)
    later = datetime(2026, 2, 28, 15, tzinfo=UTC) + 91 * DAY
    if swept:
        world.advance(to=later + DAY)
        assert world.store.catalog("annsart") == ((), ())
    else:
        world.advance(to=later - 2 * DAY)
        world.now = later
    assert world.sign_in() is None
    world.sign_up("ann-again")
    world.buy(world.plan, email=SELLER)
    world.tick()
    assert world.standing() is Standing.ACTIVE
    held = account.by_email(world.ports, SELLER)
    assert held is not None and held.username == "ann-again"
    assert world.seller().suspended_from is not None
    with pytest.raises(Invalid):
        world.sign_up("annsart", "new@example.com")
    found = account_life.restorable_standing(world.ports, "annsart", SELLER, now=world.now)
    assert found.state is Standing.ERASED
    world.advance(days=3)
    assert world.sign_in() is not None, "the old one's end takes nothing from the new one"


@pytest.mark.spec("A-1", "A-7")
def test_a_plan_is_not_sold_to_an_account_that_it_would_not_open_any_more(world: Platform) -> None:
    opened(world)
    leave(world)
    later = datetime(2026, 2, 28, 15, tzinfo=UTC) + 91 * DAY
    world.advance(to=later - 2 * DAY)
    world.now = later  # before the sweep has come
    with pytest.raises(Invalid):
        world.buy(world.plan, email=SELLER, confirm_repeat=True)


@pytest.mark.spec("A-6")
def test_what_is_erased_and_what_stays(world: Platform) -> None:
    opened(world)
    customer = world.fan().customer
    leave(world)
    world.advance(days=28 + 92)
    history = world.store.history("annsart", customer)
    assert history.customer is not None and history.customer.name == "erased"
    assert "fan" not in repr((history.customer, history.methods, history.consents, history.orders))
    assert not history.methods
    assert all(consent.ip == ERASED for consent in history.consents), "the countries stay (C-7)"
    assert history.subscriptions[0].state is State.CANCELLED
    assert history.invoices[0].bill_to.email == "fan@example.com", "as the law asks"
    assert history.ledger
    assert world.store.customer_by_email("annsart", "fan@example.com") is None
    assert world.store.catalog("annsart") == ((), ())
    held = world.store.account("annsart")
    assert held is not None and (held.email, held.password_hash) == ("", None)


@pytest.mark.spec("A-7")
@pytest.mark.parametrize("day", [89, 91])
def test_a_different_email_makes_a_new_account_and_restores_nothing(
    world: Platform, day: int
) -> None:
    opened(world)
    leave(world)
    world.advance(to=datetime(2026, 2, 28, 15, tzinfo=UTC) + day * DAY)
    world.sign_up("ann-anew", "ann@elsewhere.example")
    world.buy(world.plan, email="ann@elsewhere.example")
    world.tick()
    assert world.standing("ann@elsewhere.example") is Standing.ACTIVE
    assert world.store.catalog("ann-anew") == ((), ())
    assert world.seller().suspended_from is not None
    with pytest.raises(NotFound):
        account_life.restorable_standing(
            world.ports, "annsart", "ann@elsewhere.example", now=world.now
        )


@pytest.mark.spec("A-5", "A-3")
@pytest.mark.parametrize("stops", [True, False])
def test_a_frozen_account_stops_its_customers_charges_by_setting_and_thaws(stops: bool) -> None:
    world = Platform(accounts=AccountPolicy(frozen_stops=stops))
    opened(world)
    freeze.freeze(world.ports, world.merchant, world.subscription(SELLER), now=world.now)
    world.tick()
    world.advance(to=datetime(2026, 3, 14, 14, tzinfo=UTC))
    assert world.standing() is Standing.FROZEN
    assert world.fan().state is (State.PAUSED if stops else State.ACTIVE)
    assert world.charges_of() == (1 if stops else 2)
    world.advance(days=200)
    assert world.standing() is Standing.FROZEN, "kept as long as the freeze is paid"
    freeze.unfreeze(world.ports, world.subscription(SELLER), now=world.now)
    assert world.standing() is Standing.ACTIVE
    world.now += timedelta(minutes=1)
    world.tick()
    world.advance(days=1)
    assert world.fan().state is State.ACTIVE


@pytest.mark.spec("A-3", "X-11")
def test_who_paused_by_themselves_stays_paused_when_the_account_is_back(world: Platform) -> None:
    opened(world)
    pause.pause(world.ports, world.fan(), now=world.now)
    world.advance(hours=1)
    leave(world, When.NOW)
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.standing() is Standing.INACTIVE
    world.buy(world.plan, email=SELLER, confirm_repeat=True)
    world.tick()
    assert world.standing() is Standing.ACTIVE
    assert world.fan().state is State.PAUSED


@pytest.mark.spec("A-3", "X-5")
def test_a_cancellation_that_is_undone_stops_nothing(world: Platform) -> None:
    opened(world)
    leave(world)
    assert world.seller().suspended_from == datetime(2026, 2, 28, 15, tzinfo=UTC)
    world.now += timedelta(minutes=1)
    cancel.undo(world.ports, world.subscription(SELLER), now=world.now)
    world.tick()
    assert world.seller().suspended_from is None
    world.advance(days=30)
    assert world.charges_of() == 2


@pytest.mark.spec("A-2")
def test_a_trial_of_an_account_opens_it(world: Platform) -> None:
    trial = replace(PLAN, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)
    world.sign_up()
    world.buy(world.product(trial, name="Pro", grants=("account",)), email=SELLER)
    assert world.standing() is Standing.ACTIVE
    leave(world)
    world.advance(days=15)
    assert world.standing() is Standing.INACTIVE
    assert [charge["amount"]["amount"] for charge in world.charges()] == [100]


@pytest.mark.spec("A-4")
@pytest.mark.parametrize("when", list(plan_change.When))
def test_a_plan_that_is_too_small_is_refused_to_whoever_asks_for_it(
    world: Platform, when: plan_change.When
) -> None:
    opened(world)
    world.sells()
    limits = (Limit("products", 1), Limit("subscriptions", 5))
    small = world.product(PLAN, name="Small", grants=("account",), limits=limits)
    paid = world.subscription(SELLER)
    point = small.default_price_point
    for ask in (change_plan.quote, change_plan.change):
        with pytest.raises(Refused) as refused:
            ask(world.ports, paid, point, when, now=world.now)
        assert refused.value.code == "usage_over_limit"
        assert refused.value.parameters == {"usage": "2 products of 1"}
    assert world.subscription(SELLER) == paid
    products, _ = world.store.catalog("annsart")
    world.store.commit(Remove(products[0]))
    change_plan.change(world.ports, world.subscription(SELLER), point, when, now=world.now)
    after = world.subscription(SELLER)
    assert point in {after.price_point, after.next_plan and after.next_plan.price_point}


@pytest.mark.spec("A-4")
def test_limits_count_what_an_account_uses_and_nobody_elses(world: Platform) -> None:
    opened(world)
    small = world.product(PLAN, name="Small", limits=(Limit("products", 0),))
    world.buy(world.product(MONTHLY, name="Course"), email="fan@example.com")
    point = small.default_price_point
    when = plan_change.When.NEXT_REBILL
    change_plan.change(
        world.ports, world.subscription("fan@example.com"), point, when, now=world.now
    )
    assert world.subscription("fan@example.com").next_plan is not None


def goes_bad(world: Platform, token: str) -> None:
    """The bank has changed its mind about a fan's card."""
    found = world.fan()
    card = world.store.history("annsart", found.customer).methods[0]
    other = replace(card, id=f"{token}:1", fingerprint=token)
    world.store.commit(Insert(other), Change(found, replace(found, payment_method=other.id)))


def to_fan(world: Platform) -> list[str]:
    return [str(m["Subject"]) for m in world.mailer.sent if str(m["To"]) == "fan@example.com"]


def past_due(world: Platform) -> None:
    """An account whose plan ends on February 28, and whose fan's weekly payment was declined on the
    21st."""
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    weekly = replace(PLAN, period=Period.WEEKLY)
    world.buy(world.sells(terms=weekly), email="fan@example.com")
    world.advance(to=datetime(2026, 2, 20, 15, tzinfo=UTC))
    goes_bad(world, "pm_card_chargeDeclined")


@pytest.mark.spec("A-3", "A-5", "R-4")
@pytest.mark.parametrize("how", ["frozen", "cancelled"])
def test_what_is_past_due_is_told_too_and_charged_no_more_until_the_account_is_back(
    world: Platform, how: str
) -> None:
    past_due(world)
    if how == "frozen":
        freeze.freeze(world.ports, world.merchant, world.subscription(SELLER), now=world.now)
        world.tick()
    else:
        leave(world)
    world.advance(to=datetime(2026, 2, 28, 14, 30, tzinfo=UTC))
    before = world.fan()
    assert before.state is State.PAST_DUE and before.open_invoice is not None
    world.advance(to=datetime(2026, 2, 28, 15, 30, tzinfo=UTC))
    held = world.fan()
    assert (held.state, held.paused_by) == (State.PAUSED, Source.SYSTEM)
    assert held.open_invoice == before.open_invoice, "its place in the retry cycle is kept"
    told = to_fan(world)
    assert sum("is paused" in subject for subject in told) == 1
    charged = world.charges_of()
    world.advance(days=20)
    assert world.charges_of() == charged and to_fan(world) == told, "no retries, no more mails"
    goes_bad(world, "pm_card_visa")
    if how == "frozen":
        freeze.unfreeze(world.ports, world.subscription(SELLER), now=world.now)
    else:
        world.buy(world.plan, email=SELLER)
    world.now += timedelta(minutes=1)
    world.tick()
    world.advance(hours=2)
    assert world.fan().state is State.ACTIVE
    assert world.charges_of() == charged + 1, "what was owed, once"


@pytest.mark.spec("A-3", "C-4")
def test_a_payment_that_waits_for_its_bank_is_withdrawn_with_the_account(world: Platform) -> None:
    past_due(world)
    goes_bad(world, "pm_card_authenticationRequired")
    world.advance(to=datetime(2026, 2, 21, 16, tzinfo=UTC))
    waits = world.fan()
    assert waits.open_invoice is not None
    asked = world.store.invoice("annsart", waits.customer, waits.open_invoice)
    assert asked is not None and asked.state is InvoiceState.ACTION_REQUIRED
    leave(world, When.NOW)
    world.advance(hours=1)
    held = world.fan()
    assert (held.state, held.paused_by, held.open_invoice) == (State.PAUSED, Source.SYSTEM, None)
    void = world.store.invoice("annsart", held.customer, asked.id)
    assert void is not None and void.state is InvoiceState.VOID
    assert sum("is paused" in subject for subject in to_fan(world)) == 1


class Silent(SandboxGateway):
    """A sandbox that takes no confirmations and shows no payments for a while."""

    silent = False

    def confirm(self, *args: Any, **kwargs: Any) -> gateways.Outcome:
        if self.silent:
            raise Unreachable("It does not answer.")
        return super().confirm(*args, **kwargs)

    def lookup(self, *args: Any, **kwargs: Any) -> gateways.PaymentStatus:
        if self.silent:
            raise Unreachable("It does not answer.")
        return super().lookup(*args, **kwargs)


@pytest.mark.spec("A-3", "R-6")
def test_a_charge_under_way_when_the_account_ends_is_waited_for(world: Platform) -> None:
    gateway = Silent(MemoryLedger(), lambda: world.now, draw=lambda: "secret" * 8)
    world.sandbox, world.ports = gateway, replace(world.ports, gateway=lambda ref: gateway)
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    world.buy(world.sells(terms=replace(PLAN, period=Period.WEEKLY)), email="fan@example.com")
    world.advance(to=datetime(2026, 2, 7, 14, 59, tzinfo=UTC))
    gateway.silent = True
    world.now += timedelta(minutes=1)
    world.tick()
    invoice = world.fan().open_invoice
    assert invoice is not None
    world.cancel(When.NOW, SELLER)
    world.now += timedelta(minutes=1)
    world.tick()
    assert (world.fan().state, world.fan().open_invoice) == (State.ACTIVE, invoice), "unknown"
    gateway.silent = False
    world.advance(hours=1)
    held = world.fan()
    assert (held.state, held.paused_by, held.open_invoice) == (State.PAUSED, Source.SYSTEM, None)
    assert sum("is paused" in subject for subject in to_fan(world)) == 1
    charged = world.charges_of()
    world.advance(days=40)
    assert world.charges_of() == charged


@pytest.mark.spec("A-6", "C-8")
def test_coupons_are_erased_with_the_shop(world: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_merchant, "COUPONS_AT_ONCE", 2)
    opened(world)
    for number in range(5):
        world.store.commit(
            Insert(Coupon("annsart", f"CODE{number}", world.now, Duration.ONCE, basis_points=100))
        )
    leave(world)
    world.advance(days=28 + 92)
    assert world.store.coupons("annsart", limit=10) == []

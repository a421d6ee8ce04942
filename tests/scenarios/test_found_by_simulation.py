"""Defects that the simulator found, each as the shortest story that shows it (sim/README.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cancel import cancellation, pausing
from billing.cancel.flows import cancel
from billing.cancel.flows.cancel import Result
from billing.gateway_events.flows import webhook
from billing.kernel import charge_eligibility, invoicing
from billing.kernel.catalog import Initial
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Refused, Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef, DisputeStanding, Succeeded
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.storage import Due
from billing.kernel.subscription import CancelRequest, Source, State, When
from billing.kernel.taxes import BEFORE_TAX
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.notices.flows import remind
from billing.plans.flows import change_plan
from billing.plans.plan_change import When as PlanWhen
from billing.rebill import charge_steps
from billing.rebill.flows import charge, pay_now
from billing.refunds.flows import refund
from tests.rebill.opened import as_the_release_before
from tests.world import MONTHLY, World

TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))


GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))


@pytest.fixture
def world() -> World:
    return World()


def pays_with(world: World, token: str) -> None:
    """The subscription is to be charged by another card from now on."""
    subscription, method = world.subscription(), world.history().methods[0]
    card = replace(method, id=f"{token}:saved", fingerprint=token)
    changed = replace(subscription, payment_method=card.id)
    world.store.commit(Insert(card), Change(subscription, changed))


@pytest.mark.spec("R-3", "R-4")
def test_a_link_to_authenticate_does_not_charge_what_was_given_up(world: World) -> None:
    world.buy(world.product(TRIAL), payment_method="pm_card_authenticationRequired")
    world.advance(days=40)
    assert world.subscription().state is State.CANCELLED
    invoice = world.history().invoices[-1]
    assert invoice.state is InvoiceState.UNCOLLECTIBLE
    world.sandbox.authenticate(invoice.gateway_ref or "", succeeded=True)
    assert [c for c in world.charges() if c["status"] == "succeeded"] == []


@pytest.mark.spec("R-4")
def test_a_buyer_who_authenticates_at_the_last_moment_has_paid(world: World) -> None:
    world.buy(world.product(TRIAL), payment_method="pm_card_authenticationRequired")
    world.advance(days=25)
    invoice = world.history().invoices[-1]
    assert (invoice.state, invoice.attempt) == (InvoiceState.ACTION_REQUIRED, 4)
    world.sandbox.authenticate(invoice.gateway_ref or "", succeeded=True)
    world.advance(days=5)
    assert world.subscription().state is State.ACTIVE
    assert world.subscription().payments_made == 1


@pytest.mark.spec("X-4", "X-6")
def test_a_cancel_at_the_periods_end_that_meets_an_opened_invoice_voids_it(world: World) -> None:
    world.buy()
    due_at = world.subscription().due_at
    assert due_at is not None
    world.now = due_at
    as_the_release_before(world)
    assert world.history().invoices[-1].state is InvoiceState.PENDING
    # The clock of whoever cancels is a little behind the worker's.
    world.now = due_at - timedelta(seconds=2)
    assert world.cancel(When.PERIOD_END).result is Result.ENDED
    assert world.history().invoices[-1].state is InvoiceState.VOID
    world.advance(days=90)
    assert len(world.charges()) == 1


@pytest.mark.spec("R-4")
def test_a_single_attempt_that_is_kept_past_due_is_past_due(world: World) -> None:
    schedule = RetrySchedule(attempts=1, final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=replace(world.merchant.settings, retry_schedule=schedule))
    world.buy(world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE


@pytest.mark.spec("X-6")
def test_a_cancel_that_reads_across_a_settle_decides_anew(world: World) -> None:
    world.buy()
    subscription = world.subscription()
    world.now = subscription.due_at or world.now
    world.sweep()
    real_invoice = world.store.invoice

    def settled_meanwhile(*key: str) -> object:
        world.work()
        return real_invoice(*key)

    opened = world.subscription()
    assert opened.open_invoice is None
    world.store.invoice = settled_meanwhile  # type: ignore[method-assign]
    ending = cancel.request(
        world.ports,
        opened.opened(f"{opened.id}.0002"),  # as it was read while its charge was open
        when=When.NOW,
        source=Source.CUSTOMER,
        now=world.now,
    )
    assert ending.subscription.state is State.CANCELLED
    assert len(world.charges()) == 2


@pytest.mark.spec("R-3", "W-5", "C-4")
def test_an_attempt_begun_before_its_merchant_was_stopped_is_not_charged_after(
    world: World,
) -> None:
    product, form = world.product(), world.submission()
    real_commit, commits = world.store.commit, []

    def dies_at_the_point_of_no_return(*writes: object) -> None:
        commits.append(writes)
        if len(commits) == 4:
            raise KeyboardInterrupt
        real_commit(*writes)  # type: ignore[arg-type]

    world.store.commit = dies_at_the_point_of_no_return  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        world.submit(product.default_price_point, form)
    world.store.commit = real_commit  # type: ignore[method-assign]
    left = world.store.checkout("acme", form.attempt_key)
    assert left is not None
    assert left.invoice.state is InvoiceState.READY
    world.change_merchant(stopped=True)
    with pytest.raises(Refused) as refused:
        world.submit(product.default_price_point, form)
    assert refused.value.code == "stopped"
    assert world.charges() == []


@pytest.mark.spec("R-2")
def test_a_message_that_names_a_later_alarm_charges_nothing_before_it(world: World) -> None:
    world.buy()
    subscription = world.subscription()
    due_at = subscription.due_at
    assert due_at is not None
    forged = Due(DueKind.BILL, due_at, ("acme", subscription.customer, subscription.id))
    tally = charge.charge(world.ports, [forged], now=world.now)
    assert tally["postponed"] == 1
    assert len(world.charges()) == 1
    world.advance(days=30)
    assert len(world.charges()) == 2


@pytest.mark.spec("W-4", "R-3")
def test_what_is_under_way_is_not_confirmed_again_while_a_dispute_is_open(world: World) -> None:
    world.buy()
    world.now = world.subscription().due_at or world.now
    real_confirm = world.sandbox.confirm

    def never_arrives(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm("timeout_before", 1)
        return real_confirm(*args, **kwargs)  # type: ignore[arg-type]

    world.sandbox.confirm = never_arrives  # type: ignore[method-assign,assignment]
    world.tick()
    world.sandbox.confirm = real_confirm  # type: ignore[method-assign]
    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, dispute="open")))
    world.advance(days=2)
    assert len(world.charges()) == 1


@pytest.mark.spec("X-5")
def test_what_was_asked_for_a_moment_ago_can_be_undone_though_no_index_knows_it(
    world: World,
) -> None:
    world.buy()
    world.cancel(When.PERIOD_END)
    world.store.order_by_id = lambda *_: None  # type: ignore[method-assign]
    undone = cancel.undo(world.ports, world.subscription(), now=world.now)
    assert undone.state is State.ACTIVE


@pytest.mark.spec("X-6", "R-4")
def test_a_link_that_still_charges_is_withdrawn_by_a_cancel_between_two_attempts(
    world: World,
) -> None:
    world.buy(world.product(TRIAL), payment_method="pm_card_authenticationRequired")
    world.advance(days=15)
    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, held_for="tic_1")))
    world.advance(days=5)
    invoice = world.history().invoices[-1]
    assert invoice.attempt == 1, "what is held is not attempted"
    world.cancel(When.NOW)
    world.sandbox.authenticate(invoice.gateway_ref or "", succeeded=True)
    world.advance(days=5)
    assert world.subscription().state is State.CANCELLED
    assert world.charges() == []


@pytest.mark.spec("A-4", "R-8")
def test_whoever_must_authenticate_a_change_of_plan_is_mailed_once(world: World) -> None:
    product = world.product(MONTHLY, GOLD)
    world.buy(product)
    world.advance(days=10)
    pays_with(world, "pm_card_authenticationRequired")
    gold = product.price_points[1]
    change_plan.change(world.ports, world.subscription(), gold, PlanWhen.NOW, now=world.now)
    invoice = world.history().invoices[-1]
    assert invoice.state is InvoiceState.ACTION_REQUIRED
    before = len(world.mailer.sent)
    world.tick()
    assert len(world.mailer.sent) == before + 1
    world.advance(minutes=30)
    assert len(world.mailer.sent) == before + 1, "the worker looked again, and told nobody"


def deliver(world: World) -> None:
    """Delivers every event of the gateway."""
    account = AccountRef("acme", SANDBOX, SANDBOX)
    for event in world.sandbox.events_since(world.now - timedelta(days=400)):
        webhook.take(world.ports, world.merchant, account, event, now=world.now)


def disputed_while_charged(world: World, *, arrives: bool) -> tuple[str, str]:
    """The first payment is disputed while the second is being made, and nobody heard of that one;
    the reference of the first, and its dispute."""
    (first,) = (str(i.gateway_ref) for i in world.history().invoices if i.gateway_ref)
    world.now = world.subscription().due_at or world.now
    confirm = world.sandbox.confirm

    def unheard(*args: object, **kwargs: object) -> object:
        if arrives:
            confirm(*args, **kwargs)  # type: ignore[arg-type]
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign,assignment]
    world.tick()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    dispute = world.sandbox.open_dispute(first)
    deliver(world)
    return first, dispute


@pytest.mark.spec("W-4", "R-1")
@pytest.mark.parametrize("arrives", [True, False])
def test_what_a_bank_disputes_is_not_leased_over_and_over(world: World, *, arrives: bool) -> None:
    world.buy()
    first, dispute = disputed_while_charged(world, arrives=arrives)
    world.advance(hours=1)
    held = world.subscription()
    assert (held.dispute, held.payments_made) == ("open", 2 if arrives else 1)
    assert world.history().invoices[-1].state is not InvoiceState.CONFIRMING
    assert world.advance(days=75)["enqueued"] <= 1
    assert world.subscription().due_at is None
    world.sandbox.close_dispute(first, dispute, DisputeStanding.WON)
    deliver(world)
    world.advance(days=31)
    assert world.subscription().payments_made == held.payments_made + 1


@pytest.mark.spec("W-4", "R-5")
def test_a_link_to_authenticate_is_withdrawn_when_its_time_is_over_in_a_dispute(
    world: World,
) -> None:
    world.buy()
    pays_with(world, "pm_card_authenticationRequired")
    world.advance(to=world.subscription().due_at)
    waits = world.history().invoices[-1]
    assert waits.state is InvoiceState.ACTION_REQUIRED
    world.sandbox.open_dispute(str(world.history().invoices[0].gateway_ref))
    deliver(world)
    world.advance(days=4)
    assert world.history().invoices[-1].state is InvoiceState.VOID
    world.sandbox.authenticate(waits.gateway_ref or "", succeeded=True)
    assert world.advance(days=20)["enqueued"] <= 20
    assert len(world.charges()) == 1
    assert world.subscription().gives_access(world.now), "a dispute alone closes nothing"


@pytest.mark.spec("R-8")
def test_no_reminder_is_sent_of_what_has_ended_meanwhile(world: World) -> None:
    world.buy()
    world.tick()
    world.now += timedelta(days=22)
    assert sum(remind.sweep(world.ports, now=world.now).values()) > 0
    world.cancel(When.NOW)
    before = len(world.mailer.sent)
    world.work()
    assert len(world.mailer.sent) == before + 1, "that it has ended"


@pytest.mark.spec("X-6", "R-4")
@pytest.mark.parametrize("ending", ["cancel", "pause"])
def test_who_pays_what_is_past_due_while_somebody_ends_it_leaves_no_alarm_behind(
    world: World, ending: str
) -> None:
    schedule = RetrySchedule(attempts=1, final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=replace(world.merchant.settings, retry_schedule=schedule))
    world.buy(world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=15)
    read = world.subscription()
    assert (read.state, read.due_at) == (State.PAST_DUE, None)
    pay_now.now_due(world.ports, read, now=world.now)
    if ending == "cancel":
        request = CancelRequest(When.NOW, Source.CUSTOMER, world.now, "ORDER")
        late = cancellation.end_now(read, None, request, "ann@example.com", 0)
    else:
        late = (Change(read, pausing.pause(read, world.now), expecting=charge_eligibility.RESTS),)
    with pytest.raises(Conflict):
        world.store.commit(*late)


@pytest.mark.spec("A-4", "B-7", "R-1")
def test_a_renewal_does_not_settle_over_a_refund_that_came_meanwhile(world: World) -> None:
    world.buy()
    paid = world.history().invoices[0]
    world.change_merchant(stopped=True)
    world.advance(days=29)
    world.change_merchant(stopped=False)
    read = world.subscription()
    opened = invoicing.following(
        read,
        paid.bill_to,
        order_id="o",
        download_key="k",
        now=world.now,
        minimum_minor=1,
        taxes=BEFORE_TAX,
    )
    world.store.commit(Change(read, read.opened(opened.id)), Insert(opened))
    read = world.subscription()
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.order_id),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )
    with pytest.raises(Conflict):
        world.store.commit(*charge_steps.settle_paid(read, opened, Succeeded("ch"), world.now, 0))

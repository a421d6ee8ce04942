"""Renewals of cards by their banks: details are taken over, and past-due payments are paid
(W-7).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from billing.cards.flows import cards
from billing.gateway_events.flows import lost_events
from billing.invoices.flows import documents
from billing.kernel.catalog import Initial
from billing.kernel.customers import FormerCard, PaymentMethod
from billing.kernel.errors import Conflict, Refused, Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import GatewayAccount
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.privacy.flows import erase
from billing.rebill.flows import pay_now
from tests.cards.renewing import ACME, buy, card, card_events, renew, take, taken
from tests.coupons.couponing import coupon
from tests.portal.visitors import Shop
from tests.world import MONTHLY, World

TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))

pytestmark = pytest.mark.spec("W-7")


@pytest.fixture
def world() -> World:
    return World(limits=False)


def past_due(world: World) -> PaymentMethod:
    """A free trial whose first payment was declined yesterday."""
    world.buy(world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE
    return card(world)


def test_a_renewed_card_shows_its_new_digits_and_is_charged_as_before(world: World) -> None:
    before = buy(world)
    renew(world, before, "1881", "2039-03")
    assert taken(world) == "card_updated"
    after = card(world)
    assert (after.id, after.brand, after.last4, after.expires_on, after.fingerprint) == (
        *(before.id, "visa", "1881", "2039-03", "fp_1881"),
    )
    assert after.formerly == (FormerCard("visa", "4242", world.now),)
    world.advance(days=31)
    assert [c["status"] for c in world.charges()] == ["succeeded"] * 2
    assert world.subscription().payments_made == 2


@pytest.mark.spec("R-4", "B-10")
def test_what_is_past_due_on_it_is_tried_at_once_and_outside_the_count(world: World) -> None:
    before = past_due(world)
    next_try, tried = world.subscription().retry_at, len(world.charges())
    renew(world, before)
    assert taken(world) == "card_updated"
    world.tick()
    assert len(world.charges()) == tried + 1, "at once"
    (invoice,) = (i for i in world.history().invoices if i.state is InvoiceState.RETRY)
    assert (invoice.attempt, invoice.uncounted) == (2, 1)
    assert world.subscription().retry_at == next_try, "the retry cycle goes on as it stood"


@pytest.mark.spec("R-4")
def test_what_a_hard_decline_left_waiting_for_a_new_card_is_tried_at_once(world: World) -> None:
    world.buy(world.product(TRIAL))
    before = card(world)
    hard = replace(before, id="pm_card_chargeDeclinedExpiredCard:1", fingerprint="fp_0069")
    bought = world.subscription()
    world.store.commit(Insert(hard), Change(bought, replace(bought, payment_method=hard.id)))
    world.advance(days=15)
    declined = world.subscription()
    assert (declined.state, declined.retry_at) == (State.PAST_DUE, None)
    renew(world, hard)
    assert taken(world) == "card_updated"
    tried = len(world.charges())
    world.tick()
    assert len(world.charges()) == tried + 1


def test_other_cards_and_what_they_pay_for_stay_as_they_are(world: World) -> None:
    before = past_due(world)
    customer = before.customer
    cards.add(
        *(world.ports, "acme", customer),
        account=ACME,
        token="pm_card_mastercard",
        attempt_key="k1",
        covered=(),
        default=False,
        now=world.now,
    )
    _, other = world.history().methods
    subscription = world.subscription()
    renew(world, other)
    assert taken(world) == "card_updated"
    assert world.subscription() == subscription, "it is not charged to that one"
    assert world.history().methods[0] == before


def test_the_same_event_again_late_or_out_of_order_changes_nothing(world: World) -> None:
    before = past_due(world)
    for last4, date in (("1881", "2039-03"), ("0005", "2041-01")):
        renew(world, before, last4, date)
    first, second = card_events(world)
    assert take(world, second) == "card_updated"
    after, subscription = card(world), world.subscription()
    assert after.last4 == "0005"
    for event in (first, second, first):
        assert take(world, event) == "nothing_new"
    assert card(world) == after and world.subscription() == subscription
    world.tick()
    tried = len(world.charges())
    for event in (second, first):
        assert take(world, event) == "nothing_new"
    world.tick()
    assert len(world.charges()) == tried, "one renewal is one retry"


@given(st.lists(st.integers(0, 2), min_size=1, max_size=8))
def test_whatever_order_events_come_in_the_end_is_what_the_bank_did_last(order: list[int]) -> None:
    world = World(limits=False)
    before = buy(world)
    for last4 in ("1881", "1881", "0005"):
        renew(world, before, last4)
    for place in order:
        take(world, card_events(world)[place])
    assert card(world).last4 == "0005"


def test_what_an_event_says_of_a_card_counts_for_nothing(world: World) -> None:
    before = buy(world)
    renew(world, before)
    (event,) = card_events(world)
    take(world, event)
    after = card(world)
    strange = replace(event, id="evt_lie", type="payment_method.updated")
    assert take(world, strange) == "nothing_new"
    for reference in ("pm_card_visa:unknown", "pm_unknown", "x" * 300):
        assert take(world, replace(event, reference=reference)) == "not_ours"
    assert take(world, replace(event, reference=None)) == "ignored_method"
    assert card(world) == after


@pytest.mark.spec("W-6")
def test_an_event_of_another_account_is_not_believed(world: World) -> None:
    before = buy(world)
    renew(world, before)
    (event,) = card_events(world)
    for stranger in (AccountRef("globex", SANDBOX, SANDBOX), AccountRef("acme", SANDBOX, "other")):
        assert take(world, event, stranger) == "not_ours"
    assert card(world) == before


def test_a_card_that_was_removed_or_whose_customer_was_erased_stays_as_it_was(
    world: World,
) -> None:
    before = buy(world)
    world.cancel(When.NOW)
    world.advance(minutes=20)
    cards.remove(world.ports, "acme", before.customer, before.id, now=world.now)
    renew(world, before)
    assert taken(world) == "nothing_new"
    removed = world.store.payment_method("acme", before.customer, before.id)
    assert removed is not None and removed.last4 == "4242"
    erase.one(world.ports, "acme", before.customer, now=world.now)
    assert taken(world) == "not_ours"
    assert world.store.payment_method("acme", before.customer, before.id) is None


@pytest.mark.spec("R-6")
def test_while_the_card_is_being_charged_the_event_is_to_be_sent_again(world: World) -> None:
    before = buy(world)
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    assert world.work()["unknown"] == 1
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    renew(world, before)
    with pytest.raises(Conflict):
        taken(world)
    assert card(world) == before, "its decline could not be told from one of the new number"
    world.advance(minutes=20)
    assert taken(world) == "card_updated"


def test_a_gateway_that_does_not_answer_is_asked_again(world: World) -> None:
    before = buy(world)
    renew(world, before)
    world.sandbox.faults.arm("unavailable", 1)
    with pytest.raises(Unreachable):
        taken(world)
    assert card(world) == before
    assert taken(world) == "card_updated"


def test_a_write_that_meets_another_decides_anew(world: World) -> None:
    """Somebody pays what is due while the card is taken over: one attempt, whoever came first."""
    before = past_due(world)
    renew(world, before)
    commit, met = world.store.commit, False

    def meets(*writes: Any) -> None:
        nonlocal met
        if not met:
            met = True
            pay_now.now_due(world.ports, world.subscription(), now=world.now)
        commit(*writes)

    world.store.commit = meets  # type: ignore[method-assign]
    assert taken(world) == "card_updated"
    world.store.commit = commit  # type: ignore[method-assign]
    tried = len(world.charges())
    world.tick()
    assert len(world.charges()) == tried + 1


@pytest.mark.spec("R-4", "B-10")
def test_what_is_declined_while_its_card_is_taken_over_is_tried_by_the_new_number(
    world: World,
) -> None:
    world.buy(world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    before = card(world)
    world.now += timedelta(days=14, minutes=2)
    world.sandbox.renew_card(before.id, last4="1881", expires_on="2039-03")
    commit, met = world.store.commit, False

    def charged() -> None:
        world.sweep()
        world.work()
        assert world.subscription().state is State.PAST_DUE

    def meets(*writes: Any) -> None:
        nonlocal met
        if not met:
            met = True
            Context().run(charged)  # by other functions
        commit(*writes)

    world.store.commit = meets  # type: ignore[method-assign]
    assert taken(world) == "card_updated"
    world.store.commit = commit  # type: ignore[method-assign]
    tried = len(world.charges())
    world.tick()
    assert len(world.charges()) == tried + 1, "at once, and not in three days"


@pytest.mark.spec("R-4", "B-10")
def test_what_is_given_up_while_its_card_is_taken_over_is_tried_by_the_new_number(
    world: World,
) -> None:
    """It waited for its buyer when the card was read, and so was not to be tried."""
    retries = RetrySchedule(every_days=1, attempts=1, final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=replace(world.merchant.settings, retry_schedule=retries))
    world.buy(world.product(TRIAL), payment_method="pm_card_authenticationRequired")
    world.advance(days=14, minutes=2)
    waits = world.history().invoices[-1]
    assert (waits.state, world.subscription().state) == (
        InvoiceState.ACTION_REQUIRED,
        State.PAST_DUE,
    )
    world.sandbox.renew_card(card(world).id, last4="1881", expires_on="2039-03")
    world.now += timedelta(days=1, minutes=2)
    commit, met = world.store.commit, False

    def given_up() -> None:
        world.sweep()
        world.work()
        assert world.history().invoices[-1].state is InvoiceState.UNCOLLECTIBLE

    def meets(*writes: Any) -> None:
        nonlocal met
        if not met:
            met = True
            Context().run(given_up)  # by other functions
        commit(*writes)

    world.store.commit = meets  # type: ignore[method-assign]
    assert taken(world) == "card_updated"
    world.store.commit = commit  # type: ignore[method-assign]
    assert world.subscription().pay_now is not None


@pytest.mark.spec("W-1")
def test_the_hourly_look_finds_a_renewal_that_no_webhook_reported(world: World) -> None:
    world.change_merchant(gateway_accounts=(GatewayAccount(SANDBOX, SANDBOX),))
    before = past_due(world)
    lost_events.catch_up(world.ports, now=world.now)
    renew(world, before)
    world.now += timedelta(hours=1)
    assert lost_events.catch_up(world.ports, now=world.now)["card_updated"] == 1
    assert card(world).last4 == "1881"
    assert world.subscription().pay_now is not None
    world.now += timedelta(hours=1)
    assert lost_events.catch_up(world.ports, now=world.now)["card_updated"] == 0


# Which card it is


@pytest.mark.spec("B-9")
def test_a_card_given_by_hand_before_its_bank_reported_it_is_kept_once(world: World) -> None:
    """The customer typed the new number first; then the network renewed the old card to it."""
    old = buy(world)
    by_hand = replace(
        old,
        id="pm_card_visa:byhand",
        last4="1881",
        fingerprint="fp_1881",
        added_at=world.now + timedelta(seconds=1),
    )
    world.store.commit(Insert(by_hand))
    renew(world, old, "1881")
    assert taken(world) == "card_updated"
    kept = card(world)
    assert kept.id == by_hand.id
    assert world.subscription().payment_method == by_hand.id
    assert taken(world) == "nothing_new"


@pytest.mark.spec("B-9")
def test_the_new_card_given_by_hand_afterwards_is_no_second_one(world: World) -> None:
    old = buy(world, payment_method="pm_card_mastercard")
    renew(world, old, "4242", "2034-12")  # as the test card Visa is
    assert taken(world) == "card_updated"
    add = {"account": ACME, "token": "pm_card_visa", "attempt_key": "k1"}
    cards.add(world.ports, "acme", old.customer, **add, now=world.now)  # type: ignore[arg-type]
    assert card(world).id == old.id


@pytest.mark.spec("C-9")
def test_a_trial_had_with_the_card_was_had_with_its_new_number(world: World) -> None:
    guarded = replace(TRIAL, trial_guard=True)
    product = world.product(guarded)
    world.buy(product, payment_method="pm_card_mastercard")
    renew(world, card(world), "4242")
    assert taken(world) == "card_updated"
    with pytest.raises(Refused) as refused:
        world.buy(product, email="somebody@example.com", payment_method="pm_card_visa")
    assert refused.value.code == "trial_used"
    with pytest.raises(Refused):
        world.buy(product, email="another@example.com", payment_method="pm_card_mastercard")
    assert taken(world) == "nothing_new"


# Where it is shown


@pytest.mark.spec("B-5")
@pytest.mark.typeset
def test_an_invoice_says_what_it_was_paid_with_when_it_was_paid(world: World) -> None:
    before = buy(world)
    renew(world, before)
    taken(world)
    world.advance(days=31)
    seller = world.store.merchant("acme")
    assert seller is not None
    first, second = (
        "".join(
            page.extract_text()
            for page in PdfReader(BytesIO(documents.pdf(world.ports, seller, invoice))).pages
        )
        for invoice in world.history().invoices
    )
    assert "4242" in first and "1881" not in first
    assert "1881" in second and "4242" not in second


@pytest.mark.spec("B-9")
def test_the_portal_shows_the_new_digits() -> None:
    shop = Shop()
    shop.world.buy(shop.world.product(MONTHLY))
    visitor = shop.signed_in()
    renew(shop.world, card(shop.world))
    assert taken(shop.world) == "card_updated"
    page = visitor.see("/cards").text
    assert "Visa •••• 1881" in page and "03/2039" in page and "4242" not in page


def test_only_so_many_former_numbers_are_kept(world: World) -> None:
    before = buy(world)
    for number in range(12):
        renew(world, before, f"{number:04d}")
        taken(world)
    kept = card(world).formerly
    assert [each.last4 for each in kept] == [f"{n:04d}" for n in range(3, 11)]
    assert card(world).as_of(kept[0].until - timedelta(days=900)).last4 == "0003"


def test_more_subscriptions_than_one_write_holds_are_all_tried(world: World) -> None:
    before = past_due(world)
    one = world.subscription()
    for number in range(1000, 1070):
        other = replace(one, id=f"sub_{number:016d}", open_invoice=None)
        world.store.commit(Insert(other))
    renew(world, before)
    assert taken(world) == "card_updated"
    assert all(s.pay_now is not None for s in world.history().subscriptions)


def test_a_renewal_of_a_card_is_not_mailed_to_its_customer(world: World) -> None:
    """The bank told them; what they are told by us is what is charged."""
    before = buy(world)
    world.tick()
    mailed: Callable[[], int] = lambda: len(world.mailer.sent)  # noqa: E731
    count = mailed()
    renew(world, before)
    taken(world)
    world.tick()
    assert mailed() == count
    assert EventKind.DETAILS_CHANGED not in {
        fact.kind
        for shard in range(world.ports.operation.shards)
        for fact in world.store.undelivered(shard, world.now, 100)
    }


@pytest.mark.spec("C-8", "W-7")
def test_a_coupon_used_with_the_card_was_used_with_its_new_number(world: World) -> None:
    coupon(world, max_uses_per_customer=1)
    product = world.product(MONTHLY)
    world.buy(product, payment_method="pm_card_mastercard", coupon="SPRING")
    renew(world, card(world), "4242")
    assert taken(world) == "card_updated"
    fields = {"coupon": "SPRING", "email": "somebody@example.com"}
    with pytest.raises(Refused) as refused:
        world.buy(product, payment_method="pm_card_visa", **fields)
    assert refused.value.code == "coupon_over"
    with pytest.raises(Refused):
        world.buy(product, payment_method="pm_card_mastercard", **fields)

"""A bank takes money back: nothing more is charged until it has decided, and then what follows
(W-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateway_events.flows import webhook
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.errors import Conflict, Refused
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.ledger import CHARGEBACKS, DISPUTED, RECEIVED
from billing.kernel.merchants import CreditAtEnd
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Write
from billing.refunds.flows import refund, sync_disputes
from tests.plans.changing import GOLD, bought, change
from tests.scenarios.disputes import (
    ACME,
    LOST,
    ONCE,
    OPEN,
    WON,
    balance,
    decide,
    deliver,
    disputed,
    give_back,
    has_access,
    kinds,
    reference,
)
from tests.world import MONTHLY, START, World, meanwhile

pytestmark = pytest.mark.spec("W-4")


@pytest.fixture
def world() -> World:
    return World(limits=False)


def test_a_refund_that_meets_a_dispute_of_another_payment_is_decided_anew(world: World) -> None:
    """It takes nothing out of the subscription, so that no change of that stops it."""
    world.buy()
    world.advance(days=70)
    first = refund.payment(world.ports, "acme", world.orders()[0].id)
    disputed(world)
    with pytest.raises(Refused) as refused:
        refund.request(world.ports, first, amount_minor=None, source=Source.MERCHANT, now=world.now)
    assert refused.value.code == "disputed"
    assert [charge["refunded"] for charge in world.charges()] == [0, 0, 0]


def test_an_open_dispute_holds_charges_and_refunds_and_is_listed(world: World) -> None:
    world.buy()
    dispute = disputed(world)
    assert deliver(world) == []
    sale, entry = world.orders()
    assert (entry.kind, entry.amount, entry.source) == ("chargeback", sale.amount, "gateway")
    (invoice,) = world.history().invoices
    assert (invoice.dispute, invoice.disputed_minor) == ("open", 2999)
    with pytest.raises(Refused) as refused:
        give_back(world, sale)
    assert refused.value.code == "disputed"
    subscription = world.subscription()
    assert (subscription.state, subscription.dispute) == (State.ACTIVE, "open")
    assert (subscription.due_at, subscription.next_charge_at) == (None, None)
    world.advance(days=70)
    assert kinds(world) == ["sale", "chargeback"]
    assert len(world.charges()) == 1
    assert has_access(world)
    assert balance(world) == {f"{DISPUTED}:sandbox:sandbox": 2999, "revenue:sales": -2999}
    (chargeback,) = world.history().chargebacks
    assert chargeback.id == dispute


def test_the_merchant_is_mailed_about_each_turn(world: World) -> None:
    world.buy()
    dispute = disputed(world)
    world.work()
    decide(world, dispute, LOST)
    world.work()
    to_merchant = [m for m in world.mailer.sent if m["To"] == world.merchant.email]
    opened, lost = (str(m["Subject"]) for m in to_merchant)
    assert opened == "[TEST] Chargeback: ann@example.com disputed $29.99"
    assert lost == "[TEST] Chargeback lost: $29.99 to ann@example.com"
    body = to_merchant[0].get_body(("plain",))
    assert body is not None
    assert "nothing on this subscription will be charged" in body.get_content()
    assert not [m for m in world.mailer.sent if "hargeback" in m["Subject"] and "ann" in m["To"]]


def test_won_it_goes_on_at_the_next_date_and_nothing_is_caught_up(world: World) -> None:
    world.buy()
    dispute = disputed(world)
    world.advance(days=70)  # two dates have passed: 28 February and 31 March
    assert decide(world, dispute, WON) == ["dispute_won"]
    subscription = world.subscription()
    assert subscription.dispute == "won"
    assert subscription.period_at == subscription.due_at
    assert subscription.due_at is not None
    assert subscription.due_at.date().isoformat() == "2026-04-30"
    world.advance(to=subscription.due_at)
    assert kinds(world) == ["sale", "chargeback", "rebill"]
    assert world.subscription().payments_made == 2
    world.advance(days=31)
    assert [c["at"][:10] for c in world.charges()] == ["2026-01-31", "2026-04-30", "2026-05-31"]
    received = {f"{RECEIVED}:sandbox:sandbox": 3 * 2999, "revenue:sales": -3 * 2999}
    assert balance(world) == received
    assert give_back(world, world.orders()[0]).amount.amount_minor == 2999


def test_an_installment_is_later_and_never_less(world: World) -> None:
    terms = PriceTerms(PriceType.INSTALLMENT, Money(9900, Currency.USD), Period.MONTHLY, 3)
    world.buy(world.product(terms))
    dispute = disputed(world)
    world.advance(days=40)
    decide(world, dispute, WON)
    world.advance(days=100)
    assert world.subscription().state is State.COMPLETED
    assert [c["at"][:10] for c in world.charges()] == ["2026-01-31", "2026-03-31", "2026-04-30"]


def test_lost_it_is_cancelled_by_the_gateway(world: World) -> None:
    world.buy()
    dispute = disputed(world)
    world.advance(days=3)
    assert decide(world, dispute, LOST) == ["dispute_lost"]
    subscription = world.subscription()
    assert (subscription.state, subscription.ended_by) == (State.CANCELLED, Source.GATEWAY)
    assert (subscription.dispute, subscription.ends_at) == ("lost", world.now)
    assert not has_access(world)
    assert kinds(world) == ["sale", "chargeback", "cancellation"]
    assert world.orders()[-1].source == "gateway"
    assert balance(world) == {CHARGEBACKS: 2999, "revenue:sales": -2999}
    with pytest.raises(Refused) as refused:
        give_back(world, world.orders()[0])
    assert refused.value.code == "disputed"
    world.advance(days=90)
    assert len(world.charges()) == 1


@pytest.mark.parametrize("standing", [WON, LOST])
def test_a_dispute_that_is_heard_of_when_it_is_over_is_opened_first(
    world: World, standing: DisputeStanding
) -> None:
    world.buy()
    payment = reference(world)
    dispute = world.sandbox.open_dispute(payment)
    world.sandbox.close_dispute(payment, dispute, standing)
    assert deliver(world) == [f"dispute_{standing}"]
    assert deliver(world) == []
    assert "chargeback" in kinds(world)
    assert world.subscription().dispute == standing


@pytest.mark.spec("C-3")
def test_access_is_closed_where_the_merchant_wants_that_and_given_back_when_won(
    world: World,
) -> None:
    world.change_merchant(settings=type(world.merchant.settings)(revoke_on_dispute=True))
    world.buy()
    dispute = disputed(world)
    assert not has_access(world)
    decide(world, dispute, WON)
    assert has_access(world)


@pytest.mark.spec("C-3")
@pytest.mark.parametrize("first_won", [0, 1])
def test_access_stays_closed_until_all_disputes_that_closed_it_are_won(
    world: World, first_won: int
) -> None:
    world.change_merchant(settings=type(world.merchant.settings)(revoke_on_dispute=True))
    world.buy()
    opened = [disputed(world, 1000)]
    world.now += timedelta(minutes=1)
    opened.append(disputed(world, 500))
    decide(world, opened.pop(first_won), WON)
    assert not has_access(world)
    decide(world, opened.pop(), WON)
    assert has_access(world)


@pytest.mark.parametrize(("amount_minor", "open_after"), [(None, False), (900, True)])
def test_what_was_bought_once_is_closed_when_all_of_its_money_is_lost(
    world: World, amount_minor: int | None, open_after: bool
) -> None:
    world.buy(world.product(ONCE))
    dispute = disputed(world, amount_minor)
    assert has_access(world)
    decide(world, dispute, LOST)
    assert has_access(world) is open_after
    assert kinds(world) == ["sale", "chargeback"]
    (invoice,) = world.history().invoices
    assert invoice.dispute == "lost"
    if open_after:
        assert give_back(world, world.orders()[0]).amount.amount_minor == 4000


def test_two_disputes_of_one_subscription_hold_it_until_both_are_won(world: World) -> None:
    world.buy()
    world.advance(days=31)
    assert len(world.charges()) == 2
    first = world.sandbox.open_dispute(reference(world, 0))
    second = world.sandbox.open_dispute(reference(world, 1))
    assert deliver(world) == ["dispute_opened", "dispute_opened"]
    assert decide(world, first, WON) == ["dispute_won"]
    assert (world.subscription().dispute, world.subscription().due_at) == ("open", None)
    assert decide(world, second, WON) == ["dispute_won"]
    assert world.subscription().due_at is not None


def test_a_trial_that_is_disputed_goes_on_too(world: World) -> None:
    terms = PriceTerms(
        PriceType.RECURRING,
        Money(4900, Currency.USD),
        Period.MONTHLY,
        initial=Initial(100, Span(7, Unit.DAY)),
    )
    world.buy(world.product(terms))
    dispute = disputed(world)
    assert world.subscription().state is State.TRIALING
    world.advance(days=10)
    decide(world, dispute, WON)
    won = world.subscription()
    assert won.due_at is not None and won.due_at > world.now
    world.advance(to=won.due_at)
    assert world.subscription().payments_made == 1


def test_one_that_has_ended_is_marked_and_nothing_else(world: World) -> None:
    world.buy()
    world.cancel(When.NOW)
    world.advance(days=1)
    dispute = disputed(world)
    ended = world.subscription()
    assert (ended.state, ended.dispute) == (State.CANCELLED, "open")
    decide(world, dispute, LOST)
    assert kinds(world) == ["sale", "cancellation", "chargeback"]


@given(st.data())
def test_any_order_and_any_number_of_events_come_to_the_same_end(data: st.DataObject) -> None:
    standing = data.draw(st.sampled_from([OPEN, WON, LOST]))

    def life(shuffled: bool) -> World:
        world = World(limits=False)
        world.buy()

        def deliver_any_order() -> None:
            events = list(world.sandbox.events_since(START))
            for event in data.draw(st.permutations(events * 2)):
                webhook.take(world.ports, world.merchant, ACME, event, now=world.now)

        dispute = world.sandbox.open_dispute(reference(world))
        if shuffled and data.draw(st.booleans()):
            deliver_any_order()
        if standing is not OPEN:
            world.sandbox.close_dispute(reference(world), dispute, standing)
        deliver_any_order() if shuffled else deliver(world)
        world.advance(days=40)
        return world

    def end(world: World) -> tuple[Any, ...]:
        found: Subscription = world.subscription()
        (chargeback,) = world.history().chargebacks
        return (
            sorted(kinds(world)),
            (found.state, found.dispute, found.due_at, found.ended_by, found.payments_made),
            (chargeback.standing, chargeback.moves),
            balance(world),
            world.subjects(),
        )

    assert end(life(shuffled=True)) == end(life(shuffled=False))


@pytest.mark.spec("B-7")
@pytest.mark.parametrize("lost_first", [True, False])
def test_what_a_bank_and_a_refund_took_back_together_closes_a_one_time_purchase(
    world: World, lost_first: bool
) -> None:
    world.buy(world.product(PriceTerms(PriceType.ONE_TIME, Money(2999, Currency.USD))))
    (sale,) = world.orders()

    def lose() -> None:
        decide(world, disputed(world, 1000), LOST)

    def give_back() -> None:
        refund.request(
            world.ports,
            refund.payment(world.ports, "acme", sale.id),
            amount_minor=1999,
            source=Source.MERCHANT,
            now=world.now,
        )

    first, second = (lose, give_back) if lost_first else (give_back, lose)
    first()
    assert has_access(world)
    second()
    assert not has_access(world)
    assert balance(world) == {CHARGEBACKS: 1000, "revenue:sales": -1000}


@pytest.mark.spec("B-7", "A-4")
def test_credit_that_went_back_by_an_older_payment_is_not_returned_of_its_own(
    world: World,
) -> None:
    """It stood for time that the older one had paid; its own is refunded in full by hand later."""
    world.change_merchant(
        settings=replace(world.merchant.settings, credit_at_end=CreditAtEnd.REFUND)
    )
    product = bought(world, GOLD, MONTHLY)
    world.advance(days=28)
    change(world, product.price_points[1])
    credit = world.subscription().credit_minor
    assert credit > 0
    dispute = world.sandbox.open_dispute(reference(world))  # its event comes late
    world.cancel(When.NOW)
    world.work()
    assert [charge["refunded"] for charge in world.charges()] == [credit, 0]
    world.sandbox.close_dispute(reference(world), dispute, WON)
    deliver(world)
    newest = next(order for order in world.orders() if order.kind == "rebill")
    assert give_back(world, newest).amount.amount_minor == 4999
    (share,) = world.subscription().money.shares
    assert (share.paid_minor, share.returned_minor, share.spent_minor) == (4999, 4999, credit)


@pytest.mark.spec("B-7", "C-3")
@pytest.mark.parametrize("refund_reads_first", [True, False])
def test_a_refund_and_a_lost_dispute_that_meet_close_what_was_bought_once(
    world: World, refund_reads_first: bool
) -> None:
    """Each takes a part, and neither would see by what it read that together they take it all."""
    world.buy(world.product(ONCE))
    (sale,), (invoice,) = world.orders(), world.history().invoices

    def give_back_most() -> None:
        refund.request(
            world.ports,
            refund.payment(world.ports, "acme", sale.id),
            amount_minor=3900,
            source=Source.MERCHANT,
            name="most",
            now=world.now,
        )

    def bank(standing: DisputeStanding) -> None:
        rest = Money(1000, Currency.USD)
        found = [Dispute("dp_1", standing, rest, str(invoice.gateway_ref), world.now)]
        sync_disputes.update(world.ports, world.merchant, invoice, found, now=world.now)

    def lose() -> None:
        try:
            bank(LOST)
        except Conflict:  # the event comes again
            bank(LOST)

    world.sandbox.faults.arm("timeout_after", 1)
    give_back_most()  # not answered yet
    bank(OPEN)
    first, second = (give_back_most, lose) if refund_reads_first else (lose, give_back_most)
    commit = world.store.commit

    def once_other_was_first(*writes: Write) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        meanwhile(second)
        commit(*writes)

    world.store.commit = once_other_was_first  # type: ignore[method-assign]
    first()
    assert balance(world) == {CHARGEBACKS: 1000, "revenue:sales": -1000}
    assert not has_access(world)

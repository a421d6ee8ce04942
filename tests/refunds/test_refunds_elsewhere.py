"""Money that went back past us, and money that a bank sent back to the merchant (W-1, B-7)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateway_events.flows import webhook
from billing.kernel import customers
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Conflict, Invalid, Refused, Unreachable
from billing.kernel.funds import Funds
from billing.kernel.gateways import (
    SANDBOX,
    AccountRef,
    GatewayEvent,
    GatewayRefund,
    RefundFailed,
    RefundSucceeded,
)
from billing.kernel.ledger import trial_balance
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.storage import History
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds.flows import refund
from billing.refunds.flows.refund import UnderWay
from billing.refunds.refunds import RefundState
from tests.scenarios import disputes
from tests.world import World, meanwhile

ACME = AccountRef("acme", SANDBOX, SANDBOX)
USD = Currency.USD

pytestmark = pytest.mark.spec("W-1", "B-7")


@pytest.fixture
def world() -> World:
    return World(limits=False)


def reference(world: World) -> str:
    return str(world.history().invoices[0].gateway_ref)


def events_of(world: World) -> list[GatewayEvent]:
    return list(world.sandbox.events_since(world.now.replace(year=2000)))


def deliver(world: World) -> list[str]:
    """Delivers every event of the gateway once; returns what they brought about."""
    return [
        name
        for event in events_of(world)
        for name in webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    ]


def elsewhere(world: World, amount_minor: int) -> str:
    """The merchant refunds at the gateway's own dashboard; the gateway's id of it."""
    made = world.sandbox.refund_elsewhere(reference(world), amount_minor)
    assert isinstance(made, RefundSucceeded)
    return made.refund


def give_back(
    world: World, amount_minor: int | None = None, name: str | None = None
) -> Order | UnderWay:
    (sale,) = (o for o in world.orders() if o.kind is OrderKind.SALE)
    return refund.request(
        world.ports,
        refund.payment(world.ports, "acme", sale.id),
        amount_minor=amount_minor,
        source=Source.MERCHANT,
        now=world.now,
        name=name,
    )


def books(world: World) -> dict[str, int]:
    """The ledger's accounts that hold something; it balances."""
    balance = trial_balance(world.history().ledger)
    assert sum(balance.values()) == 0
    return {name: amount for (name, _), amount in balance.items() if amount}


def left(world: World) -> tuple[int, int, int]:
    """Returns three amounts of the sale: reserved and refunded on its invoice, refunded on
    its order.
    """
    history = world.history()
    invoice = history.invoices[0]
    sale = next(order for order in history.orders if order.id == invoice.order_id)
    return invoice.refund_reserved_minor, invoice.refunded_minor, sale.refunded_minor


@pytest.mark.spec("M-7")
def test_a_refund_at_the_gateways_dashboard_is_booked_once(world: World) -> None:
    world.buy()
    at_gateway = elsewhere(world, 1000)
    assert "refund_made_elsewhere" in deliver(world)
    before = world.history()
    assert set(deliver(world)) <= {"nothing_new", "repeated"}
    assert world.history() == before
    (entry,) = (o for o in world.orders() if o.kind is OrderKind.REFUND)
    assert (entry.amount.amount_minor, entry.source) == (1000, "gateway")
    assert left(world) == (1000, 1000, 1000)
    assert sorted(books(world).values()) == [-1999, 1999]
    world.advance(minutes=10)
    (booked,) = world.history().refunds
    assert (booked.gateway_refund, booked.number) == (at_gateway, "TEST-CN-000001")
    assert "[TEST] Refund: $10.00 for Course" in world.subjects()
    assert world.subscription().state is State.ACTIVE, "a refund never cancels"


@dataclass
class Meanwhile:
    """A gateway at which somebody else refunds just before its list of refunds is read."""

    world: World
    done: bool = False

    def __call__(self, ref: AccountRef) -> Meanwhile:
        return self

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        if not self.done:
            self.done = True
            meanwhile(partial(give_back, self.world, 500))
        return self.world.sandbox.refunds(reference, ours=ours)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world.sandbox, name)


def test_our_own_refund_that_comes_between_two_looks_is_not_taken_for_a_foreign_one(
    world: World,
) -> None:
    world.buy()
    elsewhere(world, 1000)
    (event,) = (e for e in events_of(world) if e.type == "refund.created")
    busy = replace(world.ports, gateway=Meanwhile(world))
    webhook.take(busy, world.merchant, ACME, event, now=world.now)
    amounts = [o.amount.amount_minor for o in world.orders() if o.kind is OrderKind.REFUND]
    assert sorted(amounts) == [500, 1000]
    assert left(world) == (1500, 1500, 1500)
    assert len(world.history().refunds) == 2


def test_the_hourly_look_finds_what_no_webhook_reported(world: World) -> None:
    world.change_merchant(gateway_accounts=())
    world.buy()
    elsewhere(world, 2999)
    (event,) = (e for e in events_of(world) if e.type == "refund.created")
    tally = webhook.take(
        world.ports, world.merchant, ACME, replace(event, id="evt_seen_late"), now=world.now
    )
    assert tally == {"refund_made_elsewhere": 1}
    with pytest.raises(Refused) as refused:
        give_back(world)
    assert refused.value.code == "already_refunded"


@pytest.mark.spec("R-6")
def test_a_refund_of_ours_under_way_is_never_taken_for_one_made_elsewhere(world: World) -> None:
    world.buy()
    world.sandbox.faults.arm("timeout_after", 2)
    assert isinstance(give_back(world, 500, "first"), UnderWay)
    world.sandbox.faults.arm("timeout_after", 0)
    ask = world.sandbox.refund
    world.sandbox.refund = unheard(world)  # type: ignore[method-assign, assignment]
    assert isinstance(give_back(world, 700, "second"), UnderWay)
    world.sandbox.refund = ask  # type: ignore[method-assign]
    elsewhere(world, 300)
    outcomes = deliver(world)
    assert outcomes.count("refund_made_elsewhere") == 1
    world.advance(hours=1)
    states = sorted((r.source.value, r.amount.amount_minor) for r in world.history().refunds)
    assert states == [("gateway", 300), ("merchant", 500), ("merchant", 700)]
    assert [c["refunded"] for c in world.charges()] == [1500]
    assert left(world) == (1500, 1500, 1500)


def unheard(world: World) -> object:
    """The gateway refunds, and nobody hears of it."""
    give = world.sandbox.refund

    def asked(*args: object, **kwargs: object) -> object:
        give(*args, **kwargs)  # type: ignore[arg-type]
        raise Unreachable("nobody hears it")

    return asked


@pytest.mark.spec("C-3")
def test_a_full_refund_elsewhere_takes_the_access_of_a_one_time_purchase_away(
    world: World,
) -> None:
    world.buy(world.product(PriceTerms(PriceType.ONE_TIME, Money(4900, USD))))
    elsewhere(world, 4900)
    deliver(world)
    history = world.history()
    (access,) = customers.access(history.entitlements, history.subscriptions, world.now)
    assert not access.active


def test_ours_that_comes_too_late_fails_and_gives_its_reservation_back(world: World) -> None:
    world.buy()
    elsewhere(world, 2999)
    with pytest.raises(Refused) as refused:
        give_back(world)
    assert refused.value.code == "refund_failed"
    deliver(world)
    assert left(world) == (2999, 2999, 2999)


@pytest.mark.spec("C-7")
def test_one_elsewhere_that_leaves_no_room_for_ours_waits_until_ours_has_failed(
    world: World,
) -> None:
    """Ours had taken all unused time and tax before the other was known (seed 88000111)."""
    world.buy()
    elsewhere(world, 1000)
    world.sandbox.faults.arm("timeout_before", 2)
    assert isinstance(give_back(world), UnderWay)
    world.sandbox.faults.arm("timeout_before", 0)
    with pytest.raises(Conflict):
        deliver(world)
    assert left(world) == (2999, 0, 0)
    world.advance(minutes=20)
    assert "refund_made_elsewhere" in deliver(world)
    states = {r.source.value: r.state.value for r in world.history().refunds}
    assert states == {"merchant": "failed", "gateway": "succeeded"}
    assert left(world) == (1000, 1000, 1000)
    money = world.subscription().money
    assert (money.in_use_minor, money.credit_minor) == (1999, 0)


def test_what_a_refund_did_not_find_it_takes_once_an_earlier_one_has_failed(world: World) -> None:
    """Half of the payment is used; ours took the credit of the rest before the other was known."""
    world.buy()
    sold = world.subscription()
    half = replace(sold.money.shares[0], in_use_minor=0, credit_minor=1400)
    world.store.commit(Change(sold, replace(sold, funds=Funds((half,)))))
    ask = world.sandbox.refund
    world.sandbox.refund = unheard_of  # type: ignore[method-assign, assignment]
    assert isinstance(give_back(world, 1300), UnderWay)
    elsewhere(world, 1500)
    assert "refund_made_elsewhere" in deliver(world)
    assert world.subscription().money.credit_minor == 0
    world.sandbox.refund = lambda *_, **__: RefundFailed("expired_or_canceled_card")  # type: ignore
    world.advance(minutes=20)
    world.sandbox.refund = ask  # type: ignore[method-assign]
    assert left(world) == (1500, 1500, 1500)
    assert world.subscription().money.credit_minor == 0, "the other would have taken all of it"
    (at_gateway,) = (r for r in world.history().refunds if r.source is Source.GATEWAY)
    world.sandbox.send_back(reference(world), str(at_gateway.gateway_refund))
    deliver(world)
    assert world.subscription().money.credit_minor == 1400, "nothing went back in the end"


@pytest.mark.spec("W-4", "A-4")
def test_what_a_lost_dispute_did_not_find_it_takes_once_a_refund_comes_back(world: World) -> None:
    """Half of the payment is used; a refund had taken the rest before the bank took 1,500."""
    world.buy()
    sold = world.subscription()
    half = replace(sold.money.shares[0], in_use_minor=0, credit_minor=1400)
    world.store.commit(Change(sold, replace(sold, funds=Funds((half,)))))
    given = give_back(world, 1300)
    assert isinstance(given, Order)
    dispute = disputes.disputed(world, 1500)
    disputes.decide(world, dispute, disputes.LOST)
    assert world.subscription().money.credit_minor == 0
    (ours,) = world.history().refunds
    world.sandbox.send_back(reference(world), str(ours.gateway_refund))
    deliver(world)
    assert left(world) == (0, 0, 0)
    assert world.subscription().money.credit_minor == 0, "the bank would have taken all of it"
    (chargeback,) = world.history().chargebacks
    assert chargeback.took is not None
    assert chargeback.took.credit_minor == 1400
    deliver(world)
    assert world.history().chargebacks == (chargeback,), "what was taken late is taken once"


def unheard_of(*_: object, **__: object) -> object:
    raise Unreachable("the gateway never heard of it")


def test_what_a_gateway_lists_beyond_the_payment_is_not_booked(world: World) -> None:
    world.buy()
    ledger = world.sandbox._ledger
    elsewhere(world, 2999)
    row, revision = ledger.read(reference(world)) or ({}, 0)
    more = {**row["refunds"], "other": {"id": "re_strange", "amount": 2999}}
    ledger.write(reference(world), {**row, "refunds": more}, revision=revision)
    assert "refund_beyond_payment" in deliver(world)
    assert left(world) == (2999, 2999, 2999)


@pytest.mark.spec("M-7", "R-8")
@pytest.mark.parametrize("own", [True, False])
def test_a_refund_that_a_bank_sends_back_is_booked_back_and_both_are_mailed(
    world: World, own: bool
) -> None:
    world.buy()
    if own:
        give_back(world, 1000)
    else:
        elsewhere(world, 1000)
    deliver(world)
    world.advance(days=20)
    world.sandbox.send_back(reference(world), str(world.history().refunds[0].gateway_refund))
    assert "refund_returned" in deliver(world)
    before = world.history()
    assert set(deliver(world)) <= {"nothing_new", "repeated"}
    assert world.history() == before
    assert left(world) == (0, 0, 0)
    assert sorted(books(world).values()) == [-2999, 2999]
    (came_back,) = world.history().refunds
    assert came_back.state is RefundState.RETURNED
    assert came_back.failure == "expired_or_canceled_card"
    entry = next(o for o in world.orders() if o.kind is OrderKind.REFUND)
    assert (entry.withdrawn, entry.code) == (True, "expired_or_canceled_card")
    world.advance(minutes=10)
    to_merchant, to_customer = world.mailer.sent[-2:]
    assert [m["To"] for m in (to_merchant, to_customer)] == [
        "hello@acme.example",
        "ann@example.com",
    ]
    for mail in (to_merchant, to_customer):
        words = " ".join(mail.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
        assert "$10.00" in words and "TEST-CN-000001 is void" in words
    assert to_merchant["Message-ID"] != to_customer["Message-ID"]


def test_what_came_back_can_be_refunded_anew_and_its_name_stays_taken(world: World) -> None:
    world.buy()
    give_back(world, name="k")
    made = str(world.history().refunds[0].gateway_refund)
    world.sandbox.send_back(reference(world), made)
    deliver(world)
    with pytest.raises(Refused) as refused:
        give_back(world, name="k")
    assert refused.value.code == "refund_returned"
    give_back(world)
    assert left(world) == (2999, 2999, 2999)
    assert [c["status"] for c in world.charges()] == ["refunded"]


@pytest.mark.spec("C-3")
def test_access_that_a_refund_took_stays_taken_when_the_money_comes_back(world: World) -> None:
    world.buy(world.product(PriceTerms(PriceType.ONE_TIME, Money(4900, USD))))
    made = elsewhere(world, 4900)
    deliver(world)
    world.sandbox.send_back(reference(world), made)
    deliver(world)
    history = world.history()
    (access,) = customers.access(history.entitlements, history.subscriptions, world.now)
    assert not access.active


def test_what_failed_at_the_dashboard_before_it_was_reported_is_nobodys_business(
    world: World,
) -> None:
    world.buy()
    world.sandbox.send_back(reference(world), elsewhere(world, 1000))
    assert set(deliver(world)) == {"nothing_new"}
    assert world.history().refunds == ()


STEPS = st.lists(
    st.sampled_from(["ours", "unheard", "unasked", "elsewhere", "sent back", "told", "time"]),
    max_size=12,
)


@given(STEPS, st.randoms(use_true_random=False))
def test_whatever_goes_back_and_comes_back_the_books_are_the_gateways(
    steps: list[str], random: object
) -> None:
    """After any order of refunds here, there, unheard and sent back, the books agree.

    All events are delivered in the end, in any order and number; our books then say of the money
    what the gateway's say.
    """
    world = World(limits=False)
    world.buy()
    here = reference(world)
    for step in steps:
        if step == "ours":
            try_refund(world)
        elif step == "unheard":
            world.sandbox.faults.arm("timeout_after", 2)
            try_refund(world)
            world.sandbox.faults.arm("timeout_after", 0)
        elif step == "unasked":
            world.sandbox.faults.arm("timeout_before", 2)
            try_refund(world, None)
            world.sandbox.faults.arm("timeout_before", 0)
        elif step == "elsewhere":
            world.sandbox.refund_elsewhere(here, 700)
        elif step == "sent back":
            for made in world.sandbox.refunds(here, ours=[])[-2:][:1]:
                world.sandbox.send_back(here, made.id)
        elif step == "told":
            with suppress(Conflict):
                deliver(world)
        else:
            world.advance(minutes=20)
    events = events_of(world) * 2
    random.shuffle(events)  # type: ignore[attr-defined]
    world.advance(minutes=40)
    for event in events:
        webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    world.advance(minutes=40)
    gone = world.charges()[0]["refunded"]
    assert left(world) == (gone, gone, gone)
    assert set(books(world).values()) <= {2999 - gone, gone - 2999}
    money = world.subscription().money
    assert (money.in_use_minor, money.credit_minor) == (2999 - gone, 0), "only what was kept"
    standing = (r for r in world.history().refunds if r.state is RefundState.SUCCEEDED)
    assert sum(r.amount.amount_minor for r in standing) == gone
    entries = (o for o in world.orders() if o.kind is OrderKind.REFUND and not o.withdrawn)
    assert sum(o.amount.amount_minor for o in entries) == gone


def try_refund(world: World, amount_minor: int | None = 500) -> None:
    try:
        give_back(world, amount_minor)
    except (Invalid, Refused):
        return


@pytest.mark.spec("A-4")
def test_a_refund_of_a_payment_that_is_just_settled_takes_its_unused_time(world: World) -> None:
    """A customer is not read at one instant: the subscription may be older than its payment."""
    world.buy()
    before = world.subscription()
    world.advance(days=30)
    newest = world.history().invoices[-1]
    assert world.subscription().money.in_use_minor == newest.total.amount_minor == 2999
    world.sandbox.refund_elsewhere(str(newest.gateway_ref), 2999)
    payment, times = world.store.payment, iter(range(2))

    def across_a_settle(*key: str) -> History:
        found = payment(*key)
        return found if next(times, None) is None else replace(found, subscriptions=(before,))

    world.store.payment = across_a_settle  # type: ignore[method-assign]
    assert "refund_made_elsewhere" in deliver(world)
    assert world.subscription().money.in_use_minor == 0

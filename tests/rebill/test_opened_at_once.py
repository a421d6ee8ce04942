"""A renewal is opened and started in one transaction, after its payment was prepared (R-1, R-3).

Killed between any two of its steps, or refused because something has changed meanwhile, a payment
is charged once or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.gateway_events.flows import webhook
from billing.gateways.sandbox import events
from billing.kernel import charge_eligibility
from billing.kernel.discounts import Discount
from billing.kernel.errors import Conflict, RateLimited
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import SANDBOX, About, AccountRef, GatewayEvent
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.payment_refs import pointed_at
from billing.kernel.periods import Span, Unit
from billing.kernel.plans import Plan
from billing.kernel.price_changes import PriceChange
from billing.kernel.subscription import State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.rebill import charge_steps
from tests.rebill.opened import as_the_release_before
from tests.world import MONTHLY, START, World


class Killed(BaseException):
    """The end of a process."""


@pytest.fixture
def world() -> World:
    """A renewal that is due, and claimed."""
    world = World(shards=1)
    world.buy()
    world.now += timedelta(days=28)
    world.sweep()
    return world


def payments_of(world: World, invoice: str) -> list[dict[str, Any]]:
    """Returns the payments that the gateway made for an invoice, as its books have them."""
    rows = events.payments(world.sandbox._ledger.rows())
    return [row for row in rows if row["invoice"] == invoice]


def second(world: World) -> str:
    return f"{world.subscription().id}.0002"


def states(world: World) -> list[InvoiceState]:
    return [invoice.state for invoice in world.history().invoices]


def dying(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Kills the process that makes this call, before it or after it."""

    def die(*args: Any, **named: Any) -> Any:
        if after:
            call(*args, **named)
        raise Killed

    return die


def meanwhile(world: World, act: Callable[[], object]) -> None:
    """Lets something happen once, after the next payment was prepared and before it is written."""
    prepare = world.sandbox.prepare

    def prepared(*args: Any, **named: Any) -> str:
        world.sandbox.prepare = prepare  # type: ignore[method-assign]
        reference = prepare(*args, **named)
        act()
        return reference

    world.sandbox.prepare = prepared  # type: ignore[method-assign]


@pytest.mark.spec("R-1")
def test_one_transaction_opens_the_invoice_starts_it_and_points_to_it(world: World) -> None:
    before = world.subscription()
    seen: list[Any] = []
    confirm = world.sandbox.confirm

    def looking(*args: Any, **named: Any) -> Any:
        seen.extend([world.subscription(), world.history().invoices[-1]])
        return confirm(*args, **named)

    world.sandbox.confirm = looking  # type: ignore[method-assign]
    commits: list[int] = []
    commit_each = world.store.commit_each
    world.store.commit_each = lambda each: commits.append(len(each[0])) or commit_each(each)  # type: ignore
    assert world.work()["paid"] == 1
    subscription, invoice = seen
    assert (subscription.open_invoice, subscription.seq) == (invoice.id, before.seq + 1)
    assert (invoice.state, invoice.attempt) == (InvoiceState.CONFIRMING, 1)
    assert (invoice.attempted_at, invoice.payment_method) == (world.now, before.payment_method)
    assert commits[0] == 3, "subscription, invoice, pointer"
    account = AccountRef("acme", SANDBOX, SANDBOX)
    pointer = world.store.owner_of_payment(account, invoice.gateway_ref)
    assert pointer is not None
    assert pointer.invoice == invoice.id


@pytest.mark.spec("R-1", "R-6")
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["prepare", "start", "confirm", "settle"])
def test_a_process_killed_at_any_step_charges_once(world: World, step: str, after: bool) -> None:
    kept = (world.sandbox.prepare, world.sandbox.confirm, world.store.commit_each)
    if step in {"prepare", "confirm"}:
        setattr(world.sandbox, step, dying(getattr(world.sandbox, step), after=after))
    else:
        commit_each, wanted = world.store.commit_each, ["start", "settle"].index(step)
        taken: list[int] = []

        def committing(writes: Any) -> Any:
            taken.append(1)
            if len(taken) - 1 != wanted:
                return commit_each(writes)
            return dying(commit_each, after=after)(writes)

        world.store.commit_each = committing  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.work()
    world.sandbox.prepare, world.sandbox.confirm, world.store.commit_each = kept  # type: ignore
    opened = step in {"confirm", "settle"} or (step == "start" and after)
    assert (world.subscription().seq == 2) is opened
    assert (len(states(world)) == 2) is opened
    world.advance(hours=1)
    assert states(world) == [InvoiceState.PAID, InvoiceState.PAID]
    assert world.history().invoices[-1].attempt == 1
    assert len(payments_of(world, second(world))) == 1, "the same one is prepared again"
    assert len(world.charges()) == 2


@pytest.mark.spec("R-1", "A-4")
def test_another_amount_is_another_payment_and_the_first_is_never_confirmed(world: World) -> None:
    prepare = world.sandbox.prepare
    world.sandbox.prepare = dying(prepare, after=True)  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.work()
    world.sandbox.prepare = prepare  # type: ignore[method-assign]
    before = world.subscription()
    world.store.commit(Change(before, replace(before, credit_minor=500)))
    world.advance(hours=1)
    assert [(row["amount"], row["state"]) for row in payments_of(world, second(world))] == [
        (2999, "unconfirmed"),
        (2499, "succeeded"),
    ]
    assert states(world) == [InvoiceState.PAID, InvoiceState.PAID]
    assert world.history().invoices[-1].total.amount_minor == 2499


ANOTHER = Plan("another", 1, MONTHLY, "another", "Another", ())

DEARER = PriceChange("chg_1", Money(3999, Currency.USD), START, START, 30)

NOT_AS_READ: dict[str, Callable[[Subscription], Subscription]] = {
    "state": lambda s: replace(s, state=State.PAST_DUE),
    "period": lambda s: replace(s, period=s.period + 1),
    "payments_made": lambda s: replace(s, payments_made=s.payments_made + 1),
    "dispute": lambda s: replace(s, dispute="open"),
    "held_for": lambda s: replace(s, held_for="tkt_1"),
    "open_invoice": lambda s: replace(s, open_invoice="other"),
    "seq": lambda s: replace(s, seq=s.seq + 1),
    "due_at": lambda s: replace(s, due_at=s.due_at + timedelta(minutes=1)),  # type: ignore[operator]
    "payment_method": lambda s: replace(s, payment_method="another"),
    "price_point": lambda s: replace(s, price_point="another"),
    "price_version": lambda s: replace(s, price_version=s.price_version + 1),
    "credit_minor": lambda s: replace(s, credit_minor=1),
    "anchor": lambda s: replace(s, anchor=s.anchor.plus(Span(1, Unit.DAY), 1)),
    "thaws_to": lambda s: replace(s, thaws_to=ANOTHER),
    "next_plan": lambda s: replace(s, next_plan=ANOTHER),
    "discount": lambda s: replace(s, discount=Discount("SPRING", basis_points=2500)),
    "price_change": lambda s: replace(s, price_change=DEARER),
}


def test_every_field_that_a_charge_rests_on_is_tried() -> None:
    rests = {*charge_eligibility.LOOKED_AT, *charge_eligibility.PRICED_BY}
    assert rests - {"cancelling"} <= NOT_AS_READ.keys()


@pytest.mark.spec("R-1", "R-3", "A-4", "B-9")
@pytest.mark.parametrize("field", NOT_AS_READ)
def test_whatever_changes_while_a_payment_is_prepared_refuses_it(world: World, field: str) -> None:
    before = world.subscription()
    changed = NOT_AS_READ[field](before)
    meanwhile(world, lambda: world.store.commit(Change(before, changed)))
    assert world.work()["conflict"] == 1
    assert world.subscription() == changed
    assert states(world) == [InvoiceState.PAID]
    (left,) = payments_of(world, f"{before.id}.0002")
    assert left["state"] == "unconfirmed"
    assert len(world.charges()) == 1


@pytest.mark.spec("R-3", "X-6")
@pytest.mark.parametrize("when", list(When))
def test_a_cancellation_that_comes_meanwhile_leaves_nothing_open(world: World, when: When) -> None:
    meanwhile(world, lambda: world.cancel(when))
    assert world.work()["paid"] == 0
    world.advance(days=40)
    assert states(world) == [InvoiceState.PAID]
    assert len(world.charges()) == 1


@pytest.mark.spec("R-3", "W-5")
def test_a_merchant_who_stops_meanwhile_is_not_charged_for_until_they_go_on(world: World) -> None:
    meanwhile(world, lambda: world.change_merchant(stopped=True))
    assert world.work()["held_stopped"] == 1
    assert (states(world), world.subscription().open_invoice) == ([InvoiceState.PAID], None)
    world.change_merchant(stopped=False)
    world.advance(hours=2)
    assert states(world) == [InvoiceState.PAID, InvoiceState.PAID]
    assert len(payments_of(world, second(world))) == 1


@pytest.mark.spec("R-1")
def test_two_workers_with_one_claim_prepare_one_payment_and_one_of_them_starts_it(
    world: World,
) -> None:
    twice = world.queue.bodies * 2

    def other() -> None:
        world.queue.bodies[:] = twice[:1]
        assert world.work()["paid"] == 1

    meanwhile(world, other)
    tally = world.work()
    assert (tally["conflict"], tally["paid"]) == (1, 0)
    assert states(world) == [InvoiceState.PAID, InvoiceState.PAID]
    assert len(payments_of(world, second(world))) == 1
    assert len(world.charges()) == 2


@pytest.mark.spec("W-1")
def test_an_event_of_a_payment_that_no_invoice_knows_is_not_ours(world: World) -> None:
    before = world.subscription()
    moved = replace(before, dispute="open")
    meanwhile(world, lambda: world.store.commit(Change(before, moved)))
    world.work()
    (left,) = payments_of(world, second(world))
    account = AccountRef("acme", SANDBOX, SANDBOX)
    event = GatewayEvent("evt_1", "payment_intent.created", About.PAYMENT, left["id"], world.now)
    taken = webhook.take(world.ports, world.merchant, account, event, now=world.now)
    assert taken == {"not_ours": 1}
    assert states(world) == [InvoiceState.PAID]


@pytest.mark.spec("R-1", "W-1")
def test_a_gateway_that_takes_no_more_leaves_nothing_open(world: World) -> None:
    before, prepare = world.subscription(), world.sandbox.prepare

    def busy(*_: Any, **__: Any) -> str:
        raise RateLimited("429")

    world.sandbox.prepare = busy  # type: ignore[method-assign]
    assert world.work()["rate_limited"] == 1
    assert (world.subscription(), states(world)) == (before, [InvoiceState.PAID])
    world.sandbox.prepare = prepare  # type: ignore[method-assign]
    world.advance(hours=1)
    assert states(world) == [InvoiceState.PAID, InvoiceState.PAID]


@pytest.mark.spec("R-2")
def test_a_gateway_that_is_down_for_longer_than_a_week_leaves_the_payment_to_its_merchant() -> None:
    world = World(shards=1)
    world.buy()
    world.advance(days=27)
    prepare = world.sandbox.prepare

    def busy(*_: Any, **__: Any) -> str:
        raise RateLimited("429")

    world.sandbox.prepare = busy  # type: ignore[method-assign]
    world.advance(days=10)
    world.sandbox.prepare = prepare  # type: ignore[method-assign]
    assert world.subscription().waiting_since is not None
    assert len(world.charges()) == 1


@pytest.mark.spec("R-1")
def test_a_payment_of_nothing_asks_the_gateway_for_nothing() -> None:
    world = World(shards=1)
    world.buy()
    before = world.subscription()
    world.store.commit(Change(before, replace(before, credit_minor=2999)))
    world.advance(days=29)
    invoice = world.history().invoices[-1]
    assert (invoice.state, invoice.total.amount_minor) == (InvoiceState.PAID, 0)
    assert (invoice.attempt, invoice.gateway_ref) == (0, None)
    assert len(world.charges()) == 1


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("ready", [False, True])
def test_an_invoice_that_the_release_before_opened_goes_on_from_its_state(
    world: World, ready: bool
) -> None:
    invoice = as_the_release_before(world)
    reference = gateway_payments.prepare(world.ports, invoice)
    if ready:
        world.store.commit(*charge_steps.prepare(invoice, reference)[1])
    assert world.work()["paid"] == 1
    paid = world.history().invoices[-1]
    assert (paid.id, paid.gateway_ref, paid.attempt) == (invoice.id, reference, 1)
    assert [row["id"] for row in payments_of(world, invoice.id)] == [reference]


@pytest.mark.spec("R-1")
def test_the_release_before_settles_what_is_opened_at_once(world: World) -> None:
    """It meets an invoice that is CONFIRMING with its payment, as it wrote them itself."""
    confirm = world.sandbox.confirm
    world.sandbox.confirm = dying(confirm, after=False)  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.work()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    subscription, opened = world.subscription(), world.history().invoices[-1]
    drawn = replace(
        opened,
        state=InvoiceState.PENDING,
        attempt=0,
        attempted_at=None,
        gateway_ref=None,
        failed_order_id=None,
    )
    assert opened.gateway_ref is not None
    assert opened.failed_order_id is not None
    assert opened.attempted_at is not None
    ready, _ = charge_steps.prepare(drawn, opened.gateway_ref)
    started, write = charge_steps.pass_point_of_no_return(
        subscription, ready, opened.failed_order_id, opened.attempted_at
    )
    assert started == opened
    assert write[0] == pointed_at(opened)


@pytest.mark.spec("R-1")
def test_a_key_names_all_that_its_gateway_is_asked_for(world: World) -> None:
    invoice = replace(world.history().invoices[0], gateway_ref=None, state=InvoiceState.PENDING)
    keys: list[str] = []
    prepare = world.sandbox.prepare
    world.sandbox.prepare = lambda order, *, key: keys.append(key) or prepare(order, key=key)  # type: ignore

    def key(**fields: Any) -> str:
        gateway_payments.prepare_ahead(world.ports, replace(invoice, **fields))
        return keys[-1]

    more = replace(invoice.total, amount_minor=1)
    changed: list[dict[str, Any]] = [
        *({"total": more}, {"product_name": "Another"}, {"payment_method": "pm_card_visa:2"}),
        *({"id": "sub_9.0009"}, {"attempt": 0}),
    ]
    drawn_anew: dict[str, Any] = {"order_id": "other", "download_key": "other"}
    assert key() == key(**drawn_anew) == key(opened_at=world.now)
    assert len({key(), *(key(**fields) for fields in changed)}) == len(changed)
    gateway_payments.prepare(world.ports, invoice)
    assert keys[-1] == invoice.id, "a stored invoice keeps its own key"
    assert max(map(len, keys)) < 100, "PayPal takes 108 characters"


@pytest.mark.spec("R-1", "R-4")
def test_an_attempt_is_not_begun_by_who_has_lost_the_claim(world: World) -> None:
    invoice = as_the_release_before(world)
    reference = gateway_payments.prepare(world.ports, invoice)
    ready, prepared = charge_steps.prepare(invoice, reference)
    world.store.commit(*prepared)
    read = world.subscription()
    _, write = charge_steps.pass_point_of_no_return(read, ready, "F-1", world.now)
    # Another one with the same claim has settled meanwhile, and set the cycle's next date.
    settled = replace(read, due_at=world.now + timedelta(days=9))
    world.store.commit(Change(read, settled, expecting=("due_at",)))
    with pytest.raises(Conflict):
        world.store.commit(*write)

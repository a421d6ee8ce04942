"""Gateway accounts: their keys, where these may be used, and what belongs to each (W-5, W-6)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from billing.accounts.flows import gateway_accounts
from billing.cards.flows import cards
from billing.gateway_events.flows import health
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import GatewayAccount
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.outbox.flows import deliver
from billing.refunds.flows import refund
from tests.web.shop import Shop
from tests.world import World

HERE = "here"


class Till(SandboxGateway):
    """A gateway of the merchant's own, as one account of it is."""

    name = "till"

    def __init__(self, world: World, account: str) -> None:
        super().__init__(MemoryLedger(), lambda: world.now)
        self.account = account  # type: ignore[misc]


@pytest.fixture
def world() -> World:
    """A merchant with two accounts at a gateway; the keys of a third are nowhere."""
    world = World(limits=False, environment=HERE)
    tills = {name: Till(world, name) for name in ("till_1", "till_2")}

    def gateway(account: AccountRef) -> Gateway:
        if account.account not in tills:
            raise NotFound("gateway_account_unknown")
        return tills[account.account]

    world.tills = tills  # type: ignore[attr-defined]
    world.ports = replace(world.ports, gateway=gateway)
    gateway_accounts.add(world.ports, "acme", "till", "till_1")
    reread(world)
    return world


def reread(world: World) -> None:
    found = world.store.merchant("acme")
    assert found is not None
    world.merchant = found


def charges(world: World, account: str = "till_1") -> int:
    tills: dict[str, Till] = world.tills  # type: ignore[attr-defined]
    return len(tills[account].charges())


def give_back(world: World, order: Order) -> Order:
    return refund.request(
        world.ports,
        refund.payment(world.ports, "acme", order.id),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )


def move_to(world: World, environment: str) -> None:
    """The tables are restored somewhere else."""
    operation = replace(world.ports.operation, environment=environment)
    world.ports = replace(world.ports, operation=operation)


@pytest.mark.spec("W-5")
def test_a_copy_somewhere_else_charges_nothing_refunds_nothing_and_mails_nothing(
    world: World,
) -> None:
    world.buy(world.product(gateways=("till",)))
    world.work()
    mails = len(world.mailer.sent)
    move_to(world, "restored")
    assert world.advance(days=40)["held_disarmed"] > 0
    assert (charges(world), len(world.mailer.sent)) == (1, mails)
    with pytest.raises(Refused) as refused:
        world.buy(world.product(gateways=("till",)), email="bob@example.com")
    assert refused.value.code == "disarmed"
    with pytest.raises(Unavailable, match="disarmed"):
        give_back(world, world.orders()[0])
    assert world.history().refunds == ()


@pytest.mark.spec("W-5", "R-8")
def test_what_was_not_mailed_while_disarmed_is_mailed_once_when_armed(world: World) -> None:
    world.buy(world.product(gateways=("till",)))
    move_to(world, "restored")
    for _ in range(3):
        world.advance(hours=2)
    world.cancel(When.PERIOD_END)
    world.now += timedelta(days=3)
    world.work()
    assert world.subjects() == []
    gateway_accounts.arm(world.ports, "acme")
    reread(world)
    for _ in range(2):
        world.advance(hours=2)
    bought, ends = sorted(world.subjects())
    assert bought.startswith("[TEST] Your purchase")
    assert ends.endswith("will end on February 28, 2026")
    assert undelivered(world) == []


@pytest.mark.spec("W-5")
def test_who_is_disarmed_keeps_nobody_else_waiting_and_passing_words_pass(world: World) -> None:
    world.buy(world.product(gateways=("till",)))
    world.work()
    (found,) = world.history().subscriptions
    move_to(world, "restored")
    reminder = OutboxEvent(
        id="reminder",
        kind=EventKind.RENEWAL_UPCOMING,
        merchant="acme",
        customer=found.customer,
        at=world.now,
        shard=0,
        subscription=found.id,
    )
    receipts = [replace(reminder, id=f"r{n}", kind=EventKind.PAUSED) for n in range(120)]
    world.store.commit(Insert(reminder))
    for receipt in receipts:
        world.store.commit(Insert(receipt))
    soon = world.now + timedelta(minutes=3)
    assert deliver.sweep(world.ports, now=soon) == Counter(waiting=120, left_out=1)
    assert deliver.sweep(world.ports, now=soon) == Counter(claimed=120)
    gateway_accounts.arm(world.ports, "acme")
    assert deliver.sweep(world.ports, now=soon + timedelta(hours=1))["told"] == 120


def undelivered(world: World) -> list[OutboxEvent]:
    """Returns the undelivered outbox events."""
    late = world.now + timedelta(days=1)
    return [
        f
        for n in range(world.ports.operation.shards)
        for f in world.store.undelivered(n, late, 999)
    ]


@pytest.mark.spec("W-5", "R-2")
def test_armed_here_it_goes_on_and_what_was_missed_for_long_waits(world: World) -> None:
    world.buy(world.product(gateways=("till",)))
    late = world.submission("bob@example.com")
    world.now += timedelta(days=10)
    world.submit(world.product(gateways=("till",)).default_price_point, late)
    move_to(world, "restored")
    world.advance(days=30)  # Ann's payment is 12 days late by now, Bob's not a week
    gateway_accounts.arm(world.ports, "acme")
    reread(world)
    assert world.merchant.gateway_accounts[0].bound_to == "restored"
    world.advance(hours=1)
    assert world.subscription("ann@example.com").waiting_since is not None
    assert world.subscription("bob@example.com").payments_made == 2
    assert charges(world) == 3


@pytest.mark.spec("W-6")
def test_a_new_account_takes_new_purchases_and_the_old_one_keeps_its_own(world: World) -> None:
    product = world.product(gateways=("till",))
    world.buy(product)
    gateway_accounts.add(world.ports, "acme", "till", "till_2")
    reread(world)
    assert [(a.id, a.active) for a in world.merchant.gateway_accounts] == [
        ("till_1", False),
        ("till_2", True),
    ]
    world.buy(product, email="bob@example.com")
    world.advance(days=31)
    assert (charges(world, "till_1"), charges(world, "till_2")) == (2, 2)
    assert give_back(world, world.orders()[0]).amount.amount_minor == 2999
    gateway_accounts.activate(world.ports, "acme", "till", "till_1")
    gateway_accounts.activate(world.ports, "acme", "till", "till_1")
    reread(world)
    assert [(a.id, a.active) for a in world.merchant.gateway_accounts] == [
        ("till_1", True),
        ("till_2", False),
    ]
    with pytest.raises(NotFound):
        gateway_accounts.activate(world.ports, "acme", "till", "till_3")


@pytest.mark.spec("W-6")
def test_an_account_without_keys_is_not_added(world: World) -> None:
    for gateway, account in (("till", "till_9"), ("sandbox", "sandbox")):
        with pytest.raises((NotFound, Refused)):
            gateway_accounts.add(world.ports, "acme", gateway, account)
    with pytest.raises(NotFound):
        gateway_accounts.add(world.ports, "nobody", "till", "till_1")


@pytest.mark.spec("W-6")
def test_removing_an_account_first_shows_what_hangs_on_it(world: World) -> None:
    world.buy(world.product(gateways=("till",)))
    (holding,) = gateway_accounts.list_accounts(world.ports, world.merchant, now=world.now)
    assert (holding.live_subscriptions, holding.open_invoices) == (1, 0)
    assert (holding.refundable_payments, holding.complete, holding.bound_here) == (1, True, True)
    with pytest.raises(Refused) as refused:
        gateway_accounts.remove(
            world.ports, world.merchant, "till", "till_1", force=False, now=world.now
        )
    assert refused.value.code == refused.value.reason == "account_in_use"
    assert refused.value.parameters == {"subscriptions": 1, "invoices": 0, "payments": 1}
    give_back(world, world.orders()[0])
    world.cancel()
    world.advance(days=40)
    gateway_accounts.remove(
        world.ports, world.merchant, "till", "till_1", force=False, now=world.now
    )
    reread(world)
    assert world.merchant.gateway_accounts == ()


@pytest.mark.spec("W-6", "C-4")
def test_an_account_stays_while_a_buyer_is_at_their_bank(world: World) -> None:
    product = world.product(gateways=("till",))
    waiting = world.buy(product, payment_method="pm_card_authenticationRequired")
    gateway_accounts.add(world.ports, "acme", "till", "till_2")
    reread(world)
    remove = partial(gateway_accounts.remove, world.ports, world.merchant, "till", "till_1")
    with pytest.raises(Refused) as refused:
        remove(force=False, now=world.now)
    assert refused.value.parameters == {"subscriptions": 0, "invoices": 1, "payments": 0}
    tills: dict[str, Till] = world.tills  # type: ignore[attr-defined]
    tills["till_1"].authenticate(str(waiting.invoice.gateway_ref), succeeded=True)
    world.advance(minutes=10)
    assert [order.kind for order in world.orders()] == [OrderKind.SALE]


@pytest.mark.spec("W-6", "C-4")
def test_attempts_that_are_over_or_too_many_to_look_through_are_told_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product(gateways=("till",))
    world.buy(product, payment_method="pm_card_authenticationRequired")
    monkeypatch.setattr(gateway_accounts, "WAITING_AT_MOST", 1)
    (cut,) = gateway_accounts.list_accounts(world.ports, world.merchant, now=world.now)
    assert (cut.open_invoices, cut.complete, cut.is_free) == (1, False, False)
    world.advance(hours=2)  # nobody answered: it was withdrawn
    (over,) = gateway_accounts.list_accounts(world.ports, world.merchant, now=world.now)
    assert (over.open_invoices, over.complete, over.is_free) == (0, True, True)


def without_account(world: World) -> None:
    gateway_accounts.remove(
        world.ports, world.merchant, "till", "till_1", force=True, now=world.now
    )
    reread(world)


@pytest.mark.spec("W-6", "R-4")
def test_what_was_at_an_account_that_is_gone_needs_a_new_card_and_was_not_declined(
    world: World,
) -> None:
    bought = world.buy(world.product(gateways=("till",)))
    without_account(world)
    tally = world.advance(days=28)
    assert tally["account_gone"] == 1
    lost = world.subscription()
    assert (lost.state, lost.due_at, lost.open_invoice) == (State.PAST_DUE, None, None)
    assert [o.kind for o in world.orders()] == ["sale"]
    assert world.subjects()[-1].endswith("Enter your card again for Course from Acme Courses")
    world.advance(days=30)
    assert charges(world) == 1
    with pytest.raises(Refused) as refused:
        give_back(world, world.orders()[0])
    assert refused.value.code == "account_gone"

    gateway_accounts.add(world.ports, "acme", "till", "till_2")
    reread(world)
    added = cards.add(
        world.ports,
        "acme",
        bought.customer,
        account=AccountRef("acme", "till", "till_2"),
        token="pm_card_visa",
        attempt_key="new-card",
        now=world.now,
    )
    assert added is None
    world.advance(minutes=5)
    assert world.subscription().state is State.ACTIVE
    assert (charges(world, "till_1"), charges(world, "till_2")) == (1, 1)


@pytest.mark.spec("W-6", "R-6")
def test_a_charge_under_way_at_an_account_that_is_gone_is_never_called_failed(
    world: World,
) -> None:
    world.buy(world.product(gateways=("till",)))
    world.now = world.now.replace(month=2, day=28)
    tills: dict[str, Till] = world.tills  # type: ignore[attr-defined]
    world.sweep()
    tills["till_1"].faults.arm("timeout_before", 0)
    confirm = tills["till_1"].confirm

    def unheard(*args: object, **kwargs: object) -> object:
        confirm(*args, **kwargs)  # type: ignore[arg-type]
        raise Unavailable("nobody hears it")

    tills["till_1"].confirm = unheard  # type: ignore[method-assign, assignment]
    world.work()
    without_account(world)
    assert world.advance(minutes=40)["account_gone_under_way"] >= 1
    invoice = world.history().invoices[-1]
    assert invoice.state is InvoiceState.CONFIRMING
    gateway_accounts.add(world.ports, "acme", "till", "till_1")
    world.advance(minutes=20)
    assert world.subscription().payments_made == 2
    assert charges(world) == 2


@pytest.mark.spec("W-6", "B-10")
def test_a_card_at_another_account_pays_anew_what_was_open_at_the_old_one(world: World) -> None:
    bought = world.buy(world.product(gateways=("till",)), payment_method="pm_card_visa")
    tills: dict[str, Till] = world.tills  # type: ignore[attr-defined]
    confirm = tills["till_1"].confirm

    def declined(reference: str, method: str, **kwargs: object) -> object:
        return confirm(reference, "pm_card_chargeCustomerFail:1", **kwargs)  # type: ignore[arg-type]

    tills["till_1"].confirm = declined  # type: ignore[method-assign, assignment]
    world.advance(days=28)
    assert world.subscription().state is State.PAST_DUE
    gateway_accounts.add(world.ports, "acme", "till", "till_2")
    cards.add(
        world.ports,
        "acme",
        bought.customer,
        account=AccountRef("acme", "till", "till_2"),
        token="pm_card_visa",
        attempt_key="new-card",
        now=world.now,
    )
    world.advance(minutes=5)
    assert world.subscription().payments_made == 2
    assert [i.state for i in world.history().invoices] == ["paid", "void", "paid"]
    paid = [c["status"] for c in tills["till_2"].charges()]
    assert paid == ["succeeded"]


@pytest.mark.spec("W-5", "W-6", "M-3")
def test_the_api_lists_arms_activates_and_removes() -> None:
    shop = Shop(World(environment=HERE))
    elsewhere = (
        GatewayAccount("till", "till_1", bound_to="elsewhere"),
        GatewayAccount("till", "till_2", active=False),
    )
    shop.world.change_merchant(gateway_accounts=elsewhere)
    assert shop.api.get("/v1/arm").json == {"armed": False, "environment": HERE}
    listed = shop.api.get("/v1/gateway-accounts").json["data"]
    assert [(a["id"], a["active"], a["armed"]) for a in listed] == [
        ("till_1", True, False),
        ("till_2", False, True),
    ]
    assert shop.api.post("/v1/arm", {}).json == {"armed": True, "environment": HERE}
    assert shop.api.post("/v1/gateway-accounts/till/till_2/activate", {}).status == 200
    assert shop.api.call("DELETE", "/v1/gateway-accounts/till/till_1?force=maybe").status == 422
    assert shop.api.call("DELETE", "/v1/gateway-accounts/till/till_1").status == 200
    assert shop.api.call("DELETE", "/v1/gateway-accounts/till/till_1").status == 404
    (left,) = shop.api.get("/v1/gateway-accounts").json["data"]
    assert (left["id"], left["active"], left["armed"]) == ("till_2", True, True)


@pytest.mark.spec("W-1", "W-6", "M-3")
def test_the_api_tells_the_last_webhook_of_an_account_and_the_last_that_was_refused(
    world: World,
) -> None:
    shop = Shop(world)

    def shown() -> list[Any]:
        found = shop.api.get("/v1/gateway-accounts").json["data"]
        return [each[name] for each in found for name in ("last_event", "last_refusal")]

    assert shown() == [None, None]
    notes, account = health.Hourly(), AccountRef("acme", "till", "till_1")
    notes.event(world.ports, account, "payment_intent.succeeded", now=world.now)
    notes.refusal(world.ports, "acme", "till", "event_thin", now=world.now)
    at = "2026-01-31T15:00:00Z"
    assert shown() == [
        {"what": "payment_intent.succeeded", "at": at},
        {"what": "event_thin", "at": at},
    ]
    assert shop.other.get("/v1/gateway-accounts").json["data"] == []

"""Disputes of a payment, opened and decided by its bank."""

from __future__ import annotations

from datetime import timedelta

from billing.gateway_events.flows import webhook
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import access
from billing.kernel.gateways import SANDBOX, AccountRef, DisputeStanding
from billing.kernel.invoices import InvoiceState
from billing.kernel.ledger import trial_balance
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order
from billing.kernel.subscription import Source
from billing.refunds.flows import refund
from tests.world import START, World

ACME = AccountRef("acme", SANDBOX, SANDBOX)
ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))
OPEN, WON, LOST = DisputeStanding.OPEN, DisputeStanding.WON, DisputeStanding.LOST


def deliver(world: World) -> list[str]:
    """Delivers every event of the gateway once more."""
    told = world.sandbox.events_since(START - timedelta(days=1))
    outcomes = [
        webhook.take(world.ports, world.merchant, ACME, event, now=world.now) for event in told
    ]
    return [name for tally in outcomes for name in tally if name.startswith("dispute")]


def reference(world: World, n: int = -1) -> str:
    paid = [i for i in world.history().invoices if i.state is InvoiceState.PAID]
    return str(paid[n].gateway_ref)


def disputed(world: World, amount_minor: int | None = None) -> str:
    """Disputes the newest payment, and delivers the gateway's event."""
    dispute = world.sandbox.open_dispute(reference(world), amount_minor)
    assert deliver(world) == ["dispute_opened"]
    return dispute


def decide(
    world: World, dispute: str, standing: DisputeStanding, amount_minor: int | None = None
) -> list[str]:
    """Decides a dispute, lost over all that was disputed or that amount, and delivers the event."""
    world.sandbox.close_dispute(_payment_of(world, dispute), dispute, standing, amount_minor)
    return deliver(world)


def appeal(world: World, dispute: str) -> list[str]:
    """Opens a lost dispute again, and delivers the gateway's event."""
    world.sandbox.appeal_dispute(_payment_of(world, dispute), dispute)
    return deliver(world)


def _payment_of(world: World, dispute: str) -> str:
    (about,) = {c.invoice: c for c in world.history().chargebacks if c.id == dispute}
    invoice = next(i for i in world.history().invoices if i.id == about)
    return str(invoice.gateway_ref)


def has_access(world: World) -> bool:
    history = world.history()
    (found,) = access(history.entitlements, history.subscriptions, world.now)
    return found.active


def kinds(world: World) -> list[str]:
    return [order.kind.value for order in world.orders()]


def balance(world: World) -> dict[str, int]:
    found = trial_balance(world.history().ledger)
    return {account: amount for (account, _), amount in found.items() if amount}


def give_back(world: World, order: Order) -> Order:
    return refund.request(
        world.ports,
        refund.payment(world.ports, "acme", order.id),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )

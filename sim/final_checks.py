"""Checks once all faults are over and some days have passed (RELIABILITY.md, section 3).

What holds of the table by itself is `billing.operations.at_rest`, which restored tables are held to
as well; here is what only the gateway, the clock and what was seen on the way can say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.helpdesk.tickets import Ticket, TicketState
from billing.kernel import ledger
from billing.kernel.customers import Entitlement, PaymentMethod
from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import FINAL, Invoice, InvoiceState
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.ledger import LedgerEntry
from billing.kernel.orders import Order
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.periods import Anchor
from billing.kernel.subscription import State, Subscription
from billing.operations import at_rest
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState
from sim import handed
from sim.access_writes import access_agrees
from sim.account_balances import balances_agree
from sim.coupons import uses_agree
from sim.declarations import declarations_bind
from sim.figures import figures_agree
from sim.invariants import Violation
from sim.jobs import jobs_ended
from sim.logged import logged_once
from sim.receivers import all_delivered
from sim.seen import ASKED
from sim.virtual_clock import instant
from sim.withdrawals import withdrawals_are_exact
from sim.world import World

TWO_SWEEPS = timedelta(minutes=2)
A_DAY = timedelta(days=1)
A_WEEK = timedelta(days=7, hours=1)


def reckon(world: World) -> None:
    """Checks the whole table against itself, the gateway's books and the clock."""
    found: dict[type, list[Any]] = defaultdict(list)
    for entity in world.table.all():
        found[type(entity)].append(entity)
    for broken in at_rest.check(world.table.all()):
        raise Violation(broken.number, broken.text, *broken.about)
    _each_customer_is_sound(found)
    now = instant(world.clockwork.now_us)
    _drained(world, found, now)
    for subscription in found[Subscription]:
        _alive(world, subscription, now)
    for invoice in found[Invoice]:
        _not_stuck(world, invoice, now)
    for checkout in found[Checkout]:
        _checkout_over(world, checkout, found, now)
    for ticket in found[Ticket]:
        _decided(world, ticket, now)
    _books_agree(world, found)
    _refunds_agree(world, found)
    balances_agree(world, found)
    uses_agree(found)
    access_agrees(found, now)
    declarations_bind(world, found)
    withdrawals_are_exact(world, found)
    _asked_once(found[Refund])
    _disputes_agree(world, found)
    _cards_agree(world, found)
    logged_once(found, world.oracle.events.values())
    jobs_ended(world)
    all_delivered(world, found)
    figures_agree(world)
    handed.kept(world.seed, found)
    _periods_without_gaps(found, world.oracle.skipped)


def _each_customer_is_sound(found: dict[type, list[Any]]) -> None:
    """Checks what the items of live customers are held to every night."""
    of_customer: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for kind in (Subscription, Order, Invoice, Refund, LedgerEntry, Chargeback, IssuedDocument):
        for entity in found[kind]:
            of_customer[entity.merchant, entity.customer or ""].append(entity)
    for items in of_customer.values():
        for broken in at_rest.check(items, at_rest.OF_CUSTOMER):
            raise Violation(broken.number, broken.text, *broken.about)


def _drained(world: World, found: dict[type, list[Any]], now: datetime) -> None:
    if world.deployment.dead_letters:
        letter = world.deployment.dead_letters[0].name
        raise Violation("23", f"dead letters are left after the redrive: {letter}", *letter.split())
    for event in found[OutboxEvent]:
        if now - event.at > timedelta(hours=1):
            raise Violation("23", f"{event.id} was never told", event.id, event.subscription)


def _alive(world: World, subscription: Subscription, now: datetime) -> None:
    """Checks that nothing chargeable is late: neither its due date nor its payment (21)."""
    patience = world.ports.operation.lease + TWO_SWEEPS
    due = subscription.due_at
    if due is not None and now - due > patience:
        raise Violation("21", f"{subscription.id} has been due since {due}", subscription.id)
    asked = subscription.cancelling
    recorded = asked is not None and subscription.state is not State.CANCEL_PENDING
    if asked is not None and recorded and now - asked.requested_at > A_DAY:
        raise Violation("21", f"{subscription.id} was to end, and goes on", subscription.id)
    scheduled = subscription.period_at
    if scheduled is None or due is None or subscription.state is State.PAST_DUE:
        return
    charged_on = subscription.last_charged_on
    today = Anchor.at(now, subscription.anchor.zone).wall.date()
    # At most one payment a local day: what was long past due catches up day by day.
    catches_up = charged_on is not None and today - charged_on <= A_DAY
    late = now - scheduled > timedelta(days=3) and not catches_up
    if late or due > max(scheduled, now) + timedelta(hours=25):
        text = f"{subscription.id} was due {scheduled} and sleeps until {due}"
        raise Violation("21", text, subscription.id)


def _not_stuck(world: World, invoice: Invoice, now: datetime) -> None:
    if invoice.changes_plan and invoice.state not in FINAL and now - invoice.opened_at > A_DAY:
        text = f"{invoice.id} is a change of plan that never lapses"
        raise Violation("22", text, invoice.id, invoice.purchase)
    if invoice.state is not InvoiceState.CONFIRMING or invoice.attempted_at is None:
        return
    if now - invoice.attempted_at > timedelta(hours=2 if world.oracle.payments_lapse else 1):
        text = f"{invoice.id} has been CONFIRMING since {invoice.attempted_at}"
        raise Violation("22", text, invoice.id, invoice.purchase)


def _decided(world: World, ticket: Ticket, now: datetime) -> None:
    """Checks that no request waits past its last day, and approved ones are carried out (H-4)."""
    hour = timedelta(hours=1)
    stands = world.oracle.subscription(ticket.about)
    if ticket.state is TicketState.OPEN and ticket.due_at and now - ticket.due_at > hour:
        raise Violation("22", f"{ticket.id} is never decided", ticket.id, ticket.about)
    decided = ticket.decided_at
    if ticket.is_under_way and ticket.lets_stand is None and decided and now - decided > hour:
        raise Violation("22", f"{ticket.id} is never carried out", ticket.id, ticket.about)
    if stands is not None and stands.held_for == ticket.id and now - ticket.requested_at > A_WEEK:
        raise Violation("21", f"{stands.id} is held for ever by {ticket.id}", stands.id)


def _checkout_over(
    world: World, checkout: Checkout, found: dict[type, list[Any]], now: datetime
) -> None:
    about = (checkout.key, checkout.purchase)
    if checkout.state is CheckoutState.OPEN:
        if now - checkout.created_at > timedelta(hours=3):
            raise Violation("22", f"checkout {checkout.key} never ends", *about)
        return
    charged = world.oracle.succeeded.get(checkout.invoice.id, [])
    paid = checkout.state is CheckoutState.PAID
    if bool(charged) != (paid and bool(checkout.invoice.total)):
        raise Violation("2", f"checkout {checkout.key} {checkout.state}: {charged}", *about)
    ours = [e for e in found[Entitlement] if e.source == checkout.purchase]
    granted = {e.grant for e in ours if e.revoked_at is None}
    stands = world.oracle.subscription(checkout.purchase)
    sold = {product.id: product.grants for product, _ in world.plan.products}
    agreed = checkout.grants if stands is None else sold[stands.product]
    bought = world.oracle.invoices.get(checkout.invoice.id, checkout.invoice)
    given_back = stands is None and 0 < bought.total.amount_minor == bought.refunded_minor  # B-7
    if granted != (set(agreed) if paid and not given_back else set()):
        raise Violation("12", f"checkout {checkout.key} grants {granted}", *about)


def _books_agree(world: World, found: dict[type, list[Any]]) -> None:
    """Checks that gateway's books = orders = invoices = ledger, in both directions (2, 18)."""
    gateway = {
        invoice: sum(row["amount"] for row in rows)
        for invoice, rows in world.oracle.succeeded.items()
    }
    invoices = {
        i.id: i.total.amount_minor
        for i in found[Invoice]
        if i.state is InvoiceState.PAID and i.total
    }
    orders = Counter[str]()
    for order in found[Order]:
        if order.kind in {"sale", "rebill"} and order.amount:
            orders[order.invoice] += order.amount.amount_minor
    booked = Counter[str]()
    for entry in found[LedgerEntry]:
        if not entry.id.endswith(":paid"):
            continue
        received = [p for p in entry.postings if p.account.startswith(ledger.RECEIVED)]
        booked[entry.id.removesuffix(":paid")] += sum(p.amount_minor for p in received)
    under_way = {
        i.id for i in world.oracle.invoices.values() if i.state not in FINAL and i.id in gateway
    }
    for name, book in (("invoices", invoices), ("orders", orders), ("ledger", booked)):
        for invoice in (gateway.keys() | book.keys()) - under_way:
            if gateway.get(invoice, 0) != book.get(invoice, 0):
                text = (
                    f"{invoice}: gateway {gateway.get(invoice, 0)}, {name} {book.get(invoice, 0)}"
                )
                raise Violation("2", text, invoice, invoice.rpartition(".")[0])
    for invoice in under_way:
        _paid_soon(world, world.oracle.invoices[invoice])


def _refunds_agree(world: World, found: dict[type, list[Any]]) -> None:
    """Checks that the gateway's refunds = our refunds = invoices = orders (11)."""
    given: Counter[str] = Counter()
    for row in world.gateway.books.rows():
        for refund in row.get("refunds", {}).values():
            given[row["invoice"]] += 0 if "failure" in refund else refund["amount"]
    booked: Counter[str] = Counter()
    for refund in found[Refund]:
        if refund.state is RefundState.REQUESTED:
            raise Violation("11", f"{refund.id} was never finished", refund.id, refund.invoice)
        if refund.state is RefundState.SUCCEEDED:
            booked[refund.invoice] += refund.amount.amount_minor
    invoices = {i.id: i.refunded_minor for i in found[Invoice] if i.refunded_minor}
    orders: Counter[str] = Counter()
    for order in found[Order]:
        if order.kind == "refund" and not order.withdrawn:
            orders[order.invoice] += order.amount.amount_minor
    for name, book in (("refunds", booked), ("invoices", invoices), ("orders", orders)):
        wrong = {k for k in given.keys() | book.keys() if given.get(k, 0) != book.get(k, 0)}
        if wrong:
            text = f"the gateway gave back {dict(given)}, {name} say {dict(book)}"
            raise Violation("11", text[:300], *sorted(wrong))


def _asked_once(refunds: list[Refund]) -> None:
    """Checks that a refund asked for again, because nothing was done, is paid once (11)."""
    wishes = Counter(each.reason for each in refunds if (each.reason or "").startswith(ASKED))
    if twice := [wish for wish, times in wishes.items() if times > 1]:
        raise Violation("11", f"asked for once, and refunded more often: {twice}")


def _disputes_agree(world: World, found: dict[type, list[Any]]) -> None:
    """Checks that the gateway's disputes are our chargebacks (14).

    One that was won takes nothing: how much it had taken before that may not have been heard.
    """
    told = {
        each["id"]: _taken(each["standing"], each["amount"])
        for row in world.gateway.books.rows()
        for each in row.get("disputes", ())
    }
    ours = {c.id: _taken(c.standing.value, c.amount.amount_minor) for c in found[Chargeback]}
    listed = {order.id: order.amount for order in found[Order] if order.kind == "chargeback"}
    if listed != {c.order: c.amount for c in found[Chargeback]}:
        raise Violation("14", f"the entries {listed} are not of {found[Chargeback]}"[:300])
    if told != ours:
        wrong = sorted(k for k in told.keys() | ours.keys() if told.get(k) != ours.get(k))
        text = f"the gateway has the disputes {told}, we have {ours}"
        about = [c.subscription for c in found[Chargeback]]
        raise Violation("14", text[:300], *wrong, *about)


def _taken(standing: str, amount_minor: int) -> tuple[str, int]:
    return standing, 0 if standing == DisputeStanding.WON else amount_minor


def _cards_agree(world: World, found: dict[type, list[Any]]) -> None:
    """Checks that every card shows its gateway's present details, whatever was lost (W-7)."""
    for card in found[PaymentMethod]:
        kept = world.gateway.sandbox.find_method(card.id)
        if card.removed_at is not None or kept is None:
            continue
        shown, has = (card.last4, card.expires_on), (kept.last4, kept.expires_on)
        if shown != has:
            raise Violation("W-7", f"{card.id} shows {shown}, the gateway has {has}", card.customer)


def _paid_soon(world: World, invoice: Invoice) -> None:
    """Checks that money that moved unbooked has a due date that will book it."""
    subscription = world.oracle.subscription(invoice.subscription)
    if subscription is None or subscription.due_at is None:
        raise Violation("2", f"{invoice.id} was charged; nobody will book it", invoice.id)


def _periods_without_gaps(found: dict[type, list[Any]], skipped: Mapping[str, set[int]]) -> None:
    """Checks that exactly those periods are unpaid that somebody was seen to skip (6)."""
    paid: dict[str, list[int]] = defaultdict(list)
    for invoice in found[Invoice]:
        paid_for = invoice.subscription if invoice.state is InvoiceState.PAID else None
        if paid_for and invoice.period is not None:
            paid[paid_for].append(invoice.period)
    for subscription in found[Subscription]:
        periods = sorted(paid[subscription.id])
        left_out = skipped.get(subscription.id, set())
        if periods != [k for k in range(subscription.period) if k not in left_out]:
            text = f"{subscription.id} paid {periods}, and says {subscription.payments_made}"
            raise Violation("6", text, subscription.id)

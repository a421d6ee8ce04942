"""Webhooks of gateways: an event is never trusted, only a reason to look (W-1, W-7).

The object is read afresh and settled by the same steps that checkout, worker and refund take, each
of which is refused when another came first. So any number of deliveries in any order comes to the
same end; the id of an event is kept with what it brought about, in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from billing.cards.flows import card_updates
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import settlement
from billing.gateway_events.flows import health
from billing.kernel.errors import Conflict, Forged, HeldBack, NotFound, Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import (
    About,
    AccountRef,
    ActionRequired,
    Declined,
    Expired,
    GatewayEvent,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.invoices import FINAL, UNDER_WAY, Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.payment_refs import PaymentPointer
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.writes import Transaction, left
from billing.rebill import orphan_payment
from billing.rebill.flows import outcomes
from billing.rebill.flows.charge_jobs import ChargeJob
from billing.refunds.flows import sync_disputes, sync_refunds

ATTEMPTS = 8
"""The number of times that an event meeting other writers is looked at, before it is sent again."""

SILENT = health.Silent()

NOTHING_NEW = "nothing_new"
HELD_BACK = "payment_pending"
"""The result of an event about a payment still to be decided: another event follows then."""


def receive(
    ports: Ports,
    merchant: Merchant | None,
    gateway: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: datetime,
    notes: health.Notes = SILENT,
) -> Counter[str]:
    """Handles a request to the address of a merchant's gateway, `headers` with names in lower case.

    Several accounts may have sent it while an old one still has something open (W-6): the signature
    decides. Raises `Forged` for a request that none of them signed, with the reason of the account
    that came nearest, and `Conflict` or `Unavailable` when it is to be sent again: also when it may
    be of an account of which it cannot be known now, as the keys of an old one are revoked.
    """
    nearest, unknown = Forged("signature_wrong"), None
    for account in () if merchant is None else merchant.accounts_at(gateway):
        try:
            event = ports.gateway(account).parse_event(body, headers, now=now)
        except NotFound:
            continue  # the keys of this account are gone
        except Forged as refused:
            # Any other reason than a secret that does not fit says more.
            nearest = refused if nearest.reason == "signature_wrong" else nearest
            continue
        except Unavailable as outage:
            unknown = outage
            continue
        assert merchant is not None
        notes.event(ports, account, event.type, now=now)
        return take(ports, merchant, account, event, now=now)
    if unknown is not None and nearest.reason == "signature_wrong":
        raise unknown
    raise nearest


def take(
    ports: Ports, merchant: Merchant, account: AccountRef, event: GatewayEvent, *, now: datetime
) -> Counter[str]:
    """Handles one event of an account, its signature checked; the tally names its result."""
    for _ in range(ATTEMPTS):
        try:
            return Counter({_take_event(ports, merchant, account, event, now): 1})
        except Conflict:
            continue
        except HeldBack:
            return Counter({HELD_BACK: 1})
    raise Conflict()


def look(ports: Ports, invoice: Invoice, *, now: datetime) -> Invoice:
    """Settles a subscription's payment as the gateway has it, for a buyer who came back from there.

    Returns the invoice after that. Raises `Conflict` when another came first, and `Unavailable`
    when it cannot be known.
    """
    merchant = ports.store.merchant(invoice.merchant)
    assert merchant is not None, "a merchant is never removed"
    found = _rebill(ports, merchant, invoice, now)
    if found is None:
        return invoice
    ports.store.commit(*found[1])
    return left(invoice, found[1])


def _take_event(
    ports: Ports, merchant: Merchant, account: AccountRef, event: GatewayEvent, now: datetime
) -> str:
    if event.reference is None or event.about is About.OTHER:
        return f"ignored_{event.about}"
    if event.about is About.METHOD:
        return card_updates.take_over(ports, account, event.reference, now=now)
    pointer = ports.store.owner_of_payment(account, event.reference)
    if pointer is None:
        return "not_ours"
    if event.id in pointer.events:
        return "repeated"
    also = (pointer.told_by(event.id),)
    if event.about is About.PAYMENT:
        return _settled(ports, merchant, pointer, now, also)
    # One reported before its payment: that is settled first, without this event.
    history = _history_once_settled(ports, merchant, pointer, now)
    invoice = history.invoice(pointer.invoice)
    if invoice is None or invoice.state is not InvoiceState.PAID:
        return NOTHING_NEW
    if event.about is About.DISPUTE:
        found = ports.gateway_of(invoice).disputes(event.reference)
        return sync_disputes.update(ports, merchant, invoice, found, now=now, also=also)
    return sync_refunds.update(ports, history, invoice, now=now, also=also)


def _settled(
    ports: Ports, merchant: Merchant, pointer: PaymentPointer, now: datetime, also: Transaction
) -> str:
    """Settles the payment as the gateway reports it; `also` goes with the writes.

    The step is the checkout's for a first payment, the rebill's for every other.
    """
    if pointer.attempt_key is not None:
        found = _first_payment(ports, _attempt(ports, pointer), now)
    else:
        invoice = ports.store.invoice(pointer.merchant, pointer.customer, pointer.invoice)
        assert invoice is not None, "an invoice is written before its pointer"
        found = _rebill(ports, merchant, invoice, now)
    if found is None:
        return NOTHING_NEW
    name, writes = found
    ports.store.commit(*writes, *also)
    return name


def _history_once_settled(
    ports: Ports, merchant: Merchant, pointer: PaymentPointer, now: datetime
) -> History:
    """Settles the payment if it is not yet, and returns it as it is after that."""
    if pointer.attempt_key is not None:
        attempt = _attempt(ports, pointer)
        if (found := _first_payment(ports, attempt, now)) is not None:
            ports.store.commit(*found[1])
            attempt = _attempt(ports, pointer)
        return ports.store.payment(pointer.merchant, attempt.customer, pointer.invoice)
    payment = partial(ports.store.payment, pointer.merchant, pointer.customer, pointer.invoice)
    history = payment()
    invoice = history.invoice(pointer.invoice)
    assert invoice is not None, "an invoice is written before its pointer"
    if (found := _rebill(ports, merchant, invoice, now)) is None:
        return history
    ports.store.commit(*found[1])
    return payment()


def _attempt(ports: Ports, pointer: PaymentPointer) -> Checkout:
    assert pointer.attempt_key is not None, "the pointer of a first payment names its attempt"
    attempt = ports.store.checkout(pointer.merchant, pointer.attempt_key)
    assert attempt is not None, "an attempt is never removed once it was charged"
    return attempt


def _first_payment(
    ports: Ports, attempt: Checkout, now: datetime
) -> tuple[str, Transaction] | None:
    if attempt.invoice.state is InvoiceState.PAID:
        return None
    outcome = gateway_payments.lookup(ports, attempt.invoice)
    if attempt.state is CheckoutState.OPEN and not isinstance(outcome, Unconfirmed):
        step = settlement.step_of(ports, attempt, outcome, now=now)
        return step and (f"checkout_{step[0].state}", step[1])
    if not isinstance(outcome, Succeeded):
        return None
    customer = _buyer(ports, attempt)
    _, writes = orphan_payment.of_checkout(
        attempt,
        outcome,
        now,
        customer=customer,
        kept=settlement.kept_card(ports, attempt, customer),
        refund_order=ports.new_id("order"),
        shard=ports.shard_of(attempt.invoice.purchase),
    )
    return "paid_too_late", writes


def _buyer(ports: Ports, attempt: Checkout) -> str | None:
    """Returns the customer of an attempt; an erased form names no email (M-8)."""
    if attempt.method is not None:
        return settlement.buyer(ports, attempt)
    known = ports.store.customer(attempt.merchant, attempt.customer)
    return None if known is None else known.id


def _rebill(
    ports: Ports, merchant: Merchant, invoice: Invoice, now: datetime
) -> tuple[str, Transaction] | None:
    if invoice.state is InvoiceState.PAID:
        return None
    outcome = gateway_payments.lookup(ports, invoice)
    if invoice.state in FINAL:
        return _too_late(ports, invoice, outcome, now)
    job = _charge_job(ports, merchant, invoice)
    waits = isinstance(outcome, ActionRequired | Expired) and job.waits_for_buyer
    # Between two attempts only a payment is news: a decline belongs to an earlier one.
    news = invoice.state in UNDER_WAY or isinstance(outcome, Succeeded)
    # What is to be cancelled the worker withdraws at once: that ends it, and a decline would not.
    to_end = job.subscription.cancelling is not None and isinstance(
        outcome, ActionRequired | Declined
    )
    if isinstance(outcome, Unconfirmed) or waits or to_end or not news:
        return None
    return outcomes.settlement(ports, job, outcome, now)


def _charge_job(ports: Ports, merchant: Merchant, invoice: Invoice) -> ChargeJob:
    assert invoice.subscription is not None, "only a checkout pays for anything else"
    subscription = ports.store.subscription(
        invoice.merchant, invoice.customer, invoice.subscription
    )
    assert subscription is not None, "a subscription is never removed"
    if subscription.open_invoice != invoice.id:
        raise Conflict()
    return ChargeJob(merchant, subscription, invoice)


def _too_late(
    ports: Ports, invoice: Invoice, outcome: PaymentStatus, now: datetime
) -> tuple[str, Transaction] | None:
    """Books and refunds money for an invoice that can no longer be paid."""
    if not isinstance(outcome, Succeeded):
        return None
    order, shard = ports.new_id("order"), ports.shard_of(invoice.purchase)
    _, write = orphan_payment.of_invoice(invoice, outcome, now, refund_order=order, shard=shard)
    return "paid_too_late", write

"""The outbox told to the world: each fact mailed once, its invoice numbered first (R-8, M-7).

A fact is claimed, told, and removed. Whoever is killed in between leaves a claim that runs out, and
the sweep tells it then; the mail's Message-ID is the fact's, so that a mail sent twice is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage

from billing.errors import Conflict, Unavailable
from billing.facts import Fact, FactKind
from billing.flows import invoices
from billing.merchants import Merchant
from billing.orders import Invoice
from billing.ports import Ports
from billing.render import mails
from billing.subscription import Subscription
from billing.transactions import Change, Remove

CLAIM = timedelta(minutes=5)
SWEEP_AFTER = timedelta(minutes=2)
"""What the stream has not delivered by then, the sweep does."""


def sweep(ports: Ports, *, now: datetime, limit: int = 100) -> Counter[str]:
    """Tell what the stream left untold."""
    tally: Counter[str] = Counter()
    for shard in range(ports.operation.shards):
        for fact in ports.store.undelivered(shard, now - SWEEP_AFTER, limit):
            tally += _told(ports, fact, now)
    return tally


def deliver(
    ports: Ports, facts: Sequence[tuple[int, datetime, str]], *, now: datetime
) -> Counter[str]:
    """Tell the facts of (shard, written at, id), as the stream names them, if they are untold."""
    tally: Counter[str] = Counter()
    for shard, at, fact_id in facts:
        fact = ports.store.fact(shard, at, fact_id)
        if fact is None:
            tally["told_before"] += 1
        else:
            tally += _told(ports, fact, now)
    return tally


def _told(ports: Ports, fact: Fact, now: datetime) -> Counter[str]:
    """One fact, its failure counted and left to the next sweep."""
    if fact.claimed_until is not None and fact.claimed_until > now:
        return Counter(claimed=1)
    try:
        claimed = replace(fact, claimed_until=now + CLAIM)
        ports.store.commit(Change(fact, claimed))
        _tell(ports, fact, now)
        ports.store.commit(Remove(claimed, as_read=("claimed_until",)))
    except Conflict:
        return Counter(conflict=1)
    except Unavailable:
        return Counter(unsent=1)
    return Counter(told=1)


def _tell(ports: Ports, fact: Fact, now: datetime) -> None:
    merchant = ports.store.merchant(fact.merchant)
    assert merchant is not None and fact.invoice is not None, "written with them"
    invoice = invoices.numbered(ports, fact.merchant, fact.customer, fact.invoice)
    if merchant.armed:  # a disarmed environment sends no mail (W-5)
        ports.mailer.send(_mail(ports, fact, merchant, invoice, now), now=now)


def _mail(
    ports: Ports, fact: Fact, merchant: Merchant, invoice: Invoice, now: datetime
) -> EmailMessage:
    subscription = _subscription(ports, fact)
    sender, message_id = ports.operation.sender, fact.id
    if fact.kind is FactKind.PAYMENT_FAILED:
        return mails.payment_failed(
            merchant, invoice, subscription, sender=sender, message_id=message_id, at=now
        )
    if fact.kind is FactKind.ENDED:
        return mails.ended(
            merchant, invoice, subscription, sender=sender, message_id=message_id, at=now
        )
    build = mails.confirmation if fact.kind is FactKind.PURCHASED else mails.receipt
    return build(
        merchant,
        invoice,
        subscription,
        sender=sender,
        invoice_url=invoices.link(ports, invoice),
        pdf=invoices.pdf(ports, invoice),
        message_id=message_id,
        at=now,
    )


def _subscription(ports: Ports, fact: Fact) -> Subscription | None:
    if fact.subscription is None:
        return None
    return ports.store.subscription(fact.merchant, fact.customer, fact.subscription)

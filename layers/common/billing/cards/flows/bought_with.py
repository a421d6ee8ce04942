"""Looks at the cards of a customer after a purchase (B-9, W-3)."""

from __future__ import annotations

from datetime import datetime

from billing.cards.flows import cards
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change


def keep_newest(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Keeps the newest of equal cards after a purchase: a checkout saves its card without a look
    at those that are there."""
    cards.keep_newest(ports, merchant.id, event.customer, now=now)
    _note_real(ports, merchant.id, event.customer)


def _note_real(ports: Ports, merchant: str, customer: str) -> None:
    """Notes that a customer of tests has a real card: their pages and mails are no test's any more
    (W-3)."""
    before = ports.store.customer(merchant, customer)
    if before is None or not before.test:
        return
    if all(cards.is_test(ports, each) for each in ports.store.holdings(merchant, customer).methods):
        return
    ports.store.commit(Change(before, replace(before, test=False), expecting=("test",)))

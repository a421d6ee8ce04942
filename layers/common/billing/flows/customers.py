"""Looking a customer up: who they are, what they bought, what they may use (C-3, H-6, M-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.customers import Access, Customer, access
from billing.errors import NotFound
from billing.ports import History, Ports


@dataclass(frozen=True, slots=True)
class Overview:
    """One customer with everything that is theirs."""

    customer: Customer
    history: History
    access: list[Access]


def by_email(ports: Ports, merchant: str, email: str) -> list[Customer]:
    """The customer that an email belongs to, or nobody."""
    found = ports.store.customer_by_email(merchant, email)
    customer = found and ports.store.customer(merchant, found)
    return [customer] if customer else []


def overview(ports: Ports, merchant: str, customer: str, *, now: datetime) -> Overview:
    """A customer with subscriptions, orders, invoices and access; raises `NotFound`."""
    history = ports.store.history(merchant, customer)
    if history.customer is None:
        raise NotFound("There is no such customer.")
    opened = access(history.entitlements, history.subscriptions, now)
    return Overview(history.customer, history, opened)


def has_access(ports: Ports, merchant: str, email: str, grant: str, *, now: datetime) -> bool:
    """Whether whoever has this email may use `grant` now."""
    customer = ports.store.customer_by_email(merchant, email)
    if customer is None:
        return False
    history = ports.store.history(merchant, customer)
    opened = access(history.entitlements, history.subscriptions, now)
    return any(entry.active for entry in opened if entry.grant == grant)

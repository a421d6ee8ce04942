"""Looking a customer up: who they are, what they bought, what they may use (C-3, H-6, M-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from billing.checkouts import Checkout, CheckoutState
from billing.customers import (
    Access,
    Customer,
    EmailPointer,
    PurchaseBillTo,
    access,
    email_hash,
    normalised_email,
)
from billing.errors import Conflict, NotFound, Refused
from billing.mail_stops import MailStop
from billing.ports import Ports
from billing.storage import History
from billing.subscription import State
from billing.tickets import Thread
from billing.transactions import Change, Insert, Remove, Write


@dataclass(frozen=True, slots=True)
class Overview:
    """One customer with everything that is theirs."""

    customer: Customer
    history: History
    access: list[Access]
    mail_stop: MailStop | None = None
    """Why no mail goes to their address, if none does."""


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is kept of one customer (M-8)."""

    overview: Overview
    bill_tos: list[PurchaseBillTo]
    attempts: list[Checkout]
    """Checkouts under their name that came to nothing."""
    threads: list[Thread]


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
    subscriptions = tuple(found.as_of(now) for found in history.subscriptions)
    opened = _access(ports, merchant, history, now)
    stop = ports.store.mail_stop(merchant, history.customer.email)
    return Overview(history.customer, replace(history, subscriptions=subscriptions), opened, stop)


def export(ports: Ports, merchant: str, customer: str, *, now: datetime) -> Export:
    """Everything that is kept of a customer; raises `NotFound`."""
    found = overview(ports, merchant, customer, now=now)
    purchases = [(merchant, customer, each.purchase) for each in found.history.consents]
    tried = [each.attempt_key for each in found.history.orders if each.attempt_key is not None]
    attempts = [ports.store.checkout(merchant, key) for key in tried]
    threads = [
        ports.store.thread(merchant, each.id) for each in ports.store.tickets_of(merchant, customer)
    ]
    return Export(
        found,
        [each for each in ports.store.bill_tos(purchases) if each is not None],
        [each for each in attempts if each is not None and each.state is not CheckoutState.PAID],
        [each for each in threads if each is not None],
    )


def change(ports: Ports, merchant: str, customer: str, changes: Mapping[str, Any]) -> Customer:
    """Change `email`, `name` or `address`; purchases and invoices keep those they were made with.

    Raises `NotFound`, and `Refused` (email_taken) for the email of another customer.
    """
    before = ports.store.customer(merchant, customer)
    if before is None:
        raise NotFound("There is no such customer.")
    given = {name: value for name, value in changes.items() if value is not None}
    if "email" in given:
        given["email"] = normalised_email(given["email"])
    after = replace(before, **given)
    if after == before:
        return before
    try:
        ports.store.commit(Change(before, after), *pointers(before, after))
    except Conflict:
        if after.email != before.email and ports.store.customer_by_email(merchant, after.email):
            raise Refused("Another customer has this email.", code="email_taken") from None
        raise
    return after


def pointers(before: Customer, after: Customer) -> tuple[Write, ...]:
    """An email belongs to one customer: the new one is taken in the write that gives the old
    back."""
    if after.email == before.email:
        return ()

    def pointer(customer: Customer) -> EmailPointer:
        hashed = email_hash(customer.merchant, customer.email)
        return EmailPointer(customer.merchant, hashed, customer.id)

    return (Insert(pointer(after)), Remove(pointer(before)))


def has_access(ports: Ports, merchant: str, email: str, grant: str, *, now: datetime) -> bool:
    """Whether whoever has this email may use `grant` now."""
    customer = ports.store.customer_by_email(merchant, email)
    if customer is None:
        return False
    history = ports.store.history(merchant, customer)
    opened = _access(ports, merchant, history, now)
    return any(entry.active for entry in opened if entry.grant == grant)


def _access(ports: Ports, merchant: str, history: History, now: datetime) -> list[Access]:
    grace_days = None
    if any(found.state is State.PAST_DUE for found in history.subscriptions):
        seller = ports.store.merchant(merchant)
        assert seller is not None, "a merchant is never removed"
        grace_days = seller.settings.grace_days
    return access(history.entitlements, history.subscriptions, now, grace_days)

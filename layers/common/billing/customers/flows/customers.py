"""Customer look-up and changes: details, purchases, access (C-3, H-6, M-1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.cards import cards
from billing.kernel.customers import (
    Access,
    Customer,
    EmailPointer,
    Entitlement,
    access,
    email_hash,
    normalised_email,
)
from billing.kernel.errors import Conflict, NotFound, Refused
from billing.kernel.flows import list_rows
from billing.kernel.invoices import Invoice
from billing.kernel.list_rows import WORDS
from billing.kernel.lists import Page
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.search_words import Search
from billing.kernel.storage import History
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.outbox.suppressions import MailStop

ATTEMPTS = 8
BILLS_MOST = 80
"""The most purchases of one customer whose billing address follows a new email: a write takes a
hundred items. Mail follows for all of them."""


ORDERS_SHOWN = 50
"""The orders of an overview; older ones are listed page by page."""


class Overview(Value):
    """A customer with what they hold and a page of what they paid.

    `history` has the page's orders with the invoices they name, and what is open; `older` is the
    cursor of the orders before those, None where there are none. `mail_stop` is the reason why no
    mail goes to their address, if none does.
    """

    customer: Customer
    history: History
    access: list[Access]
    mail_stop: MailStop | None = None
    older: str | None = None


def page(
    ports: Ports,
    merchant: str,
    *,
    email: str | None,
    search: Search | None,
    limit: int,
    cursor: str | None,
) -> Page[Customer]:
    """Returns a page of customers: the one with an email, those that a search finds, or all."""
    if email is not None:
        found = by_email(ports, merchant, email)
        return Page(tuple(e for e in found if not search or search.finds(e.name, e.email)), None)
    if search is not None:
        return ports.store.customers_found(merchant, search, limit=limit, cursor=cursor)
    return ports.store.customers(merchant, limit=limit, cursor=cursor)


def by_email(ports: Ports, merchant: str, email: str) -> list[Customer]:
    """Returns the customer with this email in a list, or an empty list."""
    found = ports.store.customer_by_email(merchant, email)
    customer = found and ports.store.customer(merchant, found)
    return [customer] if customer else []


def overview(
    ports: Ports, merchant: str, customer: str, *, now: datetime, cursor: str | None = None
) -> Overview:
    """Returns a customer with subscriptions, access and the newest orders, or those behind a
    cursor; raises `NotFound`."""
    held = ports.store.holdings(merchant, customer)
    if held.customer is None:
        raise NotFound("customer_unknown")
    page = ports.store.orders_of(merchant, customer, limit=ORDERS_SHOWN, cursor=cursor)
    shown = replace(
        held,
        orders=page.data[::-1],
        invoices=_invoices(ports, held, page.data),
        entitlements=tuple(ports.store.entitlements(merchant, customer)),
    )
    return replace(_overview(ports, shown, now), older=page.next)


def whole(ports: Ports, merchant: str, customer: str, *, now: datetime) -> Overview:
    """Returns a customer with everything that is stored about them, for their own copy of it (M-8);
    raises `NotFound`."""
    history = ports.store.history(merchant, customer)
    if history.customer is None:
        raise NotFound("customer_unknown")
    return _overview(ports, history, now)


def _overview(ports: Ports, history: History, now: datetime) -> Overview:
    owner = history.customer
    assert owner is not None, "it was found"
    subscriptions = tuple(found.as_of(now) for found in history.subscriptions)
    opened = _access(ports, owner.merchant, history.entitlements, history.subscriptions, now)
    stop = ports.store.mail_stop(owner.merchant, owner.email)
    return Overview(owner, replace(history, subscriptions=subscriptions), opened, stop)


def _invoices(ports: Ports, held: History, orders: Sequence[Order]) -> tuple[Invoice, ...]:
    """Returns what is open and what the orders name, oldest first."""
    assert held.customer is not None, "it was found"
    by_id = {invoice.id: invoice for invoice in held.invoices}
    owner = (held.customer.merchant, held.customer.id)
    named = dict.fromkeys(o.invoice for o in orders if o.invoice and o.invoice not in by_id)
    read = ports.store.invoices([(*owner, each) for each in named]) if named else []
    by_id |= {invoice.id: invoice for invoice in read if invoice is not None}
    return tuple(sorted(by_id.values(), key=lambda invoice: invoice.opened_at))


def change(
    ports: Ports, merchant: str, customer: str, changes: Mapping[str, Any], *, now: datetime
) -> Customer:
    """Changes `email`, `name` or `address`; what was bought and billed keeps those it was made
    with.

    All mail goes to a new email from then on, and the old one gets a notice (B-12). Raises
    `NotFound`, and `Refused` for the email of another customer (email_taken), for the email of an
    account, whose owner changes it in their profile (email_of_account, A-8), and for an erased
    customer (erased, M-8).
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if "email" in given:
        given["email"] = normalised_email(given["email"])
    for _ in range(ATTEMPTS):
        before = ports.store.customer(merchant, customer)
        if before is None:
            raise NotFound("customer_unknown")
        after = replace(before, **given)
        if after == before:
            return before
        if before.is_erased:
            raise Refused("erased")
        if after.email != before.email:
            _refuse_email(ports, before, after)
        try:
            ports.store.commit(*_change(ports, before, after, now))
        except Conflict:
            continue
        return after
    raise Conflict()


def _change(ports: Ports, before: Customer, after: Customer, now: datetime) -> tuple[Write, ...]:
    """Returns the writes of a change; the rows of a new email follow its event."""
    if after.email != before.email:
        return (Change(before, after), *change_email(ports, before, after, now))
    renamed = list_rows.renamed(ports, before, after)
    return (Change(before, after, expecting=WORDS if renamed else ()), *renamed)


def _refuse_email(ports: Ports, before: Customer, after: Customer) -> None:
    if ports.store.customer_by_email(after.merchant, after.email):
        raise Refused("email_taken")
    refuse_email_of_account(ports, before)


def refuse_email_of_account(ports: Ports, before: Customer) -> None:
    """Raises `Refused` (email_of_account) for the customer behind an account, whose owner changes
    the email in their profile (A-8)."""
    of_platform = before.merchant == ports.operation.platform
    if of_platform and ports.store.account_email(before.email) is not None:
        raise Refused("email_of_account")


def change_email(
    ports: Ports, before: Customer, after: Customer, now: datetime
) -> tuple[Write, ...]:
    """Returns the writes of a customer's new email: invoices that are still to come name the new
    one, and the old one gets one notice (B-12); nothing where the email stays."""
    if after.email == before.email:
        return ()
    shard = ports.shard_of(before.id)
    events = cards.change_events(before, "email", now, shard, email=before.email)
    return (*_pointers(before, after), *_bill_tos(ports, before, after), *events)


def _bill_tos(ports: Ports, before: Customer, after: Customer) -> Iterator[Write]:
    """Yields the changed billing addresses of live subscriptions; ended ones keep theirs."""
    owner = (before.merchant, before.id)
    sold = ports.store.subscriptions_of(*owner)
    live = [(*owner, found.id) for found in sold if found.is_live][:BILLS_MOST]
    for kept in ports.store.bill_tos(live):
        if kept is not None:
            bill_to = replace(kept.bill_to, email=after.email)
            yield Change(kept, replace(kept, bill_to=bill_to))


def _pointers(before: Customer, after: Customer) -> tuple[Write, ...]:
    """Returns the writes that move the email pointer: an email belongs to one customer, and the new
    one is taken in the write that frees the old one."""

    def pointer(customer: Customer) -> EmailPointer:
        hashed = email_hash(customer.merchant, customer.email)
        return EmailPointer(customer.merchant, hashed, customer.id)

    return (Insert(pointer(after)), Remove(pointer(before)))


def has_access(ports: Ports, merchant: str, email: str, grant: str, *, now: datetime) -> bool:
    """Tests whether the customer with this email may use `grant` now."""
    customer = ports.store.customer_by_email(merchant, email)
    if customer is None:
        return False
    held = ports.store.entitlements(merchant, customer, grant)
    sources = [(merchant, customer, source) for source in {each.source for each in held}]
    read = ports.store.subscriptions(sources) if sources else []
    opened = _access(ports, merchant, held, [each for each in read if each is not None], now)
    return any(entry.active for entry in opened)


def _access(
    ports: Ports,
    merchant: str,
    entitlements: Sequence[Entitlement],
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> list[Access]:
    grace_days = None
    if any(found.state is State.PAST_DUE for found in subscriptions):
        seller = ports.store.merchant(merchant)
        assert seller is not None, "a merchant is never removed"
        grace_days = seller.settings.grace_days
    return access(entitlements, subscriptions, now, grace_days)

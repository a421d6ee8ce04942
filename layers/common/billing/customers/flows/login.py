"""Entry to a merchant's portal: by an Order ID and its email, or by a link in a mail (B-2, B-3).

Whatever is wrong, the answer is one and the same, after the same reads: a stranger learns nothing
about anybody's purchases.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from billing.kernel import domains
from billing.kernel.customers import Customer, email_hash, normalised_email
from billing.kernel.merchants import Merchant
from billing.kernel.orders import PAYMENTS, typed_order_id
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.writes import Insert

WINDOW = timedelta(minutes=15)
TRIES_PER_EMAIL = 5
TRIES_PER_ORDER = 5
TRIES_PER_IP = 20
LINK = "portal_link"
LINK_LIFE = timedelta(minutes=15)
NOBODY = "nobody"
"""The id to look up where there is no customer: it is read all the same, and never found."""


class OverLimit(Value):
    """A try beyond a limit, which strangers may have used up: it is answered by a mailed code.

    `customer` is the one that Order ID and email both belong to, who alone gets the code; None for
    anything else.
    """

    customer: Customer | None


class Entry(Value):
    """A customer whom a link lets in, and the purchase that it leads to, if it names one."""

    customer: Customer
    purchase: str | None


def by_order(
    ports: Ports, merchant: str, order_id: str, email: str, *, ip: str, now: datetime
) -> Customer | OverLimit | None:
    """Returns the customer that this Order ID and this email both belong to; None for anything
    else, and `OverLimit` for either once a limit is used up."""
    typed = typed_order_id(order_id) or NOBODY
    allowed = _allowed(ports, merchant, email, ip, now, order=typed)
    order = ports.store.order_by_id(merchant, typed)
    owner = ports.store.customer_by_email(merchant, email)
    customer = ports.store.customer(merchant, owner or NOBODY)
    if order is None:
        # A hit of the index is read from the table; so is a miss, so that both take as long.
        ports.store.customer(merchant, NOBODY)
    bought = order.customer if order is not None and order.kind in PAYMENTS else None
    same = compare_digest((bought or "").encode(), (owner or NOBODY).encode())
    found = customer if same else None
    return found if allowed else OverLimit(found)


def ask_for_link(ports: Ports, merchant: str, email: str, *, ip: str, now: datetime) -> None:
    """Has a link mailed if a customer has this email; the answer does not say whether one has.

    The outbox draws the link's token when it writes the mail, so it is stored nowhere in clear.
    """
    allowed = _allowed(ports, merchant, email, ip, now)
    owner = ports.store.customer_by_email(merchant, email)
    # Written for strangers too, who get no mail: the answer takes as long for them.
    asked = OutboxEvent(
        id=f"{ports.new_id('ask')}:{EventKind.LINK_ASKED}",
        kind=EventKind.LINK_ASKED,
        merchant=merchant,
        customer=(owner if allowed else None) or NOBODY,
        at=now,
        shard=ports.shard_of(email_hash(merchant, email)),
    )
    ports.store.commit(Insert(asked))


def make_link(
    ports: Ports,
    merchant: Merchant,
    customer: Customer,
    *,
    purchase: str | None = None,
    now: datetime,
) -> str:
    """Returns the address of a link that lets a customer in once, within 15 minutes.

    It works only while their email is the one that it is mailed to. It leads to a purchase if one
    is named.
    """
    token = ports.new_id("key")
    kept = {"merchant": merchant.id, "customer": customer.id, "as": find_customer(customer)}
    if purchase is not None:
        kept["purchase"] = purchase
    ports.ephemeral.put(LINK, digest(token), json.dumps(kept), expires_at=now + LINK_LIFE, now=now)
    return f"{domains.portal(ports.operation.public_url, merchant)}/link/{token}"


def is_link_valid(ports: Ports, merchant: str, token: str, *, now: datetime) -> bool:
    """Tests whether a link is still valid, without using it up, for mail scanners follow links."""
    return _of(ports, merchant, ports.ephemeral.get(LINK, digest(token), now=now)) is not None


def by_link(ports: Ports, merchant: str, token: str, *, now: datetime) -> Entry | None:
    """Uses up a link; returns the customer whom it lets in, and where it leads."""
    value = ports.ephemeral.take(LINK, digest(token), now=now)
    customer = _of(ports, merchant, value)
    if value is None or customer is None:
        return None
    return Entry(customer, json.loads(value).get("purchase"))


def find_customer(customer: Customer) -> str:
    """Returns the email hash that a link or a session is bound to: another email ends it, for the
    reader of the old mailbox may be a stranger."""
    return email_hash(customer.merchant, customer.email)


def digest(secret: str) -> str:
    """Returns the hash that is stored of a secret; it is random, so one round of SHA-256 is
    enough."""
    return sha256(secret.encode()).hexdigest()


def _of(ports: Ports, merchant: str, value: str | None) -> Customer | None:
    kept = json.loads(value) if value is not None else {}
    if kept.get("merchant") != merchant:
        return None
    customer = ports.store.customer(merchant, kept["customer"])
    current = customer is not None and find_customer(customer) == kept.get("as")
    return customer if current else None


def _allowed(
    ports: Ports, merchant: str, email: str, ip: str, now: datetime, *, order: str | None = None
) -> bool:
    """Counts a try against every limit; returns whether all of them had one left."""
    tries = [("email", normalised_email(email), TRIES_PER_EMAIL)]
    if order is not None:
        tries.append(("order", order, TRIES_PER_ORDER))
    if ports.operation.limits:
        tries.append(("ip", ip, TRIES_PER_IP))
    kind = "login" if order is not None else "link"
    left = [
        ports.ephemeral.hit(
            f"{kind}_{what}", digest(f"{merchant}\n{value}"), window=WINDOW, now=now
        )
        <= most
        for what, value, most in tries
    ]
    return all(left)

"""Requests to a helpdesk from unknown senders, until they follow the mailed link (H-2).

A draft waits in the ephemeral table: one that nobody confirms leaves no trace, and holds no charge.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta

from billing.customers.flows.login import digest
from billing.helpdesk.flows import open_ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import NOBODY, Detail, Ownership, Ticket, TicketType
from billing.kernel import domains
from billing.kernel.customers import email_hash, normalised_email
from billing.kernel.departments import named
from billing.kernel.errors import Invalid, TooMany, Unavailable
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import plain
from billing.kernel.writes import Insert

DRAFT, ASKED, LINK = "ticket_draft", "ticket_asked", "ticket_link"
LIFE = timedelta(days=3)
WINDOW = timedelta(minutes=15)
PER_EMAIL, PER_IP = 5, 20
PER_DOMAIN, STRANGERS_MOST = 20, 100
"""The most mails to support within the window from one domain, and from all strangers together:
each is answered by a mail to an address that anybody may have named."""


def write(ports: Ports, merchant: Merchant, request: Request, *, ip: str, now: datetime) -> None:
    """Saves a draft from a form and has a link mailed; sent twice it is saved and mailed once, sent
    to another email it is another request.

    Raises `Invalid` for an unknown department, `TooMany` beyond the limits per email and address.
    """
    _check_department(merchant, request)
    _count(ports, merchant, request.email, ip, now)
    _save(ports, merchant, request, now)


def write_mailed(ports: Ports, merchant: Merchant, request: Request, *, now: datetime) -> None:
    """Saves a draft from a mail, as `write` does.

    The limits are of a sender, of a domain, of all strangers; a mail that one refuses counts for
    none after it, so that a flood stops few others. The merchant's customers have only their own.
    """
    _check_department(merchant, request)
    sender = normalised_email(request.email)
    limits = [("email", sender, PER_EMAIL)]
    if ports.store.customer_by_email(merchant.id, sender) is None:
        limits.append(("domain", sender.partition("@")[2], PER_DOMAIN))
        limits.append(("strangers", "", STRANGERS_MOST))
    for what, value, most in limits:
        if _hits(ports, merchant, what, value, now) > most:
            raise TooMany()
    _save(ports, merchant, request, now)


def _check_department(merchant: Merchant, request: Request) -> None:
    if named(merchant.settings.departments.all, request.department) is None:
        raise Invalid("department_unknown", field="department")


def _save(ports: Ports, merchant: Merchant, request: Request, now: datetime) -> None:
    name = _name(merchant, request)
    kept = json.dumps(plain(request.cleaned()))
    until = now + LIFE
    new = ports.ephemeral.put(DRAFT, name, kept, expires_at=until, now=now)
    if not new and ports.ephemeral.get(ASKED, name, now=now) is not None:
        return
    asked = OutboxEvent(
        id=f"{name}:{EventKind.TICKET_ASKED}",
        kind=EventKind.TICKET_ASKED,
        merchant=merchant.id,
        customer=NOBODY,
        at=now,
        shard=ports.shard_of(email_hash(merchant.id, request.email)),
        code=name,
    )
    ports.store.commit(Insert(asked))
    with suppress(Unavailable):  # on a repeat it is mailed again, rather than not at all
        ports.ephemeral.put(ASKED, name, "yes", expires_at=until, now=now)


def read(ports: Ports, name: str, *, now: datetime) -> Request | None:
    """Returns a draft while it waits."""
    kept = ports.ephemeral.get(DRAFT, name, now=now)
    if kept is None:
        return None
    fields = json.loads(kept)
    fields["details"] = tuple(Detail(**each) for each in fields["details"])
    fields["wish"] = fields["wish"] and TicketType(fields["wish"])
    return Request(**fields)


def link(ports: Ports, merchant: Merchant, name: str, *, now: datetime) -> str:
    """Returns the address under which a draft is confirmed. Its token is drawn as the mail is
    written, so that it is stored nowhere else in clear."""
    token = ports.new_id("key")
    value = json.dumps({"merchant": merchant.id, "draft": name})
    ports.ephemeral.put(LINK, digest(token), value, expires_at=now + LIFE, now=now)
    return f"{domains.helpdesk(ports.operation.public_url, merchant)}/confirm/{token}"


def of_link(ports: Ports, merchant: str, token: str, *, now: datetime) -> Request | None:
    """Returns the draft of a link, without using it up, for mail scanners follow links."""
    kept = ports.ephemeral.get(LINK, digest(token), now=now)
    named = json.loads(kept) if kept is not None else {}
    return read(ports, named["draft"], now=now) if named.get("merchant") == merchant else None


def preview(ports: Ports, merchant: Merchant, request: Request, *, now: datetime) -> Ticket:
    """Returns the ticket that confirming the draft would open (X-8)."""
    owner = ports.store.customer_by_email(merchant.id, request.email)
    return open_ticket.preview(
        ports, merchant, request, customer=owner, ownership=Ownership.LINK, now=now
    )


def confirm(ports: Ports, merchant: Merchant, request: Request, *, now: datetime) -> Ticket:
    """Opens the ticket of a draft; pressed twice it is one. The request counts from now (H-4)."""
    owner = ports.store.customer_by_email(merchant.id, request.email)
    return open_ticket.open_one(
        ports, merchant, request, customer=owner, ownership=Ownership.LINK, now=now
    )


def _name(merchant: Merchant, request: Request) -> str:
    return digest(f"{merchant.id}\n{normalised_email(request.email)}\n{request.key}")[:40]


def _count(ports: Ports, merchant: Merchant, email: str, ip: str, now: datetime) -> None:
    tries = [("email", normalised_email(email), PER_EMAIL)]
    if ports.operation.limits:
        tries.append(("ip", ip, PER_IP))
    counts = [_hits(ports, merchant, what, value, now) <= most for what, value, most in tries]
    if not all(counts):
        raise TooMany()


def _hits(ports: Ports, merchant: Merchant, what: str, value: str, now: datetime) -> int:
    key = digest(f"{merchant.id}\n{value}")
    return ports.ephemeral.hit(f"ticket_{what}", key, window=WINDOW, now=now)

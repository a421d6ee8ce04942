"""Codes mailed to the address on file: whoever holds a mail's link signs in with one (R-8, B-3).

So does a customer who knows an Order ID and its email while a limit of the login is used up. That
code belongs to the page that asked for it, so that no stranger's tries count against it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from billing.customers.flows.login import NOBODY, digest, find_customer
from billing.kernel.customers import Customer, email_hash
from billing.kernel.errors import TooMany
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert

CODE = "code"
"""The code of an outbox event that asks for a code instead of a link; older code mails a link.

`code#<digest>` names the page that asks, by a digest of its challenge.
"""

KIND = "portal_code"
LIFE = timedelta(minutes=15)
WINDOW = timedelta(minutes=15)
ASKED_AT_MOST = 3
TRIES = 5
DIGITS = 8


def ask(ports: Ports, customer: Customer, *, now: datetime) -> None:
    """Has a code mailed to a customer; raises `TooMany`.

    The outbox draws it as it writes the mail, so that it is stored nowhere in clear.
    """
    if not _counted(ports, "code_asked", _name(customer), ASKED_AT_MOST, now):
        raise TooMany()
    ports.store.commit(_asked(ports, customer.merchant, customer.id, CODE, now))


def challenge(
    ports: Ports, merchant: str, customer: Customer | None, email: str, *, now: datetime
) -> str:
    """Has a code mailed to a customer, and returns the challenge that it answers; a stranger gets a
    challenge that nothing answers, after the same work."""
    token = ports.new_id("key")
    name = digest(f"{merchant}\n{NOBODY}\n{email}") if customer is None else _name(customer)
    mailed = _counted(ports, "code_asked", name, ASKED_AT_MOST, now)
    to = customer.id if customer is not None and mailed else NOBODY
    shard = email_hash(merchant, email)
    code = f"{CODE}#{_name_of_challenge(merchant, token)}"
    ports.store.commit(_asked(ports, merchant, to, code, now, shard=shard))
    return token


def is_asked(event: OutboxEvent) -> bool:
    """Tests whether an event asks for a code, not for a link."""
    return event.code is not None and event.code.partition("#")[0] == CODE


def draw(ports: Ports, customer: Customer, event: OutboxEvent, *, now: datetime) -> str:
    """Draws the code that an event asks for; the one before it is void."""
    name = (event.code or "").partition("#")[2] or _name(customer)
    number = int.from_bytes(sha256(ports.new_id("key").encode()).digest())
    code = f"{number % 10**DIGITS:0{DIGITS}}"
    kept = {"code": digest(code), "as": find_customer(customer)}
    value = json.dumps({**kept, "customer": customer.id})
    ports.ephemeral.replace(KIND, name, value, expires_at=now + LIFE)
    return code


def use(ports: Ports, customer: Customer, typed: str, *, now: datetime) -> bool:
    """Tests a code as it was typed, and uses it up if it is right; raises `TooMany`."""
    if not _counted(ports, "code_tried", _name(customer), TRIES, now):
        raise TooMany()
    kept = _take(ports, _name(customer), typed, now)
    return kept.get("as") == find_customer(customer)


def answer(
    ports: Ports, merchant: str, token: str, typed: str, *, now: datetime
) -> Customer | None:
    """Returns the customer whose code answers a challenge, and uses it up; None for anything
    else, and for the right code after `TRIES` wrong ones."""
    name = _name_of_challenge(merchant, token)
    if not _counted(ports, "code_tried", name, TRIES, now):
        return None
    kept = _take(ports, name, typed, now)
    customer = ports.store.customer(merchant, kept.get("customer", NOBODY))
    current = customer is not None and find_customer(customer) == kept["as"]
    return customer if current else None


def _take(ports: Ports, name: str, typed: str, now: datetime) -> dict[str, str]:
    """Uses up the code kept under a name if it is the one that was typed; returns what was kept
    with it, and nothing for a wrong one."""
    code = "".join(symbol for symbol in typed if not symbol.isspace())
    value = ports.ephemeral.get(KIND, name, now=now)
    kept: dict[str, str] = json.loads(value) if value is not None else {}
    if not compare_digest(digest(code), kept.get("code", "")):
        return {}
    return kept if ports.ephemeral.take(KIND, name, now=now) is not None else {}


def _asked(
    ports: Ports, merchant: str, customer: str, code: str, now: datetime, shard: str | None = None
) -> Insert:
    return Insert(
        OutboxEvent(
            id=f"{ports.new_id('ask')}:{EventKind.LINK_ASKED}",
            kind=EventKind.LINK_ASKED,
            merchant=merchant,
            customer=customer,
            at=now,
            shard=ports.shard_of(shard or customer),
            code=code,
        )
    )


def _name(customer: Customer) -> str:
    return digest(f"{customer.merchant}\n{customer.id}")


def _name_of_challenge(merchant: str, token: str) -> str:
    return digest(f"{merchant}\n{token}")


def _counted(ports: Ports, kind: str, name: str, most: int, now: datetime) -> bool:
    """Counts a try under a name; returns whether the limit had one left."""
    return ports.ephemeral.hit(kind, name, window=WINDOW, now=now) <= most

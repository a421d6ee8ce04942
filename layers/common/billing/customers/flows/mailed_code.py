"""Codes mailed to the address on file: whoever holds a mail's link signs in with one (R-8, B-3)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from billing.customers.flows.login import digest, find_customer
from billing.kernel.customers import Customer
from billing.kernel.errors import TooMany
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert

CODE = "code"
"""The code of an outbox event that asks for a code instead of a link; older code mails a link."""

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
    _count(ports, "code_asked", customer, ASKED_AT_MOST, now)
    asked = OutboxEvent(
        id=f"{ports.new_id('ask')}:{EventKind.LINK_ASKED}",
        kind=EventKind.LINK_ASKED,
        merchant=customer.merchant,
        customer=customer.id,
        at=now,
        shard=ports.shard_of(customer.id),
        code=CODE,
    )
    ports.store.commit(Insert(asked))


def draw(ports: Ports, customer: Customer, *, now: datetime) -> str:
    """Draws the customer's code; the one before it is void."""
    number = int.from_bytes(sha256(ports.new_id("key").encode()).digest())
    code = f"{number % 10**DIGITS:0{DIGITS}}"
    value = json.dumps({"code": digest(code), "as": find_customer(customer)})
    ports.ephemeral.replace(KIND, _name(customer), value, expires_at=now + LIFE)
    return code


def use(ports: Ports, customer: Customer, typed: str, *, now: datetime) -> bool:
    """Tests a code as it was typed, and uses it up if it is right; raises `TooMany`."""
    _count(ports, "code_tried", customer, TRIES, now)
    code = "".join(symbol for symbol in typed if not symbol.isspace())
    value = ports.ephemeral.get(KIND, _name(customer), now=now)
    kept = json.loads(value) if value is not None else {}
    same = compare_digest(digest(code), kept.get("code", ""))
    if not same or kept["as"] != find_customer(customer):
        return False
    return ports.ephemeral.take(KIND, _name(customer), now=now) is not None


def _name(customer: Customer) -> str:
    return digest(f"{customer.merchant}\n{customer.id}")


def _count(ports: Ports, kind: str, customer: Customer, most: int, now: datetime) -> None:
    if ports.ephemeral.hit(kind, _name(customer), window=WINDOW, now=now) > most:
        raise TooMany()

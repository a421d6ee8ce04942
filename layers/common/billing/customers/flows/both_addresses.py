"""An email change waits until both of its addresses have confirmed it (A-8, B-12).

It is kept as a document with the addresses as `old` and `new`. The outbox draws the links as it
writes the mails, so that they are stored nowhere in clear.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from billing.customers.flows.login import digest
from billing.kernel.errors import Unavailable
from billing.kernel.ports import Ports
from billing.kernel.values import Value

SIDES = ("old", "new")

Document = dict[str, str]


class Waiting(Value):
    """The kinds under which changes, their links and their confirmations are kept, and for how
    long."""

    change: str
    link: str
    confirmed: str
    life: timedelta


def keep(ports: Ports, kind: Waiting, document: Document, now: datetime) -> str:
    """Keeps a change that was asked for; returns its id."""
    change = ports.new_id("email")
    value = json.dumps(document)
    ports.ephemeral.put(kind.change, change, value, expires_at=now + kind.life, now=now)
    return change


def find(ports: Ports, kind: Waiting, change: str, now: datetime) -> Document | None:
    """Returns a change that was asked for, None once it has expired."""
    value = ports.ephemeral.get(kind.change, change, now=now)
    kept: Document | None = None if value is None else json.loads(value)
    return kept


def links(
    ports: Ports, kind: Waiting, change: str, address: str, now: datetime
) -> list[tuple[str, str]]:
    """Lists each email of a change with the link below `address` that confirms it; empty once the
    change has expired."""
    kept = find(ports, kind, change, now)
    drawn = []
    for side in SIDES if kept is not None else ():
        assert kept is not None
        token = ports.new_id("key")
        value = json.dumps({"change": change, "side": side})
        ports.ephemeral.put(kind.link, digest(token), value, expires_at=now + kind.life, now=now)
        drawn.append((kept[side], f"{address}/{token}"))
    return drawn


def of_link(ports: Ports, kind: Waiting, token: str, now: datetime) -> Document | None:
    """Returns the change that a link confirms, without using it up; None for an expired link.

    `side` is the end that it confirms.
    """
    value = ports.ephemeral.get(kind.link, digest(token), now=now)
    if value is None:
        return None
    given = json.loads(value)
    kept = find(ports, kind, given["change"], now)
    return None if kept is None else {**kept, **given}


def confirm(
    ports: Ports,
    kind: Waiting,
    token: str,
    document: Document,
    finish: Callable[[], None],
    now: datetime,
) -> bool:
    """Confirms the end of a change that a link is of; with the second it is finished.

    Returns whether it is. The link is used up only after that, so that it can be followed again
    where something did not answer.
    """
    change, until = document["change"], now + kind.life
    ports.ephemeral.replace(kind.confirmed, f"{change}:{document['side']}", "yes", expires_at=until)
    both = (ports.ephemeral.get(kind.confirmed, f"{change}:{end}", now=now) for end in SIDES)
    done = all(both)
    if done:
        finish()
    with suppress(Unavailable):  # to confirm the same end again changes nothing
        ports.ephemeral.take(kind.link, digest(token), now=now)
    return done

"""Outbox events of teams: they ask for the mails about an invitation, a role, a sign-in (M-9).

They are events about credentials of the platform, of which the code says more. Code that does not
know teams finds no account of that name, and sends no mail.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports

MARK = "+team"
"""The beginning of the code; no username has it."""

INVITED, REMOVED, ROLE, FACTOR_ON, FACTOR_OFF, LINK = (
    *("invited", "removed", "role", "factor_on", "factor_off"),
    "link",
)


def event(
    ports: Ports, what: str, email: str, now: datetime, *, merchant: str = "", about: str = ""
) -> OutboxEvent:
    """Makes the event that asks for a mail to somebody about a team, or about their sign-in."""
    kind = EventKind.CREDENTIALS_CHANGED
    return OutboxEvent(
        id=f"{ports.new_id('ask')}:{kind}",
        kind=kind,
        merchant=ports.operation.platform,
        customer="nobody",
        at=now,
        shard=ports.shard_of(email),
        code=f"{MARK}#{what}#{merchant}#{about}",
        email=email,
    )


def parts(code: str | None) -> tuple[str, str, str] | None:
    """Returns what an event is about, of which merchant and whom; None for one of no team."""
    mark, _, rest = (code or "").partition("#")
    if mark != MARK:
        return None
    what, merchant, about = rest.split("#", 2)
    return what, merchant, about

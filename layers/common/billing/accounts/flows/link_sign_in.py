"""Sign-in by a mailed link instead of a password (M-4): once, within a quarter of an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.accounts.accounts import Account, Standing
from billing.accounts.flows import account as accounts
from billing.customers.flows.login import NOBODY, digest
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert

KIND = "account_sign_in"
LINK_LIFE = timedelta(minutes=15)
ASKED = "sign_in"
"""The extra value of an event that asks for this link. Code that does not know it mails a link that
sets a password, which leads in as well."""


def ask(ports: Ports, email: str, *, ip: str, now: datetime) -> None:
    """Has a link mailed if an account has this email; the answer does not say whether one has."""
    allowed = accounts.may_try(ports, "link", email, ip, now)
    found = accounts.by_email(ports, email)
    username = found.username if allowed and found is not None else NOBODY
    # Written for strangers too, who get no mail: the answer takes as long for them.
    event = accounts.event(ports, EventKind.RESET_ASKED, username, now, ASKED)
    ports.store.commit(Insert(event))


def link(ports: Ports, account: Account, *, now: datetime) -> str:
    """Returns the address of a link that signs in; another password or email invalidates it."""
    token, kept = ports.new_id("key"), f"{account.username}#{accounts.mark_of(account)}"
    ports.ephemeral.put(KIND, digest(token), kept, expires_at=now + LINK_LIFE, now=now)
    return f"{ports.operation.public_url}/console/sign-in/mailed/{token}"


def is_valid(ports: Ports, token: str, *, now: datetime) -> bool:
    """Tests whether a link is still good, without using it up."""
    return _account(ports, ports.ephemeral.get(KIND, digest(token), now=now), now) is not None


def take(ports: Ports, token: str, *, now: datetime) -> Account | None:
    """Uses a link up, and returns its account; None for one that is no longer good."""
    return _account(ports, ports.ephemeral.take(KIND, digest(token), now=now), now)


def _account(ports: Ports, kept: str | None, now: datetime) -> Account | None:
    username, _, mark = (kept or "").partition("#")
    found = ports.store.account(username or NOBODY)
    if found is None or accounts.mark_of(found) != mark:
        return None
    erased = accounts.standing_of(ports, found, now).state is Standing.ERASED
    return None if erased else found

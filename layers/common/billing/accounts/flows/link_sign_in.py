"""Sign-in by a mailed link instead of a password (M-4): once, within a quarter of an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.accounts.accounts import Account
from billing.accounts.flows import account as accounts
from billing.accounts.flows.account import Visitor
from billing.customers.flows.login import NOBODY, digest
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert
from billing.team.flows import events, people
from billing.team.members import Person

KIND = "account_sign_in"
MEMBER = "+"
"""The mark before a person's id, which no username begins with."""

LINK_LIFE = timedelta(minutes=15)
ASKED = "sign_in"
"""The extra value of an event that asks for this link. Code that does not know it mails a link that
sets a password, which leads in as well."""


def ask(ports: Ports, email: str, *, ip: str, now: datetime) -> None:
    """Has a link mailed if an account has this email; the answer does not say whether one has."""
    allowed = accounts.may_try(ports, "link", email, ip, now)
    found, person = accounts.by_email(ports, email), people.of_email(ports, email)
    # Written for strangers too, who get no mail: the answer takes as long for them.
    if allowed and found is None and person is not None:
        ports.store.commit(Insert(events.event(ports, events.LINK, person.email, now)))
        return
    username = found.username if allowed and found is not None else NOBODY
    event = accounts.event(ports, EventKind.RESET_ASKED, username, now, ASKED)
    ports.store.commit(Insert(event))


def link(ports: Ports, account: Account, *, now: datetime) -> str:
    """Returns the address of a link that signs in; another password or email invalidates it."""
    return _link(ports, f"{account.username}#{accounts.mark_of(account)}", now)


def member_link(ports: Ports, person: Person, *, now: datetime) -> str:
    """Returns the address of a link that signs a person without an account in to their teams."""
    return _link(ports, f"{MEMBER}{person.id}#{_mark(person)}", now)


def _link(ports: Ports, kept: str, now: datetime) -> str:
    token = ports.new_id("key")
    ports.ephemeral.put(KIND, digest(token), kept, expires_at=now + LINK_LIFE, now=now)
    return f"{ports.operation.public_url}/console/sign-in/mailed/{token}"


def is_valid(ports: Ports, token: str, *, now: datetime) -> bool:
    """Tests whether a link is still good, without using it up."""
    return _visitor(ports, ports.ephemeral.get(KIND, digest(token), now=now), now) is not None


def take(ports: Ports, token: str, *, now: datetime) -> Visitor | None:
    """Uses a link up, and returns whose it is; None for one that is no longer good."""
    return _visitor(ports, ports.ephemeral.take(KIND, digest(token), now=now), now)


def _visitor(ports: Ports, kept: str | None, now: datetime) -> Visitor | None:
    named, _, mark = (kept or "").partition("#")
    if named.startswith(MEMBER):
        person = ports.store.person(named.removeprefix(MEMBER))
        if person is None or _mark(person) != mark:
            return None
        account = accounts.by_email(ports, person.email)
        return accounts.visitor(ports, account, person, now)
    found = ports.store.account(named or NOBODY)
    if found is None or accounts.mark_of(found) != mark:
        return None
    return accounts.visitor(ports, found, people.of_email(ports, found.email), now)


def _mark(person: Person) -> str:
    return digest(f"{person.email}\n{person.password_hash}")[:32]

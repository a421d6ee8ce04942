"""The email of an account is changed, once both addresses have confirmed it (A-8)."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from billing.accounts import accounts
from billing.accounts.accounts import Account, AccountEmail
from billing.accounts.flows.account import LINK_LIFE, event, platform_merchant
from billing.customers.flows import customers
from billing.customers.flows.login import NOBODY, digest
from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict, Invalid, Refused, Unavailable
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.team.members import PersonEmail, email_hash

EMAIL_CHANGE, CONFIRM, CONFIRMED = "account_email", "account_confirm", "account_confirmed"
SIDES = ("old", "new")


def ask(ports: Ports, account: Account, email: str, *, now: datetime) -> None:
    """Asks both addresses by mail to confirm that the account moves to the new one (A-8)."""
    new = normalised_email(email)
    if new == account.email:
        raise Invalid("email_unchanged", field="email")
    change = ports.new_id("email")
    kept = json.dumps(
        {
            "username": account.username,
            "old": account.email,
            "new": new,
            "password": _password(account),
        }
    )
    ports.ephemeral.put(EMAIL_CHANGE, change, kept, expires_at=now + LINK_LIFE, now=now)
    asked = event(ports, EventKind.EMAIL_ASKED, account.username, now, extra=change)
    ports.store.commit(Insert(asked))


def links(ports: Ports, change: str, *, now: datetime) -> list[tuple[str, str]]:
    """Lists each address of an email change with the link that confirms it; empty once the change
    has expired."""
    kept = ports.ephemeral.get(EMAIL_CHANGE, change, now=now)
    if kept is None:
        return []
    links = []
    for side in SIDES:
        token = ports.new_id("key")
        value = json.dumps({"change": change, "side": side})
        ports.ephemeral.put(CONFIRM, digest(token), value, expires_at=now + LINK_LIFE, now=now)
        url = f"{ports.operation.public_url}/account/email/{token}"
        links.append((str(json.loads(kept)[side]), url))
    return links


def is_link_valid(ports: Ports, token: str, *, now: datetime) -> bool:
    """Tests whether an email confirmation link is still valid, without using it up."""
    value = ports.ephemeral.get(CONFIRM, digest(token), now=now)
    return value is not None and _asked(ports, json.loads(value)["change"], now) is not None


def of_link(ports: Ports, token: str, *, now: datetime) -> Account | None:
    """Returns the account whose email a link changes; None for an expired link."""
    value = ports.ephemeral.get(CONFIRM, digest(token), now=now)
    asked = None if value is None else _asked(ports, json.loads(value)["change"], now)
    return None if asked is None else asked[0]


def confirm(ports: Ports, token: str, *, now: datetime) -> bool | None:
    """Confirms an email change for one of its two addresses.

    Returns True when that was the second and the email is changed, None for an expired link. Raises
    `Refused` (email_taken).
    """
    value = ports.ephemeral.get(CONFIRM, digest(token), now=now)
    if value is None:
        return None
    changed = _confirm(ports, value, now)
    with suppress(Unavailable):  # to confirm the same end again changes nothing
        ports.ephemeral.take(CONFIRM, digest(token), now=now)
    return changed


def _confirm(ports: Ports, value: str, now: datetime) -> bool | None:
    """Applies one confirmation and returns its result; the link is used up only after that, so that
    it can be followed again where something did not answer."""
    given = json.loads(value)
    change, side = given["change"], given["side"]
    asked = _asked(ports, change, now)
    if asked is None:
        return None
    until = now + LINK_LIFE
    ports.ephemeral.replace(CONFIRMED, f"{change}:{side}", "yes", expires_at=until)
    both = (ports.ephemeral.get(CONFIRMED, f"{change}:{end}", now=now) for end in SIDES)
    if not all(both):
        return False
    account, wanted = asked
    if account.email == wanted["old"]:
        _write(ports, account, wanted["new"], now)
    return True


def _asked(ports: Ports, change: str, now: datetime) -> tuple[Account, dict[str, str]] | None:
    """Returns the account of an email change, and the change; None once it has expired, or another
    email or another password than the one that asked for it has come."""
    kept = ports.ephemeral.get(EMAIL_CHANGE, change, now=now)
    wanted = json.loads(kept) if kept is not None else {}
    account = ports.store.account(wanted.get("username", NOBODY))
    if account is None or account.email not in {wanted["old"], wanted["new"]}:
        return None
    return (account, wanted) if wanted.get("password") == _password(account) else None


def _password(account: Account) -> str:
    return digest(account.password_hash or "")[:16]


def _write(ports: Ports, account: Account, email: str, now: datetime) -> None:
    """Changes the email of the account, its merchant and its customer record at the platform at
    once."""
    platform, seller = platform_merchant(ports), ports.store.merchant(account.username)
    assert seller is not None, "made with the account"
    after = replace(account, email=email, email_hash=accounts.email_hash(email))
    writes: list[Write] = [
        Change(account, after),
        Insert(AccountEmail(after.email_hash, account.username)),
        Remove(AccountEmail(account.email_hash, account.username), expecting=("username",)),
        Change(seller, replace(seller, email=email)),
    ]
    writes += _person_moved(ports, account.email, email)
    owner = ports.store.customer_by_email(platform.id, account.email)
    customer = ports.store.customer(platform.id, owner or NOBODY)
    if customer is not None:
        with_email = replace(customer, email=email)
        writes += [
            Change(customer, with_email),
            *customers.change_email(ports, customer, with_email, now),
        ]
    try:
        ports.store.commit(*writes)
    except Conflict:
        taken = (
            ports.store.account_email(email)
            or ports.store.person_email(email)
            or ports.store.customer_by_email(platform.id, email)
        )
        if taken is None:
            raise
        raise Refused("email_taken") from None


def _person_moved(ports: Ports, old: str, email: str) -> list[Write]:
    """Returns the writes that keep the account's second factor and teams under its new email."""
    pointer = ports.store.person_email(old)
    person = None if pointer is None else ports.store.person(pointer.person)
    if pointer is None or person is None:
        return []
    return [
        Change(person, replace(person, email=email)),
        Insert(PersonEmail(email_hash(email), person.id)),
        Remove(pointer, expecting=("person",)),
    ]

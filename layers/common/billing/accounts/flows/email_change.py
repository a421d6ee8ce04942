"""The email of an account is changed, once both addresses have confirmed it (A-8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing.accounts import accounts
from billing.accounts.accounts import Account, AccountEmail
from billing.accounts.flows.account import LINK_LIFE, event, platform_merchant
from billing.customers.flows import both_addresses, customers
from billing.customers.flows.both_addresses import Waiting
from billing.customers.flows.login import NOBODY, digest
from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.team.members import PersonEmail, email_hash

WAITING = Waiting("account_email", "account_confirm", "account_confirmed", LINK_LIFE)


def ask(ports: Ports, account: Account, email: str, *, now: datetime) -> None:
    """Asks both addresses by mail to confirm that the account moves to the new one (A-8)."""
    new = normalised_email(email)
    if new == account.email:
        raise Invalid("email_unchanged", field="email")
    kept = {"username": account.username, "old": account.email, "new": new}
    kept["password"] = _password(account)
    change = both_addresses.keep(ports, WAITING, kept, now)
    asked = event(ports, EventKind.EMAIL_ASKED, account.username, now, extra=change)
    ports.store.commit(Insert(asked))


def links(ports: Ports, change: str, *, now: datetime) -> list[tuple[str, str]]:
    """Lists each address of an email change with the link that confirms it; empty once the change
    has expired."""
    address = f"{ports.operation.public_url}/account/email"
    return both_addresses.links(ports, WAITING, change, address, now)


def is_link_valid(ports: Ports, token: str, *, now: datetime) -> bool:
    """Tests whether an email confirmation link is still valid, without using it up."""
    return of_link(ports, token, now=now) is not None


def of_link(ports: Ports, token: str, *, now: datetime) -> Account | None:
    """Returns the account whose email a link changes; None for an expired link."""
    wanted = both_addresses.of_link(ports, WAITING, token, now)
    return None if wanted is None else _account(ports, wanted)


def confirm(ports: Ports, token: str, *, now: datetime) -> bool | None:
    """Confirms an email change for one of its two addresses.

    Returns True when that was the second and the email is changed, None for an expired link. Raises
    `Refused` (email_taken).
    """
    wanted = both_addresses.of_link(ports, WAITING, token, now)
    account = None if wanted is None else _account(ports, wanted)
    if wanted is None or account is None:
        return None

    def finish() -> None:
        if account.email == wanted["old"]:
            _write(ports, account, wanted["new"], now)

    return both_addresses.confirm(ports, WAITING, token, wanted, finish, now)


def _account(ports: Ports, wanted: Mapping[str, str]) -> Account | None:
    """Returns the account of an email change; None where another email or another password than the
    one that asked for it has come."""
    account = ports.store.account(wanted["username"])
    if account is None or account.email not in {wanted["old"], wanted["new"]}:
        return None
    return account if wanted.get("password") == _password(account) else None


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

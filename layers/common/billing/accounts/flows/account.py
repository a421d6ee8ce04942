"""Signing up and in to an account, and resetting its password (A-8).

Whatever is wrong, the answer is one and the same, after the same work: a stranger learns nothing
about which emails have an account. A username is public, for it is part of addresses: a form says
when one is taken.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from billing.accounts import accounts
from billing.accounts.accounts import Account, AccountEmail
from billing.customers.flows.login import NOBODY, digest
from billing.kernel.account_standings import AccountStanding, Standing
from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from billing.kernel.flows import account_standings
from billing.kernel.merchants import VISITORS_OWN, Merchant, Settings
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert, Write
from billing.team.flows import events, people
from billing.team.members import Person

WINDOW = timedelta(minutes=15)
TRIES_PER_EMAIL = 10
TRIES_PER_IP = 50
RESET = "account_reset"
LINK_LIFE = timedelta(hours=1)


class SignUp(Value):
    """A filled-in sign-up form; `name` is what the merchant's customers read."""

    username: str
    email: str
    name: str


def platform_merchant(ports: Ports) -> Merchant:
    """Returns the merchant whose products are the plans; raises `NotFound` where there are no
    accounts."""
    found = ports.store.merchant(ports.operation.platform or NOBODY)
    if found is None:
        raise NotFound("accounts_off")
    return found


def sign_up(ports: Ports, form: SignUp, *, ip: str, now: datetime) -> None:
    """Creates an account, which opens with its first plan; raises `Invalid`, `TooMany`.

    The password is set by a mailed link: a form proves no mailbox, and behind the account are the
    invoices, address and cards of the customer who buys or has bought under this email (B-2). If
    the email has an account already, its owner gets a mail about it; the form gets the same answer.
    """
    platform = platform_merchant(ports)
    username = accounts.check_username(form.username, platform.name, platform.id)
    if not may_try(ports, "sign_up", form.email, ip, now):
        raise TooMany()
    email = normalised_email(form.email)
    if ports.store.merchant(username) is not None:
        raise Invalid("username_taken", field="username", code="username_taken")
    pointer = ports.store.account_email(email)
    # Read and hashed whether or not the email is known: the answer takes as long.
    held = ports.store.account(pointer.username if pointer is not None else NOBODY)
    unknown_password = ports.passwords.hash(ports.new_id("key"))
    if held is not None and standing_of(ports, held, now).state is not Standing.ERASED:
        ports.store.commit(Insert(event(ports, EventKind.ACCOUNT_EXISTS, held.username, now)))
        return
    account = Account(
        username=username,
        email=email,
        email_hash=accounts.email_hash(email),
        password_hash=unknown_password,  # random, until one is set
        created_at=now,
        shard=ports.shard_of(username),
        due_at=now,
    )
    # Nothing opens before a plan is bought.
    chosen = Settings.of_new_merchant(language=VISITORS_OWN)
    seller = Merchant(username, form.name, email, now, chosen, suspended_from=now)
    seller = replace(seller, lists_complete_at=now, catalog_listed_at=now)
    point_to = AccountEmail(account.email_hash, username)
    taken: Write = Insert(point_to) if pointer is None else Change(pointer, point_to)
    link = Insert(event(ports, EventKind.RESET_ASKED, username, now))
    try:
        ports.store.commit(Insert(seller), Insert(account), taken, link)
    except Conflict:
        raise Invalid("username_taken", field="username", code="username_taken") from None


class Visitor(Value):
    """Somebody who has proven an email: its account, the person who belongs to teams, or both."""

    account: Account | None
    person: Person | None


def sign_in(ports: Ports, email: str, password: str, *, ip: str, now: datetime) -> Account | None:
    """Returns the account with this email and password; None for anything else, a lockout
    included."""
    found = sign_in_visitor(ports, email, password, ip=ip, now=now)
    return None if found is None else found.account


def sign_in_visitor(
    ports: Ports, email: str, password: str, *, ip: str, now: datetime
) -> Visitor | None:
    """Returns whoever has this email and password; None for anything else, a lockout included.

    After `TRIES_PER_EMAIL` within a quarter of an hour even the right password is refused. A person
    who joined a team with a password of their own keeps it until they reset an account's: a
    stranger's sign-up with their email does not shut them out.
    """
    platform_merchant(ports)
    allowed = may_try(ports, "sign_in", email, ip, now)
    account, person = by_email(ports, email), people.of_email(ports, email)
    right = ports.passwords.verify(_hash_of(account, person), password[: accounts.PASSWORD_MOST])
    return visitor(ports, account, person, now) if allowed and right else None


def _hash_of(account: Account | None, person: Person | None) -> str | None:
    """Returns the hash of the password that an email signs in with: a person's own, if any."""
    if person is not None and person.password_hash is not None:
        return person.password_hash
    return None if account is None else account.password_hash


def visitor(
    ports: Ports, account: Account | None, person: Person | None, now: datetime
) -> Visitor | None:
    """Returns a visitor with the account unless it is erased; None if nothing is left."""
    if account is not None and standing_of(ports, account, now).state is Standing.ERASED:
        account = None
    is_member = person is not None and bool(person.teams)
    return Visitor(account, person) if account is not None or is_member else None


def is_password_of(
    ports: Ports, account: Account, password: str, *, ip: str, now: datetime
) -> bool:
    """Tests the password of a signed-in account, the one that signs in; counted like that (A-8)."""
    allowed = may_try(ports, "sign_in", account.email, ip, now)
    known = _hash_of(account, people.of_email(ports, account.email))
    right = ports.passwords.verify(known, password[: accounts.PASSWORD_MOST])
    return allowed and right


def by_email(ports: Ports, email: str) -> Account | None:
    """Returns the account that an email signs in to."""
    pointer = ports.store.account_email(normalised_email(email))
    return ports.store.account(pointer.username if pointer is not None else NOBODY)


def standing_of(ports: Ports, account: Account, now: datetime) -> AccountStanding:
    """Returns the state of an account, from what its owner has bought at the platform."""
    if account.erased_at is not None:
        return AccountStanding(Standing.ERASED)
    platform = platform_merchant(ports)
    return account_standings.of_owner(ports, platform, account.email, account.created_at, now=now)


def ask_for_reset(ports: Ports, email: str, *, ip: str, now: datetime) -> None:
    """Has a link mailed if an account has this email; the answer does not say whether one has."""
    allowed = may_try(ports, "reset", email, ip, now)
    account, person = by_email(ports, email), people.of_email(ports, email)
    # Written for strangers too, who get no mail: the answer takes as long for them.
    if allowed and account is None and person is not None:
        ports.store.commit(Insert(events.event(ports, events.LINK, person.email, now)))
        return
    username = account.username if allowed and account is not None else NOBODY
    ports.store.commit(Insert(event(ports, EventKind.RESET_ASKED, username, now)))


def reset_link(ports: Ports, account: Account, *, now: datetime) -> str:
    """Returns the address of a link that sets a new password once, within an hour; another password
    or another email invalidates it."""
    token, kept = ports.new_id("key"), f"{account.username}#{mark_of(account)}"
    ports.ephemeral.put(RESET, digest(token), kept, expires_at=now + LINK_LIFE, now=now)
    return f"{ports.operation.public_url}/account/reset/{token}"


def is_reset_link_valid(ports: Ports, token: str, *, now: datetime) -> bool:
    """Tests whether a reset link is still valid, without using it up."""
    return of_reset_link(ports, token, now=now) is not None


def of_reset_link(ports: Ports, token: str, *, now: datetime) -> Account | None:
    """Returns the account whose password a link sets; None for an expired link."""
    return _resettable(ports, token, now)


def reset(ports: Ports, token: str, password: str, *, now: datetime) -> Account | None:
    """Sets a new password by a mailed link; every session begun with the old one ends.

    Returns None for an expired link; raises `Invalid` for a password that is not accepted.
    """
    account = _resettable(ports, token, now)
    if account is None:
        return None
    accounts.check_password(password, account.username, account.email.partition("@")[0])
    hashed = ports.passwords.hash(password)
    after = replace(account, password_hash=hashed)
    changed = event(ports, EventKind.CREDENTIALS_CHANGED, account.username, now)
    own = _own_password_given_up(ports, account, now)
    try:
        ports.store.commit(Change(account, after), Insert(changed), *own)
    except Conflict:
        return None  # another password, or another email, came first and has invalidated the link
    with suppress(Unavailable):  # the new password has invalidated the link by itself
        ports.ephemeral.take(RESET, digest(token), now=now)
    return after


def _own_password_given_up(ports: Ports, account: Account, now: datetime) -> list[Write]:
    """Returns the write after which the account's password is a person's only one, and their
    sessions in other teams have ended."""
    person = people.of_email(ports, account.email)
    if person is None:
        return []
    return [Change(person, replace(person, password_hash=None, signed_out_at=now))]


def _resettable(ports: Ports, token: str, now: datetime) -> Account | None:
    """Returns the account whose password a link sets, while it has the password the link was made
    for."""
    kept = ports.ephemeral.get(RESET, digest(token), now=now) or ""
    username, _, mark = kept.partition("#")
    account = ports.store.account(username or NOBODY)
    if account is None or account.password_hash is None or mark_of(account) != mark:
        return None
    return account


def mark_of(account: Account) -> str:
    """Returns a mark of an account's email and password, which another of either changes."""
    return digest(f"{account.email}\n{account.password_hash}")[:32]


def event(
    ports: Ports, kind: EventKind, username: str, now: datetime, extra: str = ""
) -> OutboxEvent:
    """Makes an OutboxEvent about an account, sent by the platform; `code` is the username and the
    extra values that go with it."""
    return OutboxEvent(
        id=f"{ports.new_id('ask')}:{kind}",
        kind=kind,
        merchant=ports.operation.platform,
        customer=NOBODY,
        at=now,
        shard=ports.shard_of(username),
        code=f"{username}#{extra}" if extra else username,
    )


def may_try(ports: Ports, what: str, email: str, ip: str, now: datetime) -> bool:
    """Counts a try against both limits; returns whether both had one left."""
    tries = [("email", normalised_email(email), TRIES_PER_EMAIL)]
    if ports.operation.limits:
        tries.append(("ip", ip, TRIES_PER_IP))
    left = [
        ports.ephemeral.hit(f"account_{what}_{by}", digest(value), window=WINDOW, now=now) <= most
        for by, value, most in tries
    ]
    return all(left)

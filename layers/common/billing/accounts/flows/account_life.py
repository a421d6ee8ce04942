"""The life of an account after purchase: what its end does to its customers' subscriptions, and
what is left of it (A-3, A-5 .. A-7).

Whether anybody is charged follows from `Merchant.suspended_from` and now. The sweep writes that
ahead of time, and starts the jobs that pause and resume the customers' subscriptions so that they
get mail about it (`align`), and erase (`closing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from billing.accounts import accounts
from billing.accounts.accounts import Account, AccountEmail
from billing.accounts.flows import account as signing
from billing.customers.flows.login import NOBODY
from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.kernel.account_standings import UNUSED_KEPT, AccountStanding, Standing
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound
from billing.kernel.flows import due
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write

ALIGN, ERASE = "align_account", "erase_account"
"""Ids and kinds of an account's jobs: bringing its customers in line, and erasing."""

LOOK_AGAIN = timedelta(days=1)
"""The delay before an account is looked at again whose job is at work: the job ends it sooner."""


def make_due(ports: Ports, event: OutboxEvent) -> None:
    """Makes the account due soon when an event concerns its owner as a customer of the platform."""
    if not ports.operation.platform or event.merchant != ports.operation.platform:
        return
    customer = ports.store.customer(event.merchant, event.customer)
    account = None if customer is None else signing.by_email(ports, customer.email)
    if account is not None and account.erased_at is None:
        soon = replace(account, due_at=event.at)
        if soon != account:
            ports.store.commit(Change(account, soon))


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 100,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Brings every due account in line with its state: its own charges at once, its customers'
    subscriptions by a job."""
    dues = due.overdue(ports, DueKind.ACCOUNT, now=now, limit=limit)
    look = partial(_look, ports, now=now)
    seen = due.answer(ports, dues, look, now=now, keep_going=keep_going)
    return Counter(due=len(dues)) + seen


def standing_at_sign_in(ports: Ports, account: Account, *, now: datetime) -> AccountStanding:
    """Returns the account's state at sign-in; a plan bought a moment ago opens it at once."""
    found = signing.standing_of(ports, account, now)
    seller = ports.store.merchant(account.username)
    suspended = seller is not None and seller.is_suspended(now)
    if suspended and seller is not None and found.state not in stops(ports):
        ports.store.commit(Change(seller, replace(seller, suspended_from=None)))
    return found


def restorable_standing(
    ports: Ports, username: str, email: str, *, now: datetime
) -> AccountStanding:
    """Returns the state of the account with an old username and email: whether buying again with
    that email restores it, and until when (A-7). Raises `NotFound` where the two are not of one
    account."""
    account = ports.store.account(username.strip().lower())
    if account is None or account.email_hash != accounts.email_hash(email):
        raise NotFound("account_unknown")
    return signing.standing_of(ports, account, now)


def of_job(ports: Ports, username: str) -> tuple[Account, Merchant]:
    """Returns the account that a job works on, and its merchant."""
    account, seller = ports.store.account(username), ports.store.merchant(username)
    assert account is not None and seller is not None, "an account with a plan is never removed"
    return account, seller


def _look(ports: Ports, due: Due, *, now: datetime) -> str:
    (username,) = due.owner
    account, seller = ports.store.account(username), ports.store.merchant(username)
    if account is None or seller is None or account.due_at != due.due_at:
        return "stale"
    standing = signing.standing_of(ports, account, now)
    if standing.state is Standing.ERASED and account.told is Standing.UNUSED:
        return _let_go(ports, account, seller, now)
    _suspend(ports, seller, standing, now)
    if standing.state is Standing.ERASED:
        return _at_work(ports, account, ERASE if account.told is standing.state else ALIGN, now)
    if standing.state not in {account.told, Standing.UNUSED} or _is_at_work(ports, account):
        return _at_work(ports, account, ALIGN, now)
    settle(ports, account, standing, now)
    return standing.state.value


def _let_go(ports: Ports, account: Account, seller: Merchant, now: datetime) -> str:
    """Removes an account that never had a plan; its username is free again."""
    over = account.created_at + UNUSED_KEPT + accounts.UNUSED_WAITS
    if now < over:
        ports.store.commit(Change(account, replace(account, due_at=over), expecting=("told",)))
        return "waits"
    removed = (*person_removed(ports, account), *pointers_removed(ports, account))
    ports.store.commit(Remove(account), Remove(seller), *removed)
    return "removed"


def _is_at_work(ports: Ports, account: Account) -> bool:
    """Tests whether some subscriptions may be in line with another state than the account's."""
    job = ports.store.job(account.username, ALIGN)
    return account.walk is not None or (job is not None and not job.is_over)


def _at_work(ports: Ports, account: Account, kind: str, now: datetime) -> str:
    """Starts a job, or lets the one there is go on; the account is looked at again in a day.

    A walk that a version before there were jobs has left half-way is taken over at its place.
    """
    walk = account.walk
    place = "" if walk is None else f"{walk.of} {walk.cursor}"
    job = jobs.new(account.username, kind, kind, now, cursor=place)
    if walk is not None and walk.left:
        job = replace(job, left=1)
    start(ports, job, now=now)
    after = replace(account, walk=None, due_at=now + LOOK_AGAIN)
    ports.store.commit(Change(account, after, expecting=("due_at", "told")))
    return "at_work"


def settle(ports: Ports, account: Account, standing: AccountStanding, now: datetime) -> None:
    """Notes that an account's customers are in line with its state, and mails its owner about
    it."""
    after = replace(account, told=standing.state, due_at=standing.until, walk=None)
    told = _mail_change(ports, account, standing, now)
    ports.store.commit(Change(account, after, expecting=("due_at", "told")), *told)


def _suspend(
    ports: Ports,
    seller: Merchant,
    standing: AccountStanding,
    now: datetime,
) -> None:
    """Writes from when on the seller's customers are charged no more, as the account's state
    says."""
    suspended_from, stopping = None, stops(ports)
    if standing.state in stopping:
        suspended_from = now if seller.suspended_from is None else min(now, seller.suspended_from)
    elif standing.then in stopping:
        suspended_from = standing.until
    if suspended_from != seller.suspended_from:
        after = replace(seller, suspended_from=suspended_from)
        ports.store.commit(Change(seller, after))


def stops(ports: Ports) -> frozenset[Standing]:
    """Returns the account states in which the charges of a merchant's customers stop; a setting
    decides for frozen (A-3)."""
    policy_of = signing.platform_merchant(ports).settings.accounts
    frozen = {Standing.FROZEN} if policy_of.frozen_stops else set()
    return frozenset({Standing.INACTIVE, Standing.ERASED, Standing.UNUSED, *frozen})


def pointers_removed(ports: Ports, account: Account) -> tuple[Write, ...]:
    """Returns the write that frees the email for a new account, if it is not a newer one's
    already."""
    pointer = ports.store.account_email(account.email)
    if pointer is None or pointer.username != account.username:
        return ()
    kept = AccountEmail(account.email_hash, account.username)
    return (Remove(kept, expecting=("username",)),)


def person_removed(ports: Ports, account: Account) -> tuple[Write, ...]:
    """Returns the writes that erase how an account's owner signed in, unless they belong to teams
    or have an account again."""
    pointer = ports.store.person_email(account.email) if account.email else None
    person = None if pointer is None else ports.store.person(pointer.person)
    known = ports.store.account_email(account.email) if account.email else None
    is_again = known is not None and known.username != account.username
    if pointer is None or person is None or person.teams or is_again:
        return ()
    return (Remove(person, expecting=("teams",)), Remove(pointer))


def _mail_change(
    ports: Ports, account: Account, standing: AccountStanding, now: datetime
) -> tuple[Write, ...]:
    """Returns the OutboxEvent for the owner: the account's end and until when data is kept, or its
    return (A-6, A-7)."""
    kind = {
        Standing.INACTIVE: EventKind.ACCOUNT_ENDED,
        Standing.ACTIVE: EventKind.ACCOUNT_ACTIVE,
    }.get(standing.state)
    if kind is None or standing.state is account.told:
        return ()
    at = f"{now:%Y%m%dT%H%M%S}"
    event = OutboxEvent(
        id=f"{account.username}:{kind}:{at}",
        kind=kind,
        merchant=ports.operation.platform,
        customer=NOBODY,
        at=now,
        shard=ports.shard_of(account.username),
        code=account.username,
        until=standing.until,
    )
    return (Insert(event),)

"""The life of an account after purchase: what its end does to its customers' subscriptions, and
what is left of it (A-3, A-5 .. A-7).

Whether anybody is charged follows from `Merchant.suspended_from` and now. The sweep writes that
ahead of time, pauses and resumes the customers' subscriptions so that they get mail about it, and
erases.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from billing.accounts import accounts
from billing.accounts.accounts import Account, AccountEmail, AccountStanding, Standing
from billing.accounts.flows import account as signing
from billing.cancel import cancellation, pausing
from billing.cancel.flows import cancel, pause
from billing.customers import purchases
from billing.customers.flows.login import NOBODY
from billing.kernel import charge_eligibility
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound, Refused
from billing.kernel.flows import due
from billing.kernel.flows.paging import entries
from billing.kernel.flows.walks import TURN, KeepGoing, Turn, at_most, take_turn
from billing.kernel.invoices import UNDER_WAY, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.walks import Seen, Walk
from billing.kernel.writes import Change, ConditionCheck, Insert, Remove, Write

AT_ONCE = 50
LOOK_AGAIN = timedelta(days=1)
"""The delay between ending all subscriptions and erasing the data: by then mail about their ends is
sent."""


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
    """Brings every due account in line with its state; an unfinished one goes on where it stopped,
    behind the others.

    Every seller whose account has ended stops charging before any seller's customers are walked
    through.
    """
    met: dict[str, set[str]] = defaultdict(set)
    look = partial(_align, ports, met=met, now=now, keep_going=keep_going)
    dues = due.overdue(ports, DueKind.ACCOUNT, now=now, limit=limit)
    new_first = sorted(dues, key=partial(_is_walked_through, ports))
    seen = due.answer(ports, new_first, look, now=now, keep_going=keep_going)
    return Counter(due=len(dues)) + seen


def standing_at_sign_in(ports: Ports, account: Account, *, now: datetime) -> AccountStanding:
    """Returns the account's state at sign-in; a plan bought a moment ago opens it at once."""
    found = signing.standing_of(ports, account, now)
    seller = ports.store.merchant(account.username)
    suspended = seller is not None and seller.is_suspended(now)
    if suspended and seller is not None and found.state not in _stops(ports):
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


def _is_walked_through(ports: Ports, due: Due) -> bool:
    account = ports.store.account(due.owner[0])
    return account is not None and account.walk is not None


def _align(
    ports: Ports,
    due: Due,
    *,
    met: dict[str, set[str]],
    now: datetime,
    keep_going: KeepGoing,
) -> str | Due:
    (username,) = due.owner
    account, seller = ports.store.account(username), ports.store.merchant(username)
    if account is None or seller is None or account.due_at != due.due_at:
        return "stale"
    standing = signing.standing_of(ports, account, now)
    if standing.state is Standing.ERASED:
        return _end(ports, account, seller, met[username], now, keep_going)
    stops = _stops(ports)
    _suspend(ports, seller, standing, stops, now)
    if standing.state not in {account.told, Standing.UNUSED} or account.walk is not None:
        if account.walk is None or account.walk.of != standing.state:
            return _go_on(ports, account, Turn(Walk(standing.state, now), False), now)
        act = partial(_pause if standing.state in stops else _resume, ports, now=now)
        turn = _walk_sold(ports, seller, account.walk, act, now, keep_going)
        if not turn.over or turn.walk.left:
            return _go_on(ports, account, turn, now)
    after = replace(account, told=standing.state, due_at=standing.until, walk=None)
    told = _mail_change(ports, account, standing, now)
    ports.store.commit(Change(account, after, expecting=("due_at", "told")), *told)
    return standing.state.value


def _suspend(
    ports: Ports,
    seller: Merchant,
    standing: AccountStanding,
    stops: frozenset[Standing],
    now: datetime,
) -> None:
    """Writes from when on the seller's customers are charged no more, as the account's state
    says."""
    suspended_from = None
    if standing.state in stops:
        suspended_from = now if seller.suspended_from is None else min(now, seller.suspended_from)
    elif standing.then in stops:
        suspended_from = standing.until
    if suspended_from != seller.suspended_from:
        after = replace(seller, suspended_from=suspended_from)
        ports.store.commit(Change(seller, after))


def _walk_sold(
    ports: Ports,
    seller: Merchant,
    walk: Walk,
    act: Callable[[Subscription], bool],
    now: datetime,
    keep_going: KeepGoing,
) -> Turn:
    """Takes one turn through the subscriptions of a seller's customers; `act` returns whether it
    could act on one."""
    until = now + timedelta(microseconds=1)
    sold = entries(
        lambda cursor: ports.store.subscriptions_started(
            seller.id, since=seller.created_at, until=until, limit=AT_ONCE, cursor=cursor
        ),
        lambda found: found.id,
        after=walk.cursor,
    )

    def seen(listed: Subscription) -> Seen:
        # Read afresh: its page may be seconds old.
        found = ports.store.subscription(listed.merchant, listed.customer, listed.id)
        assert found is not None, "a subscription is never removed"
        return Seen.FINISHED if act(found) else Seen.LEFT

    return take_turn(walk, sold, seen, at_most(TURN - 1, keep_going))


def _go_on(ports: Ports, account: Account, turn: Turn, now: datetime) -> str | Due:
    """Saves how far a walk has got: it goes on after the others had their turn, or in another round
    later."""
    walk = turn.walk.again(now) if turn.over else turn.walk
    due_at = max(now, walk.began_at)
    if turn.error is not None:
        due_at = max(due_at, now + ports.operation.lease)
    after = replace(account, walk=walk, due_at=due_at)
    ports.store.commit(Change(account, after, expecting=("due_at", "told")))
    if turn.error is not None:
        raise turn.error
    return "unfinished" if turn.over else Due(DueKind.ACCOUNT, due_at, (account.username,))


def _stops(ports: Ports) -> frozenset[Standing]:
    """Returns the account states in which the charges of a merchant's customers stop; a setting
    decides for frozen (A-3)."""
    policy_of = signing.platform_merchant(ports).settings.accounts
    frozen = {Standing.FROZEN} if policy_of.frozen_stops else set()
    return frozenset({Standing.INACTIVE, Standing.ERASED, Standing.UNUSED, *frozen})


def _pause(ports: Ports, found: Subscription, now: datetime) -> bool:
    """Pauses a running or past-due subscription; a past-due one keeps its place in the retry cycle
    until it resumes.

    One that is to end anyway is paused without mail, so that undoing the cancellation leaves it
    paused. Returns False while an attempt is under way: the worker withdraws it, and the gateway's
    answer is awaited.
    """
    if found.state is State.CANCEL_PENDING:
        running = found.resumes_as in {State.TRIALING, State.ACTIVE}
        if running and not purchases.has_ended(found, now):
            after = pausing.pause(found, now, Source.SYSTEM)
            ports.store.commit(Change(found, after, expecting=charge_eligibility.RESTS))
        return True
    running = found.state in {State.TRIALING, State.ACTIVE, State.PAST_DUE}
    if not running or found.is_unpaid or found.cancelling is not None:
        return True
    idle: tuple[Write, ...] = ()
    rests = found
    if found.open_invoice is not None:
        invoice = ports.store.invoice(found.merchant, found.customer, found.open_invoice)
        assert invoice is not None, "written before it was named"
        if invoice.state in UNDER_WAY:
            if invoice.state is InvoiceState.ACTION_REQUIRED:
                # Its due date is its customer's time limit, days from now.
                ports.store.commit(
                    Change(found, found.postponed_to(now), expecting=charge_eligibility.LOOKED_AT)
                )
            return False
        idle = (ConditionCheck(invoice, expecting=cancellation.INVOICE_AS_READ),)
        if invoice.changes_plan:
            rests = found.voided(found.period_at)
            idle = cancellation.void(invoice, now, ports.shard_of(found.id))
    _write(ports, found, pausing.pause(rests, now, Source.SYSTEM), EventKind.PAUSED, now, *idle)
    return True


def _resume(ports: Ports, found: Subscription, now: datetime) -> bool:
    """Resumes a subscription that `_pause` paused; one that its customer paused stays so."""
    if found.paused_by is not Source.SYSTEM:
        return True
    if found.state is State.PAUSED:
        pause.go_on(ports, found, now)
    elif found.state is State.CANCEL_PENDING and not purchases.has_ended(found, now):
        after = pausing.resume(found, now)
        ports.store.commit(Change(found, after, expecting=charge_eligibility.RESTS))
    return True


def _write(
    ports: Ports,
    before: Subscription,
    after: Subscription,
    kind: EventKind,
    now: datetime,
    *more: Write,
) -> None:
    event = cancellation.event(kind, after, now, ports.shard_of(after.id))
    ports.store.commit(
        Change(before, after, expecting=charge_eligibility.RESTS), *more, Insert(event)
    )


def _end(
    ports: Ports,
    account: Account,
    seller: Merchant,
    met: set[str],
    now: datetime,
    keep_going: KeepGoing,
) -> str | Due:
    """Ends what still lives once retention is over, so that customers get mail about it, then
    erases everything. An account that never had a plan is removed, and its username is free
    again."""
    from billing.privacy.flows import (
        erase,  # rare, and not to be loaded to handle an event or show a page
    )

    if account.told is Standing.UNUSED:
        ports.store.commit(Remove(account), Remove(seller), *_remove_pointers(ports, account))
        return "removed"
    if account.told is not Standing.ERASED:
        return _end_sold(ports, account, seller, now, keep_going)
    walk = account.walk or erase.begin(now)
    turn = erase.merchant(ports, seller, walk, met=met, now=now, keep_going=keep_going)
    if not turn.over or turn.walk.left:
        return _go_on(ports, account, turn, now)
    owner = _erase_owner(ports, account, keep_going)
    if owner is not Seen.FINISHED:
        kept = replace(turn, over=owner is Seen.LEFT)
        return _go_on(ports, account, kept, now)
    gone = replace(account, email="", password_hash=None, erased_at=now, due_at=None, walk=None)
    ports.store.commit(Change(account, gone))
    return "erased"


def _end_sold(
    ports: Ports, account: Account, seller: Merchant, now: datetime, keep_going: KeepGoing
) -> str | Due:
    if seller.suspended_from is None:
        ports.store.commit(Change(seller, replace(seller, suspended_from=now)))
    if account.walk is None or account.walk.of != Standing.ERASED:
        return _go_on(ports, account, Turn(Walk(Standing.ERASED, now), False), now)
    act = partial(_end_one, ports, now=now)
    turn = _walk_sold(ports, seller, account.walk, act, now, keep_going)
    if not turn.over or turn.walk.left:
        return _go_on(ports, account, turn, now)
    ended = replace(account, told=Standing.ERASED, due_at=now + LOOK_AGAIN, walk=None)
    ports.store.commit(Change(account, ended), *_remove_pointers(ports, account))
    return "ended"


def _erase_owner(ports: Ports, account: Account, keep_going: KeepGoing) -> Seen:
    """Erases the owner as a customer of the platform, unless they still are one or have an account
    again."""
    from billing.privacy.flows import erase

    platform = signing.platform_merchant(ports)
    owner = ports.store.customer_by_email(platform.id, account.email)
    if owner is None or ports.store.account_email(account.email) is not None:
        return Seen.FINISHED
    history = ports.store.history(platform.id, owner)
    runs = any(found.is_live for found in history.subscriptions)
    paid_once = {found.source for found in history.entitlements if found.revoked_at is None}
    if runs or paid_once - {found.id for found in history.subscriptions}:
        return Seen.FINISHED
    return erase.customer(ports, platform.id, owner, keep_going=keep_going)


def _end_one(ports: Ports, found: Subscription, now: datetime) -> bool:
    if not found.is_live:
        return True
    with suppress(Refused):  # It has ended by itself.
        cancel.request(ports, found, when=When.NOW, source=Source.SYSTEM, now=now)
    return True


def _remove_pointers(ports: Ports, account: Account) -> tuple[Write, ...]:
    """Frees the email for a new account, if it does not belong to a newer one already."""
    pointer = ports.store.account_email(account.email)
    if pointer is None or pointer.username != account.username:
        return ()
    kept = AccountEmail(account.email_hash, account.username)
    return (Remove(kept, expecting=("username",)),)


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

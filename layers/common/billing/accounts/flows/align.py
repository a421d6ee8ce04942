"""The job that brings a seller's customers in line with the state of their account (A-3).

It pauses their subscriptions, resumes those that it paused, or ends them, one step each. The state
is asked for in each slice: if it has become another one meanwhile, the job begins anew with that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from billing.accounts.flows import account as signing
from billing.accounts.flows import account_life
from billing.cancel import cancellation, pausing
from billing.cancel.flows import cancel, pause
from billing.customers import purchases
from billing.jobs.flows.steps import Kind, each, place_in
from billing.jobs.jobs import Job, Step
from billing.kernel import charge_eligibility
from billing.kernel.account_standings import Standing
from billing.kernel.errors import Refused
from billing.kernel.flows import whole_lists
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.invoices import UNDER_WAY, InvoiceState
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, ConditionCheck, Insert, Write

LOOK_AGAIN = timedelta(days=1)
"""The delay between ending all subscriptions and erasing the data: by then mail about their ends is
sent."""


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Acts on the subscriptions of a seller's customers; the cursor names the state that it is
    for."""
    account, seller = account_life.of_job(ports, job.owner)
    standing = signing.standing_of(ports, account, now).state
    of, place = place_in(job.cursor)
    if of != standing:
        yield Step(f"{standing} ", None)
        place = ""
    act = partial(_act(ports, standing), ports, now=now)
    sold = whole_lists.subscriptions(ports, seller, after=place, now=now)
    yield from each(standing, sold, lambda listed: _seen(ports, listed, act))


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Notes on the account what its customers' subscriptions are in line with."""
    account, _ = account_life.of_job(ports, job.owner)
    standing = signing.standing_of(ports, account, now)
    if place_in(job.cursor)[0] != standing.state:
        return Seen.MORE
    if standing.state is not Standing.ERASED:
        account_life.settle(ports, account, standing, now)
    elif account.told is not Standing.ERASED:
        ended = replace(account, told=Standing.ERASED, due_at=now + LOOK_AGAIN, walk=None)
        ports.store.commit(Change(account, ended), *account_life.pointers_removed(ports, account))
    return Seen.FINISHED


ALIGN = Kind(_steps, _finish)


def _act(ports: Ports, standing: Standing) -> Callable[..., bool]:
    """Returns what the state of an account asks for; it returns whether it could act."""
    if standing is Standing.ERASED:
        return _end
    return _pause if standing in account_life.stops(ports) else _resume


def _seen(ports: Ports, listed: Subscription, act: Callable[[Subscription], bool]) -> Seen:
    # Read afresh: its page may be seconds old.
    found = ports.store.subscription(listed.merchant, listed.customer, listed.id)
    if found is None:
        return Seen.SKIPPED  # it was being moved here, and was left with its source
    return Seen.FINISHED if act(found) else Seen.LEFT


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


def _end(ports: Ports, found: Subscription, now: datetime) -> bool:
    if not found.is_live:
        return True
    with suppress(Refused):  # It has ended by itself.
        cancel.request(ports, found, when=When.NOW, source=Source.SYSTEM, now=now)
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

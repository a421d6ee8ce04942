"""Charges of what is due, each period exactly once (R-1 .. R-4, R-6).

The steps and their order are the charge protocol's (ARCHITECTURE.md, section 3); the writes of each
are in `billing.rebill.charge_steps`. A worker takes many subscriptions through one step at a time,
so that they share round trips; a subscription that a step refuses drops out and comes back on its
due date.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from billing.kernel import invoicing, policy
from billing.kernel.errors import RateLimited, Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    Expired,
    Outcome,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.invoices import FINAL, Invoice
from billing.kernel.merchants import Merchant, RetrySchedule
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.writes import Change, Transaction
from billing.rebill import charge_steps, plan_change_steps
from billing.rebill.flows import access, account_migration
from billing.rebill.flows.charge_jobs import ChargeJob

T = TypeVar("T")

UNANSWERED = Declined("authentication_required")
"""The decline that is recorded when a buyer did not authenticate in time (R-4)."""

SECONDS_PAST_POINT_OF_NO_RETURN = 5
"""The number of seconds of gateway calls that may enter step 3 at a time."""


def charge(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Charges what the claims name, if they are still in force; the tally counts each result.

    Where the gateway takes no more for now, the rest is `left`: it comes back when its claims end.
    """
    lanes = ports.lanes
    at_once = ports.operation.gateway_calls_per_second * SECONDS_PAST_POINT_OF_NO_RETURN
    lane = partial(_in_batches, ports, max(1, at_once // lanes.count), now)
    tally: Counter[str] = Counter()
    for done in lanes.run(lane, [leases[number :: lanes.count] for number in range(lanes.count)]):
        tally.update(done)
    return tally


def _in_batches(ports: Ports, at_once: int, now: datetime, leases: Sequence[Due]) -> Counter[str]:
    tally: Counter[str] = Counter()
    remaining = iter(leases)
    while batch := list(islice(remaining, at_once)):
        _charge(ports.as_switched(), batch, now, tally)
        if tally["rate_limited"]:
            tally["left"] += sum(1 for _ in remaining)
    return tally


def _charge(ports: Ports, leases: Sequence[Due], now: datetime, tally: Counter[str]) -> None:
    loaded = account_migration.set_right(ports, list(_load(ports, leases, now, tally)), now, tally)
    lapsed = [work for work in loaded if work.has_lapsed(ports, now)]
    going_on = [work for work in loaded if work not in lapsed]
    under_way = [work for work in going_on if work.is_under_way]
    fresh = [work for work in going_on if not work.is_under_way]

    unanswered: list[ChargeJob] = []
    for call, works in _step_6(ports, under_way):
        unanswered += _settle(ports, works, _gateway(ports, call, works), now, tally)
    _settle(ports, lapsed, _gateway(ports, gateway_payments.withdraw, lapsed), now, tally)
    opened = _open(ports, fresh, now, tally)
    free = [work for work in opened if not work.open_invoice.total]
    _settle(ports, free, [Succeeded(None)] * len(free), now, tally)
    to_pay = [work for work in opened if work.open_invoice.total]
    ready = _prepare(ports, [*to_pay, *unanswered], tally)
    confirming = _pass_point_of_no_return(ports, ready, now, tally)
    _settle(ports, confirming, _gateway(ports, gateway_payments.confirm, confirming), now, tally)


def _load(
    ports: Ports, leases: Sequence[Due], now: datetime, tally: Counter[str]
) -> Iterator[ChargeJob]:
    """Reads afresh what the claims name; a claim that was lost belongs to another worker by now."""
    owners = [(lease.owner[0], lease.owner[1], lease.owner[2]) for lease in leases]
    merchants: dict[str, Merchant | None] = {}
    held = [
        subscription
        for lease, subscription in zip(leases, ports.store.subscriptions(owners), strict=True)
        if subscription is not None and subscription.due_at == lease.due_at
    ]
    tally["stale"] += len(leases) - len(held)
    keys = [(s.merchant, s.customer, s.open_invoice) for s in held if s.open_invoice]
    invoices = {i.id: i for i in ports.store.invoices(keys) if i is not None}
    for subscription in held:
        invoice = invoices.get(subscription.open_invoice or "")
        if invoice is not None and invoice.state in FINAL:
            tally["stale"] += 1  # an event settled it between the two reads
            continue
        if subscription.merchant not in merchants:
            merchants[subscription.merchant] = ports.store.merchant(subscription.merchant)
        merchant = merchants[subscription.merchant]
        assert merchant is not None, "a subscription's merchant is never removed"
        yield ChargeJob(merchant.as_of(now), subscription, invoice)


def _step_6(
    ports: Ports, works: Sequence[ChargeJob]
) -> Iterator[tuple[Callable[[Ports, Invoice], PaymentStatus], list[ChargeJob]]]:
    """Pairs attempts that were under way with the gateway call to make for each.

    Withdrawn are attempts of a subscription that is being cancelled, those that a bank disputes by
    now, and those that their buyer was asked to authenticate for the last time, or at an account
    that the card has left: a link that still charged after the end would be a charge that nobody
    books. So are attempts for a merchant whose account has ended (A-3). What else may not be
    charged now is only looked up.
    """
    by_call: dict[Callable[[Ports, Invoice], PaymentStatus], list[ChargeJob]] = defaultdict(list)
    for work in works:
        over = work.is_last_authentication or (work.waits_for_buyer and work.is_elsewhere)
        hold = work.held(ports)
        over = over or (hold is policy.Hold.STOPPED and work.merchant.suspended_from is not None)
        if work.subscription.cancelling or over or hold is policy.Hold.DISPUTED:
            by_call[gateway_payments.withdraw].append(work)
        elif hold:
            by_call[gateway_payments.lookup].append(work)
        else:
            by_call[gateway_payments.resolve].append(work)
    yield from by_call.items()


def _open(
    ports: Ports, works: Sequence[ChargeJob], now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Opens an invoice for jobs without one (step 1); the others continue from its state."""
    to_open: list[ChargeJob] = []
    going_on: list[ChargeJob] = []
    for work in works:
        asked = work.subscription.pay_now is not None
        if reason := work.held(ports):
            tally[f"held_{reason}"] += 1
            again = policy.alarm_while_held(work.subscription, reason, now)
            if again != work.subscription.due_at and not work.changes_plan:
                _write_alarm(ports, work, again, tally)
        elif work.invoice is not None:
            going_on += _unless_given_up(ports, work, now, tally)
        elif policy.too_late_to_ask(work.subscription, work.merchant, now) and not asked:
            _put_on_waiting_list(ports, work, now, tally)
        elif policy.not_yet(work.subscription, now):
            later = policy.alarm_after_payment(work.subscription, now)
            tally["postponed"] += _write_alarm(ports, work, later, tally)
        else:
            to_open.append(work)
    opened = [
        replace(work, subscription=work.subscription.renewing().opened(invoice.id), invoice=invoice)
        for work, invoice in zip(to_open, _invoices(ports, to_open, now), strict=True)
    ]
    writes = [
        (
            *charge_steps.open_invoice(before.subscription, after.open_invoice),
            *access.moves(ports, before.subscription, before.subscription.next_plan, now),
        )
        for before, after in zip(to_open, opened, strict=True)
    ]
    return going_on + _committed(ports, opened, writes, tally)


def _invoices(ports: Ports, works: Sequence[ChargeJob], now: datetime) -> list[Invoice]:
    """Builds each job's next invoice, with amount, tax, gateway account and Order ID final."""
    purchases = [(w.merchant.id, w.subscription.customer, w.subscription.id) for w in works]
    found = ports.store.bill_tos(purchases)
    invoices = []
    for work, bill_to in zip(works, found, strict=True):
        assert bill_to is not None, "written with the purchase"
        order_id, download_key = ports.new_id("order"), ports.new_id("key")
        invoices.append(
            invoicing.following(
                work.subscription,
                bill_to.bill_to,
                order_id=order_id,
                download_key=download_key,
                now=now,
                minimum_minor=ports.minimum_minor(work.subscription),
            )
        )
    return invoices


def _prepare(ports: Ports, works: Sequence[ChargeJob], tally: Counter[str]) -> list[ChargeJob]:
    """Prepares a gateway payment (step 2) where there is none yet, or one that may have expired."""
    prepared = [gateway_payments.is_prepared(ports, work.open_invoice) for work in works]
    unprepared = [work for work, done in zip(works, prepared, strict=True) if not done]
    going_on = [work for work, done in zip(works, prepared, strict=True) if done]
    references = _gateway(ports, gateway_payments.prepare, unprepared)
    after: list[ChargeJob] = []
    writes: list[Transaction] = []
    for work, reference in zip(unprepared, references, strict=True):
        if isinstance(reference, Unavailable):
            tally[_nothing_known(reference, "unreachable")] += 1
            continue
        if reference == work.open_invoice.gateway_ref:
            going_on.append(work)
            continue
        ready, write = charge_steps.prepared(work.open_invoice, reference)
        after.append(replace(work, invoice=ready))
        writes.append(write)
    return going_on + _committed(ports, after, writes, tally)


def _pass_point_of_no_return(
    ports: Ports, works: Sequence[ChargeJob], now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Starts the attempts (step 3); whether billing is stopped is read here once more."""
    if not works:
        return []
    merchants = {name: ports.store.merchant(name) for name in {w.merchant.id for w in works}}
    ports = ports.as_switched()
    after: list[ChargeJob] = []
    writes: list[Transaction] = []
    for work in works:
        merchant = merchants[work.merchant.id]
        assert merchant is not None, "a merchant is never removed"
        if stopped := replace(work, merchant=merchant.as_of(now)).stopped(ports):
            tally[f"held_{stopped}"] += 1
            continue
        invoice = work.open_invoice
        confirming, write = charge_steps.point_of_no_return(
            work.subscription, invoice, ports.new_id("order"), now
        )
        after.append(replace(work, invoice=confirming))
        writes.append(write)
    return _committed(ports, after, writes, tally)


def _settle(
    ports: Ports,
    works: Sequence[ChargeJob],
    outcomes: Sequence[PaymentStatus | Unavailable],
    now: datetime,
    tally: Counter[str],
) -> list[ChargeJob]:
    """Settles the outcomes (step 5); writes nothing for an unknown one (R-6).

    An attempt with an unknown outcome comes back when its claim ends. Returns the jobs whose buyer
    did not authenticate in time: their next attempt is due (R-4), and until it has passed step 3
    they stay as they are, for their link still charges.
    """
    unanswered: list[ChargeJob] = []
    known: list[ChargeJob] = []
    names: dict[str, str] = {}
    writes: list[Transaction] = []
    for work, outcome in zip(works, outcomes, strict=True):
        if isinstance(outcome, Unavailable | Unconfirmed):
            tally[_nothing_known(outcome, "unknown")] += 1
            continue
        regular = not work.open_invoice.changes_plan
        no_answer = isinstance(outcome, ActionRequired | Expired) and work.waits_for_buyer
        if no_answer and regular:
            unanswered += [] if work.held(ports) else [work]
            continue
        name, write = settlement(ports, work, outcome, now)
        known.append(work)
        writes.append(write)
        names[work.open_invoice.id] = name
    for work in _committed(ports, known, writes, tally):
        tally[names[work.open_invoice.id]] += 1
    return unanswered


def _nothing_known(answer: object, otherwise: str) -> str:
    return "rate_limited" if isinstance(answer, RateLimited) else otherwise


def settlement(
    ports: Ports, work: ChargeJob, outcome: Outcome, now: datetime
) -> tuple[str, Transaction]:
    """Returns the name and the writes of an outcome of the open invoice.

    It is the same for every path that learns an outcome.
    """
    subscription, invoice = work.subscription, work.open_invoice
    schedule = work.merchant.settings.retry_schedule
    shard = ports.shard_of(invoice.id)
    if invoice.plan_change is not None:
        moves = access.moves(ports, subscription, invoice.plan_change.plan, now)
        return plan_change_steps.settle(subscription, invoice, outcome, moves, now, shard)

    def declined(decline: Declined, schedule: RetrySchedule) -> tuple[str, Transaction]:
        order_id = ports.new_id("order")
        return "declined", charge_steps.settle_declined(
            subscription, invoice, decline, schedule, now, shard, order_id
        )

    match outcome:
        case Succeeded():
            return "paid", charge_steps.settle_paid(subscription, invoice, outcome, now, shard)
        case Declined():
            return declined(outcome, schedule)
        case ActionRequired():
            return "action_required", charge_steps.needs_buyer(
                subscription, invoice, schedule, now, shard
            )
        case Canceled() if not subscription.cancelling and work.is_last_authentication:
            return declined(UNANSWERED, schedule)
        case Expired() if not subscription.cancelling:
            return "lapsed", charge_steps.lapsed(subscription, invoice, now)
        case Canceled():
            return "void", charge_steps.void(subscription, invoice, now, shard)


def _unless_given_up(
    ports: Ports, work: ChargeJob, now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Gives up after a hard decline, unless another attempt was asked for (R-4).

    After a hard decline there is no further attempt but that one, only the end of the cycle.
    """
    invoice = work.open_invoice
    if invoice.retryable or work.subscription.pay_now is not None:
        return [work]
    schedule = work.merchant.settings.retry_schedule
    write = charge_steps.give_up(
        work.subscription, invoice, schedule, now, ports.shard_of(invoice.id), ports.new_id("order")
    )
    tally["given_up"] += len(_committed(ports, [work], [write], tally))
    return []


def _put_on_waiting_list(ports: Ports, work: ChargeJob, now: datetime, tally: Counter[str]) -> None:
    waiting = work.subscription.waiting(now)
    write = (Change(work.subscription, waiting, expecting=policy.LOOKED_AT),)
    tally["waiting"] += len(_committed(ports, [work], [write], tally))


def _write_alarm(ports: Ports, work: ChargeJob, at: datetime | None, tally: Counter[str]) -> int:
    """Moves the subscription's due date; returns 1 if nothing else was written meanwhile."""
    later = work.subscription.postponed_to(at)
    write = (Change(work.subscription, later, expecting=policy.LOOKED_AT),)
    return len(_committed(ports, [work], [write], tally))


def _gateway(
    ports: Ports, call: Callable[[Ports, Invoice], T], works: Sequence[ChargeJob]
) -> list[T | Unavailable]:
    return ports.each(partial(call, ports), [work.open_invoice for work in works])


def _committed(
    ports: Ports, works: Sequence[ChargeJob], writes: Sequence[Transaction], tally: Counter[str]
) -> list[ChargeJob]:
    """Commits the writes and returns the jobs that went through.

    The others met another writer and come back on their due date.
    """
    conflicts = ports.store.commit_each(writes)
    tally["conflict"] += sum(1 for conflict in conflicts if conflict)
    return [w for w, conflict in zip(works, conflicts, strict=True) if conflict is None]

"""Charges of what is due, each period exactly once (R-1 .. R-4, R-6).

The steps and their order are the charge protocol's (ARCHITECTURE.md, section 3); the writes of each
are in `billing.rebill.charge_steps`. A worker takes many subscriptions through one step at a time,
so that they share round trips; a subscription that a step refuses drops out and comes back on its
due date.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from billing.kernel import charge_eligibility
from billing.kernel.errors import HeldBack, RateLimited, Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import (
    ActionRequired,
    Expired,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.invoices import FINAL, Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.retries import asked_again_at
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Transaction
from billing.rebill import charge_steps
from billing.rebill.flows import account_migration, opening
from billing.rebill.flows.charge_jobs import ChargeJob, Renewal, committed
from billing.rebill.flows.outcomes import settlement

T = TypeVar("T")


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
    lapsed = [job for job in loaded if job.has_lapsed(ports, now)]
    going_on = [job for job in loaded if job not in lapsed]
    under_way = [job for job in going_on if job.is_under_way]
    fresh = [job for job in going_on if not job.is_under_way]

    unanswered: list[ChargeJob] = []
    for call, jobs in _resolve_unknown(ports, under_way):
        unanswered += _settle(ports, jobs, _gateway(ports, call, jobs), now, tally)
    _settle(ports, lapsed, _gateway(ports, gateway_payments.withdraw, lapsed), now, tally)
    opened, renewals = opening.to_charge(ports, fresh, now, tally)
    free = [job for job in opened if not job.open_invoice.total]
    free += opening.open_free(ports, [r for r in renewals if not r.invoice.total], tally)
    _settle(ports, free, [Succeeded(None)] * len(free), now, tally)
    to_pay = [job for job in opened if job.open_invoice.total]
    to_open = [renewal for renewal in renewals if renewal.invoice.total]
    ready = _prepare(ports, [*to_pay, *unanswered], to_open, tally)
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


def _resolve_unknown(
    ports: Ports, jobs: Sequence[ChargeJob]
) -> Iterator[tuple[Callable[[Ports, Invoice], PaymentStatus], list[ChargeJob]]]:
    """Pairs attempts that were under way with the gateway call to make for each.

    Withdrawn are attempts of a subscription that is being cancelled, those that a bank disputes by
    now, and those that their buyer was asked to authenticate for the last time, or at an account
    that the card has left: a link that still charged after the end would be a charge that nobody
    books. So are attempts for a merchant whose account has ended (A-3). What else may not be
    charged now is only looked up.
    """
    by_call: dict[Callable[[Ports, Invoice], PaymentStatus], list[ChargeJob]] = defaultdict(list)
    for job in jobs:
        over = job.is_last_authentication or (job.waits_for_buyer and job.is_elsewhere)
        hold = job.held(ports)
        over = over or (
            hold is charge_eligibility.Hold.STOPPED and job.merchant.suspended_from is not None
        )
        if job.subscription.cancelling or over or hold is charge_eligibility.Hold.DISPUTED:
            by_call[gateway_payments.withdraw].append(job)
        elif hold:
            by_call[gateway_payments.lookup].append(job)
        else:
            by_call[gateway_payments.resolve].append(job)
    yield from by_call.items()


def _prepare(
    ports: Ports, jobs: Sequence[ChargeJob], renewals: Sequence[Renewal], tally: Counter[str]
) -> list[ChargeJob | Renewal]:
    """Prepares a gateway payment (step 2) where there is none yet, or one that may have expired.

    For renewals it comes before step 1: what cannot be prepared stays as it was.
    """
    prepared = [gateway_payments.is_prepared(ports, job.open_invoice) for job in jobs]
    ready: list[ChargeJob | Renewal] = [
        job for job, done in zip(jobs, prepared, strict=True) if done
    ]
    unprepared = [job for job, done in zip(jobs, prepared, strict=True) if not done]
    asked: list[ChargeJob | Renewal] = [*unprepared, *renewals]
    after: list[ChargeJob] = []
    writes: list[Transaction] = []
    for each, reference in zip(asked, ports.each(partial(_payment, ports), asked), strict=True):
        if isinstance(reference, Unavailable):
            tally[_nothing_known(reference, "unreachable")] += 1
        elif isinstance(each, Renewal):
            ready.append(replace(each, reference=reference))
        elif reference == each.open_invoice.gateway_ref:
            ready.append(each)
        else:
            invoice, write = charge_steps.prepare(each.open_invoice, reference)
            after.append(replace(each, invoice=invoice))
            writes.append(write)
    return ready + committed(ports, after, writes, tally)


def _payment(ports: Ports, of: ChargeJob | Renewal) -> str:
    if isinstance(of, Renewal):
        return gateway_payments.prepare_ahead(ports, of.invoice)
    return gateway_payments.prepare(ports, of.open_invoice)


def _pass_point_of_no_return(
    ports: Ports, jobs: Sequence[ChargeJob | Renewal], now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Starts the attempts (step 3); whether billing is stopped is read here once more."""
    if not jobs:
        return []
    names = sorted({job.merchant.id for job in jobs})
    found, switch = ports.store.merchants_and_switch(names)
    merchants = dict(zip(names, found, strict=True))
    ports = ports.switched(switch)
    after: list[ChargeJob] = []
    writes: list[Transaction] = []
    for job in jobs:
        merchant = merchants[job.merchant.id]
        assert merchant is not None, "a merchant is never removed"
        if stopped := ports.stopped(merchant.as_of(now)):
            tally[f"held_{stopped}"] += 1
            continue
        started, write = _start(job, ports.new_id("order"), now)
        after.append(started)
        writes.append(write)
    return committed(ports, after, writes, tally)


def _start(
    job: ChargeJob | Renewal, failed_order_id: str, now: datetime
) -> tuple[ChargeJob, Transaction]:
    """Returns the job with its attempt started, and the writes; a renewal opens its invoice too."""
    if isinstance(job, Renewal):
        assert job.reference is not None, "prepared before it is started"
        invoice, writes = charge_steps.start_renewal(
            job.subscription, job.invoice, job.reference, failed_order_id, now
        )
        return job.opened(invoice), (*writes, *job.moves)
    confirming, writes = charge_steps.pass_point_of_no_return(
        job.subscription, job.open_invoice, failed_order_id, now
    )
    return replace(job, invoice=confirming), writes


def _settle(
    ports: Ports,
    jobs: Sequence[ChargeJob],
    outcomes: Sequence[PaymentStatus | Unavailable],
    now: datetime,
    tally: Counter[str],
) -> list[ChargeJob]:
    """Settles the outcomes (step 5); writes nothing for an unknown one (R-6).

    An attempt with an unknown outcome comes back when its claim ends, and one that the gateway
    holds back after as long as it has been held. Returns the jobs whose buyer
    did not authenticate in time: their next attempt is due (R-4), and until it has passed step 3
    they stay as they are, for their link still charges.
    """
    unanswered: list[ChargeJob] = []
    known: list[ChargeJob] = []
    names: dict[str, str] = {}
    writes: list[Transaction] = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, HeldBack):
            again_at = asked_again_at(job.open_invoice.attempted_at or now, now)
            known.append(job)
            writes.append(charge_steps.held_back(job.subscription, again_at))
            names[job.open_invoice.id] = "held_back"
            continue
        if isinstance(outcome, Unavailable | Unconfirmed):
            tally[_nothing_known(outcome, "unknown")] += 1
            continue
        regular = not job.open_invoice.changes_plan
        no_answer = isinstance(outcome, ActionRequired | Expired) and job.waits_for_buyer
        if no_answer and regular:
            unanswered += [] if job.held(ports) else [job]
            continue
        name, write = settlement(ports, job, outcome, now)
        known.append(job)
        writes.append(write)
        names[job.open_invoice.id] = name
    for job in committed(ports, known, writes, tally):
        tally[names[job.open_invoice.id]] += 1
    return unanswered


def _nothing_known(answer: object, otherwise: str) -> str:
    return "rate_limited" if isinstance(answer, RateLimited) else otherwise


def _gateway(
    ports: Ports, call: Callable[[Ports, Invoice], T], jobs: Sequence[ChargeJob]
) -> list[T | Unavailable]:
    return ports.each(partial(call, ports), [job.open_invoice for job in jobs])

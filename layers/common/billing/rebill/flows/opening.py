"""Step 1 of a charge: the period's invoice, or why there is none now (R-1 .. R-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing.kernel import charge_eligibility, invoicing
from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Transaction
from billing.rebill import charge_steps
from billing.rebill.flows import access, moved_here
from billing.rebill.flows.charge_jobs import ChargeJob, Renewal, committed
from billing.tax.flows import taxation


def to_charge(
    ports: Ports, jobs: Sequence[ChargeJob], now: datetime, tally: Counter[str]
) -> tuple[list[ChargeJob], list[Renewal]]:
    """Sorts out what may be charged now: jobs with an open invoice, and renewals without one.

    The due dates of the others are moved, where they have to be.
    """
    to_open: list[ChargeJob] = []
    going_on: list[ChargeJob] = []
    for job in jobs:
        asked = job.subscription.pay_now is not None
        if reason := job.held(ports):
            tally[f"held_{reason}"] += 1
            again = charge_eligibility.due_while_held(job.subscription, reason, now)
            if again != job.subscription.due_at and not job.changes_plan:
                _move_due_date(ports, job, again, tally)
        elif job.invoice is not None:
            going_on += _unless_given_up(ports, job, now, tally)
        elif charge_eligibility.too_late_to_ask(job.subscription, job.merchant, now) and not asked:
            _put_on_waiting_list(ports, job, now, tally)
        elif charge_eligibility.not_yet(job.subscription, now):
            later = charge_eligibility.due_after_payment(job.subscription, now)
            tally["postponed"] += _move_due_date(ports, job, later, tally)
        elif (ended := moved_here.ended_there(ports, job.subscription)) is None:
            tally["source_unreachable"] += 1
        elif ended:
            tally["ended_there"] += moved_here.end(ports, job.subscription, now)
        else:
            to_open.append(job)
    return going_on, [
        Renewal(job.merchant, job.subscription, invoice, _access_moves(ports, job, now))
        for job, invoice in zip(to_open, _invoices(ports, to_open, now), strict=True)
    ]


def open_free(ports: Ports, free: Sequence[Renewal], tally: Counter[str]) -> list[ChargeJob]:
    """Opens the invoices of renewals with nothing to pay, which no gateway is asked for."""
    opened = [each.opened(each.invoice) for each in free]
    writes = [
        (*charge_steps.open_invoice(each.subscription, each.invoice), *each.moves) for each in free
    ]
    return committed(ports, opened, writes, tally)


def _access_moves(ports: Ports, job: ChargeJob, now: datetime) -> Transaction:
    return access.moves(ports, job.subscription, job.subscription.next_plan, now)


def _invoices(ports: Ports, jobs: Sequence[ChargeJob], now: datetime) -> list[Invoice]:
    """Builds each job's next invoice, with amount, tax, gateway account and Order ID final."""
    purchases = [(w.merchant.id, w.subscription.customer, w.subscription.id) for w in jobs]
    found = ports.store.bill_tos(purchases)
    invoices = []
    for job, bill_to in zip(jobs, found, strict=True):
        assert bill_to is not None, "written with the purchase"
        taxes = taxation.of_charge(ports, job.merchant, job.subscription, bill_to.bill_to, now=now)
        order_id, download_key = ports.new_id("order"), ports.new_id("key")
        invoices.append(
            invoicing.following(
                job.subscription,
                bill_to.bill_to,
                order_id=order_id,
                download_key=download_key,
                now=now,
                minimum_minor=ports.minimum_minor(job.subscription),
                taxes=taxes,
            )
        )
    return invoices


def _unless_given_up(
    ports: Ports, job: ChargeJob, now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Gives up after a hard decline, unless another attempt was asked for (R-4).

    After a hard decline there is no further attempt but that one, only the end of the cycle.
    """
    invoice = job.open_invoice
    if invoice.retryable or job.subscription.pay_now is not None:
        return [job]
    schedule = job.merchant.settings.retry_schedule
    shard = ports.shard_of(invoice.purchase)
    write = charge_steps.give_up(
        job.subscription, invoice, schedule, now, shard, ports.new_id("order")
    )
    tally["given_up"] += len(committed(ports, [job], [write], tally))
    return []


def _put_on_waiting_list(ports: Ports, job: ChargeJob, now: datetime, tally: Counter[str]) -> None:
    waiting = job.subscription.waiting(now)
    write = (Change(job.subscription, waiting, expecting=charge_eligibility.LOOKED_AT),)
    tally["waiting"] += len(committed(ports, [job], [write], tally))


def _move_due_date(ports: Ports, job: ChargeJob, at: datetime | None, tally: Counter[str]) -> int:
    """Moves the subscription's due date; returns 1 if nothing else was written meanwhile."""
    later = job.subscription.postponed_to(at)
    write = (Change(job.subscription, later, expecting=charge_eligibility.LOOKED_AT),)
    return len(committed(ports, [job], [write], tally))

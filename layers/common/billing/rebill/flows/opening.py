"""Step 1 of a charge: opens the period's invoice, or says why not now (R-1 .. R-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from billing.kernel import charge_eligibility, invoicing
from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.writes import Change
from billing.rebill import charge_steps
from billing.rebill.flows import access
from billing.rebill.flows.charge_jobs import ChargeJob, committed


def open_invoices(
    ports: Ports, works: Sequence[ChargeJob], now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Opens an invoice for jobs without one (step 1); the others continue from its state."""
    to_open: list[ChargeJob] = []
    going_on: list[ChargeJob] = []
    for work in works:
        asked = work.subscription.pay_now is not None
        if reason := work.held(ports):
            tally[f"held_{reason}"] += 1
            again = charge_eligibility.due_while_held(work.subscription, reason, now)
            if again != work.subscription.due_at and not work.changes_plan:
                _write_alarm(ports, work, again, tally)
        elif work.invoice is not None:
            going_on += _unless_given_up(ports, work, now, tally)
        elif (
            charge_eligibility.too_late_to_ask(work.subscription, work.merchant, now) and not asked
        ):
            _put_on_waiting_list(ports, work, now, tally)
        elif charge_eligibility.not_yet(work.subscription, now):
            later = charge_eligibility.due_after_payment(work.subscription, now)
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
    return going_on + committed(ports, opened, writes, tally)


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
    tally["given_up"] += len(committed(ports, [work], [write], tally))
    return []


def _put_on_waiting_list(ports: Ports, work: ChargeJob, now: datetime, tally: Counter[str]) -> None:
    waiting = work.subscription.waiting(now)
    write = (Change(work.subscription, waiting, expecting=charge_eligibility.LOOKED_AT),)
    tally["waiting"] += len(committed(ports, [work], [write], tally))


def _write_alarm(ports: Ports, work: ChargeJob, at: datetime | None, tally: Counter[str]) -> int:
    """Moves the subscription's due date; returns 1 if nothing else was written meanwhile."""
    later = work.subscription.postponed_to(at)
    write = (Change(work.subscription, later, expecting=charge_eligibility.LOOKED_AT),)
    return len(committed(ports, [work], [write], tally))

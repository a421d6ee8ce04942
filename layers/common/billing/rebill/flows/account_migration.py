"""Charges on a gateway account that is gone, or that the card has left for another (W-6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing.kernel import charge_eligibility
from billing.kernel.flows import gateway_payments
from billing.kernel.ports import Ports
from billing.kernel.writes import Transaction
from billing.rebill import charge_steps, void_steps
from billing.rebill.flows.charge_jobs import ChargeJob


def set_right(
    ports: Ports, jobs: Sequence[ChargeJob], now: datetime, tally: Counter[str]
) -> list[ChargeJob]:
    """Corrects jobs with a wrong account, and counts them; returns the jobs that can go on.

    An attempt under way at an account that is gone stays as it is: nobody can say what became of it
    (R-6).
    """
    staying: list[ChargeJob] = []
    names: list[str] = []
    writes: list[Transaction] = []
    for job in jobs:
        found = _in_the_way(ports, job, now)
        if found is None:
            staying.append(job)
        elif found[1]:
            names.append(found[0])
            writes.append(found[1])
        else:
            tally[found[0]] += 1
    conflicts = ports.store.commit_each(writes) if writes else []
    for name, conflict in zip(names, conflicts, strict=True):
        tally["conflict" if conflict else name] += 1
    return staying


def _in_the_way(ports: Ports, job: ChargeJob, now: datetime) -> tuple[str, Transaction] | None:
    """Returns the problem's name and the writes that correct it; no writes where nothing can."""
    subscription, invoice = job.subscription, job.invoice
    shard = ports.shard_of(subscription.id)
    if invoice is not None and job.is_under_way:
        gone = not gateway_payments.is_there(ports, invoice, job.merchant)
        return ("account_gone_under_way", ()) if gone else None
    if job.held(ports) or (invoice is None and charge_eligibility.not_yet(subscription, now)):
        return None  # nothing is asked of the gateway
    if not gateway_payments.is_there(ports, subscription, job.merchant):
        return "account_gone", void_steps.without_account(subscription, invoice, now, shard)
    if invoice is not None and job.is_elsewhere:
        return "moved", charge_steps.moved(subscription, invoice, now, shard)
    return None

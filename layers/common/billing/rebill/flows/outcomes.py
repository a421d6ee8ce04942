"""Outcomes of charges: what each makes of its invoice and subscription (R-4, A-4)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    Expired,
    Outcome,
    Succeeded,
)
from billing.kernel.ports import Ports
from billing.kernel.retries import RetrySchedule
from billing.kernel.writes import Transaction
from billing.rebill import charge_steps, plan_change_steps, void_steps
from billing.rebill.flows import access
from billing.rebill.flows.charge_jobs import ChargeJob

UNANSWERED = Declined("authentication_required")
"""The decline that is recorded when a buyer did not authenticate in time (R-4)."""


def settlement(
    ports: Ports, job: ChargeJob, outcome: Outcome, now: datetime
) -> tuple[str, Transaction]:
    """Returns the name and the writes of an outcome of the open invoice.

    It is the same for every path that learns an outcome.
    """
    subscription, invoice = job.subscription, job.open_invoice
    schedule = job.merchant.settings.retry_schedule
    shard = ports.shard_of(invoice.purchase)
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
            lists = job.merchant.order_lists
            return "paid", charge_steps.settle_paid(
                subscription, invoice, outcome, now, shard, order_lists=lists
            )
        case Declined():
            return declined(outcome, schedule)
        case ActionRequired():
            return "action_required", charge_steps.wait_for_buyer(
                subscription, invoice, schedule, now, shard
            )
        case Canceled() if not subscription.cancelling and job.is_last_authentication:
            return declined(UNANSWERED, schedule)
        case Expired() if not subscription.cancelling:
            return "lapsed", void_steps.lapsed(subscription, invoice, now)
        case Canceled():
            return "void", void_steps.withdrawn_payment(subscription, invoice, now, shard)

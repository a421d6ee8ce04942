"""The effect of a plan change on access: read only where the product changes with it (A-4, C-3)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.plans import Plan
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.writes import Transaction
from billing.rebill import plan_change_steps


def moves(
    ports: Ports, subscription: Subscription, plan: Plan | None, now: datetime
) -> Transaction:
    """Returns the writes that replace the subscription's access by the plan's."""
    if plan is None or plan.product == subscription.product:
        return ()
    held = ports.store.entitlements(subscription.merchant, subscription.customer)
    return plan_change_steps.access_moves(held, subscription, plan, now)

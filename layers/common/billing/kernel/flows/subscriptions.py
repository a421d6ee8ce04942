"""Reads a subscription: by its id alone, or once more."""

from __future__ import annotations

from billing.kernel.errors import NotFound
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def fresh(ports: Ports, merchant: str, subscription: str) -> Subscription:
    """Returns the current subscription; raises `NotFound` if it is unknown or another
    merchant's."""
    # The index gives its key; its state is then read consistently.
    found = ports.store.subscription_by_id(merchant, subscription)
    if found is None:
        raise NotFound("subscription_unknown")
    return found


def again(ports: Ports, read: Subscription) -> Subscription:
    """Returns a subscription as it is now, after a write met another."""
    found = ports.store.subscription(read.merchant, read.customer, read.id)
    assert found is not None, "a subscription is never removed"
    return found

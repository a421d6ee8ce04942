"""Reads a subscription by its id alone, as every change of one begins."""

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

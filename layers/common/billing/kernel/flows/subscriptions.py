"""A subscription by its id alone, read afresh: what every change of one begins with."""

from __future__ import annotations

from billing.kernel.errors import NotFound
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def fresh(ports: Ports, merchant: str, subscription: str) -> Subscription:
    """The subscription as it stands now; `NotFound` for an unknown one, or another merchant's."""
    # The index says where it is, a consistent read how it stands.
    found = ports.store.subscription_by_id(merchant, subscription)
    if found is None:
        raise NotFound("There is no such subscription.")
    return found

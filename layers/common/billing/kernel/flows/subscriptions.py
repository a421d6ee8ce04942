"""Reads a subscription: by its id alone, or once more after a conflict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from billing.kernel.customers import BillTo
from billing.kernel.errors import Conflict, NotFound
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription

R = TypeVar("R")

ATTEMPTS = 8
"""The number of times that a request meeting other writers is decided before it is refused."""


def fresh(ports: Ports, merchant: str, subscription: str) -> Subscription:
    """Returns the current subscription; raises `NotFound` if it is unknown or another
    merchant's."""
    # The index gives its key; its state is then read consistently.
    found = ports.store.subscription_by_id(merchant, subscription)
    if found is None:
        raise NotFound("subscription_unknown")
    return found


def bill_to(ports: Ports, subscription: Subscription) -> BillTo:
    """Returns the bill-to party of a subscription's invoices: where its buyer lives now (X-10)."""
    owner = (subscription.merchant, subscription.customer, subscription.id)
    (kept,) = ports.store.bill_tos([owner])
    assert kept is not None, "written with the purchase"
    return kept.bill_to


def again(ports: Ports, read: Subscription) -> Subscription:
    """Returns a subscription as it is now, after a write met another.

    Raises `NotFound` for one that was being moved here, and was left with its source meanwhile:
    no other is ever removed (`migration.moving.drop`).
    """
    found = ports.store.subscription(read.merchant, read.customer, read.id)
    if found is None:
        assert read.state is State.INCOMPLETE, "what has begun here is never removed"
        raise NotFound("subscription_unknown")
    return found


def decided(ports: Ports, read: Subscription, decide: Callable[[Subscription], R]) -> R:
    """Decides and writes by a subscription as its caller has read it, and anew after a conflict.

    So `decide` names in its write what it depends on. Raises `Conflict` after `ATTEMPTS`.
    """
    for _ in range(ATTEMPTS):
        try:
            return decide(read)
        except Conflict:
            read = again(ports, read)
    raise Conflict()

"""Lets deliveries wait for their endpoint's next success, which a job makes known to them (M-5).

It holds only if the endpoint is still as it was read: after a success nothing waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from billing.kernel.errors import Conflict
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Transaction, Write
from billing.webhooks.deliveries import SOON, Delivery
from billing.webhooks.endpoints import WebhookEndpoint
from billing.webhooks.flows.leased import Leased, Standing

HEALTH = ("disabled", "failing_since", "failures", "paused_until", "undelivered_from")
"""The fields of an endpoint that decide about attempts, and that their outcomes change."""


def changed(before: Delivery, after: Delivery) -> Change:
    """Returns the write of a delivery, which fails if another worker has it by now."""
    return Change(before, after, expecting=("due_at", "state"))


def keep(ports: Ports, endpoint: WebhookEndpoint, delivery: Delivery) -> tuple[str, Delivery]:
    """Lets one delivery wait; returns the outcome and the delivery."""
    after = delivery.kept_waiting()
    try:
        ports.store.commit(*_writes(endpoint, delivery, after))
    except Conflict:
        # The endpoint may answer again by now, so the attempt comes back soon.
        soon = replace(delivery, due_at=ports.clock() + SOON)
        ports.store.commit(changed(delivery, soon))
        return "waits_again", soon
    return "waiting", after


def keep_together(ports: Ports, found: Sequence[Leased]) -> set[Due]:
    """Lets the deliveries wait whose endpoints are held, in one call for all of them.

    Returns the leases that are done; the others are as they were.
    """
    now, environment = ports.clock(), ports.operation.environment
    held = [each for each in found if each.standing(environment, now) is Standing.HELD]
    outcomes = ports.store.commit_each([_writes_of(each) for each in held])
    return {each.lease for each, refused in zip(held, outcomes, strict=True) if refused is None}


def _writes_of(found: Leased) -> Transaction:
    endpoint, delivery = found.endpoint, found.delivery
    assert endpoint is not None, "it is held"
    assert delivery is not None, "it is held"
    return _writes(endpoint, delivery, delivery.kept_waiting())


def _writes(endpoint: WebhookEndpoint, before: Delivery, after: Delivery) -> Transaction:
    owing = endpoint.owes(before.event)
    about: Write = ConditionCheck(endpoint, HEALTH)
    if owing != endpoint:
        about = Change(endpoint, owing, expecting=HEALTH)
    return changed(before, after), about

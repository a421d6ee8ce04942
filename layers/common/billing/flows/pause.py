"""Pausing and resuming (X-11): nothing is charged in between, and nothing that was paid is lost."""

from __future__ import annotations

from datetime import datetime

from billing import cancellation, policy
from billing.errors import Refused
from billing.facts import FactKind
from billing.flows import subscriptions
from billing.ports import Ports
from billing.subscription import State, Subscription
from billing.transactions import Change, Insert


def pause(ports: Ports, merchant: str, subscription: str, *, now: datetime) -> Subscription:
    """Charge nothing from now on; what is paused stays so.

    Raises `NotFound`, and `Refused` (invoice_open, not_pausable).
    """
    found = subscriptions.fresh(ports, merchant, subscription)
    if found.state is State.PAUSED:
        return found
    if found.open_invoice is not None:
        raise Refused("A payment is open: pay it, or wait until it is made.", code="invoice_open")
    if found.freezes_at is not None:
        raise Refused("It is to be frozen; undo that first.", code="freezing")
    pausable = found.state in {State.TRIALING, State.ACTIVE} and found.cancelling is None
    if not pausable:
        raise Refused("Only a running subscription can be paused.", code="not_pausable")
    return _write(ports, found, found.paused(), FactKind.PAUSED, now)


def resume(ports: Ports, merchant: str, subscription: str, *, now: datetime) -> Subscription:
    """Go on: on schedule inside the paid period, else with a payment at once that is the new
    anchor.

    Raises `NotFound`, and `Refused` (not_paused).
    """
    found = subscriptions.fresh(ports, merchant, subscription)
    if found.state in {State.TRIALING, State.ACTIVE}:
        return found
    if found.state is not State.PAUSED:
        raise Refused("Only a paused subscription can be resumed.", code="not_paused")
    return _write(ports, found, found.unpaused(now), FactKind.RESUMED, now)


def _write(
    ports: Ports, before: Subscription, after: Subscription, kind: FactKind, now: datetime
) -> Subscription:
    fact = cancellation.fact(kind, after, now, ports.shard_of(after.id))
    ports.store.commit(Change(before, after, as_read=policy.LOOKED_AT), Insert(fact))
    return after

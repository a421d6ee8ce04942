"""Pausing and resuming (X-11): nothing is charged in between, and nothing that was paid is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.cancel import cancellation, pausing
from billing.kernel import charge_eligibility
from billing.kernel.errors import Invalid, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.writes import Change, Insert, Write

AS_READ = (*charge_eligibility.RESTS, "payment_method", "next_plan", "thaws_to")
"""The fields that a pause keeps or rests on, and that going on compares with what it kept."""


def pause(
    ports: Ports,
    subscription: Subscription,
    *,
    now: datetime,
    until: datetime | None = None,
    by: Source = Source.MERCHANT,
) -> Subscription:
    """Charges nothing from now on, or until an instant; a paused subscription stays so.

    It is decided by the subscription as it was read, and anew where that has changed. Raises
    `Invalid` (pause_end) and `Refused` (invoice_open, freezing, not_pausable).
    """
    # A day more: a whole month from the day on which the page was shown.
    longest = pausing.ends(subscription, now)[-1] + timedelta(days=1)
    if until is not None and not now < until <= longest:
        raise Invalid("pause_end", field="until")
    return subscriptions.decided(
        ports, subscription, lambda found: _pause(ports, found, now, until, by)
    )


def _pause(
    ports: Ports, found: Subscription, now: datetime, until: datetime | None, by: Source
) -> Subscription:
    if found.state is State.PAUSED:
        return found
    if found.open_invoice is not None:
        raise Refused("invoice_open")
    if found.freezes_at is not None:
        raise Refused("freezing")
    pausable = found.state in {State.TRIALING, State.ACTIVE} and found.cancelling is None
    if not pausable:
        raise Refused("not_pausable")
    return _write(ports, found, pausing.pause(found, now, by, until), EventKind.PAUSED, now)


def resume(ports: Ports, subscription: Subscription, *, now: datetime) -> Subscription:
    """Resumes as it was if no payment fell due meanwhile, else with a payment at once.

    That payment is the new anchor. It is decided by the subscription as it was read, and anew where
    that has changed. Raises `Refused` (not_paused).
    """
    return subscriptions.decided(ports, subscription, lambda found: _resume(ports, found, now))


def _resume(ports: Ports, found: Subscription, now: datetime) -> Subscription:
    if found.state in {State.TRIALING, State.ACTIVE}:
        return found
    if found.state is not State.PAUSED:
        raise Refused("not_paused")
    return go_on(ports, found, now)


def go_on(ports: Ports, found: Subscription, now: datetime) -> Subscription:
    """Resumes a paused subscription; voids its open invoice if another payment fell due."""
    after = pausing.resume(found, now)
    void: tuple[Write, ...] = ()
    if found.open_invoice is not None and after.open_invoice is None:
        invoice = ports.store.invoice(found.merchant, found.customer, found.open_invoice)
        void = cancellation.void(invoice, now, ports.shard_of(found.id))
    return _write(ports, found, after, EventKind.RESUMED, now, *void)


def _write(
    ports: Ports,
    before: Subscription,
    after: Subscription,
    kind: EventKind,
    now: datetime,
    *more: Write,
) -> Subscription:
    event = cancellation.event(kind, after, now, ports.shard_of(after.id))
    ports.store.commit(Change(before, after, expecting=AS_READ), *more, Insert(event))
    return after

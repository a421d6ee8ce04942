"""Charges that were missed for too long and wait for the merchant: charge, or skip (R-2)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility
from billing.kernel.catalog import PriceType
from billing.kernel.errors import Refused
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.writes import Change
from billing.rebill.flows import pay_now


def charge(ports: Ports, found: Subscription, *, now: datetime) -> Subscription:
    """Charges at once what is past due, or the oldest payment that waits.

    Raises `Refused` (nothing_due, charge_under_way, disputed).
    """
    if found.state is State.PAST_DUE:
        return pay_now.now_due(ports, found, now=now)
    if found.waiting_since is None:
        raise Refused("nothing_due")
    after = found.wanted_late(now)
    ports.store.commit(Change(found, after, expecting=charge_eligibility.LOOKED_AT))
    return after


def skip(ports: Ports, found: Subscription, *, now: datetime) -> Subscription:
    """Skips the oldest payment that waits; an installment is never skipped, only later.

    It is skipped once, for the subscription as it was read. Raises `Refused` (nothing_waits, owed),
    and `Conflict` where that has changed.
    """
    if found.waiting_since is None:
        raise Refused("nothing_waits")
    if found.terms.type is not PriceType.RECURRING:
        raise Refused("owed")
    after = found.skipped(now)
    ports.store.commit(Change(found, after, expecting=charge_eligibility.MONEY))
    return after

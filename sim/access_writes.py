"""Checks of access: ended gives none, past due only for the days of grace (C-3, R-5, R-7, X-4).

The rules stand here a second time, by what the requirements say of each state; no code is shared
with the product's own (`Agreement.gives_access`, `customers.access`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billing.kernel.customers import Entitlement, access
from billing.kernel.merchants import Merchant
from billing.kernel.subscription import State, Subscription
from sim.invariants import Violation, changed
from sim.seen import Seen

GRACES = (None, 0, 3)
"""The merchants' settings that each state is asked under, in days; None is the whole cycle."""

CLOCKS = timedelta(seconds=12)
"""More than two clocks differ by: what ends now has ended by then."""

AHEAD = (timedelta(0), timedelta(days=2), timedelta(days=4), timedelta(days=40))
"""The spans ahead of now for which access is asked."""

SAYS = (
    *("state", "ends_at", "paused_from", "thaws_to", "next_plan", "period", "anchor", "terms"),
    *("anchor_period", "open_invoice", "waiting_since"),
)
"""The fields that access follows from, beside whether there is a due date."""


def gives(stands: Subscription, at: datetime, grace_days: int | None) -> bool:
    """Returns whether a subscription is to give access at an instant that is not past."""
    paid_until = stands.period_at
    match stands.state:
        case State.COMPLETED:
            return True
        case State.CANCELLED | State.FROZEN | State.INCOMPLETE:
            return False
    if stands.paused_from is not None:  # paused, or to end while paused
        return paid_until is not None and at < paid_until
    if stands.thaws_to is not None and stands.next_plan is None:
        return False
    if stands.state is State.CANCEL_PENDING:
        return stands.ends_at is not None and at < stands.ends_at
    if stands.thaws_to is not None:
        return paid_until is not None and at < paid_until
    if stands.state is not State.PAST_DUE:
        return True
    if stands.due_at is None and stands.open_invoice is None and stands.waiting_since is None:
        return False  # no attempt comes any more
    return grace_days is None or paid_until is None or at < paid_until + timedelta(days=grace_days)


def _says_otherwise(before: Subscription, after: Subscription) -> bool:
    wakes, woke = after.due_at is not None, before.due_at is not None
    return wakes is not woke or changed(before, after, SAYS)


class AccessWrites(Seen):
    """An observer of what a subscription gives access to, whenever that may have changed."""

    def _gives_access_rightly(self, before: Subscription | None, after: Subscription) -> None:
        if before is not None and not _says_otherwise(before, after):
            return
        now = self._now() + CLOCKS
        for grace in GRACES if after.state is State.PAST_DUE else GRACES[1:2]:
            for at in (now + ahead for ahead in AHEAD):
                given = after.gives_access(at, grace)
                if given != gives(after, at, grace):
                    text = f"{after.id} is {after.state}, and access at {at} is {given} ({grace})"
                    raise Violation("12", text, after.id, after.customer)


def access_agrees(found: Mapping[type, list[Any]], now: datetime) -> None:
    """Checks each customer's access by grant, as whoever asks for it is told."""
    grace = {each.id: each.settings.grace_days for each in found[Merchant]}
    stand = {each.id: each for each in found[Subscription]}
    held: dict[tuple[str, str], list[Entitlement]] = defaultdict(list)
    for each in found[Entitlement]:
        held[each.merchant, each.customer].append(each)
    at = now + CLOCKS
    for (merchant, customer), entitlements in held.items():
        days = grace[merchant]
        expected: dict[str, bool] = defaultdict(bool)
        for each in entitlements:
            source = stand.get(each.source)
            opens = source is None or gives(source, at, days)
            expected[each.grant] |= each.revoked_at is None and opens
        sources = [stand[each.source] for each in entitlements if each.source in stand]
        told = {each.grant: each.active for each in access(entitlements, sources, at, days)}
        if told != expected:
            text = f"{customer} has {told}, and is to have {dict(expected)}"
            raise Violation("12", text, customer)

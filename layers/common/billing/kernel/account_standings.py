"""The state of a seller's account, from what its owner bought at the platform (A-5 .. A-7).

It follows from that access and from now, never from when a sweep last ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.customers import Entitlement
from billing.kernel.operation import ACCOUNT_GRANT
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

UNUSED_KEPT = timedelta(days=7)
"""The time that a username is kept for somebody who signed up and bought no plan."""


class Standing(StrEnum):
    """The state of an account; only in the first two does anything open for its owner."""

    ACTIVE = "active"
    FROZEN = "frozen"
    INACTIVE = "inactive"
    UNUSED = "unused"
    ERASED = "erased"


class AccountStanding(Value):
    """The state of an account at an instant; `until` is when it changes by itself, if it does, and
    `then` the state that follows."""

    state: Standing
    until: datetime | None = None
    then: Standing = Standing.ERASED


Span = tuple[datetime, datetime | None, Subscription | None]
"""A span of access: its start, its end (None if none is set), and the subscription that pays for it
(None for a one-time payment)."""


def standing_of(
    created_at: datetime,
    entitlements: Iterable[Entitlement],
    subscriptions: Iterable[Subscription],
    retention: timedelta,
    now: datetime,
) -> AccountStanding:
    """Returns the state of an account at `now`, from what its owner bought at the platform (A-5 ..
    A-7).

    A purchase after retention has ended does not revive an old account, whether or not the sweep
    that erases it has run.
    """
    spans = _spans(entitlements, subscriptions, created_at)
    if not spans:
        over = created_at + UNUSED_KEPT
        return (
            AccountStanding(Standing.ERASED)
            if now >= over
            else AccountStanding(Standing.UNUSED, over)
        )
    ended: datetime | None = None
    for number, (since, until, _) in enumerate(spans):
        if number and ended is not None and since >= ended + retention:
            return AccountStanding(Standing.ERASED)
        ended = until if not number or ended is None or until is None else max(ended, until)
        if until is None:
            break
    going_on = [span for span in spans if span[1] is None or now < span[1]]
    if going_on:
        return _while_paid(going_on, now)
    assert ended is not None, "each of them has ended"
    erased_at = ended + retention
    return (
        AccountStanding(Standing.ERASED)
        if now >= erased_at
        else AccountStanding(Standing.INACTIVE, erased_at)
    )


def _spans(
    entitlements: Iterable[Entitlement], subscriptions: Iterable[Subscription], since: datetime
) -> list[Span]:
    """Lists when each purchase of the account's access began and ends, the earliest first;
    purchases that ended before the account was made belong to an older account."""
    by_id = {subscription.id: subscription for subscription in subscriptions}
    spans: list[Span] = []
    for held in entitlements:
        source = by_id.get(held.source)
        ends = (held.revoked_at, None if source is None else source.ends_at)
        until = min((end for end in ends if end is not None), default=None)
        if held.grant == ACCOUNT_GRANT and (until is None or until > since):
            spans.append((held.since, until, source))
    return sorted(spans, key=lambda span: span[0])


def _while_paid(going_on: list[Span], now: datetime) -> AccountStanding:
    """Returns active while any purchase gives access, else frozen or inactive: a frozen, paused or
    unpaid one gives none."""
    sources = [(until, source) for _, until, source in going_on]
    ends = [
        until if source is None else source.access_until
        for until, source in sources
        if source is None or source.gives_access(now)
    ]
    if not ends:
        frozen = any(s is not None and s.as_of(now).is_frozen for _, s in sources)
        return AccountStanding(Standing.FROZEN if frozen else Standing.INACTIVE)
    last = None if None in ends else max(end for end in ends if end is not None)
    freezes = last is not None and any(s is not None and s.freezes_at == last for _, s in sources)
    return AccountStanding(Standing.ACTIVE, last, Standing.FROZEN if freezes else Standing.INACTIVE)

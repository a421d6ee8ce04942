"""Whether a subscription is still at its source what its row says (M-6).

A renewal there is no change: the row then goes on from its next date. What a customer pays, how
often, and who they are must be as in the file that the merchant has looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.gateways import SavedMethod
from billing.kernel.live_sources import Collected, SourceState, SourceSubscription
from billing.kernel.periods import zone_named
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.migration.import_rows import ImportRow
from billing.migration.parsing import parse

AHEAD = timedelta(hours=24)
"""The least time before a charge at which a subscription is taken from its source."""

SOON_OVER = timedelta(hours=2)
"""The time after a charge by which its source has collected it, or says that it did not."""

WAITS = "waits"
"""The reason of what cannot be moved now, and can in a while."""


def cannot_move(live: SourceSubscription, mark: str) -> str | None:
    """Returns why a source's subscription cannot be moved as it stands there, or None."""
    match live.state:
        case SourceState.ENDED:
            return "source_ended"
        case SourceState.UNPAID:
            return "source_unpaid"
        case SourceState.PAUSED:
            return "source_paused"
    if live.mark not in {None, mark}:
        return "source_marked"
    if live.obstacles:
        return f"source_{live.obstacles[0]}"
    return WAITS if live.collected is Collected.OPEN else None


def too_near(next_at: datetime | None, now: datetime) -> bool:
    """Tests whether a charge is so near that its source makes it."""
    return next_at is None or next_at - now <= AHEAD


def is_waiting(row: ImportRow, now: datetime) -> bool:
    """Tests, by its file alone, whether a row's source is just about to charge it."""
    at = row.next_charge_at
    return at is not None and at - AHEAD <= now < at + SOON_OVER


def merged(row: ImportRow, live: SourceSubscription) -> ImportRow | None:
    """Returns a row with the dates and the state of its source; None where it is another by now.

    `payments_made` stays that of the file; name, address and price are filled in where it has none,
    so that a price point which the file names alone must be what the source charges.
    """
    found = parse(live.cells, zone=row.zone).row
    if found is None or changed(row, found):
        return None
    if row.status not in {State.ACTIVE, State.TRIALING}:
        return None
    return replace(
        row,
        name=row.name or found.name,
        address=row.address if row.address.country else found.address,
        price=row.price or found.price,
        period=row.period or found.period,
        currency=row.currency or found.currency,
        status=found.status,
        next_charge_at=live.next_charge_at,
        trial_ends_at=found.trial_ends_at,
        coupon_charges_left=found.coupon_charges_left if row.coupon else row.coupon_charges_left,
        anchor_local=row.anchor_local or found.anchor_local,
        zone=row.zone if row.anchor_local else found.zone,
    )


def changed(row: ImportRow, now_is: ImportRow) -> str | None:
    """Returns the first column in which a source differs from a file that names it, or None."""
    for name in ("price", "period", "quantity", "gateway_customer"):
        said, says = getattr(row, name), getattr(now_is, name)
        if said is not None and says is not None and said != says:
            return name
    if row.email.strip().lower() != now_is.email.strip().lower():
        return "email"
    if (row.coupon or "").lower() != (now_is.coupon or "").lower():
        return "coupon"
    if now_is.cancel_at is not None and now_is.cancel_at != row.cancel_at:
        return "cancel_at"
    return None


def card_problem(method: SavedMethod | None, next_at: datetime, zone: str) -> str | None:
    """Returns why a card cannot pay the next charge, or None."""
    if method is None:
        return "card_missing"
    if method.expires_on is not None:
        month = f"{next_at.astimezone(zone_named(zone)):%Y-%m}"
        if method.expires_on < month:
            return "card_expired"
    return None

"""Chargebacks as they are recorded (W-4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing.kernel.fund_shares import Taken
from billing.kernel.gateways import DisputeStanding
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.writes import Entity

AS_READ = ("standing", "moves", "took")
"""The fields of a chargeback that its changes depend on."""


class Chargeback(Entity):
    """Our record of a dispute; `id` is the gateway's own.

    `order` is the Order ID of its entry, `moves` counts the changes of its status (`standing`).
    `revoked_at` is when it closed access, if it did. `taxes` is how much of it is of each line of
    tax of its invoice, none once it was won. `took` is what it took out of the subscription's funds
    when it was lost, until it is won: None before, for those that were lost before this was kept,
    and where there is no subscription.
    """

    id: str
    merchant: str
    customer: str
    invoice: str
    purchase: str
    subscription: str | None
    amount: Money
    standing: DisputeStanding
    order: str
    opened_at: datetime
    moves: int = 1
    revoked_at: datetime | None = None
    took: Taken | None = None
    taxes: tuple[int, ...] = ()


def standing_of(chargebacks: Iterable[Chargeback]) -> str | None:
    """Returns the dispute status of a purchase or an invoice: the gravest of its chargebacks."""
    standings = {chargeback.standing for chargeback in chargebacks}
    ranked = (DisputeStanding.OPEN, DisputeStanding.LOST, DisputeStanding.WON)
    return next((standing.value for standing in ranked if standing in standings), None)


def event_id(kind: EventKind, chargeback: Chargeback) -> str:
    """Returns the id of the outbox event of a chargeback's status; its next change has another."""
    return f"{chargeback.id}:{kind}:{chargeback.moves}"

"""Counts save offers that were shown or taken, each event once (X-11, M-10).

The outbox brings them, for no other stored item says that an offer was made. The movement is named
after its event: an event that comes again finds it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing.figures import offer_movements
from billing.figures.flows import books, customers
from billing.figures.movement_kinds import MovementKind
from billing.figures.movements import CustomerFigures, Movement
from billing.figures.offers import MadeOffer
from billing.figures.sums import FigureBook
from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.save_offers import OfferKind
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace

ATTEMPTS = 5
AT_ONCE = 50
"""The most movements of an instant that an event's own is looked for among."""

COUNTED: Mapping[EventKind, MovementKind] = {
    EventKind.OFFER_SHOWN: MovementKind.OFFER_SHOWN,
    EventKind.OFFER_TAKEN: MovementKind.OFFER_TAKEN,
}


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Adds an event to its merchant's figures, once.

    Raises `Conflict` where others write the same sums all the time: then the event comes again.
    """
    assert event.subscription is not None, "an offer is made about one"
    subscription = ports.store.subscription(event.merchant, event.customer, event.subscription)
    if subscription is None:
        return
    book = books.of(ports, [merchant.id], now=now)[merchant.id]
    for _ in range(ATTEMPTS):
        was = ports.store.customer_figures(event.merchant, event.customer)
        figures = was or CustomerFigures(event.merchant, event.customer)
        made = _made(ports, event, subscription, figures, book)
        movement = offer_movements.counted(figures, made, COUNTED[event.kind], event.id)
        if _is_counted(ports, movement):
            return
        before, after, moved = was, figures, [movement]
        if event.kind is EventKind.OFFER_TAKEN:
            after, more = _followed(figures, made, subscription, book, event.id)
            moved += more
        if after is figures:
            before = figures  # nothing of the customer changes
        try:
            customers.write(ports, before, after, moved, event.shard, book=book, now=now)
        except Conflict:
            continue
        return
    raise Conflict()


def _made(
    ports: Ports,
    event: OutboxEvent,
    subscription: Subscription,
    figures: CustomerFigures,
    book: FigureBook,
) -> MadeOffer:
    """Returns an event's offer, under the product and the country that its revenue counts under."""
    standing = figures.standing(subscription.id)
    assert event.code is not None, "it names the kind of offer"
    return MadeOffer(
        subscription.id,
        OfferKind(event.code),
        customers.day_of(book, event.at),
        event.at,
        subscription.product if standing is None else standing.product,
        customers.country_of(ports, subscription) if standing is None else standing.country,
        subscription.terms.price.currency if standing is None else standing.currency,
        minor=0 if standing is None else standing.minor or standing.paused_minor,
        test=subscription.test,
    )


def _followed(
    figures: CustomerFigures,
    made: MadeOffer,
    subscription: Subscription,
    book: FigureBook,
    cause: str,
) -> tuple[CustomerFigures, list[Movement]]:
    """Returns a customer's figures with an offer that was taken.

    Where the stream was faster, and its subscription has ended already, nothing would end it later.
    """
    known = figures.standing(subscription.id) is not None
    if known or subscription.is_live:
        return replace(figures, offers=(*figures.offers, made)), []
    at = max(made.at, subscription.ends_at or made.at)
    if not offer_movements.is_lost(made, subscription, at):
        return figures, []
    day = customers.day_of(book, at)
    return figures, [offer_movements.lost(figures, made, day=day, at=at, cause=f"{cause}.l")]


def _is_counted(ports: Ports, movement: Movement) -> bool:
    """Tests whether an event's movement is there: it is among those of its instant."""
    first = replace(movement, id="")
    page = ports.store.movements(
        movement.merchant,
        *(movement.day, movement.day),
        limit=AT_ONCE,
        after=first,
        test=movement.test,
    )
    return any(each.id == movement.id for each in page)

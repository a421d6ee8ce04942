"""A save offer in the portal: once, on a page before the cancellation (X-11).

Where the customer lives decides whether one may be made, and whether they are asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from billing.cancel import cancellation, pausing
from billing.cancel.flows import pause
from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty, Offers
from billing.cards.flows import addresses
from billing.coupons.flows import attach
from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.errors import Conflict, NotFound, Refused
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.save_offers import OfferKind, SaveOffer
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Insert
from billing.plans import freezing
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When
from billing.web import http

MARK = "save_offer"
SHOWN_FOR = timedelta(days=30)
"""The time in which coming back to cancel is the same cancellation."""


class Stage(StrEnum):
    """The stage of an offer: the customer saw it, took it, or did not want to see it."""

    SHOWN = "shown"
    TAKEN = "taken"
    PASSED = "passed"


class Mark(Value):
    """The note on the one offer of a cancellation: its stage, and when it came up."""

    stage: Stage
    at: datetime


def page_before(ports: Ports, visit: Visit, found: Subscription) -> http.Answer | None:
    """Returns the page with the offer, None where there is none to make, or it was made."""
    offers = _allowed(ports, visit, found)
    product = ports.store.product(visit.merchant.id, found.product)
    offer = None if product is None else product.save_offer
    if offer is None or offers is Offers.NONE or _marked(ports, visit, found) is not None:
        return None
    shown = _shown(ports, visit, found, offer)
    if shown is None:
        return None
    asks = offers is Offers.ASK_FIRST and "show" not in visit.request.query()
    if not asks:
        mark = Mark(Stage.SHOWN, visit.now)
        if not _put_mark(ports, visit, found, mark):
            return None  # another request of the same moment shows it
        _record(ports, visit, found, EventKind.OFFER_SHOWN, offer, mark)
    return show(visit, "offer", subscription=found, offer=offer, asks=asks, **shown)


def pass_by(ports: Ports, visit: Visit, found: Subscription) -> None:
    """Notes that a customer went on to cancel: nothing is offered in this cancellation any more."""
    product = ports.store.product(visit.merchant.id, found.product)
    if product is not None and product.save_offer is not None:
        _put_mark(ports, visit, found, Mark(Stage.PASSED, visit.now))


def take(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Does what was offered, as it stood on the page; sent twice it is done, and counted, once."""
    _, found = visit.account.purchase(subscription)
    product = ports.store.product(visit.merchant.id, found.product)
    offer = None if product is None else product.save_offer
    mark = _marked(ports, visit, found)
    named = visit.request.form().get("offer", "")
    if offer is None or named != _name(offer) or mark is None or mark.stage is Stage.PASSED:
        raise Refused("offer_over")
    if mark.stage is Stage.SHOWN:
        if found.cancelling is not None:
            raise Refused("cancelling")  # they went on: to stay, they undo that first
        TAKEN[offer.kind](ports, visit, found, offer)
        _record(ports, visit, found, EventKind.OFFER_TAKEN, offer, mark)
        taken, until = replace(mark, stage=Stage.TAKEN), mark.at + SHOWN_FOR
        ports.ephemeral.replace(MARK, _key(visit, found), _written(taken), expires_at=until)
    return done(visit, DONE[offer.kind])


def _allowed(ports: Ports, visit: Visit, found: Subscription) -> Offers:
    address = addresses.bill_to(ports, visit.merchant.id, visit.customer, found.id).address
    rule = lookup.rule(address.country, address.state, visit.now.date(), Duty.CANCELLATION)
    return Offers.BESIDE if rule is None else rule.offers


def _shown(
    ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer
) -> dict[str, Any] | None:
    """Returns what the page shows of an offer, None where it cannot be taken now."""
    try:
        return {"name": _name(offer), **SHOWS[offer.kind](ports, visit, found, offer)}
    except (Refused, NotFound):
        return None


def _discount(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> dict[str, Any]:
    assert offer.coupon is not None, "it is a discount"
    if found.discount is not None:
        raise Refused("coupon_present")
    after = attach.preview(ports, found, offer.coupon, now=visit.now)
    return {"discount": after.discount}


def _pause(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> dict[str, Any]:
    runs = found.state in {State.TRIALING, State.ACTIVE} and found.open_invoice is None
    if not runs or found.freezes_at is not None:
        raise Refused("not_pausable")
    return {"until": _month(found, visit.now)}


def _freeze(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> dict[str, Any]:
    settings = visit.merchant.settings
    freezing.refuse_freeze(found, settings, ports.minimum_minor(found), visit.now)
    if found.freezes_at is not None or settings.freeze_price_minor is None:
        raise Refused("freezing")
    return {"amount": Money(settings.freeze_price_minor, found.terms.price.currency)}


def _downgrade(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> dict[str, Any]:
    assert offer.price_point is not None, "it is a plan"
    quoted = change_plan.quote(ports, found, offer.price_point, When.NEXT_REBILL, now=visit.now)
    if quoted.plan.terms.price.amount_minor >= found.terms.price.amount_minor:
        raise Refused("same_plan")
    return {"plan": quoted.plan}


def _take_discount(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> None:
    assert offer.coupon is not None, "it is a discount"
    attach.attach(ports, found, offer.coupon, now=visit.now)


def _take_pause(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> None:
    until = _month(found, visit.now)
    pause.pause(ports, found, now=visit.now, until=until, by=Source.CUSTOMER)


def _take_freeze(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> None:
    freeze.freeze(ports, visit.merchant, found, now=visit.now)


def _take_downgrade(ports: Ports, visit: Visit, found: Subscription, offer: SaveOffer) -> None:
    assert offer.price_point is not None, "it is a plan"
    change_plan.change(ports, found, offer.price_point, When.NEXT_REBILL, now=visit.now)


Shows = Callable[[Ports, Visit, Subscription, SaveOffer], dict[str, Any]]
Takes = Callable[[Ports, Visit, Subscription, SaveOffer], None]

SHOWS: dict[OfferKind, Shows] = {
    OfferKind.DISCOUNT: _discount,
    OfferKind.PAUSE: _pause,
    OfferKind.FREEZE: _freeze,
    OfferKind.DOWNGRADE: _downgrade,
}
TAKEN: dict[OfferKind, Takes] = {
    OfferKind.DISCOUNT: _take_discount,
    OfferKind.PAUSE: _take_pause,
    OfferKind.FREEZE: _take_freeze,
    OfferKind.DOWNGRADE: _take_downgrade,
}
DONE: dict[OfferKind, str] = {
    OfferKind.DISCOUNT: "coupon",
    OfferKind.PAUSE: "paused",
    OfferKind.FREEZE: "frozen",
    OfferKind.DOWNGRADE: "plan_later",
}
"""The notice on the page after an offer was taken."""


def _month(found: Subscription, now: datetime) -> datetime:
    return pausing.ends(found, now)[0]


def _name(offer: SaveOffer) -> str:
    """Returns what a form names of the offer that it takes: another one is not taken by it."""
    return ":".join((offer.kind.value, offer.coupon or offer.price_point or ""))


def _key(visit: Visit, found: Subscription) -> str:
    return f"{visit.merchant.id}\n{found.id}"


def _written(mark: Mark) -> str:
    return f"{mark.stage}~{mark.at.isoformat()}"


def _marked(ports: Ports, visit: Visit, found: Subscription) -> Mark | None:
    """Returns what is noted of this cancellation's offer; the last release noted no time."""
    value = ports.ephemeral.get(MARK, _key(visit, found), now=visit.now)
    if value is None:
        return None
    stage, _, at = value.partition("~")
    return Mark(Stage(stage), datetime.fromisoformat(at) if at else visit.now)


def _put_mark(ports: Ports, visit: Visit, found: Subscription, mark: Mark) -> bool:
    """Notes an offer, if there is none in this cancellation yet; tells whether it was noted."""
    return ports.ephemeral.put(
        MARK,
        _key(visit, found),
        _written(mark),
        expires_at=mark.at + SHOWN_FOR,
        now=visit.now,
    )


def _record(
    ports: Ports, visit: Visit, found: Subscription, kind: EventKind, offer: SaveOffer, mark: Mark
) -> None:
    """Logs that an offer was shown or taken, once in a cancellation: figures count these events."""
    event = cancellation.event(kind, found, visit.now, ports.shard_of(found.id))
    named = replace(event, id=f"{found.id}:{kind}:{mark.at:%Y%m%d}", code=offer.kind.value)
    try:
        ports.store.commit(Insert(named))
    except Conflict:
        return

"""Stripe's subscriptions as cells of the canonical file (M-6, IMPORT.md).

Stripe counts billing dates in UTC from the billing cycle anchor, so the zone of a row is UTC: its
dates are then Stripe's, to the second. Source: https://docs.stripe.com/api/subscriptions/object.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, takewhile

import stripe

from billing.gateways.stripe.client import id_of
from billing.gateways.stripe.saving import saved_method
from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.import_presets import SOURCE_PRICE
from billing.kernel.live_sources import Collected, Obstacle, SourceState, SourceSubscription
from billing.kernel.periods import Anchor, Period, nth

MARK = "perennial_import"
"""The metadata key under which an import puts its name on what it moves."""

STATES = {
    "active": SourceState.RUNNING,
    "trialing": SourceState.RUNNING,
    "paused": SourceState.PAUSED,
    "canceled": SourceState.ENDED,
    "incomplete_expired": SourceState.ENDED,
}
"""Maps Stripe's statuses to ours; in the others money is owed, or was never taken."""

PERIODS = {
    ("week", 1): "1w",
    ("week", 2): "2w",
    ("day", 7): "1w",
    ("day", 14): "2w",
    ("month", 1): "1m",
    ("month", 2): "2m",
    ("month", 3): "3m",
    ("month", 6): "6m",
    ("month", 12): "1y",
    ("month", 24): "2y",
    ("year", 1): "1y",
    ("year", 2): "2y",
}
"""Maps the intervals that we have too; any other is named in words, and blocks its row."""

COLLECTED = {"paid": Collected.PAID, "void": Collected.VOID, "uncollectible": Collected.VOID}


def collected(invoice: stripe.Invoice) -> Collected:
    """Returns what became of an invoice; a draft is charged within the hour."""
    return COLLECTED.get(invoice.status or "", Collected.OPEN)


def of_subscription(found: stripe.Subscription, account: AccountRef) -> SourceSubscription:
    """Returns a subscription as it is now; `found` has customer, card and invoice expanded."""
    lines = found["items"].data
    item = lines[0] if lines else None
    latest = found.latest_invoice
    mark = found.metadata.to_dict().get(MARK) or None
    paused = found.pause_collection is not None
    state = STATES.get(found.status, SourceState.UNPAID)
    if paused and mark is None and state is SourceState.RUNNING:
        state = SourceState.PAUSED
    method = _method(found)
    return SourceSubscription(
        id=found.id,
        state=state,
        cells=dict(_cells(found, item, account, method)),
        period_at=None if item is None else _instant(item.current_period_start),
        next_charge_at=None if item is None else _instant(item.current_period_end),
        collected=collected(latest) if isinstance(latest, stripe.Invoice) else Collected.PAID,
        method=method,
        obstacles=tuple(_obstacles(found, lines)),
        mark=mark,
        stopped=paused and mark is not None,
    )


def _obstacles(
    found: stripe.Subscription, lines: list[stripe.SubscriptionItem]
) -> Iterator[Obstacle]:
    if len(lines) != 1 or found["items"].has_more:
        yield Obstacle.LINES
    for each in lines:
        recurring = each.price.recurring
        if recurring is None or recurring.usage_type != "licensed":
            yield Obstacle.METERED
        if each.price.unit_amount is None or each.price.billing_scheme != "per_unit":
            yield Obstacle.TIERED
    if found.collection_method != "charge_automatically":
        yield Obstacle.INVOICED
    if found.schedule is not None:
        yield Obstacle.SCHEDULED
    if found.pending_update is not None or found.next_pending_invoice_item_invoice is not None:
        yield Obstacle.CHANGE_PENDING
    if len(found.discounts) > 1 or any(each.discounts for each in lines):
        yield Obstacle.DISCOUNTS
    else:
        yield from _of_all_theirs(found)
    if found.cancel_at is not None:
        yield Obstacle.ENDS


def _of_all_theirs(found: stripe.Subscription) -> Iterator[Obstacle]:
    """Yields what counts for all subscriptions of a customer: a discount, for want of one of its
    own, and a balance, which is credit or owed."""
    if not found.discounts and getattr(found.customer, "discount", None) is not None:
        yield Obstacle.DISCOUNTS
    if getattr(found.customer, "balance", 0):
        yield Obstacle.BALANCE


def _cells(
    found: stripe.Subscription,
    item: stripe.SubscriptionItem | None,
    account: AccountRef,
    method: SavedMethod | None,
) -> Iterator[tuple[str, str]]:
    given: dict[str, str | int | None] = {
        "external_id": found.id,
        "status": _status(found),
        "started_at": _text(found.start_date),
        "next_charge_at": None if item is None else _text(item.current_period_end),
        "zone": "UTC",
        "anchor_local": _text(found.billing_cycle_anchor).removesuffix("Z"),
        "trial_ends_at": _text(found.trial_end) if found.status == "trialing" else None,
        "cancel_at": _text(found.cancel_at),
        **_of_discount(found, item),
        "gateway": account.gateway,
        "gateway_account": account.account,
        "gateway_customer": id_of(found.customer),
        "payment_method": None if method is None else method.token,
        **_of_price(item),
        **_of_customer(found.customer),
    }
    for name, value in given.items():
        if value not in (None, ""):
            yield name, str(value)


def _status(found: stripe.Subscription) -> str:
    if found.status == "canceled":
        return "cancelled"
    return "past_due" if found.status == "unpaid" else found.status


def _of_price(item: stripe.SubscriptionItem | None) -> dict[str, str | int | None]:
    if item is None or item.price.recurring is None:
        return {}
    price, recurring = item.price, item.price.recurring
    interval = (str(recurring.interval), recurring.interval_count)
    amount = price.unit_amount
    return {
        SOURCE_PRICE: price.id,
        "price": None if amount is None else str(Decimal(amount).scaleb(-2)),
        "currency": price.currency.upper(),
        "period": PERIODS.get(interval, f"{interval[1]} {interval[0]}"),
        "quantity": item.quantity,
        "tax_behaviour": None if price.tax_behavior == "unspecified" else price.tax_behavior,
    }


def _of_customer(customer: object) -> dict[str, str | int | None]:
    if not isinstance(customer, stripe.Customer) or getattr(customer, "deleted", False):
        return {}
    found: dict[str, str | int | None] = {"email": customer.email, "name": customer.name}
    address = customer.address
    if address is not None:
        found |= {
            "address_line1": address.line1,
            "address_line2": address.line2,
            "city": address.city,
            "postal_code": address.postal_code,
            "state": address.state,
            "country": address.country,
        }
    return found


def _of_discount(
    found: stripe.Subscription, item: stripe.SubscriptionItem | None
) -> dict[str, str | int | None]:
    """Returns the coupon of the next charge, and the number of charges that it is left for."""
    (discount, *_) = (*found.discounts, None)
    if not isinstance(discount, stripe.Discount) or item is None:
        return {}
    coupon, ends = discount.source.coupon, discount.end
    code = id_of(coupon)
    if isinstance(coupon, stripe.Coupon) and coupon.duration == "once":
        return {"coupon": code, "coupon_charges_left": 1}
    if ends is None:
        return {"coupon": code}
    left = _charges_until(found, item, ends)
    return {"coupon": code, "coupon_charges_left": left} if left else {}


def _charges_until(
    found: stripe.Subscription, item: stripe.SubscriptionItem, ends: int
) -> int | None:
    """Counts the charges from the next one on that come before an instant."""
    recurring = item.price.recurring
    if recurring is None:
        return None
    name = PERIODS.get((str(recurring.interval), recurring.interval_count))
    if name is None:
        return None
    anchor = Anchor.at(_instant(found.billing_cycle_anchor), "UTC")
    from_, until = _instant(item.current_period_end), _instant(ends)
    dates = (nth(anchor, Period(name), k) for k in count())
    return sum(1 for at in takewhile(lambda at: at < until, dates) if at >= from_)


def _method(found: stripe.Subscription) -> SavedMethod | None:
    """Returns the card that Stripe charges: the subscription's own, or its customer's default."""
    customer, chosen = found.customer, found.default_payment_method
    if chosen is None and isinstance(customer, stripe.Customer):
        settings = customer.invoice_settings
        chosen = None if settings is None else settings.default_payment_method
    if not isinstance(chosen, stripe.PaymentMethod) or chosen.card is None:
        return None
    owner = id_of(customer)
    return saved_method(chosen, owner) if owner and id_of(chosen.customer) == owner else None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(seconds: int | None) -> str:
    return "" if seconds is None else f"{_instant(seconds):%Y-%m-%dT%H:%M:%SZ}"

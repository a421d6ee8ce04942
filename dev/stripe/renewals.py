"""Time passing over subscriptions: periods that begin, drafts that are charged, ends that come.

Dates are counted from the billing cycle anchor, clamped to the ends of months
(https://docs.stripe.com/billing/subscriptions/billing-cycle).
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime

from dev.stripe import invoices
from dev.stripe.work import Object, Work

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def nth(subscription: Object, price: Object, k: int) -> int:
    """Returns the instant of the k-th billing date after the anchor."""
    recurring = price["recurring"]
    steps, interval = k * int(recurring["interval_count"]), recurring["interval"]
    if interval in _DAYS:
        return int(subscription["billing_cycle_anchor"]) + steps * _DAYS[interval] * 86_400
    return months_on(subscription, steps * _MONTHS[interval])


def months_on(subscription: Object, months: int) -> int:
    """Returns the instant some months after the anchor, at most the last day of its month."""
    anchor = datetime.fromtimestamp(subscription["billing_cycle_anchor"], UTC)
    years, month = divmod(anchor.month - 1 + months, 12)
    year = anchor.year + years
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return int(anchor.replace(year=year, month=month + 1, day=day).timestamp())


def period_end(subscription: Object) -> int:
    return int(subscription["items"]["data"][0]["current_period_end"])


def amount_of(subscription: Object) -> int:
    """Returns what a period costs, before coupons."""
    items = subscription["items"]["data"]
    return sum(item["price"]["unit_amount"] * (item["quantity"] or 0) for item in items)


def method_of(work: Work, subscription: Object) -> str | None:
    """Returns the card that a subscription is charged to: its own, or its customer's default."""
    if subscription["default_payment_method"]:
        return str(subscription["default_payment_method"])
    customer = work.load("customer", subscription["customer"])
    default = customer["invoice_settings"]["default_payment_method"]
    return None if default is None else str(default)


def pass_over(work: Work, subscription: str) -> None:
    """Does all that is due on a subscription up to now, in the order in which it was due."""
    for _ in iter(lambda: _step(work, work.load("subscription", subscription)), False):
        pass


def due_at(work: Work, subscription: Object) -> int | None:
    """Returns when the next thing happens to a subscription by itself; None once it ended."""
    if subscription["status"] in ("canceled", "incomplete", "incomplete_expired"):
        return None
    return min(at for at, _ in _events(work, subscription))


def _events(work: Work, subscription: Object) -> Iterator[tuple[int, str]]:
    if subscription["cancel_at"] is not None:
        yield subscription["cancel_at"], "end"
    yield period_end(subscription), "renew"
    draft = _draft(work, subscription)
    if draft is not None:
        yield draft["automatically_finalizes_at"], "finalize"
    pause = subscription["pause_collection"]
    if pause is not None and pause["resumes_at"] is not None:
        yield pause["resumes_at"], "resume"


def _draft(work: Work, subscription: Object) -> Object | None:
    invoice = work.find("invoice", subscription["latest_invoice"])
    return invoice if invoice is not None and invoice["status"] == "draft" else None


def _step(work: Work, subscription: Object) -> bool:
    """Does the one thing that was due first, at its own time; False where nothing is due."""
    at = due_at(work, subscription)
    if at is None or at > int(work.now.timestamp()):
        return False
    _, what = min(_events(work, subscription))
    now, work.now = work.now, datetime.fromtimestamp(at, UTC)
    if what == "end":
        ended(work, subscription)
    elif what == "renew":
        _renew(work, subscription)
    elif what == "finalize":
        _finalize(work, subscription)
    else:
        work.put(subscription | {"pause_collection": None})
    work.now = now
    return True


def _renew(work: Work, subscription: Object) -> None:
    start = period_end(subscription)
    ends = _after(subscription, start)
    for item in subscription["items"]["data"]:
        item |= {"current_period_start": start, "current_period_end": ends}
    span = {"start": start, "end": ends}
    amount = amount_of(subscription)
    invoice = invoices.opened(work, subscription, amount, "subscription_cycle", span)
    subscription["latest_invoice"] = invoice["id"]
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    pause = subscription["pause_collection"]
    if pause is not None and pause["behavior"] == "void":
        invoices.voided(work, invoice)
    elif pause is not None:
        # Kept as a draft, or given up: never charged by itself.
        work.put(invoice | {"auto_advance": False, "status": "uncollectible"})
    work.tell("customer.subscription.updated", work.put(subscription))


def _after(subscription: Object, start: int) -> int:
    price, k = subscription["items"]["data"][0]["price"], 0
    while (at := nth(subscription, price, k)) <= start:
        k += 1
    return at


def _finalize(work: Work, subscription: Object) -> None:
    draft = _draft(work, subscription)
    assert draft is not None
    paid = invoices.finalized(work, draft, method_of(work, subscription))["status"] == "paid"
    status = "active" if paid else "past_due"
    if subscription["status"] != status:
        work.tell("customer.subscription.updated", work.put(subscription | {"status": status}))


def ended(work: Work, subscription: Object) -> Object:
    """Ends a subscription; its draft is not collected by itself any more."""
    subscription |= {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or work.seconds,
        "ended_at": work.seconds,
    }
    draft = _draft(work, subscription)
    if draft is not None:
        work.put(draft | {"auto_advance": False, "automatically_finalizes_at": None})
    work.tell("customer.subscription.deleted", subscription)
    return work.put(subscription)

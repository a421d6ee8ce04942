"""Adds payments and refunds to the sums of tax, each once, and begins nexus by threshold (C-7).

The sums and the note on the outbox event are one transaction: a process that dies leaves both or
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

from billing.kernel.errors import Conflict, Invalid
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write
from billing.refunds.refunds import Refund
from billing.tax import registrations, sums
from billing.tax.flows.taxation import today
from billing.tax.registrations import Nexus, Registration
from billing.tax.sums import ReportRow, SalesYear

NAME = "tax"
"""The consumer's name, which it notes on the event itself."""

PAID = frozenset({EventKind.PURCHASED, EventKind.RENEWED, EventKind.PLAN_CHANGED})
RETURNED = frozenset({EventKind.REFUNDED, EventKind.REFUND_RETURNED})
KINDS = PAID | RETURNED

PAID_TOO_LATE = "paid_too_late"
"""The reason of refunds of what paid for nothing: neither it nor its refund was a sale."""

ATTEMPTS = 5
REPORT_DAYS_MOST = 400
REPORT_SUMS_MOST = 20_000


def collects(merchant: Merchant) -> bool:
    """Tests whether a merchant has set up anything about tax; for others nothing is written."""
    return merchant.tax_since is not None


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Adds the payment or refund of a claimed event; raises `Conflict` if the claim is lost."""
    noted = Change(event, replace(event, done=(*event.done, NAME)), expecting=("claimed_until",))
    invoice = None
    if event.invoice is not None:
        invoice = ports.store.invoice(event.merchant, event.customer, event.invoice)
    refund = _refund(ports, event) if event.kind in RETURNED else None
    skipped = refund is not None and refund.reason == PAID_TOO_LATE
    if invoice is None or skipped or (event.kind in RETURNED and refund is None):
        ports.store.commit(noted)
        return
    for _ in range(ATTEMPTS):
        writes, years = _writes(ports, merchant, event, invoice, refund)
        try:
            ports.store.commit(noted, *writes)
        except Conflict:
            continue
        if years:
            _begin_nexus(ports, merchant, sums.place_of(invoice), now)
        return
    raise Conflict()


def _refund(ports: Ports, event: OutboxEvent) -> Refund | None:
    if event.code is None:
        return None
    return ports.store.refund(event.merchant, event.customer, event.code)


def _writes(
    ports: Ports,
    merchant: Merchant,
    event: OutboxEvent,
    invoice: Invoice,
    refund: Refund | None,
) -> tuple[list[Write], bool]:
    """Returns the writes of the day's and the year's sums, and whether a threshold may be passed
    by them."""
    day = Anchor.at(event.at, merchant.settings.time_zone).wall.date()
    parts = sums.of_payment(invoice)
    revenue, orders = invoice.net.amount_minor, 1
    if refund is not None:
        sign = 1 if event.kind is EventKind.REFUNDED else -1
        net = refund.amount.amount_minor - sum(refund.taxes)
        parts = [
            (sign * taxable, sign * tax, 0)
            for taxable, tax, _ in sums.of_refund(invoice, refund.amount.amount_minor, refund.taxes)
        ]
        revenue, orders = -sign * net, 0
    days = sums.added_up(sums.empty_days(invoice, day, event.shard), parts)
    writes: list[Write] = []
    for empty, was in zip(days, ports.store.tax_sums(list(days)), strict=True):
        after = (was or empty).plus(*days[empty])
        writes.append(Change(was, after) if was else Insert(after))
    if invoice.test:
        return writes, False
    year = _years(invoice, [day.year], [event.shard])
    (was_year,) = ports.store.sales_years(year)
    sold = (was_year or year[0]).plus(revenue, orders)
    writes.append(Change(was_year, sold) if was_year else Insert(sold))
    return writes, refund is None


def _years(invoice: Invoice, years: Sequence[int], shards: Sequence[int]) -> list[SalesYear]:
    place, currency = sums.place_of(invoice), invoice.total.currency
    return [
        SalesYear(invoice.merchant, year, place, currency, shard)
        for year in years
        for shard in shards
    ]


def _begin_nexus(ports: Ports, merchant: Merchant, place: str, now: datetime) -> None:
    """Begins registrations whose threshold is passed by a sale to a place: from tomorrow on, tax is
    collected."""
    before = ports.store.tax_setup(merchant.id)
    waiting = [
        r
        for r in (before.open_registrations if before else ())
        if r.nexus is Nexus.THRESHOLD and r.began_on is None and place in r.jurisdictions
    ]
    if before is None or not waiting:
        return
    day = today(merchant, now)
    after = before
    for registration in waiting:
        if _has_passed(ports, merchant, registration, day):
            after = after.changed(replace(registration, began_on=day + timedelta(days=1)))
    if after != before:
        with suppress(Conflict):  # the next sale there does it
            ports.store.commit(Change(before, after, expecting=("registrations",)))


def _has_passed(ports: Ports, merchant: Merchant, registration: Registration, day: date) -> bool:
    years = (day.year, day.year - 1)
    found = sales(ports, merchant, registration.jurisdictions, years)
    revenue = [sum(s.revenue_minor for s in found if s.year == year) for year in years]
    orders = [sum(s.orders for s in found if s.year == year) for year in years]
    return registrations.passed(registration, revenue, orders)


def sales(
    ports: Ports, merchant: Merchant, places: Sequence[str], years: Sequence[int]
) -> list[SalesYear]:
    """Returns what was sold to places in some years, in the merchant's currency, by shard."""
    wanted = [
        SalesYear(merchant.id, year, place, merchant.settings.currency, shard)
        for place in places
        for year in years
        for shard in range(ports.operation.shards)
    ]
    return [found for found in ports.store.sales_years(wanted) if found is not None]


def report(ports: Ports, merchant: Merchant, since: date, until: date) -> list[ReportRow]:
    """Returns the report of the days from `since` to `until`, both included.

    Raises `Invalid` for a span that is too long, or ends before it begins.
    """
    if until < since:
        raise Invalid("span_reversed", field="to")
    if (until - since).days >= REPORT_DAYS_MOST:
        raise Invalid("span_too_long", field="to", most=REPORT_DAYS_MOST)
    days = ports.store.tax_days(merchant.id, since, until, REPORT_SUMS_MOST + 1)
    if len(days) > REPORT_SUMS_MOST:
        raise Invalid("tax_report_too_large", field="to")
    return sums.report(days)

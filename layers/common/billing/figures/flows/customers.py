"""Adds changes of a customer's subscriptions to the figures, each once (M-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from billing.figures import case_movements, cases, cohorts, movements, offer_movements, sums
from billing.figures.cases import Evidence, Seen
from billing.figures.flows import case_evidence, count_months
from billing.figures.monthly import Standing, standing_of
from billing.figures.movements import CustomerFigures, Movement
from billing.figures.records import Record
from billing.figures.sums import FigureBook
from billing.kernel import taxes
from billing.kernel.errors import Conflict
from billing.kernel.invoices import InvoiceState, LineKind
from billing.kernel.live_sources import row_of
from billing.kernel.orders import PAYMENTS
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write

ATTEMPTS = 5
ORDERS_MOST = 50
"""The most of a customer's latest orders that are looked through for a subscription's invoice."""

BOOKED_SHARD = 0
"""The shard of the rows of what no record of the stream brought."""

PAGE = 500

CLOCK = timedelta(seconds=2)
"""More than the stream's time of a write is cut by."""

CLOCKS_DIFFER = timedelta(seconds=10)
"""More than the clock that an order has its time from is ahead of the stream's."""

NOWHERE = "-"
"""The country of a purchase whose bill-to is not known."""


def observe(
    ports: Ports,
    owner: tuple[str, str],
    records: Sequence[Record],
    book: FigureBook,
    row_shard: int,
    *,
    now: datetime,
) -> None:
    """Adds a customer's records to the figures, in their order; raises `Conflict`."""
    for _ in range(ATTEMPTS + len(records)):
        was = ports.store.customer_figures(*owner)
        figures = was or CustomerFigures(*owner)
        for record in records:
            if record.sequence <= figures.sequence:
                continue
            subscription = record.after
            assert isinstance(subscription, Subscription)
            if _is_older(figures, record.before):
                # It was sold before there were figures: it is booked as it began first.
                before = record.before
                assert isinstance(before, Subscription)
                cause = f"{record.sequence}.began"
                book_once(ports, before, book=book, at=before.started_at, cause=cause, now=now)
                break
            at = happened_at(subscription, record.at)
            after, moved = change(
                *(ports, figures, subscription),
                book=book,
                at=at,
                written=record.at,
                cause=record.sequence,
            )
            if was is not None and after == figures and not moved:
                continue
            figures = replace(after, sequence=record.sequence)
            try:
                write(ports, was, figures, moved, row_shard, book=book, now=now)
            except Conflict:
                break
            was = figures
        else:
            return
    raise Conflict()


def _is_older(figures: CustomerFigures, before: object) -> bool:
    """Tests whether a subscription that goes on was sold before there were figures."""
    known = isinstance(before, Subscription) and figures.standing(before.id) is not None
    return isinstance(before, Subscription) and before.is_live and not known


def book_once(
    ports: Ports,
    subscription: Subscription,
    *,
    book: FigureBook,
    at: datetime,
    cause: str,
    now: datetime,
) -> bool:
    """Books what a subscription adds that the figures do not have; returns whether there was
    anything. Raises `Conflict` where others write the same figures."""
    owner = (subscription.merchant, subscription.customer)
    was = ports.store.customer_figures(*owner)
    figures = was or CustomerFigures(*owner)
    after, moved = change(ports, figures, subscription, book=book, at=at, written=at, cause=cause)
    if (was is not None and after == figures) or not (moved or subscription.is_live):
        return False
    try:
        write(ports, was, after, moved, BOOKED_SHARD, book=book, now=now)
    except Conflict:
        if _is_booked(ports, moved):
            return False
        raise
    return True


def _is_booked(ports: Ports, moved: Sequence[Movement]) -> bool:
    """Tests whether movements are there already, from a step that was done before."""
    if not moved:
        return False
    first, after = moved[0], None
    while True:
        page = ports.store.movements(
            first.merchant, first.day, first.day, limit=PAGE, after=after, test=first.test
        )
        if any(each.id == first.id for each in page):
            return True
        if len(page) < PAGE:
            return False
        after = page[-1]


def happened_at(subscription: Subscription, written_at: datetime) -> datetime:
    """Returns when a change took place: an end when it was due, all else when it was written."""
    if subscription.is_live or subscription.ends_at is None:
        return written_at
    return min(subscription.ends_at, written_at)


def change(
    ports: Ports,
    figures: CustomerFigures,
    subscription: Subscription,
    *,
    book: FigureBook,
    at: datetime,
    written: datetime,
    cause: str,
) -> tuple[CustomerFigures, tuple[Movement, ...]]:
    """Returns a customer's figures with a subscription as it is now, and the movements of that.

    It changed `at` an instant, and was written then or later.
    """
    before = figures.standing(subscription.id)
    standing = standing_of(
        subscription,
        before,
        country=before.country if before else country_of(ports, subscription),
        ppm=_rate(ports, subscription, before, at),
    )
    uncharged = row_of(subscription.id) is not None and subscription.last_charged_on is None
    day = day_of(book, at)
    after, moved = movements.changed(
        *(figures, standing),
        ended=not subscription.is_live,
        day=day,
        at=at,
        cause=cause,
        in_cohort=book.has_cohort(at),
        imported=uncharged or (before is None and _was_paid_elsewhere(ports, subscription)),
        taken_back=uncharged and subscription.ended_by is Source.SYSTEM,
    )
    asked, evidence = subscription.cancelling, Evidence()
    if cases.needs_evidence(figures.cases, subscription):
        evidence = case_evidence.of(*(ports, book, subscription), until=written + CLOCKS_DIFFER)
    followed, steps = cases.follow(
        figures.cases,
        Seen(
            *(subscription, before, standing, day, at),
            started=day_of(book, subscription.started_at),
            asked=None if asked is None else day_of(book, asked.requested_at),
            counted=book.follows(subscription.started_at if before is None else at),
            evidence=evidence,
        ),
    )
    told = case_movements.of_cases(figures, steps, day=day, at=at, cause=cause)
    offers, lost = offer_movements.after_change(
        *(figures, subscription), day=day, at=at, cause=cause
    )
    return replace(after, cases=followed, offers=offers), (*moved, *told, *lost)


def _was_paid_elsewhere(ports: Ports, subscription: Subscription) -> bool:
    """Tests whether a subscription was paid for where it was imported from, which its figures are
    to begin with, though it has been charged here since."""
    if row_of(subscription.id) is None or not subscription.is_live:
        return False
    invoices = ports.store.history(subscription.merchant, subscription.customer).invoices
    here = sum(
        invoice.subscription == subscription.id
        and invoice.state is InvoiceState.PAID
        and invoice.period is not None
        and all(line.kind != LineKind.FREEZE for line in invoice.lines)
        for invoice in invoices
    )
    return subscription.payments_made > here


def day_of(book: FigureBook, at: datetime) -> date:
    """Returns the local day of an instant."""
    return Anchor.at(at, book.zone_at(at)).wall.date()


def write(
    ports: Ports,
    was: CustomerFigures | None,
    after: CustomerFigures,
    moved: Sequence[Movement],
    row_shard: int,
    *,
    book: FigureBook,
    now: datetime,
) -> None:
    """Writes movements with their sums and what a customer adds now, in one transaction.

    Raises `Conflict` if another was faster, or a movement is there already.
    """
    writes: list[Write] = [Insert(each) for each in moved]
    if was is None:
        writes.append(Insert(after))
    elif after is not was:
        expecting = ("sequence", "standings", "cases", "offers")
        writes.append(Change(was, after, expecting=expecting))
    parts = sums.added(part for each in moved for part in cohorts.rows_of(each, row_shard))
    rows = [row for row, _ in parts.values()]
    stored = ports.store.figure_sums(rows) if rows else []
    for (row, amounts), found in zip(parts.values(), stored, strict=True):
        if found is None:
            writes.append(Insert(row.plus(amounts)))
        else:
            writes.append(Change(found, found.plus(amounts)))
    days = [(each.day.isoformat(), each.test) for each in moved]
    writes += count_months.late_writes(ports, book, days, now)
    ports.store.commit(*writes)


def country_of(ports: Ports, subscription: Subscription) -> str:
    """Returns the country that a purchase is billed to."""
    owner = (subscription.merchant, subscription.customer, subscription.id)
    (found,) = ports.store.bill_tos([owner])
    return NOWHERE if found is None else found.bill_to.address.country


def _rate(ports: Ports, subscription: Subscription, before: Standing | None, at: datetime) -> int:
    """Returns the rate of tax within its price, in millionths, by its last invoice paid by then.

    What does not include its tax has no need of one.
    """
    if not subscription.terms.tax_inclusive:
        return 0
    known = before.ppm if before else 0
    page = ports.store.orders_of(
        subscription.merchant, subscription.customer, limit=ORDERS_MOST, until=at + CLOCK
    )
    for order in page.data:
        paid = order.kind in PAYMENTS
        if paid and order.subscription == subscription.id and order.invoice is not None:
            invoice = ports.store.invoice(order.merchant, subscription.customer, order.invoice)
            return known if invoice is None else taxes.of_invoice(invoice).ppm
    return known

"""The jobs that rebuild a merchant's figures, and that compare everybody's each night (M-10).

A rebuild first books what the stream did not bring of each subscription, such as of those that were
sold before there were figures. Then it counts each day and month again. Steps may be done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

from billing.figures.comparison import FiguresDiffer
from billing.figures.flows import books, close, count_months, customers, recount, recount_slices
from billing.figures.flows.close import Log
from billing.figures.month_totals import last_day
from billing.figures.recounts import Progress
from billing.figures.sums import MONTH_LENGTH, FigureBook, month_of
from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind, each
from billing.jobs.jobs import OVER, PLATFORM, Job, JobState, Step
from billing.kernel.errors import Conflict
from billing.kernel.flows import whole_lists
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.runtime import telemetry

JOB, NIGHTLY = "figures", "figures_check"
"""The kinds, and ids, of a merchant's rebuild and of the platform's comparison."""

EVERY = timedelta(hours=24)
A_DAY = timedelta(days=1)
RESTS_AFTER = timedelta(days=2)
"""The age of a day that is compared: what the stream brought late is there."""

SUBSCRIPTIONS, DAYS, MONTHS = "subscriptions", "days", "months"
MERCHANTS, COUNTS = "merchants", "counts"


def begin_check(ports: Ports, *, now: datetime) -> Counter[str]:
    """Starts the night's comparison, a day after the last one began; also if that one failed."""
    found = ports.store.job(PLATFORM, NIGHTLY)
    if found is not None and now < found.created_at + EVERY:
        return Counter()
    job = jobs.new(PLATFORM, NIGHTLY, NIGHTLY, now)
    began = start(ports, job, now=now, replaces=OVER | {JobState.FAILED}) is job
    return Counter(figures=int(began))


def begin(ports: Ports, merchant: str, *, now: datetime) -> Job:
    """Starts the rebuild of a merchant's figures, unless it is under way; returns it."""
    return start(ports, jobs.new(merchant, JOB, JOB, now), now=now)


def _rebuild(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    seller = _seller(ports, job.owner)
    book = books.of(ports, [seller.id], now=now)[seller.id]
    of, place, _ = recount_slices.place_in(job.cursor)
    if of not in {DAYS, MONTHS}:
        sold = whole_lists.subscriptions(ports, seller, after=place, now=now)
        yield from each(SUBSCRIPTIONS, sold, partial(_align, ports, seller, book, now))
        of, place = DAYS, ""
        yield Step(f"{DAYS} ", None)
    days = _days(seller, book, now)
    act = partial(_mend, ports, seller, book, keep_going)
    if of == DAYS:
        left = ((day, day) for day in days if day > place)
        yield from recount_slices.each(ports, job, DAYS, left, act)
        place = ""
        yield Step(f"{MONTHS} ", None)
    months = dict.fromkeys(day[:MONTH_LENGTH] for day in days)
    left = ((month, month) for month in months if month > place)
    yield from recount_slices.each(ports, job, MONTHS, left, act)


def _align(
    ports: Ports, seller: Merchant, book: FigureBook, now: datetime, sold: Subscription
) -> Seen:
    """Books what a subscription adds and the figures do not have.

    What they have never seen is booked on the day of its purchase, and on that of its end if that
    was before there were figures. Ends since then came by the stream, or are about to. What was
    bought elsewhere before its merchant came is booked on their first day, with which their figures
    begin.
    """
    found = ports.store.customer_figures(sold.merchant, sold.customer)
    known = found is not None and found.standing(sold.id) is not None
    if not sold.is_live and _is_the_streams(sold, book, now, known=known):
        return Seen.SKIPPED
    done = False
    for version in [sold] if known else _versions(sold):
        when = now if known else max(sold.started_at, seller.created_at)
        at = when if version.is_live else customers.happened_at(version, now)
        cause = f"{sold.id}.{at.timestamp():.0f}.{version.state.value}"
        done = customers.book_once(ports, version, book=book, at=at, cause=cause, now=now) or done
    return Seen.FINISHED if done else Seen.SKIPPED


def _is_the_streams(sold: Subscription, book: FigureBook, now: datetime, *, known: bool) -> bool:
    """Tests whether an end is the stream's to bring: since there are figures, or, of what they
    know, of the last day. Booked before, it would be that of one that was never seen to begin."""
    since = now - books.STREAM_REACHES if known else book.since
    return not known if sold.ends_at is None else sold.ends_at >= since


def _versions(sold: Subscription) -> list[Subscription]:
    """Returns a subscription as it is now, and before that as it was until it ended."""
    if sold.is_live:
        return [sold]
    state = State.ACTIVE if sold.payments_made else State.TRIALING
    return [replace(sold, state=state, ends_at=None), sold]


def _mend(
    ports: Ports,
    seller: Merchant,
    book: FigureBook,
    keep_going: KeepGoing,
    progress: Progress,
    span: str,
) -> Seen:
    wrong = recount.mend(ports, seller, book, span, progress, keep_going)
    if wrong is None:
        return Seen.MORE
    if wrong:
        telemetry.happened("figures mended", merchant=seller.id, why=f"{wrong} rows of {span}")
    return Seen.FINISHED if wrong else Seen.SKIPPED


def _days(seller: Merchant, book: FigureBook, now: datetime) -> list[str]:
    """Returns the days since a merchant began, oldest first, but for those still under way."""
    day = Anchor.at(seller.created_at, book.zone_at(seller.created_at)).wall.date()
    last = Anchor.at(now, book.zone_at(now)).wall.date()
    found = []
    while day < last:
        found.append(day.isoformat())
        day += A_DAY
    return found


def _check(
    log: Log, ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing
) -> Iterator[Step]:
    """Compares a day of each merchant, in order of ids, and tells that it is closed; then counts
    months of each."""
    of, place, _ = recount_slices.place_in(job.cursor)
    if of != COUNTS:
        left = whole_lists.merchants(ports, after=place)
        act = partial(_compare, ports, log, job.created_at, now, keep_going)
        yield from recount_slices.each(ports, job, MERCHANTS, left, act)
        place = ""
        yield Step(f"{COUNTS} ", None)
    left = whole_lists.merchants(ports, after=place)
    yield from each(COUNTS, left, partial(_count, ports, job.created_at, keep_going))


def _compare(
    ports: Ports,
    log: Log,
    at: datetime,
    now: datetime,
    keep_going: KeepGoing,
    progress: Progress,
    merchant: Merchant,
) -> Seen:
    """Compares the figures of a merchant's day two days before, and of the month it is in.

    A day that is right is closed in a month that is wrong too, for it is shown by the sums of days.
    Raises `FiguresDiffer`: the job fails after some rounds, and failed jobs ring.
    """
    (book,) = ports.store.figure_books([merchant.id])
    if book is None:
        return Seen.SKIPPED
    instant = at - RESTS_AFTER
    day = Anchor.at(instant, book.zone_at(instant)).wall.date()
    if instant < book.since:
        return Seen.SKIPPED
    wrong = partial(
        recount.wrong_rows, ports, merchant, book, progress=progress, keep_going=keep_going
    )
    of_day = wrong(day.isoformat())
    of_month = None if of_day is None else _of_month(day, wrong, progress)
    if of_day is None or of_month is None:
        return Seen.MORE
    if of_day or of_month:
        why = f"{of_day + of_month} rows of {day}"
        telemetry.happened("figures differ", merchant=merchant.id, why=why)
    if not of_day:
        closed = close.close(
            ports, merchant, book, day.isoformat(), log=log, now=now, wrong_rows=wrong
        )
        if closed is None:
            return Seen.MORE
    if of_day or of_month:
        raise FiguresDiffer
    return Seen.FINISHED


def _of_month(day: date, wrong: Callable[[str], int | None], progress: Progress) -> int | None:
    """Returns how many rows of a day's month are wrong; None where time is over first.

    A month under way changes with each customer who comes. One that never rests, or takes longer
    than a whole slice, is taken for right: it is counted with its last day.
    """
    month = month_of(day)
    if day.isoformat() == last_day(month):
        return wrong(month)
    with suppress(Conflict):
        found = wrong(month)
        if found is not None or not progress.slices:
            return found
    progress.done[month] = 0
    return 0


def _count(ports: Ports, at: datetime, keep_going: KeepGoing, merchant: Merchant) -> Seen:
    """Counts some months of a merchant whose figures have begun to be compared."""
    (book,) = ports.store.figure_books([merchant.id])
    if book is None or at - RESTS_AFTER < book.since:
        return Seen.SKIPPED
    return count_months.count_some(ports, merchant, book, at, keep_going)


def _seller(ports: Ports, merchant: str) -> Merchant:
    found = ports.store.merchant(merchant)
    assert found is not None, "a merchant is never removed"
    return found


REBUILD = Kind(_rebuild)


def check(log: Log) -> Kind:
    """Returns the kind of the nightly comparison; `log` writes the event of a closed day."""
    return Kind(partial(_check, log))

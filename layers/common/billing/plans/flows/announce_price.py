"""Announces another price for subscriptions, takes it back, and notes who agreed (X-12, P-18).

Announcing writes nothing but the price to come and a look at once; the look sends the notice when
its window opens, and a renewal has the new price only if it was sent in time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from billing.cancel import cancellation
from billing.cancel.regions.rules import Duty
from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel import charge_eligibility
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from billing.kernel.flows import subscriptions
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert, Write
from billing.notices import reminders, windows
from billing.plans import announced_price

JOB = "price_change"
PAGE = 50

AS_READ = (*charge_eligibility.LOOKED_AT, *charge_eligibility.PRICED_BY)


def announce(
    ports: Ports, subscription: Subscription, price: Money, starts_at: datetime, *, now: datetime
) -> Subscription:
    """Announces a price for the renewals from an instant on; asked for again it is done once.

    It is decided by the subscription as it was read, and anew where that has changed. Raises
    `Invalid` (price, from) and `Refused`.
    """
    change_id = ports.new_id("price")
    decide = partial(_announce, ports, change_id, price, starts_at, now)
    return subscriptions.decided(ports, subscription, decide)


def take_back(ports: Ports, subscription: Subscription, *, now: datetime) -> Subscription:
    """Takes an announced price back before a renewal has it; who was told of it is told of that.

    Raises `Refused` (no_price_change).
    """

    def taken_back(found: Subscription) -> Subscription:
        change = found.price_change
        if change is None:
            raise Refused("no_price_change")
        after = replace(found, price_change=None)
        told: tuple[Write, ...] = ()
        if change.told_at is not None and found.is_live:
            shard = ports.shard_of(found.id)
            told = (Insert(cancellation.event(EventKind.PRICE_KEPT, after, now, shard)),)
        ports.store.commit(Change(found, after, expecting=AS_READ), *told)
        return after

    return subscriptions.decided(ports, subscription, taken_back)


def agree(
    ports: Ports, subscription: Subscription, change_id: str, *, now: datetime
) -> Subscription:
    """Notes that the customer agreed to the price that they were shown; twice is once.

    Raises `Refused` (no_price_change) where that one is not to come any more.
    """

    def agreed(found: Subscription) -> Subscription:
        change = found.price_change
        if change is None or change.id != change_id or not found.is_live:
            raise Refused("no_price_change")
        if change.agreed_at is not None:
            return found
        after = replace(found, price_change=replace(change, agreed_at=now))
        ports.store.commit(Change(found, after, expecting=AS_READ))
        return after

    return subscriptions.decided(ports, subscription, agreed)


def announce_to_all(
    ports: Ports, merchant: str, price_point: str, price: Money, starts_at: datetime, now: datetime
) -> Job:
    """Starts a job that announces a price to all subscriptions at a price point.

    Raises `NotFound`, `Invalid` for the date, and `Refused` while another one is at work.
    """
    point = ports.store.price_point(price_point)
    if point is None or point.merchant != merchant:
        raise NotFound("price_point_unknown")
    announced_price.refuse_start(starts_at, now)
    if price.currency is not point.terms.price.currency:
        raise Invalid("currency", field="price", currency=point.terms.price.currency)
    asked = {
        "price_point": price_point,
        "price": price.amount_minor,
        "currency": price.currency,
        "from": starts_at.isoformat(),
    }
    return _start(ports, merchant, price_point, asked, now)


def take_back_of_all(ports: Ports, merchant: str, price_point: str, now: datetime) -> Job:
    """Starts a job that takes announced prices back at a price point; raises as
    `announce_to_all`."""
    point = ports.store.price_point(price_point)
    if point is None or point.merchant != merchant:
        raise NotFound("price_point_unknown")
    return _start(ports, merchant, price_point, {"price_point": price_point}, now)


class LastRun(Value):
    """The last job for all subscriptions at a price point.

    It announced `price`, or took announced prices back where there is none.
    """

    job: Job
    price: Money | None
    starts_at: datetime | None


def last_run(ports: Ports, merchant: str, price_point: str) -> LastRun | None:
    """Returns the last job for all subscriptions at a price point, with its counts so far."""
    job = ports.store.job(merchant, f"{JOB}.{price_point}")
    if job is None:
        return None
    asked: dict[str, Any] = json.loads(job.begins)
    if "price" not in asked:
        return LastRun(job, None, None)
    price = Money(asked["price"], Currency(asked["currency"]))
    return LastRun(job, price, datetime.fromisoformat(asked["from"]))


def _start(
    ports: Ports, merchant: str, price_point: str, asked: dict[str, Any], now: datetime
) -> Job:
    text = json.dumps(asked, separators=(",", ":"))
    new = jobs.new(merchant, f"{JOB}.{price_point}", JOB, now, begins=f"{text} ")
    over = jobs.OVER | {jobs.JobState.FAILED, jobs.JobState.PAUSED}
    if start(ports, new, now=now, replaces=over) is not new:
        raise Refused("price_change_under_way")
    return new


def _announce(
    ports: Ports,
    change_id: str,
    price: Money,
    starts_at: datetime,
    now: datetime,
    found: Subscription,
) -> Subscription:
    present = found.price_change
    if present is not None and (present.price, present.starts_at) == (price, starts_at):
        return found
    announced_price.refuse(found, price, starts_at, now)
    address = subscriptions.bill_to(ports, found).address
    rules = windows.rules_of(address, now.date(), Duty.PRICE_CHANGE)
    after = announced_price.announced(found, change_id, price, starts_at, rules, now)
    reminder = ports.store.reminder(found.merchant, found.customer, found.id)
    look = () if reminder is None else reminders.due_by(reminder, now)
    ports.store.commit(Change(found, after, expecting=AS_READ), *look)
    return after


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Goes through all subscriptions of a merchant page by page; the cursor is `<what was asked>
    <page> <last one of it>`.

    By the list that each is in from its first write on: that of a price point's may lag.
    """
    text, _, place = job.cursor.partition(" ")
    place, _, last = place.partition(" ")
    asked: dict[str, Any] = json.loads(text)
    merchant = ports.store.merchant(job.owner)
    assert merchant is not None, "a merchant is never removed"
    since = merchant.oldest_sold
    until = job.created_at + timedelta(microseconds=1)
    while place != "-":
        page = ports.store.subscriptions_started(
            job.owner, since=since, until=until, limit=PAGE, cursor=place or None
        )
        for found in _behind(page.data, last):
            yield Step(f"{text} {place} {found.id}", *_outcome(ports, found, asked, now))
        place, last = page.next or "-", ""
        yield Step(f"{text} {place}", None)


def _behind(found: Sequence[Subscription], last: str) -> Sequence[Subscription]:
    """Returns those of a page behind one, all if it is not among them: none is counted twice."""
    places = [each.id for each in found]
    return found[places.index(last) + 1 :] if last in places else found


def _outcome(
    ports: Ports, found: Subscription, asked: dict[str, Any], now: datetime
) -> tuple[Seen, Exception | None]:
    """Acts on one subscription; a rule that forbids it passes it over."""
    if found.price_point != asked["price_point"] or not found.is_live:
        return Seen.SKIPPED, None
    try:
        if "price" in asked:
            price = Money(asked["price"], Currency(asked["currency"]))
            announce(ports, found, price, datetime.fromisoformat(asked["from"]), now=now)
        else:
            take_back(ports, found, now=now)
    except (Refused, Invalid):
        return Seen.SKIPPED, None
    except (Conflict, Unavailable):
        return Seen.LEFT, None
    except Exception as broken:
        return Seen.LEFT, broken
    return Seen.FINISHED, None


ALL = Kind(_steps)

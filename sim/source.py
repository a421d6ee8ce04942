"""A billing system that subscriptions are moved from, shaped like Stripe: the other engine.

It renews by itself, drafts an invoice for an hour before it charges it, voids what it makes while
it is stopped, and charges a draft from before a stop all the same. It is reached over a bad line: a
call may do nothing, be done without its answer, or be done minutes later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from billing.kernel.gateways import SavedMethod
from billing.kernel.live_sources import (
    Collected,
    Obstacle,
    SourceCharge,
    SourcePage,
    SourceState,
    SourceSubscription,
)
from billing.kernel.periods import Anchor, Period, nth

R = TypeVar("R")

DRAFT = timedelta(hours=1)


@dataclass
class Bill:
    """An invoice of the source: for which date, and what became of it."""

    at: datetime
    amount_minor: int
    collected: Collected = Collected.OPEN


@dataclass
class Held:
    """A subscription of the source; `k` is the index of its next date."""

    id: str
    email: str
    anchor: Anchor
    period: Period
    price_minor: int
    method: SavedMethod | None
    k: int = 1
    trial: bool = False
    bills: list[Bill] = field(default_factory=list)
    mark: str | None = None
    stopped: bool = False
    paused: bool = False
    ended_at: datetime | None = None
    cancel_at: datetime | None = None
    obstacles: tuple[Obstacle, ...] = ()

    def date(self, k: int) -> datetime:
        return nth(self.anchor, self.period, k)

    @property
    def next_at(self) -> datetime:
        return self.date(self.k)


class Source:
    """The source; `line` carries each call, and may lose it."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        account: str = "acct_1_test",
        line: Callable[[str, Callable[[], object]], object] | None = None,
    ) -> None:
        self.held: dict[str, Held] = {}
        self.account = account
        self.clock = clock
        self.line = line or _straight
        self.calls: Counter[str] = Counter()

    def add(self, held: Held) -> Held:
        self.held[held.id] = held
        return held

    def pass_time(self) -> None:
        """Does what has become due on all subscriptions."""
        for each in self.held.values():
            self._renew(each)

    def _renew(self, held: Held) -> None:
        now = self.clock()
        while held.ended_at is None:
            ends = held.cancel_at is not None and held.cancel_at <= min(now, held.next_at)
            if ends:
                held.ended_at = held.cancel_at
                break
            if held.next_at > now:
                break
            self._collect(held, held.next_at)
            stopped = held.stopped or held.paused
            collected = Collected.VOID if stopped else Collected.OPEN
            held.bills.append(Bill(held.next_at, held.price_minor, collected))
            held.trial = False
            held.k += 1
        self._collect(held, now)

    def _collect(self, held: Held, now: datetime) -> None:
        if held.ended_at is not None:
            return
        for bill in held.bills:
            if bill.collected is Collected.OPEN and bill.at + DRAFT <= now:
                bill.collected = Collected.PAID

    def end(self, held: Held) -> None:
        """Ends a subscription as its customer does there; a draft is not collected any more."""
        self._renew(held)
        if held.ended_at is None:
            held.ended_at = self.clock()
        for bill in held.bills:
            if bill.collected is Collected.OPEN:
                bill.collected = Collected.VOID

    # The port.

    def page(self, after: str | None, limit: int) -> SourcePage:
        def listed() -> SourcePage:
            names = list(self.held)
            begin = 0 if after is None else names.index(after) + 1
            rest = [self.held[name] for name in names[begin:]]
            live = [each for each in rest if each.ended_at is None]
            data = tuple(self._read(each) for each in live[:limit])
            return SourcePage(data, data[-1].id if len(live) > limit else None)

        return self._call("page", listed)

    def find(self, subscription: str) -> SourceSubscription | None:
        return self._call("find", lambda: self._find(subscription))

    def _find(self, subscription: str) -> SourceSubscription | None:
        held = self.held.get(subscription)
        return None if held is None else self._read(held)

    def stop(self, subscription: str, mark: str) -> SourceSubscription:
        def stop() -> SourceSubscription:
            held = self.held[subscription]
            self._renew(held)
            if held.ended_at is None:
                held.mark, held.stopped = mark, True
            return self._read(held)

        return self._call("stop", stop)

    def resume(self, subscription: str) -> SourceSubscription:
        def resume() -> SourceSubscription:
            held = self.held[subscription]
            self._renew(held)
            if held.ended_at is None:
                held.mark, held.stopped = None, False
            return self._read(held)

        return self._call("resume", resume)

    def cancel(self, subscription: str) -> None:
        def cancel() -> None:
            self.end(self.held[subscription])

        self._call("cancel", cancel)

    def method_of(self, customer: str) -> SavedMethod | None:
        found = (each.method for each in self.held.values() if each.email == customer)
        return self._call("method_of", lambda: next(found, None))

    def charges(self, subscription: str, since: datetime) -> tuple[SourceCharge, ...]:
        def listed() -> tuple[SourceCharge, ...]:
            held = self.held[subscription]
            self._renew(held)
            return tuple(
                SourceCharge(each.at, each.amount_minor, "USD", each.collected)
                for each in held.bills
                if each.at >= since
            )

        return self._call("charges", listed)

    def _call(self, name: str, act: Callable[[], R]) -> R:
        self.calls[name] += 1
        return self.line(name, act)  # type: ignore[return-value]

    def _read(self, held: Held) -> SourceSubscription:
        self._renew(held)
        last = held.bills[-1].collected if held.bills else Collected.PAID
        state = SourceState.RUNNING
        if held.ended_at is not None:
            state = SourceState.ENDED
        elif held.paused:
            state = SourceState.PAUSED
        return SourceSubscription(
            id=held.id,
            state=state,
            cells=dict(self.cells(held)),
            period_at=held.date(held.k - 1),
            next_charge_at=held.next_at,
            collected=last,
            method=held.method,
            obstacles=held.obstacles + ((Obstacle.ENDS,) if held.cancel_at is not None else ()),
            mark=held.mark,
            stopped=held.stopped,
        )

    def cells(self, held: Held) -> Iterator[tuple[str, str]]:
        """Yields a subscription as its canonical row."""
        yield "external_id", held.id
        yield "email", held.email
        yield "name", "Ann Example"
        yield "address_line1", "1 Main Street"
        yield "city", "Springfield"
        yield "postal_code", "12345"
        yield "state", "IL"
        yield "country", "US"
        yield "status", "trialing" if held.trial else "active"
        yield "started_at", _text(held.anchor.instant)
        yield "next_charge_at", _text(held.next_at)
        yield "zone", held.anchor.zone
        yield "anchor_local", held.anchor.wall.isoformat()
        yield "price", str(Decimal(held.price_minor).scaleb(-2))
        yield "currency", "USD"
        yield "period", held.period.value
        if held.trial:
            yield "trial_ends_at", _text(held.next_at)
        if held.cancel_at is not None:
            yield "cancel_at", _text(held.cancel_at)
        yield "gateway", "sandbox"
        yield "gateway_account", self.account
        if held.method is not None:
            yield "payment_method", held.method.token


def _straight(name: str, act: Callable[[], object]) -> object:
    return act()


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

"""The subscription: its states and transitions, and what it may still charge (R-2, R-3, R-7, X-4).

Transitions are methods that return a new value; they never read a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.due import DueKind
from billing.kernel.funds import UNKNOWN, Funds, Share, Taken, whole
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.plans import Plan, PlanChange
from billing.kernel.schedule import standard_at
from billing.kernel.writes import Entity


class State(StrEnum):
    """The states of a subscription that the API shows (CONTRACT.md)."""

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    FROZEN = "frozen"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


TERMINAL = frozenset({State.CANCELLED, State.COMPLETED})
CHARGEABLE = frozenset({State.TRIALING, State.ACTIVE, State.PAST_DUE, State.FROZEN})
LIVE = frozenset(State) - TERMINAL


class When(StrEnum):
    """The time at which a cancellation takes effect (P-16, X-3)."""

    NOW = "now"
    PERIOD_END = "period_end"


class Source(StrEnum):
    """The party that ended a subscription (X-7)."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    DUNNING = "dunning"
    GATEWAY = "gateway"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A request to cancel: when it takes effect, who asked, and why.

    `order` is the Order ID that people are shown (X-7), `ticket` the helpdesk request that was
    approved with it (H-4).
    """

    when: When
    source: Source
    requested_at: datetime
    order: str
    reason: str | None = None
    comment: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class PayNow:
    """A request to pay what is past due at once, outside the retry count (R-4).

    `resumes_at` is the due date with which the retry cycle continues if that fails.
    """

    asked_at: datetime
    resumes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The values that a pause removed from a subscription at `at`; a timely resume restores them
    (X-11)."""

    at: datetime
    payment_method: str
    due_at: datetime | None = None
    retry_at: datetime | None = None
    pay_now: PayNow | None = None
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscription(Entity):
    """A billing agreement that may still charge.

    It has two dates: `period_at` is what people see and rules use, computed from the anchor;
    `due_at` is only the worker's due date (first charge, lease, retry, catch-up), None when nothing
    is to be done. `period` is the index k of the next standard payment, `payments_made` counts
    those paid, `seq` counts every invoice that was opened. `retry_at` is set while past due.

    `cancelling` is a cancellation that waits for the end of the period (state cancel_pending;
    undoing it returns to `resumes_as`), or for a charge under way (X-6). `pay_now` is set from a
    request to pay what is past due until that attempt is settled. `paused_from` is the state before
    a pause, `paused_by` who paused it, `interrupted` what else the pause removed (None: before that
    was kept). `anchor_period` is the payment that the anchor counts from; a late resume (X-11) or
    another length of period moves it on. `held_for` is the ticket that holds its charges, since
    `held_since` (H-4).

    `next_plan` takes effect with the next period, unless its end is pending. `credit_minor` is
    taken off the next invoices; a negative amount is owed with the next one (A-4, P-18). `funds` is
    what was paid and is not used up, None in the plain case: the running period at its price
    (`money`). `thaws_to` is the plan to return to after a freeze: with a `next_plan` the freeze
    begins with the next period, without one it is in force (A-5). `test` marks sandbox purchases
    (W-3).
    """

    id: str
    merchant: str
    customer: str
    product: str
    product_name: str
    price_point: str
    price_version: int
    terms: PriceTerms
    anchor: Anchor
    state: State
    started_at: datetime
    gateway: str
    gateway_account: str
    payment_method: str
    shard: int
    seq: int = 0
    period: int = 0
    payments_made: int = 0
    open_invoice: str | None = None
    due_at: datetime | None = None
    retry_at: datetime | None = None
    last_charged_on: date | None = None
    waiting_since: datetime | None = None
    ends_at: datetime | None = None
    ended_by: Source | None = None
    cancelling: CancelRequest | None = None
    resumes_as: State | None = None
    paused_from: State | None = None
    paused_by: Source | None = None
    interrupted: Interrupted | None = None
    anchor_period: int = 0
    pay_now: PayNow | None = None
    dispute: str | None = None
    held_for: str | None = None
    held_since: datetime | None = None
    next_plan: Plan | None = None
    credit_minor: int = 0
    funds: Funds | None = None
    thaws_to: Plan | None = None
    language: str = "en"
    test: bool = False

    @property
    def alarm(self) -> DueKind:
        return DueKind.CANCEL if self.state is State.CANCEL_PENDING else DueKind.BILL

    @property
    def is_live(self) -> bool:
        return self.state not in TERMINAL

    @property
    def held(self) -> bool:
        """True if its charges wait for a person to decide a ticket (H-4)."""
        return self.held_for is not None

    @property
    def period_at(self) -> datetime | None:
        """The scheduled instant of the next standard payment; None when there are no more."""
        total = self.terms.standard_payments
        if not self.is_live or (total is not None and self.period >= total):
            return None
        return self.payment_at(self.period)

    @property
    def money(self) -> Funds:
        """The unused money paid for it, with its credit (A-4, B-7)."""
        if self.funds is not None:
            return self.funds
        return Funds((*self._unattributed, *self._running_period))

    @property
    def credit(self) -> Money | None:
        """The credit to take off its next invoices, or left when it ends; None if there is none."""
        price = self.terms.price
        return replace(price, amount_minor=self.credit_minor) if self.credit_minor > 0 else None

    @property
    def _unattributed(self) -> tuple[Share, ...]:
        """Credit from before its period was kept."""
        credit = self.credit_minor
        return (Share(UNKNOWN, credit, credit_minor=credit),) if credit > 0 else ()

    @property
    def _running_period(self) -> tuple[Share, ...]:
        if self.terms.type is not PriceType.RECURRING or not self.period:
            return ()
        return (whole(self.period - 1, self.terms.price.amount_minor),)

    @property
    def is_frozen(self) -> bool:
        """True if the plan in force is a freeze, whose price is all that is charged (A-5, R-3)."""
        return self.thaws_to is not None and self.next_plan is None

    @property
    def plan_to_come(self) -> Plan | None:
        """The plan that takes effect with the next period; None while its end is pending (X-4)."""
        return None if self.state is State.CANCEL_PENDING else self.next_plan

    @property
    def freezes_at(self) -> datetime | None:
        """The start of a freeze that was asked for: the next period (A-5)."""
        scheduled = self.thaws_to is not None and self.plan_to_come is not None
        return self.period_at if scheduled else None

    def payment_at(self, k: int) -> datetime:
        """Returns the scheduled instant of standard payment `k`, from the anchor in force."""
        return standard_at(self.terms, self.anchor, k - self.anchor_period)

    @property
    def next_charge_at(self) -> datetime | None:
        """The date of the next charge that people are shown, or None.

        It is the scheduled instant, or the next retry while past due. While a dispute is open no
        charge is scheduled (W-4).
        """
        if self.dispute == "open":
            return None
        if self.state is State.PAST_DUE:
            return self.retry_at
        return self.period_at if self.state in CHARGEABLE else None

    @property
    def access_until(self) -> datetime | None:
        """The certain end of access; None while it goes on, or if what was paid for stays (R-7)."""
        if self.state is State.PAUSED:
            return self.period_at
        if self.freezes_at is not None:
            return self.freezes_at
        return None if self.state is State.COMPLETED else self.ends_at

    @property
    def is_unpaid(self) -> bool:
        """True if past due with the retries used up and no further attempt scheduled (R-4, R-5)."""
        comes = (self.due_at, self.open_invoice, self.waiting_since)
        return self.state is State.PAST_DUE and comes == (None, None, None)

    def grace_ends_at(self, grace_days: int | None) -> datetime | None:
        """Returns the end of access while past due, counted from the day the payment was due (R-5).

        None if it is not past due, or if access lasts as long as the retry cycle.
        """
        if self.state is not State.PAST_DUE or grace_days is None or self.period_at is None:
            return None
        return self.period_at + timedelta(days=grace_days)

    def gives_access(self, now: datetime, grace_days: int | None = None) -> bool:
        """True if it gives access at `now`, even before a sweep has updated it (C-3, R-5, R-7,
        X-4)."""
        if self.state is State.COMPLETED:
            return True
        if self.paused_from is not None:
            paid_until = self.period_at
            return paid_until is not None and now < paid_until
        if self.is_frozen or self.state in {State.INCOMPLETE, State.FROZEN}:
            return False
        if self.is_unpaid:
            return False
        ends = (self.ends_at, self.freezes_at, self.grace_ends_at(grace_days))
        return all(end is None or now < end for end in ends)

    def as_of(self, now: datetime) -> Subscription:
        """Returns the subscription as of `now`, even before a sweep has updated it.

        It has ended once `ends_at` has come (X-4), and is frozen from the period that a freeze
        begins with (A-5).
        """
        if self.freezes_at is not None and self.freezes_at <= now:
            return self.renewing()
        pending = self.state is State.CANCEL_PENDING and self.cancelling is not None
        if not pending or self.ends_at is None or now < self.ends_at:
            return self
        assert self.cancelling is not None, "it is pending"
        return replace(self.cancelled(self.ends_at, self.cancelling.source), cancelling=None)

    def opened(self, invoice: str) -> Subscription:
        assert self.is_live and self.open_invoice is None, "one open invoice at a time"
        return replace(self, open_invoice=invoice, seq=self.seq + 1)

    def renewing(self) -> Subscription:
        """Returns it as the next period's invoice needs it: on the requested plan, if there is one
        (A-4)."""
        plan = self.next_plan
        if plan is None:
            return self
        anchor, first = self.anchor, self.anchor_period
        if plan.terms.period is not self.terms.period:
            assert self.terms.period is not None, "only what recurs changes its plan"
            elapsed = self.period - self.anchor_period
            anchor, first = anchor.plus(self.terms.period.length, elapsed), self.period
        after = self.changed_to(PlanChange(plan, anchor, first, self.credit_minor, self.money))
        if self.thaws_to is None:
            return after
        return replace(after, state=State.FROZEN, thaws_to=self.thaws_to)

    def changed_to(self, change: PlanChange) -> Subscription:
        """Changes the plan as it was quoted.

        The plan it was to change to next is dropped (A-4), and a freeze ends (A-5). Money returned
        since the quote is deducted.
        """
        funds, kept = change.funds, change.credit_minor
        if funds is not None and change.before is not None:
            funds = funds.caught_up(change.before, self.money)
            kept += funds.credit_minor - max(0, kept)
        after = replace(
            self,
            state=State.ACTIVE if self.is_frozen else self.state,
            thaws_to=None,
            product=change.plan.product,
            product_name=change.plan.product_name,
            price_point=change.plan.price_point,
            price_version=change.plan.version,
            terms=change.plan.terms,
            anchor=change.anchor,
            anchor_period=change.anchor_period,
            credit_minor=kept,
            funds=None,
            next_plan=None,
        )
        return after if funds is None else after._with(funds)

    def freezing(self, plan: Plan, back_to: Plan) -> Subscription:
        """Schedules a freeze: only its price is charged from the next period on, until it thaws
        (A-5)."""
        assert self.state in {State.TRIALING, State.ACTIVE} and self.open_invoice is None
        return replace(self, next_plan=plan, thaws_to=back_to)

    def not_freezing(self, next_plan: Plan | None) -> Subscription:
        """Drops a requested freeze before it began (A-5)."""
        assert self.freezes_at is not None, "it is to be frozen"
        return replace(self, next_plan=next_plan, thaws_to=None)

    def waiting(self, now: datetime) -> Subscription:
        """Clears the due date of a payment too long overdue, until the merchant decides (R-2)."""
        return replace(self, due_at=None, waiting_since=now)

    def postponed_to(self, due_at: datetime | None) -> Subscription:
        """Returns the same agreement with another due date."""
        return replace(self, due_at=due_at)

    def unpaid(self) -> Subscription:
        """Marks it past due with no further attempt (R-4, final action "keep past due")."""
        return replace(
            self,
            state=State.PAST_DUE,
            open_invoice=None,
            due_at=None,
            retry_at=None,
            pay_now=None,
        )

    def at_its_next_date(self, now: datetime) -> Subscription:
        """Resumes after a dispute that was won (W-4).

        Missed payments are not caught up: the next payment is made on the first scheduled date to
        come, and as many follow as before.
        """
        after = replace(
            self,
            state=State.ACTIVE if self.state is State.PAST_DUE else self.state,
            open_invoice=None,
            retry_at=None,
            pay_now=None,
            waiting_since=None,
        )
        scheduled = after.period_at
        assert scheduled is not None, "what may be charged has something to come"
        if self.terms.period is None:
            return replace(after, due_at=max(scheduled, now))  # its one payment has no next date
        if scheduled <= now:
            after = after._with(after.money.unpaid())
        while scheduled <= now:
            after = replace(after, anchor_period=after.anchor_period - 1)
            scheduled = after.payment_at(after.period)
        return replace(after, due_at=scheduled)

    def wanted_late(self, now: datetime) -> Subscription:
        """Schedules the late payment that the merchant decided to charge, however late it is
        (R-2)."""
        assert self.waiting_since is not None, "only what waits is decided"
        asked = PayNow(now, None)
        return replace(self, due_at=now, waiting_since=None, pay_now=asked)

    def skipped(self, now: datetime) -> Subscription:
        """Skips, for good, the late payment that the merchant decided not to charge (R-2)."""
        assert self.waiting_since is not None, "only what waits is decided"
        # A freeze begins with its period, even if that period is skipped.
        found = self if self.freezes_at is None else self.renewing()
        after = replace(found, period=self.period + 1, waiting_since=None)
        after = after._with(found.money.unpaid())
        assert after.period_at is not None, "what recurs has something to come"
        return replace(after, due_at=max(after.period_at, now))

    def asked_to_pay(self, now: datetime) -> Subscription:
        """Schedules an attempt at once, whatever the retry schedule says (R-4, B-10)."""
        assert self.state is State.PAST_DUE, "only what is past due is paid out of turn"
        return replace(self, due_at=now, pay_now=self.pay_now or PayNow(now, self.due_at))

    def resumed(self) -> Subscription:
        """Continues the retry cycle after a requested payment failed, as if nobody had asked
        (R-4)."""
        assert self.pay_now is not None and self.pay_now.resumes_at is not None
        return replace(self, due_at=self.pay_now.resumes_at, pay_now=None)

    def paid(
        self, now: datetime, charged_on: date, due_at: datetime | None, credit_minor: int = 0
    ) -> Subscription:
        """Records a payment, `credit_minor` of it by credit.

        Completed when it was the last standard one (P-4, P-6, R-7). The price of a freeze is no
        standard payment (A-5).
        """
        assert self.is_live, "what has ended stays as it is"
        after = replace(
            self,
            state=State.FROZEN if self.is_frozen else State.ACTIVE,
            open_invoice=None,
            period=self.period + 1,
            payments_made=self.payments_made + (not self.is_frozen),
            last_charged_on=charged_on,
            retry_at=None,
            pay_now=None,
            waiting_since=None,
            paused_from=None,
            paused_by=None,
            interrupted=None,
            due_at=due_at,
        )
        after = after._renewed(self, credit_minor)
        if after.payments_made == self.terms.standard_payments:
            # No charge is left that a ticket could hold (H-4).
            done = replace(after, held_for=None, held_since=None)
            return replace(done, state=State.COMPLETED, due_at=None, ends_at=now)
        return after

    def _renewed(self, before: Subscription, credit_minor: int) -> Subscription:
        """Adds the period just paid to its funds, `credit_minor` of it by credit."""
        owed = min(0, before.credit_minor) - min(0, credit_minor)
        paid = self.terms.price.amount_minor - max(0, credit_minor)
        funds = before.money.renewed(before.period, paid, credit_minor)
        if self.terms.type is not PriceType.RECURRING:
            funds = funds.unpaid()  # its plan cannot change: unused time needs no value
        return replace(self, credit_minor=owed)._with(funds)

    def _with(self, funds: Funds) -> Subscription:
        """Returns the same agreement with these funds and their credit; an owed amount stays."""
        credit = funds.credit_minor + min(0, self.credit_minor)
        after = replace(self, funds=None, credit_minor=credit)
        return after if after.money == funds else replace(after, funds=funds)

    def returning(self, period: int | None, minor: int) -> Subscription:
        """Takes a payment of a period out of its funds, before a refund or after a chargeback (B-7,
        W-4)."""
        return self._with(self.money.taken_back(period, minor))

    def returning_credit(self, minor: int) -> Subscription:
        """Takes credit out of its funds that is about to be paid back as money (A-4)."""
        return self._with(self.money.credit_returned(minor))

    def without_credit(self) -> Subscription:
        """Takes all credit out, to pay for another subscription of the same customer (A-4)."""
        return self._with(self.money.credit_spent())

    def with_credit(self, minor: int) -> Subscription:
        """Adds credit that another subscription left (A-4)."""
        return self._with(self.money.credit_added(minor))

    def taken(self, after: Subscription, returned_minor: int) -> Taken:
        """Returns what a refund took out of its funds; `after` is the subscription after the
        refund."""
        had, has = self.money, after.money
        return Taken(
            returned_minor,
            had.credit_minor - has.credit_minor,
            had.in_use_minor - has.in_use_minor,
            self.period,
            had.since,
        )

    def not_returned(self, period: int | None, took: Taken) -> Subscription:
        """Puts back what a failed refund had taken (B-7)."""
        runs = self.is_live and (self.period, self.money.since) == (took.period, took.since)
        return self._with(self.money.restored(period, took, runs=runs))

    def declined(self, retry_at: datetime | None, due_at: datetime) -> Subscription:
        """Marks it past due until a retry, or giving up, at `due_at`; the anchor never moves
        (R-4)."""
        assert self.is_live, "what has ended stays as it is"
        return replace(self, state=State.PAST_DUE, retry_at=retry_at, due_at=due_at, pay_now=None)

    def voided(self, due_at: datetime | None) -> Subscription:
        """Drops its open invoice, which can never be paid any more; the same period gets a new
        one."""
        return replace(self, open_invoice=None, due_at=due_at, pay_now=None)

    def cancel_recorded(self, request: CancelRequest) -> Subscription:
        """Records a cancellation during a charge: the worker cancels the charge at once, then it
        ends (X-6)."""
        return replace(self, cancelling=request, due_at=request.requested_at)

    def cancel_pending(self, request: CancelRequest) -> Subscription:
        """Schedules the end of the subscription for the end of the paid period (X-2, X-4).

        That end is its one due date. Its schedule and its holds stay, for an undo: they are ignored
        until then. The ticket that asked for the cancellation is decided, and holds nothing more.
        """
        ends_at = self.period_at
        assert self.is_live and ends_at is not None, "it has a period to end"
        decided = request.ticket is not None and request.ticket == self.held_for
        return replace(
            self,
            state=State.CANCEL_PENDING,
            resumes_as=self.state,
            cancelling=request,
            open_invoice=None,
            ends_at=ends_at,
            due_at=ends_at,
            held_for=None if decided else self.held_for,
            held_since=None if decided else self.held_since,
        )

    def cancel_undone(self) -> Subscription:
        """Undoes a pending cancellation: the subscription is as it was before the request (X-5)."""
        assert self.state is State.CANCEL_PENDING and self.resumes_as is not None
        waits = self.waiting_since is not None or self.dispute == "open"
        sleeps = waits or self.resumes_as is State.PAUSED
        return replace(
            self,
            state=self.resumes_as,
            resumes_as=None,
            cancelling=None,
            ends_at=None,
            due_at=None if sleeps else self.ends_at,
        )

    def cancelled(self, at: datetime, by: Source) -> Subscription:
        """Ends it at `at`; nothing is charged after that, ever (X-6)."""
        assert self.is_live, "what has ended stays as it is"
        return replace(
            self,
            state=State.CANCELLED,
            open_invoice=None,
            due_at=None,
            retry_at=None,
            pay_now=None,
            waiting_since=None,
            resumes_as=None,
            paused_from=None,
            paused_by=None,
            interrupted=None,
            held_for=None,
            held_since=None,
            next_plan=None,
            thaws_to=None,
            ends_at=at,
            ended_by=by,
        )

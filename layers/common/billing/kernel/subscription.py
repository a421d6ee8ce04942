"""The subscription: its transitions from one state to the next (R-2, R-3, R-7, X-4).

Transitions are methods that return a new value; they never read a clock. Its fields, states and
requests are `agreement`'s, and are imported from here; its money is in `subscription_funds`.
"""

from __future__ import annotations

from datetime import date, datetime

from billing.kernel.agreement import (
    CHARGEABLE,
    LIVE,
    TERMINAL,
    Interrupted,
    PayNow,
    State,
)
from billing.kernel.cancel_requests import CancelRequest, Source, When
from billing.kernel.discounts import left_after
from billing.kernel.plans import Plan, PlanChange
from billing.kernel.quoted_funds import caught_up
from billing.kernel.subscription_funds import FundedAgreement
from billing.kernel.values import replace

__all__ = [
    "CHARGEABLE",
    "LIVE",
    "TERMINAL",
    "CancelRequest",
    "Interrupted",
    "PayNow",
    "Source",
    "State",
    "Subscription",
    "When",
]


class Subscription(FundedAgreement):
    """A billing agreement that may still charge, and what becomes of it."""

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
        (A-4), or at the announced price (X-12)."""
        plan = self.next_plan
        if plan is None:
            return self.at_its_price()
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

        The plan it was to change to next is dropped (A-4), as is a price announced for the old one
        (X-12), and a freeze ends (A-5). Money returned since the quote is deducted.
        """
        funds = change.funds
        if funds is not None and change.before is not None:
            funds = caught_up(funds, change.before, self.money, change.period)
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
            credit_minor=change.credit_minor,
            funds=None,
            next_plan=None,
            price_change=None,
            discount=self.discount if self.keeps_discount(change.plan) else None,
        )
        return after if funds is None else after._with(funds)

    def keeps_discount(self, plan: Plan) -> bool:
        """Tests whether its coupon stays with another plan: it is not limited to others, and an
        amount is in that plan's currency (C-8)."""
        same = plan.terms.price.currency is self.terms.price.currency
        found = self.discount
        return found is not None and same and found.is_for(plan.product, plan.price_point)

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
            state=self.paid_state if self.state is State.PAST_DUE else self.state,
            open_invoice=None,
            retry_at=None,
            pay_now=None,
            waiting_since=None,
        )
        scheduled = after.period_at
        assert scheduled is not None, "what may be charged has something to come"
        if self.terms.period is None:
            return replace(after, due_at=max(scheduled, now))  # its one payment has no next date
        if scheduled > now:
            return replace(after, due_at=scheduled)
        while scheduled <= now:
            after = replace(after, anchor_period=after.anchor_period - 1)
            scheduled = after.payment_at(after.period)
        return replace(after._lapsed(), due_at=scheduled)

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
        self,
        now: datetime,
        charged_on: date,
        due_at: datetime | None,
        credit_minor: int = 0,
        *,
        paid_minor: int | None = None,
        taxed_by: str | None = None,
        retaxed_by: str | None = None,
        postponed_minor: int = 0,
        coupon: str | None = None,
    ) -> Subscription:
        """Records a payment of `paid_minor` before tax, and `credit_minor` of credit beside it.

        None is the price less the credit. `taxed_by` is the invoice, if it was taxed,
        `retaxed_by` too, if its credit had been taxed otherwise (C-10),
        `postponed_minor` what it carries to the next one, `coupon` the code that lowered it, of
        which one payment is used (C-8). Completed when it was the last standard one (P-4, P-6,
        R-7). The price of a freeze is no standard payment (A-5).
        """
        assert self.is_live, "what has ended stays as it is"
        after = replace(
            self,
            state=self.paid_state,
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
            resumes_at=None,
            due_at=due_at,
            discount=self.discount if coupon is None else left_after(self.discount, coupon),
        )
        after = after._renewed(
            self, credit_minor, paid_minor, taxed_by, retaxed_by, postponed_minor
        )
        if after.payments_made == self.terms.standard_payments:
            # No charge is left that a ticket could hold (H-4).
            done = replace(after, held_for=None, held_since=None)
            return replace(done, state=State.COMPLETED, due_at=None, ends_at=now)
        return after

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
            price_change=None,
            resumes_at=None,
            ends_at=at,
            ended_by=by,
        )

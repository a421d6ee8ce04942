"""Checks after a write of a subscription."""

from __future__ import annotations

from billing.kernel.catalog import PriceType
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import TERMINAL, State, Subscription
from billing.kernel.values import replace
from billing.operations import at_rest
from sim.access_writes import AccessWrites
from sim.invariants import AGREED, CALL, SKEW, SUBSCRIPTION_GRAPH, Violation, changed

COMING = ("next_plan", "thaws_to", "price_point", "price_version", "terms", "period")
"""The next charge and its date, which neither an end nor a pause that is undone changes."""

ASKED = {EventKind.FREEZE_ASKED, EventKind.FREEZE_UNDONE, EventKind.PLAN_ASKED}
"""Requests about the plan to come; what an undo restores includes them, if they came meanwhile."""

INTERRUPTED = ("state", "anchor", "waiting_since", "retry_at", "paused_from", "paused_by")


class SubscriptionWrites(AccessWrites):
    """Checks that an agreement stays as agreed, moves on period by period, and has a due
    date.
    """

    def _subscription(self, before: Subscription | None, after: Subscription) -> None:
        was, about = (before.state if before else None), (after.id, after.customer)
        if was is not after.state and after.state not in SUBSCRIPTION_GRAPH[was]:
            raise Violation("9", f"{after.id} went from {was} to {after.state}", *about)
        if before is not None:
            self._subscription_goes_on(before, after)
            self._undone(before, after)
            self._note_overdue(before, after)
        if was is not after.state:
            self.tally[f"subscription_{after.state}"] += 1
        unpaid_for = self._frozen_periods[after.id] + len(self.skipped[after.id])
        if after.payments_made + unpaid_for != after.period:
            raise Violation("6", f"{after.id}: {after.payments_made} paid, {after.period}", *about)
        total = after.terms.standard_payments
        if total is not None and after.payments_made > total:
            raise Violation("5", f"{after.id} paid {after.payments_made} of {total}", *about)
        self._alarm_stands(after)
        self._gives_access_rightly(before, after)
        self._subscriptions[after.id] = after

    def _subscription_goes_on(self, before: Subscription, after: Subscription) -> None:
        about = (after.id, after.customer)
        if before.state in TERMINAL:
            later = ("dispute", "funds", "credit_minor")
            if replace(before, **{name: getattr(after, name) for name in later}) == after:
                return  # what has ended may still be disputed, and its credit goes somewhere
            raise Violation("9", f"{after.id} is {before.state} and was written again", *about)
        if changed(before, after, AGREED):
            raise Violation("7", f"the agreement of {after.id} changed", *about)
        another = before.terms.period is not after.terms.period
        moved = before.anchor != after.anchor
        if moved and not another and not self._resumed_late(before, after):
            raise Violation("7", f"the dates of {after.id} moved to {after.anchor}", *about)
        if after.period - before.period not in {0, 1}:
            raise Violation("6", f"{after.id} skipped to {after.period}", *about)
        if after.period > before.period and self._is_skipped(before, after):
            self.skipped[after.id].add(before.period)
            self.tally["payments_skipped"] += 1
        if after.seq - before.seq not in {0, 1}:
            raise Violation("6", f"seq of {after.id} jumped to {after.seq}", *about)

    def _undone(self, before: Subscription, after: Subscription) -> None:
        """Checks that an undo restores everything: the plan to come, the freeze, the pause, what
        waits (X-5, X-11).

        A pause that outlasts the paid period leaves only what X-11 says.
        """
        if after.state is before.state:
            return
        if after.state is State.CANCEL_PENDING or (
            after.state is State.PAUSED and before.state is not State.CANCEL_PENDING
        ):
            self._interrupted[after.id, after.state] = _paid_meanwhile(before, after)
            return
        was = self._interrupted.get((after.id, before.state))
        if was is None or before.state not in {State.CANCEL_PENDING, State.PAUSED}:
            return
        late = before.state is State.PAUSED and before.anchor != after.anchor
        lost = (
            []
            if not after.is_live
            else [
                name
                for name in (COMING if late else (*COMING, *INTERRUPTED))
                if getattr(was, name) != getattr(after, name)
            ]
        )
        held = after.held_for not in {None, was.held_for, before.held_for}
        if lost or held:
            text = f"undoing {before.state} of {after.id} lost {lost or after.held_for}"
            raise Violation("7", text, after.id, after.customer)
        self.tally["undone"] += after.is_live

    def _asked_meanwhile(self, after: Subscription, kinds: set[EventKind]) -> None:
        """Keeps a plan asked for, or no longer wanted, during a pause or while an end pends."""
        was = self._interrupted.get((after.id, after.state))
        if was is not None and kinds & ASKED:
            coming = {name: getattr(after, name) for name in ("next_plan", "thaws_to")}
            self._interrupted[after.id, after.state] = replace(was, **coming)

    def _note_overdue(self, before: Subscription, after: Subscription) -> None:
        waits = before.waiting_since is None and after.waiting_since is not None
        if waits or before.state is not State.PAST_DUE is after.state:
            self.overdue(after)
        self.tally["asked_to_pay"] += before.pay_now is None and after.pay_now is not None

    def _is_skipped(self, before: Subscription, after: Subscription) -> bool:
        """Returns whether a waiting payment is skipped, as its merchant said.

        An installment never is (R-2).
        """
        waited = before.waiting_since is not None and before.terms.type is PriceType.RECURRING
        return waited and after.payments_made == before.payments_made and after.id in self.skips

    def _resumed_late(self, before: Subscription, after: Subscription) -> bool:
        """Returns whether a pause that outlasted the paid period moves the dates to now (X-11).

        Nothing else moves the dates.
        """
        paid_until, due = before.period_at, after.period_at
        assert paid_until is not None and due is not None, "what goes on has something to come"
        ended = before.state is State.PAUSED and after.state in {State.TRIALING, State.ACTIVE}
        now = self._now()
        return ended and paid_until <= now + SKEW and abs(due - now) <= CALL + SKEW

    def _alarm_stands(self, after: Subscription) -> None:
        about = (after.id, after.customer)
        if not after.is_live and (after.due_at or after.open_invoice):
            raise Violation("15", f"{after.id} has ended and has an alarm", *about)
        if after.is_live and after.due_at is None and not at_rest.rests(after):
            raise Violation("15", f"{after.id} is {after.state} and has no alarm", *about)
        if after.state is State.PAUSED and after.due_at is not None:
            raise Violation("15", f"{after.id} is paused and has an alarm", *about)
        if after.state is State.PAUSED and after.open_invoice is not None:
            raise Violation("15", f"{after.id} is paused and may be charged", *about)
        closes = after.freezes_at  # with its period, however late its worker is
        frozen = after.is_frozen or (closes is not None and closes <= self._now())
        if frozen and after.gives_access(self._now()):
            raise Violation("12", f"{after.id} is frozen and gives access", *about)
        closed = after.state is State.PAUSED or after.is_unpaid or frozen
        access = closed or after.gives_access(self._now())
        if after.is_live and after.ends_at is None and not access:
            raise Violation("12", f"{after.id} is {after.state} and gives no access", *about)


def _paid_meanwhile(before: Subscription, after: Subscription) -> Subscription:
    """Returns the subscription that an undo must restore (X-6).

    If the write that began the wait also booked a charge that was under way, that is one period
    further, and not past due any more; if it booked a change of plan, the new one is restored.
    """
    if before.open_invoice is not None and before.price_point != after.price_point:
        return replace(after, state=after.resumes_as or after.paused_from or before.state)
    if after.period == before.period:
        return before
    state = after.resumes_as or after.paused_from or before.state
    return replace(
        before,
        period=after.period,
        state=state,
        retry_at=None,
        waiting_since=None,
    )

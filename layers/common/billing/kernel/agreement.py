"""A subscription as it is stored: its fields, and what follows from them (R-3, R-7, X-4)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from billing.kernel.cancel_requests import CancelRequest, Source
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.discounts import Discount
from billing.kernel.due import DueKind
from billing.kernel.fund_shares import UNKNOWN, Share, whole
from billing.kernel.funds import Funds
from billing.kernel.hand_off import HandOff
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.plans import Plan
from billing.kernel.price_changes import PriceChange
from billing.kernel.schedule import standard_at
from billing.kernel.values import Value, replace
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

DECLARED = "dec_"
"""The beginning of the ids of declarations, which tells them from tickets."""


class PayNow(Value):
    """A request to pay what is past due at once, outside the retry count (R-4).

    `resumes_at` is the due date with which the retry cycle continues if that fails.
    """

    asked_at: datetime
    resumes_at: datetime | None


class Interrupted(Value):
    """The values that a pause removed from a subscription at `at`; a timely resume restores them
    (X-11)."""

    at: datetime
    payment_method: str
    due_at: datetime | None = None
    retry_at: datetime | None = None
    pay_now: PayNow | None = None
    waiting_since: datetime | None = None


class Agreement(Entity):
    """The fields of a subscription, and the questions that they answer.

    It has two dates: `period_at` is what people see and rules use, computed from the anchor;
    `due_at` is only the worker's due date (first charge, lease, retry, catch-up), None when nothing
    is to be done. `period` is the index k of the next standard payment, `payments_made` counts
    those paid, `seq` counts every invoice that was opened. `retry_at` is set while past due.

    `cancelling` is a cancellation that waits for the end of the period (state cancel_pending;
    undoing it returns to `resumes_as`), or for a charge under way (X-6). `pay_now` is set from a
    request to pay what is past due until that attempt is settled. `paused_from` is the state before
    a pause, `paused_by` who paused it, `interrupted` what else the pause removed (None: before that
    was kept). `anchor_period` is the payment that the anchor counts from; a late resume (X-11) or
    another length of period moves it on. `held_for` is the ticket or declaration that holds its
    charges, since `held_since` (H-4).

    `next_plan` takes effect with the next period, unless its end is pending. `credit_minor` is
    taken off the next invoices; a negative amount is owed with the next one (A-4, P-18). `funds` is
    what was paid and is not used up, None in the plain case: the running period at its price
    (`money`). `thaws_to` is the plan to return to after a freeze: with a `next_plan` the freeze
    begins with the next period, without one it is in force (A-5). `discount` is what is left of
    its coupon (C-8). `hand_off` is what the merchant's program said of the purchase. `test` marks
    sandbox purchases (W-3). `price_change` is an announced price (X-12), `resumes_at` the end of a
    pause, None if it has none (X-11), `freeze_untold` that the mail about a freeze to come was left
    out while its end was pending.
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
    discount: Discount | None = None
    hand_off: HandOff | None = None
    price_change: PriceChange | None = None
    resumes_at: datetime | None = None
    freeze_untold: bool = False

    @property
    def next_discount(self) -> Discount | None:
        """The discount on the next payment of the plan in force; none on a freeze's price (C-8)."""
        return None if self.is_frozen else self.discount

    @property
    def due_kind(self) -> DueKind:
        return DueKind.CANCEL if self.state is State.CANCEL_PENDING else DueKind.BILL

    @property
    def is_live(self) -> bool:
        return self.state not in TERMINAL

    @property
    def held(self) -> bool:
        """True if its charges wait until a ticket or a declaration is decided (H-4, X-10)."""
        return self.held_for is not None

    @property
    def held_by_declaration(self) -> bool:
        """True if its charges wait for a declaration, which may be a stranger's (X-10), not for a
        ticket."""
        return self.held_for is not None and self.held_for.startswith(DECLARED)

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

    def pause_is_over(self, now: datetime) -> bool:
        """True if it is paused until an instant that has come (X-11)."""
        ends_at = self.resumes_at
        return self.state is State.PAUSED and ends_at is not None and ends_at <= now

    @property
    def is_frozen(self) -> bool:
        """True if the plan in force is a freeze, whose price is all that is charged (A-5, R-3)."""
        return self.thaws_to is not None and self.next_plan is None

    @property
    def paid_state(self) -> State:
        """The state in which it runs with nothing past due: frozen under a freeze, else active."""
        return State.FROZEN if self.is_frozen else State.ACTIVE

    @property
    def plan_to_come(self) -> Plan | None:
        """The plan that takes effect with the next period; None while its end is pending (X-4)."""
        return None if self.state is State.CANCEL_PENDING else self.next_plan

    @property
    def freezes_at(self) -> datetime | None:
        """The start of a freeze that was asked for: the next period (A-5)."""
        scheduled = self.thaws_to is not None and self.plan_to_come is not None
        return self.period_at if scheduled else None

    @property
    def place(self) -> int:
        """The place of the next standard payment in the schedule, counted from the anchor.

        It is not the payment's own number where dates lapsed, or were paid at an import's source.
        """
        return self.period - self.anchor_period

    def payment_at(self, k: int) -> datetime:
        """Returns the scheduled instant of standard payment `k`, from the anchor in force."""
        return standard_at(self.terms, self.anchor, k - self.anchor_period)

    def served_until(self, k: int) -> datetime | None:
        """Returns the end of the time that standard payment `k` pays for; None for installments,
        which pay for no time of their own."""
        return self.payment_at(k + 1) if self.terms.type is PriceType.RECURRING else None

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

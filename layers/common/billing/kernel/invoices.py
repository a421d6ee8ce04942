"""Invoices, the unit of exactly-once (R-1, B-5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from billing.kernel.customers import ERASED, BillTo
from billing.kernel.gateways import ChargeOrder
from billing.kernel.money import Money
from billing.kernel.orders import _SERIES, NUMBER_DIGITS, Order, OrderKind
from billing.kernel.plans import PlanChange
from billing.kernel.schedule import ChargeKind


class InvoiceState(StrEnum):
    """The charge protocol's states (ARCHITECTURE.md, 3); the last three are final."""

    PENDING = "pending"
    READY = "ready"
    CONFIRMING = "confirming"
    RETRY = "retry"
    ACTION_REQUIRED = "action_required"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


FINAL = frozenset({InvoiceState.PAID, InvoiceState.VOID, InvoiceState.UNCOLLECTIBLE})


UNDER_WAY = frozenset({InvoiceState.CONFIRMING, InvoiceState.ACTION_REQUIRED})


BETWEEN_ATTEMPTS = frozenset({InvoiceState.READY, InvoiceState.RETRY, InvoiceState.ACTION_REQUIRED})
"""From where an attempt begins; one that its buyer did not answer is followed by the next."""


class LineKind(StrEnum):
    """What a line is for, where it is not a tax: what is sold, and what a change of plan makes of
    it (A-4)."""

    CHARGE = "charge"
    FREEZE = "freeze"
    REST = "rest"
    UNUSED = "unused"
    CREDIT = "credit"
    OWED = "owed"
    KEPT = "kept"
    POSTPONED = "postponed"
    LATER = "later"


NOT_TAX = frozenset(kind.value for kind in LineKind)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice: what it is for (a `LineKind` or the tax's name) and how much."""

    kind: str
    text: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Invoice:
    """What is owed once: `<owner>.<seq>`; amount, lines, gateway account and Order ID are final.

    `period` is the standard payment it pays, None for an initial payment and a change of plan;
    `plan_change` is then what its payment brings about. `credit_minor` is how much of the
    subscription's credit it uses up, negative what was owed. `gateway_ref` is the one payment that
    can ever pay it, or, where payments lapse, the one that can by now. `failed_order_id` is the
    Order ID that a failure of the attempt under way will have. `retryable` is false after a hard
    decline, `uncounted` are the attempts that somebody asked for (R-4), or that lapsed. `number` is
    given after payment, without gaps (M-7). `refund_reserved_minor` is what refunds, `refunds` of
    them, have spoken for, `refunded_minor` what went back. `dispute` is how its chargebacks stand,
    `disputed_minor` what banks took back with those that are open or lost (W-4).
    """

    id: str
    merchant: str
    customer: str
    purchase: str
    subscription: str | None
    seq: int
    kind: ChargeKind
    period: int | None
    total: Money
    lines: tuple[InvoiceLine, ...]
    gateway: str
    gateway_account: str
    payment_method: str
    order_id: str
    order_kind: OrderKind
    product: str
    product_name: str
    price_point: str
    bill_to: BillTo
    download_key: str
    opened_at: datetime
    scheduled_at: datetime
    state: InvoiceState = InvoiceState.PENDING
    attempt: int = 0
    uncounted: int = 0
    attempted_at: datetime | None = None
    gateway_ref: str | None = None
    failed_order_id: str | None = None
    decline_code: str | None = None
    retryable: bool = True
    charge: str | None = None
    settled_at: datetime | None = None
    number: str | None = None
    refund_reserved_minor: int = 0
    refunded_minor: int = 0
    refunds: int = 0
    dispute: str | None = None
    disputed_minor: int = 0
    plan_change: PlanChange | None = None
    credit_minor: int = 0
    language: str = "en"
    test: bool = False

    @property
    def charge_order(self) -> ChargeOrder:
        return ChargeOrder(
            invoice=self.id,
            amount=self.total,
            account=self.gateway_account,
            description=self.product_name,
            payment_method=self.payment_method,
            replaces=self.gateway_ref,
        )

    @property
    def changes_plan(self) -> bool:
        """Whether it is that of a change of plan, and pays for no period (A-4)."""
        return self.plan_change is not None

    @property
    def paid_in(self) -> int | None:
        """The index of the period whose time it pays for; None for an initial payment (A-4)."""
        return self.period if self.plan_change is None else self.plan_change.period

    @property
    def confirm_key(self) -> str:
        """The idempotency key of the attempt under way: one per invoice and attempt, never
        reused."""
        return f"{self.id}:{self.attempt}"

    def ready(self, gateway_ref: str) -> Invoice:
        assert self.state is InvoiceState.PENDING
        return replace(self, state=InvoiceState.READY, gateway_ref=gateway_ref)

    def renewed(self, gateway_ref: str) -> Invoice:
        """Where payments lapse: the next attempt's payment in place of one that is over."""
        assert self.state in BETWEEN_ATTEMPTS, "no attempt confirms another payment than it began"
        return replace(self, gateway_ref=gateway_ref)

    def lapsed(self) -> Invoice:
        """The attempt under way is over and was none: the next one has a payment of its own."""
        assert self.state in UNDER_WAY, "what nobody confirmed does not lapse"
        return replace(self, state=InvoiceState.READY, uncounted=self.uncounted + 1)

    def confirming(self, now: datetime, method: str, failed_order_id: str) -> Invoice:
        """Past the point of no return: one more attempt, its method and Order ID of failure
        fixed."""
        assert self.state in BETWEEN_ATTEMPTS, "one attempt at a time"
        return replace(
            self,
            state=InvoiceState.CONFIRMING,
            attempt=self.attempt + 1,
            attempted_at=now,
            payment_method=method,
            failed_order_id=failed_order_id,
        )

    def paid(self, now: datetime, charge: str | None) -> Invoice:
        assert self.state not in FINAL, "a final invoice stays as it is"
        return replace(self, state=InvoiceState.PAID, charge=charge, settled_at=now)

    def declined(self, code: str, *, retryable: bool, final: bool) -> Invoice:
        """After a decline: to be tried again, or given up."""
        state = InvoiceState.UNCOLLECTIBLE if final else InvoiceState.RETRY
        return replace(self.in_state(state), decline_code=code, retryable=retryable)

    def in_state(self, state: InvoiceState) -> Invoice:
        assert self.state not in FINAL, "a final invoice stays as it is"
        return replace(self, state=state)

    def order(self, now: datetime) -> Order:
        """The entry that its payment makes in the transaction list."""
        return self._order(self.order_id, self.order_kind, now)

    def failed_order(self, now: datetime, code: str) -> Order:
        """The entry that a decline of the attempt under way makes (C-4, R-4)."""
        assert self.failed_order_id is not None
        return replace(self._order(self.failed_order_id, OrderKind.FAILED, now), code=code)

    def _order(self, order_id: str, kind: OrderKind, now: datetime) -> Order:
        return Order(
            id=order_id,
            merchant=self.merchant,
            customer=self.customer,
            kind=kind,
            at=now,
            amount=self.total,
            product=self.product,
            product_name=self.product_name,
            price_point=self.price_point,
            subscription=self.subscription,
            invoice=self.id,
            email=None if self.bill_to.email == ERASED else self.bill_to.email,
            test=self.test,
        )


@dataclass(frozen=True, slots=True)
class InvoiceCounter:
    """The last number given in one of a merchant's gap-free series: invoices or credit notes, live
    or test (M-7, W-3)."""

    merchant: str
    test: bool
    last: int = 0
    credit_notes: bool = False

    @property
    def next(self) -> InvoiceCounter:
        return replace(self, last=self.last + 1)

    @property
    def number(self) -> str:
        return f"{_SERIES[self.test, self.credit_notes]}-{self.last:0{NUMBER_DIGITS}d}"

"""Invoices: each is charged exactly once (R-1, B-5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.customers import ERASED, BillTo
from billing.kernel.gateways import ChargeOrder
from billing.kernel.hand_off import HandOff
from billing.kernel.invoice_lines import (
    NOT_TAX,
    InvoiceLine,
    LineKind,
    LineTax,
    are_retaxed,
    coupon_of,
    postponed_minor,
)
from billing.kernel.money import Money
from billing.kernel.orders import _SERIES, NUMBER_DIGITS, Order, OrderKind, list_of
from billing.kernel.plans import PlanChange
from billing.kernel.schedule import ChargeKind
from billing.kernel.values import replace
from billing.kernel.writes import Entity

__all__ = [
    "BETWEEN_ATTEMPTS",
    "FINAL",
    "NOT_TAX",
    "UNDER_WAY",
    "Invoice",
    "InvoiceCounter",
    "InvoiceLine",
    "InvoiceState",
    "LineKind",
    "LineTax",
]


class InvoiceState(StrEnum):
    """The states of an invoice in the charge steps (ARCHITECTURE.md, 3); the last three are
    final."""

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
"""States in which an attempt can begin; one that its buyer did not authenticate is followed by the
next."""


class Invoice(Entity):
    """An amount owed once; its id is `<owner>.<seq>`.

    Amount, lines, gateway account and Order ID are final. `period` is the standard payment it pays,
    None for an initial payment and a plan change; `plan_change` is then the change that its payment
    makes. `credit_minor` is how much of the subscription's credit it uses up; it is negative for an
    amount that was owed. `gateway_ref` is the one payment that can ever pay it, or, where payments
    lapse, the current one. `failed_order_id` is the Order ID that a failure of the attempt under
    way will have. `retryable` is false after a hard decline; `uncounted` counts the attempts
    outside the retry schedule: those that somebody asked for (R-4), or that lapsed. `number` is
    given after payment, without gaps (M-7). `refunds` counts the refunds, `refund_reserved_minor`
    is the amount reserved for them, `refund_taxes_minor` how much of that is of each line of tax,
    `refunded_minor` the amount returned. `dispute` is the status
    of its chargebacks, `disputed_minor` the amount banks took back with those that are open or lost
    (W-4), `disputed_taxes_minor` how much of that is of each line of tax. `days` is how many days
    it pays for, from `scheduled_at` on; None where it pays for no time, or was opened before that
    was kept; a longer name would cost a write unit. `hand_off` is what the merchant's program said
    of the purchase.
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
    refund_taxes_minor: tuple[int, ...] = ()
    disputed_taxes_minor: tuple[int, ...] = ()
    days: int | None = None
    hand_off: HandOff | None = None

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
    def net(self) -> Money:
        """The total before tax."""
        taxes = (line.amount.amount_minor for line in self.lines if line.is_tax)
        return replace(self.total, amount_minor=self.total.amount_minor - sum(taxes))

    @property
    def tax_lines(self) -> tuple[InvoiceLine, ...]:
        return tuple(line for line in self.lines if line.is_tax)

    @property
    def taxes_left(self) -> tuple[int, ...]:
        """The rest of each line of tax, in minor units: neither gone back nor about to."""
        none = (0,) * len(self.tax_lines)
        refunded, disputed = self.refund_taxes_minor or none, self.disputed_taxes_minor or none
        return tuple(
            line.amount.amount_minor - back - taken
            for line, back, taken in zip(self.tax_lines, refunded, disputed, strict=True)
        )

    @property
    def left_minor(self) -> int:
        """The rest of its total in minor units: neither gone back nor about to, refunded or charged
        back; negative while a refund waits to fail, its money taken by a bank."""
        return self.total.amount_minor - self.refund_reserved_minor - self.disputed_minor

    def reserving(self, amount_minor: int, taxes: tuple[int, ...]) -> Invoice:
        """Reserves money of its payment to go back, so much of it of each line of tax; or releases
        it, with negative amounts."""
        gone = self.refund_taxes_minor or (0,) * len(taxes)
        after = tuple(was + more for was, more in zip(gone, taxes, strict=True))
        return replace(
            self,
            refund_reserved_minor=self.refund_reserved_minor + amount_minor,
            refund_taxes_minor=after if any(after) else (),
        )

    @property
    def has_its_tax_refunded(self) -> bool:
        """True if no tax is left of it, or is about to be, while there is something left."""
        return self.left_minor > 0 and bool(self.refund_taxes_minor) and not any(self.taxes_left)

    @property
    def taxed_by(self) -> str | None:
        """Its id if it has lines of tax, which a credit of its payment takes off again; else
        None."""
        return self.id if any(line.is_tax for line in self.lines) else None

    @property
    def retaxed_by(self) -> str | None:
        """Its id if money that it took off had been taxed otherwise than it is itself; else None
        (C-10)."""
        return self.id if are_retaxed(self.lines) else None

    @property
    def paid_for_period_minor(self) -> int:
        """The net amount that its payment adds to the funds of its period, without what was owed
        from before, and with what is owed with the next one (A-4)."""
        owed = max(0, -self.credit_minor)
        return max(0, self.net.amount_minor - owed + postponed_minor(self.lines))

    @property
    def coupon(self) -> str | None:
        """The code of the coupon that took something off, or None (C-8)."""
        return coupon_of(self.lines)

    @property
    def postponed_minor(self) -> int:
        """The net amount that was too little to charge, and is owed with the next invoice."""
        return postponed_minor(self.lines)

    @property
    def changes_plan(self) -> bool:
        """True if it is the invoice of a plan change, which pays for no period (A-4)."""
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
        """Sets the next attempt's payment, where payments lapse."""
        assert self.state in BETWEEN_ATTEMPTS, "no attempt confirms another payment than it began"
        return replace(self, gateway_ref=gateway_ref)

    def lapsed(self) -> Invoice:
        """Ends an attempt whose payment lapsed; it does not count, and the next one has its own
        payment."""
        assert self.state in UNDER_WAY, "what nobody confirmed does not lapse"
        return replace(self, state=InvoiceState.READY, uncounted=self.uncounted + 1)

    def confirming(self, now: datetime, method: str, failed_order_id: str) -> Invoice:
        """Starts one more attempt, with its payment method and the Order ID of a failure fixed.

        From here on the charge may happen: this is the point of no return.
        """
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
        """Records a decline: to be retried, or given up if `final`."""
        state = InvoiceState.UNCOLLECTIBLE if final else InvoiceState.RETRY
        return replace(self.in_state(state), decline_code=code, retryable=retryable)

    def in_state(self, state: InvoiceState) -> Invoice:
        assert self.state not in FINAL, "a final invoice stays as it is"
        return replace(self, state=state)

    def order(self, now: datetime, *, lists: int = 1) -> Order:
        """Returns the transaction list entry of its payment, in one of its merchant's lists."""
        order = self._order(self.order_id, self.order_kind, now)
        return order if lists == 1 else replace(order, in_list=list_of(order.id, lists))

    def failed_order(self, now: datetime, code: str) -> Order:
        """Returns the transaction list entry of a decline of the attempt under way (C-4, R-4)."""
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
            hand_off=self.hand_off,
        )


class InvoiceCounter(Entity):
    """The last number used in one of a merchant's gap-free series (M-7, W-3).

    There is one for invoices and one for credit notes, each live and test.
    """

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

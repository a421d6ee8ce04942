"""The records that a chargeback is about, what it holds of its invoice, and the access it closes.

Amounts and access are W-4, taxes C-10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.kernel.customers import Entitlement
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Write
from billing.refunds import value
from billing.refunds.chargebacks import Chargeback, standing_of
from billing.refunds.refunds import Refund, RefundState

MONEY = (
    "state",
    "dispute",
    "disputed_minor",
    "refund_reserved_minor",
    "refund_taxes_minor",
    "refunded_minor",
)
"""Invoice fields that a chargeback depends on: it and a refund never take the same money, and
whichever takes the last of it closes what was bought once."""


class Disputed(Value):
    """The records that a chargeback is about, as they were read.

    They are the paid invoice with its refunds, the entry of its payment, its subscription with the
    invoice that is open by now, its access, and the other chargebacks of the same purchase. `entry`
    is the chargeback's own, where that may change.
    """

    invoice: Invoice
    refunds: tuple[Refund, ...]
    paid: Order
    subscription: Subscription | None
    open_invoice: Invoice | None
    entitlements: tuple[Entitlement, ...]
    others: tuple[Chargeback, ...]
    entry: Order | None = None


def invoice_with(about: Disputed, chargebacks: Sequence[Chargeback]) -> Change:
    """Returns the write of a paid invoice with what these chargebacks hold of it."""
    return Change(about.invoice, disputed_by(about.invoice, chargebacks), expecting=MONEY)


def disputed_by(invoice: Invoice, chargebacks: Iterable[Chargeback]) -> Invoice:
    """Returns a paid invoice with what these chargebacks hold of it."""
    mine = [c for c in chargebacks if c.invoice == invoice.id]
    taken = [c for c in mine if c.standing is not DisputeStanding.WON]
    taxes = tuple(map(sum, zip(*(c.taxes for c in taken if c.taxes), strict=True)))
    return replace(
        invoice,
        dispute=standing_of(mine),
        disputed_minor=sum(c.amount.amount_minor for c in taken),
        disputed_taxes_minor=taxes if any(taxes) else (),
    )


def amount_of(about: Disputed, before: Chargeback, told: Dispute) -> Money:
    """Returns how much a chargeback takes by what its gateway says now.

    Until it is decided no more than it had; a decision takes more only as far as there is more.
    """
    if told.standing is DisputeStanding.WON or told.amount.currency is not before.amount.currency:
        return before.amount
    most = before.amount.amount_minor
    if told.standing is DisputeStanding.LOST or before.standing is DisputeStanding.WON:
        others = disputed_by(about.invoice, about.others).disputed_minor
        most = max(most, about.invoice.total.amount_minor - about.invoice.refunded_minor - others)
    return replace(told.amount, amount_minor=min(told.amount.amount_minor, most))


def taxes_in(about: Disputed, amount: Money) -> tuple[int, ...]:
    """Returns how much of each line of tax a chargeback takes, of what others left.

    Refunds under way that it leaves no room for can only fail: what they hold is left as well.
    """
    left = disputed_by(about.invoice, about.others)
    if amount.amount_minor > left.left_minor:
        for refund in about.refunds:
            if refund.state is RefundState.REQUESTED:
                back = tuple(-tax for tax in refund.taxes)
                left = left.reserving(-refund.amount.amount_minor, back)
    return value.taxes_in(left, amount)


def access_closed(entitlements: Iterable[Entitlement], now: datetime) -> tuple[Write, ...]:
    """Closes access, but for what is closed already."""
    return tuple(
        Change(entitlement, replace(entitlement, revoked_at=now))
        for entitlement in entitlements
        if entitlement.revoked_at is None
    )


def access_given_back(about: Disputed, before: Chargeback) -> tuple[Write, ...]:
    """Opens the access that a chargeback closed, but for what another one closed too."""
    closed_too = (other.revoked_at for other in about.others)
    closed_at = next((at for at in closed_too if at is not None), None)
    return tuple(
        Change(entitlement, replace(entitlement, revoked_at=closed_at))
        for entitlement in about.entitlements
        if before.revoked_at is not None and entitlement.revoked_at == before.revoked_at
    )

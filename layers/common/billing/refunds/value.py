"""The refundable value of a payment: how much of it may go back, and until when (B-7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.errors import Invalid, Refused
from billing.kernel.funds import Funds
from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.money import Money, half_up
from billing.kernel.periods import Anchor
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import returned
from billing.kernel.values import replace


def window_ends_at(paid_at: datetime, days: int, zone: str) -> datetime:
    """Returns the end of the customer's refund window (B-7).

    A window of `days` closes with the merchant's local day N after the payment.
    """
    midnight = Anchor.at(paid_at, zone).wall.replace(hour=0, minute=0, second=0, microsecond=0)
    return Anchor(midnight + timedelta(days=days + 1), zone).instant


def refundable(invoice: Invoice) -> Money:
    """Returns the refundable rest of a paid invoice.

    That is what has not gone back and is not about to, refunded or charged back.
    """
    if invoice.state is not InvoiceState.PAID or invoice.gateway_ref is None:
        return replace(invoice.total, amount_minor=0)
    return replace(invoice.total, amount_minor=max(0, invoice.left_minor))


def automatic(invoice: Invoice, subscription: Subscription | None, opened: Invoice | None) -> Money:
    """Returns how much of a payment customers may take back by themselves (B-7).

    That is at most what was paid for its period, less the credit of it that has paid for other
    periods, or is about to: `opened` is the subscription's open invoice.
    """
    left = refundable(invoice)
    share = None if subscription is None else subscription.money.share(invoice.paid_in)
    if subscription is None or share is None:
        return left
    used = _once_paid(subscription, opened).share(invoice.paid_in) or share
    # What a change of plan itself brings is not paid yet.
    returnable = min(share.returnable_minor, used.returnable_minor)
    net = before_tax(invoice, left)
    if returnable >= net:
        return left
    return replace(left, amount_minor=half_up(returnable * left.amount_minor, net))


def _once_paid(subscription: Subscription, opened: Invoice | None) -> Funds:
    """Returns the funds of a subscription once its open invoice is paid, less that payment where
    it is for a period."""
    change = None if opened is None else opened.plan_change
    if change is not None and change.funds is not None:
        return subscription.changed_to(change).money
    if opened is not None and opened.credit_minor > 0:
        return subscription.money.renewed(subscription.period, 0, opened.credit_minor)
    return subscription.money


def taxes_in(invoice: Invoice, amount: Money) -> tuple[int, ...]:
    """Returns how much of each line of tax goes back with an amount, in minor units (C-10).

    Of what is left of the payment: the share of the amount, and no more than there is.
    """
    minor = min(amount.amount_minor, invoice.left_minor)
    if minor <= 0 or not any(invoice.taxes_left):
        return (0,) * len(invoice.tax_lines)
    return returned(invoice.taxes_left, minor, invoice.left_minor)


def before_tax(invoice: Invoice, amount: Money) -> int:
    """Returns the net part of what goes back now, without its taxes, in minor units."""
    return amount.amount_minor - sum(taxes_in(invoice, amount))


def with_tax(invoice: Invoice, net_minor: int) -> Money:
    """Returns what goes back of a payment for a net amount of it, with its taxes.

    It is near the proportion of what is left, and of which `net_minor` is net, or as much of that
    as there is: a cent more would be credit that nobody has, and a cent less would have to go back
    through another payment.
    """
    left = invoice.left_minor
    net_left = left - sum(invoice.taxes_left)
    if net_left <= 0:
        return replace(invoice.total, amount_minor=max(0, min(net_minor, left)))
    if net_minor >= net_left:
        return replace(invoice.total, amount_minor=left)
    about = half_up(net_minor * left, net_left)
    around = len(invoice.tax_lines) + 1  # each line of tax is rounded by itself
    nearest = sorted(
        range(about - around, about + around + 1), key=lambda minor: abs(minor - about)
    )
    amounts = [replace(invoice.total, amount_minor=min(left, max(0, each))) for each in nearest]
    fitting = [money for money in amounts if before_tax(invoice, money) <= net_minor]
    nothing = replace(invoice.total, amount_minor=0)
    return max(fitting, key=lambda money: before_tax(invoice, money), default=nothing)


def amount_of(invoice: Invoice, amount_minor: int | None, at_most: Money | None = None) -> Money:
    """Returns the amount asked for, or all that is left; `Refused` or `Invalid` beyond that.

    `at_most` is less than what is left where some of it was used as credit (`automatic`).
    """
    if invoice.dispute == DisputeStanding.OPEN:
        raise Refused("disputed")
    left = refundable(invoice)
    if not left and invoice.disputed_minor:
        raise Refused("charged_back", code="disputed")
    if not left:
        raise Refused("already_refunded")
    if at_most is not None and not at_most:
        raise Refused("credit_used")
    left = left if at_most is None else at_most
    if amount_minor is None:
        return left
    if not 1 <= amount_minor <= left.amount_minor:
        raise Invalid(
            "amount_out_of_range", field="amount", least=replace(left, amount_minor=1), most=left
        )
    return replace(left, amount_minor=amount_minor)


def tax_left(invoice: Invoice) -> Money:
    """Returns the tax that is left of a payment, to go back alone on proof (C-7).

    Raises `Refused`: not_taxed, tax_refunded, disputed, already_refunded.
    """
    left = amount_of(invoice, None)
    if not invoice.tax_lines:
        raise Refused("not_taxed")
    tax = sum(invoice.taxes_left)
    if tax <= 0:
        raise Refused("tax_refunded" if invoice.refund_taxes_minor else "not_taxed")
    if tax > left.amount_minor:  # a bank has taken back a part of it
        raise Refused("charged_back", code="disputed")
    return replace(left, amount_minor=tax)


def is_open(invoice: Invoice) -> bool:
    """Tells whether a refund of the payment is under way."""
    return invoice.refund_reserved_minor > invoice.refunded_minor


def refuse_open(invoice: Invoice) -> None:
    """Raises `Refused` (refund_open) while a refund of the payment is under way.

    Without a name a second request cannot be distinguished from the first one sent again.
    """
    if is_open(invoice):
        raise Refused("refund_open")

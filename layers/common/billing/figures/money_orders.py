"""The amounts that an entry of the transaction list adds to sales, refunds and chargebacks (M-10).

Money is before tax; what a refund gives back of its taxes is apart.
"""

from __future__ import annotations

from billing.figures.sums import FigureSums
from billing.kernel.invoices import Invoice
from billing.kernel.money import half_up
from billing.kernel.orders import Order, OrderKind
from billing.kernel.values import replace

COUNTED = frozenset(OrderKind) - {OrderKind.CANCELLATION}
"""The kinds that a sum has."""

NO_COUNTRY = "-"
"""The country of an entry without an invoice."""


def of_order(
    order: Order,
    invoice: Invoice | None,
    taxes: int | None,
    *,
    span: str,
    shard: int,
    renewals_apart: bool = True,
) -> list[tuple[FigureSums, dict[str, int]]]:
    """Returns the rows that an entry belongs to, with nothing in them, and what it adds.

    `taxes` is what a refund gave back of the taxes; the entry of a chargeback says its own.
    Where neither is known they are shared as the invoice's are. `renewals_apart` also adds renewals
    to the sums that have them alone.
    """
    amounts = _amounts(order, invoice, taxes)
    if renewals_apart and order.kind is OrderKind.REBILL:
        amounts |= {"renewals": 1, "renewed": amounts["revenue"]}
    country = country_of(invoice)
    row = FigureSums(order.merchant, span, order.amount.currency, shard, order.test)
    part = replace(row, product=order.product, country=country)
    return [(row, amounts), (part, amounts)] if amounts else []


def _amounts(order: Order, invoice: Invoice | None, taxes: int | None) -> dict[str, int]:
    minor = order.amount.amount_minor
    own = order.tax_minor if taxes is None else taxes
    tax = _tax_of(minor, invoice) if own is None else own
    match order.kind:
        case OrderKind.SALE | OrderKind.REBILL:
            return {"payments": 1, "revenue": minor - tax, "tax": tax}
        case OrderKind.REFUND:
            return {} if order.withdrawn else {"refunds": minor - tax, "refunded_tax": tax}
        case OrderKind.CHARGEBACK:
            return {} if order.withdrawn else {"chargebacks": minor - tax}
        case OrderKind.FAILED:
            return {"failed": 1}
        case OrderKind.CANCEL_REQUEST:
            return {} if order.withdrawn else {"cancel_requests": 1}
        case _:
            return {}


def country_of(invoice: Invoice | None) -> str:
    """Returns the country that an entry counts under: that of its invoice."""
    return NO_COUNTRY if invoice is None else invoice.bill_to.address.country


def net_of(order: Order, invoice: Invoice | None) -> int:
    """Returns the amount of a payment, made or declined, before tax."""
    minor = order.amount.amount_minor
    return minor - _tax_of(minor, invoice)


def _tax_of(minor: int, invoice: Invoice | None) -> int:
    """Returns the taxes in an amount, in the share that they have of its invoice."""
    if invoice is None or not invoice.total.amount_minor:
        return 0
    tax = invoice.total.amount_minor - invoice.net.amount_minor
    return half_up(minor * tax, invoice.total.amount_minor)

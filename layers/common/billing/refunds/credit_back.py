"""Credit that goes back as money: by which payments, and how much with their taxes (A-4, C-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from billing.kernel.invoices import Invoice
from billing.kernel.values import replace
from billing.refunds import value

NAME = "credit-at-end"
"""The name of a refund of credit on its invoice: one of each payment."""

Gives = Callable[[Invoice, int], bool]
"""Refunds so many minor units of a payment, taxes included; tells whether they go back."""


def give_back(payments: Iterable[Invoice], credit_minor: int, gives: Gives) -> int:
    """Gives credit back by the payments in their order, each up to what is left of it.

    Returns what goes back with its taxes, in minor units: nothing for credit that no payment can
    take. What is refunded at an end and what people are told of it beforehand differ in `gives`
    alone. No payment is read from `payments` once all credit is given back.
    """
    left, back = credit_minor, 0
    rest = iter(payments)
    while left > 0 and (paid := next(rest, None)) is not None:
        at_most = value.refundable(paid)
        minor = min(value.with_tax(paid, left).amount_minor, at_most.amount_minor)
        if minor > 0 and gives(paid, minor):
            left -= value.before_tax(paid, replace(at_most, amount_minor=minor))
            back += minor
    return back


def newest_first(payments: Iterable[Invoice]) -> list[Invoice]:
    """Returns the invoices of a subscription that were settled, newest first."""
    return sorted((i for i in payments if i.settled_at), key=lambda i: i.seq, reverse=True)

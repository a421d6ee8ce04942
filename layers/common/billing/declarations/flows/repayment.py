"""Gives payments back for a declaration, each once (X-10, B-7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.declarations.declarations import Declaration
from billing.kernel.errors import Refused
from billing.kernel.gateways import DisputeStanding
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source
from billing.refunds.flows import refund

GIVEN_BACK = frozenset({"already_refunded"})


class Unrefundable(Exception):
    """A payment that could not be given back: a person must find another way."""


class RefundUnderWay(Exception):
    """A refund whose outcome is not known yet."""


def repay(
    ports: Ports, found: Declaration, payments: Sequence[tuple[Order, int | None]], now: datetime
) -> list[str]:
    """Refunds payments, all that is left of each or so much; returns their Order IDs.

    Raises `Unrefundable` after the others were given back, `RefundUnderWay` while a gateway has not
    answered, and `Unavailable`.
    """
    failed = under_way = False
    given: list[str] = []
    for order, minor in payments:
        try:
            paid = refund.payment(ports, found.merchant, order.id)
            if minor == 0 and paid.refund(found.refund_name) is None:
                # Else what went back is its own refund, which may still be under way. What a bank
                # holds has not gone back: it is the seller's again if the dispute is won (W-4).
                failed = failed or paid.invoice.dispute == DisputeStanding.OPEN
                continue
            given.append(order.id)
            made = refund.request(
                ports,
                paid,
                amount_minor=minor,
                source=Source.CUSTOMER,
                reason=found.declared.kind.value,
                name=found.refund_name,
                now=now,
            )
        except Refused as refused:
            failed = failed or refused.code not in GIVEN_BACK
            continue
        under_way = under_way or isinstance(made, refund.UnderWay)
    if failed:
        raise Unrefundable()
    if under_way:
        raise RefundUnderWay()
    return given

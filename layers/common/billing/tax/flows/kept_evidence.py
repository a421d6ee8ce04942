"""Evidence of where the buyers of purchases are, as it was kept with them (C-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billing.kernel.customers import Customer
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.tax import evidence
from billing.tax.evidence import Evidence


class Known(Value):
    """A customer, and the evidence for the next payments of their purchases, by purchase."""

    customer: Customer | None
    by_purchase: Mapping[str, Evidence]


def of_purchases(ports: Ports, merchant: str, customer: str, purchases: Sequence[str]) -> Known:
    """Returns a customer with the evidence for their purchases, in one read."""
    found = ports.store.billed(merchant, customer, purchases)
    return Known(
        found.customer,
        {
            purchase: evidence.of(billed.bill_to, consent)
            for purchase, billed, consent in zip(
                purchases, found.bill_tos, found.consents, strict=True
            )
            if billed is not None
        },
    )

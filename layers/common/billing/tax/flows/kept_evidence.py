"""Evidence of where the buyers of subscriptions are, as it was kept with their purchases (C-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.tax import evidence
from billing.tax.evidence import Evidence


def of_subscriptions(ports: Ports, subscriptions: Sequence[Subscription]) -> Mapping[str, Evidence]:
    """Returns the evidence of the next payments of subscriptions by their ids, in two reads."""
    purchases = [(each.merchant, each.customer, each.id) for each in subscriptions]
    if not purchases:
        return {}
    billed, kept = ports.store.bill_tos(purchases), ports.store.consents(purchases)
    return {
        each.id: evidence.of(bill.bill_to, consent)
        for each, bill, consent in zip(subscriptions, billed, kept, strict=True)
        if bill is not None
    }

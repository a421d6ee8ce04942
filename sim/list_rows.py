"""The rows that lists find things by: in the end they are what the items say (28)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from billing.kernel.customers import Customer
from billing.kernel.list_rows import PlanRow, RowOf, WordRow
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.search_words import words
from billing.kernel.subscription import Subscription
from sim.invariants import Violation


def list_rows_agree(found: Mapping[type, list[Any]]) -> None:
    """Checks that each plan and each word has its row, and that no word of old is left.

    A plan that a renewal left may keep its row: a renewal writes none. Nothing is asked of a
    customer whose events are not told yet.
    """
    waiting = {event.customer for event in found[OutboxEvent]}
    plans: dict[str, set[tuple[RowOf, str]]] = defaultdict(set)
    for row in found[PlanRow]:
        plans[row.subscription].add((row.of, row.plan))
    for subscription in found[Subscription]:
        wanted = {
            (RowOf.PRODUCT, subscription.product),
            (RowOf.PRICE_POINT, subscription.price_point),
        }
        if subscription.customer not in waiting and not wanted <= plans[subscription.id]:
            text = f"{subscription.id} has the rows {plans[subscription.id]}, is on {wanted}"
            raise Violation("28", text, subscription.id)
    kept: dict[str, set[str]] = defaultdict(set)
    for row in found[WordRow]:
        kept[row.customer].add(row.word)
    for customer in found[Customer]:
        # Words that another one begins with need no row: who looks for them finds that one.
        has, known = kept[customer.id], words(customer.name, customer.email)
        missing = {w for w in known if len(w) > 1 and not any(k.startswith(w) for k in has)}
        if customer.id not in waiting and (missing or not has <= known):
            text = f"{customer.id} has the words {sorted(has)}, is {sorted(known)}"
            raise Violation("28", text, customer.id)

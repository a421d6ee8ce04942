"""The vocabulary of the invariants: which states follow which, and what never changes.

Their numbers are those of RELIABILITY.md, section 3. What must hold after every single write is in
`writes.py` and the modules it is composed of, after every charge in `oracle.py`, and when all
faults are over in `final_checks.py`.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from billing.checkout.checkouts import CheckoutState
from billing.helpdesk.tickets import TicketState
from billing.jobs.jobs import Job, JobLine
from billing.kernel.customers import EmailPointer
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.ledger import LedgerEntry
from billing.kernel.merchants import Merchant
from billing.kernel.subscription import State
from billing.kernel.values import fields
from sim.virtual_clock import Stop

SKEW = timedelta(seconds=5)
LIFE = timedelta(minutes=15)
"""The longest that Lambda lets a function run."""
CALL = timedelta(hours=1)
"""The greatest age of an invocation's `now` when it writes: calls stall for minutes, some twice."""

I, S, C, T = InvoiceState, State, CheckoutState, TicketState  # noqa: E741

INVOICE_GRAPH: dict[InvoiceState | None, set[InvoiceState]] = {
    None: {I.PENDING, I.CONFIRMING, I.PAID},
    I.PENDING: {I.READY, I.VOID},
    I.READY: {I.CONFIRMING, I.VOID},
    I.CONFIRMING: {I.PAID, I.RETRY, I.ACTION_REQUIRED, I.VOID, I.UNCOLLECTIBLE},
    I.ACTION_REQUIRED: {I.CONFIRMING, I.PAID, I.RETRY, I.VOID, I.UNCOLLECTIBLE},
    I.RETRY: {I.CONFIRMING, I.VOID, I.UNCOLLECTIBLE},
    I.PAID: set(),
    I.VOID: set(),
    I.UNCOLLECTIBLE: set(),
}
SUBSCRIPTION_GRAPH: dict[State | None, set[State]] = {
    None: {S.TRIALING, S.ACTIVE},
    S.TRIALING: {
        S.ACTIVE,
        S.PAST_DUE,
        S.PAUSED,
        S.FROZEN,
        S.CANCEL_PENDING,
        S.CANCELLED,
        S.COMPLETED,
    },
    S.ACTIVE: {S.PAST_DUE, S.PAUSED, S.FROZEN, S.CANCEL_PENDING, S.CANCELLED, S.COMPLETED},
    S.PAST_DUE: {S.ACTIVE, S.FROZEN, S.CANCEL_PENDING, S.CANCELLED, S.COMPLETED},
    S.FROZEN: {S.ACTIVE, S.PAST_DUE, S.CANCEL_PENDING, S.CANCELLED},
    S.PAUSED: {S.TRIALING, S.ACTIVE, S.CANCEL_PENDING, S.CANCELLED},
    S.CANCEL_PENDING: {S.TRIALING, S.ACTIVE, S.PAUSED, S.FROZEN, S.CANCELLED},
    S.CANCELLED: set(),
    S.COMPLETED: set(),
}
CHECKOUT_GRAPH: dict[CheckoutState | None, set[CheckoutState]] = {
    None: {C.OPEN},
    C.OPEN: {C.PAID, C.DECLINED, C.ABANDONED},
    C.PAID: set(),
    C.DECLINED: set(),
    C.ABANDONED: set(),
}
TICKET_GRAPH: dict[TicketState | None, set[TicketState]] = {
    None: {T.OPEN},
    T.OPEN: {T.APPROVED, T.DECLINED, T.CLOSED},
    T.APPROVED: {T.OPEN},  # a refund that the gateway refused
    T.DECLINED: set(),
    T.CLOSED: {T.OPEN},
}
SNAPSHOT = ("total", "lines", "gateway", "gateway_account", "order_id", "period", "seq", "kind")
AGREED = ("customer", "merchant", "started_at", "gateway_account", "shard", "hand_off")
ONCE = (LedgerEntry, EmailPointer)


class Violation(Stop):
    """A broken invariant: its number, what is wrong, and the entities it concerns."""

    def __init__(self, number: str, text: str, *about: str | None) -> None:
        super().__init__(number, text, *about)  # as another process makes it again
        self.number = number
        self.text = text
        self.about = tuple(a for a in about if a)

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.text}"


def tenant(entity: Any) -> str:
    """Returns the merchant that an entity belongs to."""
    named: str = getattr(entity, _TENANT.get(type(entity), "merchant"))
    return named


_TENANT: dict[type, str] = {Job: "owner", JobLine: "owner", Merchant: "id"}
"""The field that names the merchant, where it is not `merchant`."""


@cache
def _values(names: tuple[str, ...]) -> attrgetter[Any]:
    return attrgetter(*names)


def changed(before: Any, after: Any, names: tuple[str, ...]) -> bool:
    """Returns whether one of these fields differs."""
    values = _values(names)
    return bool(values(before) != values(after))


FIXED = tuple(
    field.name
    for field in fields(Invoice)
    if field.name != "number" and not field.name.startswith(("refund", "disput"))
)
"""The fields that a final invoice never changes; refunds are an axis of their own."""

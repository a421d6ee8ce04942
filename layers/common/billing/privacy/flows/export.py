"""Export of everything that is stored about one customer (M-8)."""

from __future__ import annotations

from datetime import datetime

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.customers.flows.customers import Overview, whole
from billing.declarations.declarations import Declaration
from billing.helpdesk.flows.ticket import of_owner
from billing.helpdesk.tickets import Thread
from billing.kernel.customers import (
    PurchaseBillTo,
)
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.notices.records import NOTICES_MOST, NoticeRecord
from billing.privacy.purchases import purchases_of

DECLARATIONS_MOST = 1_000
"""The most declarations of one customer that an export has, the newest ones."""


class Export(Value):
    """Everything that is stored about one customer (M-8)."""

    overview: Overview
    bill_tos: list[PurchaseBillTo]
    attempts: list[Checkout]
    """Checkouts under their name that bought nothing."""
    threads: list[Thread]
    declarations: list[Declaration]
    notices: list[NoticeRecord]
    """The proofs of notices that were sent to them, the newest first."""


def export(ports: Ports, merchant: str, customer: str, *, now: datetime) -> Export:
    """Returns everything that is stored about a customer; raises `NotFound`."""
    found = whole(ports, merchant, customer, now=now)
    tried = [each.attempt_key for each in found.history.orders if each.attempt_key is not None]
    attempts = [ports.store.checkout(merchant, key) for key in tried]
    threads = [
        ports.store.thread(merchant, each.id)
        for each in of_owner(ports, merchant, customer, at_most=None)
    ]
    declared = [
        ports.store.declaration(merchant, each.declaration)
        for each in ports.store.declarations_of(merchant, customer, DECLARATIONS_MOST)
    ]
    proofs = ports.store.notice_records(merchant, customer, None, NOTICES_MOST)
    return Export(
        found,
        [each for each in ports.store.bill_tos(purchases_of(found.history)) if each is not None],
        [each for each in attempts if each is not None and each.state is not CheckoutState.PAID],
        [each for each in threads if each is not None],
        [each for each in declared if each is not None],
        sorted(proofs, key=lambda each: each.sent_at, reverse=True),
    )

"""A customer who has paid for years: one real purchase, and as many renewals as are wanted."""

from __future__ import annotations

from datetime import timedelta

from billing.kernel import ledger
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.invoicing import invoice_id
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.world import World

WEEKLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.WEEKLY)
APART = timedelta(minutes=37)
"""The time between two renewals here: ten thousand are nine months."""

AT_ONCE = 30
"""The renewals of one transaction, each of three items."""


def renewed(world: World, count: int, email: str = "ann@example.com") -> Subscription:
    """Books so many renewals of the customer's subscription as if they had been paid.

    They are stored as renewals are; the gateway knows nothing of them.
    """
    found = world.subscription(email)
    first = world.store.invoice("acme", found.customer, invoice_id(found.id, 1))
    assert first is not None and found.seq == 1
    numbers = range(2, count + 2)
    for start in range(0, count, AT_ONCE):
        writes = []
        for seq in numbers[start : start + AT_ONCE]:
            paid = _renewal(world, first, seq)
            assert paid.settled_at is not None
            writes += [paid, paid.order(paid.settled_at), ledger.payment(paid, paid.settled_at)]
        world.store.commit(*map(Insert, writes))
    after = replace(found, seq=count + 1, payments_made=count + 1, period=count + 1)
    world.store.commit(Change(found, after))
    world.now += count * APART
    return after


def _renewal(world: World, first: Invoice, seq: int) -> Invoice:
    at = world.now + (seq - 1) * APART
    return replace(
        first,
        id=invoice_id(first.purchase, seq),
        seq=seq,
        period=seq - 1,
        order_id=world.ports.new_id("order"),
        order_kind=OrderKind.REBILL,
        gateway_ref=f"pi_renewal_{seq}",
        opened_at=at,
        scheduled_at=at,
        settled_at=at,
        state=InvoiceState.PAID,
        number=None,
    )

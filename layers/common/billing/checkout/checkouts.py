"""Checkout attempts (C-2, C-4).

An attempt is written before the first gateway call, so that it is found even if its process is
killed.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.catalog import PriceTerms
from billing.kernel.customers import BillTo, Consent, PaymentMethod
from billing.kernel.discounts import Discount, left_after
from billing.kernel.due import DueKind
from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.schedule import ChargeKind
from billing.kernel.values import replace
from billing.kernel.writes import Entity


class CheckoutState(StrEnum):
    """The state of an attempt; all but `open` are final.

    It is `open` until it is paid, declined, or left alone for an hour.
    """

    OPEN = "open"
    PAID = "paid"
    DECLINED = "declined"
    ABANDONED = "abandoned"


class Checkout(Entity):
    """One attempt to buy, under the key that the buyer's page drew (C-2).

    `fingerprint` is the hash of the form: the same key with another form is refused. `purchase` is
    the subscription's id for what rebills, and the source of access in any case. `known` is whether
    `customer` had this email already when it began: it is theirs, whoever has that later (B-12).
    `anchor` is the purchase's wall time. `payment_token` is what the gateway's element gave,
    `method` what the gateway then saved. `action_url` is where the buyer authenticates (3-D
    Secure). `due_at`: when it is looked at again, or, where it was not successful, when its form is
    erased (M-8). `discount` is what its coupon takes off. `return_url` is
    the address of the merchant's site to show afterwards, if that is still listed then.
    """

    key: str
    merchant: str
    fingerprint: str
    created_at: datetime
    shard: int
    product: str
    product_name: str
    price_point: str
    price_version: int
    terms: PriceTerms
    grants: tuple[str, ...]
    anchor: Anchor
    bill_to: BillTo
    consent: Consent
    customer: str
    purchase: str
    payment_token: str
    invoice: Invoice
    language: str
    due_at: datetime | None
    state: CheckoutState = CheckoutState.OPEN
    method: PaymentMethod | None = None
    action_url: str | None = None
    decline_code: str | None = None
    next_charge_at: datetime | None = None
    known: bool = False
    discount: Discount | None = None
    return_url: str | None = None

    @property
    def next_price(self) -> Money:
        """The price of the payment after the first, less its discount and with what is carried to
        it, before tax."""
        first, price, left = self.invoice, self.terms.price, self.discount
        if first.kind is ChargeKind.STANDARD:
            left = left_after(left, first.coupon)
        lowered = price if left is None else left.reduced(price)
        return replace(lowered, amount_minor=lowered.amount_minor + first.postponed_minor)

    @property
    def due_kind(self) -> DueKind:
        return DueKind.CHECKOUT if self.state is CheckoutState.OPEN else DueKind.ERASE

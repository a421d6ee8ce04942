"""Writes the way into the portal for a mail: the signed link and an Order ID (R-8, B-2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from billing.kernel import domains, portal_links
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.invoicing import first_invoice_id
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Change
from billing.render.mails import WayIn

ATTEMPTS = 8


def way_in(
    ports: Ports,
    merchant: Merchant,
    customer: Customer,
    purchase: str,
    now: datetime,
    paid: Invoice | None = None,
) -> WayIn | None:
    """Returns the link to a purchase, and the Order ID of a payment of it.

    `paid` saves reading the first payment where another one is at hand. None where the merchant's
    portal is closed to customers.
    """
    if merchant.settings.portal is None:
        return None
    name = portal_links.reference(_key(ports, merchant), customer, purchase, now)
    url = f"{domains.portal(ports.operation.public_url, merchant)}/mail/{name}"
    if paid is None or paid.state is not InvoiceState.PAID:
        paid = ports.store.invoice(merchant.id, customer.id, first_invoice_id(purchase))
    signs_in = paid is not None and paid.state is InvoiceState.PAID
    return WayIn(url, paid.order_id if paid is not None and signs_in else None)


def _key(ports: Ports, merchant: Merchant) -> str:
    """Returns the key that signs the merchant's links; it is drawn for the first one."""
    for _ in range(ATTEMPTS):
        if merchant.link_key is not None:
            return merchant.link_key
        drawn = replace(merchant, link_key=ports.new_id("key"))
        try:
            ports.store.commit(Change(merchant, drawn))
        except Conflict:
            found = ports.store.merchant(merchant.id)
            assert found is not None, "a merchant is never removed"
            merchant = found
            continue
        merchant = drawn
    raise Conflict()

"""Writes the way into the portal for a mail: the signed link and an Order ID (R-8, B-2)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import domains, portal_links
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict, NotFound
from billing.kernel.gateways import AtGateway
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.invoicing import first_invoice_id
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.render.mails import WayIn

ATTEMPTS = 8


def way_in(
    ports: Ports,
    merchant: Merchant,
    customer: Customer,
    purchase: str,
    now: datetime,
    about: Invoice | Subscription | None = None,
) -> WayIn | None:
    """Returns the link to a purchase, and the Order ID of a payment of it.

    `about` is the subject of the mail: a paid invoice saves reading the first one. None where the
    merchant's portal is closed to customers.
    """
    if merchant.settings.portal is None:
        return None
    name = portal_links.reference(key(ports, merchant), customer, purchase, now)
    url = f"{domains.portal(ports.operation.public_url, merchant)}/mail/{name}"
    paid = about if isinstance(about, Invoice) and about.state is InvoiceState.PAID else None
    if paid is None:
        paid = ports.store.invoice(merchant.id, customer.id, first_invoice_id(purchase))
    signs_in = paid is not None and paid.state is InvoiceState.PAID
    order_id = paid.order_id if paid is not None and signs_in else None
    return WayIn(url, order_id, about is None or _takes_cards(ports, about))


def _takes_cards(ports: Ports, about: AtGateway) -> bool:
    """Tests whether its customer changes here what pays: not where the gateway manages that
    (B-9)."""
    try:
        return ports.gateway_of(about).capabilities.manages_cards
    except NotFound:
        return True  # Its account is gone, and with it what was managed there (W-6).


def key(ports: Ports, merchant: Merchant) -> str:
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

"""The page that a mail about a payment leads to: confirm it with the bank, or use another card.

Anybody with the link may confirm, which only its own buyer's bank lets them; it shows what the mail
shows and no more, and changes nothing else (R-4, R-8).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urljoin

from billing.gateway_events.flows import buyer_return
from billing.invoices.flows import documents
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.invoices import UNDER_WAY, Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.web import custom_domains, http, redirects, sessions
from billing.web.request import Request, plain_id, plain_reference


def page(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> http.Answer:
    """Shows the status of a payment; settles it first for a buyer who comes back from the bank."""
    found = _merchant(ports, merchant)
    invoice = documents.linked(ports, found.id, plain_reference(reference))
    if invoice.state in UNDER_WAY and "returned" in request.query():
        invoice = buyer_return.settle(ports, invoice, now=now)
    return http.page(
        "portal/payment.html",
        invoice.language,
        merchant=found,
        invoice=invoice,
        course=_progress(invoice),
        base=custom_domains.portal(request, found) if found.settings.portal is not None else None,
        test=invoice.test,
    )


def confirm_payment(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> http.Answer:
    """Leads to the bank where the payment waits for its buyer; else back to its status."""
    sessions.check_origin(request)
    found = _merchant(ports, merchant)
    invoice = documents.linked(ports, found.id, plain_reference(reference))
    # An absolute URL: the bank cannot resolve a path of ours.
    link = urljoin(request.base_url, documents.payment_link(ports, found, invoice))
    back = f"{link}?returned=true"
    if invoice.state is not InvoiceState.ACTION_REQUIRED:
        return http.redirect(back)
    try:
        bank = buyer_return.with_buyer(ports, invoice, return_url=back, now=now)
    except Unavailable:
        bank = (
            None  # It may be charged already: the page looks, and asks the buyer again if needed.
        )
    if bank is None:
        return http.redirect(back)
    return redirects.to(
        bank,
        redirects.Why.BANK,
        invoice.gateway,
        invoice.language,
        merchant=found,
        test=invoice.test,
    )


def _progress(invoice: Invoice) -> str:
    match invoice.state:
        case InvoiceState.ACTION_REQUIRED:
            return "confirm"
        case InvoiceState.PAID:
            return "paid"
        case InvoiceState.VOID | InvoiceState.UNCOLLECTIBLE:
            return "over"
        case InvoiceState.CONFIRMING:
            return "under_way"
        case _:
            return "declined"


def _merchant(ports: Ports, merchant: str) -> Merchant:
    found = ports.store.merchant(plain_id(merchant))
    if found is None:
        raise NotFound()
    return found

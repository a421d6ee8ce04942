"""Reads and requests of a signed-in customer (B-4 .. B-7, X-1).

They see purchases and ask for a cancellation or a refund. Everything is looked up under the
customer's own key: what belongs to somebody else is not found.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.cancel.flows import cancel
from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty
from billing.cards.flows import addresses
from billing.customers import purchases
from billing.customers.flows import customer_view
from billing.customers.flows.customer_view import Account
from billing.helpdesk import cancellation_request, messages
from billing.helpdesk.flows import open_ticket, ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import Ownership, Ticket, TicketType
from billing.invoices.flows import documents, invoice_list
from billing.invoices.flows.invoice_list import CreditNote
from billing.kernel.catalog import PriceType
from billing.kernel.errors import NotFound, Refused
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import SelfService
from billing.kernel.orders import PAYMENTS, Order, OrderKind, typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription, When
from billing.kernel.values import replace
from billing.refunds import refunds, value
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.refunds.payment import Effect, Payment
from billing.render.einvoice import NoEInvoice
from billing.render.messages import text
from billing.tax.flows import taxation

SWEPT_WITHIN = timedelta(days=7)
"""The time after the end of a subscription in which its entry is looked for."""

ENTRIES_MOST = 200
"""The most entries of a customer that are looked through for it."""


def invoice_pdf(ports: Ports, account: Account, reference: str) -> bytes:
    """Returns the PDF of one of the customer's own payments, by Order ID or invoice id (B-5).

    Raises `NotFound`.
    """
    return documents.pdf(ports, account.merchant, _own_paid(ports, account, reference))


def invoice_xml(ports: Ports, account: Account, reference: str) -> bytes | NoEInvoice:
    """Returns the e-invoice of one of the customer's own payments, as `invoice_pdf` does, or why
    there is none (M-13)."""
    return documents.xml(ports, account.merchant, _own_paid(ports, account, reference))


def credit_note_pdf(ports: Ports, account: Account, reference: str) -> bytes:
    """Returns the PDF of the credit note of one of the customer's own refunds, by its Order ID
    (B-12, M-7).

    Raises `NotFound`.
    """
    found = invoice_list.one(ports, account.merchant.id, reference)
    if not isinstance(found, CreditNote) or found.invoice.customer != account.customer.id:
        raise NotFound("invoice_unknown")
    _, pdf = invoice_list.pdf(ports, account.merchant, reference)
    return pdf


def _own_paid(ports: Ports, account: Account, reference: str) -> Invoice:
    found = _own_invoice(ports, account, reference)
    if found is None or not purchases.is_paid(found):
        raise NotFound("invoice_unknown")
    return documents.numbered(ports, account.merchant, found.customer, found.id)


def _own_invoice(ports: Ports, account: Account, reference: str) -> Invoice | None:
    owner = (account.merchant.id, account.customer.id)
    if (order_id := typed_order_id(reference)) is None:
        return ports.store.invoice(*owner, reference) if "." in reference else None
    paid = ports.store.order_by_id(account.merchant.id, order_id)
    if paid is None or paid.invoice is None or paid.customer != account.customer.id:
        return None
    found = ports.store.invoice(*owner, paid.invoice)
    return found if found is not None and found.order_id == paid.id else None


def payment(ports: Ports, account: Account, order: str) -> Payment:
    """Returns one of the customer's own payments, by its Order ID; raises `NotFound`."""
    found = ports.store.payment_of_order(account.merchant.id, order)
    if found is None:
        raise NotFound("payment_unknown")
    (paid,) = found.orders
    if paid.customer != account.customer.id or paid.kind not in PAYMENTS:
        raise NotFound("payment_unknown")
    return Payment.of(found, paid.id)


def cancel_purchase(
    ports: Ports,
    account: Account,
    found: Subscription,
    *,
    now: datetime,
    reason: str | None,
    comment: str | None,
) -> None:
    """Cancels one of the account's subscriptions as its price point has it, or opens a ticket, as
    the merchant has it (X-1, P-16), but where the law lets customers cancel by themselves (X-10).

    Asking again for what holds changes nothing. Raises `Refused` where customers cannot cancel.
    """
    if account.merchant.settings.self_cancel is SelfService.OFF:
        raise Refused("cancel_off")
    if asks_a_person(ports, account, found, now):
        if found.is_live and not purchases.has_ended(found, now):
            asked = _request(ports, account, TicketType.CANCEL, found.product_name, reason, comment)
            _open(ports, account, replace(asked, subscription=found.id), now)
        return
    cancel.request(
        ports,
        found,
        when=when_of(found),
        source=Source.CUSTOMER,
        now=now,
        reason=reason,
        comment=comment and messages.line(comment, messages.TEXT_MOST),
    )


def asks_a_person(ports: Ports, account: Account, found: Subscription, now: datetime) -> bool:
    """Tests whether a customer's cancellation waits for a person: a merchant's setting, which some
    laws override where payments have no agreed number (X-10)."""
    if account.merchant.settings.self_cancel is not SelfService.MANUAL:
        return False
    if found.terms.type is not PriceType.RECURRING:
        return True
    address = addresses.bill_to(ports, found.merchant, found.customer, found.id).address
    today = taxation.today(account.merchant, now)
    rule = lookup.rule(address.country, address.state, today, Duty.CANCELLATION)
    return rule is None or not rule.self_cancel_required


def when_of(subscription: Subscription) -> When:
    """Returns when a customer's cancellation takes effect, by the price point's setting (P-16)."""
    return cancellation_request.when_of(subscription)


def cancellation_entry(ports: Ports, found: Subscription) -> Order | None:
    """Returns the entry by which a subscription was cancelled; it is written when that ends, or by
    a sweep soon after."""
    if found.ends_at is None:
        return None
    around = ports.store.orders_of(
        found.merchant,
        found.customer,
        since=found.ends_at,
        until=found.ends_at + SWEPT_WITHIN,
        limit=ENTRIES_MOST,
    )
    return next(
        (
            order
            for order in around.data
            if order.subscription == found.id and order.kind is OrderKind.CANCELLATION
        ),
        None,
    )


def refund_payment(
    ports: Ports, account: Account, found: Payment, *, now: datetime, comment: str | None = None
) -> None:
    """Refunds a payment in full, or opens a ticket, as the merchant has it (B-7).

    A refund that is recorded is finished, whatever does not answer now. Raises `Refused` outside
    the window, where it is off, and for what was refunded.
    """
    paid, invoice = found.order, found.invoice
    if reason := why_not_refunded(ports, account, found, now):
        raise Refused(reason)
    if account.merchant.settings.self_refund is SelfService.MANUAL:
        asked = _request(ports, account, TicketType.REFUND, paid.product_name, None, comment)
        _open(ports, account, replace(asked, order=paid.id), now)
        return
    value.refuse_open(invoice)  # it is shown, and nobody asks twice for one payment
    refund.request(
        ports,
        found,
        amount_minor=None,
        source=Source.CUSTOMER,
        # The form sent twice names one refund; once that has failed, another.
        name=f"portal:{invoice.refunds + 1}",
        now=now,
        takes=Takes.UNUSED_ONLY,
    )


def why_not_refunded(ports: Ports, account: Account, found: Payment, now: datetime) -> str | None:
    """Returns the code of what forbids a customer's refund, None if nothing does (B-7)."""
    settings, paid = account.merchant.settings, found.order
    days = customer_view.refund_days(ports, account.merchant, [paid.product]).get(paid.product, 0)
    return refunds.why_not_by_customer(
        found.invoice,
        refund_effect(account, found).amount,
        switched_off=settings.self_refund is SelfService.OFF,
        window_ends_at=purchases.refund_window_ends_at(paid, days, settings) if days else None,
        now=now,
    )


def refund_effect(account: Account, found: Payment) -> Effect:
    """Returns the effect of refunding a payment.

    An agent refunds all of it; without an agent, only what no credit of it has paid for (B-7).
    """
    by_hand = account.merchant.settings.self_refund is SelfService.MANUAL
    return found.effect(by_hand=by_hand)


def ticket_about(ports: Ports, account: Account, wish: TicketType, about: str) -> Ticket | None:
    """Finds the newest ticket of a request, if it is still to be decided or carried out.

    What was carried out may have been undone since: it can be asked for again.
    """
    found = ticket.about(ports, account.merchant.id, account.customer.id, wish, about)
    return found if found is not None and found.is_pending else None


def _request(
    ports: Ports,
    account: Account,
    wish: TicketType,
    product_name: str,
    reason: str | None,
    comment: str | None,
) -> Request:
    """Builds the portal's request to a department in the customer's name."""
    settings = account.merchant.settings
    takes = settings.departments
    return Request(
        department=takes.cancel if wish is TicketType.CANCEL else takes.refund,
        email=account.customer.email,
        subject=text(account.customer.language, f"ticket.subject.{wish}", product=product_name),
        text=comment or "",
        key=ports.new_id("key"),
        wish=wish,
        reason=reason,
    )


def _open(ports: Ports, account: Account, asked: Request, now: datetime) -> None:
    """Opens a ticket; a form that is sent twice opens one."""
    open_ticket.open_one(
        ports,
        account.merchant,
        asked,
        customer=account.customer.id,
        ownership=Ownership.PORTAL,
        now=now,
    )

"""Addresses of outbox mails: the customer, or the merchant, and the language of the subject."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from urllib.parse import urlencode

from billing.branding.flows import dressing
from billing.cancel.flows.endings import Ending, labelled
from billing.kernel import domains
from billing.kernel.customers import Address, BillTo, Customer
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.outbox_events import LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.render.mails import Envelope, WayIn
from billing.render.messages import MERCHANTS_LANGUAGE

Mails = list[EmailMessage] | LeftOut
"""The mails of an outbox event, or why there are none."""


class About(Value):
    """The subject of a mail: its language, whether it is a test, and the address of its buyer."""

    language: str
    test: bool
    address: Address


def about_invoice(invoice: Invoice) -> About:
    """Returns an invoice as the subject of a mail."""
    return About(invoice.language, invoice.test, invoice.bill_to.address)


def about_subscription(ports: Ports, found: Subscription, customer: Customer) -> About:
    """Returns a subscription as the subject of a mail."""
    return About(found.language, found.test, address_of(ports, customer, found.id))


def address_of(ports: Ports, customer: Customer, purchase: str | None) -> Address:
    """Returns where the buyer of a purchase lives now (B-8); the customer, without a purchase."""
    if purchase is None:
        return customer.address
    (found,) = ports.store.bill_tos([(customer.merchant, customer.id, purchase)])
    return customer.address if found is None else found.bill_to.address


def to_customer(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    customer: Customer,
    about: About,
    now: datetime,
    next_charge: Money | None = None,
    way_in: WayIn | None = None,
) -> Envelope:
    """Returns the envelope of a mail to the customer's current email (B-12)."""
    sender, to = ports.operation.sender, customer.contact
    dress = dressing.of_mail(ports, merchant, about.language)
    ways = endings(ports, merchant, about.address, about.language, now)
    return Envelope(
        merchant,
        to,
        about.language,
        about.test,
        sender,
        event.id,
        now,
        next_charge,
        way_in,
        dress=dress,
        endings=ways,
    )


def endings(
    ports: Ports, merchant: Merchant, address: Address, language: str, now: datetime
) -> tuple[Ending, ...]:
    """Returns the links under which a buyer ends a contract, as the law where they live words them
    (X-10)."""
    url = ports.operation.public_url
    place = urlencode({"country": address.country, "lang": language})
    return labelled(
        f"{domains.cancel(url, merchant)}?{place}",
        f"{domains.withdraw(url, merchant)}?{place}",
        address.country,
        address.state,
        language,
        now.date(),
    )


def to_merchant(
    ports: Ports, event_id: str, merchant: Merchant, customer: Customer, test: bool, now: datetime
) -> Envelope:
    """Returns the envelope of a mail to the merchant about one of its customers."""
    to = BillTo(merchant.name, merchant.email, customer.address)
    sender = ports.operation.sender
    language = MERCHANTS_LANGUAGE
    return Envelope(merchant, to, language, test, sender, event_id, now, inward=True)


def portal_url(ports: Ports, merchant: Merchant) -> str | None:
    """Returns the address of the merchant's portal, None where it is closed to customers."""
    open_to_customers = merchant.settings.portal is not None
    return domains.portal(ports.operation.public_url, merchant) if open_to_customers else None

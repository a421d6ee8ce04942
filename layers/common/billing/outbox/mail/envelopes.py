"""Addresses of outbox mails: the customer, or the merchant, and the language of the subject."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.branding.flows import dressing
from billing.kernel import domains
from billing.kernel.customers import BillTo, Customer
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.outbox_events import LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.render.mails import Envelope, WayIn
from billing.render.messages import MERCHANTS_LANGUAGE

Mails = list[EmailMessage] | LeftOut
"""The mails of an outbox event, or why there are none."""


def to_customer(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    customer: Customer,
    about: tuple[str, bool],
    now: datetime,
    next_charge: Money | None = None,
    way_in: WayIn | None = None,
) -> Envelope:
    """Returns the envelope of a mail to the customer's current email (B-12).

    `about` is the language of the mail's subject, such as an invoice, and whether that is a test.
    """
    language, test = about
    sender, to = ports.operation.sender, customer.contact
    dress = dressing.of_mail(ports, merchant, language)
    return Envelope(
        merchant, to, language, test, sender, event.id, now, next_charge, way_in, dress=dress
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

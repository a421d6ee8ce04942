"""A customer changes their email in the portal, once both addresses have confirmed it (B-12).

Whoever found an invoice can sign in, so the old mailbox has to agree as well; who has lost it asks
the merchant, who changes it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from billing.customers.flows import both_addresses, customers
from billing.customers.flows.both_addresses import Waiting
from billing.customers.flows.login import digest
from billing.kernel import domains
from billing.kernel.customers import Customer, normalised_email
from billing.kernel.errors import Invalid, TooMany
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.writes import Insert

CODE = "email"
"""The code `email#<change>` of an outbox event that asks both ends for their confirmation."""

WAITING = Waiting("customer_email", "customer_confirm", "customer_confirmed", timedelta(hours=24))
ASKED_AT_MOST = 5
"""The changes that a customer can ask for in a day: each mails somebody who may be a stranger."""


class Asked(Value):
    """A change that a link confirms: both emails, and the one that is still to confirm after it."""

    old: str
    new: str
    other: str


def ask(ports: Ports, customer: Customer, email: str, *, now: datetime) -> str:
    """Asks both addresses by mail to confirm a new email; returns it as it will be kept.

    The answer does not say whether somebody else has that email. Raises `Invalid` for the present
    one, `Refused` for an account's, `TooMany`.
    """
    new = normalised_email(email)
    if new == customer.email:
        raise Invalid("email_unchanged", field="email")
    customers.refuse_email_of_account(ports, customer)
    owner = (customer.merchant, customer.id)
    tried = ports.ephemeral.hit(
        "email_change", digest("\n".join(owner)), window=timedelta(days=1), now=now
    )
    if ports.operation.limits and tried > ASKED_AT_MOST:
        raise TooMany()
    kept = {"merchant": customer.merchant, "customer": customer.id}
    kept |= {"old": customer.email, "new": new}
    change = both_addresses.keep(ports, WAITING, kept, now)
    asked = OutboxEvent(
        id=f"{change}:{EventKind.LINK_ASKED}",
        kind=EventKind.LINK_ASKED,
        merchant=customer.merchant,
        customer=customer.id,
        at=now,
        shard=ports.shard_of(customer.id),
        code=f"{CODE}#{change}",
    )
    ports.store.commit(Insert(asked))
    return new


def change_asked(event: OutboxEvent) -> str | None:
    """Returns the id of the change whose links an event asks for, None for other events."""
    code, _, change = (event.code or "").partition("#")
    return change if code == CODE else None


def links(ports: Ports, merchant: Merchant, change: str, *, now: datetime) -> list[tuple[str, str]]:
    """Lists both emails of a change, the old one first, each with the link that confirms it; empty
    once the change has expired."""
    address = f"{domains.portal(ports.operation.public_url, merchant)}/email"
    return both_addresses.links(ports, WAITING, change, address, now)


def asked(ports: Ports, merchant: str, token: str, *, now: datetime) -> Asked | None:
    """Returns the change that a link confirms, without using it up; None for an expired link."""
    wanted = both_addresses.of_link(ports, WAITING, token, now)
    if wanted is None or _customer(ports, merchant, wanted) is None:
        return None
    other = wanted["new"] if wanted["side"] == "old" else wanted["old"]
    return Asked(wanted["old"], wanted["new"], other)


def confirm(ports: Ports, merchant: str, token: str, *, now: datetime) -> bool | None:
    """Confirms an email change for one of its two addresses.

    Returns True when that was the second and the email is changed, None for an expired link. Raises
    `Refused` (email_taken).
    """
    wanted = both_addresses.of_link(ports, WAITING, token, now)
    customer = None if wanted is None else _customer(ports, merchant, wanted)
    if wanted is None or customer is None:
        return None

    def finish() -> None:
        changes = {"email": wanted["new"]}
        customers.change(ports, merchant, customer.id, changes, now=now)

    return both_addresses.confirm(ports, WAITING, token, wanted, finish, now)


def _customer(ports: Ports, merchant: str, wanted: Mapping[str, str]) -> Customer | None:
    """Returns the customer of a change of this merchant's; None where their email is another one by
    now, or they were erased."""
    if wanted["merchant"] != merchant:
        return None
    found = ports.store.customer(merchant, wanted["customer"])
    if found is None or found.is_erased or found.email not in {wanted["old"], wanted["new"]}:
        return None
    return found

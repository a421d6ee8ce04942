"""Customers, their billing addresses, payment methods and access (C-3, C-6, B-8, B-9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from billing.kernel.disclosures import Disclosure
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

ERASED = "erased"
"""Replaces a name or an address that was erased (M-8)."""


class Address(Value):
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    line1: str
    city: str
    country: str
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class BillTo(Value):
    """Name, email and address as an invoice was issued with them; never changed after (B-8).

    `tax_id` is a business's, with its country's prefix as VIES has it; `tax_id_confirmed` that
    VIES or an agent knows it, and not its check digits alone (C-7); `tax_id_reference` is what VIES
    calls its answer, or an agent what they saw.
    """

    name: str
    email: str
    address: Address
    tax_id: str | None = None
    tax_id_confirmed: bool = False
    tax_id_reference: str | None = None


def nobody(country: str) -> BillTo:
    """Returns an erased bill-to, which keeps only the country, because its invoices are taxed by
    it."""
    return BillTo(ERASED, ERASED, Address(ERASED, ERASED, country))


class Customer(Entity):
    """A person who bought from one merchant.

    `default_method` is the id of a payment method (B-9).
    """

    id: str
    merchant: str
    email: str
    name: str
    address: Address
    created_at: datetime
    default_method: str | None = None
    language: str = "en"
    test: bool = False

    @property
    def contact(self) -> BillTo:
        """The current name, email and address of the customer.

        An invoice keeps the bill-to that it was issued with (B-12).
        """
        return BillTo(self.name, self.email, self.address)

    @property
    def is_erased(self) -> bool:
        """True if the customer was erased: no name or email is left (M-8)."""
        return self.email == ERASED


class EmailPointer(Entity):
    """Maps an email of a merchant's customer to the customer id.

    It is written with the first purchase, so that no two customers share an email (C-2).
    """

    merchant: str
    email_hash: str
    customer: str


class FormerCard(Value):
    """The brand and last four digits of a card until its bank renewed it (W-7)."""

    brand: str
    last4: str
    until: datetime


class PaymentMethod(Entity):
    """A saved payment method; the card number stays with the gateway, we keep the last four digits
    (B-9).

    `id` is the gateway's own token for it. `gateway_account` names the gateway account it belongs
    to (W-6). `expires_on` is `YYYY-MM`. A removed one is kept only for the invoices that it paid:
    it is not listed and not charged. `expiry_told` means that its expiry was mailed (R-8).
    `formerly` holds the card details before each renewal by the bank, oldest first (W-7).
    `given_for` is the purchase at whose checkout it was given under the email of a customer who was
    there before, and who need not be the one who gave it: nothing else is charged to it unless that
    customer chooses so. None for a customer's own card. `country` is where it was issued, None
    where its gateway does not say.
    """

    id: str
    merchant: str
    customer: str
    gateway: str
    gateway_account: str
    brand: str
    last4: str
    expires_on: str | None
    fingerprint: str | None
    added_at: datetime
    removed_at: datetime | None = None
    expiry_told: bool = False
    formerly: tuple[FormerCard, ...] = ()
    given_for: str | None = None
    country: str | None = None

    def as_of(self, at: datetime) -> PaymentMethod:
        """Returns the card with the digits it had at an instant, since an invoice is never
        rewritten."""
        was = next((former for former in self.formerly if at < former.until), None)
        return self if was is None else replace(self, brand=was.brand, last4=was.last4)


class Consent(Entity):
    """The terms that a buyer agreed to: when, from where, in which language, at which price (C-6).

    `price_shown` is the whole price in words, `shown` everything shown with it, and `terms_hash`
    the page's hash of that. The last two are None for purchases made before they were kept;
    `price_shown` of those is only the amount charged that day. `ip_country` is where the buyer was,
    `card_country` where their card was issued; None where nobody said so (C-7). `starts_at_once`
    are the exact words of the box by which the buyer asked for an immediate start, None where they
    did not (X-10).
    """

    merchant: str
    customer: str
    purchase: str
    terms_version: str
    agreed_at: datetime
    ip: str
    language: str
    price_shown: str
    terms_hash: str | None = None
    shown: Disclosure | None = None
    ip_country: str | None = None
    card_country: str | None = None
    starts_at_once: str | None = None


class PurchaseBillTo(Entity):
    """The bill-to for future invoices of one purchase (B-8).

    It is stored beside the subscription, not in it, so that the item that every charge writes stays
    small.
    """

    merchant: str
    customer: str
    purchase: str
    bill_to: BillTo


class Entitlement(Entity):
    """Access to `grant` that comes from `source`, a subscription or a one-time purchase (C-3).

    The state of the source decides if it is open; `revoked_at` closes it for good.
    """

    merchant: str
    customer: str
    grant: str
    source: str
    since: datetime
    revoked_at: datetime | None = None


class Access(Value):
    """A customer's access to one grant, combined from all its sources.

    `until` is when the last source ends, if that is known.
    """

    grant: str
    active: bool
    until: datetime | None
    sources: tuple[str, ...]


def access(
    entitlements: Iterable[Entitlement],
    subscriptions: Iterable[Subscription],
    now: datetime,
    grace_days: int | None = None,
) -> list[Access]:
    """Returns a customer's access per grant at `now`, from the state of its sources alone (C-3,
    X-4, X-9).

    `grace_days` is the merchant's setting for past due subscriptions (R-5).
    """
    by_id = {subscription.id: subscription for subscription in subscriptions}
    sources: dict[str, list[tuple[str, datetime | None]]] = {}
    for entitlement in entitlements:
        open_sources = sources.setdefault(entitlement.grant, [])
        if entitlement.revoked_at is not None and entitlement.revoked_at <= now:
            continue
        subscription = by_id.get(entitlement.source)
        if subscription is None:
            open_sources.append((entitlement.source, entitlement.revoked_at))
        elif subscription.gives_access(now, grace_days):
            ends = (
                entitlement.revoked_at,
                subscription.access_until,
                subscription.grace_ends_at(grace_days),
            )
            first = min((end for end in ends if end is not None), default=None)
            open_sources.append((entitlement.source, first))
    return [_union(grant, open_sources) for grant, open_sources in sorted(sources.items())]


def _union(grant: str, open_sources: list[tuple[str, datetime | None]]) -> Access:
    ends = [until for _, until in open_sources]
    until = None if None in ends or not ends else max(end for end in ends if end is not None)
    return Access(grant, bool(open_sources), until, tuple(source for source, _ in open_sources))


EMAIL_MOST = 254
EMAIL = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,10}"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"
)
"""Matches an email address that mail can be sent to: dot-atoms at a DNS name (RFC 5321, 4.1.2)."""


def is_email(text: str) -> bool:
    """Checks that the text is an email address that mail can be sent to, unchanged."""
    return len(text) <= EMAIL_MOST and re.fullmatch(EMAIL, text) is not None


def normalised_email(email: str) -> str:
    """Returns an email trimmed and in lower case, to compare two spellings of one mailbox."""
    return email.strip().lower()


def email_hash(merchant: str, email: str) -> str:
    """Returns the hash of an email for use in keys; emails must not be readable in keys and
    logs."""
    return sha256(f"{merchant}\n{normalised_email(email)}".encode()).hexdigest()[:32]

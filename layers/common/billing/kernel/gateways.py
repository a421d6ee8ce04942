"""Values exchanged with a payment gateway, the same for all gateways (W-1 .. W-4, P-17).

A decline is a value, an outage is `errors.Unreachable`: unknown never means failed (R-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from billing.kernel.money import Currency, Money
from billing.kernel.values import Value, field

if TYPE_CHECKING:
    from billing.kernel.catalog import PriceType

SANDBOX = "sandbox"
"""The sandbox gateway, available until gateway keys are given; one for all merchants (W-3)."""

TEST_SUFFIX = "_test"
"""Suffix of our name of an account's test mode, to which a gateway may give the id of the live
one."""


class AccountRef(Value):
    """Identifies a merchant's account at a gateway.

    What is stored at a gateway account is handled there as long as any of it is open (W-6).
    """

    merchant: str
    gateway: str
    account: str

    @property
    def is_test(self) -> bool:
        """Tells whether an account is a test mode, by its name (W-3)."""
        return self.account.endswith(TEST_SUFFIX)


class AtGateway(Protocol):
    """Anything that belongs to a gateway account: an invoice, a subscription, a card, a refund."""

    @property
    def merchant(self) -> str: ...
    @property
    def gateway(self) -> str: ...
    @property
    def gateway_account(self) -> str: ...


class Capabilities(Value):
    """The features of a gateway; a product it cannot charge is refused at set-up (P-17, P-18).

    Known without a call to it. `minimum_minor` is the smallest charge in currencies that `minimums`
    does not name. `payments_lapse` means that a prepared payment does not last from one attempt to
    the next: each attempt prepares a new one, naming the payment before it.
    """

    minimum_minor: int
    minimums: Mapping[Currency, int] = field(default_factory=dict)
    cannot_charge: frozenset[PriceType] = frozenset()
    cannot_take: frozenset[Currency] = frozenset()
    manages_cards: bool = True
    payments_lapse: bool = False
    test: bool = False

    def minimum_in(self, currency: Currency) -> int:
        """Returns the smallest amount that can be charged in a currency, in minor units."""
        return self.minimums.get(currency, self.minimum_minor)


class TestCards(Value):
    """Collection by a choice of test cards, given by their tokens (W-3)."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    tokens: tuple[str, ...]


class TheirPage(Value):
    """Collection on the gateway's own page (`ports.Gateway.collect`), from which the buyer
    returns."""


class Element(Value):
    """Collection in the gateway's frame on our page, which `publishable_key` opens."""

    publishable_key: str


Collection = TestCards | TheirPage | Element
"""The ways a buyer can enter a payment method; a card number never passes through us (C-1)."""


class SavedMethod(Value):
    """A payment method that the gateway keeps for later off-session use.

    `expires_on` is YYYY-MM. `owner` is the customer that it was saved for, if the gateway keeps and
    returns that; `country` is where it was issued, if it says so.
    """

    token: str
    brand: str
    last4: str
    expires_on: str | None
    fingerprint: str | None
    owner: str | None = None
    country: str | None = None


class ChargeOrder(Value):
    """A request to charge the amount of one of our invoices.

    `payment_method` is the method it will likely be charged to, for gateways that need the
    payment's customer. `replaces` is the payment of the attempt before, where payments lapse.
    """

    invoice: str
    amount: Money
    account: str
    description: str
    payment_method: str
    replaces: str | None = None


class Succeeded(Value):
    """A successful payment.

    `charge` is the gateway's own id of it, None where there was nothing to charge.
    """

    charge: str | None


class Declined(Value):
    """A declined payment.

    `code` is of the one vocabulary of all gateways (the codes of card networks' declines, such as
    `insufficient_funds`), or a gateway's own; `retryable` is false for hard declines.
    """

    code: str
    retryable: bool = True


class ActionRequired(Value):
    """A payment for which the buyer must authenticate at `url` (3-D Secure).

    `url` is None after an off-session attempt if the gateway requires the buyer to be present
    first: confirming the same attempt again, with a return URL, gives it.
    """

    url: str | None


class Unconfirmed(Value):
    """A payment that is prepared but not confirmed: nothing was charged, nothing was declined."""


class Canceled(Value):
    """A payment that was cancelled at the gateway: it can never succeed any more."""


class Expired(Canceled):
    """A payment that expired, at a gateway where payments lapse: the invoice may get another
    one."""


Outcome = Succeeded | Declined | ActionRequired | Canceled
PaymentStatus = Succeeded | Declined | ActionRequired | Unconfirmed | Canceled


class RefundSucceeded(Value):
    """A refund that the gateway accepted; `refund` is the gateway's own id of it.

    The customer's bank may still send the money back weeks later; it is `RefundFailed` then.
    """

    refund: str


class RefundFailed(Value):
    """A refund that the gateway refused; `code` is its reason."""

    code: str


class GatewayRefund(Value):
    """A refund of a payment as the gateway has it now, whoever asked for it.

    `id` is the gateway's own. `key` is our key that it was made under, None for a refund made
    elsewhere: at the gateway's dashboard, or by another program.
    """

    id: str
    key: str | None
    amount: Money
    outcome: RefundSucceeded | RefundFailed


class About(StrEnum):
    """The kind of object that an event is about; it is always read again from the gateway.

    METHOD is a saved payment method whose details changed, such as a card that its bank renewed.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    OTHER = "other"


class GatewayEvent(Value):
    """A notice that something happened at the gateway; the details are read from the gateway (W-1).

    `id` and `type` are the gateway's own. `reference` is the payment's as `Gateway.prepare`
    returned it, of refunds and disputes too, or the saved method's as `Gateway.save_method` did;
    None where neither is meant or named. `at` is when it happened by the gateway's clock.
    """

    id: str
    type: str
    about: About
    reference: str | None
    at: datetime


class DisputeStanding(StrEnum):
    """The status of a chargeback; WON means that the money is ours again (W-4)."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Dispute(Value):
    """A chargeback as the gateway has it now; an inquiry that moves no money is not one.

    `amount` is what was taken back, which may be less than the payment, and once it is lost another
    than it was opened with; `reference` is the payment's.
    """

    id: str
    standing: DisputeStanding
    amount: Money
    reference: str
    opened_at: datetime

"""What passes between us and a payment gateway, whichever it is (W-1 .. W-4, P-17).

A decline is a value, an outage is `errors.Unreachable`: unknown never means failed (R-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from billing.kernel.money import Currency, Money

if TYPE_CHECKING:
    from billing.kernel.catalog import PriceType

SANDBOX = "sandbox"
"""The gateway that is there until keys are given, one for all merchants (W-3)."""


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Which account of which gateway, and whose it is; what is held there goes there for as long
    as anything of it is open (W-6)."""

    merchant: str
    gateway: str
    account: str


class AtGateway(Protocol):
    """Whatever lives at a gateway account: an invoice, a subscription, a card, a refund."""

    @property
    def merchant(self) -> str: ...
    @property
    def gateway(self) -> str: ...
    @property
    def gateway_account(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do; products are refused at set-up what it cannot charge (P-17, P-18).

    Known without asking it anything. `minimum_minor` is the least that is charged in whatever
    `minimums` does not name. `payments_lapse` says that a prepared payment does not last from one
    attempt to the next: each attempt prepares again, naming the payment before it.
    """

    minimum_minor: int
    minimums: Mapping[Currency, int] = field(default_factory=dict)
    cannot_charge: frozenset[PriceType] = frozenset()
    cannot_take: frozenset[Currency] = frozenset()
    manages_cards: bool = True
    payments_lapse: bool = False
    test: bool = False

    def minimum_in(self, currency: Currency) -> int:
        """The least that can be charged in a currency, in minor units."""
        return self.minimums.get(currency, self.minimum_minor)


@dataclass(frozen=True, slots=True)
class TestCards:
    """A buyer picks one of these test cards, by their tokens (W-3)."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TheirPage:
    """A buyer is sent to the gateway's own page (`ports.Gateway.collect`) and comes back."""


@dataclass(frozen=True, slots=True)
class Element:
    """A buyer types into the gateway's frame on our page, which `publishable_key` opens."""

    publishable_key: str


Collection = TestCards | TheirPage | Element
"""How a buyer gives a payment method; a card number never passes through us (C-1)."""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method that the gateway keeps for later off-session use; `expires_on` is
    YYYY-MM.

    `owner` is the customer that it was saved for, where the gateway keeps that and tells it.
    """

    token: str
    brand: str
    last4: str
    expires_on: str | None
    fingerprint: str | None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """What to charge: our invoice and its amount; `payment_method` is what it will likely be
    charged to, for gateways that want to know whose payment it is.

    `replaces` is the payment of the attempt before, where payments lapse.
    """

    invoice: str
    amount: Money
    account: str
    description: str
    payment_method: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The money moved; `charge` is the gateway's own id of it, None where there was none to
    move."""

    charge: str | None


@dataclass(frozen=True, slots=True)
class Declined:
    """The gateway said no. `code` is Stripe's decline code, `retryable` is false for hard
    declines."""

    code: str
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The buyer must authenticate at `url` (3-D Secure).

    None after an off-session attempt where the gateway wants them present first: confirming the
    same attempt once more, with somewhere to return to, gives the address.
    """

    url: str | None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Prepared and not confirmed: nothing was charged, nothing was declined."""


@dataclass(frozen=True, slots=True)
class Canceled:
    """Cancelled at the gateway: it can never succeed any more."""


@dataclass(frozen=True, slots=True)
class Expired(Canceled):
    """Over because its time was over, where payments lapse: the invoice may have another one."""


Outcome = Succeeded | Declined | ActionRequired | Canceled
PaymentStatus = Succeeded | Declined | ActionRequired | Unconfirmed | Canceled


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """The money is on its way back; `refund` is the gateway's own id of it.

    The customer's bank may send it back all the same, weeks later: it is `RefundFailed` then.
    """

    refund: str


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The gateway will not refund; `code` is its reason."""

    code: str


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund of a payment as the gateway has it now, whoever asked for it.

    `id` is the gateway's own; `key` is ours that it was made under, None for one that was made
    elsewhere: at the gateway's dashboard, or by another program.
    """

    id: str
    key: str | None
    amount: Money
    outcome: RefundSucceeded | RefundFailed


class About(StrEnum):
    """What an event says has changed; it is read afresh, whatever the event says of it.

    METHOD is a saved payment method whose details changed, such as a card that its bank renewed.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """That something happened at the gateway, never what: that is read afresh (W-1).

    `id` and `type` are the gateway's own. `reference` is the payment's as `Gateway.prepare`
    answered it, of refunds and disputes too, or the saved method's as `Gateway.save_method` did;
    None where neither is meant or named. `at` is when it happened by the gateway's clock.
    """

    id: str
    type: str
    about: About
    reference: str | None
    at: datetime


class DisputeStanding(StrEnum):
    """How a chargeback stands; WON means that the money is ours again (W-4)."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A chargeback as the gateway has it now; an inquiry that moves no money is none.

    `amount` is what was taken back, which may be part of the payment; `reference` is the payment's.
    """

    id: str
    standing: DisputeStanding
    amount: Money
    reference: str
    opened_at: datetime

"""What passes between us and a payment gateway, whichever it is (W-1 .. W-3, P-17).

A decline is a value, an outage is `errors.Unreachable`: unknown never means failed (R-6).
"""

from __future__ import annotations

from dataclasses import dataclass

from billing.catalog import PriceType
from billing.money import Money


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do; products are refused at set-up what it cannot charge (P-17, P-18)."""

    minimum_minor: int
    cannot_charge: frozenset[PriceType] = frozenset()
    manages_cards: bool = True
    test: bool = False


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method that the gateway keeps for later off-session use; `expires_on` is
    YYYY-MM."""

    token: str
    brand: str
    last4: str
    expires_on: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """What to charge: our invoice, its amount, and the gateway account it belongs to (W-6)."""

    invoice: str
    amount: Money
    account: str
    description: str


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
    """The buyer must authenticate at `url` (3-D Secure)."""

    url: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Prepared and not confirmed: nothing was charged, nothing was declined."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Cancelled at the gateway: it can never succeed any more."""


Outcome = Succeeded | Declined | ActionRequired | Withdrawn
Standing = Succeeded | Declined | ActionRequired | Unconfirmed | Withdrawn


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """The money is on its way back; `refund` is the gateway's own id of it."""

    refund: str


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The gateway will not refund; `code` is its reason."""

    code: str

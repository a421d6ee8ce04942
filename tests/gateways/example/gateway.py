"""Example Pay: an adapter at its smallest, over books that are in this process.

A real one asks an API here, and raises `errors.Unreachable` where it gets no answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from billing.gateways import event_signature
from billing.gateways.declines import AUTHENTICATION_REQUIRED
from billing.gateways.spec import SecretValues
from billing.kernel.errors import Conflict, Forged, Invalid, NotFound
from billing.kernel.gateways import (
    About,
    AccountRef,
    ActionRequired,
    Canceled,
    ChargeOrder,
    Declined,
    Dispute,
    Element,
    GatewayEvent,
    GatewayRefund,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.money import Money
from billing.kernel.values import Value
from tests.gateways.example.spec import EXAMPLE, capabilities

SIGNATURE_HEADER = "examplepay-signature"

DECLINES = {
    "REFUSED": Declined("card_declined"),
    "EMPTY": Declined("insufficient_funds"),
    "EXPIRED": Declined("expired_card", retryable=False),
    "LOCKED": Declined("examplepay_locked", retryable=False),
    "NOT_CONFIRMED": Declined(AUTHENTICATION_REQUIRED),
}
"""Example Pay's codes in our vocabulary; `messages/` has words for the one that is its own."""


class Purse(Value):
    """A card of Example Pay: its looks, and how a charge of it is answered."""

    brand: str
    last4: str
    answer: str | None = None
    saves: bool = True
    asks: bool = False


PURSES = {
    "pm_card_visa": Purse("visa", "4242"),
    "pm_card_mastercard": Purse("mastercard", "4444"),
    "pm_card_authenticationRequired": Purse("visa", "3184", asks=True),
    "pm_card_chargeDeclined": Purse("visa", "0002", "REFUSED", saves=False),
    "pm_card_chargeDeclinedInsufficientFunds": Purse("visa", "9995", "EMPTY"),
    "pm_card_chargeCustomerFail": Purse("visa", "0341", "REFUSED"),
    "pm_card_chargeDeclinedExpiredCard": Purse("visa", "0069", "EXPIRED"),
}


@dataclass
class Payment:
    """A payment in Example Pay's books; `end` is how it ended, None while it may still succeed."""

    order: ChargeOrder
    end: Succeeded | Canceled | None = None
    attempts: dict[str, Outcome] = field(default_factory=dict)
    refunds: dict[str, GatewayRefund] = field(default_factory=dict)


class ExampleGateway:
    """The gateway port over Example Pay; `locked` are the purses that their buyers locked there."""

    name = EXAMPLE

    def __init__(
        self,
        account: AccountRef,
        secrets: Callable[[bool], SecretValues],
        clock: Callable[[], datetime],
    ) -> None:
        self.account = account.account
        self.capabilities = capabilities(account)
        self.locked: set[str] = set()
        self.payments: dict[str, Payment] = {}
        self._secrets, self._clock = secrets, clock
        self._methods: dict[str, SavedMethod] = {}
        self._events: list[GatewayEvent] = []

    def collection(self) -> Element:
        return Element(self._secrets(False)["publishable_key"])

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        return f"https://examplepay.example/give/{_digest(key)}"

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        if token not in PURSES:
            raise Invalid("Example Pay has no such purse.", field="payment_method")
        purse = PURSES[token]
        if verify and not purse.saves:
            return DECLINES[purse.answer or "REFUSED"]
        name = f"{token}:{_digest(key)}"
        saved = SavedMethod(name, purse.brand, purse.last4, "2034-12", f"fp_{purse.last4}")
        return self._methods.setdefault(name, saved)

    def find_method(self, method: str) -> SavedMethod | None:
        return self._methods.get(method)

    def forget(self, method: str) -> None:
        self._methods.pop(method, None)

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        reference = f"xp_{_digest(key)}"
        known = self.payments.setdefault(reference, Payment(order))
        if known.order.amount != order.amount:
            raise Conflict("The same key with another amount.", code="idempotency_error")
        return reference

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        payment = self._payment(reference)
        known = payment.end or payment.attempts.get(key)
        comes_back = isinstance(known, ActionRequired) and return_url is not None
        if known is not None and not comes_back:
            return known
        purse = PURSES[method.partition(":")[0]]
        if purse.asks:
            page = f"https://examplepay.example/confirm/{reference}"
            payment.attempts[key] = ActionRequired(page if return_url else None)
            return payment.attempts[key]
        return self._ended(reference, key, "LOCKED" if method in self.locked else purse.answer)

    def answered(self, reference: str, succeeded: bool) -> None:
        """Lets the buyer answer on Example Pay's page; only the first answer counts."""
        for key, outcome in self._payment(reference).attempts.items():
            if isinstance(outcome, ActionRequired) and self._payment(reference).end is None:
                self._ended(reference, key, None if succeeded else "NOT_CONFIRMED")

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        payment = self._payment(reference)
        return payment.end or payment.attempts.get(attempt_key, Unconfirmed())

    def cancel(self, reference: str) -> PaymentStatus:
        payment = self._payment(reference)
        payment.end = payment.end or Canceled()
        return payment.end

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        payment = self._payment(reference)
        if key in payment.refunds:
            return payment.refunds[key].outcome
        gone = sum(each.amount.amount_minor for each in payment.refunds.values())
        if not isinstance(payment.end, Succeeded):
            return RefundFailed("charge_not_captured")
        if gone + amount.amount_minor > payment.order.amount.amount_minor:
            return RefundFailed("charge_already_refunded")
        made = RefundSucceeded(f"xr_{reference}_{len(payment.refunds)}")
        payment.refunds[key] = GatewayRefund(made.refund, key, amount, made)
        return made

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        found = self._payment(reference).refunds.get(key)
        return None if found is None else found.outcome

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        return list(self._payment(reference).refunds.values())

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        secret = self._secrets(False)["webhook_secret"]
        event_signature.verify(body, headers.get(SIGNATURE_HEADER, ""), [secret], now=now)
        told = {event.id: event for event in self._events}
        if (event := told.get(json.loads(body)["id"])) is None:
            raise Forged("This is no event.")
        return event

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        return [event for event in self._events if event.at >= since]

    def disputes(self, reference: str) -> Sequence[Dispute]:
        return []

    def _payment(self, reference: str) -> Payment:
        if reference not in self.payments:
            raise NotFound("Example Pay has no such payment.")
        return self.payments[reference]

    def _ended(self, reference: str, key: str, answer: str | None) -> Outcome:
        payment, number = self._payment(reference), len(self._events)
        about = GatewayEvent(f"xe_{number}", "payment", About.PAYMENT, reference, self._clock())
        self._events.append(about)
        if answer is None:
            payment.end = payment.attempts[key] = Succeeded(f"xc_{number}")
            return payment.end
        payment.attempts[key] = DECLINES[answer]
        return payment.attempts[key]


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:16]

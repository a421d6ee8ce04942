"""The sandbox: a real gateway with a ledger of its own and test payment methods (W-3).

It runs until keys are given. Payments are made in two steps: prepared once per invoice, confirmed
once per attempt, and successful once, ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from billing.gateways.sandbox import cards, events, payments
from billing.gateways.sandbox import refunds as sandbox_refunds
from billing.gateways.sandbox.cards import TEST_CARDS, TestCard
from billing.gateways.sandbox.faults import Faults, R
from billing.gateways.sandbox.ledger import Row, SandboxLedger
from billing.gateways.sandbox.payments import PendingAuthentication
from billing.gateways.sandbox.spec import CAPABILITIES
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from billing.kernel.gateways import (
    ChargeOrder,
    Declined,
    Dispute,
    DisputeStanding,
    GatewayEvent,
    GatewayRefund,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    TestCards,
)
from billing.kernel.money import Money

ASKED = ("invoice", "amount", "currency", "description")
"""The fields of a payment that a repeated key must name as before."""


class SandboxGateway:
    """The gateway port over a ledger.

    `clock` is the gateway's own, `draw` draws the secret that its events are signed with.
    """

    name = "sandbox"
    account = "sandbox"
    capabilities = CAPABILITIES

    def __init__(
        self,
        ledger: SandboxLedger,
        clock: Callable[[], datetime],
        draw: Callable[[], str] | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._draw = draw
        self.faults = Faults()

    def collection(self) -> TestCards:
        """Returns the test cards, which are picked from a list."""
        return TestCards(tuple(TEST_CARDS))

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """Raises `Refused`: the sandbox has no page to give a card on."""
        raise Refused("no_page")

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Saves a test card; a verified one is declined at once if its bank would."""
        return self.faults.around(lambda: self._save_method(token, key, verify))

    def _save_method(self, token: str, key: str, verify: bool) -> SavedMethod | Declined:
        card = TEST_CARDS.get(token)
        if card is None:
            raise Invalid("payment_method_unknown", field="payment_method")
        if verify and not card.saves:
            assert card.decline is not None
            return card.decline
        return cards.made(card, f"{card.token}:{_digest(key, card.token)}")

    def find_method(self, method: str) -> SavedMethod | None:
        """Finds a saved card as its bank has renewed it, if it has."""
        return self.faults.around(lambda: cards.found(self._ledger, method))

    def forget(self, method: str) -> None:
        """Does nothing: the sandbox keeps no cards, a saved one is its name and a number."""
        self.faults.around(lambda: None)

    def renew_card(self, method: str, *, last4: str, expires_on: str) -> None:
        """Gives the customer another card, as their bank would; the saved one stays the same."""
        cards.renew(self._ledger, method, last4, expires_on, self._clock())

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """Creates an unconfirmed payment; the same key for another order is refused."""
        return self.faults.around(lambda: self._prepare(order, key))

    def _prepare(self, order: ChargeOrder, key: str) -> str:
        reference = f"pi_sandbox_{_digest(order.account, key)}"
        payment = {
            "id": reference,
            "invoice": order.invoice,
            "amount": order.amount.amount_minor,
            "currency": order.amount.currency.value,
            "description": order.description,
            "state": "unconfirmed",
            "attempts": {},
            "charges": [],
            "refunds": {},
            "disputes": [],
            "events": [],
        }
        if not self._ledger.write(reference, payment, revision=0):
            known, _ = self._read(reference)
            # A payment of an earlier release has no description.
            if any(known.get(name, payment[name]) != payment[name] for name in ASKED):
                raise Conflict(code="idempotency_error")
        return reference

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Charges the card once per key; a payment that succeeded stays so whatever the key."""
        card = TEST_CARDS[method.partition(":")[0]]
        return self.faults.around(
            lambda: self._change(reference, lambda p: self._confirmed(p, card, key, return_url))
        )

    def _confirmed(self, payment: Row, card: TestCard, key: str, return_url: str | None) -> Outcome:
        return payments.confirm(payment, card, key, return_url, self._clock())

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        """Reads the status of a payment from the ledger itself."""
        return self.faults.around(lambda: payments.status_of(self._read(reference)[0], attempt_key))

    def cancel(self, reference: str) -> PaymentStatus:
        """Withdraws a payment unless it succeeded."""

        def withdrawn(payment: Row) -> PaymentStatus:
            return payments.withdraw(payment, self._clock())

        return self.faults.around(lambda: self._change(reference, withdrawn))

    def pending_authentication(self, reference: str) -> PendingAuthentication | None:
        """Returns the payment that waits for its buyer under this reference, if any does."""
        payment, _ = self._read(reference)
        if payment["state"] != "requires_action":
            return None
        return PendingAuthentication(payment["amount"], payment["currency"])

    def authenticate(self, reference: str, *, succeeded: bool) -> str | None:
        """Records the buyer's answer on the bank's page and returns the address to go back to.

        Asked twice, done once.
        """
        return self._change(
            reference, lambda p: payments.authenticate(p, self._clock(), succeeded=succeeded)
        )

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Refunds money once per key, and never more than was charged."""

        def made(payment: Row) -> RefundSucceeded | RefundFailed:
            return sandbox_refunds.make(payment, amount.amount_minor, key, self._clock())

        return self.faults.around(lambda: self._change(reference, made))

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """Finds the refund that was made under a key."""
        return self.faults.around(lambda: sandbox_refunds.found(self._read(reference)[0], key))

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """Lists all refunds of one payment, read from the ledger itself."""
        return self.faults.around(lambda: sandbox_refunds.of(self._read(reference)[0], ours))

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """Parses an event that the sandbox signed with the secret in its ledger."""
        return events.parse(self._ledger, body, headers, now)

    def signed(self, event: GatewayEvent) -> tuple[bytes, dict[str, str]]:
        """Returns the body and the headers of an event as the sandbox sends it now."""
        assert self._draw is not None, "who sends events says how their secret is drawn"
        return events.signed(self._ledger, event, self._draw, self._clock())

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        """Lists everything that happened since, whether an event was sent or not."""

        def listed() -> list[GatewayEvent]:
            rows = events.happened(self._ledger.rows())
            found = [event for row in rows for event in events.events_of(row, since)]
            return sorted(found, key=lambda e: (e.at, e.id))

        return self.faults.around(listed)

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """Lists the chargebacks of one payment, read from the ledger itself."""
        return self.faults.around(lambda: events.disputes_of(self._read(reference)[0]))

    def refund_elsewhere(self, reference: str, amount_minor: int) -> RefundSucceeded | RefundFailed:
        """Refunds a payment as the merchant would at the sandbox itself, past us."""
        return self._change(
            reference, lambda p: sandbox_refunds.make(p, amount_minor, None, self._clock())
        )

    def send_back(self, reference: str, refund: str) -> None:
        """Sends a refund back, as the customer's bank would."""
        self._change(reference, lambda p: sandbox_refunds.send_back(p, refund, self._clock()))

    def open_dispute(self, reference: str, amount_minor: int | None = None) -> str:
        """Disputes all that is left of a payment, or some of it; returns the dispute's id."""

        def opened(payment: Row) -> str:
            left = payment["amount"] - events.gone_minor(payment)
            amount = left if amount_minor is None else amount_minor
            return events.open_dispute(payment, amount, self._clock())

        return self._change(reference, opened)

    def close_dispute(
        self,
        reference: str,
        dispute: str,
        standing: DisputeStanding,
        amount_minor: int | None = None,
    ) -> None:
        """Decides a dispute, as the bank would; a lost one took all of it, or that amount."""
        self._change(
            reference,
            lambda p: events.close_dispute(p, dispute, standing, self._clock(), amount_minor),
        )

    def appeal_dispute(self, reference: str, dispute: str) -> None:
        """Opens a lost dispute again, as some gateways do when their seller appeals."""
        self._change(reference, lambda p: events.appeal_dispute(p, dispute, self._clock()))

    def charges(self) -> list[dict[str, Any]]:
        """Lists the charges that really happened, newest first, in CONTRACT.md's shape."""
        return payments.charges(self._ledger.rows(), self.name)

    def _read(self, reference: str) -> tuple[Row, int]:
        found = self._ledger.read(reference)
        if found is None:
            raise NotFound("payment_unknown", note=f"The sandbox has no payment {reference}.")
        row, revision = found
        copy = {name: _copy(value) for name, value in row.items()}
        return {"disputes": [], "events": [], **copy}, revision

    def _change(self, reference: str, change: Callable[[Row], R]) -> R:
        """Reads, changes and writes back a payment, again when another call came between."""
        for _ in range(20):
            payment, revision = self._read(reference)
            result = change(payment)
            if self._ledger.write(reference, payment, revision=revision):
                return result
        raise Unavailable("The sandbox's ledger is contended.")


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:24]

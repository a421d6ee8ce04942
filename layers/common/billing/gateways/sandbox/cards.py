"""The sandbox's test cards, and the saved ones as their banks renewed them (W-3, W-7).

A saved card is its name and a number: the sandbox keeps a row only of one that was renewed.
"""

from __future__ import annotations

from datetime import datetime

from billing.gateways.sandbox import events
from billing.gateways.sandbox.ledger import SandboxLedger
from billing.kernel.errors import Invalid, Unavailable
from billing.kernel.gateways import Declined, SavedMethod
from billing.kernel.values import Value

EXPIRES_ON = "2034-12"
ISSUED_IN = "US"
TRIES = 20


class TestCard(Value):
    """A test payment method: its looks, and the result of a charge.

    `decline` is the code that charging it gives; `saves` is whether the bank lets it be saved
    unseen; `authenticates` asks for 3-D Secure each time.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    token: str
    brand: str
    last4: str
    decline: Declined | None = None
    saves: bool = True
    authenticates: bool = False


TEST_CARDS = {
    card.token: card
    for card in (
        TestCard("pm_card_visa", "visa", "4242"),
        TestCard("pm_card_mastercard", "mastercard", "4444"),
        TestCard("pm_card_authenticationRequired", "visa", "3184", authenticates=True),
        TestCard("pm_card_chargeDeclined", "visa", "0002", Declined("card_declined"), saves=False),
        TestCard(
            "pm_card_chargeDeclinedInsufficientFunds",
            "visa",
            "9995",
            Declined("insufficient_funds"),
            saves=False,
        ),
        TestCard("pm_card_chargeCustomerFail", "visa", "0341", Declined("card_declined")),
        TestCard(
            "pm_card_chargeDeclinedExpiredCard",
            "visa",
            "0069",
            Declined("expired_card", retryable=False),
            saves=False,
        ),
    )
}
"""The test cards by their names, as CONTRACT.md lists them."""


def made(card: TestCard, token: str) -> SavedMethod:
    """Returns a test card as a saved method."""
    fingerprint = f"fp_{card.last4}"
    return SavedMethod(token, card.brand, card.last4, EXPIRES_ON, fingerprint, country=ISSUED_IN)


def found(ledger: SandboxLedger, method: str) -> SavedMethod | None:
    """Finds a saved card as it is now; None for what was never one."""
    card = TEST_CARDS.get(method.partition(":")[0])
    if card is None or ":" not in method:
        return None
    kept = ledger.read(method)
    if kept is None:
        return made(card, method)
    row, _ = kept
    # A new number gets a new fingerprint: it compares as another card.
    fingerprint = f"fp_{row['last4']}"
    return SavedMethod(
        method, card.brand, row["last4"], row["expires_on"], fingerprint, country=ISSUED_IN
    )


def renew(ledger: SandboxLedger, method: str, last4: str, expires_on: str, at: datetime) -> None:
    """Gives a card another number and another date, and notes the event of it."""
    if found(ledger, method) is None:
        raise Invalid("payment_method_unknown", field="payment_method")
    for _ in range(TRIES):
        row, revision = ledger.read(method) or ({}, 0)
        earlier = list(row.get("events", ()))
        after = {"id": method, "last4": last4, "expires_on": expires_on, "events": earlier}
        events.note(after, events.RENEWED, at)
        if ledger.write(method, after, revision=revision):
            return
    raise Unavailable("The sandbox's ledger is contended.")

"""The loopback PayPal's books: agreements, orders, captures, refunds, disputes, events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from dev.paypal.answers import Json, Refusal

ORDER_KEPT = timedelta(hours=3)
"""An order that was not captured is gone after this."""

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass
class Buyer:
    """A person with a PayPal account.

    `issue` is what becomes of captures of theirs, None when they pay, `capture` the status that a
    capture then has.
    """

    name: str
    issue: str | None = None
    capture: str = "COMPLETED"


BUYERS = {
    buyer.name: buyer
    for buyer in (
        Buyer("pays"),
        Buyer("declined", issue="INSTRUMENT_DECLINED"),
        Buyer("refused", issue="TRANSACTION_REFUSED"),
        Buyer("expired", issue="REFERENCED_CARD_EXPIRED"),
        Buyer("locked", issue="PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
        Buyer("must-approve", issue="PAYER_ACTION_REQUIRED"),
        Buyer("pending", capture="PENDING"),
    )
}
"""The buyers that a tester can choose on the approval page."""


PAYEE = {"email_address": "seller@example.com", "merchant_id": "X5XAHHCG636FA"}
"""The merchant that the app belongs to."""

KEPT = (
    "setups",
    "tokens",
    "orders",
    "captures",
    "disputes",
    "events",
    "charges",
    "untold",
    "webhooks",
    "drawn",
)
"""The fields that are saved; the buyers are not."""


@dataclass
class Books:
    """The state of one PayPal app; `clock` is PayPal's own."""

    clock: Callable[[], datetime]
    base_url: str
    blocks_duplicate_invoices: bool = True
    setups: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, Json] = field(default_factory=dict)
    orders: dict[str, Json] = field(default_factory=dict)
    captures: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    charges: list[Json] = field(default_factory=list)
    untold: list[Json] = field(default_factory=list)
    buyers: dict[str, Buyer] = field(default_factory=lambda: dict(BUYERS))
    webhooks: dict[str, Json] = field(default_factory=dict)
    payee: Json = field(default_factory=lambda: dict(PAYEE))
    drawn: int = 0

    def saved(self) -> Json:
        """Returns the whole state as JSON."""
        return {name: getattr(self, name) for name in KEPT}

    def restore(self, kept: Json) -> None:
        """Restores the state that `saved` returned."""
        for name, value in kept.items():
            setattr(self, name, value)

    def draw(self) -> str:
        """Draws seventeen symbols, as PayPal's ids have."""
        self.drawn += 1
        digest = int.from_bytes(sha256(f"{self.base_url}{self.drawn}".encode()).digest())
        symbols = []
        for _ in range(17):
            digest, place = divmod(digest, len(LETTERS))
            symbols.append(LETTERS[place])
        return "".join(symbols)

    @property
    def now(self) -> str:
        return written(self.clock())

    def link(self, rel: str, path: str, method: str = "GET") -> Json:
        return {"rel": rel, "href": self.base_url + path, "method": method}

    def order(self, order: str) -> Json:
        """Returns an order that PayPal still knows; raises `Refusal`."""
        found = self.orders.get(order)
        if found is None:
            raise Refusal(404, "INVALID_RESOURCE_ID")
        age = self.clock() - datetime.fromisoformat(found["create_time"])
        if found["status"] != "COMPLETED" and age >= ORDER_KEPT:
            raise Refusal(404, "INVALID_RESOURCE_ID")
        return found

    def buyer_of(self, token: str) -> Buyer:
        """Returns the buyer of a payment token's agreement.

        Raises `Refusal` for one that has ended.
        """
        kept = self.tokens.get(token)
        if kept is None:
            raise Refusal(422, "TOKEN_ID_NOT_FOUND")
        return self.buyers[kept["buyer"]]

    def note(self, kind: str, resource_type: str, resource: Json) -> None:
        """Adds an event to be delivered."""
        event = f"WH-{self.draw()}"
        self.untold.append({"event": event, "at": self.clock().isoformat(), "tries": 0})
        self.events.append(
            {
                "id": event,
                "create_time": self.now,
                "resource_type": resource_type,
                "event_version": "1.0",
                "event_type": kind,
                "summary": kind.lower(),
                "resource_version": "2.0",
                "resource": resource,
            }
        )

    def book(self, order: Json, status: str) -> None:
        """Adds one line of what really happened to the money."""
        unit = order["purchase_units"][0]
        self.charges.append(
            {
                "id": unit.get("payments", {}).get("captures", [{}])[-1].get("id", order["id"]),
                "order": order["id"],
                "gateway": "paypal",
                "invoice": unit.get("invoice_id"),
                "amount": {
                    "amount": minor(unit["amount"]),
                    "currency": unit["amount"]["currency_code"],
                },
                "refunded": 0,
                "status": status,
                "at": self.now,
            }
        )


def minor(amount: Json) -> int:
    """Returns a decimal string as cents."""
    units, _, cents = amount["value"].partition(".")
    return int(units) * 100 + int(cents.ljust(2, "0")[:2] or 0)


def decimal(amount_minor: int, like: Json) -> Json:
    """Returns cents as PayPal writes them, in the currency of another amount."""
    return {
        "currency_code": like["currency_code"],
        "value": f"{amount_minor // 100}.{amount_minor % 100:02d}",
    }


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

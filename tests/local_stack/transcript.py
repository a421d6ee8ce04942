"""The README's story, played against `make run` or the deployed stack."""

from __future__ import annotations

from typing import Any, Protocol


class Place(Protocol):
    """Where somebody can buy, and time can pass."""

    def buy(self, price_point: str, email: str, **fields: Any) -> tuple[int, Any]: ...
    def get(self, path: str) -> Any: ...
    def all(self, path: str) -> list[Any]: ...
    def charges(self) -> list[Any]: ...
    def mails(self) -> list[Any]: ...
    def pass_a_month(self) -> None: ...
    def fetch(self, url: str) -> bytes: ...


def what_happened(place: Place) -> tuple[list[str], list[tuple[str, int, str]]]:
    """Returns kinds of orders, and the gateway's charges, newest first."""
    orders = [order["kind"] for order in place.all("/v1/orders")]
    charges = place.charges()
    return orders, [(c["invoice"][-4:], c["amount"]["amount"], c["status"]) for c in charges]


SALE_AND_REBILL = (
    ["rebill", "sale"],
    [("0002", 2999, "succeeded"), ("0001", 2999, "succeeded")],
)


def a_purchase_and_a_month_later_its_rebill(place: Place, price_point: str) -> str:
    """Pattern Library at 29.99 a month, bought and renewed; the id of its subscription."""
    status, bought = place.buy(price_point, "ann@example.com")
    assert status == 201, bought
    assert bought["orders"] == [{"kind": "sale", "amount": {"amount": 2999, "currency": "USD"}}]
    place.pass_a_month()
    assert what_happened(place) == SALE_AND_REBILL
    mails = place.mails()
    receipt, notice, confirmation = (mail["subject"] for mail in mails)
    assert receipt.startswith("[TEST] Receipt: ")
    assert notice.startswith("[TEST] Pattern Library renews on ")
    assert confirmation.startswith("[TEST] Your purchase: ")
    links = [word for word in mails[0]["text"].split() if word.endswith("/invoice.pdf")]
    assert place.fetch(links[0]).startswith(b"%PDF-")
    subscription = place.get(f"/v1/subscriptions/{bought['subscription']}")
    assert subscription["payments_made"] == 2
    return str(subscription["id"])

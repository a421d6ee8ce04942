"""A clock turned by hand, and payments at the loopback PayPal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing.gateways.paypal.gateway import PayPalGateway
from billing.kernel.gateways import ChargeOrder, SavedMethod
from billing.kernel.money import Currency, Money
from dev.paypal.server import Loopback

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
USD = Currency.USD
BACK = "https://pay.example.com/checkout/acme.p/return?attempt=a"


class Clock:
    """Turned by hand, for us and for PayPal."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def order(invoice: str = "sub_1.0001", amount_minor: int = 2999, **fields: str) -> ChargeOrder:
    return ChargeOrder(invoice, Money(amount_minor, USD), "m", "Course", "8kk8451t", **fields)


def saved(gateway: PayPalGateway, paypal: Loopback, buyer: str = "pays") -> str:
    page = gateway.collect(key=f"page-{buyer}", return_url=BACK, cancel_url=BACK)
    _, _, query = paypal.buyer(page, buyer).partition("approval_token_id=")
    token = query.partition("&")[0]
    answer = gateway.save_method(token, owner="cus_1", key=f"save-{buyer}", verify=True)
    assert isinstance(answer, SavedMethod)
    return answer.token


def confirm(gateway: PayPalGateway, reference: str, method: str, key: str = "a:1") -> object:
    return gateway.confirm(reference, method, key=key, off_session=True, return_url=None)

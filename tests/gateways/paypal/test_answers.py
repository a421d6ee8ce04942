"""PayPal's answers that are late, lost or refused, and its keys (W-2, R-6)."""

from __future__ import annotations

import pytest

from billing.gateways.paypal.client import Keys, fitting
from billing.gateways.paypal.gateway import PayPalGateway
from billing.kernel.errors import RateLimited, Unavailable, Unreachable
from billing.kernel.gateways import AccountRef, Succeeded
from dev.paypal.server import Loopback
from tests import paypal as on_loopback
from tests.gateways.paypal.paying import Clock, confirm, order, saved


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "broken"])
def test_no_answer_is_unknown_and_the_same_key_finds_out(
    gateway: PayPalGateway, paypal: Loopback, fault: str
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    paypal.fail(fault, 2)
    with pytest.raises(Unreachable):
        confirm(gateway, reference, method)
    happened = isinstance(gateway.lookup(reference, attempt_key="a:1"), Succeeded)
    assert happened is (fault == "timeout_after")
    assert isinstance(confirm(gateway, reference, method), Succeeded)
    assert [c["status"] for c in paypal.books.charges] == ["succeeded"]


def test_one_lost_answer_is_asked_for_again_at_once(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    paypal.fail("timeout_after")
    assert isinstance(confirm(gateway, reference, method), Succeeded)
    assert len(paypal.books.charges) == 1


def test_a_busy_paypal_did_nothing(gateway: PayPalGateway, paypal: Loopback) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    paypal.fail("too_many")
    with pytest.raises(RateLimited):
        confirm(gateway, reference, method)
    assert paypal.books.charges == []


def test_an_access_token_that_ended_early_is_fetched_again(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    gateway.prepare(order(), key="k")
    paypal.sign_everybody_out()
    gateway.prepare(order("sub_1.0002"), key="k2")
    clock.pass_(days=1)
    gateway.prepare(order("sub_1.0003"), key="k3")


ACCOUNT = AccountRef("acme", "paypal", "merchant-1_test")


def test_keys_that_paypal_does_not_know_are_no_answer(paypal: Loopback, clock: Clock) -> None:
    wrong = {**on_loopback.keys(paypal), "client_secret": "wrong"}
    with pytest.raises(Unreachable, match="keys"):
        PayPalGateway(ACCOUNT, lambda fresh: wrong, clock, api_base=paypal.base_url).prepare(
            order(), key="k"
        )
    assert "wrong" not in repr(Keys.of(wrong))


def test_keys_that_were_changed_are_read_afresh(paypal: Loopback, clock: Clock) -> None:
    old = {**on_loopback.keys(paypal), "client_secret": "old"}
    asked: list[bool] = []

    def secrets(fresh: bool) -> dict[str, str]:
        asked.append(fresh)
        return on_loopback.keys(paypal) if fresh else old

    PayPalGateway(ACCOUNT, secrets, clock, api_base=paypal.base_url).prepare(order(), key="k")
    assert asked == [False, True]


@pytest.mark.parametrize("secret", [{}, {"client_id": "a", "client_secret": 1, "webhook_id": "w"}])
def test_keys_that_are_incomplete_say_what_is_missing(secret: dict[str, object]) -> None:
    with pytest.raises(Unavailable, match="keys lack client_"):
        Keys.of(secret)


def test_a_key_of_any_length_fits() -> None:
    assert fitting("sub_1.0001:1") == "sub_1.0001:1"
    assert len(fitting("x" * 200)) == 64
    assert fitting("ü") != fitting("ä")

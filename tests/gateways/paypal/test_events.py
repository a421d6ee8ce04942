"""PayPal's events: believed when PayPal vouches for them, and then read afresh (W-2, W-4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.gateways.paypal import vault as paypal_vault
from billing.gateways.paypal.gateway import PayPalGateway
from billing.kernel.errors import Forged, Unreachable
from billing.kernel.gateways import (
    About,
    ChargeOrder,
    Dispute,
    DisputeStanding,
    RefundFailed,
    SavedMethod,
)
from billing.kernel.money import Currency, Money
from dev.paypal import orders
from dev.paypal.server import Loopback
from tests import paypal as on_loopback
from tests.depth import examples

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
AMOUNT = Money(2999, Currency.USD)
DECISIONS = (
    ("ACCEPTED", DisputeStanding.LOST),
    ("RESOLVED_SELLER_FAVOUR", DisputeStanding.WON),
)


@pytest.fixture
def paypal() -> Iterator[Loopback]:
    with on_loopback.loopback(lambda: NOW) as running:
        yield running


@pytest.fixture
def gateway(paypal: Loopback) -> PayPalGateway:
    return on_loopback.gateway(paypal, lambda: NOW)


def paid(gateway: PayPalGateway, paypal: Loopback, buyer: str = "pays") -> str:
    page = gateway.collect(
        key="page", return_url="https://x.example/r", cancel_url="https://x.example/"
    )
    token = paypal.buyer(page, buyer).rpartition("=")[2]
    method = gateway.save_method(token, owner="c", key="s", verify=True)
    order = ChargeOrder("sub_1.0001", AMOUNT, "m", "Course", "x")
    reference = gateway.prepare(order, key="k")
    gateway.confirm(reference, method.token, key="a:1", off_session=True, return_url=None)  # type: ignore[union-attr]
    return reference


def newest(paypal: Loopback, kind: str) -> dict[str, object]:
    return next(e for e in reversed(paypal.books.events) if e["event_type"] == kind)


@pytest.mark.spec("W-2")
@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", About.PAYMENT),
        ("PAYMENT.CAPTURE.REFUNDED", About.REFUND),
        ("CUSTOMER.DISPUTE.CREATED", About.DISPUTE),
        ("CUSTOMER.DISPUTE.RESOLVED", About.DISPUTE),
    ],
)
def test_an_event_names_the_payment_and_nothing_else_of_it_is_believed(
    gateway: PayPalGateway, paypal: Loopback, kind: str, about: About
) -> None:
    reference = paid(gateway, paypal)
    gateway.refund(reference, Money(100, Currency.USD), key="r1")
    (capture,) = paypal.books.captures
    orders.close_dispute(paypal.books, orders.open_dispute(paypal.books, capture), "ACCEPTED")
    body, headers = paypal.deliver(newest(paypal, kind))
    for _ in range(2):
        event = gateway.parse_event(body, headers, now=NOW)
        assert (event.type, event.about, event.reference) == (kind, about, reference)
        assert event.at == NOW


@pytest.mark.spec("W-7")
def test_an_agreement_that_changed_is_named_as_it_was_saved(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    paid(gateway, paypal)
    (token,) = paypal.books.tokens
    paypal.update_agreement(token)
    updated = newest(paypal, "VAULT.PAYMENT-TOKEN.UPDATED")
    event = gateway.parse_event(*paypal.deliver(updated), now=NOW)
    assert (event.about, event.reference) == (About.METHOD, token)
    for strange in (None, 7, "", "a b", "x" * 37, {"id": token}):
        lie = {**updated, "resource": {"id": strange}}
        assert gateway.parse_event(*paypal.deliver(lie), now=NOW).reference is None


@pytest.mark.spec("W-7")
def test_a_card_of_the_vault_is_read_as_paypal_describes_it() -> None:
    card = {"last_digits": "1111", "brand": "VISA", "expiry": "2031-03"}
    kept = paypal_vault.saved({"id": "8kk8451t", "payment_source": {"card": card}})
    assert kept == SavedMethod("8kk8451t", "visa", "1111", "2031-03", None)


def test_what_is_about_no_payment_names_none(gateway: PayPalGateway, paypal: Loopback) -> None:
    paid(gateway, paypal)
    event = gateway.parse_event(
        *paypal.deliver(newest(paypal, "VAULT.PAYMENT-TOKEN.CREATED")), now=NOW
    )
    assert (event.about, event.reference) == (About.OTHER, None)
    stranger = {
        **newest(paypal, "PAYMENT.CAPTURE.COMPLETED"),
        "resource": {"id": "8AA", "amount": {}},
    }
    assert gateway.parse_event(*paypal.deliver(stranger), now=NOW).reference is None
    unknown = {**stranger, "event_type": "BILLING.PLAN.CREATED"}
    assert gateway.parse_event(*paypal.deliver(unknown), now=NOW).about is About.OTHER


@pytest.mark.spec("W-1", "W-2")
def test_what_paypal_did_not_sign_for_us_is_forged(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    paid(gateway, paypal)
    body, headers = paypal.deliver(newest(paypal, "PAYMENT.CAPTURE.COMPLETED"))
    wrong = [
        (body + b" ", headers),
        (body.replace(b"29.99", b"99.99"), headers),
        (body, {**headers, "paypal-transmission-sig": "s" + "0" * 64}),
        (body, {**headers, "paypal-cert-url": "https://api.paypal.com.evil.example/cert"}),
        (body, {**headers, "paypal-cert-url": "http://api.paypal.com/cert"}),
        (body, {**headers, "paypal-cert-url": "https://evil.example@api.paypal.com/cert"}),
        (body, {**headers, "paypal-cert-url": "https://[/"}),
        (body, {**headers, "paypal-transmission-time": "soon"}),
        (body, {**headers, "paypal-transmission-time": "2026-01-31T15:00:00"}),
        *((body, {k: v for k, v in headers.items() if k != name}) for name in headers),
    ]
    for sent, with_headers in wrong:
        if with_headers.keys() | {"content-type"} == headers.keys() and with_headers is not headers:
            continue  # the type of content is signed by nobody
        with pytest.raises(Forged):
            gateway.parse_event(sent, with_headers, now=NOW)
    for off in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(Forged, match="signature_too_old"):
            gateway.parse_event(body, headers, now=NOW + off)


def test_another_accounts_event_is_not_ours(gateway: PayPalGateway, paypal: Loopback) -> None:
    paid(gateway, paypal)
    paypal.webhook_id = "9XX44604YY999"
    with pytest.raises(Forged):
        gateway.parse_event(*paypal.deliver(newest(paypal, "PAYMENT.CAPTURE.COMPLETED")), now=NOW)


def test_a_paypal_that_cannot_say_leaves_it_open(gateway: PayPalGateway, paypal: Loopback) -> None:
    paid(gateway, paypal)
    body, headers = paypal.deliver(newest(paypal, "PAYMENT.CAPTURE.COMPLETED"))
    paypal.fail("broken", 2)
    with pytest.raises(Unreachable):
        gateway.parse_event(body, headers, now=NOW)


HEADERS = {
    "paypal-auth-algo": "SHA256withRSA",
    "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    "paypal-transmission-id": "tx-1",
    "paypal-transmission-sig": "s" + "0" * 64,
    "paypal-transmission-time": "2026-01-31T15:00:00Z",
}


@given(body=st.binary(max_size=60) | st.sampled_from([b"[]", b"null", b"NaN", b'{"a":NaN}']))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_never_reaches_paypal(gateway: PayPalGateway, body: bytes) -> None:
    try:
        is_object = isinstance(json.loads(body.decode()), dict) and b"NaN" not in body
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        with pytest.raises(Forged):
            gateway.parse_event(body, HEADERS, now=NOW)


@pytest.mark.parametrize("missing", ["id", "event_type", "create_time", "resource"])
def test_a_signed_thing_that_is_no_event_is_forged(
    gateway: PayPalGateway, paypal: Loopback, missing: str
) -> None:
    paid(gateway, paypal)
    whole = newest(paypal, "PAYMENT.CAPTURE.COMPLETED")
    part = {name: value for name, value in whole.items() if name != missing}
    with pytest.raises(Forged):
        gateway.parse_event(*paypal.deliver(part), now=NOW)


@pytest.mark.spec("W-1", "W-2")
def test_events_that_were_lost_are_asked_for(gateway: PayPalGateway, paypal: Loopback) -> None:
    reference = paid(gateway, paypal)
    gateway.refund(reference, Money(100, Currency.USD), key="r1")
    lost = gateway.events_since(NOW - timedelta(hours=1))
    assert {(e.about, e.reference) for e in lost if e.about is not About.OTHER} == {
        (About.PAYMENT, reference),
        (About.REFUND, reference),
    }
    assert list(gateway.events_since(NOW + timedelta(seconds=1))) == []


@pytest.mark.spec("W-4", "W-2")
@pytest.mark.parametrize(
    ("outcome", "standing"),
    [
        ("RESOLVED_BUYER_FAVOUR", DisputeStanding.LOST),
        ("ACCEPTED", DisputeStanding.LOST),
        ("RESOLVED_SELLER_FAVOUR", DisputeStanding.WON),
        ("RESOLVED_WITH_PAYOUT", DisputeStanding.WON),
        ("CANCELED_BY_BUYER", DisputeStanding.WON),
        ("NONE", DisputeStanding.WON),
    ],
)
def test_a_dispute_is_read_afresh_until_it_is_decided(
    gateway: PayPalGateway, paypal: Loopback, outcome: str, standing: DisputeStanding
) -> None:
    reference = paid(gateway, paypal)
    assert gateway.disputes(reference) == []
    (capture,) = paypal.books.captures
    dispute = orders.open_dispute(paypal.books, capture)
    opened = Dispute(dispute, DisputeStanding.OPEN, AMOUNT, reference, NOW)
    assert gateway.disputes(reference) == [opened]
    refused = gateway.refund(reference, Money(1, Currency.USD), key="r1")
    assert refused == RefundFailed("charge_disputed")
    orders.close_dispute(paypal.books, dispute, outcome)
    (decided,) = gateway.disputes(reference)
    assert decided.standing is standing


@pytest.mark.spec("W-4", "W-2")
def test_a_dispute_is_open_again_once_its_seller_appeals(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference = paid(gateway, paypal)
    (capture,) = paypal.books.captures
    dispute = orders.open_dispute(paypal.books, capture)
    for outcome, standing in DECISIONS:
        orders.close_dispute(paypal.books, dispute, outcome)
        assert [d.standing for d in gateway.disputes(reference)] == [standing]
        orders.appeal_dispute(paypal.books, dispute)
        assert [d.standing for d in gateway.disputes(reference)] == [DisputeStanding.OPEN]


@pytest.mark.spec("W-4")
def test_an_inquiry_that_took_no_money_is_no_dispute(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference = paid(gateway, paypal)
    (capture,) = paypal.books.captures
    inquiry = orders.open_dispute(paypal.books, capture, "INQUIRY")
    assert gateway.disputes(reference) == []
    orders.close_dispute(paypal.books, inquiry, "RESOLVED_BUYER_FAVOUR")
    assert [d.standing for d in gateway.disputes(reference)] == [DisputeStanding.LOST]


@pytest.mark.spec("W-4")
@pytest.mark.parametrize(
    ("took_minor", "standing", "amount_minor"),
    [
        (1000, DisputeStanding.LOST, 1000),
        (2999, DisputeStanding.LOST, 2999),
        (0, DisputeStanding.WON, 2999),
    ],
)
def test_a_lost_dispute_took_what_its_outcome_says_and_one_that_took_nothing_is_won(
    gateway: PayPalGateway,
    paypal: Loopback,
    took_minor: int,
    standing: DisputeStanding,
    amount_minor: int,
) -> None:
    reference = paid(gateway, paypal)
    (capture,) = paypal.books.captures
    dispute = orders.open_dispute(paypal.books, capture)
    orders.close_dispute(paypal.books, dispute, "RESOLVED_BUYER_FAVOUR", took_minor)
    (decided,) = gateway.disputes(reference)
    assert (decided.standing, decided.amount.amount_minor) == (standing, amount_minor)


@pytest.mark.spec("W-4", "W-2")
@pytest.mark.parametrize("refunded_minor", [0, 999, 1000, 2999])
def test_an_inquiry_took_what_its_outcome_says_unless_a_refund_gave_that(
    gateway: PayPalGateway, paypal: Loopback, refunded_minor: int
) -> None:
    """It may be the merchant's own refund that the outcome names."""
    reference = paid(gateway, paypal)
    if refunded_minor:
        gateway.refund(reference, Money(refunded_minor, Currency.USD), key="r1")
    (capture,) = paypal.books.captures
    inquiry = orders.open_dispute(paypal.books, capture, "INQUIRY")
    orders.close_dispute(paypal.books, inquiry, "RESOLVED_BUYER_FAVOUR", took_minor=1000)
    amounts = [dispute.amount.amount_minor for dispute in gateway.disputes(reference)]
    assert amounts == ([1000] if refunded_minor < 1000 else [])

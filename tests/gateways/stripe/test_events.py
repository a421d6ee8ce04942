"""Stripe's webhooks are believed only when signed for us, now; and then only as a hint (W-1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways import event_signature
from billing.gateways.stripe import events as stripe_events
from billing.kernel.errors import Forged
from billing.kernel.gateways import About, GatewayEvent

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
SECRET = "whsec_current"

pytestmark = pytest.mark.spec("W-1")


def event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(NOW.timestamp()),
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        **fields,
    }


def parse(
    body: bytes,
    *,
    signed_with: tuple[str, ...] = (SECRET,),
    secrets: tuple[str, ...] = (SECRET,),
    at: datetime = NOW,
    now: datetime = NOW,
) -> GatewayEvent:
    header = event_signature.sign(body, signed_with, at)
    return stripe_events.parse(
        body, {"stripe-signature": header}, secrets=secrets, account="acct_1", now=now
    )


def parsed(**fields: Any) -> GatewayEvent:
    return parse(json.dumps(event(**fields)).encode())


def test_a_signed_event_names_its_payment() -> None:
    assert parsed() == GatewayEvent("evt_1", "payment_intent.succeeded", About.PAYMENT, "pi_1", NOW)


def test_the_sdk_takes_what_we_sign_and_we_take_what_it_signs() -> None:
    import stripe

    body = json.dumps(event())
    header = event_signature.sign(body.encode(), [SECRET], NOW)
    assert stripe.WebhookSignature.verify_header(body, header, SECRET, None)
    seconds = int(NOW.timestamp())
    theirs = stripe.WebhookSignature._compute_signature(f"{seconds}.{body}", SECRET)
    event_signature.verify(body.encode(), f"t={seconds},v1={theirs},v0=old", [SECRET], now=NOW)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("payment_intent.payment_failed", About.PAYMENT),
        ("charge.succeeded", About.PAYMENT),
        ("charge.refunded", About.REFUND),
        ("charge.refund.updated", About.REFUND),
        ("refund.created", About.REFUND),
        ("refund.failed", About.REFUND),
        ("charge.dispute.created", About.DISPUTE),
        ("charge.dispute.funds_reinstated", About.DISPUTE),
        ("checkout.session.completed", About.PAYMENT),
        ("payment_method.automatically_updated", About.METHOD),
        ("payment_method.card_automatically_updated", About.METHOD),
        ("payment_method.updated", About.METHOD),
        ("payment_method.attached", About.OTHER),
        ("payment_method.detached", About.OTHER),
        ("setup_intent.succeeded", About.OTHER),
        ("customer.subscription.updated", About.OTHER),
        ("charged", About.OTHER),
    ],
)
def test_a_type_says_what_it_is_about_and_an_unknown_one_is_other(kind: str, about: About) -> None:
    assert parsed(type=kind).about is about


@pytest.mark.parametrize(
    ("about", "reference"),
    [
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_2"}, "pi_2"),
        ({"object": "dispute", "id": "dp_1", "payment_intent": {"id": "pi_3"}}, "pi_3"),
        ({"object": "charge", "id": "ch_1", "payment_intent": None}, None),
        ({"object": "customer", "id": "cus_1"}, None),
        ({"object": "charge", "payment_intent": "p" * 300}, None),
        ({"object": "charge", "payment_intent": 7}, None),
    ],
)
def test_the_payment_is_found_in_whatever_object_it_is(about: Any, reference: str | None) -> None:
    assert parsed(data={"object": about}).reference == reference


@pytest.mark.spec("W-7")
@pytest.mark.parametrize(
    ("about", "reference"),
    [
        ({"object": "payment_method", "id": "pm_1", "customer": "cus_1"}, "cus_1:pm_1"),
        ({"object": "payment_method", "id": "pm_1", "customer": {"id": "cus_1"}}, "cus_1:pm_1"),
        ({"object": "payment_method", "id": "pm_1", "customer": None}, None),
        ({"object": "payment_method", "id": "pm_1", "customer": ""}, None),
        ({"object": "payment_method", "id": 7, "customer": "cus_1"}, None),
        ({"object": "payment_method", "customer": "cus_1"}, None),
        ({"object": "payment_method", "id": "p" * 300, "customer": "cus_1"}, None),
        ({"object": "payment_intent", "id": "pi_1", "customer": "cus_1"}, None),
    ],
)
def test_a_card_that_changed_is_named_as_it_was_saved(about: Any, reference: str | None) -> None:
    kind = "payment_method.automatically_updated"
    assert parsed(type=kind, data={"object": about}).reference == reference


def test_a_thin_event_is_refused_by_its_name() -> None:
    thin = {"id": "evt_1", "object": "v2.core.event", "type": "v1.charge.refunded"}
    thin |= {"related_object": {"id": "ch_1", "type": "charge"}}
    with pytest.raises(Forged, match="event_thin"):
        parse(json.dumps(thin).encode())
    for other in ("[]", "7", "null"):
        with pytest.raises(Forged, match="event_malformed"):
            parse(other.encode())


def test_while_secrets_are_rotated_either_is_good() -> None:
    body = json.dumps(event()).encode()
    both = ("whsec_old", "whsec_new")
    for signer in both:
        assert parse(body, signed_with=(signer,), secrets=both)
    assert parse(body, signed_with=both, secrets=("whsec_new",))
    with pytest.raises(Forged, match="signature_wrong"):
        parse(body, signed_with=("whsec_stolen",), secrets=both)
    with pytest.raises(Forged, match="signature_wrong"):
        parse(body, secrets=())


@pytest.mark.parametrize("seconds", [-301, 301, -(10**6), 10**6])
def test_a_signature_from_long_ago_or_from_the_future_is_refused(seconds: int) -> None:
    body = json.dumps(event()).encode()
    with pytest.raises(Forged, match="signature_too_old"):
        parse(body, at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_that_is_off_by_five_minutes_is_good_enough(seconds: int) -> None:
    assert parse(json.dumps(event()).encode(), at=NOW + timedelta(seconds=seconds))


def test_an_event_of_another_account_is_not_ours() -> None:
    assert parsed(account="acct_1")
    for other in ("acct_2", None, 1):
        with pytest.raises(Forged, match="event_of_other_account"):
            parsed(account=other)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=" + "a" * 64,
        "t=x,v1=" + "a" * 64,
        f"t={int(NOW.timestamp())},t=1,v1=" + "a" * 64,
        f"t={int(NOW.timestamp())},v1=" + "A" * 64,
        f"t={int(NOW.timestamp())},v1=é" + "a" * 63,
        "t=" + "9" * 5000 + ",v1=" + "a" * 64,
        "," * 100_000,
    ],
)
def test_a_header_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(Forged):
        stripe_events.parse(
            b"{}", {"stripe-signature": header}, secrets=[SECRET], account="acct_1", now=NOW
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"1",
        b"{}",
        b"[" * 100_000,
        b"{" * 10,
        b'{"id":1,"type":"x","created":1,"data":{"object":{}}}',
        b'{"id":"e","type":"x","created":1e300,"data":{"object":{}}}',
        b'{"id":"e","type":"x","created":"1","data":{"object":{}}}',
        b'{"id":"e","type":"x","created":1,"data":{"object":[]}}',
        b'{"id":"e","type":"x","created":1,"data":[]}',
        b'{"id":"e","type":"x","created":' + b"9" * 5000 + b',"data":{"object":{}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Forged):
        parse(body)


@given(st.binary(max_size=300), st.text(max_size=120), st.lists(st.text(), max_size=3))
def test_no_bytes_and_no_header_escape_as_another_error(
    body: bytes, header: str, secrets: list[str]
) -> None:
    headers = {"stripe-signature": header}
    with pytest.raises(Forged):
        stripe_events.parse(body, headers, secrets=secrets, account="acct_1", now=NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(event(), JSON)))
def test_a_signed_event_of_any_shape_is_read_or_refused(fields: dict[str, Any]) -> None:
    body = json.dumps(event(**fields)).encode()
    try:
        found = parse(body)
    except Forged:
        return
    assert found.at.tzinfo is UTC
    assert isinstance(found.reference, str | None)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_byte_can_be_changed(place: int, byte: int) -> None:
    body = json.dumps(event()).encode()
    header = event_signature.sign(body, [SECRET], NOW)
    changed = bytearray(body)
    changed[place % len(body)] = byte
    if bytes(changed) == body:
        return
    with pytest.raises(Forged, match="signature_wrong"):
        event_signature.verify(bytes(changed), header, [SECRET], now=NOW)

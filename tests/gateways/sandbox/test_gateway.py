"""The sandbox as no other gateway is, over each way that it keeps its books (W-3, W-4)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from billing.gateways.sandbox.cards import TEST_CARDS
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import DynamoLedger, MemoryLedger
from billing.kernel.errors import Conflict, Forged, Invalid, Unreachable
from billing.kernel.gateways import (
    About,
    ActionRequired,
    ChargeOrder,
    Declined,
    Dispute,
    DisputeStanding,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.storage.dynamo import calls
from billing.storage.dynamo import tables as dynamo_tables

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
USD = Currency.USD
Make = Callable[[], SandboxGateway]


@pytest.fixture(params=["memory", "dynamodb"])
def gateway(request: pytest.FixtureRequest) -> SandboxGateway:
    if request.param == "memory":
        return SandboxGateway(MemoryLedger(), lambda: NOW, draw=lambda: "s" * 32)
    request.getfixturevalue("moto")
    model = dynamo_tables.named(dynamo_tables.Ephemeral, "sandbox", region="eu-west-1")
    model.create_table()
    return SandboxGateway(
        DynamoLedger("sandbox", calls.connect(os.urandom)), lambda: NOW, draw=lambda: "s" * 32
    )


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> object:
    from moto import mock_aws

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


def order(invoice: str = "sub_1.0001", amount_minor: int = 2999) -> ChargeOrder:
    return ChargeOrder(invoice, Money(amount_minor, USD), "sandbox", "Course", "pm_card_visa:1")


def saved(gateway: SandboxGateway, card: str = "pm_card_visa") -> str:
    answer = gateway.save_method(card, owner="cus_1", key=f"save:{card}", verify=False)
    assert isinstance(answer, SavedMethod)
    return answer.token


def confirm(gateway: SandboxGateway, reference: str, method: str, key: str) -> object:
    return gateway.confirm(reference, method, key=key, off_session=True, return_url=None)


@pytest.mark.spec("W-3")
@pytest.mark.parametrize("card", [c for c in TEST_CARDS.values() if c.decline])
def test_a_declined_attempt_stays_declined_and_the_next_is_its_own(
    gateway: SandboxGateway, card: object
) -> None:
    token, decline = card.token, card.decline  # type: ignore[attr-defined]
    reference = gateway.prepare(order(), key="k")
    assert confirm(gateway, reference, saved(gateway, token), "a:1") == decline
    assert confirm(gateway, reference, saved(gateway), "a:1") == decline
    assert gateway.lookup(reference, attempt_key="a:1") == decline
    assert gateway.lookup(reference, attempt_key="a:2") == Unconfirmed()
    assert isinstance(confirm(gateway, reference, saved(gateway), "a:2"), Succeeded)
    assert [c["status"] for c in gateway.charges()] in (
        ["succeeded", "declined"],
        ["declined", "succeeded"],
    )


@pytest.mark.spec("W-3")
def test_a_bank_that_declines_declines_to_save_too_when_it_is_asked(
    gateway: SandboxGateway,
) -> None:
    refused = gateway.save_method("pm_card_chargeDeclined", owner="c", key="k", verify=True)
    assert refused == Declined("card_declined")
    fails_later = gateway.save_method("pm_card_chargeCustomerFail", owner="c", key="k", verify=True)
    assert isinstance(fails_later, SavedMethod)
    with pytest.raises(Invalid, match="payment_method_unknown"):
        gateway.save_method("pm_card_unknown", owner="c", key="k", verify=True)


@pytest.mark.spec("C-4")
@pytest.mark.parametrize("succeeded", [True, False])
def test_authentication_is_answered_once(gateway: SandboxGateway, succeeded: bool) -> None:
    reference = gateway.prepare(order(), key="k")
    method = saved(gateway, "pm_card_authenticationRequired")
    asked = confirm(gateway, reference, method, "a:1")
    assert isinstance(asked, ActionRequired)
    assert reference in asked.url
    gateway.authenticate(reference, succeeded=succeeded)
    gateway.authenticate(reference, succeeded=not succeeded)
    standing = gateway.lookup(reference, attempt_key="a:1")
    assert isinstance(standing, Succeeded if succeeded else Declined)


def disputed(gateway: SandboxGateway) -> tuple[str, str]:
    reference = gateway.prepare(order(), key="k")
    confirm(gateway, reference, saved(gateway), "a:1")
    return reference, gateway.open_dispute(reference)


@pytest.mark.spec("W-4")
@pytest.mark.parametrize("standing", [DisputeStanding.WON, DisputeStanding.LOST])
def test_a_dispute_is_read_afresh_until_it_is_decided_once(
    gateway: SandboxGateway, standing: DisputeStanding
) -> None:
    reference, dispute = disputed(gateway)
    opened = Dispute(dispute, DisputeStanding.OPEN, Money(2999, USD), reference, NOW)
    assert list(gateway.disputes(reference)) == [opened]
    for decided in (standing, DisputeStanding.WON, DisputeStanding.LOST):
        gateway.close_dispute(reference, dispute, decided)
    assert list(gateway.disputes(reference)) == [replace(opened, standing=standing)]


@pytest.mark.spec("W-4", "B-7")
def test_what_is_disputed_is_not_given_back_too(gateway: SandboxGateway) -> None:
    reference, dispute = disputed(gateway)
    held = gateway.refund(reference, Money(1, USD), key="r1")
    assert held == RefundFailed("charge_disputed")
    gateway.close_dispute(reference, dispute, DisputeStanding.WON)
    assert isinstance(gateway.refund(reference, Money(1, USD), key="r1"), RefundSucceeded)
    with pytest.raises(Invalid, match="more_than_left"):
        gateway.open_dispute(reference, 2999)
    with pytest.raises(Invalid, match="dispute_unknown"):
        gateway.close_dispute(reference, "dp_unknown", DisputeStanding.WON)


@pytest.mark.spec("W-4", "B-7")
def test_a_lost_dispute_took_a_part_or_more_and_never_what_went_back_before(
    gateway: SandboxGateway,
) -> None:
    reference = gateway.prepare(order(), key="k")
    confirm(gateway, reference, saved(gateway), "a:1")
    gateway.refund(reference, Money(999, USD), key="r1")
    dispute = gateway.open_dispute(reference, 1500)
    with pytest.raises(Invalid, match="more_than_left"):
        gateway.close_dispute(reference, dispute, DisputeStanding.LOST, 2001)
    gateway.close_dispute(reference, dispute, DisputeStanding.LOST, 500)
    (lost,) = gateway.disputes(reference)
    assert (lost.standing, lost.amount) == (DisputeStanding.LOST, Money(500, USD))
    gateway.appeal_dispute(reference, dispute)
    gateway.close_dispute(reference, dispute, DisputeStanding.LOST, 2000)
    (lost,) = gateway.disputes(reference)
    assert lost.amount == Money(2000, USD)
    with pytest.raises(Invalid, match="more_than_left"):
        gateway.open_dispute(reference, 1)


def test_what_was_never_charged_is_not_disputed(gateway: SandboxGateway) -> None:
    with pytest.raises(Invalid, match="not_disputable"):
        gateway.open_dispute(gateway.prepare(order(), key="k"))


@pytest.mark.spec("W-1", "W-3")
def test_each_change_is_sent_as_one_signed_event(gateway: SandboxGateway) -> None:
    reference, dispute = disputed(gateway)
    gateway.close_dispute(reference, dispute, DisputeStanding.LOST)
    told = gateway.events_since(NOW)
    assert [(e.about, e.reference) for e in told] == [
        (About.PAYMENT, reference),
        (About.DISPUTE, reference),
        (About.DISPUTE, reference),
    ]
    assert len({e.id for e in told}) == 3
    assert list(gateway.events_since(NOW + timedelta(seconds=1))) == []
    for event in told:
        body, headers = gateway.signed(event)
        assert gateway.parse_event(body, headers, now=NOW) == event


@pytest.mark.spec("W-1")
def test_what_the_gateway_did_not_sign_is_forged(gateway: SandboxGateway) -> None:
    disputed(gateway)
    with pytest.raises(Forged):
        gateway.parse_event(b"{}", {}, now=NOW)
    body, headers = gateway.signed(gateway.events_since(NOW)[0])
    with pytest.raises(Forged):
        gateway.parse_event(body + b" ", headers, now=NOW)
    for off in (timedelta(seconds=301), timedelta(seconds=-301)):
        with pytest.raises(Forged, match="signature_too_old"):
            gateway.parse_event(body, headers, now=NOW + off)


@pytest.mark.spec("R-6", "W-3")
def test_a_key_is_for_one_order_alone(gateway: SandboxGateway) -> None:
    first = gateway.prepare(order(), key="k")
    assert gateway.prepare(replace(order(), payment_method="pm_card_visa:2"), key="k") == first
    for other in (order("sub_9.0001"), order(amount_minor=1), replace(order(), description="X")):
        with pytest.raises(Conflict):
            gateway.prepare(other, key="k")


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "unavailable"])
def test_faults_on_demand_fail_the_next_calls_and_no_more(
    gateway: SandboxGateway, kind: str
) -> None:
    gateway.faults.arm(kind, 2)
    for _ in range(2):
        with pytest.raises(Unreachable):
            gateway.prepare(order(), key="k")
    gateway.prepare(order(), key="k")
    with pytest.raises(Invalid):
        gateway.faults.arm("earthquake", 1)


@pytest.mark.spec("R-1")
def test_many_confirms_at_once_charge_once() -> None:
    gateway = SandboxGateway(MemoryLedger(), lambda: NOW)
    reference, method = gateway.prepare(order(), key="k"), saved(gateway)
    threads = [
        threading.Thread(target=confirm, args=(gateway, reference, method, f"a:{n % 3}"))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [c["status"] for c in gateway.charges()] == ["succeeded"]

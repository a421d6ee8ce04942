"""The promises of every gateway about refunds: once per key, and listed (W-1 .. W-3)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Unreachable
from billing.kernel.gateways import RefundFailed, RefundSucceeded, Succeeded
from tests.gateways.benches import Bench
from tests.gateways.calls import confirm, prepare, refund, save


@pytest.mark.spec("B-7")
def test_money_goes_back_once_per_key_and_never_more_than_came(bench: Bench) -> None:
    method = save(bench)
    reference = prepare(bench, method)
    assert isinstance(refund(bench, reference, 1, "r0"), RefundFailed)
    confirm(bench, reference, method, "a:1")
    assert bench.gateway.find_refund(reference, key=bench.key("r1")) is None
    first = refund(bench, reference, 2000, "r1")
    assert isinstance(first, RefundSucceeded)
    assert refund(bench, reference, 2000, "r1") == first
    assert bench.gateway.find_refund(reference, key=bench.key("r1")) == first
    assert isinstance(refund(bench, reference, 1000, "r2"), RefundFailed)
    rest = refund(bench, reference, 999, "r3")
    assert isinstance(rest, RefundSucceeded)
    assert rest != first
    assert isinstance(refund(bench, reference, 1, "r4"), RefundFailed)


@pytest.mark.spec("B-7", "W-1")
def test_what_went_back_past_us_is_listed_beside_ours_and_named_as_nobodys(bench: Bench) -> None:
    if bench.elsewhere is None:
        pytest.skip("nobody can refund past us here")
    method = save(bench)
    reference = prepare(bench, method)
    ours = [bench.key("r1"), bench.key("r2")]
    assert isinstance(confirm(bench, reference, method, "a:1"), Succeeded)
    assert list(bench.gateway.refunds(reference, ours=ours)) == []
    first = refund(bench, reference, 1000, "r1")
    stranger = bench.elsewhere(reference, 700)
    assert isinstance(first, RefundSucceeded)
    found = bench.gateway.refunds(reference, ours=ours)
    assert {(each.id, each.key, each.amount.amount_minor) for each in found} == {
        (first.refund, bench.key("r1"), 1000),
        (stranger, None, 700),
    }
    assert all(each.outcome == RefundSucceeded(each.id) for each in found)
    assert bench.gateway.find_refund(reference, key=bench.key("r2")) is None
    assert isinstance(refund(bench, reference, 2000, "r2"), RefundFailed), "less than that is left"


@pytest.mark.spec("B-7", "W-1")
def test_a_refund_that_a_bank_sent_back_has_failed_and_can_be_made_anew(bench: Bench) -> None:
    if bench.send_back is None:
        pytest.skip("no bank sends anything back here")
    method = save(bench)
    reference = prepare(bench, method)
    confirm(bench, reference, method, "a:1")
    went = refund(bench, reference, 2999, "r1")
    assert isinstance(went, RefundSucceeded)
    bench.send_back(reference, went.refund)
    (found,) = bench.gateway.refunds(reference, ours=[bench.key("r1")])
    assert (found.id, found.key) == (went.refund, bench.key("r1"))
    assert isinstance(found.outcome, RefundFailed)
    assert bench.gateway.find_refund(reference, key=bench.key("r1")) == found.outcome
    assert isinstance(refund(bench, reference, 2999, "r2"), RefundSucceeded)


@pytest.mark.spec("R-6", "B-7")
def test_a_refund_without_an_answer_is_found_by_its_key(bench: Bench) -> None:
    if bench.arm is None:
        pytest.skip("this gateway does not fail on demand")
    method = save(bench)
    reference = prepare(bench, method)
    confirm(bench, reference, method, "a:1")
    bench.arm("timeout_after", 1)
    with pytest.raises(Unreachable):
        refund(bench, reference, 2999, "r1")
    found = bench.gateway.find_refund(reference, key=bench.key("r1"))
    assert isinstance(found, RefundSucceeded)
    assert refund(bench, reference, 2999, "r1") == found

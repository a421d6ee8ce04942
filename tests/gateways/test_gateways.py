"""The promises of every gateway: one suite over the sandbox, Stripe, PayPal and the example that a
test adds (R-1, R-6, W-1 .. W-3).
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from billing.kernel.errors import Conflict, NotFound, Unreachable
from billing.kernel.gateways import (
    About,
    ActionRequired,
    Canceled,
    Declined,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.money import Currency
from tests.gateways.benches import NOW, Bench
from tests.gateways.calls import confirm, look, look_again, prepare, refund, save, tried


@pytest.mark.spec("R-6", "R-1")
@pytest.mark.parametrize("present", [True, False])
def test_a_payment_succeeds_once_whatever_the_key(bench: Bench, present: bool) -> None:
    method = save(bench)
    reference = prepare(bench, method)
    assert prepare(bench, method) == reference
    assert look(bench, reference, "a:1") == Unconfirmed()
    first = confirm(bench, reference, method, "a:1", present=present)
    assert isinstance(first, Succeeded)
    assert first.charge
    assert confirm(bench, reference, method, "a:1", present=present) == first
    assert confirm(bench, reference, method, "a:2") == first
    assert look(bench, reference, "a:1") == look(bench, reference, "a:9") == first
    assert bench.gateway.cancel(reference) == first


@pytest.mark.spec("R-6")
def test_the_same_key_for_another_amount_is_refused(bench: Bench) -> None:
    method = save(bench)
    prepare(bench, method)
    with pytest.raises(Conflict):
        prepare(bench, method, amount_minor=1234)


@pytest.mark.spec("R-1", "R-6")
def test_a_payment_that_is_left_behind_charges_nothing_and_is_in_nobodys_way(bench: Bench) -> None:
    """A renewal's, prepared before its invoice was written, and its amount was another by then."""
    method = save(bench)
    left = prepare(bench, method, key="sub_1.0001:of-2999")
    paid = prepare(bench, method, amount_minor=2499, key="sub_1.0001:of-2499")
    assert left != paid
    assert isinstance(confirm(bench, paid, method, "sub_1.0001:1"), Succeeded)
    assert prepare(bench, method, key="sub_1.0001:of-2999") == left
    assert look(bench, left, "sub_1.0001:1") == Unconfirmed()


@pytest.mark.spec("R-6")
def test_the_same_attempt_with_another_card_charges_nothing(bench: Bench) -> None:
    failing = save(bench, "pm_card_chargeCustomerFail")
    other = save(bench, beside=failing)
    reference = prepare(bench, failing)
    declined = confirm(bench, reference, failing, "a:1")
    if bench.refuses_other_parameters:
        with pytest.raises(Conflict):
            confirm(bench, reference, other, "a:1")
    else:
        assert confirm(bench, reference, other, "a:1") == declined
    assert look_again(bench, reference, failing, "a:1") == declined


@pytest.mark.spec("W-1", "W-3", "R-4")
@pytest.mark.parametrize(
    ("card", "code", "retryable"),
    [
        ("pm_card_chargeDeclined", "card_declined", True),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", True),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", False),
        ("pm_card_chargeCustomerFail", "card_declined", True),
    ],
)
def test_a_decline_says_why_and_whether_a_retry_may_help(
    bench: Bench, card: str, code: str, retryable: bool
) -> None:
    """Some banks refuse when a card is saved, all when it is charged; the words are the same."""
    kept = tried(bench, card)
    if isinstance(kept, SavedMethod):
        reference = prepare(bench, kept.token)
        answer: object = confirm(bench, reference, kept.token, "a:1")
        assert look_again(bench, reference, kept.token, "a:1") == answer
    else:
        answer = kept
    assert answer == Declined(code, retryable)


@pytest.mark.spec("R-4", "R-6")
def test_a_decline_is_that_attempts_alone(bench: Bench) -> None:
    failing = save(bench, "pm_card_chargeCustomerFail")
    good = save(bench, beside=failing)
    reference = prepare(bench, failing)
    declined = confirm(bench, reference, failing, "a:1")
    assert declined == Declined("card_declined")
    assert confirm(bench, reference, failing, "a:1") == declined
    assert look_again(bench, reference, failing, "a:1") == declined
    assert look(bench, reference, "a:2") == Unconfirmed()
    assert confirm(bench, reference, failing, "a:2") == declined
    assert look_again(bench, reference, failing, "a:2") == declined
    succeeded = confirm(bench, reference, good, "a:3")
    assert isinstance(succeeded, Succeeded)
    assert look(bench, reference, "a:2") == succeeded, "what was paid is paid"


@pytest.mark.spec("C-4")
@pytest.mark.parametrize("succeeded", [True, False])
def test_authentication_is_answered_once(bench: Bench, succeeded: bool) -> None:
    method = save(bench, "pm_card_authenticationRequired")
    reference = prepare(bench, method)
    asked = confirm(bench, reference, method, "a:1", present=True)
    assert isinstance(asked, ActionRequired)
    assert asked.url
    assert look(bench, reference, "a:1") == asked
    if bench.answer is None:
        pytest.skip("nobody can answer the bank's page from here")
    if not succeeded and not bench.tells_attempts_apart:
        pytest.skip("who does not approve just stays away")
    bench.answer(asked.url, succeeded)
    bench.answer(asked.url, not succeeded)
    standing = look_again(bench, reference, method, "a:1")
    if succeeded:
        assert isinstance(standing, Succeeded)
    else:
        assert standing == Declined("authentication_required")


@pytest.mark.spec("R-4", "C-4")
def test_who_was_not_there_can_authenticate_the_same_attempt_later(bench: Bench) -> None:
    method = save(bench, "pm_card_authenticationRequired")
    reference = prepare(bench, method)
    assert isinstance(confirm(bench, reference, method, "a:1"), ActionRequired)
    assert isinstance(look(bench, reference, "a:1"), ActionRequired)
    asked = confirm(bench, reference, method, "a:1", present=True)
    assert isinstance(asked, ActionRequired)
    assert asked.url
    if bench.answer is None:
        pytest.skip("nobody can answer the bank's page from here")
    bench.answer(asked.url, True)
    assert isinstance(look_again(bench, reference, method, "a:1"), Succeeded)


@pytest.mark.spec("R-4")
def test_a_new_attempt_ends_the_wait_for_the_buyer(bench: Bench) -> None:
    method = save(bench, "pm_card_authenticationRequired")
    good = save(bench, beside=method)
    reference = prepare(bench, method)
    asked = confirm(bench, reference, method, "a:1", present=True)
    assert isinstance(asked, ActionRequired)
    if bench.tells_attempts_apart:
        assert look(bench, reference, "a:2") == Unconfirmed()
    paid = confirm(bench, reference, good, "a:2")
    assert isinstance(paid, Succeeded)
    if bench.answer is not None:
        assert asked.url
        bench.answer(asked.url, False)
    assert look(bench, reference, "a:2") == paid


@pytest.mark.spec("X-6")
@pytest.mark.parametrize("waiting", [True, False])
def test_a_withdrawn_payment_never_succeeds(bench: Bench, waiting: bool) -> None:
    method = save(bench, "pm_card_authenticationRequired")
    good = save(bench, beside=method)
    reference = prepare(bench, method)
    if waiting:
        confirm(bench, reference, method, "a:1", present=True)
    bench.wait()
    assert bench.gateway.cancel(reference) == Canceled()
    assert bench.gateway.cancel(reference) == Canceled()
    assert isinstance(confirm(bench, reference, good, "a:2"), Canceled)
    assert isinstance(look(bench, reference, "a:1"), Canceled)


@pytest.mark.spec("W-1")
def test_what_happened_is_listed_and_read_afresh(bench: Bench) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5) if bench.run else NOW
    method = save(bench)
    reference = prepare(bench, method)
    confirm(bench, reference, method, "a:1")
    told = [e for e in bench.gateway.events_since(since) if e.reference == reference]
    assert About.PAYMENT in {event.about for event in told}
    assert list(bench.gateway.disputes(reference)) == []


def test_an_unknown_payment_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        look(bench, "pi_unknown", "a:1")


@pytest.mark.spec("P-18")
def test_the_least_amount_is_known_without_asking(bench: Bench) -> None:
    assert all(bench.gateway.capabilities.minimum_in(currency) > 0 for currency in Currency)
    assert bench.gateway.capabilities.test


@pytest.mark.spec("R-6", "R-1")
@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "unavailable"])
def test_an_unknown_outcome_is_resolved_by_the_same_key(bench: Bench, kind: str, call: int) -> None:
    """Whichever call of an attempt got no answer, asking and confirming again charges once."""
    if bench.arm is None:
        pytest.skip("this gateway does not fail on demand")
    method = save(bench)
    reference = prepare(bench, method)
    outcome: PaymentStatus = Unconfirmed()
    bench.arm(kind, call)
    for _ in range(2 * call + 2):
        try:
            outcome = look(bench, reference, "a:1")
            if isinstance(outcome, Unconfirmed):
                outcome = confirm(bench, reference, method, "a:1")
        except Unreachable:
            continue
        break
    bench.arm(kind, 0)
    assert isinstance(outcome, Succeeded)
    assert look(bench, reference, "a:1") == outcome
    assert isinstance(refund(bench, reference, 2999, "all"), RefundSucceeded)
    assert isinstance(refund(bench, reference, 1, "more"), RefundFailed), "charged once"


@pytest.mark.spec("R-1")
def test_many_confirms_at_once_charge_once(bench: Bench) -> None:
    method = save(bench)
    reference = prepare(bench, method)
    answers: list[Outcome] = []

    def attempt(number: int) -> None:
        try:
            answers.append(confirm(bench, reference, method, f"a:{number % 3}"))
        except Unreachable:
            return  # Another one is at work with this key, or on this payment.

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(answer) for answer in answers} == {Succeeded}
    assert len(set(answers)) == 1

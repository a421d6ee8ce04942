"""The promises of every gateway: one suite over the sandbox, Stripe, PayPal and the example that a
test adds (R-1, R-6, W-1 .. W-3).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, Unreachable
from billing.kernel.gateways import (
    About,
    ActionRequired,
    Canceled,
    ChargeOrder,
    Declined,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    TestCards,
    Unconfirmed,
)
from billing.kernel.money import Currency, Money
from tests.gateways.benches import BENCHES, NOW, Bench

USD = Currency.USD
RETURN = "https://pay.example.com/return"


@pytest.fixture(params=sorted(BENCHES))
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with BENCHES[request.param]() as made:
        yield made


def save(bench: Bench, card: str = "pm_card_visa", *, beside: str | None = None) -> str:
    kept = tried(bench, card, beside=beside)
    assert isinstance(kept, SavedMethod)
    return kept.token


def tried(bench: Bench, card: str, *, beside: str | None = None) -> SavedMethod | Declined:
    key, token = bench.key(f"save:{card}:{beside}"), bench.token(card)
    if token is None:
        pytest.skip("nobody pays like that here")
    return bench.gateway.save_method(token, owner="cus_1", key=key, verify=False, beside=beside)


def prepare(bench: Bench, method: str, name: str = "sub_1.0001", amount_minor: int = 2999) -> str:
    invoice = bench.key(name)
    amount = Money(amount_minor, USD)
    order = ChargeOrder(invoice, amount, bench.gateway.account, "Course", method)
    return bench.gateway.prepare(order, key=invoice)


def confirm(
    bench: Bench, reference: str, method: str, attempt: str, *, present: bool = False
) -> Outcome:
    return bench.gateway.confirm(
        reference,
        method,
        key=bench.key(attempt),
        off_session=not present,
        return_url=RETURN if present else None,
    )


def look(bench: Bench, reference: str, attempt: str) -> PaymentStatus:
    return bench.gateway.lookup(reference, attempt_key=bench.key(attempt))


def look_again(bench: Bench, reference: str, method: str, attempt: str) -> PaymentStatus:
    """Returns the outcome of an attempt.

    Where only the attempt's key tells, it confirms once more under it.
    """
    found = look(bench, reference, attempt)
    if bench.tells_attempts_apart:
        return found
    assert found == Unconfirmed()
    return confirm(bench, reference, method, attempt)


def refund(bench: Bench, reference: str, amount: int, name: str) -> RefundSucceeded | RefundFailed:
    return bench.gateway.refund(reference, Money(amount, USD), key=bench.key(name))


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


@pytest.mark.spec("B-10")
def test_a_card_that_was_not_kept_beside_pays_or_withdraws_and_never_charges_twice(
    bench: Bench,
) -> None:
    one, other = save(bench), save(bench, "pm_card_mastercard")
    outcome = confirm(bench, prepare(bench, one), other, "a:1")
    assert isinstance(outcome, Succeeded | Canceled)


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


@pytest.mark.spec("B-9")
def test_a_card_is_kept_once_per_key_and_let_go_once(bench: Bench) -> None:
    kept = tried(bench, "pm_card_visa")
    assert kept == tried(bench, "pm_card_visa")
    assert isinstance(kept, SavedMethod)
    assert kept.fingerprint
    if bench.cards:
        assert (kept.brand, kept.last4) == ("visa", "4242")
        assert kept.expires_on is not None
        assert len(kept.expires_on) == len("2034-12")
    else:
        assert (kept.brand, kept.last4, kept.expires_on) == (bench.gateway.name, "", None)
    for _ in range(2):
        bench.gateway.forget(kept.token)


@pytest.mark.spec("W-7", "B-9")
def test_a_saved_method_is_shown_as_it_was_saved_until_it_is_let_go(bench: Bench) -> None:
    kept = tried(bench, "pm_card_visa")
    assert isinstance(kept, SavedMethod)
    found = bench.gateway.find_method(kept.token)
    assert found is not None
    assert found.owner in {None, "cus_1"}, "whom it was saved for, where that is told"
    assert replace(found, owner=None) == kept
    for strange in ("pm_unknown", "x", "cus_1:pm_unknown", "", "pm_card_visa"):
        assert bench.gateway.find_method(strange) is None
    if bench.forgets:
        bench.gateway.forget(kept.token)
        assert bench.gateway.find_method(kept.token) is None


@pytest.mark.spec("W-7")
def test_a_card_that_its_bank_renewed_is_told_of_read_afresh_and_charged_as_before(
    bench: Bench,
) -> None:
    if bench.renew is None:
        pytest.skip("no bank renews cards from here")
    method, bystander = save(bench), save(bench, "pm_card_mastercard")
    before, beside = bench.gateway.find_method(method), bench.gateway.find_method(bystander)
    assert before is not None
    told: list[str] = []
    for last4, date in (("1881", "2031-03"), ("1881", "2036-05"), ("0005", "2036-05")):
        bench.renew(method, last4, date)
        told.append(method)
        events = [e for e in bench.gateway.events_since(NOW) if e.about is About.METHOD]
        assert [event.reference for event in events] == told
        assert len({event.id for event in events}) == len(told)
        found = bench.gateway.find_method(method)
        assert found is not None
        if not bench.cards:
            assert found == before, "a wallet shows nothing that a bank could change"
            continue
        assert (found.last4, found.expires_on, found.brand) == (last4, date, before.brand)
        assert (found.token, found.owner) == (before.token, before.owner)
        assert (found.fingerprint == before.fingerprint) == (found.last4 == before.last4)
        before = found
    assert bench.gateway.find_method(bystander) == beside
    assert isinstance(confirm(bench, prepare(bench, method), method, "a:1"), Succeeded)


@pytest.mark.spec("C-1")
@pytest.mark.parametrize("token", ["pm_unknown", "x", "cs_test_unknown"])
def test_what_names_no_card_is_a_slip_and_kept_by_nobody(bench: Bench, token: str) -> None:
    with pytest.raises(Invalid):
        tried(bench, token)


@pytest.mark.spec("C-1", "B-9")
def test_a_card_is_given_on_the_gateways_own_page_where_it_has_one(bench: Bench) -> None:
    def page() -> str:
        return bench.gateway.collect(
            key=bench.key("attempt"), return_url=f"{RETURN}?attempt=1", cancel_url=RETURN
        )

    if isinstance(bench.gateway.collection(), TestCards):
        with pytest.raises(Refused):
            page()
        return
    url = page()
    assert page() == url
    if bench.give is None:
        pytest.skip("nobody can fill in the page from here")
    back = bench.give(url, "pm_card_mastercard")
    assert back.startswith(f"{RETURN}?attempt=1&payment_method=")
    token = back.partition("payment_method=")[2]
    key = bench.key("save")
    kept = bench.gateway.save_method(token, owner="cus_1", key=key, verify=True)
    assert isinstance(kept, SavedMethod)
    assert kept.last4 == "4444"
    assert kept == bench.gateway.save_method(token, owner="cus_1", key=key, verify=True)
    assert isinstance(confirm(bench, prepare(bench, kept.token), kept.token, "a:1"), Succeeded)
    with pytest.raises(Invalid):
        bench.gateway.save_method(token, owner="cus_2", key=bench.key("again"), verify=False)


@pytest.mark.spec("W-1")
def test_what_happened_is_listed_and_read_afresh(bench: Bench) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5) if bench.run else NOW
    method = save(bench)
    reference = prepare(bench, method)
    confirm(bench, reference, method, "a:1")
    told = [e for e in bench.gateway.events_since(since) if e.reference == reference]
    assert About.PAYMENT in {event.about for event in told}
    assert list(bench.gateway.disputes(reference)) == []


@pytest.mark.spec("C-4")
def test_a_bank_that_declines_declines_to_save_too_when_it_is_asked(bench: Bench) -> None:
    if not bench.cards:
        pytest.skip("a wallet is approved by its owner, not asked of a bank")
    key = bench.key("verified")
    refused = bench.gateway.save_method("pm_card_chargeDeclined", owner="c", key=key, verify=True)
    assert refused == Declined("card_declined")


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

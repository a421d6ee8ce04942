"""Order IDs that people type, invoices and their states, and numbers without gaps."""

from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.customers import Address, BillTo
from billing.kernel.invoices import (
    BETWEEN_ATTEMPTS,
    FINAL,
    UNDER_WAY,
    Invoice,
    InvoiceCounter,
    InvoiceLine,
    InvoiceState,
)
from billing.kernel.money import Currency, Money
from billing.kernel.orders import ORDER_ID_ALPHABET, OrderKind, order_id, typed_order_id
from billing.kernel.schedule import ChargeKind
from billing.kernel.values import replace
from tests.depth import sample

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
PRICE = Money(2999, Currency.USD)
SYMBOLS = 14
entropies = st.integers(0, 30**SYMBOLS - 1)


def invoice(state: InvoiceState = InvoiceState.PENDING) -> Invoice:
    return Invoice(
        id="sub_1.1",
        merchant="mer_1",
        customer="cus_1",
        purchase="sub_1",
        subscription="sub_1",
        seq=1,
        kind=ChargeKind.STANDARD,
        period=0,
        total=PRICE,
        lines=(InvoiceLine("charge", "Gold", PRICE),),
        gateway="sandbox",
        gateway_account="acct_1",
        payment_method="pm_1",
        order_id="K7M2Q-9XTRV-4H3PD",
        order_kind=OrderKind.REBILL,
        product="prod_1",
        product_name="Gold",
        price_point="pp_1",
        bill_to=BillTo("Ann", "ann@example.com", Address("1 Main St", "Albany", "US")),
        download_key="key",
        opened_at=NOW,
        scheduled_at=NOW,
        state=state,
    )


# ---- Order IDs


@pytest.mark.spec("B-3")
@given(entropies)
def test_an_order_id_is_three_groups_of_five_plain_symbols(entropy: int) -> None:
    groups = order_id(entropy).split("-")
    assert [len(group) for group in groups] == [5, 5, 5]
    assert set("".join(groups)) <= set(ORDER_ID_ALPHABET)


@pytest.mark.spec("B-3")
def test_the_alphabet_has_thirty_symbols_that_are_not_mistaken_for_one_another() -> None:
    assert len(set(ORDER_ID_ALPHABET)) == len(ORDER_ID_ALPHABET) == 30
    assert not set(ORDER_ID_ALPHABET) & set("01ILOU")
    assert ORDER_ID_ALPHABET.upper() == ORDER_ID_ALPHABET


@pytest.mark.spec("B-3")
@given(entropies, entropies)
def test_every_bit_of_entropy_counts(one: int, other: int) -> None:
    assert (order_id(one) == order_id(other)) is (one == other)
    assert 30**SYMBOLS >= 2**68


@pytest.mark.spec("B-2")
@given(entropies, st.randoms(use_true_random=False))
def test_an_order_id_is_read_however_it_is_typed(entropy: int, chance: Random) -> None:
    right = order_id(entropy)
    symbols = right.replace("-", "")
    typed = "".join(
        chance.choice(["", "", " ", "-", " - "])
        + (symbol.lower() if chance.random() < 0.5 else symbol)
        for symbol in symbols
    )
    assert typed_order_id(typed + chance.choice(["", " ", "-"])) == right
    assert typed_order_id(right) == right
    assert typed_order_id(symbols) == right


@pytest.mark.spec("B-2")
@given(entropies)
def test_what_is_too_short_or_too_long_or_has_other_symbols_is_no_order_id(entropy: int) -> None:
    right = order_id(entropy)
    assert typed_order_id(right[:-1]) is None
    assert typed_order_id(right + "2") is None
    assert all(typed_order_id(right[:3] + odd + right[4:]) is None for odd in "01ILOU_.é")
    assert typed_order_id("") is None


@pytest.mark.spec("B-2")
@given(
    entropies,
    st.sampled_from(
        [
            "Order ID: {}",
            "order id {}.",
            "Your Order ID is {}, keep it.",
            "Bestellnummer: {}",
            "N° de commande : {}",
            "Идентификатор на поръчка: {}",
            "#{}",
            "AB {}",
            "Acme invoice\n{}\nPaid",
            "{} ann@example.com",
        ]
    ),
)
def test_an_order_id_is_found_among_the_words_that_were_pasted_with_it(
    entropy: int, sentence: str
) -> None:
    right = order_id(entropy)
    for typed in (right, right.lower(), right.replace("-", " "), right.replace("-", "\N{EN DASH}")):
        assert typed_order_id(sentence.format(typed)) == right


@given(st.text())
def test_any_text_may_be_typed_as_an_order_id(text: str) -> None:
    found = typed_order_id(text)
    assert found is None or typed_order_id(found) == found


def sample_ids(n: int) -> list[str]:
    chance = Random(30)
    return [order_id(chance.randrange(30**SYMBOLS)).replace("-", "") for _ in range(n)]


@pytest.mark.spec("B-2")
@pytest.mark.parametrize("ids", sample([20, 300], [20]))
def test_every_slip_of_one_symbol_is_caught(ids: int) -> None:
    for right in sample_ids(ids):
        for place, symbol in product(range(len(right)), ORDER_ID_ALPHABET):
            slip = right[:place] + symbol + right[place + 1 :]
            assert (typed_order_id(slip) is None) == (slip != right)


@pytest.mark.spec("B-2")
@pytest.mark.parametrize("ids", sample([500, 20_000], [500]))
def test_every_swap_of_neighbours_is_caught(ids: int) -> None:
    for right in sample_ids(ids):
        for place in range(SYMBOLS - 1):
            swap = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
            assert (typed_order_id(swap) is None) == (swap != right)


@pytest.mark.spec("B-2")
@pytest.mark.parametrize("space", ["\n", "\t", "\u00a0", " \u2013 "])
def test_an_order_id_is_read_as_it_is_pasted(space: str) -> None:
    (right,) = sample_ids(1)
    assert typed_order_id(space + right[:5] + space + right[5:] + space) is not None


# ---- Invoices


@pytest.mark.spec("R-1")
def test_an_invoice_goes_from_pending_to_paid_by_every_step_of_the_protocol() -> None:
    ready = invoice().ready("pi_1")
    assert (ready.state, ready.gateway_ref) == (InvoiceState.READY, "pi_1")
    first = ready.confirming(NOW, "pm_2", "FAIL-1")
    assert (first.state, first.attempt, first.attempted_at) == (InvoiceState.CONFIRMING, 1, NOW)
    assert (first.payment_method, first.failed_order_id) == ("pm_2", "FAIL-1")
    second = first.in_state(InvoiceState.RETRY).confirming(NOW, "pm_3", "FAIL-2")
    assert (second.attempt, second.gateway_ref, second.failed_order_id) == (2, "pi_1", "FAIL-2")
    paid = second.in_state(InvoiceState.ACTION_REQUIRED).paid(NOW, "ch_1")
    assert (paid.state, paid.charge, paid.settled_at) == (InvoiceState.PAID, "ch_1", NOW)


@pytest.mark.spec("R-1")
def test_what_is_owed_never_changes_on_the_way() -> None:
    steps = [invoice(), invoice().ready("pi_1")]
    steps.append(steps[-1].confirming(NOW, "pm_2", "FAIL-1"))
    steps.append(steps[-1].in_state(InvoiceState.RETRY))
    steps.append(steps[-1].in_state(InvoiceState.VOID))
    final = {
        (step.id, step.total, step.lines, step.gateway_account, step.order_id) for step in steps
    }
    assert len(final) == 1


@pytest.mark.spec("R-6")
def test_each_attempt_has_an_idempotency_key_of_its_own() -> None:
    first = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1")
    second = first.in_state(InvoiceState.RETRY).confirming(NOW, "pm_1", "FAIL-2")
    other = replace(first, id="sub_1.2")
    assert len({first.confirm_key, second.confirm_key, other.confirm_key}) == 3
    assert first.in_state(InvoiceState.ACTION_REQUIRED).confirm_key == first.confirm_key


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("state", InvoiceState)
def test_a_payment_is_prepared_once_and_only_then_confirmed(state: InvoiceState) -> None:
    held = invoice(state)
    if state is not InvoiceState.PENDING:
        with pytest.raises(AssertionError):
            held.ready("pi_1")
    if state not in BETWEEN_ATTEMPTS:
        with pytest.raises(AssertionError):
            held.confirming(NOW, "pm_1", "FAIL-1")


@pytest.mark.spec("R-6")
def test_an_attempt_that_is_under_way_is_not_followed_by_another() -> None:
    under_way = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1")
    with pytest.raises(AssertionError):
        under_way.confirming(NOW, "pm_1", "FAIL-2")


@pytest.mark.spec("R-4")
@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("final", [True, False])
def test_a_decline_is_kept_and_tried_again_or_given_up(retryable: bool, final: bool) -> None:
    under_way = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1")
    after = under_way.declined("expired_card", retryable=retryable, final=final)
    assert after.state is (InvoiceState.UNCOLLECTIBLE if final else InvoiceState.RETRY)
    assert (after.decline_code, after.retryable) == ("expired_card", retryable)
    assert (after.attempt, after.gateway_ref) == (1, "pi_1")
    if final:
        with pytest.raises(AssertionError):
            after.declined("expired_card", retryable=False, final=True)


@pytest.mark.spec("R-1")
@pytest.mark.parametrize(("state", "to"), [*product(sorted(FINAL), InvoiceState)])
def test_a_final_invoice_stays_as_it_is(state: InvoiceState, to: InvoiceState) -> None:
    with pytest.raises(AssertionError):
        invoice(state).in_state(to)


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_invoice_is_not_paid(state: InvoiceState) -> None:
    with pytest.raises(AssertionError):
        invoice(state).paid(NOW, "ch_1")


@pytest.mark.spec("R-1")
def test_final_states_and_those_under_way_are_distinguished() -> None:
    assert not FINAL & UNDER_WAY
    assert set(InvoiceState) - FINAL - UNDER_WAY == {
        InvoiceState.PENDING,
        InvoiceState.READY,
        InvoiceState.RETRY,
    }


@pytest.mark.spec("W-6")
def test_a_gateway_is_asked_for_the_invoice_and_its_total_on_its_account() -> None:
    asked = invoice().charge_order
    assert (asked.invoice, asked.amount, asked.account) == ("sub_1.1", PRICE, "acct_1")
    assert asked.description == "Gold"


# ---- The transaction list


@pytest.mark.spec("C-3", "M-1")
def test_a_paid_invoice_makes_an_order_with_its_own_order_id() -> None:
    order = replace(invoice(), test=True).order(NOW)
    assert (order.id, order.kind) == ("K7M2Q-9XTRV-4H3PD", OrderKind.REBILL)
    assert (order.customer, order.subscription, order.invoice) == ("cus_1", "sub_1", "sub_1.1")
    assert (order.amount, order.at, order.email) == (PRICE, NOW, "ann@example.com")
    assert (order.refunded_minor, order.code, order.test) == (0, None, True)


@pytest.mark.spec("C-4", "B-2")
def test_a_declined_attempt_makes_a_failed_order_with_another_order_id() -> None:
    attempt = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1")
    failed = attempt.failed_order(NOW, "insufficient_funds")
    assert (failed.id, failed.kind) == ("FAIL-1", OrderKind.FAILED)
    assert (failed.code, failed.amount) == ("insufficient_funds", PRICE)
    assert failed.id != attempt.order(NOW).id


def test_what_was_not_attempted_has_not_failed() -> None:
    with pytest.raises(AssertionError):
        invoice().ready("pi_1").failed_order(NOW, "generic_decline")


@pytest.mark.spec("M-1")
def test_there_are_the_seven_kinds_of_order() -> None:
    agreed = "sale rebill failed refund cancel_request cancellation chargeback"
    assert [str(kind) for kind in OrderKind] == agreed.split()


# ---- Invoice numbers


@pytest.mark.spec("M-7")
def test_numbers_are_given_one_by_one_from_one() -> None:
    counter = InvoiceCounter("mer_1", test=False)
    numbers = []
    for _ in range(3):
        counter = counter.next
        numbers.append(counter.number)
    assert numbers == ["INV-000001", "INV-000002", "INV-000003"]


@pytest.mark.spec("M-7", "W-3")
@given(st.integers(0, 10**9))
def test_live_and_test_numbers_are_two_series_without_gaps(last: int) -> None:
    live = InvoiceCounter("mer_1", test=False, last=last)
    test = InvoiceCounter("mer_1", test=True, last=last)
    assert live.next.number != test.next.number
    for counter in (live, test):
        assert int(counter.next.number.split("-")[1]) == last + 1
        assert counter.next.test is counter.test
        assert counter.next.number != counter.number


@pytest.mark.spec("R-1", "R-6")
def test_a_payment_is_renewed_between_attempts_only() -> None:
    first = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1")
    with pytest.raises(AssertionError):
        first.renewed("pi_2")
    between = first.declined("card_declined", retryable=True, final=False)
    assert between.renewed("pi_2").gateway_ref == "pi_2"
    assert between.renewed("pi_2").charge_order.replaces == "pi_2"


@pytest.mark.spec("R-4", "R-6")
def test_an_attempt_that_lapsed_was_none() -> None:
    with pytest.raises(AssertionError):
        invoice().ready("pi_1").lapsed()
    lapsed = invoice().ready("pi_1").confirming(NOW, "pm_1", "FAIL-1").lapsed()
    assert (lapsed.state, lapsed.attempt, lapsed.uncounted) == (InvoiceState.READY, 1, 1)
    assert lapsed.confirming(NOW, "pm_1", "FAIL-2").confirm_key.endswith(":2")

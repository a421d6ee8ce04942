"""The ledger balances, whatever is booked (M-7)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.invoices import Invoice, InvoiceLine
from billing.kernel.ledger import LedgerEntry, Posting, payment, trial_balance
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from tests.kernel.test_orders import invoice

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)

kinds = st.sampled_from(["charge", "state", "local", "VAT", "credit"])
amounts = st.integers(-1000, 99_999_999)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    currency = draw(st.sampled_from(Currency))
    rows = draw(st.lists(st.tuples(kinds, amounts), min_size=1, max_size=6))
    lines = tuple(InvoiceLine(kind, kind, Money(amount, currency)) for kind, amount in rows)
    total = Money(sum(amount for _, amount in rows), currency)
    account = draw(st.sampled_from(["acct_1", "acct_2"]))
    found = replace(invoice(), lines=lines, total=total, gateway_account=account)
    return replace(found, id=f"sub_1.{draw(st.integers(1, 10**6))}", test=draw(st.booleans()))


@pytest.mark.spec("M-7")
def test_a_payment_with_tax_is_booked_to_the_gateway_to_sales_and_to_each_tax() -> None:
    usd = Currency.USD
    lines = (
        InvoiceLine("charge", "Gold", Money(2999, usd)),
        InvoiceLine("state", "NY 4%", Money(120, usd)),
        InvoiceLine("local", "Albany 4%", Money(120, usd)),
        InvoiceLine("local", "Transit 0.5%", Money(15, usd)),
    )
    paid = replace(invoice(), lines=lines, total=Money(3254, usd))
    entry = payment(paid, NOW)
    assert entry.id == "sub_1.1:paid"
    assert (entry.merchant, entry.customer, entry.at) == (paid.merchant, paid.customer, NOW)
    assert entry.currency is usd
    assert entry.postings == (
        Posting("assets:gateway:sandbox:acct_1", 3254),
        Posting("revenue:sales", -2999),
        Posting("liabilities:tax:state", -120),
        Posting("liabilities:tax:local", -135),
    )


@pytest.mark.spec("M-7", "P-11")
def test_a_free_start_is_booked_as_nothing() -> None:
    zero = Money(0, Currency.USD)
    free = replace(invoice(), total=zero, lines=(InvoiceLine("charge", "Gold", zero),))
    assert {posting.amount_minor for posting in payment(free, NOW).postings} == {0}


@pytest.mark.spec("M-7")
def test_an_entry_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        LedgerEntry("x:paid", "mer_1", "cus_1", NOW, Currency.USD, (Posting("revenue:sales", -1),))
    wrong_total = replace(invoice(), total=Money(1, Currency.USD))
    with pytest.raises(AssertionError):
        payment(wrong_total, NOW)


@pytest.mark.spec("M-7")
@given(invoices())
def test_a_payment_balances_whatever_its_lines(paid: Invoice) -> None:
    entry = payment(paid, NOW)
    assert sum(posting.amount_minor for posting in entry.postings) == 0
    assert entry.postings[0].amount_minor == paid.total.amount_minor
    accounts = [posting.account for posting in entry.postings]
    assert len(set(accounts)) == len(accounts)
    assert entry.test is paid.test
    sales = sum(line.amount.amount_minor for line in paid.lines if not line.is_tax)
    booked = sum(p.amount_minor for p in entry.postings if p.account == "revenue:sales")
    assert booked == -sales


@pytest.mark.spec("M-7")
@given(st.lists(invoices(), max_size=12))
def test_the_trial_balance_of_each_currency_is_zero(paid: list[Invoice]) -> None:
    balance = trial_balance(payment(one, NOW) for one in paid)
    for currency in Currency:
        assert sum(amount for (_, kept), amount in balance.items() if kept is currency) == 0
    received = sum(
        amount for (account, _), amount in balance.items() if account.startswith("asset")
    )
    assert received == sum(one.total.amount_minor for one in paid)


@pytest.mark.spec("M-7")
def test_a_trial_balance_of_nothing_is_empty() -> None:
    assert trial_balance([]) == {}

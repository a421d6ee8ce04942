"""PayPal through its loopback: charges once, declines with reasons, refunds, events (W-2,
R-6, X-6).
"""

from __future__ import annotations

import threading

import pytest

from billing.gateways.paypal.gateway import PayPalGateway
from billing.gateways.paypal.orders import Reference
from billing.gateways.paypal.refusals import DECLINES, NEEDS_BUYER, OURS_TO_MEND
from billing.kernel.catalog import PriceType
from billing.kernel.errors import Conflict, Invalid, NotFound, Unreachable
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    Expired,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    TheirPage,
    Unconfirmed,
)
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from dev.paypal import orders
from dev.paypal.books import Buyer
from dev.paypal.server import Loopback
from tests.gateways.paypal.paying import BACK, USD, Clock, confirm, order, saved


@pytest.mark.spec("W-2")
def test_a_buyer_approves_on_paypals_page_and_comes_back(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    assert gateway.collection() == TheirPage()
    page = gateway.collect(key="k", return_url=BACK, cancel_url=BACK)
    assert gateway.collect(key="k", return_url=BACK, cancel_url=BACK) == page
    back = paypal.buyer(page)
    assert back.startswith(BACK + "&approval_token_id=")
    token = back.rpartition("=")[2]
    first = gateway.save_method(token, owner="cus_1", key="s", verify=True)
    assert isinstance(first, SavedMethod)
    assert (first.brand, first.last4, first.expires_on) == ("paypal", "", None)
    assert gateway.save_method(token, owner="cus_1", key="s", verify=True) == first


@pytest.mark.parametrize("token", ["", "../x", "a" * 37, "ÄÖ", "8KK8451T"])
def test_what_was_not_approved_is_no_method(gateway: PayPalGateway, token: str) -> None:
    with pytest.raises(Invalid):
        gateway.save_method(token, owner="cus_1", key="s", verify=True)


def test_a_page_that_the_buyer_has_not_answered_is_no_method(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    page = gateway.collect(key="k", return_url=BACK, cancel_url=BACK)
    with pytest.raises(Invalid, match="not_approved_at_paypal"):
        gateway.save_method(page.rpartition("=")[2], owner="c", key="s", verify=True)


@pytest.mark.spec("R-1", "R-6", "W-2")
def test_an_order_is_captured_once_whatever_the_key(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference, method = gateway.prepare(order(), key="sub_1.0001"), saved(gateway, paypal)
    assert gateway.prepare(order(), key="sub_1.0001") == reference
    assert gateway.lookup(reference, attempt_key="a:1") == Unconfirmed()
    first = confirm(gateway, reference, method, "a:1")
    assert isinstance(first, Succeeded)
    for key in ("a:1", "a:2", "a:3"):
        assert confirm(gateway, reference, method, key) == first
        assert gateway.lookup(reference, attempt_key=key) == first
    assert gateway.cancel(reference) == first
    assert [c["status"] for c in paypal.books.charges] == ["succeeded"]
    unit = paypal.books.orders[Reference.read(reference).order]["purchase_units"][0]
    assert unit["invoice_id"] == "sub_1.0001"


@pytest.mark.spec("R-1")
def test_many_captures_at_once_charge_once(gateway: PayPalGateway, paypal: Loopback) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    threads = [
        threading.Thread(target=confirm, args=(gateway, reference, method, f"a:{n % 3}"))
        for n in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [c["status"] for c in paypal.books.charges] == ["succeeded"]


def test_the_same_key_for_another_amount_is_refused(gateway: PayPalGateway) -> None:
    gateway.prepare(order(), key="k")
    with pytest.raises(Conflict):
        gateway.prepare(order(amount_minor=1), key="k")


@pytest.mark.spec("R-4", "W-2")
@pytest.mark.parametrize("issue", DECLINES)
def test_a_decline_says_whether_another_attempt_may_help(
    gateway: PayPalGateway, paypal: Loopback, issue: str
) -> None:
    paypal.books.buyers["odd"] = Buyer("odd", issue=issue)
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal, "odd")
    assert confirm(gateway, reference, method) == DECLINES[issue]
    assert gateway.lookup(reference, attempt_key="a:1") == Unconfirmed()
    paypal.books.buyers["odd"] = Buyer("odd")
    assert isinstance(confirm(gateway, reference, method, "a:2"), Succeeded)


def test_an_agreement_that_the_buyer_ended_is_a_hard_decline(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    gateway.forget(method)
    gateway.forget(method)
    assert confirm(gateway, reference, method) == Declined(
        "payment_method_missing", retryable=False
    )


def test_a_fault_of_the_merchants_account_is_no_decline_of_the_customers(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    paypal.books.buyers["odd"] = Buyer("odd", issue="PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING")
    assert not OURS_TO_MEND & (set(DECLINES) | NEEDS_BUYER)
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal, "odd")
    with pytest.raises(Unreachable, match="not in order"):
        confirm(gateway, reference, method)


@pytest.mark.spec("C-4", "R-4")
def test_a_buyer_who_must_come_back_is_sent_to_paypal_and_then_charged(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal, "must-approve")
    asked = gateway.confirm(reference, method, key="a:1", off_session=False, return_url=BACK)
    assert isinstance(asked, ActionRequired)
    assert gateway.lookup(reference, attempt_key="a:1") == asked
    assert paypal.buyer(str(asked.url)) == BACK
    assert gateway.lookup(reference, attempt_key="a:1") == Unconfirmed()
    paid = gateway.confirm(reference, method, key="a:1", off_session=False, return_url=BACK)
    assert isinstance(paid, Succeeded)
    assert gateway.lookup(reference, attempt_key="a:1") == paid
    assert len(paypal.books.charges) == 1


def test_money_that_is_held_back_is_neither_made_nor_refused(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal, "pending")
    for ask in (
        lambda: confirm(gateway, reference, method),
        lambda: gateway.lookup(reference, attempt_key="a:1"),
        lambda: gateway.cancel(reference),
    ):
        with pytest.raises(Unreachable):
            ask()
    orders.settle_pending(paypal.books, Reference.read(reference).order, "COMPLETED")
    assert isinstance(gateway.lookup(reference, attempt_key="a:1"), Succeeded)


def test_money_that_was_held_back_and_refused_is_a_decline(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal, "pending")
    with pytest.raises(Unreachable):
        confirm(gateway, reference, method)
    orders.settle_pending(paypal.books, Reference.read(reference).order, "DECLINED")
    assert gateway.lookup(reference, attempt_key="a:1") == Declined("card_declined")
    clock.pass_(hours=1)
    assert gateway.cancel(reference) == Canceled()


@pytest.mark.spec("R-4", "B-10")
def test_an_order_whose_capture_was_refused_is_not_tried_again_with_another_agreement(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    """PayPal makes one capture of an order, ever: who pays minutes after a refusal would be told
    once more of that refusal, however good their agreement is."""
    reference, bad = gateway.prepare(order(), key="k"), saved(gateway, paypal, "pending")
    with pytest.raises(Unreachable):
        confirm(gateway, reference, bad)
    orders.settle_pending(paypal.books, Reference.read(reference).order, "DECLINED")
    assert gateway.lookup(reference, attempt_key="a:1") == Declined("card_declined")
    clock.pass_(minutes=5)
    another = gateway.prepare(order(replaces=reference), key="k:after")
    good = saved(gateway, paypal)
    assert isinstance(confirm(gateway, another, good, key="a:2"), Succeeded)
    assert [charge["status"] for charge in paypal.books.charges] == ["declined", "succeeded"]


@pytest.mark.spec("X-6")
def test_a_payment_is_canceled_only_when_no_capture_can_be_on_its_way(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    reference, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    assert gateway.cancel(reference) == Unconfirmed()
    clock.pass_(minutes=30)
    with pytest.raises(Unreachable):
        confirm(gateway, reference, method)  # never sent any more
    assert gateway.cancel(reference) == Unconfirmed()
    clock.pass_(minutes=15)
    assert gateway.cancel(reference) == Canceled()
    assert confirm(gateway, reference, method) == Expired()
    assert gateway.lookup(reference, attempt_key="a:1") == Expired()
    assert paypal.books.charges == []


@pytest.mark.spec("X-6", "R-1")
def test_the_next_attempt_has_its_own_order_once_the_one_before_is_over(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    first, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    again = replace(order(), replaces=first)
    clock.pass_(minutes=24)
    assert gateway.prepare(again, key="k:2") == first
    clock.pass_(minutes=10)
    with pytest.raises(Unreachable):
        gateway.prepare(again, key="k:2")
    clock.pass_(days=3)
    second = gateway.prepare(again, key="k:2")
    assert second != first
    assert gateway.prepare(again, key="k:2") == second
    assert isinstance(confirm(gateway, second, method, "a:2"), Succeeded)
    assert confirm(gateway, first, method, "a:1") == Expired()
    assert len(paypal.books.charges) == 1


def test_an_order_that_was_captured_after_all_stays_the_one(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    first, method = gateway.prepare(order(), key="k"), saved(gateway, paypal)
    paid = confirm(gateway, first, method)
    clock.pass_(days=3)
    assert gateway.prepare(replace(order(), replaces=first), key="k:2") == first
    assert confirm(gateway, first, method, "a:2") == paid


@pytest.mark.spec("R-6")
def test_an_invoice_that_another_order_paid_is_never_a_decline(
    gateway: PayPalGateway, paypal: Loopback
) -> None:
    method = saved(gateway, paypal)
    one, other = gateway.prepare(order(), key="k"), gateway.prepare(order(), key="another")
    confirm(gateway, one, method)
    for _ in range(2):
        with pytest.raises(Unreachable, match="look at it"):
            confirm(gateway, other, method, "a:2")
    assert [c["status"] for c in paypal.books.charges] == ["succeeded"]


@pytest.mark.spec("R-6")
def test_an_order_that_paypal_forgot_too_soon_is_unknown(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    reference = gateway.prepare(order(), key="k")
    paypal.books.orders.clear()
    with pytest.raises(Unreachable):
        gateway.lookup(reference, attempt_key="a:1")
    clock.pass_(hours=3)
    assert gateway.lookup(reference, attempt_key="a:1") == Expired()
    assert gateway.cancel(reference) == Canceled()


@pytest.mark.parametrize("reference", ["pi_unknown", "", "a.b.c", "../x.1", "X.99999999999"])
def test_what_is_no_reference_is_not_found(gateway: PayPalGateway, reference: str) -> None:
    with pytest.raises(NotFound):
        gateway.lookup(reference, attempt_key="a")


@pytest.mark.spec("B-7")
def test_money_goes_back_once_per_key_and_never_more_than_came(
    gateway: PayPalGateway, paypal: Loopback, clock: Clock
) -> None:
    reference = gateway.prepare(order(), key="k")
    early = gateway.refund(reference, Money(1, USD), key="r0")
    assert early == RefundFailed("charge_not_captured")
    confirm(gateway, reference, saved(gateway, paypal))
    name = "sub_1.0001:" + "ü" * 300
    for key in ("sub_1.0001:r1", name):
        assert gateway.find_refund(reference, key=key) is None
        made = gateway.refund(reference, Money(1000, USD), key=key)
        assert isinstance(made, RefundSucceeded)
        clock.pass_(days=46)  # no key is kept that long
        assert gateway.refund(reference, Money(1000, USD), key=key) == made
        assert gateway.find_refund(reference, key=key) == made
    over = gateway.refund(reference, Money(1000, USD), key="r3")
    assert over == RefundFailed("charge_already_refunded")
    assert [c["refunded"] for c in paypal.books.charges] == [2000]
    assert isinstance(gateway.lookup(reference, attempt_key="a:1"), Succeeded)


@pytest.mark.spec("P-17", "B-9", "P-20")
def test_it_says_what_it_cannot_do(gateway: PayPalGateway) -> None:
    can = gateway.capabilities
    assert can.cannot_charge == {PriceType.RECURRING_INSTALLMENT}
    assert can.cannot_take == {Currency.INR}
    assert (can.manages_cards, can.payments_lapse, can.test) == (False, True, True)

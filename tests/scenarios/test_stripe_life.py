"""A customer's life with Stripe: the flows over the Stripe adapter over the loopback (W-1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.cards.flows import cards
from billing.checkout.checkouts import CheckoutState
from billing.gateway_events.flows import buyer_return
from billing.invoices.flows import documents
from billing.kernel.catalog import Initial
from billing.kernel.errors import Unfinished
from billing.kernel.flows import subscriptions
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.plans.flows import change_plan
from billing.refunds.flows import refund
from dev.stripe.faults import Faults
from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests.scenarios.stripe_shop import Shop
from tests.world import MONTHLY, World

CHALLENGED = {"payment_method": "pm_card_authenticationRequired"}
TRIAL = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)))


@pytest.fixture
def shop() -> Iterator[Shop]:
    world, faults = World(), Faults()
    with Loopback(clock=lambda: world.now, faults=faults) as loopback:
        loopback.open_account(Account("acct_1", "sk_test_loopback"))
        yield Shop(world, loopback, faults)


@pytest.mark.spec("W-1", "C-3", "R-1", "W-3")
def test_a_subscription_is_bought_and_renewed_and_marked_test(shop: Shop) -> None:
    bought = shop.world.buy(shop.product())
    assert bought.state == "paid"
    assert bought.method is not None
    assert (bought.method.brand, bought.method.last4) == ("visa", "4242")
    shop.world.advance(days=60)
    assert shop.charges == [("succeeded", 2999, 0)] * 3
    assert all(invoice.test for invoice in shop.world.history().invoices)


@pytest.mark.spec("W-1", "C-4")
@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeCustomerFail", "card_declined"),
    ],
)
def test_a_declined_checkout_says_why(shop: Shop, card: str, code: str) -> None:
    bought = shop.world.buy(shop.product(), payment_method=card)
    assert (bought.state, bought.decline_code) == ("declined", code)
    assert all(status == "failed" for status, _, _ in shop.charges)


@pytest.mark.spec("R-6", "C-2")
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "unavailable"])
@pytest.mark.parametrize("calls", range(1, 6))
def test_whatever_goes_unanswered_a_purchase_is_charged_once(
    shop: Shop, kind: str, calls: int
) -> None:
    product, form = shop.product(), shop.world.submission()
    shop.faults.arm(kind, calls)
    for _ in range(20):
        try:
            bought = shop.world.submit(product.default_price_point, form)
        except Unfinished:
            continue  # the page says: try again
        if bought.state == "paid":
            break
    assert bought.state == "paid"
    assert shop.charges == [("succeeded", 2999, 0)]


@pytest.mark.spec("B-10", "R-4")
def test_a_new_card_pays_what_is_past_due_by_the_same_payment(shop: Shop) -> None:
    shop.world.buy(shop.product(), payment_method="pm_card_visa")
    assert shop.add("pm_card_chargeCustomerFail") is None
    shop.world.advance(days=29)
    assert shop.world.subscription().state is State.PAST_DUE
    failed = shop.world.history().invoices[-1]
    assert failed.decline_code == "card_declined"
    assert shop.add("pm_card_mastercard", "attempt_2") is None
    shop.world.advance(hours=1)
    paid = shop.world.history().invoices[-1]
    assert (paid.id, paid.state) == (failed.id, InvoiceState.PAID)
    assert paid.gateway_ref == failed.gateway_ref, "kept beside the old card, so one payment"
    assert [status for status, _, _ in shop.charges] == ["succeeded", "failed", "succeeded"]


@pytest.mark.spec("B-10", "R-4", "W-1")
@pytest.mark.parametrize("first_days", [0, 29])
def test_who_was_deleted_at_stripe_is_asked_for_a_new_card_and_can_give_one(
    shop: Shop, first_days: int
) -> None:
    """Before a renewal is prepared there, or when it has been declined once."""
    shop.world.buy(shop.product())
    method = shop.world.subscription().payment_method
    if first_days:
        shop.bank_declines(method)
        shop.world.advance(days=first_days)
    shop.dashboard.v1.customers.delete(method.partition(":")[0])
    shop.world.advance(days=33 - first_days)
    assert shop.world.subscription().state is State.PAST_DUE
    reasons = [order.code for order in shop.world.orders() if order.kind is OrderKind.FAILED]
    assert reasons == ["expired_card" if first_days else "payment_method_missing"]
    assert shop.add("pm_card_mastercard") is None
    shop.world.advance(hours=1)
    assert shop.world.subscription().state is State.ACTIVE
    assert [status for status, _, _ in shop.charges].count("succeeded") == 2


@pytest.mark.spec("R-4")
def test_a_bank_that_wants_its_customer_waits_for_them_and_then_counts_as_failed(
    shop: Shop,
) -> None:
    product, form = shop.product(), shop.world.submission(**CHALLENGED)
    waiting = shop.world.submit(product.default_price_point, form)
    assert waiting.action_url
    shop.answer(waiting.action_url)
    assert shop.world.submit(product.default_price_point, form).state == "paid"
    shop.world.advance(days=29)
    invoice = shop.world.history().invoices[-1]
    assert invoice.state is InvoiceState.ACTION_REQUIRED
    shop.world.advance(days=30)
    assert shop.world.subscription().state is State.CANCELLED
    assert sum(status == "succeeded" for status, _, _ in shop.charges) == 1


@pytest.mark.spec("R-4")
@pytest.mark.parametrize("succeeded", [True, False])
def test_a_customer_who_comes_to_the_bank_later_pays_the_same_attempt(
    shop: Shop, succeeded: bool
) -> None:
    product, form = shop.product(), shop.world.submission(**CHALLENGED)
    shop.answer(shop.world.submit(product.default_price_point, form).action_url or "")
    shop.world.submit(product.default_price_point, form)
    shop.world.advance(days=29)
    asked, now = shop.world.history().invoices[-1], shop.world.now
    back = "https://pay.example.com/portal"
    for _ in range(2):  # A second click leads to the same page.
        bank = buyer_return.with_buyer(shop.world.ports, asked, return_url=back, now=now)
    shop.answer(bank or "", succeeded=succeeded)
    settled = buyer_return.settle(shop.world.ports, asked, now=now)
    assert settled.attempt == asked.attempt
    if succeeded:
        assert settled.state is InvoiceState.PAID
        assert shop.world.subscription().state is State.ACTIVE
    else:
        assert (settled.state, settled.decline_code) == (
            InvoiceState.RETRY,
            "authentication_required",
        )
        shop.world.advance(days=4)
        assert shop.world.history().invoices[-1].state is InvoiceState.ACTION_REQUIRED


@pytest.mark.spec("C-4")
def test_3_d_secure_that_is_not_passed_is_a_decline(shop: Shop) -> None:
    product, form = shop.product(), shop.world.submission(**CHALLENGED)
    waiting = shop.world.submit(product.default_price_point, form)
    shop.answer(waiting.action_url or "", succeeded=False)
    over = shop.world.submit(product.default_price_point, form)
    assert (over.state, over.decline_code) == ("declined", "authentication_required")


@pytest.mark.spec("B-7", "X-6")
def test_a_refund_and_a_cancel_reach_stripe(shop: Shop) -> None:
    shop.world.buy(shop.product(TRIAL))
    shop.world.advance(days=15)
    (sale, renewal) = [o for o in shop.world.orders() if o.kind is not OrderKind.FAILED]
    asked = {"amount_minor": None, "source": Source.MERCHANT, "now": shop.world.now}
    refund.request(shop.world.ports, refund.payment(shop.world.ports, "acme", renewal.id), **asked)  # type: ignore[arg-type]
    assert shop.charges == [("succeeded", 100, 0), ("succeeded", 2999, 2999)]
    assert sale.id != renewal.id
    shop.world.cancel(When.NOW)
    shop.world.advance(days=60)
    assert len(shop.charges) == 2


@pytest.mark.spec("B-9")
def test_a_removed_card_is_detached_there(shop: Shop) -> None:
    shop.world.buy(shop.product())
    assert shop.add("pm_card_mastercard") is None
    (old, _) = shop.world.history().methods
    cards.remove(shop.world.ports, "acme", old.customer, old.id, now=shop.world.now)
    work = shop._loopback.service.working("acct_1")
    found = work.load("payment_method", old.id.partition(":")[2])
    assert found["customer"] is None


@pytest.mark.spec("W-1", "B-7")
def test_what_is_refunded_on_stripes_dashboard_is_booked_and_what_comes_back_is_too(
    shop: Shop,
) -> None:
    world = shop.world
    world.buy(shop.product(), payment_method="pm_card_refundFail")
    (sale,) = world.orders()
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", sale.id),
        amount_minor=1000,
        source=Source.MERCHANT,
        now=world.now,
    )
    reference = str(world.history().invoices[0].gateway_ref)
    shop.dashboard.v1.refunds.create({"payment_intent": reference, "amount": 500})
    assert shop.deliver_events()["refund_made_elsewhere"] == 1
    assert shop.deliver_events()["refund_made_elsewhere"] == 0
    assert world.history().invoices[0].refunded_minor == 1500
    world.now += timedelta(minutes=1)
    shop.banks_decide()
    assert shop.deliver_events()["refund_returned"] == 1
    assert shop.charges == [("succeeded", 2999, 0)]
    assert world.history().invoices[0].refunded_minor == 0
    assert {r.failure for r in world.history().refunds} == {"expired_or_canceled_card"}
    world.advance(minutes=10)
    assert world.subjects().count("[TEST] Refund returned: $10.00 to ann@example.com") == 1
    assert world.subjects().count("[TEST] Refund returned: $5.00 to ann@example.com") == 1


@pytest.mark.spec("A-4", "C-4")
@pytest.mark.parametrize("succeeded", [True, False])
def test_a_change_of_plan_that_the_bank_asks_about_leads_to_a_page_that_leads_there(
    shop: Shop, succeeded: bool
) -> None:
    world, gold = shop.world, replace(MONTHLY, price=Money(4999, Currency.USD))
    product = shop.product(MONTHLY, gold)
    form = world.submission(**CHALLENGED)
    shop.answer(world.submit(product.default_price_point, form).action_url or "")
    world.submit(product.default_price_point, form)
    world.advance(days=10)
    dear = product.price_points[1]

    def change() -> change_plan.Changed:
        name = world.subscription().id
        return change_plan.change(
            world.ports,
            subscriptions.fresh(world.ports, "acme", name),
            dear,
            change_plan.When.NOW,
            now=world.now,
        )

    asked = change()
    assert asked.result is change_plan.Result.REQUIRES_ACTION
    assert asked.url is not None
    waiting = world.history().invoices[-1]
    assert asked.url == documents.payment_link(world.ports, world.merchant, waiting)
    bank = buyer_return.with_buyer(world.ports, waiting, return_url=asked.url, now=world.now)
    shop.answer(bank or "", succeeded=succeeded)
    settled = buyer_return.settle(world.ports, waiting, now=world.now)
    assert settled.state is (InvoiceState.PAID if succeeded else InvoiceState.UNCOLLECTIBLE)
    assert (world.subscription().price_point == dear) is succeeded


@pytest.mark.spec("B-9", "W-1")
def test_a_card_given_at_two_checkouts_is_kept_once_and_pays_for_both(shop: Shop) -> None:
    world, product = shop.world, shop.product()
    world.buy(product)
    (first,) = world.history().methods
    world.now += timedelta(days=1)
    world.buy(shop.product())
    world.work()
    (kept,) = world.history().methods
    assert (kept.last4, kept.fingerprint) == (first.last4, first.fingerprint)
    assert kept.id != first.id
    work = shop._loopback.service.working("acct_1")
    assert work.load("payment_method", first.id.partition(":")[2])["customer"] is None
    world.advance(days=32)
    assert shop.charges == [("succeeded", 2999, 0)] * 4
    assert [s.payments_made for s in world.history().subscriptions] == [2, 2]


@pytest.mark.spec("C-2", "C-3")
def test_a_card_that_is_kept_already_buys_once_more(shop: Shop) -> None:
    world, product = shop.world, shop.product()
    card = shop.dashboard.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    world.buy(product, payment_method=card.id)
    again = world.buy(product, payment_method=card.id, confirm_repeat=True)
    assert again.state is CheckoutState.PAID
    assert shop.charges == [("succeeded", 2999, 0)] * 2
    assert len(world.history().subscriptions) == 2
    (kept,) = world.history().methods
    assert {each.payment_method for each in world.history().subscriptions} == {kept.id}


@pytest.mark.spec("W-7")
def test_a_card_that_its_bank_renewed_is_taken_over_and_pays_what_is_past_due(shop: Shop) -> None:
    shop.world.buy(shop.product(TRIAL), payment_method="pm_card_visa")
    (card,) = shop.world.history().methods
    shop.bank_declines(card.id)
    shop.world.advance(days=15)
    assert shop.world.subscription().state is State.PAST_DUE
    shop.bank_renews(card.id, last4="1111", month=3, year=2031)
    assert shop.deliver_events()["card_updated"] == 1
    (renewed,) = shop.world.history().methods
    assert (renewed.id, renewed.last4, renewed.expires_on) == (card.id, "1111", "2031-03")
    assert renewed.fingerprint not in {None, card.fingerprint}, "another number is another card"
    shop.world.tick()
    paid = shop.world.subscription()
    assert (paid.state, paid.payments_made, paid.pay_now) == (State.ACTIVE, 1, None)
    assert shop.deliver_events()["card_updated"] == 0, "told once more it changes nothing"


@pytest.mark.spec("W-7")
def test_a_card_that_was_kept_before_cards_were_indexed_is_taken_over_too(shop: Shop) -> None:
    shop.world.buy(shop.product())
    (card,) = shop.world.history().methods
    by_id = shop.world.store.payment_method_by_id
    shop.world.store.payment_method_by_id = lambda *_: None  # type: ignore[method-assign]
    shop.bank_renews(card.id, last4="1111", month=3, year=2031)
    assert shop.deliver_events()["card_updated"] == 1
    shop.world.store.payment_method_by_id = by_id  # type: ignore[method-assign]
    assert shop.world.history().methods[0].last4 == "1111"
    stranger = shop.dashboard.v1.customers.create({"metadata": {"customer": card.customer}}).id
    theirs = shop.dashboard.v1.payment_methods.attach("pm_card_visa", {"customer": stranger}).id
    shop.bank_renews(f"{stranger}:{theirs}", last4="2222", month=3, year=2031)
    outcomes = shop.deliver_events()
    assert (outcomes["card_updated"], outcomes["not_ours"]) == (0, 1)
    assert [m.last4 for m in shop.world.history().methods] == ["1111"]

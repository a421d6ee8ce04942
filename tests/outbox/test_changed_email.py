"""A customer's email is changed: who is mailed from then on, and who is let in (B-2, B-12, R-8)."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from billing.accounts.flows import account, email_change
from billing.cancel.flows import cancel
from billing.checkout.checkouts import CheckoutState
from billing.checkout.flows import advance
from billing.gateway_events.flows import buyer_return
from billing.kernel.account_standings import Standing
from billing.kernel.catalog import Initial
from billing.kernel.customers import ERASED
from billing.kernel.merchants import PortalKind
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.storage import History
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.outbox.flows.suppressions import record
from billing.outbox.suppressions import Returned, StopReason
from tests.accounts.platform import SELLER, Platform, linked, opened
from tests.outbox.changing import NEW, OLD, change, last, mailed
from tests.web.shop import Shop
from tests.world import MONTHLY, World

CHANGED = "Your email for Acme Courses was changed"


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.change_merchant(
        settings=replace(shop.world.merchant.settings, portal=PortalKind.STANDALONE)
    )
    return shop


def words(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.spec("B-12", "R-8")
def test_a_changed_email_takes_all_later_mail_along(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.work()
    change(shop)
    before = len(world.mailer.sent)
    world.advance(days=31)
    assert mailed(world, OLD, before) == []
    assert mailed(world, NEW) == [
        "Course renews on February 28, 2026",
        "Receipt: $29.99 for Course",
    ]
    world.cancel(When.PERIOD_END, NEW)
    world.work()
    assert mailed(world, NEW)[-1] == "Your subscription to Course will end on March 31, 2026"
    world.advance(days=40)
    assert mailed(world, NEW)[-1] == "Your subscription to Course has ended"
    assert mailed(world, OLD, before) == []


@pytest.mark.spec("B-12")
def test_the_old_address_is_told_once_and_not_where_the_mail_goes_now(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.work()
    before = len(world.mailer.sent)
    change(shop)
    assert mailed(world, OLD, before) == [CHANGED]
    assert mailed(world, NEW) == []
    text = words(last(world, OLD))
    assert NEW not in text and "Ann Example" not in text and "hello@acme.example" in text
    change(shop, NEW, NEW)  # the same again
    world.advance(days=1)
    assert mailed(world, OLD, before) == [CHANGED]


@pytest.mark.spec("B-12", "R-8")
def test_what_happened_before_and_is_told_after_goes_to_the_new_address(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.cancel(When.NOW)
    customer = world.store.customer_by_email("acme", OLD)
    shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": NEW})
    world.work()
    assert mailed(world, OLD) == [CHANGED]
    assert sorted(mailed(world, NEW)) == [
        "Your purchase: Course",
        "Your subscription to Course has ended",
    ]


@pytest.mark.spec("B-12", "R-4", "R-8")
@pytest.mark.parametrize(
    ("card", "subject"),
    [
        ("pm_card_chargeCustomerFail", "Your payment for Course didn't go through"),
        ("pm_card_authenticationRequired", "Confirm your payment for Course"),
    ],
)
def test_a_payment_that_needs_its_customer_finds_them(shop: Shop, card: str, subject: str) -> None:
    world = shop.world
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method=card)
    world.work()
    change(shop)
    before = len(world.mailer.sent)
    world.advance(days=15)
    assert subject in mailed(world, NEW)
    assert mailed(world, OLD, before) == []


@pytest.mark.spec("B-12", "B-7")
def test_a_refund_is_told_to_the_new_address_and_its_documents_keep_the_old_one(
    shop: Shop,
) -> None:
    world = shop.world
    world.buy()
    world.work()
    change(shop)
    (order,) = world.orders(NEW)
    assert shop.api.post(f"/v1/orders/{order.id}/refund", {}).status == 201
    world.work()
    assert mailed(world, NEW) == ["Refund: $29.99 for Course"]
    (invoice,) = world.history(NEW).invoices
    assert invoice.bill_to.email == OLD, "as it was issued"


@pytest.mark.spec("B-12", "B-8")
def test_invoices_and_entries_that_are_still_to_come_name_the_new_address(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.buy(confirm_repeat=True)
    change(shop)
    world.advance(days=31)
    issued = [invoice.bill_to.email for invoice in world.history(NEW).invoices]
    assert sorted(issued) == [NEW, NEW, OLD, OLD]
    entries = {order.kind: order.email for order in world.orders(NEW)}
    assert entries == {OrderKind.SALE: OLD, OrderKind.REBILL: NEW}


@pytest.mark.spec("R-8")
def test_an_address_that_takes_no_mail_is_told_nothing_and_the_new_one_is_not_stopped(
    shop: Shop,
) -> None:
    world = shop.world
    world.buy()
    world.work()
    record(world.ports, [Returned("acme", OLD, StopReason.BOUNCED, world.now, "General")])
    before = len(world.mailer.sent)
    change(shop)
    world.advance(days=31)
    assert mailed(world, OLD, before) == []
    assert mailed(world, NEW) == [
        "Course renews on February 28, 2026",
        "Receipt: $29.99 for Course",
    ]
    record(world.ports, [Returned("acme", NEW, StopReason.BOUNCED, world.now, "General")])
    before = len(world.mailer.sent)
    world.advance(days=31)
    assert world.mailer.sent[before:] == []


@pytest.mark.spec("M-8")
def test_an_erased_customer_is_mailed_nothing(shop: Shop) -> None:
    world = shop.world
    bought = world.buy()
    change(shop)
    before = len(world.mailer.sent)
    world.cancel(When.NOW, NEW)
    (order,) = (o for o in world.orders(NEW) if o.kind is OrderKind.SALE)
    shop.api.post(f"/v1/orders/{order.id}/refund", {})
    assert shop.api.post(f"/v1/customers/{bought.customer}/erase").status == 200
    world.work()
    assert world.mailer.sent[before:] == []
    history: History = world.store.history("acme", bought.customer)
    assert history.customer is not None and history.customer.email == ERASED
    assert history.refunds[0].number == "TEST-CN-000001", "numbered all the same (M-7)"
    back = shop.api.call("PATCH", f"/v1/customers/{bought.customer}", {"email": NEW})
    assert (back.status, back.json["code"]) == (409, "erased")


@pytest.mark.spec("C-2", "B-12")
@pytest.mark.parametrize("taken_by_stranger", [False, True])
def test_what_was_begun_before_the_change_is_its_buyers_all_the_same(
    shop: Shop, taken_by_stranger: bool
) -> None:
    """The gateway has taken the money: the purchase's owner must not depend on the email by
    then.
    """
    world = shop.world
    first = world.buy()
    waiting = world.buy(
        world.product(name="Garden"), payment_method="pm_card_authenticationRequired"
    )
    assert waiting.state is CheckoutState.OPEN
    change(shop)
    if taken_by_stranger:
        world.buy(world.product(name="Atlas"), email=OLD)
    reference = str(waiting.invoice.gateway_ref)
    world.sandbox.authenticate(reference, succeeded=True)
    settled = advance.advance(world.ports, waiting, now=world.now, return_url=None)
    assert (settled.state, settled.customer) == (CheckoutState.PAID, first.customer)
    assert {order.product_name for order in world.orders(NEW)} == {"Course", "Garden"}


@pytest.mark.spec("A-8", "B-12")
def test_an_accounts_new_email_takes_the_mails_about_its_plan_along() -> None:
    world = Platform()
    opened(world)
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    email_change.ask(world.ports, held, NEW, now=world.now)
    links = linked(world, NEW), linked(world)
    for link in links:
        email_change.confirm(world.ports, link, now=world.now)
    world.work()
    before = len(world.mailer.sent)
    world.advance(days=31)
    assert "Receipt: $29.99 for Pro" in mailed(world, NEW, before)
    assert mailed(world, SELLER, before) == []
    invoices = world.history(NEW).invoices
    assert [invoice.bill_to.email for invoice in invoices] == [SELLER, NEW]


@pytest.mark.spec("A-8")
def test_an_accounts_email_is_not_changed_behind_its_back() -> None:
    """An account is found by its owner's email: changed at the platform's customer alone, its plan
    would be lost, and the account erased after a week."""
    world = Platform()
    opened(world)
    shop = Shop(world)
    customer = world.store.customer_by_email("acme", SELLER)
    answer = shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": NEW})
    assert (answer.status, answer.json["code"]) == (409, "email_of_account")
    assert world.standing() is Standing.ACTIVE
    named = shop.api.call("PATCH", f"/v1/customers/{customer}", {"name": "Ann New"})
    assert (named.status, named.json["name"]) == (200, "Ann New")


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.spec("X-5", "B-12")
def test_what_is_taken_back_after_the_change_is_told_to_the_new_address(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.cancel()
    change(shop)
    cancel.undo(world.ports, world.subscription(NEW), now=world.now)
    world.work()
    assert mailed(world, NEW)[-1] == "Your subscription to Course will continue"
    assert world.subscription(NEW).state is State.ACTIVE


@pytest.mark.spec("R-4", "B-12")
def test_pay_now_is_receipted_to_the_new_address(shop: Shop) -> None:
    world = shop.world
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method="pm_card_authenticationRequired")
    world.advance(days=15)
    change(shop)
    invoice = world.history(NEW).invoices[-1]
    world.sandbox.authenticate(str(invoice.gateway_ref), succeeded=True)
    buyer_return.settle(world.ports, invoice, now=world.now)
    world.work()
    assert mailed(world, NEW) == ["Receipt: $29.99 for Course"]

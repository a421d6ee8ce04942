"""A customer's actions on a purchase: cancel, refund, another address (B-6 .. B-8, X-1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing.helpdesk.flows import decision
from billing.kernel.catalog import Cancellation, Initial
from billing.kernel.errors import Unavailable
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import CreditAtEnd, SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.refunds.flows import refund
from billing.refunds.payment import Payment
from billing.render.formats import money
from tests.plans.changing import change
from tests.portal.test_purchases import ONCE, links, modules
from tests.portal.visitors import ANN, Shop, Visitor, past_due
from tests.tax.taxing import BERLIN, LOS_ANGELES, collecting, usd
from tests.world import MONTHLY

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def cancel_page(shop: Shop, what: str = "cancel") -> str:
    return f"/subscriptions/{shop.world.subscription().id}/{what}"


def buy(shop: Shop, terms: object = DELAYED, **product: object) -> Visitor:
    shop.world.buy(shop.world.product(terms, **product))  # type: ignore[arg-type]
    return shop.signed_in()


@pytest.mark.spec("B-6", "X-1", "X-7", "P-16", "X-5")
def test_a_delayed_cancellation_is_confirmed_shown_mailed_and_undone(shop: Shop) -> None:
    visitor = buy(shop)
    page = visitor.see(cancel_page(shop))
    assert "until February 28, 2026" in page.text and "$29.99 every month" in page.text
    assert shop.world.subscription().state is State.ACTIVE, "looking does nothing"
    answer = visitor.post(cancel_page(shop), reason="too_expensive", comment="Sorry\r\nreally")
    request = shop.world.orders()[-1]
    result = visitor.follow(answer)
    assert request.id in result.text and "February 28, 2026" in result.text
    assert (request.source, request.reason, request.comment) == (
        Source.CUSTOMER,
        "too_expensive",
        "Sorry really",
    )
    again = visitor.follow(visitor.post(cancel_page(shop)))
    assert request.id in again.text, "sent twice, done once"
    assert "[TEST] Your subscription to Course will end on February 28, 2026" in shop.mails()
    shown = visitor.follow(visitor.post(cancel_page(shop, "undo-cancel")))
    assert "Your subscription will continue" in shown.text
    assert shop.world.subscription().state is State.ACTIVE
    assert "[TEST] Your subscription to Course will continue" in shop.mails()


@pytest.mark.spec("P-13", "X-5", "X-7")
def test_the_mail_of_a_cancellation_names_the_portals_day_when_the_merchants_zone_has_changed(
    shop: Shop,
) -> None:
    shop.world.now = datetime(2026, 2, 1, 3, tzinfo=UTC)  # January 31 in New York
    visitor = buy(shop)
    shop.set(time_zone="Europe/Berlin")
    visitor.post(cancel_page(shop))
    assert "Ends on February 28, 2026" in modules(visitor)[0].text
    assert "[TEST] Your subscription to Course will end on February 28, 2026" in shop.mails()


@pytest.mark.spec("P-13", "R-4")
def test_the_mail_of_a_declined_payment_names_the_portals_day_when_the_merchants_zone_has_changed(
    shop: Shop,
) -> None:
    shop.world.now = datetime(2026, 2, 1, 3, tzinfo=UTC)
    shop.world.buy(payment_method="pm_card_chargeCustomerFail", product=shop.world.product(TRIAL))
    shop.set(time_zone="Europe/Berlin")
    shop.world.advance(days=15)
    (module,) = modules(shop.signed_in())
    assert "We'll try again on February 17, 2026" in module.text
    (failed,) = [m for m in shop.world.mailer.sent if "didn't go through" in str(m["Subject"])]
    assert "try again on February 17, 2026" in failed.get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.spec("B-6", "P-16", "X-9")
def test_an_instant_cancellation_says_that_access_goes_at_once(shop: Shop) -> None:
    visitor = buy(shop, MONTHLY)
    assert "subscription and your access end immediately" in visitor.see(cancel_page(shop)).text
    result = visitor.follow(visitor.post(cancel_page(shop)))
    assert "has ended" in result.text and shop.world.orders()[-1].id in result.text
    assert shop.world.subscription().state is State.CANCELLED
    assert visitor.follow(visitor.post(cancel_page(shop))).text == result.text
    assert len(shop.order_ids(kind=OrderKind.CANCELLATION)) == 1
    assert visitor.post(cancel_page(shop, "undo-cancel")).status == 409


@pytest.mark.spec("B-6", "X-1")
def test_where_customers_cannot_cancel_there_is_no_icon_and_a_form_is_refused(
    shop: Shop,
) -> None:
    shop.set(self_cancel=SelfService.OFF)
    visitor = buy(shop)
    assert not [link for link in links(modules(visitor)[0]) if link.endswith("/cancel")]
    assert "Write to the seller" in visitor.see(cancel_page(shop), 409).text
    assert visitor.post(cancel_page(shop)).status == 409
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("B-6")
def test_only_what_recurs_can_be_cancelled(shop: Shop) -> None:
    visitor = buy(shop, ONCE)
    assert not [link for link in links(modules(visitor)[0]) if link.endswith("/cancel")]
    purchase = shop.world.history().invoices[0].purchase
    assert visitor.browse("GET", f"/portal/acme/subscriptions/{purchase}/cancel").status == 404


@pytest.mark.spec("X-1", "H-2")
def test_in_manual_mode_a_ticket_goes_to_the_department_and_nothing_ends(shop: Shop) -> None:
    shop.set(self_cancel=SelfService.MANUAL)
    visitor = buy(shop)
    assert "send your request to Acme Courses" in visitor.see(cancel_page(shop)).text
    result = visitor.follow(visitor.post(cancel_page(shop), reason="not_used", comment="Bye"))
    assert "Your request has been sent to Acme Courses" in result.text
    visitor.post(cancel_page(shop))
    subscription = shop.world.subscription()
    assert subscription.state is State.ACTIVE
    thread = shop.world.store.thread("acme", f"tic_cancel_{subscription.id}")
    assert thread is not None
    ticket = thread.ticket
    assert (ticket.department, ticket.email, ticket.about) == ("billing", ANN, subscription.id)
    assert (ticket.reason, [m.text for m in thread.messages]) == ("not_used", ["Bye"])
    assert shop.mails().count("[TEST] Your request to cancel Course") == 1
    asked = "[TEST] Cancellation request: Course for ann@example.com"
    assert shop.mails("hello@acme.example") == [asked]
    received = [m for m in shop.world.mailer.sent if "Cancellation request" in str(m["Subject"])]
    assert str(received[0]["Reply-To"]) == ANN


@pytest.mark.spec("B-6", "X-1", "X-5")
def test_a_request_that_was_carried_out_and_undone_can_be_made_again(shop: Shop) -> None:
    shop.set(self_cancel=SelfService.MANUAL)
    visitor = buy(shop, DELAYED)
    visitor.post(cancel_page(shop))
    subscription = shop.world.subscription().id
    first = f"tic_cancel_{subscription}"
    decision.approve(shop.world.ports, "acme", first, by="agent", now=shop.world.now)
    visitor.follow(visitor.post(cancel_page(shop, "undo-cancel")))
    assert [link for link in links(modules(visitor)[0]) if link.endswith("/cancel")]
    assert "send your request to Acme Courses" in visitor.see(cancel_page(shop)).text
    result = visitor.follow(visitor.post(cancel_page(shop)))
    assert "Your request has been sent to Acme Courses" in result.text
    again = shop.world.store.ticket("acme", f"{first}-2")
    assert again is not None and shop.world.subscription().held_for == again.id


@pytest.mark.spec("X-7")
def test_a_comment_that_is_too_long_comes_back_with_what_was_typed(shop: Shop) -> None:
    visitor = buy(shop)
    answer = visitor.post(cancel_page(shop), reason="other", comment="x" * 501)
    assert answer.status == 422 and "x" * 501 in answer.body
    assert visitor.post(cancel_page(shop), reason="made_up").status == 422
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("X-6")
def test_a_charge_under_way_is_shown(shop: Shop) -> None:
    visitor = buy(shop)
    world = shop.world
    world.now = world.subscription().due_at or world.now
    visitor = shop.signed_in()
    world.sweep()
    real = world.sandbox.confirm

    def confirm_and_die(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm("timeout_before", 1)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    world.sandbox.confirm = confirm_and_die  # type: ignore[method-assign, assignment]
    world.work()
    world.sandbox.confirm = real  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    assert "A payment is being processed" in visitor.see(cancel_page(shop)).text
    result = visitor.follow(visitor.post(cancel_page(shop)))
    assert "is being processed" in result.text
    assert visitor.post(f"/cards/{world.subscription().payment_method}/remove").status == 409
    world.advance(minutes=20)
    assert world.subscription().state in {State.CANCELLED, State.CANCEL_PENDING}
    assert len(world.charges()) <= 2


def refund_page(shop: Shop, n: int = -1) -> str:
    paid = [o for o in shop.world.orders() if o.kind in {OrderKind.SALE, OrderKind.REBILL}]
    return f"/orders/{paid[n].id}/refund"


@pytest.mark.spec("B-7")
def test_an_automatic_refund_is_full_and_once_and_asks_about_cancelling(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)
    shop.world.advance(days=40)
    visitor = shop.signed_in()
    icons = [link for link in links(modules(visitor)[0]) if link.endswith("/refund")]
    assert set(icons) == {"/portal/acme" + refund_page(shop)}, "the first one's window is over"
    page = visitor.see(refund_page(shop))
    assert "$29.99" in page.text
    assert "checked" in page.one("input", name="cancel").attributes, "ticked for the latest"
    result = visitor.follow(visitor.post(refund_page(shop)))
    assert "Refunded" in result.text
    assert [c["refunded"] for c in shop.world.charges()] == [0, 2999]
    assert shop.world.subscription().state is State.ACTIVE, "a refund never cancels by itself"
    assert visitor.follow(visitor.post(refund_page(shop))).text == result.text
    assert [c["refunded"] for c in shop.world.charges()] == [0, 2999]
    assert "[TEST] Refund: $29.99 for Course" in shop.mails()
    assert not [link for link in links(modules(visitor)[0]) if link.endswith("/refund")]


@pytest.mark.spec("B-7")
def test_a_refund_whose_answer_was_lost_is_on_its_way_and_cancels_as_ticked(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)
    page = refund_page(shop)
    shop.world.sandbox.faults.arm("timeout_after", 1)
    shown = visitor.follow(visitor.post(page, cancel="true"))
    assert "Your refund is on its way" in shown.text and "We'll email you" in shown.text
    assert shop.world.subscription().cancelling is not None
    assert "Your refund is on its way" in visitor.follow(visitor.post(page)).text
    shop.world.advance(hours=1)
    assert [c["refunded"] for c in shop.world.charges()] == [2999]
    assert "[TEST] Refund: $29.99 for Course" in shop.mails()


@pytest.mark.spec("B-7")
def test_while_part_of_a_payment_is_going_back_its_customer_is_shown_that_and_asks_for_no_more(
    shop: Shop,
) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)
    part = {"amount_minor": 1000, "source": Source.MERCHANT, "now": shop.world.now, "name": "k"}
    shop.world.sandbox.faults.arm("timeout_after", 1)
    refund.request(
        shop.world.ports,
        refund.payment(shop.world.ports, "acme", shop.world.orders()[0].id),
        **part,
    )  # type: ignore[arg-type]
    page = refund_page(shop)
    assert "Your refund is on its way" in visitor.see(page).text
    assert "Your refund is on its way" in visitor.follow(visitor.post(page)).text
    assert len(shop.world.history().refunds) == 1
    shop.world.advance(minutes=20)
    shop.signed_in().post(page)
    assert [c["refunded"] for c in shop.world.charges()] == [2999], "the rest, once that is done"


@pytest.mark.spec("B-7", "X-1")
def test_a_refund_is_made_though_the_subscription_could_not_be_cancelled_along(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)

    def down(*args: object, **named: object) -> None:
        raise Unavailable("down")

    monkeypatch.setattr("billing.cancel.flows.cancel.request", down)
    answer = visitor.post(refund_page(shop), cancel="true")
    shown = visitor.follow(answer)
    assert [c["refunded"] for c in shop.world.charges()] == [2999]
    assert "Your subscription is still active" in shown.text
    assert f"/portal/acme{cancel_page(shop)}" in links(shown)
    monkeypatch.undo()
    visitor.post(cancel_page(shop))
    assert "still running" not in visitor.follow(answer).text


@pytest.mark.spec("B-7", "W-5")
def test_a_refund_that_cannot_be_recorded_is_not_shown_as_on_its_way(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)
    shop.world.change_merchant(armed=False)
    answer = visitor.post(refund_page(shop), cancel="true")
    assert answer.status == 503 and "nothing was changed" in answer.body
    assert (shop.world.history().refunds, shop.world.subscription().cancelling) == ((), None)


@pytest.mark.spec("B-7")
def test_a_refund_cancels_as_well_where_that_stays_ticked(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    visitor = buy(shop, refund_days=30)
    visitor.follow(visitor.post(refund_page(shop), cancel="true"))
    assert shop.world.subscription().state is State.CANCEL_PENDING
    assert shop.world.charges()[0]["refunded"] == 2999


@pytest.mark.spec("B-7")
def test_a_late_refund_is_refused_with_the_reason(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    buy(shop, refund_days=14)
    zone = ZoneInfo("America/New_York")
    last = datetime(2026, 2, 14, 23, 59, 59, tzinfo=zone)  # the merchant's local day 14
    shop.world.now = last
    assert shop.signed_in().see(refund_page(shop), 200)
    shop.world.now = last + timedelta(seconds=1)
    visitor = shop.signed_in()
    assert "refunded has ended" in visitor.see(refund_page(shop), 409).text
    assert visitor.post(refund_page(shop)).status == 409
    assert shop.world.charges()[0]["refunded"] == 0


@pytest.mark.spec("B-7")
@pytest.mark.parametrize(("mode", "days"), [(SelfService.OFF, 30), (SelfService.AUTOMATIC, 0)])
def test_without_refunds_there_is_no_icon_and_a_form_is_refused(
    shop: Shop, mode: SelfService, days: int
) -> None:
    shop.set(self_refund=mode)
    visitor = buy(shop, refund_days=days)
    assert not [link for link in links(modules(visitor)[0]) if link.endswith("/refund")]
    assert visitor.post(refund_page(shop)).status == 409
    assert shop.world.charges()[0]["refunded"] == 0


@pytest.mark.spec("B-7", "H-2")
def test_a_manual_refund_opens_one_ticket_and_moves_no_money(shop: Shop) -> None:
    shop.set(self_refund=SelfService.MANUAL)
    visitor = buy(shop, ONCE, refund_days=30)
    assert "Someone will review it" in visitor.see(refund_page(shop)).text
    for _ in range(2):
        result = visitor.follow(visitor.post(refund_page(shop)))
        assert "Your request has been sent" in result.text
    assert shop.world.charges()[0]["refunded"] == 0
    assert shop.mails("hello@acme.example") == ["[TEST] Refund request: Course for ann@example.com"]


@pytest.mark.spec("B-7", "H-2")
def test_the_rest_of_a_payment_is_asked_for_and_not_called_refunded(shop: Shop) -> None:
    shop.set(self_refund=SelfService.MANUAL)
    visitor = buy(shop, ONCE, refund_days=30)
    give_back(shop, 500)
    result = visitor.follow(visitor.post(refund_page(shop)))
    assert "Your request has been sent" in result.text
    assert "was refunded" not in result.text and "$5.00" not in result.text
    give_back(shop, 4400)
    assert "Your payment for Course was refunded" in visitor.see(refund_page(shop)).text


def give_back(shop: Shop, minor: int) -> None:
    """Refunds a part of the only payment by hand."""
    (order,) = shop.order_ids()
    found = shop.world.store.payment_of_order("acme", order)
    assert found is not None
    refund.request(
        shop.world.ports,
        Payment.of(found, order),
        amount_minor=minor,
        source=Source.MERCHANT,
        name=f"part-{minor}",
        now=shop.world.now,
    )


ADDRESS = {
    "name": "Ann Moved",
    "line1": "2 New Street",
    "city": "Portland",
    "postal_code": "97201",
    "country": "US",
    "state": "OR",
}


@pytest.mark.spec("B-8")
def test_an_address_is_for_future_invoices_only(shop: Shop) -> None:
    visitor = buy(shop)
    page = visitor.see(cancel_page(shop, "address"))
    assert page.one("input", name="line1").attributes["value"] == "1 Main Street"
    shown = visitor.follow(visitor.post(cancel_page(shop, "address"), **ADDRESS))
    assert "Your billing address has been saved" in shown.text
    shop.world.advance(days=40)
    before, after = (i.bill_to for i in shop.world.history().invoices)
    assert (before.name, before.address.line1) == ("Ann Example", "1 Main Street")
    assert (after.name, after.address.line1, after.email) == ("Ann Moved", "2 New Street", ANN)
    assert "[TEST] Your billing address for Course was changed" in shop.mails()


@pytest.mark.spec("B-8")
@pytest.mark.parametrize("everywhere", [{}, {"everywhere": "true"}])
def test_an_address_is_per_subscription_unless_it_is_for_all(
    shop: Shop, everywhere: dict[str, str]
) -> None:
    world = shop.world
    world.buy(world.product(MONTHLY, name="One"))
    world.buy(world.product(MONTHLY, name="Two"))
    visitor = shop.signed_in()
    one, two = world.history().subscriptions
    visitor.follow(visitor.post(f"/subscriptions/{one.id}/address", **ADDRESS, **everywhere))
    rows = world.store.bill_tos([("acme", s.customer, s.id) for s in (one, two)])
    lines = [row.bill_to.address.line1 for row in rows if row]
    assert lines == ["2 New Street", "2 New Street" if everywhere else "1 Main Street"]


@pytest.mark.spec("B-8")
def test_an_address_that_is_wrong_comes_back_as_it_was_typed(shop: Shop) -> None:
    visitor = buy(shop)
    answer = visitor.post(cancel_page(shop, "address"), **{**ADDRESS, "city": " ", "country": "ZZ"})
    assert answer.status == 422
    assert "2 New Street" in answer.body and "This is required." in answer.body
    (row,) = shop.world.store.bill_tos(
        [("acme", shop.world.subscription().customer, shop.world.subscription().id)]
    )
    assert row is not None and row.bill_to.name == "Ann Example"


@pytest.mark.spec("B-8", "C-10")
@pytest.mark.parametrize(
    ("left_out", "says"),
    [("state", "Enter your state or province"), ("postal_code", "Enter your postal code")],
)
def test_an_address_without_what_the_tax_depends_on_is_asked_for_it(
    shop: Shop, left_out: str, says: str
) -> None:
    world = collecting(shop.world)
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    visitor, page = shop.signed_in(), cancel_page(shop, "address")
    there = {**ADDRESS, "city": "Los Angeles", "postal_code": "90012", "state": "CA"}
    answer = visitor.post(page, **{**there, left_out: ""})
    assert answer.status == 422
    assert says in answer.body and f'href="#{left_out}"' in answer.body
    visitor.follow(visitor.post(page, **there))
    world.advance(days=40)
    assert [each.total for each in world.history().invoices] == [usd(3253), usd(3253)]


@pytest.mark.spec("X-4")
def test_while_past_due_a_delayed_cancellation_says_that_it_ends_now(shop: Shop) -> None:
    past_due(shop)
    visitor = shop.signed_in()
    page = visitor.see(cancel_page(shop)).text
    assert "end immediately" in page and "past-due amount won't be charged" in page
    visitor.follow(visitor.post(cancel_page(shop)))
    assert shop.world.subscription().state is State.CANCELLED


@pytest.mark.spec("A-4", "B-7", "X-7")
def test_cancel_and_refund_pages_say_what_is_left_as_credit_and_why_a_part_stays(
    shop: Shop,
) -> None:
    weekly = replace(MONTHLY, period=Period.WEEKLY)
    dear = replace(weekly, price=Money(9000, Currency.USD))
    product = shop.world.product(dear, weekly, refund_days=30)
    shop.world.buy(product)
    shop.set(self_refund=SelfService.AUTOMATIC, credit_at_end=CreditAtEnd.REFUND)
    change(shop.world, product.price_points[1])
    visitor = shop.signed_in()
    assert "Your remaining credit of $60.01 will be refunded" in visitor.see(cancel_page(shop)).text
    shop.world.advance(days=8)  # one week is paid by credit
    visitor = shop.signed_in()
    order = next(o for o in shop.world.orders() if o.kind is OrderKind.SALE).id
    page = visitor.see(f"/orders/{order}/refund").text
    assert "Refund $60.01" in page
    assert "left you $30.02 in credit" in page
    assert "$29.99 of this payment has already paid for later periods" in page
    done = visitor.follow(visitor.post(f"/orders/{order}/refund"))
    assert "$60.01" in done.text and "$29.99 of this payment" in done.text
    assert shop.world.subscription().credit_minor == 0
    again = visitor.follow(visitor.post(f"/orders/{order}/refund"))
    assert "Refunded" in again.text
    assert [c["refunded"] for c in shop.world.charges()] == [6001]


@pytest.mark.spec("X-10", "B-8")
def test_mails_to_who_moved_to_germany_have_the_ways_out_of_its_law(shop: Shop) -> None:
    visitor = buy(shop)
    there = {**ADDRESS, "country": "DE", "city": "Berlin", "postal_code": "10117", "state": ""}
    assert visitor.post(cancel_page(shop, "address"), **there).status == 303
    shop.world.advance(days=40)
    (receipt,) = [m for m in shop.world.mailer.sent if "Receipt" in str(m["Subject"])]
    said = receipt.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "/cancel/acme?country=DE" in said
    assert "Verträge hier kündigen" in said  # in the words of its law


@pytest.mark.spec("A-4", "C-10", "X-7")
def test_the_credit_that_is_said_to_go_back_is_what_goes_back_with_its_tax(shop: Shop) -> None:
    collecting(shop.world)
    dear = replace(DELAYED, price=Money(9000, Currency.USD))
    product = shop.world.product(dear, replace(DELAYED, price=Money(3000, Currency.USD)))
    shop.world.buy(product, address=LOS_ANGELES)
    shop.set(credit_at_end=CreditAtEnd.REFUND)
    change(shop.world, product.price_points[1])
    shop.world.now += timedelta(seconds=1)
    visitor = shop.signed_in()
    shown = visitor.see(cancel_page(shop)).text
    shop.world.cancel(When.NOW)
    shop.world.advance(minutes=5)
    (back,) = [o.amount for o in shop.world.orders() if o.kind is OrderKind.REFUND]
    assert back.amount_minor == 6510, "6000 and its tax of 8.5%"
    assert f"Your remaining credit of {money(back, 'en')} will be refunded" in shown
    (mail,) = [m for m in shop.world.mailer.sent if "has ended" in str(m["Subject"])]
    said = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"Your remaining credit of {money(back, 'en')} will be refunded" in said


@pytest.mark.spec("X-1", "X-10")
def test_a_portal_that_lets_nobody_cancel_still_leads_to_the_laws_way_out(shop: Shop) -> None:
    shop.set(self_cancel=SelfService.OFF)
    shop.world.buy(shop.world.product(DELAYED), address=BERLIN)
    page = shop.signed_in().see("", **{"cloudfront-viewer-country": "DE"})
    assert cancel_page(shop) not in str(page)
    assert "Verträge hier kündigen" in page.text and "/cancel/acme" in str(page)


@pytest.mark.spec("X-1", "X-10")
def test_where_the_law_prescribes_a_way_out_a_request_in_the_portal_waits_for_nobody(
    shop: Shop,
) -> None:
    shop.set(self_cancel=SelfService.MANUAL)
    shop.world.buy(shop.world.product(DELAYED), address=BERLIN)
    visitor = shop.signed_in()
    assert "request" not in visitor.see(cancel_page(shop)).text
    visitor.post(cancel_page(shop))
    assert shop.world.subscription().state is State.CANCEL_PENDING
    customer = shop.world.subscription().customer
    assert not shop.world.store.tickets_of("acme", customer, limit=1).data

"""A signed-in customer's pages: a module per purchase, its history, its invoices (B-4, B-5)."""

from __future__ import annotations

import pytest

from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.merchants import SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.portal.visitors import ANN, BOB, Shop, Visitor, past_due
from tests.render.html import Element
from tests.world import MONTHLY

ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def modules(visitor: Visitor) -> list[Element]:
    return visitor.see().all("section")


def links(element: Element) -> list[str]:
    return [str(a.attributes["href"]) for a in element.all("a")]


@pytest.mark.spec("B-4")
def test_each_purchase_is_a_module_of_its_own(shop: Shop) -> None:
    shop.world.buy(shop.world.product(ONCE, name="Book"))
    shop.world.buy(shop.world.product(MONTHLY, name="Club"))
    shop.world.advance(days=70)
    club, book = modules(shop.signed_in())
    assert "One-time purchase" in book.text and "$49.00" in book.text
    assert len(book.one("tbody").all("tr")) == 1, "a single line"
    assert "Next payment" not in book.text and "subscriptions" not in " ".join(links(book))
    assert "Active" in club.text and "Next payment: $29.99 on April 30, 2026" in club.text
    latest, full = club.all("tbody")
    dates = [row.all("time")[0].text for row in latest.all("tr")]
    assert dates == ["Mar 31, 2026", "Feb 28, 2026", "Jan 31, 2026"]
    assert club.one("details").one("summary").text == "Show details: Club"
    assert len(full.all("tr")) == 3


@pytest.mark.spec("B-4")
def test_the_details_hold_every_entry_with_its_order_id(shop: Shop) -> None:
    past_due(shop)
    shop.world.cancel(When.NOW)
    (module,) = modules(shop.signed_in())
    history = module.one("details")
    for order in shop.world.orders():
        assert order.id in history.text
    for words in ("Free trial", "Payment failed", "Cancelled"):
        assert words in history.text


@pytest.mark.spec("B-10", "B-4")
def test_what_is_past_due_comes_first_with_what_is_owed(shop: Shop) -> None:
    past_due(shop)
    shop.world.buy(shop.world.product(MONTHLY, name="Newer"))
    first, second = modules(shop.signed_in())
    assert "$29.99 is past due" in first.text and "We'll try again on" in first.text
    assert first.one("form").attributes["action"].endswith("/pay")  # type: ignore[union-attr]
    assert "Newer" in second.text


@pytest.mark.spec("X-5", "B-4")
def test_a_pending_cancellation_shows_its_date_instead_of_the_next_payment(shop: Shop) -> None:
    shop.world.buy()
    shop.world.cancel(When.PERIOD_END)
    visitor = shop.signed_in()
    (module,) = modules(visitor)
    assert "Ends on February 28, 2026" in module.text and "Next payment" not in module.text
    ends_at = shop.world.subscription().ends_at
    assert ends_at is not None
    shop.world.now = ends_at
    (module,) = modules(shop.signed_in())
    assert "Ended on February 28, 2026" in module.text, "before the sweep has come"
    assert "Keep my subscription" not in module.text


@pytest.mark.spec("B-4")
@pytest.mark.parametrize("days", [0, 20, 400])
def test_trials_and_plans_say_where_they_stand(shop: Shop, days: int) -> None:
    later = replace(ONCE, initial=Initial(100, Span(14, Unit.DAY)))
    shop.world.buy(shop.world.product(later))
    shop.world.advance(days=days)
    (module,) = modules(shop.signed_in())
    expected = "Trial" if days == 0 else "Paid in full"
    assert expected in module.text


@pytest.mark.spec("B-5")
def test_an_invoice_is_there_for_each_completed_payment_and_no_other(shop: Shop) -> None:
    past_due(shop)
    visitor = shop.signed_in()
    (module,) = modules(visitor)
    downloads = {link for link in links(module) if link.endswith("invoice.pdf")}
    (paid, unpaid) = shop.world.history().invoices
    assert downloads == {f"/portal/acme/invoices/{paid.id}/invoice.pdf"}
    for reference in (paid.id, paid.order_id):
        pdf = visitor.browse("GET", f"/portal/acme/invoices/{reference}/invoice.pdf")
        assert (pdf.status, pdf.headers["content-type"]) == (200, "application/pdf")
        assert pdf.headers["content-disposition"] == 'attachment; filename="invoice.pdf"'
    for reference in (unpaid.id, unpaid.order_id, "sub_x.0001", "~", "a~b~c"):
        answer = visitor.browse("GET", f"/portal/acme/invoices/{reference}/invoice.pdf")
        assert answer.status == 404


@pytest.mark.spec("C-3", "B-5")
def test_the_link_in_a_mail_needs_no_session(shop: Shop) -> None:
    invoice = shop.world.buy().invoice
    paid = shop.world.history().invoices[0]
    link = f"/portal/acme/invoices/{paid.customer}~{invoice.id}~{paid.download_key}/invoice.pdf"
    assert shop.visitor().browse("GET", link).status == 200
    assert shop.visitor().browse("GET", link.replace(paid.download_key, "0")).status == 404


@pytest.mark.spec("W-3")
def test_what_was_bought_in_the_sandbox_is_marked_on_every_page(shop: Shop) -> None:
    shop.world.buy()
    visitor = shop.signed_in()
    for page in ("", "/cards", "/cards/new"):
        assert "Test mode" in visitor.see(page).text


@pytest.mark.spec("B-6", "B-7", "B-8", "B-9")
def test_each_icon_says_in_words_what_it_does(shop: Shop) -> None:
    shop.set(self_refund=SelfService.AUTOMATIC)
    shop.world.buy(shop.world.product(refund_days=30))
    (module,) = modules(shop.signed_in())
    words = {a.all("span")[0].text for a in module.all("a")}
    assert words == {"Billing address", "Cards", "Cancel", "Refund", "Download invoice"}
    for link in module.all("a"):
        assert link.attributes["title"] and link.one("svg").attributes["aria-hidden"] == "true"


def test_a_checkout_that_was_declined_is_no_purchase(shop: Shop) -> None:
    shop.world.buy()
    other = shop.world.product(name="Other")
    declined = shop.world.buy(other, payment_method="pm_card_chargeDeclined")
    shop.world.book_on_customer(declined.key)
    assert [o.kind for o in shop.world.orders()] == [OrderKind.SALE, OrderKind.FAILED]
    assert len(modules(shop.signed_in())) == 1


@pytest.mark.spec("B-2", "B-4")
def test_all_of_a_customers_purchases_show_and_nobody_elses(shop: Shop) -> None:
    shop.world.buy(shop.world.product(name="Hers"))
    shop.world.buy(shop.world.product(name="His"), email=BOB)
    assert "Hers" in shop.signed_in(ANN).see().text
    assert "Hers" not in shop.signed_in(BOB).see().text


@pytest.mark.spec("H-4", "X-10")
@pytest.mark.parametrize(("holder", "shown"), [("tic_1", True), ("dec_1", False)])
def test_what_holds_a_payment_is_linked_where_it_has_a_page(
    shop: Shop, holder: str, shown: bool
) -> None:
    shop.world.buy()
    bought = shop.world.subscription()
    held = replace(bought, held_for=holder, held_since=shop.world.now)
    shop.world.store.commit(Change(bought, held))
    (module,) = modules(shop.signed_in())
    assert ("You asked to cancel" in module.text) is shown  # nobody proved who declared it
    assert any(f"/tickets/{holder}" in link for link in links(module)) is shown

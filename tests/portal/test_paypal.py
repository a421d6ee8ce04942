"""A portal of somebody who pays with PayPal: it says where that is changed (B-9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.cards.flows import cards
from billing.kernel.errors import Refused
from functions.portal import app
from tests import paypal as on_loopback
from tests.portal.test_mail_links import link as mail_link
from tests.portal.visitors import Shop, Visitor
from tests.scenarios.test_paypal_life import PayPalWorld


@pytest.fixture
def world() -> Iterator[PayPalWorld]:
    with on_loopback.loopback(lambda: made.now) as paypal:
        made = PayPalWorld(paypal)
        yield made


@pytest.fixture
def shop(world: PayPalWorld) -> Shop:
    world.buy_as()
    opened = Shop(world)
    opened.resolver = app.build(world.ports)
    return opened


def card_of(shop: Shop) -> str:
    (agreement,) = [m for m in shop.world.history().methods if m.brand == "paypal"]
    return agreement.id


@pytest.mark.spec("B-9", "W-2")
def test_paypal_is_shown_by_its_name_with_where_to_change_it(shop: Shop) -> None:
    page = shop.signed_in().see("/cards")
    assert "PayPal Default" in page.text
    assert "Pays for Course" in page.text
    assert "Change it in your PayPal account" in page.text
    assert "••••" not in page.text
    links = [a.attributes.get("href", "") for a in page.all("a")]
    assert not [link for link in links if "/cards/" in link]


@pytest.mark.spec("B-9", "B-10")
def test_what_is_past_due_at_paypal_offers_no_other_card(shop: Shop, world: PayPalWorld) -> None:
    world.becomes("pays", issue="INSTRUMENT_DECLINED")
    world.advance(days=29)
    page = shop.signed_in().see()
    assert "Pay $29.99 now" in page.text
    assert "another card" not in page.text
    assert "Change it in your PayPal account" in page.text


@pytest.mark.spec("B-9")
@pytest.mark.parametrize("path", ["/cards/new", "/cards/{}/use", "/cards/{}/remove"])
def test_its_pages_and_forms_are_refused_in_words(shop: Shop, path: str) -> None:
    visitor = shop.signed_in()
    place = path.format(card_of(shop))
    assert "Change it in your PayPal account" in visitor.see(place, 409).text
    sent = visitor.post(place, payment_method="pm_card_visa", attempt_key="a-key-of-mine")
    assert sent.status == 409
    assert len(shop.world.history().methods) == 1
    with pytest.raises(Refused):
        cards.use(
            shop.world.ports,
            "acme",
            shop.world.history().customer.id,
            card_of(shop),
            now=shop.world.now,
        )  # type: ignore[union-attr]


@pytest.mark.spec("B-9", "B-10")
def test_a_card_beside_it_covers_what_is_paid_by_card_and_no_more(shop: Shop) -> None:
    shop.world.buy(shop.world.product(), confirm_repeat=True)
    visitor: Visitor = shop.signed_in()
    visitor.post("/cards/new", payment_method="pm_card_mastercard", attempt_key="a-key-of-mine")
    names = {m.id: m.last4 or m.brand for m in shop.world.history().methods}
    paid = sorted(names[s.payment_method] for s in shop.world.history().subscriptions)
    assert paid == ["4444", "paypal"]
    (last,) = [m for m in shop.world.history().methods if m.last4 == "4444"]
    (first,) = [m for m in shop.world.history().methods if m.last4 == "4242"]
    assert visitor.post(f"/cards/{first.id}/remove").status == 303
    assert visitor.post(f"/cards/{last.id}/remove").status == 409, "PayPal cannot take over"


@pytest.mark.spec("B-5")
def test_the_invoice_names_paypal(shop: Shop) -> None:
    from billing.render.formats import means

    (agreement,) = shop.world.history().methods
    assert means(agreement, "en") == "PayPal"


@pytest.mark.spec("R-8", "B-9", "W-2")
def test_a_mails_link_says_where_the_agreement_is_changed_and_offers_no_card(shop: Shop) -> None:
    found = mail_link(shop)
    page = shop.visitor().see(found)
    assert "Change it in your PayPal account" in page.text
    assert "another card" not in page.text
    shop.visitor().see(f"{found}/card", 409)


@pytest.mark.spec("R-8", "W-2")
def test_a_mail_about_a_refusal_by_paypal_speaks_of_paypal(shop: Shop, world: PayPalWorld) -> None:
    world.becomes("pays", issue="INSTRUMENT_DECLINED")
    world.advance(days=29)
    mail = next(m for m in world.mailer.sent if "didn't go through" in str(m["Subject"]))
    part = mail.get_body(("plain",))
    assert part is not None
    text = str(part.get_content())
    assert "PayPal declined this payment" in text and "Change it in your PayPal account" in text
    assert "bank" not in text and "card" not in text

"""The signed link in mails: it shows one purchase, pays for it, asks a code for the rest (R-8)."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest

from billing.customers.flows import customers
from billing.kernel.catalog import Initial
from billing.kernel.merchants import PortalKind, SelfService
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from functions.checkout import app as checkout_app
from tests.portal.visitors import ANN, BOB, Shop, Visitor, past_due
from tests.render.html import read
from tests.web.calls import Answer, Client
from tests.world import MONTHLY

LINK = re.compile(r"https://pay\.example\.com/portal/acme(/mail/\S+)")
CODE = re.compile(r"\b[0-9]{8}\b")


@pytest.fixture
def shop() -> Shop:
    return Shop()


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(mail: EmailMessage) -> str | None:
    found = set(LINK.findall(words(mail)))
    assert len(found) <= 1, "one link, however often it is shown"
    return found.pop() if found else None


def mails(shop: Shop, to: str = ANN) -> list[EmailMessage]:
    shop.world.work()
    return [mail for mail in shop.world.mailer.sent if str(mail["To"]) == to]


def link(shop: Shop, to: str = ANN, *, about: str = "") -> str:
    """The link in the newest mail to somebody, of those about a product."""
    found = link_in([mail for mail in mails(shop, to) if about in words(mail)][-1])
    assert found is not None
    return found


@pytest.mark.spec("R-8")
def test_every_mail_about_a_charge_a_renewal_or_an_end_carries_the_link(shop: Shop) -> None:
    yearly = replace(MONTHLY, period=Period.YEARLY)
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    shop.world.buy(shop.world.product(yearly))
    shop.world.advance(days=366)
    shop.world.cancel(When.PERIOD_END)
    shop.world.advance(days=366)
    shop.world.buy(shop.world.product(trial), email=BOB)
    shop.world.advance(days=15)
    past_due(shop, email="cyd@example.com")
    shop.world.advance(days=15)
    subjects = {}
    for who in (ANN, BOB, "cyd@example.com"):
        for mail in mails(shop, who):
            subjects[re.sub(r" on .*| for Course.*", "", str(mail["Subject"]))] = link_in(mail)
    assert set(subjects) >= {
        "[TEST] Your purchase: Course",
        "[TEST] Receipt: $29.99",
        "[TEST] Course renews",
        "[TEST] Your Course trial ends",
        "[TEST] Your subscription to Course will end",
        "[TEST] Your subscription to Course has ended",
        "[TEST] Your payment",
    }
    assert all(subjects.values()), subjects


@pytest.mark.spec("R-8", "C-3")
def test_a_mail_to_the_address_on_file_carries_an_order_id_that_signs_in(shop: Shop) -> None:
    shop.set(confirmation_template="Welcome, {name}.")
    shop.world.buy()
    (confirmation,) = mails(shop)
    assert not re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}", words(confirmation))
    shop.world.advance(days=40)
    shop.world.cancel(When.PERIOD_END)
    for mail in mails(shop)[1:]:
        (order,) = set(re.findall(r"Order ID: (\S+)", words(mail)))
        assert shop.visitor().log_in(order, ANN).status == 303


@pytest.mark.spec("R-8")
def test_a_portal_that_is_closed_has_no_link(shop: Shop) -> None:
    shop.set(portal=None)
    shop.world.buy()
    (mail,) = mails(shop)
    assert link_in(mail) is None and "billing portal" not in words(mail)


@pytest.mark.spec("R-8", "B-3")
def test_the_link_shows_this_purchase_and_nothing_else(shop: Shop) -> None:
    shop.world.buy(shop.world.product(name="Knitting"))
    shop.world.buy(shop.world.product(name="Baking"))
    visitor = shop.visitor()
    page = visitor.see(link(shop, about="Baking"))
    assert "Baking" in page.text and "Knitting" not in page.text
    for shown in ("$29.99", "February 28, 2026", "4242"):
        assert shown in page.text
    for hidden in (ANN, "Main Street", *shop.order_ids()):
        assert hidden not in page.text
    assert not visitor.cookies, "no session"
    leads = {each.attributes["href"] for each in page.all("a")}
    assert not any(part in to for to in leads for part in ("invoice", "cancel", "address"))


@pytest.mark.spec("R-8")
def test_a_one_time_purchase_is_shown_with_its_payment(shop: Shop) -> None:
    from billing.kernel.catalog import PriceTerms, PriceType
    from billing.kernel.money import Currency, Money

    once = PriceTerms(PriceType.ONE_TIME, Money(9900, Currency.USD))
    shop.world.buy(shop.world.product(once))
    page = shop.visitor().see(link(shop))
    for shown in ("Course", "$99.00", "January 31, 2026", "4242"):
        assert shown in page.text
    assert shop.visitor().browse("GET", f"/portal/acme{link(shop)}/card").status == 404


@pytest.mark.spec("R-8")
def test_the_link_works_often_for_sixty_days(shop: Shop) -> None:
    shop.world.buy()
    found = link(shop)
    shop.world.now += timedelta(days=59, hours=23)
    for _ in range(2):
        shop.visitor().see(found)
    shop.world.now += timedelta(hours=2)
    page = shop.visitor().see(found, 401)
    assert page.one("h1").text == "This link has expired"


@pytest.mark.spec("R-8", "B-12")
def test_another_email_voids_the_link(shop: Shop) -> None:
    shop.world.buy()
    found = link(shop)
    customer = shop.world.history().customer
    assert customer is not None
    customers.change(
        shop.world.ports, "acme", customer.id, {"email": "new@example.com"}, now=shop.world.now
    )
    shop.visitor().see(found, 401)


def forged(found: str, place: int) -> str:
    head, _, reference = found.rpartition("/")
    parts = reference.split("~")
    parts[place] = parts[place][:-1] + ("0" if parts[place][-1] != "0" else "1")
    return f"{head}/{'~'.join(parts)}"


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("place", range(4))
def test_a_link_that_we_did_not_sign_opens_nothing(shop: Shop, place: int) -> None:
    shop.world.buy()
    assert shop.visitor().browse("GET", f"/portal/acme{forged(link(shop), place)}").status == 401


@pytest.mark.spec("R-8")
@pytest.mark.parametrize(
    "reference", ["x", "~", "~~~", "a~b~c~d", "a~b~9~", "a~b~" + "9" * 60 + "~d"]
)
def test_what_is_no_link_opens_nothing(shop: Shop, reference: str) -> None:
    shop.world.buy()
    mails(shop)
    for method, page in (("GET", ""), ("POST", "/pay"), ("POST", "/code"), ("POST", "/enter")):
        address = f"/portal/acme/mail/{reference}{page}"
        assert (
            shop.visitor().browse(method, address, {} if method == "POST" else None).status == 401
        )


@pytest.mark.spec("R-8")
def test_a_link_is_of_one_merchant(shop: Shop) -> None:
    shop.world.buy()
    found = link(shop)
    assert shop.visitor().browse("GET", f"/portal/rival{found}").status == 401
    shop.set(portal=None)
    assert shop.visitor().browse("GET", f"/portal/acme{found}").status == 404


def send(visitor: Visitor, found: str, page: str, **fields: str) -> Answer:
    return visitor.browse("POST", f"/portal/acme{found}{page}", fields)


@pytest.mark.spec("R-8", "B-10")
def test_its_holder_pays_what_is_due(shop: Shop) -> None:
    past_due(shop)
    found, visitor = link(shop), shop.visitor()
    assert "$29.99 is past due" in visitor.see(found).text
    page = visitor.follow(send(visitor, found, "/pay"))
    assert "processing your payment" in page.text
    assert shop.world.subscription().pay_now is not None
    tries = [send(shop.visitor(), found, "/pay").status for _ in range(8)]
    assert 429 in tries


@pytest.mark.spec("R-8", "B-10", "B-3")
def test_its_holder_adds_a_card_for_this_purchase_alone(shop: Shop) -> None:
    shop.world.buy(shop.world.product(name="Knitting"))
    kept = shop.world.subscription()
    past_due(shop)
    found, visitor = link(shop), shop.visitor()
    form = visitor.see(f"{found}/card").one("form")
    key = next(e for e in form.all("input") if e.attributes.get("name") == "attempt_key")
    fields = {
        "attempt_key": key.attributes["value"],
        "payment_method": "pm_card_mastercard",
        "default": "true",
        "chosen": "true",
        f"covers_{kept.id}": "true",
    }
    page = visitor.follow(send(visitor, found, "/card", **fields))
    assert "Your card has been saved" in page.text
    history = shop.world.history()
    cards = {s.id: s.payment_method for s in history.subscriptions}
    assert cards[kept.id] == kept.payment_method, "whatever was sent"
    assert history.customer is not None and history.customer.default_method == kept.payment_method
    assert [m["Subject"] for m in mails(shop)].count(
        "[TEST] A card was added to your Acme Courses account"
    ) == 1
    shop.world.advance(hours=1)
    assert all(s.state is not State.PAST_DUE for s in shop.world.history().subscriptions)


@pytest.mark.spec("R-4", "R-8")
def test_the_last_mail_of_a_retry_cycle_offers_no_card_for_what_has_ended(shop: Shop) -> None:
    past_due(shop)
    shop.world.advance(days=30)
    assert shop.world.subscription().state is State.CANCELLED
    failed = [m for m in mails(shop) if "didn't go through" in str(m["Subject"])]
    offers = ["Update your card" in words(mail) for mail in failed]
    assert offers == [True, True, True, False]
    assert "your subscription has ended" in words(failed[-1])


@pytest.mark.spec("R-8")
def test_a_declined_card_is_said_and_cards_are_tried_a_few_times_only(shop: Shop) -> None:
    past_due(shop)
    found, visitor = link(shop), shop.visitor()
    answers = [
        send(
            visitor,
            found,
            "/card",
            attempt_key=f"attempt-{n:08d}",
            payment_method="pm_card_chargeDeclined",
        )
        for n in range(12)
    ]
    assert answers[0].status == 402 and "Your card was declined" in answers[0].body
    assert answers[-1].status == 429


def code_in(shop: Shop) -> str:
    (found,) = CODE.findall(words(mails(shop)[-1]))
    return str(found)


@pytest.mark.spec("R-8", "B-3")
def test_anything_else_asks_for_a_code_that_is_mailed_to_the_address_on_file(shop: Shop) -> None:
    shop.world.buy()
    found, visitor = link(shop), shop.visitor()
    page = visitor.follow(send(visitor, found, "/code"))
    assert "code" in page.text and ANN not in page.text
    code = code_in(shop)
    assert code not in str(mails(shop)[-1]["Subject"])
    wrong = send(visitor, found, "/enter", code="00000000")
    assert wrong.status == 401 and not visitor.cookies
    entered = send(visitor, found, "/enter", code=f" {code[:4]} {code[4:]} ")
    assert (entered.status, entered.headers["location"]) == (303, "/portal/acme")
    assert "Your purchases" in visitor.see().text
    again = shop.visitor()
    assert send(again, found, "/enter", code=code).status == 401, "once"


@pytest.mark.spec("R-8")
def test_a_code_is_good_for_minutes_and_for_a_few_tries(shop: Shop) -> None:
    shop.world.buy()
    found = link(shop)
    send(shop.visitor(), found, "/code")
    code = code_in(shop)
    shop.world.now += timedelta(minutes=19)
    assert send(shop.visitor(), found, "/enter", code=code).status == 401
    send(shop.visitor(), found, "/code")
    code = code_in(shop)
    tried = [send(shop.visitor(), found, "/enter", code=f"{n:08d}").status for n in range(6)]
    assert tried[0] == 401 and tried[-1] == 429
    assert send(shop.visitor(), found, "/enter", code=code).status == 429
    asked = [send(shop.visitor(), found, "/code").status for _ in range(6)]
    assert asked[-1] == 429, "nor is the mailbox filled"


@pytest.mark.spec("R-8")
def test_a_code_of_one_customer_signs_in_no_other(shop: Shop) -> None:
    shop.world.buy()
    anns = link(shop)
    shop.world.buy(email=BOB)
    bobs = link(shop, BOB)
    send(shop.visitor(), anns, "/code")
    assert send(shop.visitor(), bobs, "/enter", code=code_in(shop)).status == 401


@pytest.mark.spec("R-8")
def test_a_form_from_another_site_is_refused(shop: Shop) -> None:
    past_due(shop)
    found = link(shop)
    for page in ("/pay", "/card", "/code", "/enter"):
        answer = shop.visitor().browse(
            "POST", f"/portal/acme{found}{page}", {}, **{"sec-fetch-site": "cross-site"}
        )
        assert answer.status == 403, page


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("kind", list(PortalKind))
def test_after_an_erasure_the_link_is_void(shop: Shop, kind: PortalKind) -> None:
    from billing.privacy.flows import erase

    shop.set(portal=kind)
    bought = shop.world.buy()
    found = link(shop)
    shop.world.cancel(When.NOW)
    erase.one(shop.world.ports, "acme", bought.customer, now=shop.world.now)
    assert shop.visitor().browse("GET", f"/portal/acme{found}").status == 401


@pytest.mark.spec("R-8", "H-4")
def test_mails_about_a_request_to_cancel_carry_the_link_to_its_own_customer_only(
    shop: Shop,
) -> None:
    shop.set(portal=PortalKind.HELPDESK, self_cancel=SelfService.MANUAL)
    shop.world.buy()
    visitor = shop.signed_in()
    subscription = shop.world.subscription()
    visitor.post(f"/subscriptions/{subscription.id}/cancel")
    (to_customer,) = [m for m in mails(shop) if "request to cancel" in str(m["Subject"])]
    assert link_in(to_customer) is not None
    (to_department,) = mails(shop, "hello@acme.example")
    assert link_in(to_department) is None


@pytest.mark.spec("R-8", "H-4")
def test_its_page_announces_no_payment_that_a_request_to_cancel_holds(shop: Shop) -> None:
    shop.set(self_cancel=SelfService.MANUAL)
    shop.world.buy()
    page = link(shop)
    assert "Next payment: $29.99 on February 28, 2026" in shop.visitor().see(page).text
    shop.signed_in().post(f"/subscriptions/{shop.world.subscription().id}/cancel")
    shown = shop.visitor().see(page).text
    assert "Next payment" not in shown
    assert "You won't be charged until someone has decided" in shown


@pytest.mark.spec("R-8", "B-2", "C-3")
def test_the_page_after_a_purchase_leads_to_the_portals_sign_in_and_into_no_session(
    shop: Shop,
) -> None:
    shop.world.buy()
    point = shop.world.product().default_price_point
    checkout = Client(checkout_app.build(shop.world.ports))
    typed = {
        "attempt_key": "somebody-elses",
        "email": ANN,
        "name": "Mallory",
        "line1": "1 Main Street",
        "city": "Springfield",
        "country": "US",
        "payment_method": "pm_card_visa",
        "confirm_repeat": "true",
    }
    bought = checkout.browse("POST", f"/checkout/{point}", typed)
    page = checkout.browse(
        "GET", bought.headers["location"].removeprefix("https://pay.example.com")
    )
    assert "Thank you" in page.body
    leads = [each.attributes["href"] for each in read(page.body).all("a")]
    assert "/portal/acme" in leads and not any("/mail/" in to for to in leads)
    assert not checkout.cookies
    mallory = Visitor(shop.resolver, cookies=checkout.cookies)
    assert mallory.see().one("h1").text == "Billing portal", "the sign-in"
    assert mallory.browse("GET", "/portal/acme/cards").status == 401
    shop.set(portal=None)
    again = checkout.browse(
        "GET", bought.headers["location"].removeprefix("https://pay.example.com")
    )
    assert "portal" not in again.body

"""Writing to a department: signed in, or confirmed by a link in a mail (B-1, H-1, H-2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.helpdesk.tickets import Ownership, TicketType
from billing.kernel.catalog import Cancellation
from billing.kernel.departments import PLATFORM
from billing.kernel.merchants import Departments, PortalKind
from billing.kernel.subscription import State
from billing.kernel.values import replace
from tests.helpdesk.desk import House
from tests.portal.visitors import ANN, BOB
from tests.world import MONTHLY

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
WORDS = {"subject": "A question", "text": "Where is\r\nlesson 2?"}


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.spec("H-1")
def test_the_departments_are_shown_with_what_they_are_for_and_what_they_ask(house: House) -> None:
    house.shop.set(departments=Departments(all=PLATFORM))
    page = house.guest().see()
    headings = [e.text for e in page.all("h2")]
    assert headings[:4] == [
        "Ask Before Buying",
        "Billing",
        "Affiliate Program",
        "Technical Support",
    ]
    names = {
        department.id: [
            e.attributes["name"]
            for tag in ("input", "textarea", "select")
            for e in house.guest().see(f"/new/{department.id}").all(tag)
        ]
        for department in PLATFORM
    }
    assert {"name", "email", "order", "site", "login"} <= set(names["billing"])
    assert {"login", "site", "browser", "recordings"} <= set(names["technical-support"])
    assert "order" not in names["ask-before-buying"]
    assert "login" in names["affiliate-program"]


@pytest.mark.spec("H-2")
def test_a_strangers_words_are_a_ticket_once_the_mailed_link_is_followed(house: House) -> None:
    guest = house.guest()
    answer = guest.submit("/new/technical-support", email="Zoe@example.com", **WORDS)
    assert answer.status == 202 and "Check your email" in answer.body
    assert house.tickets() == []
    link = house.mail_link("zoe@example.com")
    assert "Where is" in guest.see(link).text
    assert house.tickets() == [], "looking sends nothing"
    first = guest.browse("POST", link, {})
    again = guest.browse("POST", link, {})
    assert first.headers["location"] == again.headers["location"]
    (found,) = house.tickets()
    assert (found.email, found.customer, found.ownership) == (
        "zoe@example.com",
        None,
        Ownership.NONE,
    )
    thread = guest.follow(first)
    assert "Where is lesson 2?" in thread.text and "Your message has been sent" in thread.text
    house.shop.world.work()
    subjects = house.shop.world.subjects()
    assert "We've received your message: A question" in subjects
    assert "New ticket: A question (zoe@example.com)" in subjects


@pytest.mark.spec("H-2", "C-2")
def test_sent_twice_it_is_one_mail_and_one_ticket(house: House) -> None:
    guest = house.guest()
    fields = guest.fields("/new/billing")
    for _ in range(3):
        sent = guest.browse("POST", "/helpdesk/acme/new/billing", {**fields, "email": BOB, **WORDS})
        assert sent.status == 202
    link = house.mail_link(BOB)
    guest.browse("POST", link, {})
    assert len(house.tickets()) == 1
    assert house.shop.world.subjects().count("Confirm your message to Acme Courses") == 1


@pytest.mark.spec("H-2")
def test_an_address_that_was_mistyped_is_put_right_by_going_back(house: House) -> None:
    guest = house.guest()
    fields = guest.fields("/new/billing")
    for email in ("zoee@example.com", "zoe@example.com"):
        form = {**fields, "email": email, **WORDS}
        assert guest.browse("POST", "/helpdesk/acme/new/billing", form).status == 202
    assert "Where is" in guest.see(house.mail_link("zoe@example.com")).text


@pytest.mark.spec("H-2", "H-4")
def test_a_confirmed_link_of_the_purchase_email_verifies_and_holds(house: House) -> None:
    order = house.order()
    guest = house.guest()
    guest.submit("/new/billing", email=ANN, order=order.lower(), wish="cancel", **WORDS)
    world = house.shop.world
    assert world.subscription().held is False, "what nobody confirmed holds nothing"
    world.now += timedelta(hours=5)
    link = house.mail_link()
    assert "ends as of January 31, 2026" in guest.see(link).text
    guest.browse("POST", link, {})
    (found,) = house.tickets()
    assert (found.wish, found.ownership) == (TicketType.CANCEL, Ownership.LINK)
    assert found.requested_at == world.now, "it counts from when it was confirmed"
    assert world.subscription().held_for == found.id


@pytest.mark.spec("X-8")
def test_too_late_by_the_notice_it_says_so_before_it_is_confirmed(house: House) -> None:
    world = house.shop.world
    house.shop.set(notice_days=10)
    world.buy(world.product(DELAYED))
    order = world.orders()[0].id
    world.advance(days=20)
    guest = house.guest()
    guest.submit("/new/billing", email=ANN, order=order, wish="cancel", **WORDS)
    link = house.mail_link()
    said = guest.see(link).text
    assert "too late to stop the payment of $29.99 on February 28, 2026" in said
    assert "until March 31, 2026" in said
    thread = guest.follow(guest.browse("POST", link, {}))
    assert "February 28, 2026" in thread.text
    assert world.subscription().held is False


@pytest.mark.spec("H-2", "H-6")
def test_an_order_of_somebody_else_is_shown_only_to_whose_mailbox_it_is(house: House) -> None:
    order = house.order(BOB)
    guest = house.guest()
    known = guest.submit("/new/billing", email=ANN, order=order, wish="refund", **WORDS)
    unknown = guest.submit(
        "/new/billing", email=ANN, order="AAAAA-BBBBB-CCCCC", wish="refund", **WORDS
    )
    assert (known.status, known.body[-200:]) == (unknown.status, unknown.body[-200:])
    link = house.mail_link()
    assert "another email at checkout" in guest.see(link).text
    guest.browse("POST", link, {})
    (found,) = house.tickets()
    assert found.about is None and not found.is_verified


@pytest.mark.spec("B-1", "H-2")
def test_a_signed_in_customer_writes_without_a_link_and_chooses_a_purchase(house: House) -> None:
    order = house.order()
    ann = house.signed_in()
    page = ann.see("/new/billing")
    assert order in [e.attributes.get("value") for e in page.all("option")]
    assert not [e for e in page.all("input") if e.attributes.get("name") == "email"]
    thread = ann.follow(ann.submit("/new/billing", order=order, wish="refund", **WORDS))
    assert "Your message has been sent" in thread.text
    (found,) = house.tickets()
    assert (found.ownership, found.about, found.email) == (Ownership.PORTAL, order, ANN)
    assert "A question" in ann.see("/tickets").text
    added = ann.follow(ann.submit(f"/tickets/{found.id}", text="More"))
    assert "More" in added.text


@pytest.mark.spec("B-1")
def test_my_orders_are_inside_the_helpdesk_and_standalone_stays_as_it_was(house: House) -> None:
    house.order()
    visitor = house.shop.signed_in()
    page = visitor.see()
    assert "My orders" in page.text and "My requests" in page.text
    links = [e.attributes["href"] for e in house.guest().see().all("a")]
    assert "/portal/acme" in links
    house.shop.set(portal=PortalKind.STANDALONE)
    page = visitor.see()
    assert "My requests" not in page.text and "Your purchases" in page.text
    house.shop.set(portal=None)
    assert "answers by email" in house.guest().see(status=404).text


@pytest.mark.spec("H-2")
@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"email": "zoe"}, "email"),
        ({"subject": " "}, "subject"),
        ({"text": ""}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"wish": "refund"}, "order"),
        ({"wish": "gift"}, "wish"),
        ({"recordings": "x" * 2001}, "recordings"),
    ],
)
def test_what_is_wrong_comes_back_with_what_was_typed(
    house: House, typed: dict[str, str], wrong: str
) -> None:
    guest = house.guest()
    answer = guest.submit("/new/billing", **{"email": "zoe@example.com", **WORDS, **typed})
    assert answer.status == 422
    assert f'href="#{wrong}"' in answer.body
    assert "zoe" in answer.body
    house.shop.world.work()
    assert house.shop.world.mailer.sent == []


@pytest.mark.spec("H-2", "H-5")
def test_card_numbers_are_taken_out_and_links_to_recordings_stay(house: House) -> None:
    guest = house.guest()
    recordings = "https://video.example/1\nhttps://video.example/2"
    guest.submit(
        "/new/technical-support",
        email="zoe@example.com",
        subject="4242424242424242",
        text="It says 4242 4242 4242 4242",
        recordings=recordings,
    )
    house.shop.world.ports.ephemeral.get("x", "y", now=house.shop.world.now)
    link = house.mail_link("zoe@example.com")
    page = guest.see(link)
    assert "We removed a card number from your message" in page.text
    thread = guest.follow(guest.browse("POST", link, {}))
    (found,) = house.tickets()
    kept = house.shop.world.store.thread("acme", found.id)
    assert "42424242" not in str(kept).replace(" ", "")
    assert found.details[0].said == "https://video.example/1 https://video.example/2"
    assert "We removed a card number from your message" in thread.text


@pytest.mark.spec("H-2", "B-3")
def test_nobody_mails_much_through_the_form(house: House) -> None:
    guest = house.guest()
    statuses = [
        guest.submit("/new/billing", email="zoe@example.com", **WORDS).status for _ in range(6)
    ]
    assert statuses == [202] * 5 + [429]
    many = [
        guest.submit("/new/billing", email=f"zoe{n}@example.com", **WORDS).status for n in range(15)
    ]
    assert many[-1] == 429, "and not from one address"
    house.shop.world.now += timedelta(minutes=16)
    assert guest.submit("/new/billing", email="zoe@example.com", **WORDS).status == 202


def test_a_link_is_over_after_three_days_and_worth_nothing_elsewhere(house: House) -> None:
    guest = house.guest()
    guest.submit("/new/billing", email="zoe@example.com", **WORDS)
    link = house.mail_link("zoe@example.com")
    assert house.guest("/helpdesk/rival").browse("GET", link.replace("acme", "rival")).status == 404
    house.shop.world.now += timedelta(days=4)
    assert "This link has expired" in guest.see(link, status=404).text
    assert guest.browse("POST", link, {}).status == 404
    assert house.tickets() == []


@pytest.mark.spec("H-2", "B-3")
def test_nobody_floods_a_department_from_a_thread_or_from_the_portal(house: House) -> None:
    house.order()
    ann = house.signed_in()
    opened = [ann.submit("/new/billing", **WORDS).status for _ in range(22)]
    assert (set(opened[:20]), set(opened[20:])) == ({303}, {429})
    (found, *_) = house.tickets()
    thread = house.guest()
    page = f"/tickets/{found.id}~{found.access_key}"
    added = [thread.submit(page, text=f"No. {n}").status for n in range(22)]
    assert (set(added[:20]), set(added[20:])) == ({303}, {429})
    house.shop.world.now += timedelta(minutes=15)
    assert thread.submit(page, text="Later").status == 303


@pytest.mark.spec("X-1", "H-4")
def test_a_manual_cancellation_in_the_portal_leads_to_its_thread(house: House) -> None:
    from billing.kernel.merchants import SelfService

    house.shop.set(self_cancel=SelfService.MANUAL)
    world = house.shop.world
    world.buy(world.product(DELAYED))
    visitor = house.shop.signed_in()
    page = f"/subscriptions/{world.subscription().id}/cancel"
    result = visitor.follow(visitor.post(page, comment="Bye"))
    assert "within 7 days" in result.text
    (found,) = house.tickets()
    assert f"/helpdesk/acme/tickets/{found.id}" in [e.attributes["href"] for e in result.all("a")]
    shown = visitor.see().text
    assert "You asked to cancel on January 31, 2026" in shown and "Next payment" not in shown
    thread = house.signed_in().see(f"/tickets/{found.id}")
    assert "stays active until February 28, 2026" in thread.text
    assert world.subscription().state is State.ACTIVE

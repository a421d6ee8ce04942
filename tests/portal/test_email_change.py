"""A customer's new email, confirmed from both mailboxes (B-12)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.portal.test_purchases import modules
from tests.portal.visitors import ANN, BOB, Shop, Visitor
from tests.render.html import read

NEW = "ann.new@example.com"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def bought(shop: Shop, email: str = ANN) -> Visitor:
    shop.world.buy(email=email)
    return shop.signed_in(email)


def links(shop: Shop, *to: str) -> list[str]:
    """The newest links that were mailed, without the host, one to each address."""
    shop.world.work()
    found = []
    for address in to:
        sent = (m for m in shop.world.mailer.sent if str(m["To"]) == address)
        mail = [m for m in sent if "Confirm your new email" in str(m["Subject"])][-1]
        text = mail.get_body(("plain",))
        assert text is not None
        found += re.findall(r"https?://[^/\s]+(/portal/acme/email/\S+)", text.get_content())
    return found


def press(shop: Shop, link: str) -> str:
    answer = shop.visitor().browse("POST", link, {})
    return f"{answer.status} {read(answer.body).one('main').text}"


@pytest.mark.spec("B-12")
def test_a_new_email_is_confirmed_at_both_ends_and_the_old_one_is_told(shop: Shop) -> None:
    visitor = bought(shop)
    assert 'href="/portal/acme/email"' in visitor.browse("GET", "/portal/acme").body
    assert f"go to {ANN}" in visitor.see("/email").text
    asked = visitor.post("/email", email=" Ann.New@Example.com ")
    assert asked.status == 202 and f"a link to {ANN} and to {NEW}" in read(asked.body).text
    ours, theirs = links(shop, ANN, NEW)
    shown = shop.visitor().browse("GET", theirs)
    assert shown.status == 200 and f"will go to {NEW} instead of {ANN}" in read(shown.body).text
    half = press(shop, theirs)
    assert half.startswith("200 Confirmed. One more to go") and f"sent to {ANN}" in half
    assert shop.world.store.customer_by_email("acme", NEW) is None, "one end is not both"
    assert f"200 Change your email Your email has been changed to {NEW}." in press(shop, ours)
    assert shop.world.store.customer_by_email("acme", NEW) is not None
    assert "Your email for Acme Courses was changed" in " ".join(shop.mails(ANN))
    assert visitor.browse("GET", "/portal/acme/cards").status == 401, "the session has ended"
    assert len(modules(shop.signed_in(NEW))) == 1, "they sign in with the new one"
    assert press(shop, ours).startswith("401"), "used up"


@pytest.mark.spec("B-12")
def test_the_same_end_twice_is_not_both(shop: Shop) -> None:
    visitor = bought(shop)
    visitor.post("/email", email=NEW)
    _, theirs = links(shop, ANN, NEW)
    press(shop, theirs)
    press(shop, theirs)
    assert shop.world.store.customer_by_email("acme", NEW) is None


@pytest.mark.spec("B-12")
def test_an_email_of_another_customer_is_refused_to_who_has_shown_that_it_is_theirs(
    shop: Shop,
) -> None:
    visitor = bought(shop)
    shop.world.buy(email=BOB)
    asked = visitor.post("/email", email=BOB)
    assert asked.status == 202, "the answer does not say whose email it is"
    ours, theirs = links(shop, ANN, BOB)
    press(shop, ours)
    assert "409" in (told := press(shop, theirs)) and "already in use" in told
    assert shop.world.store.customer_by_email("acme", ANN) is not None


@pytest.mark.spec("B-12")
@pytest.mark.parametrize("wrong", [{}, {"email": "ann"}, {"email": "a" * 400 + "@example.com"}])
def test_what_is_no_email_is_told_at_its_field(shop: Shop, wrong: dict[str, str]) -> None:
    visitor = bought(shop)
    assert visitor.post("/email", **wrong).status == 422
    assert visitor.post("/email", email=ANN).status == 422, "it is theirs already"


@pytest.mark.spec("B-12", "B-3")
def test_a_customer_asks_for_five_changes_a_day(shop: Shop) -> None:
    visitor = bought(shop)
    asked = [visitor.post("/email", email=f"new{n}@example.com").status for n in range(6)]
    assert asked == [202] * 5 + [429]


@pytest.mark.spec("B-12")
def test_links_end_after_a_day_and_are_of_one_merchant(shop: Shop) -> None:
    visitor = bought(shop)
    visitor.post("/email", email=NEW)
    ours, theirs = links(shop, ANN, NEW)
    assert shop.visitor().browse("POST", theirs.replace("/acme/", "/rival/"), {}).status == 401
    press(shop, ours)
    shop.world.now += timedelta(hours=25)
    assert press(shop, theirs).startswith("401")
    assert shop.visitor().browse("GET", theirs).status == 401
    assert shop.visitor().browse("GET", "/portal/acme/email/junk").status == 401
    assert shop.world.store.customer_by_email("acme", NEW) is None


@pytest.mark.spec("B-12")
def test_a_change_that_another_overtook_changes_nothing(shop: Shop) -> None:
    visitor = bought(shop)
    visitor.post("/email", email=NEW)
    first = links(shop, ANN, NEW)
    visitor.post("/email", email="third@example.com")
    for link in links(shop, ANN, "third@example.com"):
        press(shop, link)
    assert [press(shop, link)[:3] for link in first] == ["401", "401"]
    assert shop.world.store.customer_by_email("acme", "third@example.com") is not None

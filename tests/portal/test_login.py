"""Entry to the portal, by Order ID and email or by a link, and what strangers learn (B-1 ..
B-3).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from billing.customers.flows import customers, login, mailed_code
from billing.kernel.merchants import PortalKind
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import Source, When
from billing.kernel.values import replace
from billing.refunds.flows import refund
from tests.portal.visitors import ANN, BOB, Shop, past_due
from tests.render.html import read
from tests.web.calls import Answer
from tests.world import World


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy()
    return shop


@pytest.mark.spec("B-1")
def test_a_portal_that_is_not_activated_says_so_and_whom_to_ask(shop: Shop) -> None:
    visitor, order = shop.signed_in(), shop.order_ids()[0]
    shop.set(portal=None)
    page = visitor.see("", 404)
    assert "not open" in page.text and "hello@acme.example" in page.text
    assert visitor.browse("GET", f"{visitor.base}/cards").status == 404, "signed in or not"
    assert shop.visitor().log_in(order, ANN).status == 404
    assert shop.visitor("/portal/nobody").browse("GET", "/portal/nobody").status == 404


@pytest.mark.spec("B-1")
@pytest.mark.parametrize("kind", list(PortalKind))
def test_both_kinds_of_portal_have_their_link(shop: Shop, kind: PortalKind) -> None:
    shop.set(portal=kind)
    title = {"standalone": "Your purchases", "helpdesk": "My orders"}[kind]
    assert shop.signed_in().see().one("h1").text == title


@pytest.mark.spec("B-2")
def test_any_payments_order_id_logs_in_however_it_was_pasted(shop: Shop) -> None:
    shop.world.advance(days=40)
    (sale,), (rebill,) = shop.order_ids(), shop.order_ids(kind=OrderKind.REBILL)
    pasted = f" {rebill.lower().replace('-', ' ')}\n"
    labelled = f"Order ID: {sale}"
    for typed, email in (
        (sale, ANN),
        (rebill, ANN),
        (labelled, ANN),
        (pasted, " Ann@Example.COM "),
    ):
        visitor = shop.visitor()
        answer = visitor.log_in(typed, email)
        assert (answer.status, answer.headers["location"]) == (303, "/portal/acme")
        assert "Course" in visitor.see().text


@pytest.mark.spec("B-2")
def test_an_email_logs_in_with_its_domain_in_either_spelling(shop: Shop) -> None:
    stored = "ann@xn--bcher-kva.example"
    shop.world.buy(email=stored)
    (order,) = shop.order_ids(email=stored)
    assert shop.visitor().log_in(order, "Ann@bücher.example").status == 303
    assert shop.visitor().log_in(order, stored).status == 303


@pytest.mark.spec("B-2")
def test_entries_that_are_no_payments_do_not_log_in(shop: Shop) -> None:
    world = shop.world
    world.cancel(When.PERIOD_END)
    world.advance(days=40)
    paid = shop.order_ids()[0]
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )
    past_due(shop, email=BOB)
    kinds = {OrderKind.CANCEL_REQUEST, OrderKind.CANCELLATION, OrderKind.REFUND, OrderKind.FAILED}
    tried = set()
    for email in (ANN, BOB):
        for order in world.orders(email):
            if order.kind in kinds:
                tried.add(order.kind)
                assert shop.visitor().log_in(order.id, email).status == 401
    assert tried == kinds


def answers(shop: Shop, *pairs: tuple[str, str]) -> list[Answer]:
    return [shop.visitor().log_in(order, email) for order, email in pairs]


@pytest.mark.spec("B-2", "B-3")
def test_whatever_is_wrong_the_answer_is_the_same(shop: Shop) -> None:
    shop.world.buy(email=BOB)
    mine, bobs = shop.order_ids()[0], shop.order_ids(BOB)[0]
    unknown = shop.world.ports.new_id("order")
    refused = answers(
        shop,
        (unknown, ANN),
        (bobs, ANN),
        (mine, BOB),
        (mine, "nobody@example.com"),
        (mine[:-1] + ("2" if mine[-1] != "2" else "3"), BOB),
        ("", ""),
        ("\u0130" * 4000, "x" * 5000),
    )
    assert {answer.status for answer in refused} == {401}
    said = {re.sub(r'nonce="[^"]*"', "", answer.body) for answer in refused}
    assert len(said) == 1
    assert not any(answer.cookies for answer in refused)
    rival = shop.visitor("/portal/rival").log_in(mine, ANN)
    assert rival.status == 401, "another merchant's customer"


class Counting:
    """A store that records the calls to it."""

    def __init__(self, store: Any) -> None:
        self.store, self.asked = store, list[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.store, name)


@pytest.mark.spec("B-3")
def test_the_same_is_read_and_written_for_strangers_and_for_customers(shop: Shop) -> None:
    def asked(order: str, email: str) -> list[str]:
        counting = Counting(shop.world.store)
        ports = replace(shop.world.ports, store=counting)  # type: ignore[arg-type]
        if order:
            tried = login.by_order(ports, "acme", order, email, ip="192.0.2.7", now=shop.world.now)
            if isinstance(tried, login.OverLimit):
                mailed_code.challenge(ports, "acme", tried.customer, email, now=shop.world.now)
        else:
            login.ask_for_link(ports, "acme", email, ip="192.0.2.7", now=shop.world.now)
        return counting.asked

    mine = shop.order_ids()[0]
    unknown = shop.world.ports.new_id("order")
    known = asked(mine, ANN)
    assert known == asked(mine, "nobody@example.com")
    # Not in the index: what a hit reads from the table after it is read here by name.
    assert asked(unknown, ANN) == asked("x", "y") == [*known, "customer"]
    assert asked("", ANN) == asked("", "nobody@example.com")
    for _ in range(5):
        over = asked(mine, ANN)
    assert over == asked(mine, "nobody@example.com") == [*known, "commit"], "a code is asked for"


def without_its_token(answer: Answer) -> str:
    return re.sub(r'(nonce|value)="[^"]*"', "", answer.body)


def challenge(answer: Answer) -> str:
    """Returns the hidden field of a page that asks for a code."""
    assert answer.status == 401
    return str(read(answer.body).one("input", name="challenge").attributes["value"])


def codes_mailed(shop: Shop, to: str = ANN) -> list[str]:
    shop.world.work()
    bodies = [
        str(m.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        for m in shop.world.mailer.sent
        if to in str(m["To"])
    ]
    return [found[1] for body in bodies if (found := re.search(r"code is (\d{8})\.", body))]


@pytest.mark.spec("B-3")
def test_whom_strangers_tries_would_lock_out_enters_by_a_mailed_code(shop: Shop) -> None:
    """The right pair alone is not enough any more; with the mailbox it is."""
    mine = shop.order_ids()[0]
    for _ in range(5):
        shop.visitor().log_in("x", ANN)
    visitor = shop.visitor()
    answer = visitor.log_in(mine, ANN)
    asked = challenge(answer)
    wrong = shop.visitor().log_in("x", ANN)
    assert without_its_token(answer) == without_its_token(wrong), "a guess learns nothing"
    assert not answer.cookies and not wrong.cookies
    (code,) = codes_mailed(shop)
    assert visitor.browse("GET", "/portal/acme/cards").status == 401
    spaced = f" {code[:4]} {code[4:]} "
    for token, typed in ((challenge(wrong), code), ("x" * 32, code), (asked, "00000000")):
        form = {"challenge": token, "code": typed}
        refused = shop.visitor().browse("POST", "/portal/acme/login/code", form)
        assert refused.status == 401 and not refused.cookies
    rival = shop.visitor("/portal/rival")
    form = {"challenge": asked, "code": spaced}
    assert rival.browse("POST", "/portal/rival/login/code", form).status == 401
    entered = visitor.browse("POST", "/portal/acme/login/code", form)
    assert (entered.status, entered.headers["location"]) == (303, "/portal/acme")
    assert "Course" in visitor.see().text
    assert shop.visitor().browse("POST", "/portal/acme/login/code", form).status == 401, "once"
    shop.world.now += timedelta(minutes=15)
    assert shop.visitor().log_in(mine, ANN).status == 303


@pytest.mark.spec("B-3")
@pytest.mark.parametrize("what", ["email", "order", "ip"])
def test_each_limit_that_is_used_up_is_answered_by_a_mailed_code(shop: Shop, what: str) -> None:
    mine = shop.order_ids()[0]
    for n in range(20 if what == "ip" else 5):
        order = mine if what == "order" else shop.world.ports.new_id("order")
        shop.visitor().log_in(order, ANN if what == "email" else f"guess{n}@example.com")
    visitor = shop.visitor()
    form = {"challenge": challenge(visitor.log_in(mine, ANN)), "code": ""}
    form["code"] = codes_mailed(shop)[-1]
    assert visitor.browse("POST", "/portal/acme/login/code", form).status == 303


@pytest.mark.spec("B-3")
def test_strangers_neither_use_up_a_code_nor_have_codes_mailed(shop: Shop) -> None:
    mine = shop.order_ids()[0]
    tokens = list[str]()
    for n in range(60):
        answer = shop.visitor().log_in("x", ANN)
        tokens += [challenge(answer)] if n >= 5 else []
    assert codes_mailed(shop) == []
    visitor = shop.visitor()
    form = {"challenge": challenge(visitor.log_in(mine, ANN)), "code": codes_mailed(shop)[-1]}
    for token in tokens:
        guess = {"challenge": token, "code": form["code"]}
        assert shop.visitor().browse("POST", "/portal/acme/login/code", guess).status == 401
    assert visitor.browse("POST", "/portal/acme/login/code", form).status == 303


@pytest.mark.spec("B-3")
def test_a_code_is_guessed_at_five_times_and_mailed_three_times_at_most(shop: Shop) -> None:
    mine = shop.order_ids()[0]
    for _ in range(5):
        shop.visitor().log_in("x", ANN)
    asked = challenge(shop.visitor().log_in(mine, ANN))
    (code,) = codes_mailed(shop)
    for _ in range(5):
        form = {"challenge": asked, "code": "00000000"}
        assert shop.visitor().browse("POST", "/portal/acme/login/code", form).status == 401
    form = {"challenge": asked, "code": code}
    assert shop.visitor().browse("POST", "/portal/acme/login/code", form).status == 401
    for _ in range(9):
        answer = shop.visitor().log_in(mine, ANN)
    assert challenge(answer)
    assert len(codes_mailed(shop)) == 3


@pytest.mark.spec("B-2", "B-3")
def test_a_code_to_the_old_address_lets_nobody_in(shop: Shop) -> None:
    mine = shop.order_ids()[0]
    for _ in range(5):
        shop.visitor().log_in("x", ANN)
    form = {"challenge": challenge(shop.visitor().log_in(mine, ANN)), "code": ""}
    (form["code"],) = codes_mailed(shop)
    owner = shop.world.history().customer.id
    customers.change(
        shop.world.ports, "acme", owner, {"email": "anna@example.com"}, now=shop.world.now
    )
    assert shop.visitor().browse("POST", "/portal/acme/login/code", form).status == 401


@pytest.mark.spec("B-3")
def test_the_limits_per_email_stay_on_where_those_per_address_are_off() -> None:
    shop = Shop(World(limits=False))
    shop.world.buy()
    for n in range(25):
        shop.visitor().log_in("x", f"many{n}@example.com")
    assert shop.visitor().log_in(shop.order_ids()[0], ANN).status == 303
    for _ in range(5):
        shop.visitor().log_in("x", ANN)
    assert challenge(shop.visitor().log_in(shop.order_ids()[0], ANN))


def link_in_mail(shop: Shop) -> str:
    mails = [m for m in shop.world.mailer.sent if "link" in str(m["Subject"])]
    body = mails[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"https://pay\.example\.com(\S+/link/\S+)", str(body.get_content()))
    assert found is not None
    return found[1]


@pytest.mark.spec("B-3")
def test_a_mailed_link_lets_in_once_and_only_when_its_button_is_pressed(shop: Shop) -> None:
    known = shop.visitor().browse("POST", "/portal/acme/link", {"email": ANN})
    stranger = shop.visitor().browse("POST", "/portal/acme/link", {"email": "no@example.com"})
    assert (known.status, stranger.status) == (202, 202)
    assert re.sub(r'nonce="[^"]*"', "", known.body) == re.sub(r'nonce="[^"]*"', "", stranger.body)
    assert "[TEST] Your sign-in link for the Acme Courses billing portal" in shop.mails()
    assert shop.mails("no@example.com") == []
    link, visitor = link_in_mail(shop), shop.visitor()
    for _ in range(3):  # a mail scanner follows links
        assert visitor.browse("GET", link).status == 200
    other = link.replace("acme", "rival")
    assert visitor.browse("GET", other).status == 401, "a link is of one merchant's portal"
    assert visitor.browse("POST", link, {}, sec_fetch_site="cross-site").status == 403
    assert visitor.browse("POST", link, {}).status == 303
    assert "Course" in visitor.see().text
    again = shop.visitor()
    assert again.browse("GET", link).status == again.browse("POST", link, {}).status == 401


@pytest.mark.spec("B-3")
def test_a_link_is_over_after_a_quarter_of_an_hour_and_is_not_mailed_without_end(
    shop: Shop,
) -> None:
    for _ in range(9):
        shop.visitor().browse("POST", "/portal/acme/link", {"email": ANN})
    assert len(shop.mails()) - 1 == 5, "five mails in a quarter of an hour"
    shop.world.now += timedelta(minutes=19)
    assert shop.visitor().browse("GET", link_in_mail(shop)).status == 401


@pytest.mark.spec("B-3")
def test_a_session_ends_after_half_an_hour_without_use_and_twelve_hours_in_any_case(
    shop: Shop,
) -> None:
    visitor = shop.signed_in()
    shop.world.now += timedelta(minutes=31)
    assert visitor.browse("GET", "/portal/acme/cards").status == 401
    visitor = shop.signed_in()
    for _ in range(29):
        shop.world.now += timedelta(minutes=25)
        answer = visitor.browse("GET", "/portal/acme/cards")
    assert answer.status == 401


@pytest.mark.spec("B-2", "B-3")
def test_another_email_ends_what_was_open_to_the_old_one(shop: Shop) -> None:
    visitor = shop.signed_in()
    shop.visitor().browse("POST", "/portal/acme/link", {"email": ANN})
    assert shop.mails()
    link, owner = link_in_mail(shop), shop.world.history().customer.id
    customers.change(
        shop.world.ports, "acme", owner, {"email": "anna@example.com"}, now=shop.world.now
    )
    assert visitor.browse("GET", "/portal/acme/cards").status == 401
    assert shop.visitor().browse("GET", link).status == 401
    assert shop.visitor().browse("POST", link, {}).status == 401
    assert "Course" in shop.signed_in("anna@example.com").see().text


def test_a_session_is_renewed_at_login_and_ended_at_logout(shop: Shop) -> None:
    visitor = shop.signed_in()
    (name, old), *rest = visitor.cookies.items()
    assert (name, rest) == ("__Host-portal", [])
    answer = visitor.log_in(shop.order_ids()[0], ANN)
    (cookie,) = answer.cookies
    attributes = cookie.split("; ")[1:]
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert visitor.cookies[name] != old
    stale = shop.visitor()
    stale.cookies[name] = old
    assert stale.browse("GET", "/portal/acme/cards").status == 401
    kept = visitor.cookies[name]
    assert "signed out" in visitor.follow(visitor.post("/logout")).text
    stale.cookies[name] = kept
    assert stale.browse("GET", "/portal/acme/cards").status == 401


def test_a_login_from_another_site_is_refused(shop: Shop) -> None:
    order = shop.order_ids()[0]
    headers = ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"})
    for header in headers:
        assert shop.visitor().log_in(order, ANN, **header).status == 403


def test_pages_may_load_and_frame_nothing(shop: Shop) -> None:
    visitor = shop.signed_in()
    answer = visitor.browse("GET", "/portal/acme")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.body and 'style="' not in answer.body

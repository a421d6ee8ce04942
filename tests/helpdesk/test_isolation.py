"""Every route of the helpdesk and of the queue, asked by others and by nobody."""

from __future__ import annotations

import pytest

from billing.helpdesk.tickets import TicketState, TicketType
from billing.web import http
from tests.helpdesk.desk import Guest, House
from tests.portal.visitors import ANN, BOB

WORDS = {"subject": "A question", "text": "Hello"}


@pytest.fixture
def house() -> House:
    house = House()
    order = house.order(ANN)
    house.order(BOB)
    ann = house.signed_in(ANN)
    assert ann.submit("/new/billing", order=order, wish="cancel", **WORDS).status == 303
    return house


def routes(resolver: http.Resolver) -> list[tuple[str, str]]:
    return sorted({(route.method, route.path) for route in resolver.routes})


PUBLIC = {
    ("GET", "/helpdesk/<merchant>"),
    ("GET", "/helpdesk/<merchant>/seller"),
    ("GET", "/helpdesk/<merchant>/new/<department>"),
    ("POST", "/helpdesk/<merchant>/new/<department>"),
    ("GET", "/helpdesk/<merchant>/confirm/<token>"),
    ("POST", "/helpdesk/<merchant>/confirm/<token>"),
}
THREADS = [
    route
    for route in routes(House().helpdesk)
    if route not in PUBLIC and route[1].startswith("/helpdesk/")
]
QUEUE = [route for route in routes(House().console) if route[1].startswith("/console/tickets")]


def ask(browser: Guest, method: str, route: str, ticket: str, merchant: str = "acme") -> int:
    address = route.replace("<merchant>", merchant)
    for name in ("<reference>", "<ticket>"):
        address = address.replace(name, ticket)
    form = None
    if method == "POST":
        console = browser.base == "/console"
        page = "/console/tickets" if console else "/new/billing"
        csrf = browser.fields(page, "/console/sign-out" if console else "").get("csrf", "")
        form = {"csrf": csrf}
        if "reassign" in route:
            form["department"] = "billing"
        elif not route.endswith("approve"):
            form |= {"attempt": "attempt-1", "text": "Hello"}
            form |= {"act": "reply"} if console else {}
    return browser.browse(method, address, form).status


def state(house: House) -> object:
    (found,) = house.tickets()
    return found, house.shop.world.store.thread("acme", found.id)


@pytest.mark.spec("H-2")
@pytest.mark.parametrize(("method", "route"), THREADS)
def test_nobody_else_comes_to_a_customers_thread(house: House, method: str, route: str) -> None:
    (found,) = house.tickets()
    before = state(house)
    assert ask(house.guest(), method, route, found.id) == 401
    named = "<reference>" in route
    assert ask(house.signed_in(BOB), method, route, found.id) == (404 if named else 200)
    assert ask(house.guest(), method, route, f"{found.id}~guessed") in {401, 404}
    assert ask(house.guest(), method, route, f"{found.id}~") == 401
    key = f"{found.id}~{found.access_key}"
    assert ask(house.guest("/helpdesk/rival"), method, route, key, "rival") in {401, 404}
    assert state(house) == before
    if not named:
        assert found.subject not in house.signed_in(BOB).see("/tickets").text


@pytest.mark.spec("H-2", "H-3")
@pytest.mark.parametrize(("method", "route"), QUEUE)
def test_agents_see_and_do_only_what_is_their_merchants(
    house: House, method: str, route: str
) -> None:
    (found,) = house.tickets()
    before = state(house)
    named = "<ticket>" in route
    rival = house.agent("rival")
    unnamed = 200 if method == "GET" else 422  # a form of their own, without what it needs
    assert ask(rival, method, route, found.id) == (404 if named else unnamed)
    signed_out = Guest(house.console, base="/console")
    address = route.replace("<ticket>", found.id)
    form = {"text": "Hello"} if method == "POST" else None
    assert signed_out.browse(method, address, form).status == 401
    if method == "POST":
        agent = house.agent()
        assert agent.browse("POST", address, {"csrf": "0" * 64}).status == 403
        token = {"csrf": agent.fields("/console/tickets", "/console/sign-out")["csrf"]}
        assert agent.browse("POST", address, token, sec_fetch_site="cross-site").status == 403
    assert state(house) == before
    if not named:
        assert found.subject not in rival.see("/console/tickets").text


@pytest.mark.parametrize(("method", "route"), [each for each in THREADS if each[0] == "POST"])
def test_a_signed_in_form_needs_its_sessions_token(house: House, method: str, route: str) -> None:
    (found,) = house.tickets()
    before = state(house)
    ann = house.signed_in()
    address = route.replace("<merchant>", "acme").replace("<reference>", found.id)
    form = {"attempt": "attempt-1", "text": "Hello"}
    assert ann.browse(method, address, form).status == 403
    assert ann.browse(method, "/helpdesk/acme/new/billing", {**form, **WORDS}).status == 403
    other = house.guest().browse(method, address, form, sec_fetch_site="cross-site")
    assert other.status == 403
    assert state(house) == before


@pytest.mark.parametrize("junk", ["%23", "x" * 300, "x" * 3000, "%00", "é", "tic#2", "~", "~~"])
def test_addresses_that_name_nothing_are_not_found(house: House, junk: str) -> None:
    ann = house.signed_in()
    for page in (f"/tickets/{junk}", f"/new/{junk}", f"/confirm/{junk}"):
        assert ann.browse("GET", ann.base + page).status == 404
    assert ann.browse("GET", f"/helpdesk/{junk}").status == 404
    agent = house.agent()
    for page in ("tickets", "customers"):
        assert agent.browse("GET", f"/console/{page}/{junk}").status == 404
    for page in (f"subscriptions/{junk}/cancel", f"orders/{junk}/refund"):
        assert agent.browse("GET", f"/console/{page}").status == 404


@pytest.mark.spec("H-3")
def test_the_customer_never_reads_a_note(house: House) -> None:
    (found,) = house.tickets()
    agent = house.agent()
    page = f"/console/tickets/{found.id}"
    assert agent.submit(page, f"{page}/reply", text="A secret", act="note").status == 303
    assert "A secret" in agent.see(page).text
    assert "A secret" not in house.signed_in().see(f"/tickets/{found.id}").text
    by_mail = house.guest().see(f"/tickets/{found.id}~{found.access_key}")
    assert "A secret" not in by_mail.text
    assert (found.wish, found.state) == (TicketType.CANCEL, TicketState.OPEN)


@pytest.mark.spec("H-2")
def test_whoever_chooses_the_name_of_a_request_comes_into_no_other(house: House) -> None:
    """The hidden field that makes a form one request is the sender's to choose."""
    (found,) = house.tickets()
    before = state(house)
    chosen = {"attempt": found.id.removeprefix("tic_"), "subject": "Mine", "text": "Let me read"}
    eve = house.guest()
    form = {**chosen, "email": "eve@example.com"}
    assert eve.browse("POST", "/helpdesk/acme/new/billing", form).status == 202
    link = house.mail_link("eve@example.com")
    thread = eve.follow(eve.browse("POST", link, {}))
    assert "Let me read" in thread.text and "Hello" not in thread.text
    bob = house.signed_in(BOB)
    form = {**chosen, "csrf": bob.fields("/new/billing")["csrf"]}
    assert "Hello" not in bob.follow(bob.browse("POST", "/helpdesk/acme/new/billing", form)).text
    ann = [each for each in house.tickets() if each.email == ANN]
    assert (ann[0], house.shop.world.store.thread("acme", found.id)) == before


@pytest.mark.spec("H-2", "H-4")
def test_nobody_takes_the_place_of_a_request_that_is_still_to_come(house: House) -> None:
    world = house.shop.world
    bobs = world.subscription(BOB)
    eve = house.guest()
    form = {"attempt": f"cancel_{bobs.id}", "subject": "x", "text": "x", "email": "eve@example.com"}
    assert eve.browse("POST", "/helpdesk/acme/new/billing", form).status == 202
    assert eve.browse("POST", house.mail_link("eve@example.com"), {}).status == 303
    order = world.orders(BOB)[0].id
    house.signed_in(BOB).submit("/new/billing", order=order, wish="cancel", **WORDS)
    held_for = world.subscription(BOB).held_for
    assert held_for is not None
    asked = world.store.ticket("acme", held_for)
    assert asked is not None and (asked.email, asked.wish) == (BOB, TicketType.CANCEL)

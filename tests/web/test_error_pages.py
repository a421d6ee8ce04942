"""Each error page is one of ours: whose it is, what happened in the reader's words, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing.kernel.errors import Unavailable
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.render import messages
from functions.account import app as account_app
from functions.checkout import app as checkout_app
from functions.console import app as console_app
from functions.helpdesk import app as helpdesk_app
from functions.portal import app as portal_app
from tests.accounts.platform import Platform
from tests.portal.visitors import OPEN
from tests.render.html import Element, read
from tests.web.calls import Answer, Client, event
from tests.web.shop import link_of
from tests.world import World

FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
GERMAN = "de"


class Pages(Value):
    """Pages of one function: an address to look at, one that takes a form, and its language."""

    build: Callable[[Ports], Any]
    home: str
    form: str
    language: str = GERMAN
    brand: str = "Acme Courses"


PAGES = {
    "checkout": Pages(checkout_app.build, "/checkout/acme.price1x1", "/checkout/acme.price1x1"),
    "portal": Pages(portal_app.build, "/portal/acme", "/portal/acme/login"),
    "helpdesk": Pages(helpdesk_app.build, "/helpdesk/acme", "/helpdesk/acme/new/billing"),
    "console": Pages(console_app.build, "/console", "/console/sign-in/x", "en"),
    "account": Pages(account_app.build, "/account/sign-in", "/account/sign-in", "en"),
}

ERRORS = {
    "nothing there": 404,
    "wrong method": 405,
    "too large": 413,
    "another type": 415,
    "not text": 400,
    "from another site": 403,
    "signed out": 401,
    "outage": 503,
    "bug": 500,
}


@pytest.fixture
def world() -> World:
    """A platform, whose accounts sell, with a portal and a helpdesk of its own."""
    world = Platform()
    world.change_merchant(settings=replace(OPEN, language="visitor"))
    return world


def ask(world: World, pages: Pages, what: str, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Makes a browser meet an error."""
    client = Client(pages.build(world.ports))
    language = {"accept_language": GERMAN}
    match what:
        case "nothing there":
            return client.browse("GET", f"{pages.home}/nowhere/at/all", **language)
        case "wrong method":
            return client.browse("DELETE", pages.form, **language)
        case "too large":
            return _send(client, pages, "a=" + "x" * 70_000)
        case "another type":
            return _send(client, pages, "a=1", **{"content-type": "multipart/form-data"})
        case "not text":
            return _send(client, pages, "/w==", is_base64=True)
        case "from another site":
            return client.browse("POST", pages.form, {}, sec_fetch_site="cross-site", **language)
        case "signed out":
            return client.browse("GET", _behind_a_sign_in(pages), **language)
        case "outage":
            monkeypatch.setattr(type(world.store), "merchant", _raising(Unavailable("core")))
            monkeypatch.setattr(type(world.store), "price_point", _raising(Unavailable("core")))
            monkeypatch.setattr("billing.web.sessions.held", _raising(Unavailable("core")))
            return client.browse("GET", pages.home, **language)
        case _:
            monkeypatch.setattr(type(world.store), "price_point", _raising(KeyError("ann@")))
            monkeypatch.setattr(type(world.store), "account_email", _raising(KeyError("ann@")))
            monkeypatch.setattr("billing.web.sessions.held", _raising(KeyError("ann@")))
            return client.browse("GET", _behind_a_sign_in(pages), **language)


def _behind_a_sign_in(pages: Pages) -> str:
    """Returns the address of a page that only a session opens, or that anybody may see."""
    return {"/account/sign-in": "/account", "/portal/acme": "/portal/acme/cards"}.get(
        pages.home, pages.home
    )


def _send(
    client: Client, pages: Pages, body: str, *, is_base64: bool = False, **headers: str
) -> Answer:
    sent = {**FORM, "accept-language": GERMAN, **headers}
    return client.send(event("POST", pages.form, body, headers=sent, is_base64=is_base64))


def _raising(error: Exception) -> Any:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


CASES = [
    (name, what)
    for name in PAGES
    for what in ERRORS
    # These pages open without a session, and take forms that come from anywhere.
    if (name, what)
    not in {
        ("checkout", "from another site"),
        ("checkout", "signed out"),
        ("helpdesk", "signed out"),
    }
]


@pytest.mark.spec("B-3", "C-5")
@pytest.mark.parametrize(("name", "what"), CASES)
def test_an_error_page_is_branded_in_the_readers_language_and_says_what_to_do(
    world: World, name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = PAGES[name]
    answer = ask(world, pages, what, monkeypatch)
    assert (answer.status, answer.headers["content-type"]) == (
        ERRORS[what],
        "text/html; charset=utf-8",
    )
    page = read(answer.body)
    assert page.one("html").attributes["lang"] == pages.language
    # Whose page it is cannot be read while the store is down.
    brand = "Perennial" if what == "outage" else pages.brand
    assert brand in page.one("header").text
    assert words_of(page) in texts_of(pages.language), words_of(page)
    if what != "outage":
        assert ways_of(page), "neither a way on nor somebody to write to"


def words_of(page: Element) -> str:
    """The sentence below the heading."""
    return page.one("main").all("p")[0].text


def ways_of(page: Element) -> list[str]:
    links = [link.attributes["href"] or "" for link in page.all("a")]
    written = [word for word in page.one("footer").text.split() if "@" in word]
    return [*(href for href in links if href.startswith(("/", "mailto:", "?"))), *written]


def texts_of(language: str) -> set[str]:
    """The texts of errors in a language; what only programs send is told in no words of its own."""
    catalog = messages._catalog(language)
    programs = ("error.malformed", "error.not_utf8", "error.too_large", "error.content_type")
    return {
        text
        for key, text in catalog.items()
        if key.startswith("error.") and isinstance(text, str) and key not in programs
    }


@pytest.mark.spec("A-7")
def test_who_is_signed_out_of_an_account_is_shown_the_way_to_its_sign_in(world: World) -> None:
    page = read(Client(account_app.build(world.ports)).browse("GET", "/account").body)
    assert "/account/sign-in" in ways_of(page)
    assert "API key" not in page.text


@pytest.mark.spec("A-7")
def test_who_follows_an_old_link_to_set_a_password_is_shown_where_to_ask_for_a_new_one(
    world: World,
) -> None:
    page = read(Client(account_app.build(world.ports)).browse("GET", "/account/reset/x").body)
    assert "/account/forgot" in ways_of(page)


@pytest.mark.spec("A-7", "M-3")
def test_a_console_link_that_was_used_says_how_to_sign_in_again(world: World) -> None:
    address = link_of(world)
    client = Client(console_app.build(world.ports))
    assert client.browse("POST", address, {}).status == 303
    page = read(Client(console_app.build(world.ports)).browse("GET", address).body)
    assert "/account/sign-in" in ways_of(page)
    assert "POST /v1/console-links" in page.text


@pytest.mark.spec("M-3")
def test_where_there_are_no_accounts_the_console_names_only_the_link() -> None:
    page = read(Client(console_app.build(World().ports)).browse("GET", "/console").body)
    assert "Perennial" in page.one("header").text
    assert "POST /v1/console-links" in page.text
    assert not [way for way in ways_of(page) if "account" in way]


@pytest.mark.spec("C-5")
def test_no_error_page_shows_the_code_that_programs_read(world: World) -> None:
    for name, pages in PAGES.items():
        answer = Client(pages.build(world.ports)).browse("GET", "/nowhere")
        assert "not_found" not in read(answer.body).text, name


@pytest.mark.spec("C-1")
def test_an_error_at_a_checkout_leads_back_to_it(world: World) -> None:
    answer = Client(checkout_app.build(world.ports)).browse("DELETE", "/checkout/acme.price1x1")
    assert "/checkout/acme.price1x1" in ways_of(read(answer.body))

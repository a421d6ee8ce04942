"""Signing in to the console and out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.api.flows import keys
from billing.web import sessions
from tests.render.html import Element, read
from tests.web.calls import Client
from tests.web.shop import Shop, link, signed_in

COOKIE = "__Host-console"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def browser(shop: Shop) -> Client:
    """A browser that is signed in."""
    return signed_in(shop)


def hidden(page: Element, name: str) -> str:
    return str(page.one("input", name=name).attributes["value"])


def test_a_link_signs_in_once_and_only_when_its_button_is_pressed(shop: Shop) -> None:
    address, client = link(shop), Client(shop.console)
    for _ in range(3):  # a mail scanner follows links
        seen = client.browse("GET", address)
        assert seen.status == 200
        assert not seen.cookies
    assert read(seen.body).one("form", method="post")
    signed_in = client.browse("POST", address, {})
    assert (signed_in.status, signed_in.headers["location"]) == (303, "/console")
    assert client.browse("GET", "/console").status == 200
    second = Client(shop.console)
    assert second.browse("GET", address).status == 401
    assert second.browse("POST", address, {}).status == 401
    assert second.browse("GET", "/console").status == 401


def test_the_cookie_is_for_this_host_only_and_hidden_from_scripts(shop: Shop) -> None:
    answer = Client(shop.console).browse("POST", link(shop), {})
    (cookie,) = answer.cookies
    name, *attributes = cookie.split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not [a for a in attributes if a.startswith("Domain")]


def test_on_a_laptops_plain_http_the_cookie_is_one_that_is_kept(shop: Shop) -> None:
    client = Client(shop.console)
    answer = client.browse("POST", link(shop), {}, x_forwarded_proto="http")
    assert answer.cookies[0].startswith("console=")
    assert "Secure" not in answer.cookies[0]
    assert client.browse("GET", "/console", x_forwarded_proto="http").status == 200
    assert client.browse("GET", "/console").status == 401


def test_a_link_is_good_for_fifteen_minutes(shop: Shop) -> None:
    address, client = link(shop), Client(shop.console)
    shop.world.now += timedelta(minutes=15)
    assert client.browse("GET", address).status == 401
    assert client.browse("POST", address, {}).status == 401


def test_a_session_ends_after_half_an_hour_without_use(shop: Shop, browser: Client) -> None:
    shop.world.now += timedelta(minutes=29)
    assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=29)
    assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=30)
    assert browser.browse("GET", "/console").status == 401


def test_a_session_ends_after_twelve_hours_of_use(shop: Shop, browser: Client) -> None:
    for _ in range(35):
        shop.world.now += timedelta(minutes=20)
        assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=20)
    assert browser.browse("GET", "/console").status == 401


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(
    shop: Shop, browser: Client
) -> None:
    copy = Client(shop.console, cookies=dict(browser.cookies))
    csrf = hidden(read(browser.browse("GET", "/console/transactions").body), "csrf")
    answer = browser.browse(
        "POST", "/console/sign-out", {"csrf": csrf}, sec_fetch_site="same-origin"
    )
    assert answer.status == 200
    assert not browser.cookies[COOKIE]
    assert copy.browse("GET", "/console").status == 401


def test_a_request_that_meets_the_signing_out_does_not_bring_the_session_back(
    shop: Shop, browser: Client
) -> None:
    copy = Client(shop.console, cookies=dict(browser.cookies))
    csrf = hidden(read(browser.browse("GET", "/console/transactions").body), "csrf")
    ephemeral = shop.world.ports.ephemeral
    get = ephemeral.get

    def meanwhile(*args: Any, **named: Any) -> str | None:
        found = get(*args, **named)
        ephemeral.get = get  # type: ignore[method-assign]
        assert copy.browse("POST", "/console/sign-out", {"csrf": csrf}).status == 200
        return found

    ephemeral.get = meanwhile  # type: ignore[method-assign]
    assert browser.browse("GET", "/console").status == 401
    assert browser.browse("GET", "/console").status == 401


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"csrf": "guess"}, {}),
        ({"csrf": "é"}, {}),
        ({"csrf": "right"}, {"sec_fetch_site": "cross-site"}),
        ({"csrf": "right"}, {"sec_fetch_site": "same-site"}),
        ({"csrf": "right"}, {"origin": "https://evil.example"}),
    ],
)
def test_a_form_from_elsewhere_does_nothing(
    browser: Client, form: dict[str, str], headers: dict[str, str]
) -> None:
    right = hidden(read(browser.browse("GET", "/console/transactions").body), "csrf")
    sent = {name: right if value == "right" else value for name, value in form.items()}
    assert browser.browse("POST", "/console/sign-out", sent, **headers).status == 403
    assert browser.browse("GET", "/console").status == 200


def test_the_button_pressed_from_another_site_does_not_sign_in(shop: Shop) -> None:
    address, client = link(shop), Client(shop.console)
    assert client.browse("POST", address, {}, sec_fetch_site="cross-site").status == 403
    assert client.browse("POST", address, {}, sec_fetch_site="same-origin").status == 303


@pytest.mark.parametrize("cookie", ["", "x", "' or 1=1", "é", "x" * 5000])
def test_a_made_up_cookie_is_signed_out_and_shown_how_to_get_a_link(
    shop: Shop, cookie: str
) -> None:
    client = Client(shop.console, cookies={COOKIE: cookie})
    answer = client.browse("GET", "/console")
    assert answer.status == 401
    assert "/v1/console-links" in read(answer.body).text


def test_tokens_are_kept_as_hashes_only(shop: Shop, browser: Client) -> None:
    address = link(shop)
    kept = repr(vars(shop.world.ports.ephemeral))
    assert address.rpartition("/")[2] not in kept
    assert browser.cookies[COOKIE] not in kept


def test_a_program_asks_for_a_link_with_its_key(shop: Shop) -> None:
    answer = shop.api.post("/v1/console-links")
    assert answer.status == 201
    assert answer.json["expires_at"] == "2026-01-31T15:15:00Z"
    path = answer.json["url"].removeprefix("https://pay.example.com")
    client = Client(shop.console)
    assert client.browse("POST", path, {}).status == 303
    assert "Acme Courses" in client.browse("GET", "/console").body


@pytest.mark.spec("M-3")
@pytest.mark.parametrize("end", ["revoke", "replace", "revoke_others"])
def test_the_end_of_a_key_ends_the_links_and_the_sessions_that_it_made(
    shop: Shop, end: str
) -> None:
    thief = shop.holding("acme", "sk_thief")
    unused, used, of_other = (
        asking.post("/v1/console-links").json["url"].removeprefix("https://pay.example.com")
        for asking in (thief, thief, shop.api)
    )
    browser, others = Client(shop.console), Client(shop.console)
    assert browser.browse("POST", used, {}).status == 303
    assert others.browse("POST", of_other, {}).status == 303
    if end == "revoke":
        assert shop.api.call("DELETE", "/v1/keys/key_sk_thief").status == 200
    elif end == "replace":
        assert shop.api.post("/v1/keys/key_sk_thief/replace").status == 201
    else:
        key = shop.world.store.api_key(keys.digest("sk_acme"))
        assert key is not None
        keys.revoke_others(shop.world.ports, key, now=shop.world.now)
    assert browser.browse("GET", "/console").status == 401
    assert Client(shop.console).browse("GET", unused).status == 401
    assert Client(shop.console).browse("POST", unused, {}).status == 401
    assert others.browse("GET", "/console").status == 200, "another key made it"


def test_a_session_of_a_version_that_kept_no_key_is_over(shop: Shop, browser: Client) -> None:
    digest = sessions.digest(browser.cookies[COOKIE])
    kept = f'{{"merchant": "acme", "since": "{shop.world.now.isoformat()}"}}'
    until = shop.world.now + timedelta(minutes=30)
    shop.world.ports.ephemeral.replace("console_session", digest, kept, expires_at=until)
    assert browser.browse("GET", "/console").status == 401
    old = shop.world.ports.new_id("key")
    shop.world.ports.ephemeral.put(
        "console_link", sessions.digest(old), "acme", expires_at=until, now=shop.world.now
    )
    assert browser.browse("POST", f"/console/sign-in/{old}", {}).status == 401

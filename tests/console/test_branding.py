"""A merchant's logo, colour, name and footer: given in the console, seen everywhere (M-11)."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from billing.accounts.flows import settings
from billing.branding.flows import changes
from billing.kernel.branding import Branding
from billing.kernel.merchants import Merchant, PortalKind
from billing.kernel.objects import ObjectKey
from billing.privacy.flows import erase_merchant
from functions.checkout import app as checkout_app
from tests.branding.pictures import multipart, opened, picture
from tests.branding.uploads import (
    BOUNDARY,
    HERE,
    branded,
    change,
    hidden,
    send_raw,
    upload,
    visitor,
)
from tests.console.agent import Agent
from tests.render.html import read
from tests.web.calls import Client
from tests.web.shop import PRODUCT, Shop

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def merchant(shop: Shop, name: str = "acme") -> Merchant:
    found = shop.world.store.merchant(name)
    assert found is not None
    return found


def stored(shop: Shop) -> Branding:
    found = changes.read(shop.world.ports, merchant(shop))
    assert found is not None
    return found


def open_portal(shop: Shop) -> None:
    settings.change(shop.world.ports, merchant(shop), {"portal": PortalKind.STANDALONE})


@pytest.mark.spec("M-11")
def test_a_logo_is_drawn_anew_and_served_for_good_by_its_digest(shop: Shop, agent: Agent) -> None:
    page = agent.follow(upload(agent, picture("JPEG"), file="../../etc/passwd.svg"))
    (shown,) = page.all("img")
    address = str(shown.attributes["src"])
    assert shown.attributes["alt"] == merchant(shop).name
    answer = visitor(shop).browse("GET", address)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert opened(b64decode(answer.body)).format == "PNG"


@pytest.mark.spec("M-11")
def test_a_logo_is_at_no_other_address(shop: Shop) -> None:
    branded(shop)
    logo = stored(shop).logo
    assert logo is not None
    for address in (
        f"/portal/rival/logo/{logo.digest}.png",
        f"/portal/acme/logo/{logo.digest}.svg",
        f"/portal/acme/logo/{'0' * 32}.png",
        "/portal/acme/logo/x.png",
        f"/portal/acme/logo/{logo.digest.upper()}.png",
        f"/portal/~/logo/{logo.digest}.png",
        f"/portal/acme/logo/..%2f{logo.digest}.png",
    ):
        assert visitor(shop).browse("GET", address).status == 404, address


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "PNG, JPEG or WebP"),
        (b"", "Choose a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1024 * 1024), "larger than 1024 KB"),
        (picture(mode="1", size=(9000, 9000)), "too large"),
    ],
)
def test_what_is_no_logo_is_told_at_its_field_and_changes_nothing(
    shop: Shop, agent: Agent, content: bytes, words: str
) -> None:
    answer = upload(agent, content)
    assert answer.status == 422
    assert words in answer.body and 'id="logo-error"' in answer.body
    assert merchant(shop).branding is None
    assert not shop.world.objects._objects


@pytest.mark.spec("M-11")
def test_a_request_that_is_no_form_of_a_picture_is_refused(shop: Shop, agent: Agent) -> None:
    body = multipart(BOUNDARY, {"csrf": agent.csrf(), "seen": ""}, "logo", "x.png", picture())
    whole = b64encode(body).decode()
    assert send_raw(agent, whole, "multipart/form-data; boundary=other").status == 400
    assert send_raw(agent, whole, "multipart/form-data").status == 400
    assert send_raw(agent, whole[:-3] + "*", TYPE).status == 400
    assert send_raw(agent, whole, "application/octet-stream").status == 415
    form = "application/x-www-form-urlencoded"
    assert send_raw(agent, "csrf=x", form, is_base64=False).status == 403
    answer = send_raw(agent, f"csrf={agent.csrf()}", form, is_base64=False)
    assert answer.status == 422, "no picture"
    huge = b64encode(bytes(10_000_000)).decode()
    assert send_raw(agent, huge, TYPE).status == 413
    assert upload(agent, csrf="wrong").status == 403
    assert merchant(shop).branding is None


@pytest.mark.spec("M-11")
def test_the_second_of_two_editors_is_told(shop: Shop, agent: Agent) -> None:
    other, seen = Agent.of(shop), hidden(agent, HERE)
    assert change(other, accent="#7700ff").status == 303
    late = agent.send(HERE, accent="#005500", sender_name="Mine", footer="", seen=seen)
    assert late.status == 409
    assert 'value="#005500"' in late.body and "Someone changed" in late.body
    assert upload(agent, seen=seen).status == 409
    assert agent.send(f"{HERE}/logo/remove", seen=seen).status == 409
    assert stored(shop).accent == "#7700ff"
    assert stored(shop).logo is None


@pytest.mark.spec("M-11")
def test_a_colour_that_cannot_be_read_is_refused_with_one_that_can(agent: Agent) -> None:
    answer = change(agent, accent="#ffcc00", footer="Kept")
    assert answer.status == 422
    assert "#8a6e00" in answer.body and "Kept" in answer.body
    assert change(agent, accent="red}body{display:none").status == 422


@pytest.mark.spec("M-11", "C-12")
def test_everything_wrong_in_a_form_is_told_at_once(shop: Shop, agent: Agent) -> None:
    answer = change(agent, accent="x", sender_name="a\r\nBcc: b@example.com", footer="x" * 1500)
    assert answer.status == 422
    for field in ("accent", "sender_name", "footer"):
        assert f'id="{field}-error"' in answer.body
    assert merchant(shop).branding is None


@pytest.mark.spec("M-11")
def test_earlier_logos_stay_for_the_mails_that_show_them_but_not_for_ever(
    shop: Shop, agent: Agent
) -> None:
    for width in range(30, 30 + changes.LOGOS_KEPT + 3):
        assert upload(agent, picture(size=(width, 20))).status == 303
    found = stored(shop)
    assert len(found.logos) == changes.LOGOS_KEPT == len(shop.world.objects._objects)
    assert agent.send(f"{HERE}/logo/remove", seen=hidden(agent, HERE)).status == 303
    assert stored(shop).logo is None
    assert stored(shop).logos == found.logos
    assert upload(agent, picture(size=(44, 20))).status == 303, "the same again"
    assert len(stored(shop).logos) == changes.LOGOS_KEPT


@pytest.mark.spec("M-11")
def test_checkout_portal_and_error_pages_wear_it(shop: Shop) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    branded(shop)
    open_portal(shop)
    checkout = Client(checkout_app.build(shop.world.ports))
    point = made["price_points"][0]["id"]
    for answer in (
        checkout.browse("GET", f"/checkout/{point}"),
        visitor(shop).browse("GET", "/portal/acme"),
        visitor(shop).browse("GET", "/portal/acme/nowhere"),
    ):
        assert "--accent: #7700ff" in answer.body
        assert "img-src 'self'" in answer.headers["content-security-policy"]
        (logo,) = read(answer.body).all("img")
        assert str(logo.attributes["src"]).startswith("/portal/acme/logo/")
        assert f'<link rel="icon" href="{logo.attributes["src"]}">' in answer.body
        assert "Acme GmbH<br>HRB 1 &lt;b&gt;Berlin&lt;/b&gt;" in answer.body


@pytest.mark.spec("M-11")
def test_a_merchant_without_branding_has_our_look_and_no_read(shop: Shop) -> None:
    branded(shop)
    other = merchant(shop, "rival")
    settings.change(shop.world.ports, other, {"portal": PortalKind.STANDALONE})
    answer = visitor(shop).browse("GET", "/portal/rival")
    assert answer.status == 200
    assert "#7700ff" not in answer.body and "img" not in answer.body.split("<main")[0]
    assert "img-src" not in answer.headers["content-security-policy"]


@pytest.mark.spec("M-11")
@pytest.mark.parametrize("what", ["checkout", "portal", "mail"])
def test_a_preview_shows_what_is_typed_and_saves_nothing(shop: Shop, what: str) -> None:
    shop.api.post("/v1/products", PRODUCT)
    agent = branded(shop)
    before = stored(shop)
    answer = agent.send(
        f"{HERE}/preview/{what}", accent="#005500", sender_name="New", footer="<script>x</script>"
    )
    assert answer.status == 200
    assert "#005500" in answer.body and "&lt;script&gt;x" in answer.body
    assert "form-action 'none'" in answer.headers["content-security-policy"]
    assert "<img" in answer.body and "/portal/acme/logo/" in answer.body
    assert stored(shop) == before


@pytest.mark.spec("M-11")
def test_a_preview_of_something_wrong_is_told_in_the_form(shop: Shop, agent: Agent) -> None:
    wrong = agent.send(f"{HERE}/preview/portal", accent="#ffcc00", sender_name="", footer="")
    assert wrong.status == 422 and "#8a6e00" in wrong.body
    assert agent.send(f"{HERE}/preview/checkout").status == 422, "there is no product yet"
    assert agent.send(f"{HERE}/preview/elsewhere").status == 404
    text = agent.send(f"{HERE}/preview/mail-text", accent="", sender_name="", footer="Acme GmbH")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Acme GmbH" in text.body


@pytest.mark.spec("M-11")
def test_an_invoice_is_previewed_with_sample_data_or_an_order_of_ones_own(shop: Shop) -> None:
    world = shop.world
    agent = branded(shop)
    world.buy()
    order = world.orders()[0].id
    sample = agent.send(f"{HERE}/preview/invoice", accent="#005500")
    assert sample.headers["content-type"] == "application/pdf"
    own = agent.send(f"{HERE}/preview/invoice", accent="#005500", order=order)
    assert own.headers["content-type"] == "application/pdf" and own.body != sample.body
    for foreign in ("K7M2Q-9XTRV-4H3PD", "x" * 500, "../x", "Ünicode"):
        refused = agent.send(f"{HERE}/preview/invoice", accent="", order=foreign)
        assert refused.status == 422 and 'id="order-error"' in refused.body
    rival = Agent.of(shop, "rival")
    assert rival.send(f"{HERE}/preview/invoice", order=order).status == 422


@pytest.mark.spec("M-11", "A-6")
def test_a_merchant_that_is_erased_leaves_no_logo_and_no_words(shop: Shop) -> None:
    branded(shop)
    logo = stored(shop).logo
    assert logo is not None
    assert erase_merchant.shop(shop.world.ports, merchant(shop), lambda: True)
    assert shop.world.store.branding("acme") is None
    key = ObjectKey("logos", "acme", f"{logo.digest}.png")
    assert shop.world.objects.get(key, at_most=10**6) is None
    open_portal(shop)
    assert visitor(shop).browse("GET", "/portal/acme").status == 200

"""A logo is looked at before it is shown to anybody (M-11)."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from billing.branding.flows import changes
from tests.branding.pictures import multipart, opened, picture
from tests.branding.uploads import BOUNDARY, HERE, hidden, send_raw, upload
from tests.console.agent import Agent
from tests.render.html import read
from tests.web.calls import Answer
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-11")
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def look(agent: Agent, content: bytes) -> Answer:
    """Send the form by its button for a preview."""
    fields = {"csrf": agent.csrf(), "seen": hidden(agent, HERE), "act": "preview"}
    body = multipart(BOUNDARY, fields, "logo", "logo.png", content)
    return send_raw(agent, b64encode(body).decode(), TYPE)


def save(agent: Agent, previewed: Answer, **other: str) -> Answer:
    """Send the form that stands on a preview."""
    inputs = [each.attributes for each in read(previewed.body).all("input")]
    fields = {str(f["name"]): str(f.get("value", "")) for f in inputs if f.get("type") == "hidden"}
    body = multipart(BOUNDARY, {**fields, **other}, "nothing", "", b"")
    return send_raw(agent, b64encode(body).decode(), TYPE)


def test_a_preview_shows_the_drawn_logo_and_stores_nothing(shop: Shop, agent: Agent) -> None:
    answer = look(agent, picture("JPEG"))
    assert answer.status == 200
    images = [str(each.attributes["src"]) for each in read(answer.body).all("img")]
    assert images and {each.partition(",")[0] for each in images} == {"data:image/png;base64"}
    assert opened(b64decode(images[0].partition(",")[2])).format == "PNG"
    policy = answer.headers["content-security-policy"]
    assert (
        "img-src data:" in policy
        and "img-src data:"
        not in (agent.client.browse("GET", HERE).headers["content-security-policy"])
    )
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None and merchant.branding is None
    assert not shop.world.objects._objects


def test_a_previewed_logo_is_saved_as_it_was_shown(shop: Shop, agent: Agent) -> None:
    answer = look(agent, picture())
    assert save(agent, answer).headers["location"] == f"{HERE}?done=logo"
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None
    found = changes.read(shop.world.ports, merchant)
    assert found is not None and found.logo is not None


def test_the_second_of_two_agents_is_told_though_they_previewed_first(
    shop: Shop, agent: Agent
) -> None:
    mine = look(agent, picture())
    assert upload(agent, picture("JPEG")).status == 303
    answer = save(agent, mine)
    assert answer.status == 409 and "Someone changed the branding meanwhile" in answer.body


@pytest.mark.parametrize("drawn", ["", "?", "AAAA", "QUJD" * 100_000, "<svg onload=alert(1)>", "é"])
def test_a_preview_that_was_tampered_with_is_no_picture(
    shop: Shop, agent: Agent, drawn: str
) -> None:
    answer = save(agent, look(agent, picture()), drawn=drawn)
    assert answer.status == 422 and 'id="logo-error"' in answer.body
    assert not shop.world.objects._objects


def test_what_is_no_logo_is_told_at_its_field(agent: Agent) -> None:
    answer = look(agent, b"<svg/>")
    assert answer.status == 422 and "PNG, JPEG or WebP" in answer.body

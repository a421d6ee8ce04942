"""In which language a visitor is spoken to (C-5)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.merchants import VISITORS_OWN, Merchant, Settings
from billing.render.messages import LANGUAGES
from billing.web import languages
from billing.web.request import Request
from functions.checkout import app
from tests.web.calls import Client, event
from tests.world import World

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def request(**headers: str) -> Request:
    return Request.of(
        event("GET", "/", headers={k.replace("_", "-"): v for k, v in headers.items()})
    )


@pytest.mark.spec("C-5")
@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ja, fr;q=0.4, it;q=0.7", "it"),
        ("nb-NO", "no"),
        ("nn,en;q=0.9", "no"),
        ("pt-BR", "pt"),
        ("*", "en"),
        ("ja", "en"),
        ("fr;q=0", "en"),
        ("fr;q=x, sv;q=0.1", "sv"),
        ("fr;q=7, sv;q=0.1", "sv"),
        (";;,,;q=1,=,de;v=1", "en"),
    ],
)
def test_the_browsers_best_language_that_we_know(header: str, language: str) -> None:
    assert languages.of_visitor(request(accept_language=header)) == language


@pytest.mark.spec("C-5")
def test_the_country_comes_first_where_it_has_one_language() -> None:
    swiss = request(cloudfront_viewer_country="CH", accept_language="it")
    assert languages.of_visitor(swiss) == "it"
    pole = request(cloudfront_viewer_country="pl", accept_language="it")
    assert languages.of_visitor(pole) == "pl"


@given(st.text(max_size=600))
def test_whatever_is_sent_is_answered_with_one_of_the_fifteen(header: str) -> None:
    assert languages.accepted(header) in LANGUAGES


@pytest.mark.spec("C-5")
def test_a_fixed_language_is_everybodys() -> None:
    fixed = Merchant("m", "M", "m@example.com", NOW, Settings(language="sk"))
    assert languages.spoken(fixed, request(accept_language="de")) == "sk"
    free = Merchant("m", "M", "m@example.com", NOW, Settings(language=VISITORS_OWN))
    assert languages.spoken(free, request(accept_language="de")) == "de"


@pytest.mark.spec("C-5")
def test_a_buyer_is_mailed_in_the_language_that_they_bought_in() -> None:
    world = World()
    world.change_merchant(settings=Settings(language=VISITORS_OWN))
    product, browser = world.product(), Client(app.build(world.ports))
    address = f"/checkout/{product.default_price_point}"
    page = browser.browse("GET", address, accept_language="de-DE")
    assert '<html lang="de"' in page.body
    body = {
        "attempt_key": "attempt-1",
        "email": "ann@example.com",
        "name": "Ann",
        "address": {"line1": "1 Main Street", "city": "Berlin", "country": "DE"},
        "payment_method": "pm_card_visa",
    }
    assert browser.post(address, body, accept_language="de-DE").status == 201
    assert world.subscription().language == "de"

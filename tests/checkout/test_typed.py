"""The fields that a buyer typed survive a decline, a way back and a wrong field (C-12)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.kernel.gateways import TheirPage
from billing.kernel.writes import Insert
from billing.tax.registrations import TaxSetup
from functions.checkout import app
from tests.checkout.test_checkout import FLAT, Till, till
from tests.checkout.test_their_page import FILLED_IN, Asking, till_with
from tests.render.html import read
from tests.tax.taxing import OSS
from tests.web.calls import Answer, Client
from tests.world import START

__all__ = ["till"]

TYPED = {"email": "ann@example.com", "name": "Ann Example", "line1": "1 Main Street"}


def prefilled(page: Answer) -> dict[str, str]:
    """The values that the fields of contact and address have."""
    assert page.status == 200
    found = {}
    for tag in re.findall(r"<input[^>]*>", page.body):
        name, value = (re.search(rf'{attribute}="([^"]*)"', tag) for attribute in ("name", "value"))
        if name and value and name[1] in {*TYPED, "line2", "city", "postal_code", "state"}:
            found[name[1]] = value[1]
    if chosen := re.search(r'<option value="(\w\w)"[^>]*selected', page.body):
        found["country"] = chosen[1]
    return {name: value for name, value in found.items() if value}


ALL_TYPED = {**TYPED, "city": "Springfield", "country": "US"}


@pytest.mark.spec("C-12", "C-4")
@pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_what_was_typed_is_there_again_after_a_decline_or_a_way_back(till: Till, card: str) -> None:
    shown = till.follow(till.fill_in(payment_method=card))
    assert shown.status == 200
    again = till.client.browse("GET", till.address)
    assert prefilled(again) == ALL_TYPED
    assert 'value="pm_card_visa" required checked' in again.body, "not the declined card again"
    assert f'value="{FLAT["attempt_key"]}"' not in again.body, "a new attempt"


@pytest.mark.spec("C-12", "C-7")
@pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_a_business_keeps_its_tax_id_after_a_decline_or_a_way_back(till: Till, card: str) -> None:
    """Without it the next try is charged with a tax that the business does not owe."""
    setup = TaxSetup("acme", (OSS,), trust_format=True)
    till.world.store.commit(Insert(setup))
    till.world.change_merchant(tax_since=START)
    vienna = {"line1": "Kärntner Straße 1", "city": "Wien", "postal_code": "1010", "country": "AT"}
    till.fill_in(payment_method=card, tax_id="ATU13585627", **vienna)
    again = till.client.browse("GET", till.address)
    assert re.search(r'name="tax_id"[^>]*value="ATU13585627"', again.body)


@pytest.mark.spec("C-12", "B-2")
def test_only_the_browser_that_typed_it_sees_it(till: Till) -> None:
    """Programs choose their attempt keys; whoever guesses one reads nothing."""
    till.fill_in(payment_method="pm_card_chargeDeclined")
    stranger = Client(app.build(till.world.ports))
    for query in ("", "?attempt=attempt-1", "?again=attempt-1"):
        assert prefilled(stranger.browse("GET", till.address + query)) == {}
    (cookie,) = till.client.cookies.values()
    assert "attempt-1" not in cookie and len(cookie) > 30


@pytest.mark.spec("C-12")
def test_a_purchase_ends_what_was_kept_and_so_do_two_hours(till: Till) -> None:
    declined = {"payment_method": "pm_card_chargeDeclined"}
    till.fill_in(**declined)
    till.fill_in(attempt_key="attempt-2")
    assert prefilled(till.client.browse("GET", till.address)) == {}
    till.fill_in(attempt_key="attempt-3", confirm_repeat="true", **declined)
    assert prefilled(till.client.browse("GET", till.address)) == ALL_TYPED
    till.world.now += timedelta(hours=2, minutes=1)
    assert prefilled(till.client.browse("GET", till.address)) == {}


@pytest.mark.spec("C-12", "C-1")
def test_what_was_typed_is_there_after_the_gateways_page_was_left(till: Till) -> None:
    there = till_with(TheirPage())
    page = there.client.browse("POST", there.address, FILLED_IN)
    assert page.status == 200
    gateway = there.world.sandbox
    assert isinstance(gateway, Asking)
    (asked,) = gateway.pages.values()
    back = there.client.browse("GET", asked["cancel"].removeprefix("https://pay.example.com"))
    assert prefilled(back) == ALL_TYPED


@pytest.mark.spec("C-12", "B-11")
def test_the_summary_of_errors_is_in_the_order_of_the_page(till: Till) -> None:
    page = till.client.browse("POST", till.address, {"attempt_key": "attempt-1"})
    assert page.status == 422
    summary = page.body.partition('id="errors"')[2].partition("</ul>")[0]
    listed = re.findall(r'href="#(\w+)"', summary)
    places = [page.body.index(f'id="{name}"') for name in listed]
    assert places == sorted(places)
    assert listed == ["email", "name", "country", "line1", "city", "payment_method"]
    assert read(page.body).one("h1")

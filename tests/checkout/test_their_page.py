"""A gateway that asks for the card itself: on its own page, or in its frame on ours (C-1, B-9)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from billing.gateways import registry
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.kernel.catalog import Initial
from billing.kernel.errors import Invalid, Unavailable
from billing.kernel.gateways import Collection, Declined, Element, SavedMethod, TheirPage
from billing.kernel.periods import Span, Unit
from billing.kernel.values import replace
from functions.checkout import app as checkout
from tests.checkout.test_checkout import FLAT, Till
from tests.portal.test_cards import methods
from tests.portal.visitors import Shop
from tests.render.html import read
from tests.web.calls import Answer, Client
from tests.world import MONTHLY, World

FILLED_IN = {k: v for k, v in FLAT.items() if k != "payment_method"}
PAGE = "https://pay.gateway.example/page"


class Asking(SandboxGateway):
    """The sandbox, which gives out pages as Stripe does: `given` is what was given on each."""

    def __init__(self, world: World, collection: Collection) -> None:
        super().__init__(MemoryLedger(), lambda: world.now)
        self._collection = collection
        self.pages: dict[str, dict[str, str]] = {}
        self.given: dict[str, str] = {}
        self.keys_missing = False

    def collection(self) -> Collection:  # type: ignore[override]
        if self.keys_missing:
            raise Unavailable("No keys.", code="no_keys")
        return self._collection

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        self.pages[key] = {"return": return_url, "cancel": cancel_url}
        return f"{PAGE}?a=1&b=2"

    def give(self, card: str = "pm_card_visa") -> str:
        """The buyer gives a card on the last page; where that brings them back to."""
        session = f"cs_{len(self.given) + 1}"
        self.given[session] = card
        back = list(self.pages.values())[-1]["return"]
        return f"{back}&payment_method={session}".removeprefix("https://pay.example.com")

    def save_method(self, token: str, **kwargs: Any) -> SavedMethod | Declined:  # type: ignore[override]
        if token.startswith("cs_") and token not in self.given:
            raise Invalid("card_missing", field="payment_method")
        return super().save_method(self.given.get(token, token), **kwargs)


@pytest.fixture(autouse=True)
def framed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has Stripe's frame here."""
    stripe = registry.spec_of("stripe")
    sandbox = replace(
        registry.spec_of("sandbox"), element=stripe.element, content_sources=stripe.content_sources
    )
    monkeypatch.setitem(registry.specs(), "sandbox", sandbox)


@pytest.fixture(params=["their page", "element"])
def till(request: pytest.FixtureRequest) -> Till:
    return till_with(TheirPage() if request.param == "their page" else Element("pk_test_1"))


def till_with(collection: Collection, *terms: Any) -> Till:
    world = World()
    world.sandbox = Asking(world, collection)
    return Till(world, world.product(*terms), Client(checkout.build(world.ports)))


def gateway(till: Till | Shop) -> Asking:
    assert isinstance(till.world.sandbox, Asking)
    return till.world.sandbox


def send(till: Till, **fields: str) -> Answer:
    return till.client.browse("POST", till.address, {**FILLED_IN, **fields})


@pytest.mark.spec("C-1", "C-2")
def test_a_buyer_gives_the_card_there_and_buys_on_coming_back_once(till: Till) -> None:
    onward = send(till)
    assert onward.status == 200
    assert f'content="0; url={PAGE}?a=1&amp;b=2"' in onward.body
    assert "form-action 'self'" in onward.headers["content-security-policy"]
    assert not till.world.charges(), "nothing before there is a card"
    (page,) = gateway(till).pages.values()
    assert page["cancel"] == f"https://pay.example.com{till.address}"
    back = gateway(till).give()
    for _ in range(2):
        done = till.follow(till.client.browse("GET", back))
        assert "Thank you" in done.body
    assert len(till.world.charges()) == 1
    assert till.world.history().customer is not None


@pytest.mark.spec("C-2")
def test_a_repeat_is_asked_about_when_the_card_is_there_and_the_card_is_kept(till: Till) -> None:
    send(till)
    till.client.browse("GET", gateway(till).give())
    send(till, attempt_key="attempt-2")
    asked = till.client.browse("GET", gateway(till).give("pm_card_mastercard"))
    assert asked.status == 409
    assert 'name="payment_method" value="cs_2"' in asked.body
    assert "Your card is ready" in asked.body
    again = {**FILLED_IN, "attempt_key": "attempt-2", "payment_method": "cs_2"}
    sure = till.client.browse("POST", till.address, {**again, "confirm_repeat": "true"})
    assert "Thank you" in till.follow(sure).body
    assert len(till.world.charges()) == 2


@pytest.mark.spec("C-1")
def test_what_is_wrong_is_shown_before_anybody_is_sent_away(till: Till) -> None:
    wrong = send(till, email="nobody")
    assert wrong.status == 422
    assert 'id="email-error"' in wrong.body
    assert not gateway(till).pages


@pytest.mark.spec("C-4")
def test_who_comes_back_without_a_card_is_asked_again(till: Till) -> None:
    send(till)
    back = gateway(till).give().replace("cs_1", "cs_unfinished")
    asked = till.client.browse("GET", back)
    assert asked.status == 422
    assert 'value="Ann Example"' in asked.body, "as it was filled in"
    assert "cs_unfinished" not in asked.body
    assert send(till).status == 200
    assert "Thank you" in till.follow(till.client.browse("GET", gateway(till).give())).body


def test_who_comes_back_too_late_or_with_a_made_up_key_begins_anew(till: Till) -> None:
    send(till)
    back = gateway(till).give()
    foreign = till.client.browse("GET", back.replace("attempt-1", "attempt-x"))
    assert (foreign.status, foreign.headers["location"]) == (303, till.address)
    till.world.advance(hours=3)
    late = till.client.browse("GET", back)
    assert (late.status, late.headers["location"]) == (303, till.address)
    assert not till.world.charges()


@pytest.mark.spec("C-4")
def test_a_declined_card_from_there_says_so(till: Till) -> None:
    send(till)
    declined = till.follow(till.client.browse("GET", gateway(till).give("pm_card_chargeDeclined")))
    assert "Your payment was declined" in declined.body


@pytest.mark.spec("C-1")
def test_only_a_page_with_the_frame_may_load_it(till: Till) -> None:
    page = till.client.browse("GET", till.address)
    policy = page.headers["content-security-policy"]
    frames = re.findall(r"https://[a-z.]+", policy)
    assert "pm_card_" not in page.body
    if "pk_test_1" in page.body:
        (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
        assert page.body.count(f'<script nonce="{nonce}"') == page.body.count("<script") == 2
        assert set(frames) == {
            "https://js.stripe.com",
            "https://hooks.stripe.com",
            "https://api.stripe.com",
        }
    else:
        assert not frames
        assert "<script" not in page.body
    assert "script" not in send(till, email="x" * 300).headers["content-security-policy"] or frames


@pytest.mark.spec("C-1", "P-11")
def test_without_a_charge_the_bank_is_asked_on_their_page() -> None:
    free = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    till = till_with(Element("pk_test_1"), free)
    assert "pk_test_1" not in till.client.browse("GET", till.address).body


@pytest.mark.spec("C-1")
def test_a_token_from_the_frame_buys_at_once() -> None:
    till = till_with(Element("pk_test_1"))
    assert till.post().status == 201
    bought = send(
        till, attempt_key="attempt-2", email="b@example.com", payment_method="pm_card_visa"
    )
    assert "Thank you" in till.follow(bought).body


def test_a_shop_whose_keys_are_missing_says_that_it_cannot_sell_now(till: Till) -> None:
    gateway(till).keys_missing = True
    assert till.client.browse("GET", till.address).status == 503
    assert send(till).status == 503


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy(shop.world.product(MONTHLY))
    asking = Asking(shop.world, TheirPage())
    asking._ledger = shop.world.sandbox._ledger
    shop.world.sandbox = asking
    shop.world.now += timedelta(minutes=1)
    return shop


@pytest.mark.spec("B-9", "B-10")
def test_a_card_is_added_on_their_page_as_was_chosen_here(shop: Shop) -> None:
    visitor = shop.signed_in()
    form = visitor.see("/cards/new")
    assert "payment provider's page" in form.text
    onward = visitor.post("/cards/new", attempt_key="attempt_1", chosen="true")
    assert onward.status == 200
    assert PAGE in onward.body
    back = gateway(shop).give("pm_card_mastercard")
    shown = visitor.follow(visitor.browse("GET", back))
    assert "Your card has been saved" in shown.text
    visitor.follow(visitor.browse("GET", back))
    assert [m.last4 for m in methods(shop)] == ["4242", "4444"]
    customer = shop.world.history().customer
    assert customer is not None
    assert customer.default_method == methods(shop)[0].id, "unticked"


@pytest.mark.spec("B-9")
def test_nobody_adds_a_card_to_anothers_account_by_a_link(shop: Shop) -> None:
    visitor = shop.signed_in()
    visitor.post("/cards/new", attempt_key="attempt_1")
    back = gateway(shop).give("pm_card_mastercard")
    shop.world.buy(
        shop.world.product(MONTHLY), email="bob@example.com", payment_method="pm_card_visa"
    )
    other = shop.signed_in("bob@example.com")
    answer = other.browse("GET", back)
    assert answer.status == 200
    assert "Add a card" in read(answer.body).text, "the empty form"
    assert len(methods(shop)) == 1
    declined = visitor.browse("GET", back.replace("cs_1", "cs_none"))
    assert declined.status == 422
    assert visitor.post("/cards/new", attempt_key="x").status == 422

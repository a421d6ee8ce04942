"""The hosted checkout, as a browser and as a program meet it (C-1, C-2, C-4, B-2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.catalog.flows import products
from billing.kernel.catalog import Product
from functions.checkout import app
from tests.depth import examples
from tests.render.html import read
from tests.tax.taxing import collecting
from tests.web.calls import Answer, Client
from tests.world import MONTHLY, World

FORM: dict[str, Any] = {
    "attempt_key": "attempt-1",
    "email": "ann@example.com",
    "name": "Ann Example",
    "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
    "payment_method": "pm_card_visa",
}
FLAT = {**{k: v for k, v in FORM.items() if k != "address"}, **FORM["address"]}


@dataclass
class Till:
    """One product on sale, and a client at its checkout."""

    world: World
    product: Product
    client: Client

    @property
    def address(self) -> str:
        return f"/checkout/{self.product.default_price_point}"

    def post(self, **fields: Any) -> Answer:
        return self.client.post(self.address, {**FORM, **fields})

    def fill_in(self, **fields: str) -> Answer:
        return self.client.browse("POST", self.address, {**FLAT, **fields})

    def follow(self, answer: Answer) -> Answer:
        path = answer.headers["location"].removeprefix("https://pay.example.com")
        return self.client.browse("GET", path)


@pytest.fixture
def till() -> Till:
    world = World()
    product = world.product(public_listing=True)
    return Till(world, product, Client(app.build(world.ports)))


@pytest.mark.spec("C-1")
def test_the_page_says_what_is_charged_today_what_follows_and_how_to_cancel(till: Till) -> None:
    page = till.client.browse("GET", till.address)
    text = unescape(re.sub(r"<[^>]+>", " ", page.body))
    assert page.status == 200
    for words in ("Due today", "$29.99", "February 28, 2026", "How to cancel", "Test mode"):
        assert words in text
    assert "script" not in page.headers["content-security-policy"]
    assert "<script" not in page.body
    (key,) = re.findall(r'name="attempt_key"\s+value="([^"]+)"', page.body)
    other = till.client.browse("GET", till.address)
    assert key not in other.body, "each page is an attempt of its own"


@pytest.mark.spec("C-1", "C-2", "B-2")
def test_a_form_buys_once_and_a_refresh_only_looks_again(till: Till) -> None:
    sent = till.fill_in()
    assert sent.status == 303
    done = till.follow(sent)
    assert (done.status, "Thank you" in done.body) == (200, True)
    assert till.follow(till.fill_in()).body.count("Thank you") == done.body.count("Thank you")
    assert len(till.world.charges()) == 1
    assert till.world.orders()[0].id not in done.body


@pytest.mark.spec("B-2")
def test_the_answer_to_a_program_has_no_order_id(till: Till) -> None:
    bought = till.post()
    assert bought.status == 201
    assert set(bought.json) == {"purchase", "orders", "subscription", "next_charge_at"}
    assert bought.json["orders"] == [
        {"kind": "sale", "amount": {"amount": 2999, "currency": "USD"}}
    ]
    assert bought.json["next_charge_at"] == "2026-02-28T15:00:00Z"
    assert till.world.orders()[0].id not in bought.body
    assert till.post().json == bought.json


@pytest.mark.spec("C-2")
def test_a_used_key_with_another_body_is_refused(till: Till) -> None:
    till.post()
    other = till.post(name="Somebody Else")
    assert (other.status, other.json["code"]) == (422, "attempt_key_reused")


@pytest.mark.spec("C-2")
def test_a_repeat_is_asked_about_in_the_form_that_was_filled_in(till: Till) -> None:
    till.fill_in()
    asked = till.fill_in(attempt_key="attempt-2", email="Ann@Example.com")
    assert asked.status == 409
    assert 'name="confirm_repeat"' in asked.body
    assert 'value="1 Main Street"' in asked.body
    program = till.post(attempt_key="attempt-3")
    assert (program.status, program.json["code"]) == (409, "already_purchased")
    sure = till.fill_in(attempt_key="attempt-2", email="Ann@Example.com", confirm_repeat="true")
    assert sure.status == 303
    assert len(till.world.charges()) == 2


@pytest.mark.spec("C-2")
def test_strangers_cannot_ask_about_an_email_for_ever(till: Till) -> None:
    till.post()
    answers = [till.post(attempt_key=f"guess-{n}").status for n in range(12)]
    assert answers == [409] * 10 + [429] * 2


@pytest.mark.spec("C-4")
def test_a_decline_is_402_with_its_code_and_the_key_stays_declined(till: Till) -> None:
    declined = till.post(payment_method="pm_card_chargeDeclinedInsufficientFunds")
    assert (declined.status, declined.json["code"]) == (402, "insufficient_funds")
    again = till.post(payment_method="pm_card_chargeDeclinedInsufficientFunds")
    assert again.status == 402
    page = till.follow(till.fill_in(attempt_key="a-2", payment_method="pm_card_chargeDeclined"))
    assert till.address in page.body, "a link to begin again"


@pytest.mark.spec("C-4")
@pytest.mark.parametrize(("choice", "status"), [("complete", 201), ("fail", 402)])
def test_three_d_secure_goes_to_the_bank_and_comes_back(
    till: Till, choice: str, status: int
) -> None:
    waiting = till.post(payment_method="pm_card_authenticationRequired")
    assert (waiting.status, waiting.json["state"]) == (202, "requires_action")
    path = waiting.json["url"].removeprefix("https://pay.example.com")
    bank = till.client.browse("GET", path)
    assert "Complete" in bank.body
    assert "Fail" in bank.body
    back = till.client.browse("POST", path, {"result": choice})
    assert back.status == 303
    assert till.follow(back).status == 200
    assert till.post(payment_method="pm_card_authenticationRequired").status == status
    assert till.client.browse("GET", path).status == 404


def end_offer(till: Till) -> None:
    """The merchant sells at another price from now on."""
    ports, merchant = till.world.ports, till.world.merchant
    products.add_price_point(ports, merchant, till.product.id, MONTHLY, now=till.world.now)
    products.remove_price_point(ports, merchant, till.product.id, till.product.default_price_point)


@pytest.mark.spec("C-2")
def test_an_offer_that_has_ended_answers_as_before_who_bought_while_it_stood(till: Till) -> None:
    bought = till.post()
    end_offer(till)
    assert till.post().json == bought.json
    assert "Thank you" in till.follow(till.fill_in()).body
    late = till.post(attempt_key="attempt-2", email="bob@example.com")
    assert (late.status, late.json["reason"]) == (404, "offer_ended")
    assert till.fill_in(attempt_key="attempt-2", email="bob@example.com").status == 404
    assert len(till.world.charges()) == 1


@pytest.mark.spec("C-2", "C-4")
def test_who_is_at_the_bank_when_the_offer_ends_comes_back_to_what_they_bought(till: Till) -> None:
    waiting = till.post(payment_method="pm_card_authenticationRequired")
    bank = waiting.json["url"].removeprefix("https://pay.example.com")
    end_offer(till)
    back = till.client.browse("POST", bank, {"result": "complete"})
    assert "Thank you" in till.follow(back).body
    assert till.post(payment_method="pm_card_authenticationRequired").status == 201
    assert len(till.world.charges()) == 1


def test_while_the_gateway_is_down_nothing_is_charged_and_the_same_key_goes_on(
    till: Till,
) -> None:
    till.world.sandbox.faults.arm("unavailable", 1)
    assert till.post().status == 503
    assert till.world.charges() == []
    assert till.post().status == 201
    till.world.sandbox.faults.arm("unavailable", 1)
    assert till.fill_in(attempt_key="a-2", email="bob@example.com").status == 503


@pytest.mark.spec("R-6")
def test_an_unknown_outcome_is_processing_and_never_a_decline(till: Till) -> None:
    real_lookup = till.world.sandbox.lookup

    def lookup_in_vain(*args: Any, **kwargs: Any) -> Any:
        till.world.sandbox.faults.arm("timeout_after", 1)
        return real_lookup(*args, **kwargs)

    till.world.sandbox.lookup = lookup_in_vain  # type: ignore[method-assign]
    unknown = till.post()
    assert (unknown.status, unknown.json) == (202, {"state": "processing"})
    page = till.follow(till.fill_in())
    assert 'http-equiv="refresh"' in page.body
    till.world.sandbox.lookup = real_lookup  # type: ignore[method-assign]
    assert till.post().status == 201
    assert len(till.world.charges()) == 1


BAD: list[tuple[str, Any]] = [
    ("email", "no address"),
    ("email", "a@b"),
    ("email", ["ann@example.com"]),
    ("email", "ann@example.com\r\nBcc: all@example.com"),
    ("email", "x" * 300 + "@example.com"),
    ("name", ""),
    ("name", 7),
    ("name", "x" * 201),
    ("name", "Ann\u0000"),
    ("attempt_key", ""),
    ("attempt_key", "x" * 201),
    ("attempt_key", "with space"),
    ("attempt_key", None),
    ("payment_method", "pm_card_unknown"),
    ("payment_method", "4242 4242 4242 4242"),
    ("payment_method", {"token": "pm_card_visa"}),
    ("confirm_repeat", "yes"),
    ("address", None),
    ("address.country", {"line1": "1 Main Street", "city": "Springfield", "country": "XX"}),
    ("address.line1", {"city": "Springfield", "country": "US"}),
    ("extra", "field"),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_what_is_wrong_is_named_and_nothing_is_left_behind(
    till: Till, field: str, value: Any
) -> None:
    refused = till.post(**{field.partition(".")[0]: value})
    assert refused.status == 422, refused.body
    assert field in refused.json["field"]
    assert till.world.charges() == []
    assert till.world.store.customer_by_email("acme", "ann@example.com") is None


def test_a_payment_method_that_nobody_knows_leaves_the_key_free(till: Till) -> None:
    refused = till.post(payment_method="pm_card_unknown")
    assert (refused.status, refused.json["field"]) == (422, "payment_method")
    assert till.world.store.checkout("acme", FORM["attempt_key"]) is None
    assert till.post().status == 201


def test_a_form_that_is_wrong_comes_back_as_it_was_filled_in(till: Till) -> None:
    refused = till.fill_in(email="no address", name="<b>Ann</b>")
    assert refused.status == 422
    assert "&lt;b&gt;Ann&lt;/b&gt;" in refused.body
    assert "no address" in refused.body


@pytest.mark.spec("C-10", "C-12")
def test_a_state_that_the_tax_depends_on_is_asked_for_at_its_field(till: Till) -> None:
    collecting(till.world)
    page = read(till.fill_in().body)
    (link,) = page.one("div", id="errors").all("a")
    assert link.attributes["href"] == "#state"
    assert page.one("input", name="state").attributes["aria-invalid"] == "true"


def test_what_is_not_for_sale_is_not_found(till: Till) -> None:
    for price_point in ("acme.unknown", "nobody.x", "x", "%23", "x" * 3000):
        assert till.client.browse("GET", f"/checkout/{price_point}").status == 404
        assert till.client.post(f"/checkout/{price_point}", FORM).status == 404
    assert till.client.browse("GET", f"{till.address}/return?attempt=unknown").status == 404
    assert till.client.browse("GET", f"{till.address}/return").status == 404
    assert till.client.browse("GET", f"{till.address}/return?attempt={'x' * 3000}").status == 404


@pytest.mark.spec("P-14", "P-1")
def test_the_directory_shows_listed_products_at_their_default_price(till: Till) -> None:
    till.world.product(name="Hidden")
    page = till.client.browse("GET", "/directory")
    assert "$29.99" in page.body
    assert "Hidden" not in page.body
    (listed,) = till.client.get("/directory.json").json["data"]
    assert listed["product"] == "Course"
    assert listed["url"].endswith(till.address)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    )
)
def test_no_body_is_an_error_of_ours(till: Till, document: Any) -> None:
    for body in (document, {**FORM, "address": document}, {**FORM, "name": document}):
        fresh = Till(till.world, till.product, Client(till.client.resolver))
        assert fresh.client.post(till.address, body).status in {201, 400, 409, 415, 422, 429}

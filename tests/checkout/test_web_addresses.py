"""A checkout form takes no web address: its invoice goes to an email that nobody has proved."""

from __future__ import annotations

from typing import Any

import pytest

from billing.checkout.web.forms import CheckoutInput
from billing.kernel import web_addresses
from billing.web.inputs import read
from billing.web.problems import Misshapen

FORM: dict[str, Any] = {
    "attempt_key": "first-purchase",
    "email": "victim@example.com",
    "name": "Ann Example",
    "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
    "payment_method": "pm_card_visa",
}
LINKS = [
    "https://evil.example",
    "HTTP://x",
    "www.evil.example",
    "go evil.example/x",
    "a.example:80",
]
NAMES = ["Booking.com B.V.", "J.R.R. Tolkien", "St. John's Rd. 5/2", "c/o Bob", "No.5", "Straße 1"]


@pytest.mark.spec("C-3")
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("field", ["name", "line1", "line2", "city", "state"])
def test_a_web_address_is_refused_by_its_field(field: str, link: str) -> None:
    form = {**FORM, "address": dict(FORM["address"])}
    form["address" if field != "name" else field] = (
        link if field == "name" else {**FORM["address"], field: link}
    )
    with pytest.raises(Misshapen) as refused:
        read(CheckoutInput, form)
    (error,) = refused.value.errors
    assert error.reason == "web_address" and error.field.endswith(field)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_streets_are_taken_as_they_are(name: str) -> None:
    taken = read(CheckoutInput, {**FORM, "name": name})
    assert taken.name == name and not web_addresses.is_in(name)


@pytest.mark.parametrize("text", [*LINKS, "evil.example", "bob@evil.example", "x/y"])
def test_what_a_mail_program_may_show_as_a_link_is_known(text: str) -> None:
    assert web_addresses.may_become_link(text)

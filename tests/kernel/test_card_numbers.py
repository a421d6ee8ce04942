"""Card numbers in typed text: found whatever stands around them, and nothing else is."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.card_numbers import masked, passes_luhn


def check_digit(body: str) -> str:
    """By the table of the standard, not by the code under test."""
    doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    total = sum(
        doubled[int(d)] if place % 2 == 0 else int(d) for place, d in enumerate(reversed(body))
    )
    return str(-total % 10)


bodies = st.text("0123456789", min_size=12, max_size=18).filter(lambda b: len(set(b)) > 1)
cards = bodies.map(lambda body: body + check_digit(body))


@pytest.mark.spec("H-2")
@pytest.mark.parametrize("number", ["4242424242424242", "5555 5555 5555 4444", "3782-822463-10005"])
def test_a_card_number_keeps_its_last_four_digits(number: str) -> None:
    found = masked(f"My card is {number}, thanks")
    assert found.found == 1
    assert number[-4:] in found.text.replace(" ", "").replace("-", "")
    assert sum(c.isdigit() for c in found.text) == 4
    assert found.text.startswith("My card is •") and found.text.endswith(", thanks")
    assert len(found.text) == len(f"My card is {number}, thanks")


@pytest.mark.spec("H-2")
@given(
    card=cards, before=st.text("0123456789 ", max_size=9), after=st.text("0123456789 -", max_size=9)
)
def test_no_card_number_is_left_whatever_digits_stand_around_it(
    card: str, before: str, after: str
) -> None:
    left = masked(f"{before}{card}{after}").text
    assert card not in left
    # What is left of it in a row is less than half: the last four, and what another one shares.
    digits = "".join(c for c in left if c.isdigit())
    assert card[:-4] not in digits


@given(st.text(string.printable, max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = masked(text).text
    assert masked(once) == type(masked(once))(once, 0)


@pytest.mark.parametrize(
    "text",
    [
        "Call me at +1 555 0100 200",
        "My Order ID is K7M2Q-9XTRV-4H3PD",
        "On 2026-01-31 I paid 29.99",
        "0000 0000 0000 0000",
        "4242 4242 42",
        "",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert masked(text) == type(masked(""))(text, 0)


@given(bodies)
def test_the_check_digit_is_the_one_that_fits(body: str) -> None:
    fits = [d for d in "0123456789" if passes_luhn(body + d)]
    assert fits == [check_digit(body)]

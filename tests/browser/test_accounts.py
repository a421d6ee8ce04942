"""Somebody who sells here: signs up, tries, leaves, and comes back, without JavaScript (A-1 ..
A-7)."""

from __future__ import annotations

import pytest

from tests.browser.people import Customer, arrived
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture
def laptop(new_laptop: Laptop) -> Laptop:
    """Its months pass without those of the other tests."""
    return new_laptop


@pytest.mark.spec("A-1", "A-2", "A-3", "A-7", "A-8", "B-11", "C-9")
def test_a_trial_is_cancelled_and_the_account_is_come_back_to(ann: Customer) -> None:
    signs_up(ann)
    ann.buy("perennial.starter-1")
    signs_in(ann)
    assert ann.heading() == "Home"
    cancels(ann)
    ann.laptop.post("/_dev/clock", {"advance": "P15D"})
    signs_in(ann)
    assert ann.heading() == "This account is not active"
    assert ann.page.goto("/console").status == 403
    ann.buy("perennial.starter-1")
    assert ann.says("You've already used your trial")
    ann.buy("perennial.starter-2")
    signs_in(ann)
    assert ann.heading() == "Home"
    ann.laptop.post("/_dev/clock", {"advance": "PT3M"})
    assert arrived(lambda: times_mailed(ann) == 2), "once when it opened, once when it was back"


def times_mailed(ann: Customer) -> int:
    return sum("is active" in mail["subject"] for mail in ann.mails())


def signs_up(ann: Customer) -> None:
    ann.page.goto("/account/sign-up")
    username = ann.email.partition("@")[0] + "-sells"
    for label, typed in (("Username", username), ("Name", "Ann's Art"), ("Email", ann.email)):
        ann.page.get_by_label(label, exact=True).fill(typed)
    ann.press("Sign up")
    assert ann.heading() == "Choose a plan"
    ann.page.goto(ann.password_link())
    ann.page.get_by_label("Password").fill(PASSWORD)
    ann.press("Set your password")
    assert ann.heading() == "This account is not active"


def signs_in(ann: Customer) -> None:
    ann.page.goto("/account/sign-in")
    ann.page.get_by_label("Email").fill(ann.email)
    ann.page.get_by_label("Password").fill(PASSWORD)
    ann.press("Sign in")


def cancels(ann: Customer) -> None:
    ann.page.goto("/account/billing")
    ann.follow("Cancel My Account")
    assert ann.says("We keep your data for 90 days")
    assert ann.says("You have no other running charges")
    ann.page.get_by_label("I want to cancel my account.").check()
    ann.press("Cancel My Account")
    assert ann.says("Your plan has been cancelled.")

"""PayPal on `make run`, as a newcomer sees it: approve there, be charged, renew, be refunded."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.local_stack.laptop import Laptop
from tests.render.html import read

pytestmark = pytest.mark.slow

FORM = {
    "attempt_key": "attempt-of-ann",
    "email": "ann@example.com",
    "name": "Ann Example",
    "line1": "1 Main Street",
    "city": "Springfield",
    "country": "US",
}


def browse(url: str, form: dict[str, str] | None = None) -> str:
    """A page, as a browser asks for it, wherever it leads."""
    data = None if form is None else urlencode(form).encode()
    with urlopen(Request(url, data=data, headers={"Accept": "text/html"}), timeout=60) as answer:
        return str(answer.read().decode())


def charges(laptop: Laptop) -> list[Any]:
    return [
        (each["gateway"], each["status"], each["amount"]["amount"], each["refunded"])
        for each in laptop.charges()
    ]


@pytest.mark.spec("W-2", "C-1", "R-1")
def test_a_club_is_paid_with_paypal_month_by_month_and_survives_a_kill(laptop: Laptop) -> None:
    page = browse(f"http://127.0.0.1:{laptop.port}/checkout/garden.club-1", FORM)
    links = (a.attributes.get("href", "") for a in read(page).all("a"))
    (away,) = {link for link in links if "/agreements/approve" in link}
    assert "Thank you" in browse(away, {"buyer": "pays"})
    assert charges(laptop) == [("paypal", "succeeded", 1200, 0)]
    laptop.kill()
    laptop.start()
    laptop.pass_a_month()
    assert charges(laptop) == [("paypal", "succeeded", 1200, 0)] * 2
    laptop.post("/_dev/faults", {"gateway": "timeout_after", "next": 2})
    laptop.post("/_dev/clock", {"advance": "P33D"})
    assert charges(laptop) == [("paypal", "succeeded", 1200, 0)] * 3
    subjects = [mail["subject"] for mail in laptop.mails()]
    # At least once: it may have been sent, and killed before that was noted.
    assert "[TEST] Your purchase: Garden Club" in subjects
    assert subjects.count("[TEST] Receipt: $12.00 for Garden Club") == 2

"""Requests that wait for a person, on a laptop whose clock is moved: by HTTP alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

ANN = "ann@example.com"
LIBRARY = "demo.library-1"


def bought(laptop: Laptop) -> tuple[str, str]:
    """A subscription, and the Order ID of its first payment."""
    status, answer = laptop.buy(LIBRARY, ANN)
    assert status == 201, answer
    (sale,) = laptop.all("/v1/orders?kind=sale")
    return answer["subscription"], sale["id"]


def ask(laptop: Laptop, order: str, wish: str) -> Any:
    return laptop.post(
        "/v1/tickets",
        {
            "department": "billing",
            "email": ANN,
            "subject": f"Please {wish}",
            "text": "Thank you.",
            "order": order,
            "wish": wish,
        },
    )


def to(laptop: Laptop, subscription: str, **before: float) -> datetime:
    """Move the clock to so long before the next invoice; when that is due."""
    due = laptop.get(f"/v1/subscriptions/{subscription}")["next_charge_at"]
    at = datetime.fromisoformat(due)
    laptop.post("/_dev/clock", {"to": (at - timedelta(**before)).isoformat()})
    return at


def charges(laptop: Laptop) -> int:
    return len(laptop.get("/_dev/charges")["data"])


@pytest.mark.spec("H-4")
@pytest.mark.parametrize("decision", ["approve", "decline", "nothing"])
def test_what_falls_due_waits_for_the_decision(laptop: Laptop, decision: str) -> None:
    subscription, order = bought(laptop)
    due = to(laptop, subscription, days=3)
    ticket = ask(laptop, order, "cancel")
    laptop.post("/_dev/clock", {"advance": "P5D"})
    assert charges(laptop) == 1, "held"
    if decision == "nothing":
        laptop.post("/_dev/clock", {"advance": "P3D"})
    else:
        laptop.post(f"/v1/tickets/{ticket['id']}/{decision}", {})
        laptop.post("/_dev/clock", {"advance": "PT10M"})
    found = laptop.get(f"/v1/subscriptions/{subscription}")
    decided = laptop.get(f"/v1/tickets/{ticket['id']}")
    if decision == "decline":
        assert (found["state"], charges(laptop)) == ("active", 2)
        assert decided["state"] == "declined"
    else:
        assert (found["state"], charges(laptop)) == ("cancelled", 1)
        assert datetime.fromisoformat(found["ends_at"]) == due
        assert decided["decided_by"] == ("house" if decision == "nothing" else "key_demo")
    laptop.post("/_dev/clock", {"advance": "P20D"})
    assert charges(laptop) == (2 if decision == "decline" else 1)


@pytest.mark.spec("X-8")
@pytest.mark.parametrize(("days", "charged"), [(11, 1), (9, 2)])
def test_support_is_asked_so_many_days_before_the_invoice(
    laptop: Laptop, days: int, charged: int
) -> None:
    laptop.ask("PATCH", "/v1/settings", {"notice_days": 10})
    subscription, order = bought(laptop)
    due = to(laptop, subscription, days=days)
    ticket = ask(laptop, order, "cancel")
    late = ticket["effect"]["charge_at"]
    assert (late is not None) == (charged == 2), "said before it is approved"
    laptop.post(f"/v1/tickets/{ticket['id']}/approve", {})
    laptop.post("/_dev/clock", {"advance": "P80D"})
    assert charges(laptop) == charged
    found = laptop.get(f"/v1/subscriptions/{subscription}")
    assert found["state"] == "cancelled"
    ends_at = datetime.fromisoformat(found["ends_at"])
    assert (ends_at == due) == (charged == 1)


@pytest.mark.spec("H-3", "B-7")
def test_a_refund_is_made_once_whatever_fails_and_whoever_asks_again(laptop: Laptop) -> None:
    _, order = bought(laptop)
    ticket = ask(laptop, order, "refund")
    laptop.post("/_dev/faults", {"gateway": "timeout_after", "next": 3})
    for _ in range(2):
        assert laptop.ask("POST", f"/v1/tickets/{ticket['id']}/approve", {})[0] == 200
    laptop.post("/_dev/clock", {"advance": "PT2H"})
    (charge,) = laptop.get("/_dev/charges")["data"]
    assert (charge["refunded"], charge["status"]) == (2999, "refunded")
    assert laptop.get(f"/v1/tickets/{ticket['id']}")["carried_out_at"]
    assert len(laptop.all("/v1/orders?kind=refund")) == 1
    subjects = [mail["subject"] for mail in laptop.get("/_dev/mail")["data"]]
    assert sum("Your refund for Pattern Library was approved" in s for s in subjects) == 1

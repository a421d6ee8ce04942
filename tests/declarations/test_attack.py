"""A stranger with a list of customers' addresses gets nowhere (X-10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.declarations.declarations import UNVERIFIED_MOST, DeclarationState, Reason
from billing.kernel.subscription import State
from tests.declarations.hall import DELAYED, Hall
from tests.world import World

CUSTOMERS, DECLARED = 500, 10_000
INSULT = "You fool, pay at evil.example/now"


@pytest.mark.slow
@pytest.mark.spec("X-10")
def test_ten_thousand_declarations_over_five_hundred_customers_do_nothing() -> None:
    hall = Hall(World(limits=False))
    product = hall.world.product(DELAYED)
    emails = [f"customer{n}@example.com" for n in range(CUSTOMERS)]
    for email in emails:
        hall.world.buy(product, email=email)
    hall.world.work()
    hall.world.mailer.sent.clear()
    for n in range(DECLARED):
        answer = hall.declare(
            contact=emails[n % CUSTOMERS],
            name=INSULT,
            contract=INSULT,
            kind="extraordinary",
            reason=INSULT,
        )
        assert answer.status == 200
        if n % 100 == 99:
            hall.world.now += timedelta(seconds=30)
            hall.world.tick()
    hall.world.advance(minutes=10)
    assert len(_held(hall, emails)) <= UNVERIFIED_MOST
    for mail in hall.world.mailer.sent:
        text = mail.as_string()
        assert "fool" not in text and "evil" not in text
    # A week later, with nobody having answered or decided.
    hall.world.advance(days=8)
    held = [hall.world.subscription(email) for email in emails]
    assert {each.state for each in held} == {State.ACTIVE}
    assert all(each.gives_access(hall.world.now) for each in held)
    assert _held(hall, emails) == []
    assert {charge["refunded"] for charge in hall.world.charges()} == {0}
    hall.world.advance(days=25)
    assert len(hall.world.charges()) == 2 * CUSTOMERS
    declared = hall.declarations()
    assert {each.state for each in declared} == {DeclarationState.AGENT}
    assert {each.why for each in declared} == {Reason.TOO_MANY}


def _held(hall: Hall, emails: list[str]) -> list[str]:
    return [email for email in emails if hall.world.subscription(email).held]

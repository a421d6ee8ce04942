"""The helpdesk and the law where customers live: links in its mails, and its sweep (X-10, H-3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.declarations.flows import look
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import Address
from billing.kernel.merchants import SelfService
from billing.kernel.periods import Period
from billing.runtime import wiring
from functions.helpdesk import app
from tests.helpdesk.tickets.asking import ask_to_cancel, buy, newest, set_up
from tests.world import MONTHLY, World

BERLIN = Address("Hauptstr. 1", "Berlin", "DE", postal_code="10115")


class Context:
    """A function's invocation with time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@pytest.fixture
def world() -> Iterator[World]:
    world = World(now=datetime(2026, 7, 1, 15, tzinfo=UTC))
    set_up(world, self_cancel=SelfService.MANUAL)
    wiring.install(world.ports)
    yield world
    wiring.install(None)


@pytest.mark.spec("X-10", "H-3")
def test_a_mail_about_a_request_leads_to_where_the_law_lets_its_sender_end_it(world: World) -> None:
    """They have an agreed number of payments: others end theirs by themselves there."""
    twice = PriceTerms(PriceType.INSTALLMENT, MONTHLY.price, Period.MONTHLY, installments=2)
    buy(world, twice, address=BERLIN)
    ask_to_cancel(world)
    world.work()
    (mail,) = [m for m in world.mailer.sent if "request to cancel" in m["Subject"]]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Verträge hier kündigen" in text and "/cancel/acme?country=DE" in text
    assert "Vertrag widerrufen" in text and "/withdraw/acme?country=DE" in text


@pytest.mark.spec("H-4", "X-10")
def test_tickets_are_decided_even_where_the_sweep_of_declarations_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(world)
    ask_to_cancel(world)
    world.now += timedelta(days=8)

    def broken(*args: Any, **named: Any) -> Counter[str]:
        raise RuntimeError("broken")

    monkeypatch.setattr(look, "sweep", broken)
    with pytest.raises(RuntimeError, match="broken"):
        app.sweep({"time": world.now.isoformat()}, Context())
    assert newest(world).state != "open", "its last day has come"
    assert world.subscription().held_for is None

"""A form of a card that is sent twice, while another form adds the same card (B-9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.cards.flows import cards
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.kernel.gateways import AccountRef
from tests.world import World

ACME = AccountRef("acme", "sandbox", "sandbox")


@pytest.mark.spec("B-9")
@pytest.mark.parametrize("saved_first", [True, False], ids=["saved first", "let go first"])
def test_what_one_of_two_equal_forms_saves_the_other_does_not_let_go(
    monkeypatch: pytest.MonkeyPatch, *, saved_first: bool
) -> None:
    """Each has looked at the wallet at another time: before and after the card was in it."""
    world = World()
    world.buy()
    customer = world.history().customer
    assert customer is not None
    forgotten: list[str] = []
    real_forget, real_add = SandboxGateway.forget, cards._add

    def forget(self: SandboxGateway, method: str) -> None:
        forgotten.append(method)
        real_forget(self, method)

    def add(key: str) -> None:
        world.now += timedelta(seconds=1)
        cards.add(
            *(world.ports, "acme", customer.id),
            account=ACME,
            token="pm_card_mastercard",
            attempt_key=key,
            now=world.now,
        )

    def late(*args: Any, **more: Any) -> None:
        """The first form is about to save its card, when another one and its twin come."""
        monkeypatch.setattr(cards, "_add", real_add)
        if saved_first:
            real_add(*args, **more)
        add("another")
        add("form")
        if not saved_first:
            real_add(*args, **more)

    monkeypatch.setattr(SandboxGateway, "forget", forget)
    monkeypatch.setattr(cards, "_add", late)
    add("form")
    kept = {method.id for method in world.history().methods}
    assert not kept & set(forgotten)
    assert world.subscription().payment_method in kept

"""Outcomes that many workers note at one endpoint at once (M-5)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.kernel.errors import Conflict
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.webhooks.deliveries import DELAYS, DeliveryState
from billing.webhooks.endpoints import WebhookEndpoint
from tests.webhooks.hooks import Hooks

pytestmark = pytest.mark.spec("M-5")


def test_what_is_given_up_while_others_write_is_sent_after_the_next_success(hooks: Hooks) -> None:
    hooks.answers(500)
    hooks.buy()
    (failing,) = hooks.deliveries()
    last = replace(failing, slot=len(DELAYS), due_at=hooks.world.now)
    hooks.world.store.commit(Change(failing, last))
    commit = hooks.world.store.commit

    def busy(*writes: Any) -> None:
        """Other workers note theirs at the endpoint between each reading of it and its write."""
        if any(
            isinstance(each, Change) and isinstance(each.before, WebhookEndpoint) for each in writes
        ):
            raise Conflict
        commit(*writes)

    hooks.world.store.commit = busy  # type: ignore[method-assign]
    hooks.world.tick()
    hooks.world.store.commit = commit  # type: ignore[method-assign]
    hooks.answers(200)
    hooks.buy(email="ben@example.com")
    hooks.wait(hours=1)
    assert hooks.states() == {DeliveryState.DELIVERED}

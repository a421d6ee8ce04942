"""A world whose portal hands every cancellation and every refund to a person."""

from __future__ import annotations

import pytest

from billing.kernel.merchants import SelfService
from billing.kernel.values import replace
from tests.world import World


@pytest.fixture
def world() -> World:
    world = World()
    settings = replace(
        world.merchant.settings, self_cancel=SelfService.MANUAL, self_refund=SelfService.MANUAL
    )
    world.change_merchant(settings=settings)
    return world

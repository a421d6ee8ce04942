"""A world whose merchant has an endpoint."""

from __future__ import annotations

import pytest

from tests.webhooks.hooks import Hooks


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()

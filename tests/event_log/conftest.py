"""A shop whose events are logged."""

from __future__ import annotations

import pytest

from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()

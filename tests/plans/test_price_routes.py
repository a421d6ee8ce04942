"""Announced prices over /v1: one subscription, all at a price point, taken back (X-12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.test_sales import api as api  # a client with a key
from tests.world import World


@pytest.mark.spec("X-12")
def test_placeholder() -> None:
    assert World and timedelta

"""The platform, before anybody has signed up."""

from __future__ import annotations

import pytest

from tests.accounts.platform import (
    Platform,
)


@pytest.fixture
def world() -> Platform:
    return Platform()

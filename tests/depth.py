"""Depth of the fast lane: how many examples and times a test tries there, and in the slow lane.

A property test is in both lanes: with a fifth of its examples in the fast one, and with all of them
where PERENNIAL_TEST_DEEP is set. Of values tried one by one, the fast lane has those named here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

DEEP = "PERENNIAL_TEST_DEEP" in os.environ


def examples(deep: int) -> int:
    """Returns how many examples to try of the `deep` that the slow lane tries."""
    return deep if DEEP else max(5, deep // 5)


def sample(values: Iterable[Any], fast: Iterable[Any]) -> list[Any]:
    """Returns the values as parameters of a test; all but the `fast` are in the slow lane."""
    kept = set(fast)
    return [v if v in kept else pytest.param(v, marks=pytest.mark.slow) for v in values]

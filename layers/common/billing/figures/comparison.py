"""Compares stored sums of figures with those that orders and movements give (M-10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from billing.figures.sums import AMOUNTS, FigureSums, added
from billing.kernel.values import Value, replace

MENDED_SHARD = 0
"""The shard of the rows that a difference is added to."""


class Difference(Value):
    """A row whose stored sums are wrong, and what is to be added to them."""

    row: FigureSums
    amounts: dict[str, int]


class FiguresDiffer(Exception):
    """Stored figures are not those that orders and movements give; `code` names it in lists."""

    code = "figures_differ"


def differences(
    expected: Iterable[tuple[FigureSums, Mapping[str, int]]], stored: Iterable[FigureSums]
) -> list[Difference]:
    """Returns what stored sums of all shards lack, or have too much, against the expected ones."""
    parts = [(_of_one_shard(row), dict(amounts)) for row, amounts in expected]
    for row in stored:
        less = {name: -getattr(row, name) for name in AMOUNTS}
        parts.append((_of_one_shard(row), less))
    wrong = []
    for row, amounts in added(parts).values():
        missing = {name: amount for name, amount in amounts.items() if amount}
        if missing:
            wrong.append(Difference(row, missing))
    return wrong


def _of_one_shard(row: FigureSums) -> FigureSums:
    empty: dict[str, Any] = dict.fromkeys(AMOUNTS, 0)
    return replace(row, shard=MENDED_SHARD, seen=(), **empty)

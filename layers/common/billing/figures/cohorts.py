"""Sums that follow customers and cases from the month in which they began (M-10).

A row is of the month in which something happened and of the month of its beginning. So what
happens later moves no row of an earlier month, and each row is the sum of its month's movements.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from billing.figures import sums
from billing.figures.cases import Cohort
from billing.figures.movement_kinds import OF_OFFERS, RETAINED, MovementKind
from billing.figures.movements import Movement
from billing.figures.sums import FigureSums, month_of
from billing.kernel.values import replace

Part = tuple[FigureSums, dict[str, int]]


class Series(StrEnum):
    """The series of rows that follow something."""

    RETENTION = "RETENTION"
    TRIALS = "TRIALS"
    RECOVERY = "RECOVERY"
    REASONS = "REASONS"
    OFFERS = "OFFERS"


SERIES_OF: Mapping[MovementKind, Series] = {
    **dict.fromkeys(RETAINED, Series.RETENTION),
    MovementKind.TRIAL_BEGUN: Series.TRIALS,
    MovementKind.TRIAL_ENDED: Series.TRIALS,
    MovementKind.TRIAL_PAID: Series.TRIALS,
    MovementKind.FAILURE_BEGUN: Series.RECOVERY,
    MovementKind.FAILURE_PAID: Series.RECOVERY,
    MovementKind.FAILURE_CANCELLED: Series.RECOVERY,
    MovementKind.FAILURE_LOST: Series.RECOVERY,
    MovementKind.CANCEL_ASKED: Series.REASONS,
    MovementKind.CANCEL_UNDONE: Series.REASONS,
    MovementKind.CANCELLED: Series.REASONS,
    **dict.fromkeys(OF_OFFERS, Series.OFFERS),
}
"""The series that a kind of movement belongs to."""


def rows_of(movement: Movement, shard: int) -> list[Part]:
    """Returns all rows that a movement belongs to, with nothing in them, and what it adds."""
    return [*sums.of_movement(movement, shard), *of_series(movement, shard)]


def of_series(movement: Movement, shard: int) -> list[Part]:
    """Returns the rows of its series, of all and of its product and country, if it is in one."""
    series, cohort = SERIES_OF.get(movement.kind), movement.cohort
    if series is None or cohort is None:
        return []
    amounts = _amounts(movement, series, cohort)
    if not amounts:
        return []
    by_month = series is not Series.REASONS
    row = FigureSums(
        movement.merchant,
        month_of(movement.day),
        cohort.currency,
        shard,
        movement.test,
        series=series.value,
        cohort=cohort.month if by_month else "",
        label="" if series is Series.RETENTION else _label(movement),
    )
    return [(row, amounts), (replace(row, product=cohort.product, country=cohort.country), amounts)]


def _amounts(movement: Movement, series: Series, cohort: Cohort) -> dict[str, int]:
    if series is not Series.RETENTION:
        return {"cases": 1, "cases_minor": movement.minor}
    step = {}
    if movement.step is not None:
        step = {f"customers_{movement.step.value}": movement.customers}
    same = movement.currency is cohort.currency
    return {**({movement.kind.value: movement.minor} if same else {}), **step}


def _label(movement: Movement) -> str:
    return f"{movement.kind.value}:{movement.label}" if movement.label else movement.kind.value

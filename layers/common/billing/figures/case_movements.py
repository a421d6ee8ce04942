"""The movements that steps of cases are stored as (M-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from billing.figures.cases import CaseStep
from billing.figures.movements import CustomerFigures, Movement, cohort_of


def of_cases(
    figures: CustomerFigures, steps: Sequence[CaseStep], *, day: date, at: datetime, cause: str
) -> tuple[Movement, ...]:
    """Returns the movements that steps of cases are; `cause` names their change once for all."""
    return tuple(
        Movement(
            figures.merchant,
            each.day or day,
            f"{cause}.c{number}",
            each.kind,
            at,
            figures.customer,
            each.case.subscription,
            each.case.product,
            each.case.country,
            each.case.currency,
            each.minor,
            test=each.case.test,
            cohort=cohort_of(each.case.began, each.case),
            label=each.label,
        )
        for number, each in enumerate(steps)
    )

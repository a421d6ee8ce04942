"""Since when a customer is live, and the steps by which they come and go (M-10)."""

from __future__ import annotations

from datetime import date

from billing.figures.cases import Cohort
from billing.figures.movement_kinds import CustomerStep
from billing.kernel.values import Value


class LiveSpan(Value):
    """Since when customers of one kind (test or not) are live, and their month's start.

    `ended_month` is the last month in which somebody who was live at its start ended. `cohort` is
    that of the first payment, None for who made it before cohorts were kept. `came` is the step
    that an import made them live with, None for who came otherwise.
    """

    since: date | None = None
    was_customer: bool = False
    ended_month: date | None = None
    cohort: Cohort | None = None
    came: CustomerStep | None = None


def step_of(
    was_live: bool, is_live: bool, span: LiveSpan, *, imported: bool
) -> CustomerStep | None:
    """Returns the step that a customer takes who was live or not, and is or is not."""
    if was_live == is_live:
        return None
    if was_live:
        return CustomerStep.ENDED
    if span.was_customer:
        return CustomerStep.RETURNED
    return CustomerStep.IMPORTED if imported else CustomerStep.NEW


def after(
    span: LiveSpan,
    step: CustomerStep | None,
    day: date,
    *,
    ended_month: date | None,
    imported: bool,
) -> LiveSpan:
    """Returns a span after a step on a day."""
    if step is None:
        return span
    if step is CustomerStep.ENDED:
        return LiveSpan(None, True, ended_month, span.cohort)
    came = step if imported else None
    return LiveSpan(day, True, span.ended_month, span.cohort, came)


def before_import(span: LiveSpan) -> LiveSpan:
    """Returns a span as it was before the import that made its customer live."""
    returned = span.came is CustomerStep.RETURNED
    return LiveSpan(None, returned, span.ended_month, span.cohort if returned else None)

"""Trials, failed payments and cancellations, each followed from its beginning to its end (M-10).

What a subscription is now is compared with the cases that are open; each step of a case is a
movement, and counts in the month in which its case began.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum

from billing.figures.monthly import Standing
from billing.figures.movement_kinds import MovementKind
from billing.kernel.money import Currency
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import Value, replace

A_DAY = timedelta(days=1)
LABEL_MOST = 40
NOT_GIVEN = "none"
"""The label of a reason, or of a decline code, that is not known."""


class CaseKind(StrEnum):
    """The kinds of case."""

    TRIAL = "trial"
    FAILURE = "failure"
    CANCELLATION = "cancellation"


class Cohort(Value):
    """The month, as 2026-01, in which a customer or a case began, and what they began with."""

    month: str
    product: str
    country: str
    currency: Currency


class Case(Value):
    """One open case of a subscription, with the product and country that it began with.

    `began` is its local day, `since` the instant. `minor` is, in minor units before tax, a failed
    payment, or the recurring revenue of a trial or of what is to end. `label` is the decline code,
    or reason and source. `period` is that of a failed payment; `over` marks a trial that has ended
    unpaid, and a failed payment whose retries are used up, `question` a payment that the bank asked
    its buyer about: it has not been declined yet.
    """

    subscription: str
    kind: CaseKind
    began: date
    since: datetime
    product: str
    country: str
    currency: Currency
    minor: int = 0
    label: str = ""
    period: int = 0
    over: bool = False
    test: bool = False
    question: bool = False


class Declined(Value):
    """The declines of one period's payment: the first one, its amount before tax, and how many."""

    period: int
    at: datetime
    day: date
    minor: int
    code: str
    count: int


class Evidence(Value):
    """The testimony of a subscription's orders: which payments failed, and why it ended.

    `asked` tells whether its end had been asked for before. Empty texts are not known.
    """

    declined: tuple[Declined, ...] = ()
    reason: str = ""
    source: str = ""
    asked: bool = False

    def of(self, period: int) -> Declined | None:
        """Returns the declines of a period's payment, if there were any."""
        return next((each for each in self.declined if each.period == period), None)


class CaseStep(Value):
    """A step of a case; `minor` and `label` are those that it counts with.

    `day` is its local day where that is not the day on which it was written.
    """

    kind: MovementKind
    case: Case
    minor: int
    label: str = ""
    day: date | None = None


class Seen(Value):
    """A change of a subscription: as it is now, what it added before and adds now, and when.

    `started` is the local day of its beginning, `asked` that of the request to end it, if it is
    pending. `counted` is False for what began before cases were followed.
    """

    subscription: Subscription
    before: Standing | None
    standing: Standing
    day: date
    at: datetime
    started: date
    asked: date | None
    counted: bool
    evidence: Evidence = Evidence()


def needs_evidence(cases: Iterable[Case], subscription: Subscription) -> bool:
    """Tests whether a change is to be explained by orders."""
    failure = _of(cases, subscription.id, CaseKind.FAILURE)
    if subscription.state is State.CANCELLED:
        return True
    if failure is not None:
        return failure.question or subscription.period > failure.period
    return subscription.state is State.PAST_DUE


def follow(cases: tuple[Case, ...], seen: Seen) -> tuple[tuple[Case, ...], list[CaseStep]]:
    """Returns the open cases of a customer after a change, and the steps that it makes."""
    name = seen.subscription.id
    kept = [case for case in cases if case.subscription != name]
    steps: list[CaseStep] = []
    for kind, look in _LOOKS.items():
        case, found = look(_of(cases, name, kind), seen)
        steps += found
        kept += [] if case is None else [case]
    return tuple(kept), steps


def _of(cases: Iterable[Case], subscription: str, kind: CaseKind) -> Case | None:
    return next((c for c in cases if c.subscription == subscription and c.kind is kind), None)


def _new(seen: Seen, kind: CaseKind, minor: int) -> Case:
    found = seen.standing
    return Case(
        found.subscription,
        kind,
        seen.day,
        seen.at,
        found.product,
        found.country,
        found.currency,
        minor=minor,
        test=found.test,
    )


def _step(kind: MovementKind, case: Case) -> CaseStep:
    return CaseStep(kind, case, case.minor, case.label)


def _beginning(kind: MovementKind, case: Case) -> CaseStep:
    """Returns the step that begins a case, on the day on which it began."""
    return CaseStep(kind, case, case.minor, case.label, case.began)


def _look_at_trial(case: Case | None, seen: Seen) -> tuple[Case | None, list[CaseStep]]:
    """Follows a trial until its first standard payment, or its subscription's end."""
    found, runs = seen.subscription, _is_on_trial(seen.subscription)
    if case is None:
        if not runs or not seen.counted or seen.before is not None:
            return None, []
        case = replace(_new(seen, CaseKind.TRIAL, seen.standing.trial_minor), began=seen.started)
        return case, [_step(MovementKind.TRIAL_BEGUN, case)]
    steps = []
    if not runs and not case.over:
        steps.append(_step(MovementKind.TRIAL_ENDED, case))
        case = replace(case, over=True)
    if found.payments_made:
        return None, [*steps, _step(MovementKind.TRIAL_PAID, case)]
    return case if found.is_live else None, steps


def _is_on_trial(found: Subscription) -> bool:
    state: State | None = found.state
    if state is State.CANCEL_PENDING:
        state = found.resumes_as
    if state is State.PAUSED:
        state = found.paused_from
    return state is State.TRIALING


def _look_at_failure(case: Case | None, seen: Seen) -> tuple[Case | None, list[CaseStep]]:
    """Follows the payment of a period that was declined, until its retries are over."""
    found, steps = seen.subscription, list[CaseStep]()
    if case is not None and case.question:
        case = _answered(case, seen)
        steps += [] if case.question else [_beginning(MovementKind.FAILURE_BEGUN, case)]
    if case is not None and found.period > case.period:
        if not case.over and not case.question:
            steps.append(_after_its_period(case, seen))
        case = None
    if case is None and (case := _failure(seen)) is not None and not case.question:
        steps.append(_beginning(MovementKind.FAILURE_BEGUN, case))
    if case is None:
        return None, steps
    if (end := _end_of_failure(found)) is not None and not case.over:
        if case.question:
            return None, steps
        steps.append(_step(end, case))
        case = replace(case, over=True)
    return case if found.is_live else None, steps


def _failure(seen: Seen) -> Case | None:
    """Returns the failed payment that begins: with a decline, or as a question of the bank."""
    found, told = seen.subscription, seen.evidence.of(seen.subscription.period)
    ends = found.state is State.CANCELLED and seen.before is not None
    if not seen.counted or (found.state is not State.PAST_DUE and not ends):
        return None
    began = replace(_new(seen, CaseKind.FAILURE, 0), period=found.period, question=True)
    return began if told is None else _declined(began, told)


def _answered(case: Case, seen: Seen) -> Case:
    """Returns a bank's question as a failed payment, if it was declined meanwhile."""
    told = seen.evidence.of(case.period)
    return case if told is None else _declined(case, told)


def _declined(case: Case, told: Declined) -> Case:
    return replace(
        case,
        began=told.day,
        since=told.at,
        minor=told.minor,
        label=label_of(told.code),
        question=False,
    )


def _after_its_period(case: Case, seen: Seen) -> CaseStep:
    """Returns the step of a period that is over: it was paid, or the merchant skipped it."""
    charged, told = seen.subscription.last_charged_on, seen.evidence.of(case.period)
    if charged is None or charged < case.began - A_DAY:
        return _step(MovementKind.FAILURE_LOST, case)
    attempt = 1 + (1 if told is None else told.count)
    return CaseStep(MovementKind.FAILURE_PAID, case, case.minor, f"{case.label}:{attempt}")


def _end_of_failure(found: Subscription) -> MovementKind | None:
    """Returns the step with which a failed payment ends unpaid; None while it may be paid."""
    if not found.is_live:
        asked = found.ended_by in {Source.CUSTOMER, Source.MERCHANT}
        return MovementKind.FAILURE_CANCELLED if asked else MovementKind.FAILURE_LOST
    state = found.resumes_as if found.state is State.CANCEL_PENDING else found.state
    waits = state in {State.PAST_DUE, State.PAUSED} and not found.is_unpaid
    return None if waits else MovementKind.FAILURE_LOST


def _look_at_cancellation(case: Case | None, seen: Seen) -> tuple[Case | None, list[CaseStep]]:
    """Follows an end that was asked for, and counts each end with its reason."""
    found, before = seen.subscription, seen.before
    if found.state is State.CANCEL_PENDING:
        if case is not None or not seen.counted or found.cancelling is None:
            return case, []
        value = seen.standing.minor or seen.standing.paused_minor
        asked = found.cancelling
        label = f"{label_of(asked.reason)}:{asked.source.value}"
        case = _new(seen, CaseKind.CANCELLATION, value)
        case = replace(case, label=label, began=seen.asked or seen.day)
        return case, [_beginning(MovementKind.CANCEL_ASKED, case)]
    if found.state is not State.CANCELLED or before is None or not seen.counted:
        undone = case is not None and found.is_live
        return None, [_step(MovementKind.CANCEL_UNDONE, case)] if undone and case else []
    told = seen.evidence
    source = told.source or (found.ended_by.value if found.ended_by else NOT_GIVEN)
    how = "period_end" if case is not None or told.asked else "now"
    value = before.minor or before.paused_minor
    ended = _new(replace(seen, standing=before), CaseKind.CANCELLATION, value)
    label = f"{label_of(told.reason)}:{source}:{how}"
    return None, [CaseStep(MovementKind.CANCELLED, ended, value, label)]


def label_of(text: str | None) -> str:
    """Returns a code or reason as a part of a label: small letters, digits and lines below."""
    plain = "".join(each for each in (text or "").lower() if each.isalnum() or each == "_")
    return plain.encode("ascii", "ignore").decode()[:LABEL_MOST] or NOT_GIVEN


_LOOKS = {
    CaseKind.TRIAL: _look_at_trial,
    CaseKind.FAILURE: _look_at_failure,
    CaseKind.CANCELLATION: _look_at_cancellation,
}

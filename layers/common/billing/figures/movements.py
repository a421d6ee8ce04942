"""The movements of recurring revenue and of customers that one change of a subscription makes.

The sum of a period's movements is the difference of its end and its start, exactly (M-10).
"""

from __future__ import annotations

from datetime import date, datetime

from billing.figures import live_spans
from billing.figures.cases import Case, Cohort
from billing.figures.live_spans import LiveSpan
from billing.figures.monthly import Standing
from billing.figures.movement_kinds import OF_MRR, RETAINED, CustomerStep, MovementKind
from billing.figures.offers import MadeOffer
from billing.kernel.money import Currency
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity


class Movement(Entity):
    """One movement of one subscription, on the local day on which it happened; never changed.

    `minor` is signed, minor units a month before tax. `of_start` marks movements of customers who
    were live when the month began, `first_end` those whose end is the first of the month. `cohort`
    is that of the customer's first payment, and for the step of a case that of the case; None for
    who began before cohorts were kept. `label` says more of a case: a decline code, a reason.
    """

    merchant: str
    day: date
    id: str
    kind: MovementKind
    at: datetime
    customer: str
    subscription: str
    product: str
    country: str
    currency: Currency
    minor: int
    test: bool = False
    step: CustomerStep | None = None
    of_start: bool = False
    first_end: bool = False
    cohort: Cohort | None = None
    label: str = ""

    @property
    def customers(self) -> int:
        """Returns how many customers take its step: -1 where an import that began with it is taken
        back."""
        if self.step is None:
            return 0
        is_back = self.kind is MovementKind.IMPORTED and self.minor < 0
        return -1 if is_back and self.step is not CustomerStep.ENDED else 1


class CustomerFigures(Entity):
    """The standings of one customer's subscriptions, as far as the stream was read.

    `sequence` is the number of the last record of the stream that it has seen. `cases` are the
    trials, failed payments and cancellations that are followed, `offers` the save offers that were
    taken not long ago.
    """

    merchant: str
    customer: str
    standings: tuple[Standing, ...] = ()
    live: LiveSpan = LiveSpan()
    test: LiveSpan = LiveSpan()
    sequence: str = ""
    cases: tuple[Case, ...] = ()
    offers: tuple[MadeOffer, ...] = ()

    def standing(self, subscription: str) -> Standing | None:
        """Returns what a subscription adds, or None if it was not seen yet or has ended."""
        return next((s for s in self.standings if s.subscription == subscription), None)

    def is_live(self, *, test: bool) -> bool:
        """Tests whether the customer has a subscription with recurring revenue, or a paused one."""
        return any(s.is_live for s in self.standings if s.test is test)

    def span(self, *, test: bool) -> LiveSpan:
        return self.test if test else self.live

    def with_standing(self, standing: Standing, *, ended: bool) -> CustomerFigures:
        """Returns it with what one subscription adds now; one that ended is left out."""
        others = tuple(s for s in self.standings if s.subscription != standing.subscription)
        return replace(self, standings=others if ended else (*others, standing))


class Step(Value):
    """A part of a change, before it has a customer and a day."""

    kind: MovementKind
    standing: Standing
    minor: int


def _subscription_steps(
    before: Standing | None,
    after: Standing,
    *,
    others_live: bool,
    was_customer: bool,
    imported: bool,
    taken_back: bool = False,
) -> list[Step]:
    """Returns the movements of recurring revenue that a subscription's change makes, in order."""
    had, paused = (before.minor, before.paused_minor) if before else (0, 0)
    assert not (had and paused), "what is paused has no recurring revenue"
    gain = _gain(others_live, was_customer, imported)
    if after.paused_minor:
        if had:
            assert before is not None, "it had recurring revenue"
            return [Step(MovementKind.PAUSED, before, -had)]
        known = paused > 0
        minor = after.paused_minor
        both = [Step(gain, after, minor), Step(MovementKind.PAUSED, after, -minor)]
        return [] if known else both
    steps: list[Step] = []
    was = before
    if before is not None and paused:
        was = replace(after, minor=paused, currency=before.currency, product=before.product)
        steps.append(Step(MovementKind.RESUMED, was, paused))
        had = paused
    if was is not None and had and was.currency is not after.currency:
        steps.append(Step(MovementKind.CONTRACTION, was, -had))
        return [*steps, Step(MovementKind.EXPANSION, after, after.minor)] if after.minor else steps
    if was is not None and had and after.minor and was.product != after.product:
        steps.append(Step(MovementKind.MOVED, was, -had))
        steps.append(Step(MovementKind.MOVED, after, had))
    if had == after.minor:
        return steps
    if not had:
        return [*steps, Step(gain, after, after.minor)]
    if not after.minor:
        kind = MovementKind.CONTRACTION if others_live else MovementKind.CHURN
        kind = MovementKind.IMPORTED if taken_back else kind
        assert was is not None, "it had recurring revenue"
        return [*steps, Step(kind, was, -had)]
    kind = MovementKind.EXPANSION if after.minor > had else MovementKind.CONTRACTION
    return [*steps, Step(kind, after, after.minor - had)]


def _gain(others_live: bool, was_customer: bool, imported: bool) -> MovementKind:
    """Returns the kind of recurring revenue that begins."""
    if imported:
        return MovementKind.IMPORTED
    if others_live:
        return MovementKind.EXPANSION
    return MovementKind.REACTIVATION if was_customer else MovementKind.NEW


def changed(
    figures: CustomerFigures,
    standing: Standing,
    *,
    ended: bool,
    day: date,
    at: datetime,
    cause: str,
    imported: bool = False,
    in_cohort: bool = True,
    taken_back: bool = False,
) -> tuple[CustomerFigures, tuple[Movement, ...]]:
    """Returns a customer's figures with what one subscription adds now, and the movements of it.

    `day` is local, `cause` names the change once for all. What begins and was sold elsewhere is
    `imported`; `taken_back`, its source has it again. `in_cohort` counts whoever begins with it.
    """
    before, test = figures.standing(standing.subscription), standing.test
    span, live = figures.span(test=test), figures.is_live(test=test)
    if ended and span.since is not None:
        # Granted as of when it was asked for, though a first payment came after that.
        day = max(day, span.since)
    others = any(
        s.is_live
        for s in figures.standings
        if s.test is test and s.subscription != standing.subscription
    )
    steps = _subscription_steps(
        *(before, standing),
        others_live=others,
        was_customer=span.was_customer,
        imported=imported,
        taken_back=taken_back,
    )
    steps += _beside(before, standing)
    after = figures.with_standing(standing, ended=ended)
    lives = after.is_live(test=test)
    month = day.replace(day=1)
    of_start = span.ended_month == month or (span.since is not None and span.since < month)
    step = live_spans.step_of(live, lives, span, imported=imported)
    if taken_back and step is CustomerStep.ENDED and span.came is not None:
        # They never left: what they came with has not been.
        step, cohort, first_end = span.came, span.cohort, False
        span, first = live_spans.before_import(span), False
    else:
        first_end = step is CustomerStep.ENDED and of_start and span.ended_month != month
        first = in_cohort and step in {CustomerStep.NEW, CustomerStep.IMPORTED}
        span = live_spans.after(
            span,
            step,
            day,
            ended_month=month if first_end else span.ended_month,
            imported=imported,
        )
        cohort = span.cohort
    bearer = _bearer(steps, step)
    if first and bearer is not None:
        cohort = cohort_of(day, steps[bearer].standing)
        span = replace(span, cohort=cohort)
    movements = tuple(
        Movement(
            figures.merchant,
            day,
            f"{cause}.{number}",
            each.kind,
            at,
            figures.customer,
            standing.subscription,
            each.standing.product,
            each.standing.country,
            each.standing.currency,
            each.minor,
            test=test,
            step=step if number == bearer else None,
            of_start=of_start,
            first_end=first_end and number == bearer,
            cohort=cohort if each.kind in RETAINED else None,
        )
        for number, each in enumerate(steps)
    )
    return (replace(after, test=span) if test else replace(after, live=span)), movements


def cohort_of(day: date, began: Standing | Case) -> Cohort:
    """Returns the cohort of what begins on a day."""
    return Cohort(f"{day:%Y-%m}", began.product, began.country, began.currency)


def _beside(before: Standing | None, after: Standing) -> list[Step]:
    """Returns the movements of what is shown beside recurring revenue: trials, and ends to come."""
    steps = []
    for kind, name in (
        (MovementKind.TRIAL, "trial_minor"),
        (MovementKind.PENDING, "pending_minor"),
    ):
        had: int = getattr(before, name) if before else 0
        has: int = getattr(after, name)
        if before is not None and _place(before) != _place(after):
            steps += [Step(kind, before, -had)] if had else []
            steps += [Step(kind, after, has)] if has else []
        elif had != has:
            steps.append(Step(kind, after, has - had))
    return steps


def _place(standing: Standing) -> tuple[str, Currency]:
    return standing.product, standing.currency


def _bearer(steps: list[Step], step: CustomerStep | None) -> int | None:
    """Returns the number of the movement that carries what becomes of the customer."""
    if step is None:
        return None
    of_mrr = [number for number, each in enumerate(steps) if each.kind in OF_MRR]
    assert of_mrr, "a customer begins or ends with a movement of recurring revenue"
    return of_mrr[-1]

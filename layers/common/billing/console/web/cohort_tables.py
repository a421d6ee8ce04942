"""The tables of cohorts, trials, recovery and cancellation reasons, as their pages show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import quote

from billing.console.web import figure_tables as t
from billing.console.web import offer_tables
from billing.console.web.figure_form import HERE
from billing.console.web.figure_tables import Around, Cell, Table, Tile, words
from billing.figures import cohort_tables as figures
from billing.figures.cohort_tables import Reason, Recovery, Retention, Trials
from billing.figures.cohorts import Series
from billing.figures.periods import months_between
from billing.figures.sums import FigureSums
from billing.kernel.values import Value
from billing.render import wording
from billing.render.messages import MERCHANTS_LANGUAGE, has, text

MONTHS_LATER = 12
"""The months after the first payment that have a column."""

TILES_AFTER = (1, 3, 6, 12)


class Shown(Value):
    """The content of a page: tiles, a chart's bars and its words, tables."""

    tiles: tuple[Tile, ...]
    bars: Sequence[tuple[str, int]]
    chart_words: str
    tables: tuple[Table, ...]


def _rows_url(name: str, around: Around, first: str, last: str, **which: str) -> str:
    asked = "".join(f"&{key}={quote(value)}" for key, value in which.items())
    return f"{HERE}/{name}/rows?{around.kept}from={first}&to={last}{asked}"


def cohorts(rows: Sequence[FigureSums], around: Around) -> Shown:
    """Returns the cohorts of first payments, by customers and by revenue."""
    now = figures.retention(rows, around.months, around.last)
    before = figures.retention(rows, around.before, around.last)
    wide = min(MONTHS_LATER + 1, max((len(each.live) for each in now), default=1))
    people = [figures.kept(now, each, of_revenue=False) for each in range(wide)]
    return Shown(
        tuple(
            Tile(
                words("cohorts.after", count=each),
                t.percent(figures.kept(now, each, of_revenue=False)),
                t.percent(figures.kept(before, each, of_revenue=False)),
            )
            for each in TILES_AFTER
        ),
        t.bars((str(number), each) for number, each in enumerate(people)),
        words("cohorts.chart", name=words("cohorts.of_customers")),
        (
            _retention(now, around, wide, of_revenue=False),
            _retention(now, around, wide, of_revenue=True),
        ),
    )


def _retention(found: Sequence[Retention], around: Around, wide: int, *, of_revenue: bool) -> Table:
    def row(each: Retention) -> tuple[Cell, ...]:
        months = months_between(each.month, around.last)
        size = t.money(each.minor, around.currency) if of_revenue else t.count(each.customers)
        shares = (
            t.share(
                each.share(after, of_revenue=of_revenue),
                _rows_url("cohorts", around, months[after], months[after], cohort=each.month)
                if after < len(months)
                else None,
            )
            for after in range(wide)
        )
        return t.month(each.month), size, *shares

    name = "of_revenue" if of_revenue else "of_customers"
    size = words("cohorts.revenue" if of_revenue else "cohorts.size")
    head = (words("cohorts.cohort"), size, *(str(each) for each in range(wide)))
    return Table(name, words(f"cohorts.{name}"), head, tuple(map(row, reversed(found))))


def trials(rows: Sequence[FigureSums], around: Around) -> Shown:
    """Returns trials by the month of their start."""
    now, before = figures.trials(rows, around.months), figures.trials(rows, around.before)
    total, was = figures.all_trials(now), figures.all_trials(before)

    def row(each: Trials, named: Cell) -> tuple[Cell, ...]:
        url = each.month and _rows_url("trials", around, each.month, around.last, cohort=each.month)
        return (
            named,
            t.count(each.begun, url or None),
            t.count(each.running),
            t.count(each.ended),
            t.count(each.paid),
            t.share(each.conversion),
        )

    head = tuple(
        words(f"trials.{each}") for each in ("month", "begun", "running", "ended", "paid", "share")
    )
    table = Table(
        "months",
        words("trials.title"),
        head,
        (
            *(row(each, t.month(each.month)) for each in reversed(now)),
            row(total, t.named(words("cases.total"))),
        ),
    )
    return Shown(
        (
            Tile(words("trials.share"), t.percent(total.conversion), t.percent(was.conversion)),
            Tile(words("trials.ended"), str(total.ended), str(was.ended)),
            Tile(words("trials.paid"), str(total.paid), str(was.paid)),
        ),
        t.bars((each.month, each.conversion) for each in now),
        words("chart", name=words("trials.share")),
        (table,),
    )


def recovery(rows: Sequence[FigureSums], around: Around) -> Shown:
    """Returns failed payments by month, by decline code, and by the attempt that succeeded."""
    now, before = figures.recovery(rows, around.months), figures.recovery(rows, around.before)
    total, was = figures.all_recovery(now), figures.all_recovery(before)
    by_code = figures.recovery_by_code(rows, around.months)
    first = around.months[0] if around.months else around.last

    def rows_of(each: Recovery) -> str:
        return _rows_url("recovery", around, each.name, around.last, cohort=each.name)

    def with_code(each: Recovery) -> str:
        return _rows_url("recovery", around, first, around.last, label=each.name)

    months = [_recovery(e, t.month(e.name), around, rows_of(e)) for e in reversed(now)]
    codes = [_recovery(e, t.named(_code(e.name), e.name), around, with_code(e)) for e in by_code]
    sum_of_all = _recovery(total, t.named(words("cases.total")), around, None)
    attempts = figures.paid_by_attempt(rows, around.months)
    columns = ("begun", "paid", "cancelled", "lost", "open", "share")
    more = ("amount", "paid_amount", "share_minor")
    heads = tuple(words(f"recovery.{each}") for each in (*columns, *more))
    return Shown(
        (
            _tile("share", total.share, was.share),
            _tile("share_minor", total.share_minor, was.share_minor),
            Tile(words("recovery.begun"), str(total.begun), str(was.begun)),
            Tile(words("recovery.cancelled"), str(total.cancelled), str(was.cancelled)),
        ),
        t.bars((each.name, each.share) for each in now),
        words("chart", name=words("recovery.share")),
        (
            Table(
                "months",
                words("reasons.by_month"),
                (words("recovery.month"), *heads, words("recovery.final")),
                (*months, sum_of_all),
            ),
            Table(
                "codes",
                words("recovery.by_code"),
                (words("recovery.code"), *heads, words("recovery.final")),
                tuple(codes),
            ),
            Table(
                "attempts",
                words("recovery.by_attempt"),
                tuple(words(f"recovery.{each}") for each in ("attempt", "paid", "paid_amount")),
                tuple(
                    (t.count(number), t.count(paid), t.money(minor, around.currency))
                    for number, paid, minor in attempts
                ),
                note=words("recovery.attempts_text" if attempts else "recovery.attempts_none"),
            ),
        ),
    )


def _tile(name: str, now: Decimal | None, before: Decimal | None) -> Tile:
    return Tile(words(f"recovery.{name}"), t.percent(now), t.percent(before))


def _code(code: str) -> str:
    if code == "none":
        return words("recovery.unknown_code")
    return wording.merchants_reason(code)


def _recovery(each: Recovery, named: Cell, around: Around, url: str | None) -> tuple[Cell, ...]:
    return (
        named,
        t.count(each.begun, url),
        t.count(each.paid),
        t.count(each.cancelled),
        t.count(each.lost),
        t.count(each.open_count),
        t.share(each.share),
        t.money(each.begun_minor, around.currency),
        t.money(each.paid_minor, around.currency),
        t.share(each.share_minor),
        t.named(words("recovery.not_final" if each.open_count else "recovery.final")),
    )


def reasons(found: Sequence[FigureSums], around: Around) -> Shown:
    """Returns cancellations by reason and party, and by month; and save offers."""
    rows = [row for row in found if row.series == Series.REASONS]
    offers = [row for row in found if row.series == Series.OFFERS]
    now = figures.reasons(rows, around.months)
    ends = figures.ends_by_month(rows, around.months)
    before = figures.ends_by_month(rows, around.before)
    first = around.months[0] if around.months else around.last

    def row(each: Reason) -> tuple[Cell, ...]:
        label = f"{each.reason}:{each.source}"
        url = _rows_url("reasons", around, first, around.last, label=label)
        return (
            t.named(_named("reason", each.reason), each.reason),
            t.named(_named("source", each.source), each.source),
            t.count(each.asked, url),
            t.count(each.undone, url),
            t.count(each.ended, url),
            t.count(each.at_once),
            t.count(each.ended - each.at_once),
            t.money(each.ended_minor, around.currency),
        )

    columns = ("reason", "source", "asked", "undone", "ended", "at_once", "period_end", "minor")
    return Shown(
        (
            Tile(
                words("reasons.ended"),
                str(sum(each for _, each, _ in ends)),
                str(sum(each for _, each, _ in before)),
            ),
            Tile(
                words("reasons.minor"),
                t.money(sum(each for *_, each in ends), around.currency).shown,
                t.money(sum(each for *_, each in before), around.currency).shown,
            ),
        ),
        [(month, count) for month, count, _ in ends],
        words("chart", name=words("reasons.ended")),
        (
            Table(
                "reasons",
                words("reasons.by_reason"),
                tuple(words(f"reasons.{each}") for each in columns),
                tuple(map(row, now)),
            ),
            Table(
                "months",
                words("reasons.by_month"),
                tuple(words(f"reasons.{each}") for each in ("month", "ended", "minor")),
                tuple(
                    (
                        t.month(month),
                        t.count(count, _rows_url("reasons", around, month, month)),
                        t.money(minor, around.currency),
                    )
                    for month, count, minor in reversed(ends)
                ),
            ),
            *offer_tables.tables(offers, around),
        ),
    )


def _named(what: str, name: str) -> str:
    key = f"console.figures.{what}.{name}"
    return text(MERCHANTS_LANGUAGE, key) if has(key) else name


BUILDERS: Mapping[str, Callable[[Sequence[FigureSums], Around], Shown]] = {
    "cohorts": cohorts,
    "trials": trials,
    "recovery": recovery,
    "reasons": reasons,
}
"""The tables of each page."""

"""An oracle for schedules that shares no code with what it judges, and the cases made with it.

`python -m tests.kernel.make_golden` writes golden_schedules.json anew. That is needed only when a
country changes its clocks; a difference that has no such reason is a defect of the schedule.
Nothing in here may import `billing`: dates are dateutil's `relativedelta` from the first one,
instants are those of `whenever`.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta
from whenever import PlainDateTime, ZonedDateTime

GOLDEN = Path(__file__).with_name("golden_schedules.json")

PERIODS = {
    "1w": relativedelta(weeks=1),
    "2w": relativedelta(weeks=2),
    "1m": relativedelta(months=1),
    "2m": relativedelta(months=2),
    "3m": relativedelta(months=3),
    "6m": relativedelta(months=6),
    "1y": relativedelta(years=1),
    "2y": relativedelta(years=2),
}
PricePoint = dict[str, Any]
"""A price point as CONTRACT.md spells it, in JSON."""


class Expected(NamedTuple):
    """One charge that the oracle expects."""

    kind: str
    at: datetime
    local_date: date
    amount: int


def resolved(wall: datetime, zone: str) -> ZonedDateTime:
    """The moment at which a clock in `zone` shows `wall`, gaps and folds as in P-13."""
    return PlainDateTime(wall).assume_tz(zone, disambiguation="compatible")


def charges(point: PricePoint, start: datetime, zone: str) -> Iterator[Expected]:
    """Every charge of a purchase at the wall time `start`, by the words of P-3 .. P-13."""
    price = point["price"]["amount"]
    initial = point.get("initial")
    if initial is not None:
        yield _expected("initial", start, zone, initial["amount"])
    for wall in standard_walls(point, start):
        yield _expected("standard", wall, zone, price)


def standard_walls(point: PricePoint, start: datetime) -> Iterator[datetime]:
    """The wall times of the standard payments."""
    if "initial" in point:
        start += relativedelta(**point["initial"]["period"])
    kind = point["type"]
    if kind == "one_time":
        yield start
        return
    step = PERIODS[point["period"]]
    if kind == "recurring":
        yield from (start + step * k for k in count_from())
    elif kind == "installment":
        yield from (start + step * k for k in range(point["installments"]))
    else:
        years = {"1y": 1, "2y": 2}[point["cycle"]]
        for cycle in count_from():
            for payment in range(point["installments"]):
                # relativedelta adds all years and months at once, clamps, and then adds the days.
                yield start + (relativedelta(years=years * cycle) + step * payment)


def ends(point: PricePoint, start: datetime, zone: str) -> datetime | None:
    """Returns the last charge of a plan that completes; None for one that runs until cancelled."""
    if point["type"] in {"recurring", "recurring_installment"}:
        return None
    *_, last = charges(point, start, zone)
    return last.at


def _expected(kind: str, wall: datetime, zone: str, amount: int) -> Expected:
    moment = resolved(wall, zone)
    at = moment.to_instant().to_stdlib()
    return Expected(kind, at, moment.date().to_stdlib(), amount)


# The zones are some of those whose rules nobody has touched for long.
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Sydney",
    "Australia/Lord_Howe",  # shifts by half an hour
    "Pacific/Chatham",  # +12:45, +13:45 in summer
    "Pacific/Kiritimati",  # +14
    "Pacific/Pago_Pago",  # -11
    "Asia/Kathmandu",  # +5:45
    "Asia/Beirut",  # its gap is at midnight
    "UTC",
)
SHIFTING = ("America/New_York", "Europe/Berlin", "Australia/Sydney", *ZONES[3:5], "Asia/Beirut")
EDGES = (
    "2024-02-29T10:00:00",
    "2025-12-31T23:59:59",
    "2026-01-29T00:00:00",
    "2026-01-30T12:34:56",
    "2026-01-31T10:00:00",
    "2027-02-28T18:30:00",
    "2027-08-31T05:15:00",
    "2095-11-30T07:00:00",
    "2096-02-29T09:00:00",  # 2100 is not a leap year
    "2099-12-31T22:00:00",
    "1999-08-31T20:00:00",  # 2000 is one
    "1970-01-31T00:00:01",
)


def recurring(period: str, amount: int = 2999) -> PricePoint:
    return {"type": "recurring", "price": _money(amount), "period": period}


def installment(n: int, period: str, amount: int = 9900) -> PricePoint:
    price = _money(amount)
    return {"type": "installment", "price": price, "installments": n, "period": period}


def recurring_installment(n: int, period: str, cycle: str, amount: int = 9900) -> PricePoint:
    return installment(n, period, amount) | {"type": "recurring_installment", "cycle": cycle}


def one_time(amount: int = 4900) -> PricePoint:
    return {"type": "one_time", "price": _money(amount)}


def with_initial(point: PricePoint, amount: int, n: int, unit: str) -> PricePoint:
    return point | {"initial": {"amount": amount, "period": {unit: n}}}


def _money(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "USD"}


def _cases() -> Iterator[tuple[PricePoint, str, str, int]]:
    """Price point, start, zone and count of every golden case."""
    new_york = "America/New_York"
    yield with_initial(recurring("1m"), 0, 14, "days"), "2026-01-05T09:30:00", new_york, 14
    yield installment(4, "2w"), "2026-01-05T09:30:00", new_york, 12
    yield recurring_installment(3, "1m", "1y"), "2026-01-01T09:30:00", new_york, 12
    yield recurring_installment(3, "1m", "1y"), "2024-02-29T12:00:00", new_york, 15  # P-8
    yield with_initial(recurring("1m"), 100, 1, "months"), "2026-01-31T10:00:00", new_york, 6
    yield recurring("1m"), "2026-01-31T10:00:00", new_york, 24  # P-12
    yield recurring("1y"), "2024-02-29T10:00:00", new_york, 10
    yield recurring("1w"), "2011-12-16T10:00:00", "Pacific/Apia", 6  # Dec 30 never was
    yield recurring("1m"), "2018-10-04T00:00:00", "America/Sao_Paulo", 8  # midnight never was
    yield from _edges()
    yield from _shifts()
    yield from _bounds()


def _edges() -> Iterator[tuple[PricePoint, str, str, int]]:
    """Every period and type at every calendar edge, zones and initial periods taking turns."""
    chance = Random(1582)
    spans = [("days", 1), ("days", 30), ("weeks", 2), ("months", 1), ("months", 13), ("years", 4)]
    for start in EDGES:
        points = [recurring(period) for period in PERIODS]
        points.append(installment(chance.randint(2, 30), chance.choice([*PERIODS])))
        points.append(recurring_installment(chance.randint(2, 12), "1m", "1y"))
        points.append(recurring_installment(chance.randint(2, 26), "2w", "2y"))
        points.append(one_time())
        for number, point in enumerate(points):
            if number == 11 or chance.random() < 0.4:
                unit, n = chance.choice(spans)
                point = with_initial(point, chance.choice([0, 1, 100]), n, unit)
            yield point, start, chance.choice(ZONES), chance.randint(4, 14)


def _shifts() -> Iterator[tuple[PricePoint, str, str, int]]:
    """Charges in the middle of a gap or a fold, reached from before by each kind of step."""
    for zone in SHIFTING:
        after = ZonedDateTime(2026, 1, 1, tz=zone)
        for _ in range(2):
            shift = after.next_transition()
            assert shift is not None
            after = shift
            # The same wall clock a moment before, had it just gone on, and what it shows instead.
            due = shift.to_instant().subtract(seconds=1).to_tz(zone).to_plain().to_stdlib()
            due += timedelta(seconds=1)
            wall = due + (shift.to_plain().to_stdlib() - due) / 2
            text = (wall - relativedelta(months=2)).isoformat()
            yield recurring("1m"), text, zone, 5
            yield recurring("2w"), (wall - timedelta(weeks=4)).isoformat(), zone, 5
            yield with_initial(one_time(), 0, 2, "months"), text, zone, 2
            yield (
                with_initial(recurring("6m"), 100, 61, "days"),
                (wall - timedelta(days=61)).isoformat(),
                zone,
                4,
            )
            yield recurring_installment(3, "1m", "1y"), text, zone, 7


def _bounds() -> Iterator[tuple[PricePoint, str, str, int]]:
    """The largest and smallest plans that CONTRACT.md allows."""
    start = "2028-02-29T03:30:00"
    yield one_time(1), start, "UTC", 500
    yield one_time(99_999_999), "2100-12-31T23:59:59", "Pacific/Kiritimati", 1
    yield with_initial(one_time(), 0, 3650, "days"), start, "Europe/Berlin", 3
    yield with_initial(one_time(), 99_999_999, 521, "weeks"), start, "Asia/Kathmandu", 3
    yield with_initial(one_time(), 1, 120, "months"), start, "Pacific/Pago_Pago", 3
    yield with_initial(one_time(), 1, 10, "years"), start, "Australia/Sydney", 3
    yield installment(120, "2y"), "2100-02-28T00:00:00", "Asia/Kathmandu", 12
    yield installment(2, "1w"), "2100-02-28T00:00:00", "UTC", 12
    for cycle, years in (("1y", 1), ("2y", 2)):
        for period, most in (("1w", 52), ("2w", 26), ("1m", 12), ("2m", 6)):
            point = recurring_installment(most * years, period, cycle)
            yield point, start, "America/New_York", min(2 * most * years + 1, 110)


def golden() -> list[dict[str, Any]]:
    """Returns the golden cases: the body of a preview, and its expected answer."""
    return [_golden(*case) for case in _cases()]


def _golden(point: PricePoint, start: str, zone: str, count: int) -> dict[str, Any]:
    wall = datetime.fromisoformat(start)
    # Nobody buys at a time that never was, so no case depends on what a preview makes of one.
    assert resolved(wall, zone).to_plain().to_stdlib() == wall
    end = ends(point, wall, zone)
    return {
        "price_point": point,
        "start": start,
        "time_zone": zone,
        "count": count,
        "charges": [
            f"{c.kind} {_text(c.at)} {c.local_date} {c.amount}"
            for c in islice(charges(point, wall, zone), count)
        ],
        "ends": None if end is None else _text(end),
    }


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def as_text(cases: list[dict[str, Any]]) -> str:
    """One case a line, so that a change shows as the lines it touches."""
    return "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n"


if __name__ == "__main__":
    GOLDEN.write_text(as_text(golden()), encoding="utf-8")

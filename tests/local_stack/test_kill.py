"""The kill test: a sweep over many due subscriptions, killed anywhere, then run again.

The gateway's own ledger is the truth: one success per invoice, one invoice per subscription and
month, and our orders and invoices say the same (R-1). `make kill` makes more trials of it.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from random import Random
from time import sleep

import pytest

from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

SUBSCRIPTIONS = int(os.environ.get("KILL_SUBSCRIPTIONS", "60"))
TRIALS = int(os.environ.get("KILL_TRIALS", "3"))
A_MINUTE, LATER = timedelta(minutes=1), timedelta(minutes=5)
POINTS = [f"{when}:{call}" for call in ("prepare", "confirm") for when in ("before", "after")]


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    """Many subscriptions, all due within the same minutes."""
    with ThreadPoolExecutor(4) as pool:
        emails = [f"buyer{n}@example.com" for n in range(SUBSCRIPTIONS)]
        for status, answer in pool.map(lambda e: laptop.buy("demo.library-1", e), emails):
            assert status == 201, answer
    return laptop


def advance(laptop: Laptop, **span: float) -> None:
    """Move the clock as far from now, whatever kills the answer."""
    now = datetime.fromisoformat(laptop.get("/_dev/clock")["now"])
    move(laptop, now + timedelta(**span))


def move(laptop: Laptop, to: datetime) -> None:
    """Move the clock to an instant, whatever kills the answer."""
    to = to.astimezone(UTC)
    try:
        laptop.post("/_dev/clock", {"to": to.isoformat().replace("+00:00", "Z")})
    except (OSError, HTTPException):
        return


def assert_charged_once_each(laptop: Laptop, months: int) -> None:
    charges = [c for c in laptop.get("/_dev/charges")["data"] if c["status"] == "succeeded"]
    per_invoice = Counter(charge["invoice"] for charge in charges)
    assert set(per_invoice.values()) == {1}, "no invoice is charged twice"
    per_subscription = Counter(charge["invoice"].rpartition(".")[0] for charge in charges)
    assert Counter(per_subscription.values()) == {months + 1: SUBSCRIPTIONS}
    paid = [o for o in laptop.all("/v1/orders") if o["kind"] in {"sale", "rebill"}]
    assert Counter(order["invoice"] for order in paid) == per_invoice


@pytest.mark.spec("R-1", "R-6")
def test_killed_at_random_moments_of_a_sweep_everyone_is_charged_once(laptop: Laptop) -> None:
    chance = Random(os.environ.get("KILL_SEED", "1"))
    made: list[int] = []
    for month in range(1, TRIALS + 1):
        due = next_due(laptop)
        move(laptop, due - A_MINUTE)
        before, meant = succeeded(laptop), chance.randrange(SUBSCRIPTIONS)
        with ThreadPoolExecutor(1) as pool:
            moving = pool.submit(move, laptop, due + LATER)
            while succeeded(laptop) - before < meant:
                sleep(0.01)
            sleep(chance.uniform(0, 0.1))
            laptop.kill()
            moving.result()
        laptop.start()
        made.append(succeeded(laptop) - before)
        move(laptop, due + timedelta(days=1))
        assert_charged_once_each(laptop, month)
    sys.stdout.write(f"charges of {SUBSCRIPTIONS} made when it was killed: {made}\n")
    midway = sum(0 < each < SUBSCRIPTIONS for each in made)
    assert midway >= TRIALS // 3, f"a kill that meets no sweep shows nothing: {made}"


def next_due(laptop: Laptop) -> datetime:
    """When the first subscription is charged next; the others follow within minutes."""
    first = min(laptop.all("/v1/orders?kind=sale"), key=lambda order: str(order["at"]))
    subscription = laptop.get(f"/v1/subscriptions/{first['subscription']}")
    return datetime.fromisoformat(subscription["next_charge_at"])


def succeeded(laptop: Laptop) -> int:
    """Returns how many charges the gateway has made."""
    return sum(charge["status"] == "succeeded" for charge in laptop.charges())


def elapsed_days(laptop: Laptop) -> float:
    """Returns how far the clock is from the first purchase, in days."""
    sales = [datetime.fromisoformat(o["at"]) for o in laptop.all("/v1/orders?kind=sale")]
    now = datetime.fromisoformat(laptop.get("/_dev/clock")["now"])
    return (now - min(sales)).total_seconds() / 86400


@pytest.mark.spec("R-1", "R-6")
def test_killed_exactly_around_each_gateway_call_everyone_is_charged_once(
    laptop: Laptop,
) -> None:
    for number, point in enumerate(POINTS):
        laptop.kill()
        laptop.start(DIE_AT=f"{point}:{SUBSCRIPTIONS // 2}")
        advance(laptop, days=31)
        laptop.died()
        laptop.start()
        advance(laptop, days=31 * (number + 1) + 1 - elapsed_days(laptop))
        assert_charged_once_each(laptop, number + 1)


@pytest.mark.spec("R-2")
def test_a_sweep_two_days_late_charges_everyone_once(laptop: Laptop) -> None:
    advance(laptop, days=27)
    laptop.interrupt()
    clock = laptop.data / "clock.json"
    ahead = json.loads(clock.read_text())
    ahead["ahead_microseconds"] += 6 * 86_400_000_000
    clock.write_text(json.dumps(ahead))
    laptop.start()
    advance(laptop, hours=1)
    assert_charged_once_each(laptop, 1)


@pytest.mark.spec("R-1")
def test_two_sweeps_at_once_charge_everyone_once(laptop: Laptop) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda days: advance(laptop, days=days), (32, 32)))
    assert_charged_once_each(laptop, 2 if elapsed_days(laptop) > 59 else 1)

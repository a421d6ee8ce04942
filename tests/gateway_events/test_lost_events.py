"""The sweep for lost webhooks: every account's list of events is looked at, hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.aws.sqs_queue import leases_of
from billing.checkout.checkouts import Checkout
from billing.gateway_events.flows import lost_events
from billing.jobs.flows import sweep, work
from billing.jobs.jobs import PLATFORM, JobState
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import SANDBOX
from billing.kernel.merchants import GatewayAccount, Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.runtime import job_kinds
from tests.hurry import room_for
from tests.world import World

pytestmark = pytest.mark.spec("W-1")

BUYERS = ("ann@example.com", "bob@example.com", "eve@example.com")


@pytest.fixture
def world() -> World:
    world = World(limits=False)
    world.change_merchant(gateway_accounts=(GatewayAccount(SANDBOX, SANDBOX),))
    return world


def bought_unheard(world: World) -> list[Checkout]:
    """Three buyers confirmed with their bank, two hours apart, and no webhook ever came."""
    product = world.product()
    attempts = []
    for email in BUYERS:
        form = world.submission(email, payment_method="pm_card_authenticationRequired")
        attempts.append(world.submit(product.default_price_point, form))
        world.sandbox.authenticate(str(attempts[-1].invoice.gateway_ref), succeeded=True)
        world.now += timedelta(hours=2)
    return attempts


def look(world: World, keep_going: Callable[[], bool] = lambda: True) -> Counter[str]:
    """As the schedule does, an hour after the last time."""
    world.now += timedelta(hours=1)
    return lost_events.catch_up(world.ports, now=world.now, keep_going=keep_going)


def paid(world: World) -> list[str]:
    return [
        email
        for email in BUYERS
        if (customer := world.store.customer_by_email("acme", email)) is not None
        and world.store.history("acme", customer).subscriptions
    ]


def test_what_no_webhook_reported_is_found_and_settled_once(world: World) -> None:
    bought_unheard(world)
    assert look(world)["checkout_paid"] == 3
    assert paid(world) == list(BUYERS)
    assert look(world)["checkout_paid"] == 0


def test_a_look_that_runs_out_of_time_is_gone_on_with_where_it_stopped(world: World) -> None:
    bought_unheard(world)
    # Asked before an account, and before each event, of which everybody has two.
    left = iter([True] * 3)
    assert look(world, lambda: next(left, False)) == {"checkout_paid": 1, "nothing_new": 1}
    assert paid(world) == ["ann@example.com"]
    assert look(world) == {"checkout_paid": 2, "nothing_new": 2}, "and none is read again"
    assert paid(world) == list(BUYERS)


def test_a_gateway_that_goes_away_midway_has_the_rest_asked_for_next_time(world: World) -> None:
    bought_unheard(world)
    asked = Counter[str]()

    def away_after_two() -> bool:
        asked["times"] += 1
        if asked["times"] == 4:
            world.sandbox.faults.arm("unavailable", 1)
        return True

    assert look(world, away_after_two)[Unreachable.code] == 1
    assert paid(world) == ["ann@example.com"]
    assert look(world)["checkout_paid"] == 2


def test_what_our_code_breaks_on_holds_up_nothing_and_is_not_forgotten(world: World) -> None:
    _, broken, _ = bought_unheard(world)
    world.store.commit(Change(broken, replace(broken, method=None)))
    for _ in range(2):
        with pytest.raises(AssertionError):
            look(world)
        assert paid(world) == ["ann@example.com", "eve@example.com"]
    mended = world.store.checkout("acme", broken.key)
    assert mended is not None
    world.store.commit(Change(mended, replace(mended, method=broken.method)))
    assert look(world)["checkout_paid"] == 1
    assert paid(world) == list(BUYERS)


def test_an_account_that_is_gone_holds_up_no_other_merchant(world: World) -> None:
    first = Merchant(
        "aaa",
        "First",
        "hello@first.example",
        world.now,
        gateway_accounts=(GatewayAccount("stripe", "acct_gone"),),
    )
    world.store.commit(Insert(first))
    bought_unheard(world)
    assert look(world) == {"checkout_paid": 3, "nothing_new": 3, "unknown_gateway": 1}


@pytest.mark.parametrize(("gateway", "room"), [(SANDBOX, 7), ("gone", 9)])
def test_a_look_that_takes_several_slices_comes_to_each_account_once_and_ends(
    world: World, gateway: str, room: int
) -> None:
    for name in ("aaa", "bbb", "ccc"):
        account = GatewayAccount(gateway, gateway)
        other = Merchant(name, name, f"{name}@example.com", world.now, gateway_accounts=(account,))
        world.store.commit(Insert(other))
    bought_unheard(world)
    lost_events.begin(world.ports, now=world.now)
    for _ in range(8):
        sweep.sweep(world.ports, now=world.now)
        bodies, world.jobs.bodies = world.jobs.bodies, []
        for lease in (each for body in bodies for each in leases_of(body)):
            work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=room_for(room))
    job = world.store.job(PLATFORM, lost_events.JOB)
    assert job is not None
    assert job.state is JobState.DONE
    assert job.done == 4, "each account once"
    assert paid(world) == list(BUYERS)

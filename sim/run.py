"""One seed, run from its first purchase to the final checks after all faults are over."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert
from sim import announced, coupons, documents, hurry, observed, overdue, prices, taxes, withdrawals
from sim.actions import Action
from sim.adversary import Adversary
from sim.buyers import Buyer, authenticate_some_day
from sim.chance import Chance
from sim.faults import Fault, Forced
from sim.final_checks import reckon
from sim.gateway import SimGateway
from sim.invariants import Violation
from sim.lapsing import LapsingGateway
from sim.plan import Plan, drawn
from sim.virtual_clock import DAY, HOUR
from sim.world import World

HEALING_US = 12 * DAY
"""After the last fault: longer than a redrive may be late, then three days of calm and more."""

CHARGES_PER_SUB_YEAR = 12


class Spawned(Value):
    """An action at one call of one actor, in a run without chance."""

    at: tuple[str, int]
    action: Action


class Act(Value):
    """An action of a scene's buyer on a day of the scene, counted from 0."""

    day: int
    action: Action


class Result(Value):
    """The outcome of one seed.

    Its times, by the wall and by the CPU, are those of simulating alone, without setting a world
    up.
    """

    seed: int
    charges: int
    events: int
    microseconds: int
    cpu_us: int
    process: int
    violation: Violation | None
    fired: tuple[Fault, ...]
    tally: Counter[str]
    digest: str
    lines: list[tuple[int, str, str]]

    @property
    def sub_years(self) -> float:
        return self.charges / CHARGES_PER_SUB_YEAR


def run(
    seed: int,
    *,
    plan: Plan | None = None,
    only: Collection[Fault] | None = None,
    forced: Forced | None = None,
    spawned: Spawned | None = None,
    acts: Sequence[Act] = (),
    readable: bool = False,
    gateway: type[SimGateway] | None = None,
) -> Result:
    """Simulates one seed.

    With `forced`, only those faults happen, with `spawned` at one of its calls, and nobody changes
    their mind but by these `acts`.
    """
    world = World(
        seed,
        plan=plan or drawn(seed),
        only=only,
        forced=forced,
        readable=readable,
        gateway=gateway or (SimGateway if forced is not None else _gateway(seed)),
    )
    if spawned is not None:
        world.faults.spawn_at = spawned.at
    world.install()
    _set_up(world)
    began_ns, cpu_began_ns = time.perf_counter_ns(), time.process_time_ns()
    violation: Violation | None = None
    try:
        parts = None if world.plan.looks is None else 2
        with observed.events_only(), hurry.small_parts(parts):
            live(world, spawned, acts)
    except Violation as found:
        violation = found
    return Result(
        seed=seed,
        charges=world.oracle.tally["settled_charges"],
        events=world.log.events,
        microseconds=(time.perf_counter_ns() - began_ns) // 1_000,
        cpu_us=(time.process_time_ns() - cpu_began_ns) // 1_000,
        process=os.getpid(),
        violation=violation,
        fired=tuple(world.faults.fired),
        tally=world.oracle.tally,
        digest=world.log.digest,
        lines=world.log.lines or [],
    )


def _gateway(seed: int) -> type[SimGateway]:
    """Returns the seed's gateway: one seed in five sells through one whose payments lapse."""
    return LapsingGateway if Chance(seed, "gateway").happens(0.2) else SimGateway


def _set_up(world: World) -> None:
    world.oracle.collects_tax = world.plan.taxed
    if world.plan.couponed:
        world.gateway.capabilities = coupons.with_minimum(world.gateway.capabilities)
    for merchant in list(world.plan.merchants.values()):
        items: tuple[Insert, ...] = ()
        if world.plan.taxed:
            merchant, items = taxes.registered(merchant)
            world.plan.merchants[merchant.id] = merchant
        if world.plan.couponed:
            items = (*items, *coupons.made(merchant))
        merchant, hooks = world.receivers.with_endpoints(merchant)
        world.plan.merchants[merchant.id] = merchant
        world.table.write((Insert(merchant), *items, *hooks))
    for product, point in world.plan.products:
        world.table.write((Insert(product), Insert(point)))


def live(world: World, spawned: Spawned | None = None, acts: Sequence[Act] = ()) -> None:
    """Lets the world have its faults, then heals it, then checks what is left."""
    plan = world.plan
    bought = (*plan.purchases, *plan.withdrawing)
    buyers = {b.key: b for b in (Buyer(world, purchase) for purchase in bought)}
    adversary = Adversary(world, buyers, spawned.action if spawned else None)
    _plan_outages(world)
    prices.change(world)
    documents.rename_sellers(world, change_merchant)
    if plan.announces:
        world.mailer.returns = partial(announced.returns, world)
    world.webhooks.look()
    world.jobs.begin()
    world.oracle.asks_buyer = lambda reference: authenticate_some_day(world, reference)
    if spawned is None and world.faults.on:
        world.oracle.overdue = partial(overdue.noticed, world)
    for buyer in buyers.values():
        buyer.begin()
        if spawned is None and world.faults.on:
            adversary.change_of_mind(buyer, plan.start_us)
            if plan.announces:
                announced.some_day(adversary, buyer)
        if buyer.purchase in plan.withdrawing:
            withdrawals.begin(world, buyer)
        for act in acts:
            acting = partial(adversary.act_on_purchase, act.action, buyer)
            world.clockwork.at(plan.start_us + act.day * DAY, acting)
    world.clockwork.run(plan.end_us)
    heal(world)
    reckon(world)


def heal(world: World) -> None:
    """Ends all faults, redrives dead letters, and lets some days pass."""
    world.faults.on = False
    world.wire.outages = []
    world.wire.gateway_outages = []
    for name in list(world.plan.merchants):
        change_merchant(world, name, stopped=False, armed=True)
    world.jobs.heal()
    world.receivers.heal()
    world.deployment.redrive()
    clockwork = world.clockwork
    clockwork.run(clockwork.now_us + HEALING_US)
    world.deployment.redrive()
    clockwork.run(clockwork.now_us + HOUR)


def _plan_outages(world: World) -> None:
    plan, faults, clockwork = world.plan, world.faults, world.clockwork
    world.wire.outages = [s for n, s in enumerate(plan.outages) if faults.planned("outage", n)]
    world.wire.gateway_outages = [
        s for n, s in enumerate(plan.gateway_outages) if faults.planned("gateway_outage", n)
    ]
    for n, (name, start_us, end_us, how) in enumerate(plan.stops):
        if faults.planned("stop", n):
            off = {"stopped": True} if how == "stopped" else {"armed": False}
            on = {"stopped": False} if how == "stopped" else {"armed": True}
            clockwork.at(start_us, partial(change_merchant, world, name, **off))
            clockwork.at(end_us, partial(change_merchant, world, name, **on))


def change_merchant(world: World, name: str, /, **fields: Any) -> None:
    """Changes a merchant from now on, such as to stopped or disarmed."""
    merchant = world.plan.merchants[name]
    changed = replace(merchant, **fields)
    if changed != merchant:
        world.table.write((Change(merchant, changed),))

"""No chance at all: a failure at every single port call, and at every pair of two at once."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from billing.catalog import Initial, PriceTerms, PriceType
from billing.merchants import Merchant, RetrySchedule, Settings
from billing.money import Currency, Money
from billing.periods import Period, Span, Unit
from billing.plan_change import When
from billing.subscription import Subscription
from sim import actions, wallets
from sim.actions import (
    Action,
    cancel_at_end,
    cancel_now,
    change_to,
    freeze_next,
    pause_now,
    pay_now,
)
from sim.adversary import Adversary
from sim.chance import Chance
from sim.clockwork import DAY, MINUTE, SECOND
from sim.faults import Forced
from sim.invariants import Violation
from sim.plan import FREEZE_MINOR, Plan, Purchase, on_sale
from sim.run import Act, Result, Spawned, change_merchant, run
from sim.wallets import other_card, remove_card

START = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
SILVER = replace(MONTHLY, price=Money(3999, Currency.USD))
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))

SINGLE = (
    "crash_before",
    "crash_after",
    "unavailable_before",
    "unavailable_after",
    "asked_again",
    "effect_later",
    "stall_after",
)
PAIRS = (
    ("stall_before", "stall_before"),
    ("stall_before", "crash_before"),
    ("crash_before", "stall_before"),
    ("stall_after", "stall_before"),
    ("crash_after", "crash_before"),
)
FIRST_WAITS, SECOND_WAITS = 0.465, 0.56
"""Along the range of a stall: half a minute, and a minute."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One customer's story, short enough to be told thousands of times."""

    name: str
    terms: PriceTerms
    card: str
    days: int
    seed: int = 1
    acts: tuple[Act, ...] = ()


def _change(place: int, when: When, *, thinks_us: int = 0) -> Action:
    """To the plan that stands at that place among those on sale."""

    def change(adversary: Adversary, target: Subscription) -> None:
        _, point = adversary.world.plan.products[place]
        change_to(adversary, target, point.id, when, thinks_us=thinks_us)

    return change


def disarm(adversary: Adversary, target: Subscription) -> None:
    """The tables are found somewhere else from now on, until all is healed (W-5)."""
    change_merchant(adversary.world, target.merchant, armed=False)


def give_visa(adversary: Adversary, target: Subscription) -> None:
    """Another card than the one that all of them buy with."""
    wallets.give(adversary, target, "pm_card_visa", Chance(1, "gives"))


def use_first(adversary: Adversary, target: Subscription) -> None:
    """The oldest card again."""
    wallets.use(adversary, target, lambda kept: kept[0].id)


def remove_first(adversary: Adversary, target: Subscription) -> None:
    """The oldest card, whatever it pays for."""
    wallets.remove(adversary, target, lambda kept: kept[0].id)


def remove_last(adversary: Adversary, target: Subscription) -> None:
    """The newest card."""
    wallets.remove(adversary, target, lambda kept: kept[-1].id)


change_now, change_next = _change(1, When.NOW), _change(1, When.NEXT_REBILL)
think_it_over, change_meanwhile = _change(1, When.NOW, thinks_us=MINUTE), _change(2, When.NOW)

SCENES = {
    scene.name: scene
    for scene in (
        Scene("renewal", MONTHLY, "pm_card_mastercard", 33),
        Scene("declined", TRIAL, "pm_card_chargeCustomerFail", 18),
        Scene("authenticated", MONTHLY, "pm_card_authenticationRequired", 34, 3),
        Scene("left alone", ONCE, "pm_card_authenticationRequired", 2, 1),
        Scene("refused", ONCE, "pm_card_chargeDeclined", 2),
        Scene("bought once", ONCE, "pm_card_mastercard", 2),
        Scene("pays late", TRIAL, "pm_card_chargeCustomerFail", 18, acts=(Act(14, pay_now),)),
        Scene("pauses", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, pause_now),)),
        Scene("upgrades", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, change_now),)),
        Scene("upgrades next", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, change_next),)),
        Scene("changes free", GOLD, "pm_card_mastercard", 33, acts=(Act(10, change_now),)),
        Scene(
            "thinks it over",
            MONTHLY,
            "pm_card_mastercard",
            33,
            acts=(Act(10, think_it_over), Act(10, change_meanwhile)),
        ),
        Scene("gives a card", MONTHLY, "pm_card_mastercard", 33, 2, (Act(10, give_visa),)),
        Scene(
            "goes back",
            MONTHLY,
            "pm_card_mastercard",
            14,
            acts=(Act(10, give_visa), Act(12, use_first)),
        ),
        Scene(
            "tidies up",
            MONTHLY,
            "pm_card_mastercard",
            14,
            acts=(Act(10, give_visa), Act(12, remove_first)),
        ),
        Scene(
            "moved away",
            MONTHLY,
            "pm_card_mastercard",
            14,
            acts=(Act(9, disarm), Act(10, actions.refund_last)),
        ),
        Scene("freezes", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, freeze_next),)),
        Scene(
            "has to answer",
            MONTHLY,
            "pm_card_authenticationRequired",
            33,
            3,
            (Act(10, change_now),),
        ),
    )
}

Meeting = tuple[str, str, int, Action]
"""A scene, whose invocation by the beginning of its name, the how manieth, and what it meets."""

MEETINGS: tuple[Meeting, ...] = (
    ("renewal", "charge sub", 0, actions.double_message),
    ("renewal", "charge sub", 0, cancel_now),
    ("renewal", "charge sub", 0, cancel_at_end),
    ("renewal", "charge sub", 0, actions.refund_last),
    ("renewal", "charge sub", 0, pause_now),
    ("renewal", "charge sub", 0, freeze_next),
    ("renewal", "charge sub", 0, actions.ask_to_cancel),
    ("renewal", "charge sub", 0, actions.other_plan),
    ("renewal", "charge sub", 0, actions.sweep),
    ("renewal", "charge sub", 0, give_visa),
    ("gives a card", "charge sub", 0, remove_card),
    ("gives a card", "charge sub", 0, other_card),
    ("goes back", "card", 1, remove_first),
    ("tidies up", "card", 1, remove_last),
    ("tidies up", "card", 1, use_first),
    ("renewal", "tell", 0, actions.tell_again),
    ("declined", "charge sub", 1, actions.double_message),
    ("declined", "charge sub", 1, cancel_now),
    ("declined", "charge sub", 1, pay_now),
    ("authenticated", "charge sub", 1, actions.answer_the_bank),
    ("authenticated", "buyer 1 return", 0, actions.come_back),
    *(
        (scene, actor, 0, action)
        for scene, actor, actions in (
            ("pauses", "pause", (cancel_now, cancel_at_end, change_now, freeze_next)),
            ("pauses", "resume", (cancel_now,)),
            ("pays late", "pay", (cancel_now, cancel_at_end, pause_now, pay_now)),
            ("upgrades", "plan", (cancel_now, cancel_at_end, pause_now, change_now, freeze_next)),
            ("upgrades next", "plan", (cancel_now, change_now, freeze_next)),
            ("thinks it over", "plan", (cancel_now, change_next)),
            ("changes free", "plan", (cancel_now, pause_now, change_now, freeze_next)),
            ("gives a card", "card", (cancel_now, remove_card, other_card)),
            ("freezes", "freeze", (cancel_now, pause_now, change_now, change_next)),
            ("freezes", "plan", (cancel_now, change_now)),
            ("has to answer", "plan", (cancel_now, change_now)),
        )
        for action in actions
    ),
    ("bought once", "buyer 1 submit", 0, actions.click_again),
    ("bought once", "buyer 1 submit", 0, actions.look_at_attempt),
    ("authenticated", "buyer 1 submit", 0, actions.look_at_attempt),
)
"""What comes in a second after an invocation has begun."""

_COMES = {
    actions.double_message: "charge",
    actions.look_at_attempt: "charge",
    cancel_now: "cancel",
    cancel_at_end: "cancel",
    actions.refund_last: "refund",
    pause_now: "pause",
    pay_now: "pay",
    freeze_next: "freeze",
    change_now: "plan",
    change_next: "plan",
    give_visa: "card",
    remove_card: "card",
    other_card: "card",
    use_first: "card",
    remove_first: "card",
    remove_last: "card",
    actions.ask_to_cancel: "ask",
    actions.other_plan: "plan",
    actions.sweep: "sweep",
    actions.tell_again: "tell",
    actions.click_again: "buyer",
    actions.come_back: "buyer",
}
"""What the other invocation is called by."""


def plan_of(scene: Scene) -> Plan:
    """The world of one customer."""
    retries = RetrySchedule(every_days=1, attempts=2)
    settings = Settings(retry_schedule=retries, freeze_price_minor=FREEZE_MINOR)
    made_at = START - timedelta(days=1)
    merchant = Merchant("acme", "Acme", "hello@acme.example", made_at, settings)
    bought = on_sale(merchant, scene.terms, 1)
    sold = [bought, on_sale(merchant, GOLD, 2), on_sale(merchant, SILVER, 3)]
    plan = Plan(START, scene.days * DAY, 1, False, {"acme": merchant}, sold)
    at_us = plan.start_us + SECOND
    plan.purchases = [Purchase(1, at_us, "ann@example.com", bought[1].id, scene.card)]
    return plan


def tried(
    scene: Scene, forced: Forced, spawned: Spawned | None = None, *, told: bool = False
) -> Result:
    """A scene with these faults, and with what is spawned."""
    return run(
        scene.seed,
        plan=plan_of(scene),
        forced=forced,
        spawned=spawned,
        acts=scene.acts,
        readable=told,
    )


def calls_of(result: Result) -> Counter[str]:
    """How many port calls each actor made."""
    return Counter(who for _, who, _ in result.lines if who not in {"table", "bank"})


@dataclass(frozen=True, slots=True)
class Failure:
    """What was forced, and what it violated."""

    scene: str
    forced: Forced
    violation: Violation


def singles(scene: Scene) -> Iterator[Failure | None]:
    """A scene with each kind of failure at each of its port calls."""
    for actor, calls in calls_of(tried(scene, {}, told=True)).items():
        for point in range(calls):
            for kind in SINGLE:
                yield _tried(scene, {(actor, point): (kind, 0.9)}, None)


def pairs(meeting: Meeting) -> Iterator[Failure | None]:
    """Two invocations that meet, each of them held up or killed at each of its port calls."""
    name, prefix, nth, action = meeting
    scene = SCENES[name]
    alone = calls_of(tried(scene, {}, told=True))
    first = [actor for actor in alone if actor.startswith(prefix)][nth]
    # A target exists only once the first call has been made, so the other comes in at the last.
    point = min(alone[first] - 1, 2)
    spawned = Spawned((first, point), action)
    # The other's calls as they are while the first waits, before it has written or at its end.
    met = Counter[str]()
    for at in (point, alone[first] - 1):
        waiting: Forced = {(first, at): ("stall_before", FIRST_WAITS)}
        met |= calls_of(tried(scene, waiting, spawned, told=True))
    new = [a for a in met if a not in alone]
    meant = [a for a in new if a.split()[0] == _COMES.get(action, a.split()[0])]
    for other, calls in [(a, met[a]) for a in meant[:1]] or [("nobody", 0)]:
        for i, j in product(range(alone[first]), range(calls + 1)):
            for kinds in PAIRS:
                forced: Forced = {
                    (first, i): (kinds[0], FIRST_WAITS),
                    (other, j): (kinds[1], SECOND_WAITS),
                }
                yield _tried(scene, forced, spawned)


def _tried(scene: Scene, forced: Forced, spawned: Spawned | None) -> Failure | None:
    violation = tried(scene, forced, spawned).violation
    return None if violation is None else Failure(scene.name, forced, violation)


def main() -> int:
    """Print what was tried and what failed; 1 if anything did. Scenes and meetings run on every
    processor at once."""
    failures: list[Failure] = []
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        for what, outcomes in (
            ("single points", pool.map(_all_singles, SCENES)),
            ("pairs of points", pool.map(_all_pairs, range(len(MEETINGS)))),
        ):
            runs = 0
            for tried_here, failed_here in outcomes:
                runs += tried_here
                failures += failed_here
            seconds = time.perf_counter() - began
            print(f"{what}: {runs} runs, {len(failures)} violations so far, {seconds:.1f} s")
    seen: set[str] = set()
    for failure in failures:
        kind = f"{failure.scene} {failure.violation.number}"
        if kind not in seen:
            seen.add(kind)
            print(f"{failure.scene}: {failure.forced}\n  {failure.violation}")
    return 1 if failures else 0


def _all_singles(scene: str) -> tuple[int, list[Failure]]:
    return _counted(singles(SCENES[scene]))


def _all_pairs(number: int) -> tuple[int, list[Failure]]:
    return _counted(pairs(MEETINGS[number]))


def _counted(outcomes: Iterator[Failure | None]) -> tuple[int, list[Failure]]:
    """How many were tried, and those that failed."""
    all_of = list(outcomes)
    return len(all_of), [failure for failure in all_of if failure is not None]

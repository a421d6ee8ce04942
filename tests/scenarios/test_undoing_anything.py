"""Doing and undoing leaves every field of a subscription as it was, in any state."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import Enum
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing.cancel import cancellation, charge_hold, pausing
from billing.cancel.flows import cancel, pause
from billing.helpdesk import cancellation_request
from billing.helpdesk.tickets import Ticket
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.errors import BillingError, Refused
from billing.kernel.merchants import Merchant, SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.plans import Plan
from billing.kernel.subscription import CancelRequest, Source, State, Subscription, When
from billing.kernel.values import Value, fields, replace
from billing.kernel.writes import Change
from billing.plans import freezing
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import CHANGEABLE
from billing.plans.plan_change import When as PlanWhen
from tests.depth import examples
from tests.helpdesk.tickets.asking import DELAYED, ask_to_cancel, decline, newest, set_up
from tests.scenarios.disputes import disputed
from tests.scenarios.test_undoing import differing
from tests.world import MONTHLY, START, World

NOW, END = START + timedelta(days=3), START + timedelta(days=28)
FREEZE = Plan("mer.price", 1, MONTHLY, "prod", "Club", ("club",))
MERCHANT = Merchant("mer", "Club", "hello@club.example", START)

GIVEN_BY_THE_SITUATION = frozenset(
    {
        # Its dates, which say whether anything is due; all of them are at a running period here.
        *("terms", "anchor", "anchor_period", "period"),
        # Which state it is in, and its alarm, which follows from that.
        *("state", "open_invoice", "due_at"),
        # Set by what is done here, and by nothing else.
        *("cancelling", "resumes_as", "ends_at", "ended_by"),
        *("paused_from", "paused_by", "interrupted", "resumes_at"),
    }
)
"""The fields that are not drawn by their type alone, but so that they agree; every other one, a new
one too, is anything at all. None is left out where what was is compared with what is."""


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a field may have."""
    if hint in SOME:
        return SOME[hint]
    if get_args(hint) and NoneType in get_args(hint):
        (inner,) = (each for each in get_args(hint) if each is not NoneType)
        return st.none() | anything(inner)
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=2).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Value):
        hints = get_type_hints(hint)
        return st.builds(hint, **{f.name: anything(hints[f.name]) for f in fields(hint)})
    return st.from_type(hint)


SOME: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text("abc", min_size=1, max_size=3),
    int: st.integers(0, 9_999),
    datetime: st.integers(0, 400).map(lambda days: START + timedelta(days=days - 30)),
    date: st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    PriceTerms: st.sampled_from([MONTHLY, replace(MONTHLY, period=Period.YEARLY)]),
}
HINTS = get_type_hints(Subscription)
CARGO = {f.name: anything(HINTS[f.name]) for f in fields(Subscription)}


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """Any that is charged, with whatever else it may carry."""
    free = {name: draw(CARGO[name]) for name in CARGO if name not in GIVEN_BY_THE_SITUATION}
    state = draw(st.sampled_from([State.TRIALING, State.ACTIVE, State.FROZEN, State.PAST_DUE]))
    found = Subscription(
        **{
            **free,
            "state": state,
            "terms": MONTHLY,
            "anchor": Anchor.at(START, "America/New_York"),
            "period": 0 if state is State.PAST_DUE else 1,
            "open_invoice": "sub.0001" if state is State.PAST_DUE else None,
            "dispute": draw(st.sampled_from([None, "open", "won"])),
        }
    )
    # A plan to come is another than the one in force: a change to the same is refused.
    if found.next_plan is not None and _is_in_force(found, found.next_plan):
        found = replace(found, next_plan=None)
    # The two of a hold go together; what is frozen has a plan to come back to, and none to come.
    held = found.held_since if found.held_for is not None else None
    found = replace(found, held_since=held, held_for=found.held_for if held else None)
    if state is State.FROZEN:
        found = replace(found, next_plan=None, thaws_to=found.thaws_to or FREEZE)
    if found.waiting_since is not None or found.dispute == "open":
        return found
    return replace(found, due_at=NOW + timedelta(days=1) if found.open_invoice else found.period_at)


def _is_in_force(found: Subscription, plan: Plan) -> bool:
    in_force = (found.price_point, found.price_version, found.terms.standard)
    return (plan.price_point, plan.version, plan.terms) == in_force


class Pair(NamedTuple):
    """A change of a subscription, the states in which it may be made, and the call that
    undoes it.
    """

    may: Callable[[Subscription], bool]
    do: Callable[[Subscription], Subscription]
    undo: Callable[[Subscription], Subscription]


TICKET = Ticket("tic", "mer", "billing", "a@b.c", "x", NOW, 0, "key")
REQUEST = CancelRequest(When.PERIOD_END, Source.CUSTOMER, NOW, "order")


def changed(subscription: Subscription, writes: tuple[Any, ...]) -> Subscription:
    """As a transaction leaves it."""
    return next((w.after for w in writes if isinstance(w, Change)), subscription)


def _may_be_paused(found: Subscription) -> bool:
    running = {State.TRIALING, State.ACTIVE}
    return found.state in {*running, State.PAST_DUE} or found.resumes_as in running


PAIRS = {
    "cancel": Pair(
        # Where nothing paid is left it ends at once, and is not to be undone.
        lambda s: s.cancelling is None and not cancellation.takes_effect_now(s, REQUEST),
        lambda s: s.cancel_pending(REQUEST),
        lambda s: s.cancel_undone(),
    ),
    "pause": Pair(
        _may_be_paused,
        lambda s: pausing.pause(s, NOW),
        lambda s: pausing.resume(s, NOW + timedelta(hours=1)),
    ),
    "freeze": Pair(
        lambda s: s.state in CHANGEABLE and s.thaws_to is None,
        lambda s: changed(s, freezing.schedule(s, FREEZE, ("club",), NOW, 0)),
        lambda s: changed(s, freezing.undo(s, NOW, 0)),
    ),
    "hold": Pair(
        # What fell due while it was held is charged at once when that ends (H-4).
        lambda s: s.held_for is None and s.pay_now is None and (s.retry_at or END) > NOW,
        lambda s: changed(s, cancellation_request.hold(s, TICKET)),
        lambda s: changed(s, charge_hold.release(s, TICKET.id, MERCHANT, NOW)),
    ),
}


@pytest.mark.spec("X-5", "X-11", "A-5", "H-4")
@settings(max_examples=examples(400), deadline=None)
@given(subscriptions(), st.lists(st.sampled_from(list(PAIRS)), min_size=1, max_size=4))
def test_what_is_done_and_undone_leaves_every_field_as_it_was(
    before: Subscription, done: list[str]
) -> None:
    stands, undos = before, list[tuple[Subscription, Pair]]()
    for pair in (PAIRS[name] for name in done):
        if pair.may(stands):
            undos.append((stands, pair))
            stands = pair.do(stands)
    assume(undos)
    for was, pair in reversed(undos):
        stands = pair.undo(stands)
        assert differing(was, stands) == {}


# ---- The same by the real flows


class RefusingError(Exception):
    """A request that cannot be done now, or cannot be undone."""


def _plan(world: World) -> None:
    other = world.product(replace(MONTHLY, price=Money(1999, Currency.USD))).default_price_point
    when = PlanWhen.NEXT_REBILL
    change_plan.change(world.ports, world.subscription(), other, when, now=world.now)


def _freeze(world: World) -> None:
    if world.subscription().thaws_to is not None:
        raise RefusingError
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)


def _unfreeze(world: World) -> None:
    freeze.unfreeze(world.ports, world.subscription(), now=world.now)


def _hold(world: World) -> None:
    if world.subscription().held or world.subscription().cancelling is not None:
        raise RefusingError
    ask_to_cancel(world)


def _release(world: World) -> None:
    found = world.subscription()
    decline(world, world.store.ticket("acme", found.held_for or "") or newest(world))


def _cancel(world: World) -> None:
    if world.subscription().cancelling is not None:
        raise RefusingError
    if world.cancel().result is not cancel.Result.PENDING:
        raise RefusingError


def _undo(world: World) -> None:
    cancel.undo(world.ports, world.subscription(), now=world.now)


def _pause(world: World) -> None:
    if world.subscription().state is State.PAUSED:
        raise RefusingError
    pause.pause(world.ports, world.subscription(), now=world.now)


def _resume(world: World) -> None:
    pause.resume(world.ports, world.subscription(), now=world.now)


def _waits(world: World) -> None:
    """Nobody came for three months, and then they did (R-2)."""
    world.now += timedelta(days=90)
    world.tick()


FLOWS = {
    "cancel": (_cancel, _undo),
    "pause": (_pause, _resume),
    "freeze": (_freeze, _unfreeze),
    "hold": (_hold, _release),
}
BEFORE: dict[str, Callable[[World], Any]] = {
    "plan": _plan,
    "freeze": _freeze,
    "hold": _hold,
    "dispute": disputed,
    "days": lambda world: world.advance(days=11),
    "months": lambda world: world.advance(days=40),
    "waits": _waits,
}
TRIAL = replace(DELAYED, initial=Initial(100, Span(14, Unit.DAY)))
FOUR = replace(DELAYED, type=PriceType.INSTALLMENT, installments=4)


@pytest.mark.spec("X-5", "X-11", "A-5", "H-4")
@settings(max_examples=examples(80), deadline=None)
@given(
    st.sampled_from([DELAYED, TRIAL, FOUR]),
    st.lists(st.sampled_from(list(BEFORE)), max_size=3),
    st.lists(st.sampled_from(list(FLOWS)), min_size=1, max_size=3),
)
def test_what_people_do_and_undo_leaves_every_field_as_it_was(
    terms: PriceTerms, before: list[str], done: list[str]
) -> None:
    world = World(limits=False)
    set_up(world, self_cancel=SelfService.MANUAL)
    world.buy(world.product(terms))
    for name in dict.fromkeys(before):
        world.now += timedelta(minutes=1)
        with suppress(BillingError, RefusingError):
            BEFORE[name](world)
    undos: list[tuple[Subscription, Callable[[World], None]]] = []
    for do, undo in (FLOWS[name] for name in done):
        was = world.subscription()
        assume(was.is_live)
        world.now += timedelta(minutes=1)
        with suppress(Refused, RefusingError):
            do(world)
            undos.append((was, undo))
    assume(undos and world.subscription().is_live)
    for was, undo in reversed(undos):
        world.now += timedelta(minutes=1)
        undo(world)
        assert differing(was, world.subscription()) == {}

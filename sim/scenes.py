"""The scenes that the exhaustive mode runs, and the actions that meet in them.

A new flow is added here: a scene that it is in, and the actions that come in while it runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.gateways import DisputeStanding
from billing.kernel.merchants import CreditAtEnd, Merchant, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import RetrySchedule
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.plans.plan_change import When
from sim import actions, card_changes, money_back, plan_changes
from sim.actions import Action, cancel_at_end, cancel_now, pause_now, pay_now
from sim.adversary import Adversary
from sim.card_changes import other_card, remove_card
from sim.chance import Chance
from sim.declarations import declare_end, withdraw
from sim.money_back import charged
from sim.plan import FREEZE_MINOR, Plan, Purchase, on_sale
from sim.plan_changes import change_to, freeze_next
from sim.run import Act, change_merchant
from sim.virtual_clock import DAY, MINUTE, SECOND

START = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
CHEAP = replace(MONTHLY, price=Money(999, Currency.USD))
SILVER = replace(MONTHLY, price=Money(3999, Currency.USD))
WEEKLY = replace(MONTHLY, period=Period.WEEKLY)
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))


SEED_OF_UNDO = 10
"""A customer who cancels at the end of the period undoes it within days."""


SEED_OF_FREEZE = 6
"""A customer who freezes stays frozen when the next payment is due."""


SEED_OF_ANSWER = 11
"""A buyer who answers the bank at the checkout, and some minutes late for another plan."""


class Scene(Value):
    """One customer's story, short enough to be run thousands of times."""

    name: str
    terms: PriceTerms
    card: str
    days: int
    seed: int = 1
    acts: tuple[Act, ...] = ()
    hears: bool = False
    coupon: str | None = None
    taxed: bool = False
    in_germany: bool = False


def _change(place: int, when: When, *, thinks_us: int = 0) -> Action:
    """Changes to the plan at that place among those on sale."""

    def change(adversary: Adversary, target: Subscription) -> None:
        _, point = adversary.world.plan.products[place]
        change_to(adversary, target, point.id, when, thinks_us=thinks_us)

    return change


def disarm(adversary: Adversary, target: Subscription) -> None:
    """Disarms the merchant, as a restore of the tables elsewhere does, until all heals (W-5)."""
    change_merchant(adversary.world, target.merchant, armed=False)


def give_visa(adversary: Adversary, target: Subscription) -> None:
    """Adds another card than the one that all of them buy with."""
    card_changes.give(adversary, target, "pm_card_visa", Chance(1, "gives"))


def use_first(adversary: Adversary, target: Subscription) -> None:
    """Has the oldest card charged again."""
    card_changes.use(adversary, target, lambda kept: kept[0].id)


def remove_first(adversary: Adversary, target: Subscription) -> None:
    """Removes the oldest card, whatever it pays for."""
    card_changes.remove(adversary, target, lambda kept: kept[0].id)


def remove_last(adversary: Adversary, target: Subscription) -> None:
    """Removes the newest card."""
    card_changes.remove(adversary, target, lambda kept: kept[-1].id)


def refund_soon(adversary: Adversary, target: Subscription) -> None:
    """Refunds the newest payment in a minute."""
    clockwork = adversary.world.clockwork
    refund = partial(money_back.refund_last, adversary, target)
    clockwork.at(clockwork.now_us + MINUTE, refund)


def refund_half(adversary: Adversary, target: Subscription) -> None:
    """Refunds half of the newest payment."""
    money_back.refund_part(adversary, target, 2)


def dispute_first_payment(adversary: Adversary, target: Subscription) -> None:
    """Disputes the whole first payment; its bank never decides."""
    for paid in charged(adversary.world, target)[:1]:
        adversary.world.gateway.sandbox.open_dispute(str(paid.gateway_ref), None)


def lose_first_payment(adversary: Adversary, target: Subscription) -> None:
    """Disputes what is left of the first payment, which the bank takes back three days later."""
    world = adversary.world
    reference = str(charged(world, target)[0].gateway_ref)
    sandbox = world.gateway.sandbox
    opened = sandbox.open_dispute(reference, None)
    close = partial(sandbox.close_dispute, reference, opened, DisputeStanding.LOST)
    world.clockwork.at(world.clockwork.now_us + 3 * DAY, close)


change_now, change_next = _change(1, When.NOW), _change(1, When.NEXT_REBILL)
change_cheaper = _change(3, When.NOW)
think_it_over, change_meanwhile = _change(1, When.NOW, thinks_us=MINUTE), _change(2, When.NOW)

SCENES = {
    scene.name: scene
    for scene in (
        Scene("renewal", MONTHLY, "pm_card_mastercard", 33),
        Scene("declined", TRIAL, "pm_card_chargeCustomerFail", 18),
        Scene("authenticated", MONTHLY, "pm_card_authenticationRequired", 34, 3),
        Scene(
            "declined beside another",
            TRIAL,
            "pm_card_chargeCustomerFail",
            18,
            acts=(Act(10, give_visa), Act(12, use_first)),
        ),
        Scene("left alone", ONCE, "pm_card_authenticationRequired", 2, 1),
        Scene("refused", ONCE, "pm_card_chargeDeclined", 2),
        Scene("bought once", ONCE, "pm_card_mastercard", 2),
        Scene("lowered", MONTHLY, "pm_card_mastercard", 33, coupon="THIRD"),
        Scene("renewed in Germany", WEEKLY, "pm_card_mastercard", 9, in_germany=True),
        Scene(
            "withdraws",
            WEEKLY,
            "pm_card_mastercard",
            12,
            acts=(Act(9, withdraw),),
            in_germany=True,
        ),
        Scene(
            "declares an end",
            WEEKLY,
            "pm_card_mastercard",
            12,
            acts=(Act(3, declare_end),),
            in_germany=True,
        ),
        Scene(
            "lowered and frozen",
            MONTHLY,
            "pm_card_mastercard",
            33,
            SEED_OF_FREEZE,
            acts=(Act(10, freeze_next),),
            coupon="THIRD",
        ),
        Scene("lowered to nothing", ONCE, "pm_card_mastercard", 2, coupon="FULL"),
        Scene("lowered and refused", ONCE, "pm_card_chargeDeclined", 2, coupon="EVER"),
        Scene("pays late", TRIAL, "pm_card_chargeCustomerFail", 18, acts=(Act(14, pay_now),)),
        Scene("pauses", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, pause_now),)),
        Scene("upgrades", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, change_now),)),
        Scene("upgrades next", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, change_next),)),
        Scene("changes free", GOLD, "pm_card_mastercard", 33, acts=(Act(10, change_now),)),
        Scene(
            "wants it back",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(12, money_back.refund_last)),
        ),
        Scene(
            "wants it back first",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, money_back.refund_last), Act(12, change_cheaper)),
        ),
        Scene(
            "bank takes it back",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(12, lose_first_payment)),
            hears=True,
        ),
        Scene(
            "is sent back",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(12, refund_half), Act(14, money_back.send_back)),
            hears=True,
        ),
        Scene(
            "is sent back after the bank took the rest",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(
                Act(10, change_cheaper),
                Act(12, refund_half),
                Act(13, lose_first_payment),
                Act(20, money_back.send_back),
            ),
            hears=True,
        ),
        Scene(
            "leaves credit",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(12, cancel_now)),
        ),
        Scene(
            "uses credit",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(11, change_next)),
        ),
        Scene(
            "proves it owes no tax",
            MONTHLY,
            "pm_card_mastercard",
            33,
            acts=(Act(10, money_back.refund_tax), Act(12, change_now)),
            taxed=True,
        ),
        Scene("pays by credit", GOLD, "pm_card_mastercard", 33, acts=(Act(10, change_cheaper),)),
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
            acts=(Act(9, disarm), Act(10, money_back.refund_last)),
        ),
        Scene("freezes", MONTHLY, "pm_card_mastercard", 33, acts=(Act(10, freeze_next),)),
        Scene(
            "thinks better of it",
            MONTHLY,
            "pm_card_mastercard",
            33,
            SEED_OF_UNDO,
            (Act(10, change_next), Act(12, cancel_at_end)),
        ),
        Scene(
            "stays frozen",
            MONTHLY,
            "pm_card_mastercard",
            33,
            SEED_OF_UNDO,
            (Act(10, freeze_next), Act(12, cancel_at_end)),
        ),
        Scene(
            "has to answer",
            MONTHLY,
            "pm_card_authenticationRequired",
            33,
            3,
            (Act(10, change_now),),
        ),
        Scene(
            "has to answer and disputes",
            MONTHLY,
            "pm_card_authenticationRequired",
            33,
            3,
            (Act(10, change_now),),
            hears=True,
        ),
        Scene(
            "wants it back before the answer",
            MONTHLY,
            "pm_card_authenticationRequired",
            14,
            SEED_OF_ANSWER,
            (Act(10, change_now), Act(10, refund_soon)),
        ),
    )
}

Meeting = tuple[str, str, int, Action]
"""A scene, the start of an invocation's name, its number among those, and the action it meets."""

MEETINGS: tuple[Meeting, ...] = (
    ("renewal", "charge sub", 0, actions.double_message),
    ("renewal", "charge sub", 0, cancel_now),
    ("renewal", "charge sub", 0, cancel_at_end),
    ("renewal", "charge sub", 0, money_back.refund_last),
    ("renewal", "charge sub", 0, pause_now),
    ("renewal", "charge sub", 0, freeze_next),
    ("uses credit", "charge sub", 0, money_back.refund_last),
    ("pays by credit", "charge sub", 0, pause_now),
    ("renewal", "charge sub", 0, actions.ask_to_cancel),
    ("renewal", "charge sub", 0, plan_changes.other_plan),
    ("renewed in Germany", "charge sub", 0, declare_end),
    ("renewed in Germany", "charge sub", 0, withdraw),
    ("renewal", "charge sub", 0, actions.sweep),
    ("renewal", "charge sub", 0, give_visa),
    ("gives a card", "charge sub", 0, remove_card),
    ("gives a card", "charge sub", 0, other_card),
    ("goes back", "card", 1, remove_first),
    ("tidies up", "card", 1, remove_last),
    ("tidies up", "card", 1, use_first),
    ("renewal", "tell", 0, actions.deliver_again),
    ("declined", "charge sub", 1, actions.double_message),
    ("declined", "charge sub", 1, cancel_now),
    ("declined", "charge sub", 1, pay_now),
    ("declined", "charge sub", 1, actions.ask_to_cancel),
    ("declined beside another", "charge sub", 1, remove_first),
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
            ("wants it back", "plan", (money_back.refund_last,)),
            ("wants it back", "refund", (change_now, cancel_now)),
            ("wants it back first", "refund", (change_cheaper,)),
            ("leaves credit", "cancel", (money_back.refund_last,)),
            ("proves it owes no tax", "refund", (change_now,)),
            ("gives a card", "card", (cancel_now, remove_card, other_card)),
            ("freezes", "freeze", (cancel_now, pause_now, change_now, change_next)),
            ("freezes", "plan", (cancel_now, change_now)),
            ("has to answer", "plan", (cancel_now, change_now)),
            ("has to answer and disputes", "plan", (dispute_first_payment,)),
        )
        for action in actions
    ),
    ("thinks better of it", "undo", 0, cancel_now),
    ("thinks better of it", "undo", 0, pause_now),
    ("thinks better of it", "undo", 0, actions.ask_to_cancel),
    ("bought once", "buyer 1 submit", 0, actions.click_again),
    ("bought once", "buyer 1 submit", 0, actions.look_at_attempt),
    ("authenticated", "buyer 1 submit", 0, actions.look_at_attempt),
)
"""The actions that come in a second after an invocation has begun."""

COMES = {
    actions.double_message: "charge",
    actions.look_at_attempt: "charge",
    cancel_now: "cancel",
    cancel_at_end: "cancel",
    money_back.refund_last: "refund",
    pause_now: "pause",
    pay_now: "pay",
    freeze_next: "freeze",
    change_now: "plan",
    change_next: "plan",
    change_cheaper: "plan",
    give_visa: "card",
    remove_card: "card",
    other_card: "card",
    dispute_first_payment: "webhook",
    use_first: "card",
    remove_first: "card",
    remove_last: "card",
    actions.ask_to_cancel: "ask",
    declare_end: "declare",
    withdraw: "declare",
    plan_changes.other_plan: "plan",
    actions.sweep: "sweep",
    actions.deliver_again: "tell",
    actions.click_again: "buyer",
    actions.come_back: "buyer",
}
"""The first word of the other invocation's name."""


def plan_of(scene: Scene) -> Plan:
    """Returns the world of one customer."""
    retries = RetrySchedule(every_days=1, attempts=2)
    settings = Settings(
        retry_schedule=retries,
        freeze_price_minor=FREEZE_MINOR,
        credit_at_end=CreditAtEnd.REFUND,
    )
    made_at = START - timedelta(days=1)
    merchant = Merchant("acme", "Acme", "hello@acme.example", made_at, settings)
    merchant = replace(merchant, lists_complete_at=made_at, catalog_listed_at=made_at)
    bought = on_sale(merchant, scene.terms, 1)
    others = (on_sale(merchant, terms, n) for n, terms in enumerate((GOLD, SILVER, CHEAP), 2))
    sold = [bought, *others]
    plan = Plan(START, scene.days * DAY, 1, False, {"acme": merchant}, sold, hears=scene.hears)
    at_us = plan.start_us + SECOND
    plan.couponed, plan.taxed = scene.coupon is not None, scene.taxed
    ann = Purchase(1, at_us, "ann@example.com", bought[1].id, scene.card, coupon=scene.coupon)
    ann = replace(ann, withdraws=scene.in_germany, starts_at_once=scene.in_germany)
    plan.purchases = [ann]
    return plan

"""The scenes that the exhaustive mode runs: one customer's story each.

A new flow is added here: a scene that it is in, and in `meetings` the actions that come in while it
runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.merchants import CreditAtEnd, Merchant, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.values import Value, replace
from sim import money_back
from sim.actions import cancel_at_end, cancel_now, pause_now, pay_now
from sim.announced import announce_rise, lose_weeks
from sim.declarations import declare_end, withdraw
from sim.plan import FREEZE_MINOR, Plan, Purchase, on_sale
from sim.plan_changes import freeze_next
from sim.run import Act
from sim.scene_acts import (
    change_cheaper,
    change_meanwhile,
    change_next,
    change_now,
    disarm,
    give_visa,
    lose_first_payment,
    lose_part,
    refund_half,
    refund_soon,
    remove_first,
    think_it_over,
    use_first,
    win_on_appeal,
)
from sim.virtual_clock import DAY, SECOND

START = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
CHEAP = replace(MONTHLY, price=Money(999, Currency.USD))
SILVER = replace(MONTHLY, price=Money(3999, Currency.USD))
WEEKLY = replace(MONTHLY, period=Period.WEEKLY)
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))

RISES = (Act(3, announce_rise),)
TOLD_LATE = (*RISES, Act(5, lose_weeks))

SEED_OF_UNDO = 10
"""A customer who cancels at the end of the period undoes it within days."""


SEED_OF_FREEZE = 6
"""A customer who freezes stays frozen when the next payment is due."""


SEED_OF_LAPSE = 99
"""A card that fails while its subscription is frozen, and pays when it is thawed."""


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
    keeps_unpaid: bool = False
    announces: bool = False
    returned: float = 0


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
            "wins on appeal",
            GOLD,
            "pm_card_mastercard",
            33,
            acts=(Act(10, change_cheaper), Act(12, lose_part), Act(20, win_on_appeal)),
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
        Scene("costs more", MONTHLY, "pm_card_mastercard", 33, acts=RISES, announces=True),
        Scene("told late", MONTHLY, "pm_card_mastercard", 33, acts=TOLD_LATE, announces=True),
        Scene("untold", MONTHLY, "pm_card_mastercard", 33, acts=RISES, announces=True, returned=1),
        Scene(
            "thaws what had lapsed",
            WEEKLY,
            "pm_card_visa",
            25,
            SEED_OF_LAPSE,
            acts=(Act(3, freeze_next),),
            keeps_unpaid=True,
        ),
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


def plan_of(scene: Scene) -> Plan:
    """Returns the world of one customer."""
    final = FinalAction.KEEP_PAST_DUE if scene.keeps_unpaid else FinalAction.CANCEL
    retries = RetrySchedule(every_days=1, attempts=2, final_action=final)
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
    plan.announces, plan.returned = scene.announces, scene.returned
    ann = Purchase(1, at_us, "ann@example.com", bought[1].id, scene.card, coupon=scene.coupon)
    ann = replace(ann, withdraws=scene.in_germany, starts_at_once=scene.in_germany)
    plan.purchases = [ann]
    return plan

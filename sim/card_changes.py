"""Changes of saved cards while a charge may be in flight (B-9, B-10, W-7).

Customers add, switch and remove cards; banks renew them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from billing.cards.flows import cards
from billing.kernel.customers import PaymentMethod
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.subscription import Subscription
from sim.chance import Chance
from sim.virtual_clock import SECOND, answered

if TYPE_CHECKING:
    from sim.adversary import Adversary
    from sim.world import World

TOKENS = (
    *("pm_card_visa", "pm_card_visa", "pm_card_mastercard"),
    *("pm_card_authenticationRequired", "pm_card_chargeCustomerFail", "pm_card_chargeDeclined"),
)


def new_card(adversary: Adversary, target: Subscription) -> None:
    """Adds another card, now and then twice, for one subscription or for all that the customer
    pays.
    """
    chance = _chance(adversary, target, "new card")
    give(adversary, target, chance.pick(TOKENS), chance)


def give(adversary: Adversary, target: Subscription, token: str, chance: Chance) -> None:
    """Makes one attempt to add a card, sent once or twice."""
    ports, (merchant, customer) = adversary.world.ports, (target.merchant, target.customer)
    key = f"{target.id}-{target.seq}-{target.period}"
    covered, default = chance.pick((None, (target.id,))), chance.happens(0.7)

    def work() -> None:
        cards.add(
            ports,
            merchant,
            customer,
            account=AccountRef(merchant, SANDBOX, SANDBOX),
            token=token,
            attempt_key=key,
            covered=covered,
            default=default,
            now=ports.clock(),
        )

    for _ in range(chance.pick((1, 1, 2))):
        _spawn(adversary, target, work, chance.between(0, SECOND))


def other_card(adversary: Adversary, target: Subscription) -> None:
    """Has another of the customer's cards charged from now on."""
    place = _chance(adversary, target, "other card").word()
    use(adversary, target, lambda kept: kept[place % len(kept)].id if kept else None)


def remove_card(adversary: Adversary, target: Subscription) -> None:
    """Removes a card, mostly the one that the subscription is charged to."""
    chance = _chance(adversary, target, "remove card")
    charged, place = chance.happens(0.7), chance.word()

    def one_of(kept: Sequence[PaymentMethod]) -> str | None:
        stands = adversary.world.oracle.subscription(target.id) or target
        return stands.payment_method if charged or not kept else kept[place % len(kept)].id

    remove(adversary, target, one_of)


def bank_renews(adversary: Adversary, target: Subscription) -> None:
    """Renews the card that a subscription is charged to, as its bank does (W-7).

    Mostly the number changes; the new expiry is in a year or so, far away or nearly over.
    """
    world = adversary.world
    if not world.webhooks.on:
        return  # no event would ever say so
    stands = world.oracle.subscription(target.id) or target
    method = stands.payment_method
    chance = Chance(world.seed, f"bank renews {method} {len(world.oracle.renewed[method])}")
    year, month = chance.pick((2026, 2027, 2040)), chance.between(1, 12)
    renew(world, method, expires_on=f"{year}-{month:02d}", another=chance.happens(0.8))


def renew(world: World, method: str, *, expires_on: str, another: bool = True) -> None:
    """Gives the gateway new details of a saved card, as the card network does.

    A date that another one followed does not come again: an expiry is told once for each date.
    """
    shown = world.gateway.sandbox.find_method(method)
    if shown is None:
        return
    renewals = world.oracle.renewed[method]
    last4 = f"{len(renewals):04d}" if another else shown.last4
    was_before = expires_on != shown.expires_on and any(expires_on == date for _, date in renewals)
    if was_before or (last4, expires_on) == (shown.last4, shown.expires_on):
        return
    renewals.append((last4, expires_on))
    world.oracle.tally["cards_renewed"] += 1
    world.gateway.sandbox.renew_card(method, last4=last4, expires_on=expires_on)


Choice = Callable[[Sequence[PaymentMethod]], str | None]
"""Chooses one of a customer's cards, oldest first; None for none of them."""


def use(adversary: Adversary, target: Subscription, choice: Choice) -> None:
    """Looks at the customer's cards and has one of them charged from now on."""
    _look_and(cards.use, adversary, target, choice)


def remove(adversary: Adversary, target: Subscription, choice: Choice) -> None:
    """Looks at the customer's cards and removes one."""
    _look_and(cards.remove, adversary, target, choice)


def _look_and(
    change: Callable[..., None], adversary: Adversary, target: Subscription, choice: Choice
) -> None:
    ports, (merchant, customer) = adversary.world.ports, (target.merchant, target.customer)

    def work() -> None:
        method = choice(cards.wallet(ports, merchant, customer).methods)
        if method is not None:
            change(ports, merchant, customer, method, now=ports.clock())

    _spawn(adversary, target, work)


def _chance(adversary: Adversary, target: Subscription, what: str) -> Chance:
    return Chance(adversary.world.seed, f"{what} {target.id} {target.seq} {target.period}")


def _spawn(
    adversary: Adversary, target: Subscription, work: Callable[[], None], after_us: int = 0
) -> None:
    clockwork = adversary.world.clockwork
    clockwork.spawn(f"card {target.id}", work, clockwork.now_us + after_us, answered)

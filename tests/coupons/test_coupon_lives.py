"""Lives of purchases with a coupon, to the cent (C-8, C-10)."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.checkout.checkouts import CheckoutState
from billing.checkout.flows import coupon_uses
from billing.coupons.coupons import Duration
from billing.coupons.flows import attach, coupons
from billing.kernel.catalog import Initial, PriceTerms, PriceType, TaxBehavior
from billing.kernel.errors import Conflict, Refused
from billing.kernel.gateways import Capabilities
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.plans.flows import freeze
from billing.plans.plan_change import When
from tests.coupons.couponing import charged, coupon, lines, usd, uses
from tests.plans.changing import GOLD, HALF, ask, change
from tests.scenarios.test_dunning import goes_bad, new_card
from tests.tax.taxing import BERLIN, LOS_ANGELES, booked, collecting
from tests.world import MONTHLY, World

TRIAL = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)))
FREE = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
INSTALLMENTS = replace(MONTHLY, type=PriceType.INSTALLMENT, installments=3)


def with_minimum() -> World:
    """A world whose gateway charges 0.50 at least."""
    world = World()
    world.sandbox.capabilities = Capabilities(minimum_minor=50, test=True)  # type: ignore[misc]
    return world


def months(world: World, count: int) -> None:
    for _ in range(count):
        world.advance(days=31)


@pytest.mark.spec("C-8")
def test_a_coupon_once_lowers_one_payment() -> None:
    world = World()
    coupon(world)
    world.buy(coupon="spring ")
    months(world, 2)
    assert charged(world) == [2249, 2999, 2999]
    first = world.history().invoices[0]
    assert lines(first) == [("charge", 2999, None), ("charge", -750, "SPRING")]
    assert booked(world) == {"revenue:sales": 2249 + 2 * 2999}
    assert world.subscription().discount is None
    assert uses(world) == 1


@pytest.mark.spec("C-8")
def test_a_coupon_for_three_payments_lowers_three() -> None:
    world = World()
    coupon(world, duration=Duration.REPEATING, charges=3)
    world.buy(coupon="SPRING")
    found = world.subscription()
    assert found.discount is not None and found.discount.charges_left == 2
    months(world, 4)
    assert charged(world) == [2249, 2249, 2249, 2999, 2999]


@pytest.mark.spec("C-8")
def test_a_coupon_for_ever_lowers_each_payment() -> None:
    world = World()
    coupon(world, duration=Duration.FOREVER, basis_points=None, amount_off=usd(1000))
    world.buy(coupon="SPRING")
    months(world, 3)
    assert charged(world) == [1999] * 4
    assert world.subscription().discount is not None


@pytest.mark.spec("C-8")
@pytest.mark.parametrize(("terms", "first"), [(TRIAL, [100]), (FREE, [])])
def test_an_initial_price_is_left_alone_and_uses_nothing(terms: object, first: list[int]) -> None:
    world = World()
    coupon(world)
    world.buy(world.product(terms), coupon="SPRING")  # type: ignore[arg-type]
    assert charged(world) == first
    assert uses(world) == 1
    months(world, 2)
    assert charged(world)[: len(first) + 2] == [*first, 2249, 2999]


@pytest.mark.spec("C-8")
def test_an_initial_price_is_lowered_where_the_coupon_says_so_beside_its_payments() -> None:
    world = World()
    coupon(world, applies_to_initial=True)
    world.buy(
        world.product(replace(TRIAL, initial=Initial(1000, Span(14, Unit.DAY)))), coupon="SPRING"
    )
    months(world, 2)
    assert charged(world)[:3] == [750, 2249, 2999]


@pytest.mark.spec("C-8")
def test_installments_are_counted_as_payments() -> None:
    world = World()
    coupon(world, duration=Duration.REPEATING, charges=2)
    world.buy(world.product(INSTALLMENTS), coupon="SPRING")
    months(world, 3)
    assert charged(world) == [2249, 2249, 2999]
    assert world.subscription().state is State.COMPLETED


@pytest.mark.spec("C-8", "P-11")
def test_a_price_that_a_coupon_takes_to_nothing_stores_card_and_consent() -> None:
    world = World()
    coupon(world, basis_points=None, amount_off=usd(5000))
    bought = world.buy(coupon="SPRING")
    assert bought.state is CheckoutState.PAID and bought.method is not None
    assert charged(world) == []
    history = world.history()
    assert len(history.consents) == 1 and len(history.methods) == 1
    assert lines(history.invoices[0]) == [("charge", 2999, None), ("charge", -2999, "SPRING")]
    assert world.subscription().money.in_use_minor == 0, "unused time is worth what was paid"
    assert uses(world) == 1
    months(world, 1)
    assert charged(world) == [2999], "a fixed amount leaves no rest"


@pytest.mark.spec("C-8", "A-4")
def test_a_period_that_cost_nothing_gives_no_credit_for_unused_time() -> None:
    world = World()
    coupon(world, basis_points=10_000)
    product = world.product(MONTHLY, GOLD)
    world.buy(product, coupon="SPRING")
    world.advance(to=HALF)
    quoted = ask(world, product.price_points[1])
    assert [line.amount.amount_minor for line in quoted.lines] == [2500, 0]


@pytest.mark.spec("C-8", "P-18")
def test_what_is_left_under_the_minimum_is_carried_to_the_next_invoice() -> None:
    world = with_minimum()
    coupon(world, basis_points=None, amount_off=usd(2980))
    world.buy(coupon="SPRING")
    assert charged(world) == []
    assert world.subscription().credit_minor == -19
    months(world, 2)
    assert charged(world) == [2999 + 19, 2999]
    assert world.subscription().credit_minor == 0


@pytest.mark.spec("C-8", "P-18")
def test_what_is_left_for_ever_under_the_minimum_adds_up_until_it_can_be_charged() -> None:
    world = with_minimum()
    coupon(world, basis_points=None, amount_off=usd(2980), duration=Duration.FOREVER)
    world.buy(coupon="SPRING")
    months(world, 5)
    assert charged(world) == [57, 57], "six payments"


@pytest.mark.spec("C-8", "C-1", "C-6", "P-19")
@pytest.mark.parametrize("tax", TaxBehavior)
@pytest.mark.parametrize("duration", [Duration.ONCE, Duration.FOREVER])
@pytest.mark.parametrize("terms", [MONTHLY, INSTALLMENTS, FREE])
def test_a_buyer_is_shown_what_is_carried_where_it_is_charged(
    terms: PriceTerms, duration: Duration, tax: TaxBehavior
) -> None:
    """The page of the checkout, and so the consent, has the amounts of the payments to come."""
    world = collecting(with_minimum())
    coupon(world, basis_points=None, amount_off=usd(2980), duration=duration)
    bought = world.buy(world.product(replace(terms, tax=tax)), coupon="SPRING", address=BERLIN)
    assert bought.consent.shown is not None
    months(world, 4)
    paid = world.history().invoices[1:4]
    inclusive = tax is TaxBehavior.INCLUSIVE
    assert [each.amount.amount_minor for each in bought.consent.shown.following] == [
        (each.total if inclusive or not each.total else each.net).amount_minor for each in paid
    ]


@pytest.mark.spec("C-8", "P-18")
def test_what_is_left_of_the_last_payment_is_waived() -> None:
    world = with_minimum()
    coupon(world, basis_points=None, amount_off=usd(2980), duration=Duration.FOREVER)
    world.buy(world.product(INSTALLMENTS), coupon="SPRING")
    months(world, 3)
    found = world.subscription()
    assert charged(world) == [57]
    assert (found.state, found.credit_minor) == (State.COMPLETED, 0)


@pytest.mark.spec("C-8", "C-10")
def test_tax_is_on_what_the_coupon_leaves() -> None:
    world = collecting(World())
    coupon(world)
    world.buy(world.product(MONTHLY), address=LOS_ANGELES, coupon="SPRING")
    # 6 %, 0.25 % and 2.25 % of 22.49, each rounded once.
    assert charged(world) == [2249 + 135 + 6 + 51]
    assert booked(world) == {"revenue:sales": 2249, "liabilities:tax:US-CA": 192}


@pytest.mark.spec("C-8", "C-10")
def test_a_price_with_its_tax_is_lowered_before_the_tax_is_taken_out() -> None:
    world = collecting(World())
    coupon(world, basis_points=5000)
    inclusive = replace(MONTHLY, price=usd(11900), tax=TaxBehavior.INCLUSIVE)
    world.buy(world.product(inclusive), address=BERLIN, coupon="SPRING")
    assert charged(world) == [5950]
    assert booked(world) == {"revenue:sales": 5000, "liabilities:tax:DE": 950}


@pytest.mark.spec("C-8", "C-10")
def test_a_price_with_its_tax_can_be_taken_to_nothing() -> None:
    world = collecting(World())
    coupon(world, basis_points=10_000)
    inclusive = replace(MONTHLY, price=usd(11900), tax=TaxBehavior.INCLUSIVE)
    world.buy(world.product(inclusive), address=BERLIN, coupon="SPRING")
    assert world.history().invoices[0].total == usd(0)
    assert lines(world.history().invoices[0])[:2] == [
        ("charge", 11900, None),
        ("charge", -11900, "SPRING"),
    ]


@pytest.mark.spec("C-8")
def test_a_declined_purchase_gives_its_use_back() -> None:
    world = World()
    coupon(world, max_uses=1, max_uses_per_customer=1)
    declined = world.buy(coupon="SPRING", payment_method="pm_card_chargeDeclined")
    assert declined.state is CheckoutState.DECLINED
    assert uses(world) == 0
    assert world.buy(coupon="SPRING").state is CheckoutState.PAID
    assert uses(world) == 1


@pytest.mark.spec("C-8")
def test_a_use_is_taken_while_somebody_pays_and_given_back_when_they_do_not() -> None:
    world = World()
    coupon(world, max_uses=1)
    waiting = world.buy(coupon="SPRING", payment_method="pm_card_authenticationRequired")
    assert waiting.state is CheckoutState.OPEN and uses(world) == 1
    with pytest.raises(Refused, match="coupon_over"):
        world.buy(coupon="SPRING", email="bob@example.com")
    world.advance(hours=2)
    assert uses(world) == 0
    assert world.buy(coupon="SPRING", email="bob@example.com").state is CheckoutState.PAID


@pytest.mark.spec("C-8", "C-9")
@pytest.mark.parametrize(
    "again",
    [
        {"email": "ann.e+x@gmail.com", "payment_method": "pm_card_mastercard"},
        {"email": "bob@example.com", "payment_method": "pm_card_visa"},
    ],
    ids=["mailbox", "card"],
)
def test_one_person_uses_a_coupon_as_often_as_it_says(again: dict[str, str]) -> None:
    world = World()
    coupon(world, max_uses_per_customer=1)
    world.buy(coupon="SPRING", email="anne@gmail.com")
    with pytest.raises(Refused, match="coupon_over"):
        world.buy(world.product(), coupon="SPRING", confirm_repeat=True, **again)
    other = {"email": "cid@example.com", "payment_method": "pm_card_mastercard"}
    assert world.buy(coupon="SPRING", **other).state is CheckoutState.PAID
    assert len(charged(world)) == 2


@pytest.mark.spec("C-8")
def test_many_who_use_a_coupon_at_once_all_buy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the first writes meets another buyer."""
    world = World()
    coupon(world)
    commit, meetings = world.store.commit, iter(range(4))

    def met(*writes: object) -> None:
        if any(type(getattr(w, "after", None)).__name__ == "Coupon" for w in writes):
            number = next(meetings, None)
            if number is not None:
                with monkeypatch.context() as patch:
                    patch.setattr(world.store, "commit", commit)
                    world.buy(
                        coupon="SPRING",
                        email=f"buyer{number}@example.com",
                        payment_method="pm_card_visa",
                    )
                raise Conflict()
        commit(*writes)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "commit", met)
    assert world.buy(coupon="SPRING").state is CheckoutState.PAID
    assert uses(world) == 5
    assert charged(world) == [2249] * 5


@pytest.mark.spec("C-8")
def test_the_last_use_is_had_by_one_of_two_who_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    coupon(world, max_uses=1)
    commit, meetings = world.store.commit, iter(range(1))

    def met(*writes: object) -> None:
        takes = any(type(getattr(w, "after", None)).__name__ == "Coupon" for w in writes)
        if takes and next(meetings, None) is not None:
            with monkeypatch.context() as patch:
                patch.setattr(world.store, "commit", commit)
                world.buy(coupon="SPRING", email="bob@example.com")
        commit(*writes)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "commit", met)
    with pytest.raises(Refused, match="coupon_over"):
        world.buy(coupon="SPRING")
    assert uses(world) == 1
    assert charged(world) == [2249]


@pytest.mark.spec("C-8")
def test_an_ended_coupon_takes_no_new_use_and_stays_where_it_is() -> None:
    world = World()
    coupon(world, duration=Duration.FOREVER)
    world.buy(coupon="SPRING")
    coupons.switch(world.ports, world.merchant, "spring", active=False)
    with pytest.raises(Refused, match="coupon_over"):
        world.buy(coupon="SPRING", email="bob@example.com")
    months(world, 1)
    assert charged(world) == [2249, 2249]


@pytest.mark.spec("C-8", "A-5")
def test_a_freeze_costs_its_price_and_uses_no_payment() -> None:
    world = World()
    coupon(world, duration=Duration.REPEATING, charges=2)
    world.buy(coupon="SPRING")
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    months(world, 1)
    assert charged(world) == [2249, 999]
    found = world.subscription()
    assert found.discount is not None and found.discount.charges_left == 1


@pytest.mark.spec("C-8", "A-4")
def test_a_coupon_stays_with_another_plan_unless_it_is_for_this_one_alone() -> None:
    world = World()
    product = world.product(MONTHLY, GOLD)
    coupon(world, duration=Duration.FOREVER)
    coupon(world, "ONLY", duration=Duration.FOREVER, price_points=(product.price_points[0],))
    world.buy(product, coupon="SPRING")
    change(world, product.price_points[1], When.NEXT_REBILL)
    world.advance(days=31)
    assert charged(world)[-1] == 4999 - 1250
    other = World()
    product = other.product(MONTHLY, GOLD)
    coupon(other, duration=Duration.FOREVER, price_points=(product.price_points[0],))
    other.buy(product, coupon="SPRING")
    change(other, product.price_points[1], When.NEXT_REBILL)
    other.advance(days=31)
    assert charged(other)[-1] == 4999
    assert other.subscription().discount is None


@pytest.mark.spec("C-8")
def test_a_merchant_gives_a_running_subscription_a_coupon_and_takes_it_away() -> None:
    world = World()
    coupon(world, duration=Duration.FOREVER, max_uses_per_customer=1)
    world.buy()
    given = attach.attach(world.ports, world.subscription(), "spring", now=world.now)
    assert given.discount is not None and uses(world) == 1
    assert attach.attach(world.ports, given, "SPRING", now=world.now) == given
    months(world, 1)
    attach.detach(world.ports, world.subscription())
    months(world, 1)
    assert charged(world) == [2999, 2249, 2999]
    with pytest.raises(Refused, match="coupon_over"):
        attach.attach(world.ports, world.subscription(), "SPRING", now=world.now)


@pytest.mark.spec("C-8", "R-4")
def test_a_failed_attempt_uses_nothing_and_the_retry_keeps_the_discount() -> None:
    world = World()
    coupon(world, duration=Duration.REPEATING, charges=2)
    world.buy(coupon="SPRING")
    goes_bad(world, "pm_card_chargeCustomerFail")
    world.advance(days=29)
    found = world.subscription()
    assert found.state is State.PAST_DUE and found.open_invoice is not None
    opened = world.store.invoice("acme", found.customer, found.open_invoice)
    assert opened is not None and opened.total == usd(2249)
    assert found.discount is not None and found.discount.charges_left == 1
    new_card(world)
    assert world.subscription().discount is None
    world.advance(days=31)
    assert charged(world) == [2249, 2249, 2999]


@pytest.mark.spec("C-8", "W-1")
def test_who_reads_an_attempt_before_and_its_coupon_after_it_was_settled_reads_again() -> None:
    """Found by the simulator (seed 1011): two events of one declined payment meet."""
    world = World()
    coupon(world, max_uses=1)
    waiting = world.buy(coupon="SPRING", payment_method="pm_card_authenticationRequired")
    world.advance(hours=2)
    assert uses(world) == 0
    with pytest.raises(Conflict):
        coupon_uses.given_back(world.ports, waiting)


@pytest.mark.spec("C-8", "C-2")
@pytest.mark.parametrize("most", [None, 5])
def test_a_hot_coupon_fails_nobody_but_those_who_come_too_late(most: int | None) -> None:
    """Buyers in threads of their own, as functions are."""
    world = World(limits=False)
    coupon(world, max_uses=most)
    product = world.product()

    def bought(number: int) -> str:
        try:
            return world.buy(product, coupon="SPRING", email=f"b{number}@example.com").state.value
        except Refused as refused:
            return refused.code

    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(bought, range(24)))
    finally:
        sys.setswitchinterval(was)
    paid = 24 if most is None else most
    assert sorted(answers) == sorted(["paid"] * paid + ["coupon_over"] * (24 - paid))
    assert uses(world) == len(charged(world)) == paid

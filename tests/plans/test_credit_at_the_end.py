"""Credit that is left when a subscription ends is refunded or kept, and never lost (A-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cancel.flows import cancel
from billing.kernel.errors import Invalid
from billing.kernel.gateways import Capabilities, DisputeStanding
from billing.kernel.merchants import CreditAtEnd, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Write
from billing.outbox.flows import deliver
from billing.plans.flows import change_plan
from billing.plans.plan_change import When as PlanWhen
from billing.rebill.flows import attention
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from tests.plans.changing import YEARLY, change
from tests.plans.test_value_once import CHEAP, DEAR, credit, give_back
from tests.rebill.opened import unconfirmed
from tests.scenarios.disputes import LOST, WON, decide, disputed
from tests.world import MONTHLY, World, meanwhile


def settle_by(world: World, credit_at_end: CreditAtEnd) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, credit_at_end=credit_at_end))


def downgraded(world: World, *terms: object) -> None:
    """A plan bought a moment ago and changed to a cheaper one, which leaves credit."""
    product = world.product(*(terms or (DEAR, CHEAP)))  # type: ignore[arg-type]
    world.buy(product)
    change(world, product.price_points[1])
    world.tick()


def refunded(world: World) -> list[int]:
    return [o.amount.amount_minor for o in world.orders() if o.kind is OrderKind.REFUND]


def mail(world: World, subject: str) -> str:
    found = [m for m in world.mailer.sent if subject in str(m["Subject"])]
    body = found[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_older_merchants_keep_credit_and_new_ones_refund_it() -> None:
    assert Settings().credit_at_end is CreditAtEnd.KEEP
    assert Settings.of_new_merchant().credit_at_end is CreditAtEnd.REFUND


@pytest.mark.spec("A-4", "X-7")
@pytest.mark.parametrize("when", list(When))
def test_credit_is_refunded_when_the_subscription_ends(world: World, when: When) -> None:
    settle_by(world, CreditAtEnd.REFUND)
    downgraded(world, replace(YEARLY), MONTHLY)
    left = credit(world)
    assert left == 19900 - 2999
    world.now += timedelta(seconds=1)
    world.cancel(when)
    world.tick()
    if when is When.PERIOD_END:
        assert refunded(world) == []
        assert "Your remaining credit of $169.01 will be refunded" in mail(world, "will end on")
        world.advance(days=32)
    assert (refunded(world), credit(world)) == ([left], 0)
    assert "Your remaining credit of $169.01 will be refunded" in mail(world, "has ended")
    (charge,) = world.charges()
    assert charge["refunded"] == left
    deliver.sweep(world.ports, now=world.now + timedelta(hours=1))
    assert refunded(world) == [left]


@pytest.mark.spec("A-4")
def test_credit_goes_back_by_the_newest_payments_each_up_to_what_is_left_of_it(
    world: World,
) -> None:
    settle_by(world, CreditAtEnd.REFUND)
    product = world.product(CHEAP, DEAR, replace(MONTHLY))
    world.buy(product)
    cheap, dear, other = product.price_points
    change(world, dear)  # 6000 more are paid
    change(world, other)
    assert credit(world) == 9000 - 2999
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    world.tick()
    world.tick()
    assert sorted(refunded(world)) == [1, 6000]
    assert credit(world) == 0
    assert cheap != dear


@pytest.mark.spec("A-4", "R-6")
def test_a_refund_of_credit_that_was_not_answered_is_made_once(world: World) -> None:
    settle_by(world, CreditAtEnd.REFUND)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    world.sandbox.faults.arm("timeout_after", 1)
    world.tick()
    world.advance(hours=2)
    assert (refunded(world), credit(world)) == ([6000], 0)
    assert [c["refunded"] for c in world.charges()] == [6000]


@pytest.mark.spec("A-4")
def test_kept_credit_is_shown_under_attention_and_used_by_the_next_subscription(
    world: World,
) -> None:
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    world.tick()
    assert "Your remaining credit of $60.00 stays with Acme Courses" in mail(world, "has ended")
    found = attention.page(world.ports, world.merchant, limit=10, cursor=None, now=world.now)
    ((matter),) = found.page.data
    assert (matter.what, matter.total.amount_minor) == ("credit", 6000)
    assert (refunded(world), credit(world)) == ([], 6000)

    world.buy(world.product(replace(MONTHLY)))
    world.tick()
    old, new = sorted(world.history().subscriptions, key=lambda s: s.started_at)
    assert (old.credit_minor, new.credit_minor) == (0, 6000)
    found = attention.page(world.ports, world.merchant, limit=10, cursor=None, now=world.now)
    assert found.page.data == ()
    world.advance(days=62)
    charged = sorted((c["at"][:10], c["amount"]["amount"]) for c in world.charges())
    first = [("2026-01-31", 2999), ("2026-01-31", 9000)]
    assert charged == first, "the first payment is made, the next two by credit"
    world.advance(days=31)
    charged = sorted((c["at"][:10], c["amount"]["amount"]) for c in world.charges())
    assert charged[2:] == [("2026-04-30", 2999 - 2)]


@pytest.mark.spec("A-4")
def test_credit_that_came_from_another_subscription_is_not_taken_by_a_refund_here(
    world: World,
) -> None:
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    world.buy(world.product(replace(MONTHLY)), email="ann@example.com")
    world.tick()
    new = max(world.history().subscriptions, key=lambda s: s.started_at)
    assert new.credit_minor == 6000
    assert new.returning(0, 2999).credit_minor == 6000


@pytest.mark.spec("A-4", "W-4", "X-7")
@pytest.mark.parametrize(("taken", "left"), [(9000, None), (1000, "$50.00"), (6000, None)])
def test_credit_that_a_lost_dispute_took_is_not_promised(
    world: World, taken: int, left: str | None
) -> None:
    settle_by(world, CreditAtEnd.REFUND)
    downgraded(world)
    world.now += timedelta(seconds=1)
    decide(world, disputed(world, taken), LOST)
    world.tick()
    ended = mail(world, "has ended")
    assert ("remaining credit" in ended) is (left is not None)
    assert left is None or f"remaining credit of {left} will be refunded" in ended
    assert (refunded(world), credit(world)) == ([5000] if left else [], 0)


@pytest.mark.spec("A-4", "B-7", "X-7")
def test_credit_that_is_taken_back_while_the_end_comes_is_not_promised(world: World) -> None:
    settle_by(world, CreditAtEnd.REFUND)
    downgraded(world)
    world.cancel()
    ends_at = world.subscription().ends_at
    assert ends_at is not None
    world.now = ends_at
    commit = world.store.commit

    def once_it_was_refunded(*writes: Write) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        meanwhile(lambda: give_back(world))
        commit(*writes)

    world.store.commit = once_it_was_refunded  # type: ignore[method-assign]
    cancel.sweep(world.ports, now=world.now)
    world.now += timedelta(minutes=20)
    world.tick()
    assert world.subscription().state is State.CANCELLED
    assert "remaining credit" not in mail(world, "has ended")


@pytest.mark.spec("A-4", "X-7")
def test_no_words_about_credit_where_there_is_none(world: World) -> None:
    world.buy()
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    world.tick()
    assert world.subscription().state is State.CANCELLED
    assert "credit" not in mail(world, "has ended")
    assert Source.CUSTOMER is world.subscription().ended_by


@pytest.mark.spec("A-4", "B-7")
def test_credit_that_was_taken_back_meanwhile_is_not_refunded_again(world: World) -> None:
    """Somebody refunds the payment between the reading of the credit and its refund."""
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    sale = next(o for o in world.orders() if o.kind is OrderKind.SALE)
    asked = {"amount_minor": 6000, "source": Source.SYSTEM, "now": world.now, "name": "late"}
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", sale.id),
        amount_minor=5000,
        source=Source.MERCHANT,
        now=world.now,
    )
    with pytest.raises(Invalid, match=r"amount_out_of_range .*most=.*=1000,"):
        refund.request(
            world.ports, refund.payment(world.ports, "acme", sale.id), takes=Takes.CREDIT, **asked
        )  # type: ignore[arg-type]
    assert (refunded(world), credit(world)) == ([5000], 1000)


def newest(world: World) -> Subscription:
    return max(world.history().subscriptions, key=lambda each: each.started_at)


@pytest.mark.spec("A-4")
def test_credit_that_comes_while_a_change_of_plan_is_being_paid_is_kept(world: World) -> None:
    """It is carried over by the outbox, whose purchase the customer has already changed."""
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    product = world.product(CHEAP, DEAR)
    world.buy(product)
    world.sandbox.faults.arm("timeout_before", 1)
    began = change_plan.change(
        *(world.ports, newest(world), product.price_points[1], PlanWhen.NOW), now=world.now
    )
    assert began.result is change_plan.Result.PROCESSING
    world.tick()
    assert newest(world).credit_minor == 6000
    world.advance(hours=1)
    assert newest(world).price_point == product.price_points[1]
    assert newest(world).credit_minor == 6000


@pytest.mark.spec("A-4", "W-4", "B-7")
@pytest.mark.parametrize(("standing", "left"), [(LOST, 0), (WON, 6000)])
def test_credit_of_a_disputed_payment_stays_where_the_bank_decides_about_it(
    world: World, standing: DisputeStanding, left: int
) -> None:
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    dispute = disputed(world)
    world.now += timedelta(seconds=1)
    world.buy(world.product(replace(MONTHLY)))
    world.tick()
    decide(world, dispute, standing)
    assert sum(each.credit_minor for each in world.history().subscriptions) == left
    assert newest(world).credit_minor == 0
    world.now += timedelta(seconds=1)
    world.buy(world.product(replace(MONTHLY)))
    world.tick()
    assert newest(world).credit_minor == left


@pytest.mark.spec("A-4", "P-18")
def test_credit_that_comes_to_what_is_owed_pays_for_it(world: World) -> None:
    """A change of plan for 30 cents is under the gateway's minimum, and owed with the next one."""
    world.sandbox.capabilities = Capabilities(minimum_minor=50, test=True)  # type: ignore[misc]
    settle_by(world, CreditAtEnd.KEEP)
    downgraded(world)
    world.now += timedelta(seconds=1)
    world.cancel(When.NOW)
    dearer = replace(CHEAP, price=Money(3030, Currency.USD))
    product = world.product(CHEAP, dearer)
    world.buy(product)
    asked = (world.ports, newest(world), product.price_points[1], PlanWhen.NOW)
    change_plan.change(*asked, now=world.now)
    assert newest(world).credit_minor == -30
    world.tick()
    assert newest(world).credit_minor == 6000 - 30
    world.advance(days=30)
    assert newest(world).credit_minor == 6000 - 30 - 3030


def owing(world: World) -> tuple[str, ...]:
    """A subscription that owes 30 cents with its next payment; the price points of its product."""
    world.sandbox.capabilities = Capabilities(minimum_minor=50, test=True)  # type: ignore[misc]
    product = world.product(CHEAP, replace(CHEAP, price=Money(3030, Currency.USD)), DEAR)
    world.buy(product)
    change(world, product.price_points[1])
    assert credit(world) == -30
    return product.price_points


def credited(world: World) -> None:
    before = world.subscription()
    world.store.commit(Change(before, before.with_credit(6000)))
    assert (credit(world), world.subscription().money.credit_minor) == (5970, 5970)


@pytest.mark.spec("A-4", "P-18")
@pytest.mark.parametrize("changes", [True, False])
def test_credit_that_comes_while_what_is_owed_is_being_charged_is_kept_whole(
    world: World, changes: bool
) -> None:
    dear = owing(world)[2]
    with unconfirmed(world):
        if changes:
            change(world, dear)
        else:
            world.advance(to=world.subscription().payment_at(1))
    assert world.subscription().open_invoice is not None
    credited(world)
    world.advance(hours=2)
    assert world.subscription().open_invoice is None
    assert sum(c["amount"]["amount"] for c in world.charges()) == (9000 if changes else 6060)
    assert (credit(world), world.subscription().money.credit_minor) == (6000, 6000)


@pytest.mark.spec("A-4", "B-7", "P-18")
def test_time_that_was_owed_and_paid_by_credit_is_not_taken_back_with_its_own_payment(
    world: World,
) -> None:
    owing(world)
    credited(world)
    paid = world.subscription().money
    assert sum(share.paid_minor for share in paid.shares) == 3000 + 6000
    assert (paid.in_use_minor, paid.credit_minor) == (3030, 5970)
    give_back(world)
    left = world.subscription().money
    assert (left.in_use_minor, left.credit_minor) == (30, 5970)


@pytest.mark.spec("A-4", "C-8")
def test_credit_that_comes_while_a_payment_is_postponed_pays_for_it(world: World) -> None:
    """A coupon leaves too little to charge; the credit comes while that is settled."""
    world.buy(world.product(CHEAP))
    before = world.subscription().with_credit(100)
    day = world.now.date()
    after = before.paid(world.now, day, None, paid_minor=40, postponed_minor=40)
    assert (after.credit_minor, after.money.credit_minor) == (60, 60)
    assert (after.money.in_use_minor, sum(s.paid_minor for s in after.money.shares)) == (40, 100)

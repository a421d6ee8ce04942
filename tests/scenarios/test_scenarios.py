"""Customers' lives, from the first payment on: the real specification of billing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.checkout.checkouts import CheckoutState
from billing.kernel import ledger
from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from tests.world import MONTHLY, World


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.spec("C-3", "R-1", "P-5", "P-12")
def test_a_monthly_customer_is_charged_at_checkout_and_then_month_by_month(world: World) -> None:
    bought = world.buy()
    assert bought.state is CheckoutState.PAID
    assert world.subscription().next_charge_at == bought.next_charge_at
    world.advance(days=100)
    assert [o.kind for o in world.orders()] == [OrderKind.SALE] + [OrderKind.REBILL] * 3
    assert [o.at.date().isoformat() for o in world.orders()] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]
    assert [c["status"] for c in world.charges()] == ["succeeded"] * 4
    assert world.subscription().payments_made == 4


@pytest.mark.spec("P-3")
def test_a_one_time_purchase_leaves_nothing_to_charge_or_to_cancel(world: World) -> None:
    bought = world.buy(world.product(PriceTerms(PriceType.ONE_TIME, usd(4900))))
    assert bought.invoice.subscription is None
    world.advance(days=800)
    assert len(world.charges()) == 1
    assert world.history().subscriptions == ()


@pytest.mark.spec("P-4", "R-7", "P-10")
def test_a_one_time_price_with_an_initial_payment_rebills_once_and_completes(world: World) -> None:
    terms = PriceTerms(PriceType.ONE_TIME, usd(19900), initial=Initial(100, Span(14, Unit.DAY)))
    world.buy(world.product(terms))
    assert world.subscription().state is State.TRIALING
    world.advance(days=365)
    assert [c["amount"]["amount"] for c in world.charges()] == [100, 19900]
    subscription = world.subscription()
    assert subscription.state is State.COMPLETED
    assert subscription.gives_access(world.now)
    assert subscription.next_charge_at is None


@pytest.mark.spec("P-11")
def test_a_free_start_stores_a_card_and_is_an_order_of_nothing(world: World) -> None:
    terms = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(terms))
    assert world.charges() == []
    assert [(o.kind, o.amount) for o in world.orders()] == [(OrderKind.SALE, usd(0))]
    assert len(world.history().methods) == 1
    world.advance(days=60)
    assert [c["at"][:10] for c in world.charges()] == ["2026-02-14", "2026-03-14"]


@pytest.mark.spec("P-6")
def test_four_installments_are_four_charges_and_then_it_ends_by_itself(world: World) -> None:
    terms = PriceTerms(PriceType.INSTALLMENT, usd(9900), Period.EVERY_2_WEEKS, 4)
    world.buy(world.product(terms))
    world.advance(days=365)
    assert [c["at"][:10] for c in world.charges()] == [
        "2026-01-31",
        "2026-02-14",
        "2026-02-28",
        "2026-03-14",
    ]
    assert world.subscription().state is State.COMPLETED
    assert world.subscription().payments_made == 4


@pytest.mark.spec("P-7", "P-8")
def test_three_payments_a_year_come_again_the_next_year() -> None:
    world = World(datetime(2026, 1, 1, 15, tzinfo=UTC))
    terms = PriceTerms(PriceType.RECURRING_INSTALLMENT, usd(9900), Period.MONTHLY, 3, Cycle.YEARLY)
    world.buy(world.product(terms))
    world.advance(to=datetime(2027, 6, 1, tzinfo=UTC))
    assert [c["at"][:10] for c in world.charges()] == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
        "2027-01-01",
        "2027-02-01",
        "2027-03-01",
    ]


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "unavailable"])
@pytest.mark.parametrize("calls_before", [0, 1, 2])
def test_a_rebill_that_the_gateway_did_not_answer_is_charged_once_in_the_end(
    world: World, fault: str, calls_before: int
) -> None:
    world.buy()
    world.now = world.subscription().due_at or world.now
    world.sandbox.faults.arm(fault, calls_before + 1)
    world.advance(days=2)
    assert len(world.charges()) == 2
    assert world.subscription().payments_made == 2


@pytest.mark.spec("R-4")
def test_a_card_that_fails_is_tried_four_times_and_then_the_subscription_ends(
    world: World,
) -> None:
    terms = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(terms), payment_method="pm_card_chargeCustomerFail")
    anchor = world.subscription().anchor
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE
    assert world.subscription().next_charge_at == world.subscription().retry_at
    world.advance(days=30)
    assert [c["at"][:10] for c in world.charges()] == [
        "2026-02-14",
        "2026-02-17",
        "2026-02-20",
        "2026-02-23",
    ]
    subscription = world.subscription()
    assert (subscription.state, subscription.ended_by) == (State.CANCELLED, "dunning")
    assert subscription.anchor == anchor
    assert world.orders()[-1].kind in {OrderKind.CANCELLATION, OrderKind.FAILED}
    kinds = [o.kind for o in world.orders()]
    assert kinds.count(OrderKind.FAILED) == 4
    assert kinds.count(OrderKind.CANCELLATION) == 1
    assert [i.state for i in world.history().invoices][-1] is InvoiceState.UNCOLLECTIBLE


@pytest.mark.spec("R-4")
def test_a_merchant_may_keep_what_is_unpaid_past_due_for_ever(world: World) -> None:
    schedule = RetrySchedule(every_days=2, attempts=2, final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=Settings(retry_schedule=schedule))
    terms = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(terms), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=60)
    assert len(world.charges()) == 2
    assert world.subscription().state is State.PAST_DUE
    assert world.subscription().next_charge_at is None


@pytest.mark.spec("R-2")
def test_what_was_missed_for_days_is_caught_up_one_a_local_day(world: World) -> None:
    weekly = replace(MONTHLY, period=Period.WEEKLY)
    world.change_merchant(settings=replace(world.merchant.settings, catch_up_days=30))
    world.buy(world.product(weekly))
    world.now = datetime(2026, 2, 22, 12, tzinfo=UTC)  # three payments late, by 15, 8 and 1 days
    world.advance(days=4)
    assert [c["at"][:10] for c in world.charges()] == [
        "2026-01-31",
        "2026-02-22",
        "2026-02-23",
        "2026-02-24",
    ]
    world.advance(days=4)
    assert world.charges()[-1]["at"][:10] == "2026-02-28"


@pytest.mark.spec("R-2")
def test_what_was_missed_for_longer_waits_until_the_merchant_says(world: World) -> None:
    world.buy()
    world.now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    tally = world.tick()
    assert tally["waiting"] == 1
    world.advance(days=30)
    assert len(world.charges()) == 1
    assert world.subscription().waiting_since is not None


@pytest.mark.spec("R-3", "W-5")
@pytest.mark.parametrize("fields", [{"armed": False}, {"stopped": True}])
def test_nothing_is_charged_for_a_merchant_who_is_stopped_or_disarmed(
    world: World, fields: dict[str, bool]
) -> None:
    product = world.product()
    world.buy(product)
    world.change_merchant(**fields)
    world.advance(days=30)
    assert len(world.charges()) == 1
    with pytest.raises(Refused):
        world.buy(product, email="bob@example.com")
    world.change_merchant(armed=True, stopped=False)
    world.advance(hours=1)
    assert len(world.charges()) == 2


@pytest.mark.spec("M-7")
def test_every_payment_balances_in_the_ledger_and_invoices_are_numbered_without_gaps(
    world: World,
) -> None:
    product = world.product()
    for name in ("ann", "bob", "cid"):
        world.buy(product, email=f"{name}@example.com")
    world.advance(days=70)
    people = [world.history(f"{name}@example.com") for name in ("ann", "bob", "cid")]
    balance = ledger.trial_balance(entry for person in people for entry in person.ledger)
    assert sum(balance.values()) == 0
    received = balance["assets:gateway:sandbox:sandbox", Currency.USD]
    assert received == sum(c["amount"]["amount"] for c in world.charges()) == 9 * 2999
    numbers = sorted(i.number or "" for person in people for i in person.invoices)
    assert numbers == [f"TEST-{n:06d}" for n in range(1, 10)]


@pytest.mark.spec("C-3", "R-8", "B-2")
def test_the_buyer_is_mailed_at_once_with_invoice_and_order_id(world: World) -> None:
    bought = world.buy()
    world.tick()
    (mail,) = world.mailer.sent
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["To"] == "ann@example.com"
    assert bought.invoice.order_id in text
    assert "/portal/acme/invoices/" in text
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "invoice.pdf"
    world.tick()
    assert len(world.mailer.sent) == 1


@pytest.mark.spec("C-3")
def test_the_order_id_is_only_in_the_mail_where_the_merchants_template_holds_it(
    world: World,
) -> None:
    settings = replace(world.merchant.settings, confirmation_template="Thank you, {name}!")
    world.change_merchant(settings=settings)
    bought = world.buy()
    world.tick()
    text = world.mailer.sent[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert bought.invoice.order_id not in text
    assert "Thank you, Ann Example!" in text


@pytest.mark.spec("P-18")
def test_a_price_change_touches_no_existing_subscription(world: World) -> None:
    product = world.product()
    world.buy(product)
    point = world.store.price_point(product.default_price_point)
    assert point is not None
    dearer = replace(point, version=2, terms=replace(point.terms, price=usd(9999)))
    world.store.commit(Insert(dearer))
    world.advance(days=28)
    assert [c["amount"]["amount"] for c in world.charges()] == [2999, 2999]
    world.buy(product, email="bob@example.com")
    assert sorted(c["amount"]["amount"] for c in world.charges()) == [2999, 2999, 9999]


@pytest.mark.spec("R-1")
def test_two_sweeps_and_doubled_messages_charge_once(world: World) -> None:
    for name in range(5):
        world.buy(email=f"c{name}@example.com")
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    world.sweep()
    world.sweep()
    world.queue.bodies += list(world.queue.bodies)
    world.work()
    world.tick()
    assert len(world.charges()) == 10

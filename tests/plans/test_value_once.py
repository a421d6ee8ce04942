"""Value returned once: a customer's payment comes back as time, as credit, or as money (A-4,
B-7).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.kernel.catalog import Initial
from billing.kernel.errors import Refused
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.invoices import Invoice
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.plan_change import When
from billing.rebill.flows import overdue
from billing.refunds.flows import refund, sync_disputes, sync_refunds
from billing.refunds.flows.refund import Takes
from tests.plans.changing import ask, bought, change, refused
from tests.rebill.opened import unconfirmed
from tests.world import MONTHLY, START, World

DEAR = replace(MONTHLY, price=Money(9000, Currency.USD))
CHEAP = replace(MONTHLY, price=Money(3000, Currency.USD))
WEEKLY_DEAR = replace(DEAR, period=Period.WEEKLY)
WEEKLY_CHEAP = replace(CHEAP, period=Period.WEEKLY)


def at_once(world: World, *terms: object) -> tuple[str, ...]:
    """The first of these plans is bought, a moment ago; their price points."""
    product = world.product(*(terms or (DEAR, CHEAP)))  # type: ignore[arg-type]
    world.buy(product)
    assert world.now == START
    return product.price_points


def taken(world: World) -> list[tuple[str, int]]:
    """Returns the charges by day, whether or not they were refunded since."""
    return sorted((c["at"][:10], c["amount"]["amount"]) for c in world.charges())


def payment(world: World, place: int = 0) -> Invoice:
    return world.history().invoices[place]


def give_back(
    world: World, place: int = 0, amount: int | None = None, takes: Takes = Takes.OWN
) -> int:
    """Refund a payment, the `place`th; how much went back."""
    entry = refund.request(
        world.ports,
        refund.payment(world.ports, "acme", payment(world, place).order_id),
        amount_minor=amount,
        source=Source.MERCHANT,
        takes=takes,
        now=world.now,
    )
    return entry.amount.amount_minor


def credit(world: World) -> int:
    return world.subscription().credit_minor


def disputed(world: World, standing: DisputeStanding, place: int = 0, amount: int = 0) -> None:
    invoice = payment(world, place)
    taken = Money(amount or invoice.total.amount_minor, Currency.USD)
    found = Dispute("dp_1", standing, taken, invoice.gateway_ref or "", world.now)
    sync_disputes.update(world.ports, world.merchant, invoice, [found], now=world.now)


@pytest.mark.spec("A-4", "B-7")
def test_a_refund_takes_back_the_credit_that_its_payment_gave(world: World) -> None:
    _, cheap = at_once(world)
    change(world, cheap)
    assert credit(world) == 6000
    assert give_back(world) == 9000
    assert credit(world) == 0
    world.advance(days=30)
    assert taken(world)[1:] == [("2026-02-28", 3000)], "the next payment is made in full"


@pytest.mark.spec("A-4", "B-7")
def test_what_was_refunded_leaves_no_credit_when_the_plan_changes_after_it(world: World) -> None:
    _, cheap = at_once(world)
    give_back(world, amount=4000)
    quoted = ask(world, cheap)
    assert [line.amount.amount_minor for line in quoted.lines] == [3000, -5000, 2000]
    change(world, cheap, token=quoted.token)
    assert credit(world) == 2000
    give_back(world)
    assert credit(world) == 0


@pytest.mark.spec("A-4", "B-7")
def test_after_a_full_refund_another_plan_is_paid_in_full(world: World) -> None:
    dear, cheap = at_once(world, CHEAP, DEAR)
    give_back(world)
    change(world, cheap)
    assert taken(world) == [("2026-01-31", 3000), ("2026-01-31", 9000)]
    assert dear != cheap


@pytest.mark.spec("A-4", "B-7")
def test_a_refund_between_quote_and_change_changes_the_quote(world: World) -> None:
    _, cheap = at_once(world)
    token = ask(world, cheap).token
    give_back(world, amount=1)
    with pytest.raises(Refused) as error:
        change(world, cheap, token=token)
    assert error.value.code == "quote_changed"


@pytest.mark.spec("A-4", "B-7")
@pytest.mark.parametrize("parts", [(1000, 2000), (6000, 3000), (1, 8999)])
def test_several_partial_refunds_take_back_credit_first_and_no_more_than_there_is(
    world: World, parts: tuple[int, int]
) -> None:
    _, cheap = at_once(world)
    change(world, cheap)
    left = 6000
    for part in parts:
        give_back(world, amount=part)
        left = max(0, left - part)
        assert credit(world) == left


@pytest.mark.spec("B-7")
def test_without_an_agent_no_more_goes_back_than_was_paid_less_credit_already_used(
    world: World,
) -> None:
    _, cheap = at_once(world, WEEKLY_DEAR, WEEKLY_CHEAP)
    change(world, cheap)
    world.advance(days=8)
    assert (credit(world), len(taken(world))) == (3000, 1)
    assert give_back(world, takes=Takes.UNUSED_ONLY) == 6000
    assert credit(world) == 0
    with pytest.raises(Refused) as error:
        give_back(world, takes=Takes.UNUSED_ONLY)
    assert error.value.code == "credit_used"
    assert give_back(world) == 3000, "by hand the merchant may always give the rest"


@pytest.mark.spec("B-7")
def test_credit_of_an_open_invoice_counts_as_used(world: World) -> None:
    """A renewal of 9000 that credit of 6000 pays in part is under way."""
    _, cheap, dear = at_once(world, WEEKLY_DEAR, WEEKLY_CHEAP, replace(WEEKLY_DEAR))
    change(world, cheap)
    change(world, dear, When.NEXT_REBILL)
    with unconfirmed(world):
        world.advance(days=7, hours=2)
    assert world.subscription().open_invoice is not None
    assert give_back(world, takes=Takes.UNUSED_ONLY) == 3000


@pytest.mark.spec("A-4", "B-7")
def test_credit_of_a_change_that_is_being_paid_counts_as_used(world: World) -> None:
    """Of 9000, credit of 6000 has paid 3000 for the second week, and pays 3000 for its change."""
    _, cheap, dear = at_once(world, WEEKLY_DEAR, WEEKLY_CHEAP, replace(WEEKLY_DEAR))
    change(world, cheap)
    world.advance(days=8)
    assert credit(world) == 3000
    world.sandbox.faults.arm("timeout_before", 1)
    change(world, dear)
    assert world.subscription().open_invoice is not None
    assert give_back(world, takes=Takes.UNUSED_ONLY) == 3000
    world.advance(hours=1)
    assert world.subscription().price_point == dear
    with pytest.raises(Refused) as error:
        give_back(world, takes=Takes.UNUSED_ONLY)
    assert error.value.code == "credit_used"


@pytest.mark.spec("A-4", "B-7")
def test_credit_that_was_used_again_in_its_own_period_is_not_lost_to_a_refund(
    world: World,
) -> None:
    dear, cheap = at_once(world)
    change(world, cheap)
    change(world, dear)
    assert credit(world) == 0
    assert give_back(world, takes=Takes.UNUSED_ONLY) == 9000
    change(world, cheap)
    assert (credit(world), taken(world)) == (0, [("2026-01-31", 3000), ("2026-01-31", 9000)])


@pytest.mark.spec("A-4", "B-7")
def test_credit_of_another_period_stays(world: World) -> None:
    """The second payment gives none: its refund takes none of the first's."""
    _, cheap, dear = at_once(world, WEEKLY_DEAR, WEEKLY_CHEAP, replace(WEEKLY_DEAR))
    change(world, cheap)
    change(world, dear, When.NEXT_REBILL)
    world.advance(days=8)
    assert taken(world)[1:] == [("2026-02-07", 3000)], "credit of 6000 paid the rest"
    change(world, cheap)
    assert credit(world) == 7714 - 2571, "six days of seven are unused, of 9000 and of 3000"
    assert give_back(world, place=1) == 3000
    assert credit(world) == 2572, "all that is left of the second payment, and none of the first"
    give_back(world, place=0)
    assert credit(world) == 0


@pytest.mark.spec("W-4", "B-7")
def test_a_lost_dispute_takes_back_the_credit_that_its_payment_gave(world: World) -> None:
    _, cheap = at_once(world)
    change(world, cheap)
    disputed(world, DisputeStanding.LOST)
    assert (world.subscription().state, credit(world)) == (State.CANCELLED, 0)


@pytest.mark.spec("W-4", "A-4")
def test_no_plan_changes_while_a_dispute_is_open(world: World) -> None:
    _, cheap = at_once(world)
    disputed(world, DisputeStanding.OPEN)
    assert refused(world, cheap) == "disputed"


@pytest.mark.spec("W-4", "A-4")
def test_a_dispute_that_is_won_gives_no_credit_for_periods_that_nobody_paid(world: World) -> None:
    _, cheap = at_once(world)
    disputed(world, DisputeStanding.OPEN)
    world.advance(days=70)
    disputed(world, DisputeStanding.WON)
    quoted = ask(world, cheap)
    (unused,) = [line.amount.amount_minor for line in quoted.lines if line.kind == "unused"]
    assert unused == 0


@pytest.mark.spec("W-4", "W-1", "A-4")
def test_a_refund_sent_back_after_a_won_dispute_gives_no_credit_for_a_period_that_nobody_paid(
    world: World,
) -> None:
    """The payment that comes back is that of a period which ended while its trial was disputed."""
    _, cheap = at_once(world, replace(DEAR, initial=Initial(100, Span(7, Unit.DAY))), CHEAP)
    world.advance(days=8)
    give_back(world, place=1)
    disputed(world, DisputeStanding.OPEN)
    world.advance(days=40)
    disputed(world, DisputeStanding.WON)
    invoice, (made,) = payment(world, 1), world.history().refunds
    assert invoice.gateway_ref is not None and made.gateway_refund is not None
    world.sandbox.send_back(invoice.gateway_ref, made.gateway_refund)
    sync_refunds.update(world.ports, world.history(), invoice, now=world.now)
    quoted = ask(world, cheap)
    (unused,) = [line.amount.amount_minor for line in quoted.lines if line.kind == "unused"]
    assert unused == 0


@pytest.mark.spec("R-2", "A-4")
def test_a_payment_that_was_skipped_gives_no_credit(world: World) -> None:
    _, cheap = at_once(world)
    world.change_merchant(stopped=True)
    world.advance(days=40)
    world.change_merchant(stopped=False)
    world.advance(hours=2)
    assert world.subscription().waiting_since is not None
    overdue.skip(world.ports, world.subscription(), now=world.now)
    quoted = ask(world, cheap)
    (unused,) = [line.amount.amount_minor for line in quoted.lines if line.kind == "unused"]
    assert unused == 0


@pytest.mark.spec("R-2", "A-4")
def test_a_change_after_the_payment_at_a_trials_end_was_skipped_is_not_free(
    world: World,
) -> None:
    _, dear = at_once(world, replace(CHEAP, initial=Initial(100, Span(7, Unit.DAY))), DEAR)
    world.change_merchant(stopped=True)
    world.advance(days=20)
    world.change_merchant(stopped=False)
    world.advance(hours=2)
    assert world.subscription().waiting_since is not None
    overdue.skip(world.ports, world.subscription(), now=world.now)
    quoted = ask(world, dear)
    assert [line.kind for line in quoted.lines] == ["rest", "unused"]
    change(world, dear, token=quoted.token)
    assert world.subscription().price_point == dear
    assert taken(world)[1:] == [("2026-02-20", quoted.due_now.amount_minor)]
    assert 4500 < quoted.due_now.amount_minor < 9000, "the rest of the period that runs"


@pytest.mark.spec("W-1", "B-7")
def test_a_refund_at_the_gateways_dashboard_takes_the_credit_too(world: World) -> None:
    _, cheap = at_once(world)
    change(world, cheap)
    invoice = payment(world)
    assert invoice.gateway_ref is not None
    world.sandbox.refund_elsewhere(invoice.gateway_ref, 7000)
    sync_refunds.update(world.ports, world.history(), invoice, now=world.now)
    assert credit(world) == 0


@pytest.mark.spec("B-7")
def test_a_refund_that_the_bank_sends_back_gives_the_credit_back(world: World) -> None:
    _, cheap = at_once(world)
    change(world, cheap)
    give_back(world, amount=7000)
    assert credit(world) == 0
    invoice = payment(world)
    assert invoice.gateway_ref is not None
    (made,) = world.history().refunds
    assert made.gateway_refund is not None
    world.sandbox.send_back(invoice.gateway_ref, made.gateway_refund)
    sync_refunds.update(world.ports, world.history(), invoice, now=world.now)
    assert credit(world) == 6000
    assert give_back(world) == 9000
    assert credit(world) == 0


@pytest.mark.spec("B-7", "A-4")
def test_a_refund_while_a_dearer_plan_is_being_paid_is_taken_off_what_that_brings(
    world: World,
) -> None:
    """Made at the gateway, where nobody asks us: the change must not bring back what went."""
    cheap, dear = at_once(world, CHEAP, DEAR)
    world.sandbox.faults.arm("timeout_before", 1)
    change(world, dear)
    invoice = payment(world)
    assert invoice.gateway_ref is not None
    world.sandbox.refund_elsewhere(invoice.gateway_ref, 3000)
    sync_refunds.update(world.ports, world.history(), invoice, now=world.now)
    world.advance(hours=1)
    assert world.subscription().price_point == dear
    change(world, cheap)
    assert credit(world) <= 9000 - 3000 - 3000 + 60, "6000 paid and kept, 3000 of it in use"


@pytest.mark.spec("A-4", "P-18", "B-7")
def test_an_owed_amount_that_a_change_charges_is_not_taken_from_credit_that_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ports, "minimum_minor", lambda *_: 50)
    plans = (replace(CHEAP, price=Money(minor, Currency.USD)) for minor in (3030, 12000))
    _, cheap, little_more, dearest = at_once(world, DEAR, CHEAP, *plans)
    change(world, cheap)
    give_back(world, amount=6000)
    change(world, little_more)
    assert credit(world) == -30, "too little to charge"
    world.sandbox.faults.arm("timeout_before", 1)
    change(world, dearest)
    first, (made,) = payment(world), world.history().refunds
    assert first.gateway_ref is not None and made.gateway_refund is not None
    world.sandbox.send_back(first.gateway_ref, made.gateway_refund)
    sync_refunds.update(world.ports, world.history(), first, now=world.now)
    assert credit(world) == 6000 - 30
    world.advance(hours=1)
    assert taken(world) == [("2026-01-31", 9000), ("2026-01-31", 12000 - 3000)]
    assert credit(world) == 6000


@pytest.mark.spec("A-4")
def test_credit_from_before_its_period_was_kept_is_taken_back_by_any_refund(world: World) -> None:
    bought(world, DEAR, CHEAP)
    before = world.subscription()
    old = replace(before, credit_minor=5000, funds=None)
    world.store.commit(Change(before, old))
    give_back(world, amount=4000)
    assert credit(world) == 1000
    world.now += timedelta(minutes=1)
    give_back(world)
    assert credit(world) == 0


@pytest.mark.spec("B-7", "A-4")
def test_a_cheaper_plan_that_is_not_paid_yet_takes_nothing_off_what_goes_back(
    world: World,
) -> None:
    """Its first invoice is open: the payment before was at the old price, and goes back whole."""
    _, cheap = at_once(world)
    change(world, cheap, When.NEXT_REBILL)
    with unconfirmed(world):
        world.advance(days=28, hours=2)
    assert world.subscription().open_invoice is not None
    assert give_back(world, takes=Takes.UNUSED_ONLY) == 9000

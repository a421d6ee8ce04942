"""Verified declarations are carried out as of their date (X-10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.declarations.declarations import DeclarationState, Verification
from billing.declarations.flows import decide
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.merchants import SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Write
from tests.declarations.hall import BERLIN, DELAYED, Hall
from tests.web.calls import Answer
from tests.world import meanwhile

DAY = timedelta(days=1)


@pytest.fixture
def hall() -> Hall:
    return Hall()


@pytest.mark.spec("X-10")
def test_an_order_id_verifies_a_declaration_which_ends_the_subscription_with_its_period(
    hall: Hall,
) -> None:
    order = hall.buy().invoice.order_id
    declared_at = hall.world.now
    assert hall.declare(contract=f"Order {order}").status == 200
    hall.tick()
    found, held = hall.declaration, hall.subscription
    assert (found.state, found.verification) == (
        DeclarationState.CARRIED_OUT,
        Verification.ORDER_ID,
    )
    assert held.state is State.CANCEL_PENDING and held.cancelling is not None
    assert held.cancelling.requested_at == declared_at
    assert found.ends_at == held.ends_at
    hall.world.advance(days=60)
    assert hall.subscription.state is State.CANCELLED
    assert len(hall.world.charges()) == 1


@pytest.mark.spec("X-10")
@pytest.mark.parametrize("mode", ["off", "manual"])
def test_no_setting_of_the_merchant_delays_it(hall: Hall, mode: str) -> None:
    settings = replace(hall.world.merchant.settings, self_cancel=SelfService(mode))
    hall.world.change_merchant(settings=settings)
    hall.declare(contract=hall.buy().invoice.order_id)
    hall.tick()
    assert hall.subscription.state is State.CANCEL_PENDING


@pytest.mark.spec("X-10")
def test_an_extraordinary_cancellation_ends_at_once_and_needs_a_reason(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    refused = hall.declare(contract=order, kind="extraordinary")
    assert refused.status == 422 and hall.declarations() == []
    hall.declare(contract=order, kind="extraordinary", reason="You stopped the service.")
    hall.tick()
    assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_a_charge_between_declaration_and_proof_is_given_back(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    hall.declare()
    hall.tick()
    assert hall.subscription.held_for == hall.declaration.id
    # Somebody lets go of it by hand, and the payment is made.
    held = hall.subscription
    hall.world.store.commit(Change(held, replace(held, held_for=None, held_since=None)))
    hall.world.advance(days=3)
    assert len(hall.world.charges()) == 2
    assert hall.answer("yes").status == 200
    hall.tick()
    assert [c["refunded"] for c in hall.world.charges()] == [0, 2999]
    assert hall.subscription.state is State.CANCELLED
    hall.world.advance(days=40)
    assert [c["refunded"] for c in hall.world.charges()] == [0, 2999]
    kinds = [order.kind for order in hall.world.orders()]
    assert kinds.count(OrderKind.REFUND) == 1


@pytest.mark.spec("X-10")
def test_a_later_day_waits_for_the_period_that_reaches_it(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.declare(contract=order, wanted_on="2026-03-15")
    hall.world.advance(days=29)
    assert hall.subscription.state is State.CANCEL_PENDING
    assert hall.subscription.ends_at is not None
    assert f"{hall.subscription.ends_at:%Y-%m-%d}" == "2026-03-31"
    hall.world.advance(days=60)
    assert len(hall.world.charges()) == 2
    assert [c["refunded"] for c in hall.world.charges()] == [0, 0]


@pytest.mark.spec("X-10")
def test_an_ordinary_declaration_of_installments_goes_to_a_person(hall: Hall) -> None:
    four = PriceTerms(
        PriceType.INSTALLMENT, Money(2999, Currency.USD), Period.MONTHLY, installments=4
    )
    order = hall.buy(four).invoice.order_id
    hall.declare(contract=order)
    hall.tick()
    assert (hall.declaration.state, hall.declaration.why) == (
        DeclarationState.AGENT,
        "installments",
    )
    assert hall.subscription.state is State.ACTIVE and not hall.subscription.held


@pytest.mark.spec("X-10")
def test_installments_end_once_a_person_has_approved_it(hall: Hall) -> None:
    four = PriceTerms(
        PriceType.INSTALLMENT, Money(2999, Currency.USD), Period.MONTHLY, installments=4
    )
    hall.declare(contract=hall.buy(four).invoice.order_id)
    hall.tick()
    decide.approve(hall.world.ports, hall.declaration, None, by="agent", now=hall.world.now)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    hall.world.advance(days=60)
    assert hall.subscription.state is State.CANCELLED
    assert len(hall.world.charges()) == 1


@pytest.mark.spec("X-10")
def test_a_form_sent_twice_is_one_declaration(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    first = hall.declare(contract=order, attempt="attempt-again")
    second = hall.declare(contract=order, attempt="attempt-again")
    assert len(hall.declarations()) == 1
    assert hall.declaration.number in first.body and hall.declaration.number in second.body


@pytest.mark.spec("X-10")
def test_what_is_past_due_ends_at_once(hall: Hall) -> None:
    """Found by the simulator: it waited for a period that had begun, once a minute."""
    order = hall.buy()
    held = hall.subscription
    late = replace(held, state=State.PAST_DUE, retry_at=hall.world.now + 60 * DAY)
    hall.world.now += 40 * DAY
    hall.world.store.commit(Change(held, replace(late, due_at=late.retry_at)))
    hall.declare(contract=order.invoice.order_id)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_a_later_day_that_no_charge_comes_before_is_kept_all_the_same(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    held = hall.subscription
    late = replace(held, state=State.PAST_DUE, retry_at=hall.world.now + 300 * DAY)
    hall.world.now += 40 * DAY
    hall.world.store.commit(Change(held, replace(late, due_at=late.retry_at)))
    hall.declare(contract=order, wanted_on="2026-03-20")
    hall.tick()
    assert hall.declaration.due_at is not None
    assert hall.declaration.due_at >= hall.world.now + timedelta(minutes=50)
    hall.world.advance(to=datetime(2026, 3, 21, 12, tzinfo=UTC))
    assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_the_receipt_has_room_for_long_words_and_no_line_of_it_is_a_sum(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.declare(contract=f"Order {order}", name="Anna-Maria " * 9)
    hall.tick()
    (receipt,) = [m for m in hall.world.mailer.sent if "Bestätigung" in str(m["Subject"])]
    html = receipt.get_body(("html",))
    assert html is not None
    table = html.get_content().partition("<h1")[2]
    assert "Anna-Maria" in table and "white-space:nowrap" not in table
    assert "font-weight:600" not in table.partition("<table")[2].partition("</table>")[0]


@pytest.mark.spec("X-10")
def test_a_form_sent_twice_at_once_is_one_declaration_and_both_get_its_receipt(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = hall.buy().invoice.order_id
    commit, first = hall.world.store.commit, list[Answer]()

    def met(*writes: Write) -> None:
        if not first:
            monkeypatch.undo()
            first.append(meanwhile(lambda: hall.declare(contract=order, attempt="attempt-again")))
        commit(*writes)

    monkeypatch.setattr(hall.world.store, "commit", met)
    second = hall.declare(contract=order, attempt="attempt-again")
    assert (first[0].status, second.status) == (200, 200)
    assert hall.declaration.number in first[0].body and hall.declaration.number in second.body


@pytest.mark.spec("X-10")
def test_a_form_that_was_changed_and_sent_again_is_another_declaration(hall: Hall) -> None:
    first = hall.buy().invoice.order_id
    other = hall.world.buy(hall.world.product(DELAYED, name="Choir"), address=BERLIN)
    hall.declare(contract=first, attempt="attempt-again")
    again = hall.declare(contract=other.invoice.order_id, attempt="attempt-again")
    assert other.invoice.order_id in again.body
    hall.tick()
    ended = [each.state for each in hall.world.history().subscriptions]
    assert ended == [State.CANCEL_PENDING] * 2

"""Money that goes back: all of it, part of it, never more than came in, never twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.kernel import customers, ledger
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Invalid, NotFound, Refused, Uncertain
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds.flows import refund
from billing.refunds.flows.refund import UnderWay
from billing.refunds.refunds import RefundState
from billing.refunds.value import window_ends_at
from tests.world import World

PART: dict[str, Any] = {"amount_minor": 1000, "source": Source.MERCHANT}


@pytest.fixture
def world() -> World:
    return World()


def give_back(world: World, order: str, amount_minor: int | None = None) -> Order:
    made = refund.request(
        world.ports,
        refund.payment(world.ports, "acme", order),
        amount_minor=amount_minor,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert isinstance(made, Order), "nothing is lost here"
    return made


def sale(world: World) -> Order:
    return next(o for o in world.orders() if o.kind is OrderKind.SALE)


@pytest.mark.spec("B-7", "M-7")
def test_a_full_refund_is_an_entry_of_its_own_and_balances_the_ledger(world: World) -> None:
    world.buy()
    entry = give_back(world, sale(world).id)
    assert (entry.kind, entry.amount.amount_minor) == (OrderKind.REFUND, 2999)
    assert sale(world).refunded_minor == 2999
    (charge,) = world.charges()
    assert (charge["status"], charge["refunded"]) == ("refunded", 2999)
    balance = ledger.trial_balance(world.history().ledger)
    assert set(balance.values()) == {0}
    world.tick()
    assert world.subjects()[-1] == "[TEST] Refund: $29.99 for Course"
    (attached,) = world.mailer.sent[-1].iter_attachments()
    assert attached.get_filename() == "credit-note.pdf"
    assert [r.number for r in world.history().refunds] == ["TEST-CN-000001"]


@pytest.mark.spec("B-7")
def test_parts_go_back_up_to_what_was_captured_and_not_a_cent_more(world: World) -> None:
    world.buy()
    order = sale(world).id
    give_back(world, order, 1000)
    with pytest.raises(Invalid, match="amount_out_of_range") as beyond:
        give_back(world, order, 2000)
    left = Money(1999, sale(world).amount.currency)
    assert beyond.value.parameters == {"least": replace(left, amount_minor=1), "most": left}
    give_back(world, order)
    with pytest.raises(Refused) as refused:
        give_back(world, order)
    assert refused.value.code == "already_refunded"
    assert [c["refunded"] for c in world.charges()] == [2999]
    entries = [o for o in world.orders() if o.kind is OrderKind.REFUND]
    assert sorted(entry.amount.amount_minor for entry in entries) == [1000, 1999]


@pytest.mark.spec("B-7")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "unavailable"])
def test_a_refund_that_the_gateway_did_not_answer_is_finished_once_by_the_sweep(
    world: World, fault: str
) -> None:
    world.buy()
    world.sandbox.faults.arm(fault, 1)
    asked = refund.request(
        world.ports,
        refund.payment(world.ports, "acme", sale(world).id),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert isinstance(asked, UnderWay)
    assert (asked.entry.kind, asked.entry.amount.amount_minor) == (OrderKind.REFUND, 2999)
    with pytest.raises(Refused) as refused:
        give_back(world, sale(world).id)
    assert refused.value.code == "refund_open"
    world.advance(hours=1)
    assert asked.entry.id in [o.id for o in world.orders() if o.kind is OrderKind.REFUND]
    assert [r.state for r in world.history().refunds] == [RefundState.SUCCEEDED]
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert sale(world).refunded_minor == 2999


@pytest.mark.spec("B-7")
def test_two_that_ask_for_part_of_a_payment_at_once_without_a_name_get_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    order, commit, second = sale(world).id, world.store.commit, []

    def meets(*writes: Any) -> None:
        monkeypatch.setattr(world.store, "commit", commit)
        world.sandbox.faults.arm("unavailable", 1)
        second.append(
            refund.request(
                world.ports, refund.payment(world.ports, "acme", order), **PART, now=world.now
            )
        )
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", meets)
    with pytest.raises(Refused) as refused:
        give_back(world, order, 1000)
    assert refused.value.code == "refund_open"
    assert [type(each) for each in second] == [UnderWay]
    world.advance(hours=1)
    assert [c["refunded"] for c in world.charges()] == [1000]


@pytest.mark.spec("B-7", "M-3")
def test_the_same_named_refund_asked_for_twice_at_once_is_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    order, commit, second = sale(world).id, world.store.commit, []

    def meets(*writes: Any) -> None:
        monkeypatch.setattr(world.store, "commit", commit)
        asked = refund.request(
            world.ports, refund.payment(world.ports, "acme", order), **PART, name="k", now=world.now
        )
        second.append(asked)
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", meets)
    first = refund.request(
        world.ports, refund.payment(world.ports, "acme", order), **PART, name="k", now=world.now
    )
    assert second == [first]
    assert [c["refunded"] for c in world.charges()] == [1000]


@pytest.mark.spec("B-7", "R-6")
@pytest.mark.parametrize("written", [True, False])
def test_a_reservation_whose_answer_was_lost_is_gone_on_with_or_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    world.buy()
    commit = world.store.commit

    def lost(*writes: Any) -> None:
        monkeypatch.setattr(world.store, "commit", commit)
        if written:
            commit(*writes)
        raise Uncertain("lost")

    monkeypatch.setattr(world.store, "commit", lost)
    if written:
        assert give_back(world, sale(world).id, 1000).amount.amount_minor == 1000
    else:
        with pytest.raises(Uncertain):
            give_back(world, sale(world).id, 1000)
    assert [c["refunded"] for c in world.charges()] == [1000 if written else 0]


@pytest.mark.spec("B-7", "C-3")
def test_a_full_refund_of_a_one_time_purchase_takes_its_access_away(world: World) -> None:
    price = Money(4900, Currency.USD)
    world.buy(world.product(PriceTerms(PriceType.ONE_TIME, price)))
    give_back(world, sale(world).id, 100)
    history = world.history()
    (access,) = customers.access(history.entitlements, history.subscriptions, world.now)
    assert access.active
    give_back(world, sale(world).id)
    history = world.history()
    (access,) = customers.access(history.entitlements, history.subscriptions, world.now)
    assert not access.active


@pytest.mark.spec("B-7")
def test_a_refund_does_not_cancel_and_a_refunded_payment_still_counts(world: World) -> None:
    world.buy()
    give_back(world, sale(world).id)
    assert world.subscription().payments_made == 1
    world.advance(days=30)
    assert world.subscription().payments_made == 2


@pytest.mark.spec("W-4")
def test_nothing_is_refunded_while_a_dispute_is_open(world: World) -> None:
    world.buy()
    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, dispute="open")))
    with pytest.raises(Refused) as refused:
        give_back(world, sale(world).id)
    assert refused.value.code == "disputed"


@pytest.mark.spec("B-7", "M-3")
def test_a_named_refund_that_was_killed_is_the_same_one_when_asked_for_again(
    world: World,
) -> None:
    world.buy()
    world.sandbox.faults.arm("timeout_after", 2)
    order = sale(world).id
    named = {"amount_minor": 1000, "source": Source.MERCHANT, "now": world.now, "name": "k"}
    asked = refund.request(world.ports, refund.payment(world.ports, "acme", order), **named)
    assert isinstance(asked, UnderWay)
    world.sandbox.faults.arm("timeout_after", 0)
    first = refund.request(world.ports, refund.payment(world.ports, "acme", order), **named)
    assert first == asked.entry
    assert refund.request(world.ports, refund.payment(world.ports, "acme", order), **named) == first
    assert [c["refunded"] for c in world.charges()] == [1000]


def test_only_a_payment_of_this_merchant_can_be_refunded(world: World) -> None:
    world.buy(payment_method="pm_card_chargeDeclined", email="bob@example.com")
    world.buy()
    entry = give_back(world, sale(world).id)
    with pytest.raises(Refused, match="not_refundable"):
        give_back(world, entry.id)
    with pytest.raises(NotFound):
        refund.request(
            world.ports,
            refund.payment(world.ports, "other", sale(world).id),
            amount_minor=None,
            source=Source.MERCHANT,
            now=world.now,
        )


@pytest.mark.spec("B-7")
def test_the_window_ends_with_the_merchants_local_day_n_after_the_payment() -> None:
    paid_at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # 18:30 in New York
    ends_at = window_ends_at(paid_at, 30, "America/New_York")
    assert ends_at == datetime(2026, 3, 3, 5, 0, tzinfo=UTC)

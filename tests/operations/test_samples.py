"""The nightly look at live customers: each invariant notices what breaks it, and it rings (R-8)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import force_setattr

from billing.jobs.jobs import Job
from billing.kernel.ledger import LedgerEntry
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.storage import History
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Entity
from billing.operations import agreements_at_rest, at_rest
from billing.operations.flows import samples
from billing.operations.flows.samples import ItemsDisagree
from billing.refunds.flows import refund
from tests.world import World

A_DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    world = World()
    world.buy()
    return world


def night(world: World) -> Job:
    """Lets a day go by, and the night's look have all of its rounds."""
    world.now += A_DAY
    samples.begin(world.ports, now=world.now)
    for _ in range(8):
        with suppress(ItemsDisagree):  # the job's own error, which the world shows at once
            world.tick()
        world.now += timedelta(minutes=20)
    found = world.store.job("", samples.NIGHTLY)
    assert found is not None
    return found


def tampered(world: World, entity: Entity, **fields: Any) -> Entity:
    after = replace(entity, **fields)
    world.store.commit(Change(entity, after))
    return after


# Pure: each rule


@pytest.fixture(scope="module")
def lived() -> History:
    """Everything of a customer: a year's payments, and a refund."""
    world = World()
    world.buy()
    world.advance(days=70)
    paid = next(o for o in world.orders() if o.kind is OrderKind.REBILL)
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.id),
        amount_minor=500,
        source=Source.MERCHANT,
        now=world.now,
    )
    world.work()
    world.advance(days=3)
    return world.history()


def with_first(history: History, part: str, **fields: Any) -> History:
    first, *others = getattr(history, part)
    return replace(history, **{part: (replace(first, **fields), *others)})


def dollars(minor: int) -> Money:
    return Money(minor, Currency.USD)


def fewer_cents(history: History) -> History:
    (share, *others) = history.subscriptions[0].money.shares
    funds = replace(
        history.subscriptions[0].money,
        shares=(replace(share, returned_minor=share.paid_minor + 1), *others),
    )
    return with_first(history, "subscriptions", funds=funds)


def one_sided(history: History) -> History:
    return postings_of_first(history, history.ledger[0].postings[:1])


def postings_of_first(history: History, postings: Any) -> History:
    """Returns it with other postings of an entry, which the class itself would refuse."""
    found = with_first(history, "ledger")
    force_setattr(found.ledger[0], "postings", postings)
    return found


def all_taken(history: History) -> History:
    cash, *others = history.ledger[0].postings
    taken = replace(cash, account="expenses:chargebacks")
    return with_first(history, "ledger", postings=(taken, *others))


def fewer_lines(history: History) -> History:
    return with_first(history, "invoices", lines=())


BREAKS: dict[str, tuple[str, Callable[[History], History]]] = {
    "books_agree": ("2", lambda h: with_first(h, "orders", amount=dollars(1))),
    "ledger_balances": ("18", one_sided),
    "refunds_agree": ("11", lambda h: with_first(h, "refunds", amount=dollars(501))),
    "no_more_went_than_came": ("11", lambda h: with_first(h, "invoices", disputed_minor=5)),
    "disputes_are_booked": (
        "18",
        all_taken,
    ),
    "documents_agree": ("18", lambda h: with_first(h, "documents", number="TEST-000009")),
    "lines_add_up": ("18", fewer_lines),
    "funds_are_kept": ("3", fewer_cents),
    "dates_follow": (
        "17",
        lambda h: with_first(
            h, "subscriptions", ends_at=h.subscriptions[0].started_at - timedelta(days=1)
        ),
    ),
    "disputes_are_told": ("14", lambda h: with_first(h, "subscriptions", dispute="lost")),
    "one_open_invoice": ("8", lambda h: with_first(h, "subscriptions", open_invoice="sub_x.9")),
    "something_wakes_it": ("21", lambda h: with_first(h, "subscriptions", due_at=None)),
    "periods_are_paid": ("6", lambda h: with_first(h, "subscriptions", payments_made=9)),
    "ends_with_its_payments": (
        "17",
        lambda h: with_first(h, "subscriptions", state=State.COMPLETED, due_at=None),
    ),
}


@pytest.mark.spec("R-8")
def test_a_customer_who_lived_through_much_is_sound(lived: History) -> None:
    assert at_rest.check_customer(lived) == []


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("rule", at_rest.OF_CUSTOMER, ids=lambda rule: rule.__name__)
def test_each_rule_notices_what_breaks_it(lived: History, rule: at_rest.Rule) -> None:
    number, broken = BREAKS[rule.__name__]
    found = list(rule(at_rest.by_class(at_rest.items_of(broken(lived)))))
    assert found and {each.number for each in found} == {number}
    assert set(map(str, found)) & set(map(str, at_rest.check_customer(broken(lived))))


@pytest.mark.spec("R-8")
@pytest.mark.parametrize(("more", "count"), [(0, 0), (1, 1)])
def test_a_payment_may_give_back_what_it_collected_of_earlier_periods(
    lived: History, more: int, count: int
) -> None:
    (share, *others) = lived.subscriptions[0].money.shares
    all_back = replace(
        share, paid_minor=share.paid_minor - 38, returned_minor=share.paid_minor + more
    )
    funds = replace(lived.subscriptions[0].money, shares=(all_back, *others))
    found = at_rest.by_class(at_rest.items_of(with_first(lived, "subscriptions", funds=funds)))
    assert len(list(agreements_at_rest.funds_are_kept(found))) == count


# The job


@pytest.mark.spec("R-8")
def test_a_night_finds_nothing_wrong_and_ends(world: World) -> None:
    job = night(world)
    assert (job.state, job.done, job.error) == ("done", 1, None)
    assert samples.begin(world.ports, now=world.now) == {}, "once a day"


@pytest.mark.spec("R-8")
def test_a_broken_item_fails_the_job_each_night_until_it_is_mended(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    (order,) = world.history().orders
    wrong = tampered(world, order, amount=dollars(1))
    for _ in range(2):
        job = night(world)
        assert (job.state, job.error) == ("failed", "items_disagree")
    lines = [each for each in caplog.records if each.message == "items disagree"]
    assert lines and getattr(lines[0], "owner") == order.customer  # noqa: B009
    assert "invariant 2: " in getattr(lines[0], "why")  # noqa: B009
    tampered(world, wrong, amount=order.amount)
    assert night(world).state == "done"


@pytest.mark.spec("R-8")
def test_a_night_goes_on_where_the_last_one_stopped_and_begins_again_at_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "ITEMS_A_NIGHT", 1)
    monkeypatch.setattr(samples, "CUSTOMERS_AT_ONCE", 2)
    product = world.store.catalog("acme")[0][0]
    for n in range(4):
        world.now += timedelta(minutes=1)
        world.buy(product, email=f"buyer{n}@example.com")
    looked: list[str] = []
    history = world.store.history

    def noted(merchant: str, customer: str) -> History:
        looked.append(customer)
        return history(merchant, customer)

    monkeypatch.setattr(world.store, "history", noted)
    for _ in range(3):
        night(world)
    assert len(set(looked)) == 5 and len(looked) == 5
    night(world)
    assert looked[5:] == looked[:2]


@pytest.mark.spec("R-8")
def test_a_write_between_two_reads_is_no_finding(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, reads = world.store.history, [0]

    def torn(merchant: str, customer: str) -> History:
        """Returns a customer's data as a query returns it that others write between its pages."""
        reads[0] += 1
        found = sound(merchant, customer)
        return replace(found, ledger=()) if reads[0] == 1 else found

    monkeypatch.setattr(world.store, "history", torn)
    assert night(world).state == "done"
    assert reads == [2]


@pytest.mark.spec("R-8")
def test_a_customer_who_cannot_be_read_is_found_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.history().customer
    world.buy(email="zoe@example.com")
    sound, seen = world.store.history, set()

    def unreadable(merchant: str, customer: str) -> History:
        seen.add(customer)
        assert first is not None and customer != first.id, "an entry balances"
        return sound(merchant, customer)

    monkeypatch.setattr(world.store, "history", unreadable)
    assert night(world).error == "items_disagree"
    assert len(seen) == 2


@pytest.mark.spec("R-8")
def test_one_merchants_broken_item_holds_up_no_other(world: World) -> None:
    (entry,) = world.history().ledger
    assert isinstance(entry, LedgerEntry)
    tampered(world, entry, postings=())
    other = replace(world.merchant, id="zeta", email="zeta@example.com")
    from billing.kernel.writes import Insert

    world.store.commit(Insert(other))
    night(world)
    found = world.store.sample_place("zeta")
    assert found is not None and found.unsound == ()
    place = world.store.sample_place("acme")
    assert place is not None and place.unsound == (entry.customer,)

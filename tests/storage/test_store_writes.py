"""Every store writes all or nothing, and nothing that rests on what has changed (R-1, R-6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.storage import Due
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Remove
from billing.storage import codec
from billing.storage.dynamo.writes import item_of
from tests.storage.conftest import Backend
from tests.storage.examples import (
    DAY,
    MERCHANT,
    T0,
    checkout,
    customer,
    invoice,
    ledger_entry,
    order,
    outbox_event,
    subscription,
)


def test_what_is_inserted_is_read_back(backend: Backend) -> None:
    backend.store.commit(Insert(subscription()))
    assert backend.store.subscription(MERCHANT, "cus_1", "sub_1") == subscription()


def test_nothing_is_inserted_twice(backend: Backend) -> None:
    backend.store.commit(Insert(subscription()))
    with pytest.raises(Conflict):
        backend.store.commit(Insert(replace(subscription(), seq=7)))
    assert backend.store.subscription(MERCHANT, "cus_1", "sub_1") == subscription()


def test_a_change_writes_the_fields_that_differ_and_leaves_what_others_wrote(
    backend: Backend,
) -> None:
    read = subscription()
    backend.store.commit(Insert(read))
    backend.store.commit(Change(read, replace(read, language="de")))
    backend.store.commit(Change(read, replace(read, seq=1, dispute="d", due_at=None)))
    assert backend.store.subscription(MERCHANT, "cus_1", "sub_1") == replace(
        read, language="de", seq=1, dispute="d", due_at=None
    )


def test_a_change_of_what_has_changed_is_refused(backend: Backend) -> None:
    read = subscription()
    backend.store.commit(Insert(read))
    backend.store.commit(Change(read, replace(read, seq=1)))
    with pytest.raises(Conflict):
        backend.store.commit(Change(read, replace(read, seq=2)))


@pytest.mark.parametrize("field", ["state", "open_invoice", "due_at", "terms"])
def test_a_change_is_refused_when_a_field_that_it_names_has_changed(
    backend: Backend, field: str
) -> None:
    read = subscription()
    backend.store.commit(Insert(read))
    other = {
        "state": State.PAUSED,
        "open_invoice": "sub_1.0001",
        "due_at": T0,
        "terms": replace(read.terms, price=replace(read.terms.price, amount_minor=1)),
    }[field]
    backend.store.commit(Change(read, replace(read, **{field: other})))
    with pytest.raises(Conflict):
        backend.store.commit(Change(read, replace(read, language="de"), expecting=(field,)))
    now = backend.store.subscription(MERCHANT, "cus_1", "sub_1")
    backend.store.commit(Change(now, replace(now, language="de"), expecting=(field,)))


def test_what_does_not_stand_is_not_changed(backend: Backend) -> None:
    with pytest.raises(Conflict):
        backend.store.commit(Change(subscription(), replace(subscription(), seq=1)))
    assert backend.store.subscription(MERCHANT, "cus_1", "sub_1") is None


@pytest.mark.parametrize("others", [(), (Insert(customer()),)], ids=["alone", "in a transaction"])
def test_an_expectation_that_is_not_met_lets_nothing_be_written(
    backend: Backend, others: tuple[Insert, ...]
) -> None:
    read = subscription()
    with pytest.raises(Conflict):
        backend.store.commit(*others, ConditionCheck(read, ("state",)))
    backend.store.commit(Insert(read))
    backend.store.commit(Change(read, replace(read, state=State.PAUSED)))
    with pytest.raises(Conflict):
        backend.store.commit(*others, ConditionCheck(read, ("state",)))
    assert backend.store.customer(MERCHANT, "cus_1") is None
    backend.store.commit(*others, ConditionCheck(read, ("seq", "open_invoice", "terms")))
    assert (backend.store.customer(MERCHANT, "cus_1") is not None) == bool(others)


def test_a_removal_may_state_what_it_removes(backend: Backend) -> None:
    read = outbox_event()
    backend.store.commit(Insert(read))
    claimed = replace(read, claimed_until=T0 + DAY)
    backend.store.commit(Change(read, claimed))
    with pytest.raises(Conflict):
        backend.store.commit(Remove(read, ("claimed_until",)))
    backend.store.commit(Remove(claimed, ("claimed_until",)))
    assert backend.store.outbox_event(0, T0, read.id) is None
    with pytest.raises(Conflict):
        backend.store.commit(Remove(claimed, ("claimed_until",)))
    backend.store.commit(Remove(claimed))


@pytest.mark.spec("R-6")
def test_one_condition_that_fails_undoes_the_whole_transaction(backend: Backend) -> None:
    sub, paid = subscription(), invoice()
    backend.store.commit(Insert(sub), Insert(order()))
    with pytest.raises(Conflict):
        backend.store.commit(
            Insert(paid),
            Change(sub, replace(sub, seq=1)),
            Remove(ledger_entry()),
            Insert(order()),
        )
    history = backend.store.history(MERCHANT, "cus_1")
    assert history.invoices == ()
    assert history.subscriptions == (sub,)


def test_a_transaction_may_have_a_hundred_writes_and_no_more(backend: Backend) -> None:
    writes = [Insert(order(n)) for n in range(101)]
    with pytest.raises(ValueError, match="101"):
        backend.store.commit(*writes)
    backend.store.commit(*writes[:100])
    assert len(backend.store.history(MERCHANT, "cus_1").orders) == 100


def test_a_transaction_may_not_write_one_item_twice(backend: Backend) -> None:
    sub = subscription()
    with pytest.raises(ValueError, match="one item"):
        backend.store.commit(Insert(sub), ConditionCheck(sub, ("state",)))


def test_nothing_to_write_is_written(backend: Backend) -> None:
    backend.store.commit()
    assert backend.store.commit_each([]) == []
    assert backend.store.commit_each([()]) == [None]


def test_of_many_transactions_only_the_bad_one_is_refused(backend: Backend) -> None:
    backend.store.commit(Insert(invoice(17)))
    many = [(Insert(subscription(n)), Insert(invoice(n)), Insert(order(n))) for n in range(40)]
    outcomes = backend.store.commit_each(many)
    assert [n for n, outcome in enumerate(outcomes) if outcome] == [17]
    assert isinstance(outcomes[17], Conflict)
    history = backend.store.history(MERCHANT, "cus_1")
    assert len(history.subscriptions) == len(history.orders) == 39
    assert len(history.invoices) == 40


def test_transactions_that_touch_one_item_are_carried_out_in_order(backend: Backend) -> None:
    sub = subscription()
    one, two, late = (replace(sub, seq=n) for n in (1, 2, 9))
    outcomes = backend.store.commit_each(
        [(Insert(sub),), (Change(sub, one),), (Change(one, two),), (Change(one, late),)]
    )
    assert [outcome is None for outcome in outcomes] == [True, True, True, False]
    assert backend.store.subscription(MERCHANT, "cus_1", "sub_1") == two


def test_an_alarm_moves_out_of_the_index_and_back(backend: Backend) -> None:
    sub = subscription()
    backend.store.commit(Insert(sub), Insert(checkout()))
    assert backend.store.due(DueKind.BILL, 0, T0 + 99 * DAY, 10) == [
        Due(DueKind.BILL, T0 + 31 * DAY, (MERCHANT, "cus_1", "sub_1"))
    ]
    assert backend.store.due(DueKind.CHECKOUT, 0, T0, 10) == [
        Due(DueKind.CHECKOUT, T0, (MERCHANT, "attempt-1"))
    ]
    pending = replace(sub, state=State.CANCEL_PENDING)
    backend.store.commit(Change(sub, pending))
    assert backend.store.due(DueKind.BILL, 0, T0 + 99 * DAY, 10) == []
    assert len(backend.store.due(DueKind.CANCEL, 0, T0 + 99 * DAY, 10)) == 1
    backend.store.commit(Change(pending, replace(pending, due_at=None)))
    assert backend.store.due(DueKind.CANCEL, 0, T0 + 99 * DAY, 10) == []


def test_a_lease_moves_the_alarm_that_was_seen(backend: Backend) -> None:
    backend.store.commit(Insert(subscription()), Insert(checkout("a#b")))
    for kind in (DueKind.BILL, DueKind.CHECKOUT):
        (seen,) = backend.store.due(kind, 0, T0 + 31 * DAY, 10)
        (leased,) = backend.store.lease_each([seen], T0 + 32 * DAY)
        assert leased == Due(kind, T0 + 32 * DAY, seen.owner)
        assert backend.store.lease_each([seen], T0 + 33 * DAY) == []
        assert backend.store.due(kind, 0, T0 + 31 * DAY, 10) == []
        assert backend.store.due(kind, 0, T0 + 32 * DAY, 10) == [leased]
    leased_sub = backend.store.subscription(MERCHANT, "cus_1", "sub_1")
    assert leased_sub == replace(subscription(), due_at=T0 + 32 * DAY)


@pytest.mark.spec("R-3")
def test_there_is_no_lease_of_an_alarm_that_has_become_another(backend: Backend) -> None:
    sub = subscription()
    backend.store.commit(Insert(sub))
    (seen,) = backend.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 10)
    backend.store.commit(Change(sub, replace(sub, state=State.CANCEL_PENDING)))
    gone = Due(DueKind.BILL, T0, (MERCHANT, "cus_1", "gone"))
    assert backend.store.lease_each([seen], T0 + 32 * DAY) == []
    assert backend.store.lease_each([gone], T0) == []
    assert backend.store.lease_each([], T0) == []


@pytest.mark.spec("R-1")
def test_leases_that_others_have_are_left_out_and_the_rest_is_taken(backend: Backend) -> None:
    backend.store.commit_each([(Insert(subscription(n)),) for n in range(120)])
    dues = backend.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 1000)
    assert len(dues) == 120
    lost = {0, 57, 99, 119}
    assert len(backend.store.lease_each([dues[n] for n in lost], T0 + 40 * DAY)) == len(lost)
    leases = backend.store.lease_each([*dues, dues[3]], T0 + 32 * DAY)
    kept = [due.owner for n, due in enumerate(dues) if n not in lost]
    assert [lease.owner for lease in leases] == kept
    assert {lease.due_at for lease in leases} == {T0 + 32 * DAY}


def test_one_of_sixteen_threads_gets_the_lease(backend: Backend) -> None:
    backend.needs("threads")
    backend.store.commit(*(Insert(subscription(n)) for n in range(10)))
    dues = backend.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 100)
    assert len(dues) == 10
    for due in dues:
        with ThreadPoolExecutor(16) as threads:
            leases = list(
                threads.map(lambda _, d=due: backend.store.lease_each([d], T0), range(16))
            )
        assert sum(len(each) for each in leases) == 1


def test_no_update_of_concurrent_transactions_is_lost(backend: Backend) -> None:
    backend.needs("threads")
    backend.store.commit(Insert(subscription()), Insert(customer()))

    def raise_seq(n: int) -> None:
        while True:
            read = backend.store.subscription(MERCHANT, "cus_1", "sub_1")
            try:
                backend.store.commit(
                    Change(read, replace(read, seq=read.seq + 1)), Insert(order(n))
                )
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raise_seq, range(40)))
    history = backend.store.history(MERCHANT, "cus_1")
    assert history.subscriptions[0].seq == len(history.orders) == 40


@pytest.mark.parametrize("expecting", ["customer", "purchase", "seq"])
def test_what_the_key_says_may_be_named_whether_it_is_stored_too_or_not(
    dynamodb: Backend, expecting: str
) -> None:
    """Items from before the key's fields were left out of the body are as good as new ones."""
    new, old = invoice(1), invoice(2)
    dynamodb.store.commit(Insert(new))
    item = {**item_of(old, "op"), "body": codec.encode(old)}
    dynamodb.call("PutItem", Item=item)
    for read in (new, old):
        number = replace(read, number="INV-000001")
        dynamodb.store.commit(Change(read, number, expecting=(expecting,)))
        found = dynamodb.store.invoice(MERCHANT, "cus_1", read.id)
        assert found == number


def test_what_the_key_says_and_the_item_says_otherwise_is_as_the_item_says(
    dynamodb: Backend,
) -> None:
    read = invoice()
    other, stale = replace(read, purchase="sub_9"), replace(read, language="de")
    dynamodb.store.commit(Insert(read))
    dynamodb.store.commit(Change(read, other))
    with pytest.raises(Conflict):
        dynamodb.store.commit(Change(read, stale, expecting=("purchase",)))
    assert dynamodb.store.invoice(MERCHANT, "cus_1", read.id) == other


def test_none_survives_where_the_default_is_another_value(backend: Backend) -> None:
    """A merchant who lets nobody freeze must not be read as one who does, at the default price."""
    merchant = Merchant("mer_1", "Acme", "a@example.com", T0)
    assert merchant.settings.freeze_price_minor is not None
    backend.store.commit(Insert(merchant))
    nothing = replace(merchant.settings, freeze_price_minor=None)
    shut = replace(merchant, settings=nothing)
    backend.store.commit(Change(merchant, shut))
    assert backend.store.merchant("mer_1") == shut
    backend.store.commit(Change(shut, replace(shut, name="Other"), expecting=("settings",)))
    stale = replace(merchant, website="https://a.example")
    with pytest.raises(Conflict):
        backend.store.commit(Change(merchant, stale, expecting=("settings",)))

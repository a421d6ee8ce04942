"""Every store answers the port's questions alike (docs/access-patterns.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.accounts.accounts import Account
from billing.event_log.logged_events import EventHour, LoggedEvent, id_at
from billing.kernel.customers import (
    EmailPointer,
    Entitlement,
    PaymentMethod,
    PurchaseBillTo,
    email_hash,
)
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Invalid
from billing.kernel.invoices import InvoiceCounter
from billing.kernel.issued_documents import DocumentKind
from billing.kernel.merchants import ApiKey, Merchant, Settings
from billing.kernel.operation import BillingSwitch, ProcessingFailure
from billing.kernel.storage import Due, History
from billing.kernel.values import replace
from billing.kernel.walks import Walk
from billing.kernel.writes import Change, Insert, Remove
from billing.storage import merchant_lists
from tests.storage.conftest import Backend
from tests.storage.examples import (
    BILL_TO,
    DAY,
    MERCHANT,
    T0,
    checkout,
    consent,
    customer,
    invoice,
    issued_document,
    ledger_entry,
    logged_event,
    order,
    outbox_event,
    payment_method,
    price_point,
    product,
    subscription,
)

YEAR = timedelta(days=366)


def insert(backend: Backend, *entities: Any) -> None:
    backend.store.commit_each([(Insert(entity),) for entity in entities])


def test_single_things_are_found_by_their_keys(backend: Backend) -> None:
    merchant = Merchant(MERCHANT, "Acme", "a@example.com", T0, Settings(language="de"))
    key = ApiKey("key_1", "0" * 64, MERCHANT, T0, ("read",))
    method = PaymentMethod(
        id="pm_1",
        merchant=MERCHANT,
        customer="cus_1",
        gateway="sandbox",
        gateway_account="acct_1",
        brand="visa",
        last4="4242",
        expires_on=None,
        fingerprint=None,
        added_at=T0,
    )
    counters = [InvoiceCounter(MERCHANT, test=test, last=7 + test) for test in (False, True)]
    pointer = EmailPointer(MERCHANT, email_hash(MERCHANT, "ann@example.com"), "cus_1")
    insert(
        backend, merchant, key, method, *counters, pointer, product(), checkout(), outbox_event()
    )
    store = backend.store
    assert store.merchant(MERCHANT) == merchant
    assert store.api_key("0" * 64) == key
    assert store.payment_method(MERCHANT, "cus_1", "pm_1") == method
    assert [store.invoice_counter(MERCHANT, test) for test in (False, True)] == counters
    assert store.customer_by_email(MERCHANT, " Ann@Example.com ") == "cus_1"
    assert store.product(MERCHANT, "prod_1") == product()
    assert store.checkout(MERCHANT, "attempt-1") == checkout()
    assert store.outbox_event(0, T0, "fact_1") == outbox_event()


def test_what_is_not_there_is_none(backend: Backend) -> None:
    store = backend.store
    assert store.merchant("mer_9") is None
    assert store.customer_by_email(MERCHANT, "nobody@example.com") is None
    assert store.price_point("mer_9.pp9") is None
    assert store.price_point("no-such-thing") is None
    assert store.subscription_by_id(MERCHANT, "sub_9") is None
    assert store.history(MERCHANT, "cus_9") == History(customer=None)
    assert store.catalog("mer_9") == ((), ())


def test_another_merchant_finds_nothing(backend: Backend) -> None:
    insert(backend, subscription(), order(), customer())
    assert backend.store.customer("mer_2", "cus_1") is None
    assert backend.store.subscription_by_id("mer_2", "sub_1") is None
    assert backend.store.order_by_id("mer_2", order().id) is None
    assert backend.store.orders("mer_2", since=T0, until=T0 + DAY, limit=9).data == ()


def test_a_merchant_sees_all_keys_and_nobody_elses(backend: Backend) -> None:
    keys = [ApiKey(f"key_{n}", str(n) * 64, MERCHANT, T0, ("read",)) for n in range(3)]
    revoked = replace(keys[1], revoked_at=T0 + DAY)
    insert(backend, *keys, ApiKey("key_9", "9" * 64, "mer_2", T0))
    backend.store.commit(Change(keys[1], revoked))
    assert sorted(backend.store.api_keys(MERCHANT), key=lambda key: key.id) == [
        keys[0],
        revoked,
        keys[2],
    ]
    assert backend.store.api_keys("mer_9") == []


@pytest.mark.spec("P-14")
def test_only_products_switched_to_public_are_listed(backend: Backend) -> None:
    hidden = product("prod_1")
    listed = [replace(product(f"prod_{n}"), public_listing=True) for n in (2, 3)]
    insert(backend, hidden, *listed)
    assert sorted(p.id for p in backend.store.listed_products(limit=9).data) == ["prod_2", "prod_3"]
    first = backend.store.listed_products(limit=1)
    second = backend.store.listed_products(limit=1, cursor=first.next)
    assert {p.id for page in (first, second) for p in page.data} == {"prod_2", "prod_3"}
    assert second.next is None
    backend.store.commit(
        Change(hidden, replace(hidden, public_listing=True)),
        Change(listed[0], replace(listed[0], public_listing=False)),
    )
    assert sorted(p.id for p in backend.store.listed_products(limit=9).data) == ["prod_1", "prod_3"]


@pytest.mark.spec("B-8")
def test_where_bills_go_is_kept_beside_each_purchase(backend: Backend) -> None:
    elsewhere = PurchaseBillTo(MERCHANT, "cus_1", "sub_1", BILL_TO)
    insert(backend, elsewhere, subscription(1), subscription(2))
    owners = [(MERCHANT, "cus_1", f"sub_{n}") for n in (2, 1)]
    assert backend.store.bill_tos(owners) == [None, elsewhere]
    found = backend.store.billed(MERCHANT, "cus_1", ["sub_2", "sub_1"])
    assert (found.bill_tos, found.consents) == ((None, elsewhere), (None, None))
    assert found.customer is None


def test_the_newest_version_of_a_price_point_is_the_price_point(backend: Backend) -> None:
    versions = [price_point(version) for version in range(1, 12)]
    longer_name = price_point(99, "pp11")
    insert(backend, *versions, longer_name, product("prod_2", at=T0 + DAY), product())
    assert backend.store.price_point(f"{MERCHANT}.pp1") == versions[-1]
    products, points = backend.store.catalog(MERCHANT)
    assert [p.id for p in products] == ["prod_1", "prod_2"]
    assert points == (versions[-1], longer_name)


def test_many_are_answered_in_the_order_asked_for(backend: Backend) -> None:
    insert(backend, *(subscription(n) for n in range(130)), *(invoice(n) for n in range(3)))
    numbers = [7, 129, 999, 7, *range(120)]
    found = backend.store.subscriptions([(MERCHANT, "cus_1", f"sub_{n}") for n in numbers])
    assert [s and s.id for s in found] == [None if n == 999 else f"sub_{n}" for n in numbers]
    keys = [(MERCHANT, "cus_1", f"sub_{n}.0001") for n in (2, 5, 0)]
    assert backend.store.invoices(keys) == [invoice(2), None, invoice(0)]
    assert backend.store.subscriptions([]) == []


@pytest.mark.spec("B-5")
def test_a_history_is_everything_of_one_customer_oldest_first(backend: Backend) -> None:
    access = Entitlement(MERCHANT, "cus_1", "club", "sub_1", T0)
    late, early = T0 + DAY, T0 - DAY
    insert(
        backend,
        customer(),
        subscription(1, at=late),
        subscription(2, at=early),
        order(1, at=late),
        order(2, at=early),
        invoice(1, at=late),
        invoice(2, at=early),
        access,
        ledger_entry(),
        consent(),
        order(3, customer="cus_2"),
        order(4, customer=None),
    )
    assert backend.store.history(MERCHANT, "cus_1") == History(
        customer=customer(),
        subscriptions=(subscription(2, at=early), subscription(1, at=late)),
        orders=(order(2, at=early), order(1, at=late)),
        invoices=(invoice(2, at=early), invoice(1, at=late)),
        entitlements=(access,),
        ledger=(ledger_entry(),),
        consents=(consent(),),
    )


def test_documents_are_found_by_what_they_were_issued_for(backend: Backend) -> None:
    """A refund is named by whoever asks for it: no name of one is the key of another's document."""
    store = backend.store
    kinds = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
    invoiced, credited = (issued_document(kind) for kind in kinds)
    store.commit(Insert(customer()), Insert(invoice()), Insert(invoiced), Insert(credited))
    owner = (MERCHANT, "cus_1")
    assert store.issued_document(*owner, DocumentKind.INVOICE, "sub_1.0001") == invoiced
    assert store.issued_document(*owner, DocumentKind.CREDIT_NOTE, credited.id) == credited
    assert store.issued_document(*owner, DocumentKind.CREDIT_NOTE, "sub_1.0001") is None
    assert store.history(*owner).documents == (credited, invoiced)
    assert store.history(*owner).invoices == (invoice(),)
    with pytest.raises(Conflict):
        store.commit(Insert(replace(invoiced, number="INV-000002")))
    assert store.issued_document(*owner, DocumentKind.INVOICE, "sub_1.0001") == invoiced


def test_a_history_of_more_than_a_megabyte_is_whole(backend: Backend) -> None:
    insert(backend, *(replace(order(n), product_name="x" * 90_000) for n in range(25)))
    assert len(backend.store.history(MERCHANT, "cus_1").orders) == 25


def test_by_id_finds_subscriptions_and_orders_of_whoever(backend: Backend) -> None:
    strangers = order(2, customer=None)
    insert(backend, subscription(), order(), strangers)
    assert backend.store.subscription_by_id(MERCHANT, "sub_1") == subscription()
    assert backend.store.order_by_id(MERCHANT, order().id) == order()
    assert backend.store.order_by_id(MERCHANT, strangers.id) == strangers
    assert backend.store.order_by_id(MERCHANT, "sub_1") is None


@pytest.mark.spec("W-7")
def test_a_card_is_found_by_its_gateways_id_and_shows_what_it_was(backend: Backend) -> None:
    card = payment_method()
    insert(backend, card)
    assert backend.store.payment_method_by_id(MERCHANT, card.id) == card
    assert backend.store.payment_method_by_id("mer_2", card.id) is None
    assert backend.store.payment_method_by_id(MERCHANT, "cus_s:pm_2") is None
    renewed = replace(card, last4="1881", formerly=(*card.formerly, *card.formerly))
    backend.store.commit(Change(card, renewed, expecting=("removed_at",)))
    assert backend.store.payment_method_by_id(MERCHANT, card.id) == renewed


@pytest.mark.parametrize("limit", [1, 4, 5, 100])
def test_pages_neither_lose_nor_repeat_what_happened_at_one_instant(
    backend: Backend, limit: int
) -> None:
    at_once = [order(n) for n in range(5)]
    others = [order(10 + n, at=T0 - n * 23 * DAY) for n in range(1, 5)]
    others += [order(20 + n, at=T0 - 100 * DAY) for n in range(3)]
    insert(backend, *at_once, *others)
    seen: list[str] = []
    cursor = None
    while True:
        page = backend.store.orders(
            MERCHANT, since=T0 - YEAR, until=T0 + DAY, limit=limit, cursor=cursor
        )
        assert len(page.data) <= limit
        assert len(seen) < 12, "the last page has been, and there is another"
        seen += (o.id for o in page.data)
        cursor = page.next
        if cursor is None:
            break
    newest_first = sorted([*at_once, *others], key=lambda o: (o.at, o.id), reverse=True)
    assert seen == [o.id for o in newest_first]


def test_a_list_begins_at_since_and_ends_before_until(backend: Backend) -> None:
    instants = [T0 - DAY, T0, T0 + timedelta(microseconds=1), T0 + 2 * DAY]
    insert(backend, *(subscription(n, at=at) for n, at in enumerate(instants)))

    def started(since: datetime, until: datetime) -> list[str]:
        page = backend.store.subscriptions_started(MERCHANT, since=since, until=until, limit=9)
        assert page.next is None
        return [s.id for s in page.data]

    assert started(T0, T0 + 2 * DAY) == ["sub_2", "sub_1"]
    assert started(T0, T0) == []
    assert started(T0 + DAY, T0) == []
    assert started(T0 - DAY, T0 + 3 * DAY) == ["sub_3", "sub_2", "sub_1", "sub_0"]
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert started(first, first + DAY) == []


def test_a_page_after_new_entries_goes_on_where_it_was(backend: Backend) -> None:
    insert(backend, *(order(n, at=T0 + n * DAY) for n in range(4)))
    page = backend.store.orders(MERCHANT, since=T0, until=T0 + 4 * DAY, limit=2)
    insert(backend, order(9, at=T0 + 5 * DAY))
    rest = backend.store.orders(MERCHANT, since=T0, until=T0 + 9 * DAY, limit=9, cursor=page.next)
    assert [o.id for o in rest.data] == [order(1).id, order(0).id]


def test_a_foreign_or_damaged_cursor_is_refused(backend: Backend) -> None:
    insert(backend, *(order(n) for n in range(3)), *(subscription(n) for n in range(3)))
    span = {"since": T0 - DAY, "until": T0 + DAY, "limit": 1}
    cursor = backend.store.orders(MERCHANT, **span).next
    assert cursor is not None
    backend.store.orders(MERCHANT, **span, cursor=cursor)
    damaged = cursor[:12] + ("A" if cursor[12] != "A" else "B") + cursor[13:]
    # How it is made is no secret, so what it names is looked at.
    forge = merchant_lists._cursor
    made_up = [
        forge(MERCHANT, "ORDER", position) for position in ("9", "2026-13-01T00:00:00.000000Z#x")
    ]
    for bad in ("", "x", "é", "=", cursor[:-4], damaged, "A" * 5000, "\ud800", *made_up):
        with pytest.raises(Invalid) as refused:
            backend.store.orders(MERCHANT, **span, cursor=bad)
        assert refused.value.field == "cursor"
    with pytest.raises(Invalid):
        backend.store.orders("mer_2", **span, cursor=cursor)
    with pytest.raises(Invalid):
        backend.store.subscriptions_started(MERCHANT, **span, cursor=cursor)


def test_the_overdue_come_first_and_the_rest_waits(backend: Backend) -> None:
    times = [T0 + n * DAY for n in (3, 1, 2, 9)]
    insert(backend, *(replace(subscription(n), due_at=at) for n, at in enumerate(times)))
    insert(backend, replace(subscription(8), shard=1), replace(subscription(9), due_at=None))

    def due(until: datetime, limit: int) -> list[str]:
        return [d.owner[-1] for d in backend.store.due(DueKind.BILL, 0, until, limit)]

    assert due(T0 + 3 * DAY, 10) == ["sub_1", "sub_2", "sub_0"]
    assert due(T0 + 3 * DAY, 2) == ["sub_1", "sub_2"]
    assert due(T0, 10) == []


def test_facts_wait_in_their_shard_oldest_first(backend: Backend) -> None:
    insert(
        backend, *(outbox_event(n, at=T0 + n * DAY) for n in (2, 1, 3)), outbox_event(4, shard=1)
    )
    waiting = backend.store.undelivered(0, T0 + 2 * DAY, 10)
    assert waiting == [outbox_event(1, at=T0 + DAY), outbox_event(2, at=T0 + 2 * DAY)]
    assert backend.store.undelivered(0, T0 + 9 * DAY, 1) == [outbox_event(1, at=T0 + DAY)]
    claimed = replace(waiting[0], claimed_until=T0 + 3 * DAY)
    backend.store.commit(Change(waiting[0], claimed))
    assert backend.store.outbox_event(0, T0 + DAY, "fact_1") == claimed


def test_facts_are_read_on_behind_one_whether_or_not_it_still_waits(backend: Backend) -> None:
    facts = [outbox_event(n, at=T0 + n * DAY) for n in (1, 2, 3)]
    insert(backend, *facts, outbox_event(4, shard=1))
    assert backend.store.undelivered(0, T0 + 9 * DAY, 1, after=facts[0]) == [facts[1]]
    assert backend.store.undelivered(0, T0 + 2 * DAY, 9, after=facts[0]) == [facts[1]]
    assert backend.store.undelivered(0, T0 + 9 * DAY, 9, after=facts[2]) == []
    backend.store.commit(Remove(facts[0]))
    assert backend.store.undelivered(0, T0 + 9 * DAY, 2, after=facts[0]) == facts[1:]


def test_events_around_an_instant_are_read_from_it_on(backend: Backend) -> None:
    insert(
        backend, *(outbox_event(n, at=T0 + n * DAY) for n in (1, 2, 3)), outbox_event(4, shard=1)
    )
    found = backend.store.undelivered(0, T0 + 9 * DAY, 9, since=T0 + 2 * DAY)
    assert [event.id for event in found] == ["fact_2", "fact_3"]
    assert backend.store.undelivered(0, T0 + 2 * DAY, 9, since=T0 + 2 * DAY) == found[:1]
    assert backend.store.undelivered(0, T0 + 9 * DAY, 1, since=T0 + 2 * DAY) == found[:1]


@pytest.mark.spec("M-5")
def test_logged_events_are_read_by_hour_in_the_order_of_their_places(backend: Backend) -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    logged = [logged_event(n, at=T0 + n * minute) for n in range(4)]
    later = logged_event(9, at=T0 + hour)
    insert(backend, *reversed(logged), later, replace(logged[0], merchant="mer_2"))

    def read(after: str, until: datetime, limit: int = 9, of: datetime = T0) -> list[LoggedEvent]:
        return backend.store.logged_events(
            MERCHANT, of, after=after, until=id_at(until), limit=limit
        )

    assert read(id_at(T0), T0 + hour) == logged
    assert read(id_at(T0), T0 + hour, 2) == logged[:2]
    assert read(logged[1].id, T0 + hour) == logged[2:]
    assert read(logged[1].id, T0 + 3 * minute) == logged[2:3], "what is at the end is not in it"
    assert read(logged[3].id, T0 + hour) == []
    assert read(id_at(T0), T0 + 2 * hour, of=T0 + hour) == [later]


@pytest.mark.spec("M-5")
def test_hours_of_a_log_are_listed_once_oldest_first(backend: Backend) -> None:
    hours = [EventHour(MERCHANT, T0 + n * timedelta(hours=1)) for n in range(3)]
    insert(backend, *reversed(hours), EventHour("mer_2", T0))
    store = backend.store
    assert store.event_hours(MERCHANT, T0, T0 + DAY, 9) == hours
    assert store.event_hours(MERCHANT, T0 + timedelta(minutes=59), T0 + DAY, 1) == hours[:1]
    assert store.event_hours(MERCHANT, T0 + timedelta(hours=1), T0 + DAY, 9) == hours[1:]
    assert store.event_hour(MERCHANT, T0 + timedelta(minutes=5)) == hours[0]
    assert store.event_hour(MERCHANT, T0 + DAY) is None
    with pytest.raises(Conflict):
        store.commit(Insert(hours[0]))


def test_an_account_keeps_where_a_walk_has_got_to(backend: Backend) -> None:
    held = Account("annsart", "ann@example.com", "hash", None, T0, 0, due_at=T0)
    insert(backend, held)
    walk = Walk("inactive", T0, "page~sub_1", left=True)
    begun = replace(held, walk=walk, due_at=T0 + DAY)
    backend.store.commit(Change(held, begun, expecting=("due_at", "told")))
    assert backend.store.account("annsart") == begun
    with pytest.raises(Conflict):
        backend.store.commit(Change(held, replace(held, walk=Walk("active", T0))))
    lease = Due(DueKind.ACCOUNT, T0 + DAY, ("annsart",))
    assert backend.store.lease_each([lease], T0) == [replace(lease, due_at=T0)]
    ended = replace(held, walk=None, due_at=None)
    backend.store.commit(Change(replace(begun, due_at=T0), ended))
    assert backend.store.account("annsart") == ended


def test_the_operators_switch_is_found_once_it_was_turned(backend: Backend) -> None:
    assert backend.store.billing_switch() is None
    switch = BillingSwitch(True, "a drill", T0)
    insert(backend, switch)
    assert backend.store.billing_switch() == switch


def test_sellers_are_read_with_the_operators_switch(backend: Backend) -> None:
    seller = Merchant(MERCHANT, "Acme", "a@example.com", T0)
    insert(backend, seller)
    assert backend.store.merchants_and_switch([MERCHANT]) == ([seller], None)
    switch = BillingSwitch(True, "a drill", T0)
    insert(backend, switch)
    found = backend.store.merchants_and_switch(["mer_2", MERCHANT, MERCHANT])
    assert found == ([None, seller, seller], switch)


def test_what_failed_is_found_by_its_alarm_and_by_its_merchant(backend: Backend) -> None:
    due = Due(DueKind.BILL, T0, (MERCHANT, "cus_1", "sub_1"))
    assert backend.store.failure(due) is None
    troubles = [
        ProcessingFailure(MERCHANT, DueKind.BILL, (MERCHANT, "cus_1", "sub_1"), "KeyError", T0, T0),
        ProcessingFailure(
            MERCHANT, DueKind.REFUND, (MERCHANT, "cus_1", "sub_1.0001:r1"), "KeyError", T0, T0
        ),
        ProcessingFailure("mer_2", DueKind.BILL, ("mer_2", "cus_1", "sub_1"), "KeyError", T0, T0),
    ]
    insert(backend, *troubles)
    assert backend.store.failure(due) == troubles[0]
    assert backend.store.failures(MERCHANT) == troubles[:2]

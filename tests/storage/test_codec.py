"""Entities survive being stored, whatever is in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.catalog import Cancellation, Cycle, Initial, PriceTerms, PriceType, Product
from billing.kernel.customers import Entitlement
from billing.kernel.due import DueKind
from billing.kernel.invoices import Invoice, InvoiceCounter
from billing.kernel.ledger import LedgerEntry, Posting
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, fields, replace
from billing.storage import codec, entity_keys, key_fields
from billing.storage.absent import is_written_out
from billing.storage.addresses import Row, stamp
from billing.storage.due_keys import owner_key
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import index_attributes, item_of
from billing.storage.entity_classes import ENTITIES, RENAMED, class_of, stored_name
from billing.storage.entity_keys import key_of
from billing.storage.event_keys import outbox_ids_of
from billing.storage.index_keys import due_of
from billing.storage.index_places import places_of
from tests.storage.examples import (
    T0,
    checkout,
    customer,
    invoice,
    ledger_entry,
    order,
    outbox_event,
    subscription,
)

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])
# Not at either end of time, where another zone has no date any more.
WALLS = st.datetimes().filter(lambda wall: 1 < wall.year < 9999)
INSTANTS = st.builds(lambda wall, zone: wall.replace(tzinfo=zone), WALLS, ZONES)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MONEY = st.builds(Money, st.integers(1, 99_999_999), st.sampled_from(Currency))
SPANS = st.builds(Span, st.integers(1, 10), st.sampled_from(Unit))
TERMS = st.one_of(
    st.builds(
        PriceTerms,
        st.just(PriceType.RECURRING),
        MONEY,
        st.sampled_from(Period),
        initial=st.none() | st.builds(Initial, st.integers(0, 99), SPANS),
        cancellation=st.sampled_from(Cancellation),
    ),
    st.builds(
        PriceTerms,
        st.just(PriceType.RECURRING_INSTALLMENT),
        MONEY,
        st.just(Period.MONTHLY),
        st.integers(2, 12),
        st.sampled_from(Cycle),
    ),
)


def _postings(amounts: list[int]) -> tuple[Posting, ...]:
    return (*(Posting("a", amount) for amount in amounts), Posting("b", -sum(amounts)))


for cls, strategy in {
    datetime: INSTANTS,
    Anchor: st.builds(Anchor, WALLS, st.just("Europe/Berlin")),
    Money: MONEY,
    PriceTerms: TERMS,
    str: WORDS,
}.items():
    st.register_type_strategy(cls, strategy)
PRODUCTS = st.builds(
    Product, price_points=st.just(("p", "q")), default_price_point=st.sampled_from(["p", "q"])
)
st.register_type_strategy(Product, PRODUCTS)
st.register_type_strategy(
    LedgerEntry,
    st.builds(LedgerEntry, postings=st.lists(st.integers(-(10**15), 10**15)).map(_postings)),
)
for made_by_a_factory in (Settings, Merchant):
    # Hypothesis would take the default of the signature, which is the factory itself.
    st.register_type_strategy(
        made_by_a_factory,
        st.builds(
            made_by_a_factory,
            **{each.name: st.from_type(each.type) for each in fields(made_by_a_factory)},
        ),
    )
ENTITY = st.sampled_from([class_of(name) for name in sorted(ENTITIES)]).flatmap(st.from_type)


def test_every_entity_has_a_key_and_a_module_that_has_it() -> None:
    assert set(entity_keys._KEYS) == {RENAMED.get(name, name) for name in ENTITIES}
    for name in ENTITIES:
        cls = class_of(name)
        assert cls is not None
        assert cls.__name__ == RENAMED.get(name, name)
        assert cls.__module__ == f"billing.{ENTITIES[name]}"
        assert stored_name(cls) == name
    assert class_of("FromTomorrow") is None


@given(ENTITY)
def test_every_entity_is_read_as_it_was_written(entity: Any) -> None:
    stored = codec.encode(entity)
    assert codec.decode(type(entity), stored) == entity
    assert codec.encode(codec.decode(type(entity), stored)) == stored


IDS = st.text("abz019_.-", min_size=1, max_size=12)
INVOICES = st.builds(
    lambda purchase, seq, **ids: (
        replace(invoice(seq=seq), purchase=purchase, id=ids["id"])
        if ids["foreign"]
        else replace(invoice(seq=seq), purchase=purchase, id=f"{purchase}.{seq:04d}")
    ),
    IDS,
    st.integers(0, 99_999),
    id=st.builds("{}.{:04d}".format, IDS, st.integers(0, 99_999)),
    foreign=st.booleans(),
)
ORDERS = st.builds(order, st.integers(0, 99), customer=st.none() | IDS, at=INSTANTS)
KEYED = st.one_of(
    INVOICES,
    ORDERS,
    st.builds(subscription, st.integers(0, 99), customer=IDS),
    st.builds(customer, IDS),
    st.builds(outbox_event, shard=st.integers(0, 64), at=INSTANTS),
    st.builds(ledger_entry, st.integers(0, 99)),
    st.builds(Entitlement, IDS, IDS, WORDS, WORDS, INSTANTS),
)


@given(KEYED)
def test_an_item_is_read_as_it_was_written_whatever_its_key_says_of_it(entity: Any) -> None:
    item = item_of(entity, "op")
    assert entity_of(item) == entity
    said = key_fields.implied_by_key(type(entity), key_of(entity))
    same = {name for name, value in said.items() if getattr(entity, name) == value}
    assert same.isdisjoint(item["body"]["M"])
    assert entity_of({**item, "body": codec.encode(entity)}) == entity, "as it was stored before"


def test_an_attempt_key_that_looks_like_a_customer_is_none() -> None:
    failed = replace(order(customer=None), attempt_key="x#C#cus_2")
    assert entity_of(item_of(failed, "op")) == failed


@pytest.mark.parametrize(
    "entity", [invoice(), subscription(), order(), ledger_entry(), outbox_event()]
)
def test_ids_stand_in_the_key_alone(entity: Any) -> None:
    assert {"id", "customer", "purchase", "seq", "at"}.isdisjoint(
        set(item_of(entity, "op")["body"]["M"]) - _NOT_IN_THE_KEY[type(entity)]
    )


_NOT_IN_THE_KEY: dict[type, set[str]] = {
    Invoice: set(),
    Subscription: {"seq"},
    Order: set(),
    LedgerEntry: {"at"},
    OutboxEvent: {"customer"},
}


@given(ENTITY)
def test_what_absence_means_is_left_out_but_of_what_holds_choices(entity: Any) -> None:
    stored = codec.encode(entity)["M"]
    values = {f.name: getattr(entity, f.name) for f in fields(entity)}
    assert set(stored) == {
        name
        for name, value in values.items()
        if not codec.means_absent(type(entity), name, value)
        or isinstance(value, Value)
        or (value is not None and is_written_out(type(entity)))
    }


@given(INSTANTS, INSTANTS)
def test_instants_in_keys_sort_as_time_does(one: datetime, other: datetime) -> None:
    assert (stamp(one) < stamp(other)) == (one < other)
    assert len(stamp(one)) == len("2026-01-31T15:00:00.000000Z")
    assert datetime.fromisoformat(stamp(one)) == one


@given(INSTANTS)
def test_a_row_of_the_due_index_names_the_item_it_stands_for(at: datetime) -> None:
    for entity, kind in (
        (subscription(), DueKind.BILL),
        (checkout("a key#with #"), DueKind.CHECKOUT),
    ):
        waiting = replace(entity, due_at=at)
        place = places_of(waiting)["due"]
        assert place.pk == f"DUE#{kind}#0"
        due = due_of(kind, Row(place.sk, key_of(waiting)))
        assert (due.due_at, owner_key(due)) == (at, key_of(waiting))


@given(INSTANTS, WORDS)
def test_a_key_of_the_outbox_names_its_event(at: datetime, name: str) -> None:
    written = replace(outbox_event(), at=at, id=name, shard=3)
    assert outbox_ids_of(key_of(written)) == (3, at, name)


def test_what_has_no_alarm_is_not_in_the_due_index() -> None:
    assert "due_pk" not in index_attributes(replace(subscription(), due_at=None))


def test_what_an_item_lacks_takes_its_default() -> None:
    stored = {"M": {"merchant": {"S": "m"}, "test": {"BOOL": False}, "new": {"S": "?"}}}
    assert codec.decode(InvoiceCounter, stored) == InvoiceCounter("m", test=False, last=0)


@pytest.mark.parametrize("hint", [float, dict[str, str], set[int], object])
def test_a_type_without_an_exact_stored_form_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError):
        codec.codec_of(hint)


def test_the_console_shows_plain_values() -> None:
    stored = codec.encode(replace(subscription(), last_charged_on=date(2026, 1, 31)))["M"]
    assert stored["state"] == {"S": "active"}
    assert stored["price_version"] == {"N": "1"}
    assert "seq" not in stored, "0 is its default"
    assert stored["started_at"] == {"S": stamp(T0)} == {"S": "2026-01-31T15:00:00.000000Z"}
    assert stored["anchor"]["M"]["wall"] == {"S": "2026-01-31T10:00:00.000000"}
    assert stored["last_charged_on"] == {"S": "2026-01-31"}
    assert stored["terms"]["M"]["price"]["M"]["currency"] == {"S": "USD"}

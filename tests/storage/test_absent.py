"""A default in the code may change: what is stored keeps its value, by what absence means."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from billing.kernel import departments, merchants
from billing.kernel.catalog import PricePoint
from billing.kernel.customers import Address, Customer
from billing.kernel.departments import Department
from billing.kernel.errors import Conflict
from billing.kernel.merchants import CreditAtEnd, GatewayAccount, Merchant, Settings
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.values import NODEFAULT, Value, fields, replace
from billing.kernel.writes import Change, ConditionCheck, Entity, Insert
from billing.storage import absent, codec
from billing.storage.dynamo import writes
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_classes import ENTITIES, class_of
from tests.storage.conftest import Backend
from tests.storage.examples import T0, price_point, product

HERE = Path(__file__)
OLD = {
    item["type"]["S"]: item
    for item in json.loads(HERE.with_name("recorded_items.json").read_text("utf-8"))
}
"""Of each type the item of version 0.2.0 that has least."""

ACME = Merchant("mer_1", "Acme", "a@example.com", T0)


def stored_classes() -> set[type]:
    """Returns each stored class, and each dataclass inside one."""
    found: set[type] = set()

    def add(hint: Any) -> None:
        if isinstance(hint, type) and issubclass(hint, Value) and hint not in found:
            found.add(hint)
            for inner in get_type_hints(hint).values():
                add(inner)
        for inner in get_args(hint):
            add(inner)

    for name in ENTITIES:
        add(class_of(name))
    return found


CLASSES = sorted(stored_classes(), key=lambda cls: cls.__name__)


@pytest.fixture
def changed_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Changes defaults of a class as an edit of the source would, for one test."""

    def change(cls: type, **defaults: Any) -> None:
        kinds = {name: get_type_hints(cls)[name] for name in defaults}
        body = {**defaults, "__annotations__": kinds, "__module__": cls.__module__}
        edited = type(cls)(cls.__name__, (cls,), body)
        for module in [
            each for each in sys.modules.values() if vars(each).get(cls.__name__) is cls
        ]:
            monkeypatch.setattr(module, cls.__name__, edited)
        _forget()

    yield change
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for cached in (codec._fields, codec._reader, codec.codec_of, class_of):
        cached.cache_clear()


@pytest.mark.spec("R-4")
def test_a_retry_default_of_two_days_moves_no_merchant_that_was_there(
    changed_default: Callable[..., None],
) -> None:
    chosen = replace(ACME, settings=replace(ACME.settings, grace_days=1))
    written_out = item_of(chosen, "op")
    changed_default(RetrySchedule, every_days=2)

    old = entity_of(OLD["Merchant"])
    assert old.settings.retry_schedule == RetrySchedule(3, 4, FinalAction.CANCEL)
    assert entity_of(written_out).settings.retry_schedule.every_days == 3

    new = replace(ACME, settings=Settings(retry_schedule=RetrySchedule()))
    assert new.settings.retry_schedule.every_days == 2
    assert entity_of(item_of(new, "op")) == new
    assert entity_of(item_of(old, "op")) == old


def test_a_default_that_becomes_none_or_stops_being_it_changes_nothing_stored(
    changed_default: Callable[..., None],
) -> None:
    changed_default(Settings, freeze_price_minor=None, grace_days=5)
    old = entity_of(OLD["Merchant"]).settings
    assert (old.freeze_price_minor, old.grace_days) == (999, None)
    for settings in (Settings(), old, replace(old, freeze_price_minor=None, grace_days=5)):
        merchant = replace(ACME, settings=settings)
        assert entity_of(item_of(merchant, "op")) == merchant


def test_a_text_that_the_code_words_anew_stays_as_it_was_for_older_merchants(
    monkeypatch: pytest.MonkeyPatch, changed_default: Callable[..., None]
) -> None:
    was = departments.USUAL
    changed_default(merchants.Departments, all=(Department("all", "All", "Everything."),))
    assert entity_of(OLD["Merchant"]).settings.departments.all == was


def test_a_subscription_keeps_its_language_though_it_is_not_written_out(
    changed_default: Callable[..., None],
) -> None:
    subscription = class_of("Subscription")
    assert subscription is not None
    changed_default(subscription, language="de")
    old = entity_of(OLD["Subscription"])
    assert old.language == "en"
    for language in ("de", "en"):
        other = replace(old, language=language)
        assert entity_of(item_of(other, "op")) == other


@pytest.mark.parametrize("name", sorted(absent.WRITTEN_OUT))
def test_what_holds_choices_is_stored_with_every_value(name: str) -> None:
    item = item_of(entity_of(OLD[name]), "op")
    _assert_whole(entity_of(OLD[name]), item["body"]["M"])


def _assert_whole(value: Any, stored: dict[str, Any]) -> None:
    for f in fields(value):
        part = getattr(value, f.name)
        if isinstance(part, Value):
            _assert_whole(part, stored[f.name]["M"])
        elif f.name not in stored:
            implied = isinstance(value, Customer) and f.name in {"id", "merchant"}
            assert part is None or implied, f.name


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_default_of_a_stored_class_has_a_meaning_when_absent(cls: type) -> None:
    """Write it into storage/absent.py: what do the items that are stored today mean by it?"""
    has_default = {
        f.name
        for f in fields(cls)
        if f.default is not NODEFAULT or f.default_factory is not NODEFAULT
    }
    if cls.__name__ in absent.CHOICES:
        assert has_default <= set(absent.CHOICES[cls.__name__])
    else:
        not_none = {f.name for f in fields(cls) if f.name in has_default and f.default is not None}
        assert not_none <= set(absent.STATE.get(cls.__name__, ()))
    codec._fields(cls, False)


def test_a_new_field_without_a_meaning_is_refused() -> None:
    class RetrySchedule(Value):
        every_days: int = 3
        weekends: bool = True

    with pytest.raises(TypeError, match=r"RetrySchedule\.weekends needs a meaning"):
        codec.encode(RetrySchedule())


def test_the_meanings_name_stored_classes_and_fields_alone() -> None:
    by_name = {cls.__name__: cls for cls in CLASSES}
    assert not set(absent.CHOICES) & set(absent.STATE)
    assert set(ENTITIES) >= absent.WRITTEN_OUT
    for name, meanings in {**absent.CHOICES, **absent.STATE}.items():
        assert sum(cls.__name__ == name for cls in CLASSES) == 1, name
        assert set(meanings) <= {f.name for f in fields(by_name[name])}


def test_no_meaning_has_changed_or_gone() -> None:
    """The second copy is what is out there; only add to it."""
    out_there = json.loads(HERE.with_name("absent.json").read_text("utf-8"))
    now = json.loads(json.dumps({**absent.CHOICES, **absent.STATE}))
    assert {**now, **{name: {**now[name], **out_there[name]} for name in out_there}} == now
    assert out_there == now, "add what is new to tests/storage/absent.json"


CHANGES: dict[str, Callable[[Settings], Settings]] = {
    "another schedule": lambda s: replace(s, retry_schedule=RetrySchedule(2)),
    "another department": lambda s: replace(
        s, departments=replace(s.departments, refund="technical-support")
    ),
    "other departments": lambda s: replace(
        s, departments=replace(s.departments, all=s.departments.all[:1])
    ),
    "longer retention": lambda s: replace(s, accounts=replace(s.accounts, retention_days=91)),
    "no freezing": lambda s: replace(s, freeze_price_minor=None),
    "credit refunded": lambda s: replace(s, credit_at_end=CreditAtEnd.REFUND),
}


def stored_as(backend: Backend, merchant: Merchant, form: str) -> Merchant:
    """Stores a merchant in one of the forms there are, and reads it."""
    item = item_of(merchant, "op")
    if form == "before":  # 0.2.0 left out what equals a default
        item["body"]["M"] |= {"settings": {"M": {}}}
        del item["body"]["M"]["terms_version"], item["body"]["M"]["armed"]
    elif form == "before that":  # it knew neither of these
        settings = item["body"]["M"]["settings"]["M"]
        settings["departments"], settings["retry_schedule"] = {"M": {}}, {"M": {}}
        del settings["accounts"], settings["credit_at_end"], settings["self_freeze"]
    backend.call("PutItem", Item=item)
    read = backend.store.merchant(merchant.id)
    assert read == merchant
    return read


@pytest.mark.parametrize("form", ["now", "before", "before that"])
def test_a_condition_on_settings_holds_in_whichever_form_they_are_stored(
    dynamodb: Backend, form: str
) -> None:
    read = stored_as(dynamodb, ACME, form)
    named = replace(read, name="Acme Ltd")
    everything = ("settings", "terms_version", "armed", "gateway_accounts")
    dynamodb.store.commit(Change(read, named, expecting=everything))
    dynamodb.store.commit(ConditionCheck(named, everything))
    after = replace(named, settings=replace(named.settings, retry_schedule=RetrySchedule(2)))
    dynamodb.store.commit(Change(named, after, expecting=everything))
    assert dynamodb.store.merchant("mer_1") == after


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["now", "before"])
def test_a_condition_on_settings_fails_once_they_are_others(
    dynamodb: Backend, form: str, change: str
) -> None:
    read = stored_as(dynamodb, ACME, form)
    _assert_noticed(dynamodb, read, CHANGES[change])


@pytest.mark.parametrize("change", CHANGES)
def test_each_store_notices_other_settings(backend: Backend, change: str) -> None:
    backend.store.commit(Insert(ACME))
    _assert_noticed(backend, ACME, CHANGES[change])


def _assert_noticed(
    backend: Backend, read: Merchant, change: Callable[[Settings], Settings]
) -> None:
    other = replace(read, settings=change(read.settings))
    backend.store.commit(Change(read, other))
    stale = replace(read, website="https://a.example")
    with pytest.raises(Conflict):
        backend.store.commit(Change(read, stale, expecting=("settings",)))
    with pytest.raises(Conflict):
        backend.store.commit(ConditionCheck(read, ("settings",)))
    backend.store.commit(ConditionCheck(other, ("settings",)))
    # And back to what absence meant: it is written out, and counts as the same.
    backend.store.commit(Change(other, read))
    backend.store.commit(Change(read, stale, expecting=("settings",)))


def test_a_default_that_changed_does_not_change_what_a_condition_means(
    dynamodb: Backend, changed_default: Callable[..., None]
) -> None:
    stored_as(dynamodb, ACME, "before")
    changed_default(RetrySchedule, every_days=2)
    read = dynamodb.store.merchant(ACME.id)
    dynamodb.store.commit(ConditionCheck(read, ("settings",)))
    two_days = replace(read, settings=replace(read.settings, retry_schedule=RetrySchedule()))
    with pytest.raises(Conflict):
        dynamodb.store.commit(ConditionCheck(two_days, ("settings",)))


LONGEST: list[Entity] = [
    replace(
        ACME,
        address=Address("1 Main St", "Springfield", "US", "2", "3", "IL"),
        gateway_accounts=(GatewayAccount("stripe", "acct_1"),) * 5,
    ),
    ACME,
    product(),
    PricePoint("mer_1.pp1", "mer_1", "prod_1", price_point().terms, T0),
]


@pytest.mark.parametrize("entity", LONGEST, ids=lambda entity: type(entity).__name__)
def test_a_condition_on_all_that_is_written_out_is_not_too_long(entity: Entity) -> None:
    everything = tuple(f.name for f in fields(entity))
    _, request = writes.action(ConditionCheck(entity, everything), "core", "op")
    assert len(request["ConditionExpression"]) <= writes.EXPRESSION_MOST * 0.9

"""Invoices of a batch are numbered in one write: no gap and no number twice (M-7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.invoices.flows import documents, numbers
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.invoices import Invoice, InvoiceCounter
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.values import replace
from billing.kernel.writes import Change, Write
from billing.outbox import lines
from billing.outbox.flows import deliver
from tests.depth import examples
from tests.world import World

pytestmark = pytest.mark.spec("M-7")

SOON = timedelta(minutes=3)


class Watched:
    """A store that records each write of a counter, and that may fail at some of them.

    `faults` are what happens at the first, second, .. one: nothing, another writer, an outage, or
    a lost answer.
    """

    def __init__(self, store: Any, faults: Sequence[str] = ()) -> None:
        self._store = store
        self.faults = list(faults)
        self.numbered: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Write) -> None:
        if not any(isinstance(of(write), InvoiceCounter) for write in writes):
            self._store.commit(*writes)
            return
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "conflict":
            raise Conflict()
        if fault == "outage":
            raise Unavailable("no answer")
        self._store.commit(*writes)
        self.numbered.append(sum(isinstance(of(write), Invoice) for write in writes))
        if fault == "lost":
            raise Unavailable("the answer was lost")


def of(write: Write) -> Any:
    return write.after if isinstance(write, Change) else getattr(write, "entity", None)


def shop(buyers: int, faults: Sequence[str] = ()) -> tuple[World, Watched]:
    """A merchant with so many purchases whose mails are to be sent."""
    world = World(shards=1, limits=False)
    product = world.product()
    for number in range(buyers):
        world.buy(product, email=f"ann{number}@example.com")
    watched = Watched(world.store, faults)
    world.ports = replace(world.ports, store=watched)
    return world, watched


def waiting(world: World) -> list[OutboxEvent]:
    return world.store.undelivered(0, world.now + SOON, 1_000)


def from_stream(world: World, at_once: int = 25) -> None:
    named = [(event.shard, event.at, event.id) for event in waiting(world)]
    for start in range(0, len(named), at_once):
        deliver.deliver(world.ports, named[start : start + at_once], now=world.now)


def given_numbers(world: World, buyers: int) -> list[int]:
    found = []
    for number in range(buyers):
        (invoice,) = world.history(f"ann{number}@example.com").invoices
        assert invoice.number is not None
        issued = [d.number for d in world.history(f"ann{number}@example.com").documents]
        assert issued == [invoice.number]
        found.append(int(invoice.number.rpartition("-")[2]))
    return sorted(found)


def test_the_receipts_of_a_batch_are_numbered_in_one_write() -> None:
    world, watched = shop(25)
    from_stream(world)
    assert watched.numbered == [25]
    assert given_numbers(world, 25) == [*range(1, 26)]
    assert len(world.mailer.sent) == 25


def test_a_write_has_no_more_than_ninety_nine_items() -> None:
    world, watched = shop(60)
    deliver.sweep(world.ports, now=world.now + SOON, limit=60)
    assert watched.numbered == [49, 11]
    assert given_numbers(world, 60) == [*range(1, 61)]


def test_numbers_follow_the_order_of_the_events() -> None:
    world, _ = shop(10)
    of_events = [event.invoice for event in waiting(world)]
    from_stream(world)
    found = {}
    for number in range(10):
        (invoice,) = world.history(f"ann{number}@example.com").invoices
        found[invoice.id] = invoice.number
    assert [found[str(name)] for name in of_events] == sorted(filter(None, found.values()))


def test_nothing_is_numbered_for_a_merchant_who_is_disarmed_here() -> None:
    world, watched = shop(5)
    world.change_merchant(armed=False)
    from_stream(world)
    assert watched.numbered == []


def test_an_invoice_that_our_code_breaks_on_keeps_no_other_from_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, _ = shop(5)
    whole: Callable[..., Any] = documents.invoice_issuer
    (first, *_) = waiting(world)

    def breaking(ports: Any, merchant: Any, invoice: Invoice) -> Any:
        assert invoice.id != first.invoice, "as if it could not be issued"
        return whole(ports, merchant, invoice)

    monkeypatch.setattr(documents, "invoice_issuer", breaking)
    with pytest.raises(AssertionError):
        from_stream(world)
    assert len(world.mailer.sent) == 4
    monkeypatch.undo()
    world.now += lines.CLAIM
    deliver.sweep(world.ports, now=world.now)
    assert given_numbers(world, 5) == [1, 2, 3, 4, 5]


def test_others_who_number_meanwhile_get_numbers_of_their_own() -> None:
    world, watched = shop(10)
    (invoice,) = world.history("ann3@example.com").invoices
    whole = watched._store.commit

    def overtaken(*writes: Write) -> None:
        watched._store.commit = whole
        documents.numbered(world.ports, world.merchant, invoice.customer, invoice.id)
        whole(*writes)

    store = watched._store
    try:
        store.commit = overtaken
        keys = [(e.merchant, e.customer, str(e.invoice)) for e in waiting(world)]
        numbers.together(world.ports, world.merchant, keys)
    finally:
        store.commit = whole
    assert given_numbers(world, 10) == [*range(1, 11)]


@given(
    buyers=st.integers(1, 12),
    at_once=st.integers(1, 12),
    faults=st.lists(st.sampled_from(["", "conflict", "outage", "lost"]), max_size=12),
)
@settings(max_examples=examples(60), deadline=None)
def test_whatever_fails_there_is_no_gap_and_no_number_twice(
    buyers: int, at_once: int, faults: list[str]
) -> None:
    world, watched = shop(buyers, faults)
    from_stream(world, at_once)
    watched.faults.clear()
    for _ in range(3):
        world.now += timedelta(hours=1)
        deliver.sweep(world.ports, now=world.now)
    assert given_numbers(world, buyers) == [*range(1, buyers + 1)]
    counter = world.store.invoice_counter("acme", True)
    assert counter is not None and counter.last == buyers
    assert waiting(world) == []

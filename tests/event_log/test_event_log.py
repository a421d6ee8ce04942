"""The event log: written for merchants with a reader alone, once each, read oldest first (M-5)."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bench.units import MeteredItems
from billing.event_log.flows import append
from billing.event_log.logged_events import (
    LoggedEvent,
    id_at,
    place_of,
)
from billing.event_log.public_events import PUBLIC, About, PublicType
from billing.kernel.errors import Conflict, Unreachable
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.outbox.flows import deliver
from billing.runtime import handlers
from billing.storage.store import ItemStore
from tests.event_log.logs import begin, logged
from tests.helpdesk.tickets.asking import ask_support
from tests.hurry import Dead
from tests.web.shop import Shop
from tests.world import START, World

PRIVATE = re.compile(r"ann|example\.com|Main Street|Springfield", re.IGNORECASE)


# Pure


@pytest.mark.spec("M-5")
def test_every_public_type_is_one_kinds_and_reads_noun_dot_past_tense() -> None:
    of_events = {t for t, _ in PUBLIC.values()}
    assert of_events == set(PublicType) - {
        PublicType.ACCESS_CHANGED,
        PublicType.FIGURES_DAY_CLOSED,
    }
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+(ed|one|on|ost)", t) for t in PublicType)
    private = set(EventKind) - set(PUBLIC)
    assert private == {
        EventKind.LINK_ASKED,
        EventKind.RESET_ASKED,
        EventKind.EMAIL_ASKED,
        EventKind.TICKET_ASKED,
        EventKind.ACCOUNT_EXISTS,
        EventKind.ACCOUNT_ENDED,
        EventKind.ACCOUNT_ACTIVE,
        EventKind.CREDENTIALS_CHANGED,
        EventKind.DECLARED,
        EventKind.DECLARATION_ASKED,
        EventKind.PROMOTION_ENDING,
        EventKind.YEARLY_REMINDER,
        EventKind.PRICE_CHANGING,
        EventKind.PRICE_KEPT,
        EventKind.PAUSE_ENDING,
        EventKind.OFFER_SHOWN,
        EventKind.OFFER_TAKEN,
    }


def test_an_id_holds_its_place_and_sorts_by_it() -> None:
    later = START + timedelta(microseconds=1)
    assert place_of(id_at(START, "a")) == place_of(id_at(START)) == START
    assert id_at(START) < id_at(START, "a") < id_at(later) < id_at(later, "a")
    assert id_at(START, "a") != id_at(START, "b")


@pytest.mark.parametrize(
    "text",
    ["", "evt_", "evt_1", "1" * 16, f"evt_{'1' * 16}xyz", "evt_" + "٣" * 16],
)
def test_what_is_no_id_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        place_of(text)


# Written


@pytest.mark.spec("M-5")
def test_nothing_is_written_for_a_merchant_without_a_reader(shop: Shop) -> None:
    shop.world.buy()
    shop.world.advance(days=40)
    assert len(shop.world.mailer.sent) > 2
    assert logged(shop.world) == []
    assert shop.world.store.event_hours("acme", START, shop.world.now, 9) == []


@pytest.mark.spec("M-5")
def test_a_renewal_takes_no_write_more_unless_somebody_reads_the_log() -> None:
    """With a reader it takes the row, that of the customer's access, its note on the event, and the
    mark of the hour."""

    def written(*, reader: bool) -> Counter[str]:
        items = MeteredItems()
        world = World()
        world.store = ItemStore(items)
        world.ports = replace(world.ports, store=world.store)
        world.store.commit(Insert(world.merchant))
        if reader:
            begin(world)
        world.buy()
        world.advance(days=26)
        items.written.clear()
        world.advance(days=6)
        return Counter(each.what for each in items.written)

    without, added = written(reader=False), written(reader=True)
    assert added - without == {
        "Insert LoggedEvent": 2,
        "Change OutboxEvent": 1,
        "Insert EventHour": 1,
    }
    assert without - added == {}
    assert without["Change OutboxEvent"] == without["Remove OutboxEvent"] == 1


@pytest.mark.spec("M-5")
def test_what_happens_to_a_purchase_is_logged_once_in_its_order(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    world.cancel(When.NOW)
    world.work()
    assert [(e.type, e.subscription) for e in logged(world)] == [
        ("purchase.completed", world.subscription().id),
        ("renewal.announced", world.subscription().id),
        ("subscription.renewed", world.subscription().id),
        ("subscription.ended", world.subscription().id),
    ]
    sequences = [e.sequence for e in logged(world)]
    assert sequences == sorted(set(sequences))


@pytest.mark.spec("M-5")
def test_a_process_that_dies_after_it_logged_logs_nothing_twice(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.ports, ports = replace(world.ports, consumers=lambda: _dying), world.ports
    log = handlers.CONSUMERS[-1]

    def die(*_: Any) -> None:
        raise Dead

    _dying = (log, replace(log, name="dying", handle=die, notes_itself=False))
    with pytest.raises(Dead):
        deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    world.ports = ports
    world.now += timedelta(minutes=10)
    assert world.work()["told"] == 1
    assert [e.type for e in logged(world)] == ["purchase.completed"]


@pytest.mark.spec("M-5", "R-8")
@pytest.mark.parametrize("first", [True, False])
def test_a_log_that_fails_delays_no_mail_and_a_mail_that_fails_no_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    world = shop.world
    begin(world)
    world.buy()

    def refused(*_: Any, **__: Any) -> Any:
        raise Unreachable("It does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(*(append, "append") if first else (world.mailer, "send"), refused)
        world.work()
    assert len(world.mailer.sent) == first and len(logged(world)) == (not first)
    world.now += timedelta(hours=1)
    world.work()
    assert len(world.mailer.sent) == len(logged(world)) == 1


@pytest.mark.spec("M-5")
def test_an_event_whose_claim_was_lost_is_not_logged(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    (event,) = (e for n in range(4) for e in world.store.undelivered(n, world.now, 9))
    theirs = replace(event, claimed_until=world.now + timedelta(minutes=5))
    world.store.commit(Change(event, theirs))
    with pytest.raises(Conflict):
        append.append(world.ports, event, world.now, {"id": "x"})
    assert logged(world) == []


@pytest.mark.spec("M-5")
def test_the_place_of_an_event_is_when_it_is_appended_and_not_when_its_sweep_was_due(
    shop: Shop,
) -> None:
    """A sweep hours late must not write where readers have been."""
    world = shop.world
    begin(world)
    world.buy()
    scheduled = world.now + timedelta(minutes=3)
    world.now += timedelta(hours=5)
    deliver.sweep(world.ports, now=scheduled)
    (event,) = logged(world)
    assert event.appended_at == world.now and event.at == START


# What is shown


def everything(shop: Shop) -> list[LoggedEvent]:
    """A life with many kinds of event."""
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    customer = world.store.customer_by_email("acme", "ann@example.com")
    shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": "ann@elsewhere.example"})
    ask_support(world, world.orders("ann@elsewhere.example")[0].id, None, email="zoe@example.com")
    sale = world.orders("ann@elsewhere.example")[0]
    shop.api.post(f"/v1/orders/{sale.id}/refund", {})
    world.cancel(When.PERIOD_END, "ann@elsewhere.example", comment="Ann is leaving")
    world.work()
    return logged(world)


@pytest.mark.spec("M-5", "M-8")
def test_an_event_shows_ids_states_and_amounts_and_nothing_that_names_a_person(
    shop: Shop,
) -> None:
    events = everything(shop)
    shown = {e.type: json.loads(e.object) for e in events}
    assert {o["object"] for o in shown.values()} >= set(About) - {
        About.DISPUTE,
        About.ACCESS,
        About.FIGURES,
    }
    assert "cancellation.requested" in shown and "customer.updated" in shown
    for event in events:
        assert not PRIVATE.search(event.object), event.object
        assert len(event.object) < 20_000
    assert shown["refund.succeeded"]["amount"] == {"amount": 2999, "currency": "USD"}
    assert shown["ticket.opened"]["customer"] is None


@pytest.mark.spec("M-5")
def test_a_subscription_in_an_event_is_the_subscription_of_the_api(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    renewed = next(e for e in logged(world) if e.type == "subscription.renewed")
    now = shop.api.get(f"/v1/subscriptions/{renewed.subscription}").json
    assert json.loads(renewed.object) == {"object": "subscription", **now}


@pytest.mark.spec("M-8")
def test_an_erased_customer_is_in_no_event_before_or_after(shop: Shop) -> None:
    world = shop.world
    events = everything(shop)
    world.advance(days=40)
    customer = events[0].customer
    assert shop.api.post(f"/v1/customers/{customer}/erase").status == 200
    world.work()
    assert len(logged(world)) > len(events)
    assert not [e for e in logged(world) if PRIVATE.search(e.object)]

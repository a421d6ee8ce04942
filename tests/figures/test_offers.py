"""Save offers counted: each event once, by kind, product and country, and what they kept (X-11)."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billing.cancel import cancellation
from billing.figures import offer_tables
from billing.figures.cohorts import Series
from billing.figures.flows import offers, rebuild
from billing.kernel.customers import Address
from billing.kernel.errors import Conflict
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.save_offers import OfferKind
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Remove
from tests.depth import examples
from tests.figures.watched import FAR, Watched
from tests.portal.test_offers import offering, page, taken
from tests.portal.visitors import Shop
from tests.web.shop import Shop as ApiShop
from tests.web.shop import signed_in
from tests.world import ADDRESS

LONG = ("2000-01", "9000-01")
PARIS = Address("1 rue de la Paix", "Paris", "FR", postal_code="75002")


@pytest.fixture
def world() -> Watched:
    return Watched()


def told(world: Watched, kind: EventKind, offer: OfferKind, email: str) -> OutboxEvent:
    """Writes the event of an offer, as the portal does."""
    subscription = world.subscription(email)
    shard = world.ports.shard_of(subscription.id)
    event = cancellation.event(kind, subscription, world.now, shard)
    event = replace(event, code=offer.value)
    world.store.commit(Insert(event))
    return event


def count(world: Watched, event: OutboxEvent) -> None:
    offers.on_event(world.ports, event, world.merchant, world.now)


def rows(world: Watched, product: str = "") -> list[Any]:
    return world.sums(series=Series.OFFERS.value, product=product)


def stored(world: Watched) -> list[Any]:
    """Returns all rows that have anything of offers, of all and of parts."""
    products = ["", *(product.id for product in world.store.catalog("acme")[0])]
    found = [row for product in products for row in rows(world, product)]
    days = [row for product in products for row in world.sums(product=product)]
    return [*found, *(row for row in days if counted_of(row))]


def counted_of(row: Any) -> Counter[str]:
    names = [name for name in type(row).__struct_fields__ if name.startswith("offers_")]
    return Counter({name: getattr(row, name) for name in names if getattr(row, name)})


@pytest.mark.spec("X-11", "M-10")
def test_an_offer_is_shown_and_counted_once_in_a_cancellation(world: Watched) -> None:
    shop = Shop(world)
    visitor = offering(shop, OfferKind.DISCOUNT)
    assert "Continue to cancel" in visitor.see(page(shop, "cancel")).text
    for way in ("cancel", "cancel?show=1", "cancel?on=1", "cancel"):  # reload, back, on, again
        assert "Continue to cancel" not in visitor.see(page(shop, way)).text
    world.advance(days=1)
    visitor = shop.signed_in()
    assert "Continue to cancel" not in visitor.see(page(shop, "cancel")).text
    for _ in range(2):
        visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)))
    world.advance(days=3)
    visitor = shop.signed_in()
    visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)))
    world.advance(days=1)
    kinds = [each.kind.value for each in world._booked(test=True) if "offer" in each.kind]
    assert kinds == ["offer_shown", "offer_taken"]


@pytest.mark.spec("X-11")
def test_a_pause_that_was_taken_is_not_taken_again_once_it_is_over(world: Watched) -> None:
    shop = Shop(world)
    visitor = offering(shop, OfferKind.PAUSE)
    visitor.see(page(shop, "cancel"))
    visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, OfferKind.PAUSE)))
    visitor.post(page(shop, "resume"))
    assert world.subscription().state is State.ACTIVE
    visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, OfferKind.PAUSE)))
    assert world.subscription().state is State.ACTIVE


@pytest.mark.spec("X-11")
def test_two_requests_at_once_show_and_count_one_offer(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(world)
    visitor = offering(shop, OfferKind.FREEZE)
    put, met = world.ports.ephemeral.put, []

    def meets(kind: str, *given: Any, **more: Any) -> bool:
        if kind == "save_offer" and not met:
            met.append(kind)
            assert put(kind, *given, **more)  # the other request is a moment faster
        return put(kind, *given, **more)

    monkeypatch.setattr(world.ports.ephemeral, "put", meets)
    assert "Continue to cancel" not in visitor.see(page(shop, "cancel")).text
    assert met


@pytest.mark.spec("X-11", "X-10")
def test_who_does_not_want_to_see_the_offer_is_not_asked_again(world: Watched) -> None:
    shop = Shop(world)
    visitor = offering(shop, OfferKind.DISCOUNT, replace(ADDRESS, state="MN"))
    assert "see an offer first?" in visitor.see(page(shop, "cancel")).text
    visitor.see(page(shop, "cancel?on=1"))
    for way in ("cancel", "cancel?show=1"):
        assert "offer" not in visitor.see(page(shop, way)).text
    assert visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)).status == 409
    world.advance(days=31)
    assert "see an offer first?" in shop.signed_in().see(page(shop, "cancel")).text
    assert rows(world) == []


@pytest.mark.spec("X-11", "M-10")
def test_figures_have_offers_by_kind_product_and_country(world: Watched) -> None:
    shop = ApiShop(world)
    product, other = world.product(), world.product()
    world.buy(product)
    world.buy(product, email="ben@example.com", address=PARIS)
    world.buy(other, email="cem@example.com")
    world.observe()
    for email in ("ann@example.com", "ben@example.com", "cem@example.com"):
        told(world, EventKind.OFFER_SHOWN, OfferKind.PAUSE, email)
    told(world, EventKind.OFFER_TAKEN, OfferKind.PAUSE, "ben@example.com")
    world.advance(minutes=1)
    told(world, EventKind.OFFER_SHOWN, OfferKind.FREEZE, "ann@example.com")
    world.work()

    def shown(query: str) -> list[tuple[str, int, int]]:
        path = f"/v1/figures?from=2026-01&to=2026-01&{query}"
        (found,) = shop.api.get(path).json["data"]
        offered = found["save_offers"].items()
        return [(kind, each["shown"], each["taken"]) for kind, each in offered if each["shown"]]

    assert shown("") == [("pause", 3, 1), ("freeze", 1, 0)]
    assert shown(f"product={product.id}") == [("pause", 2, 1), ("freeze", 1, 0)]
    assert shown(f"product={product.id}&country=FR") == [("pause", 1, 1)]
    assert shown("country=US") == [("pause", 2, 0), ("freeze", 1, 0)]
    behind = shop.api.get("/v1/figures/offer_shown/orders?period=2026-01&country=FR").json["data"]
    assert [(row["kind"], row["product"]) for row in behind] == [("offer_shown", product.id)]
    head, line = shop.api.get("/v1/figures.csv?from=2026-01&to=2026-01").body.splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    assert (cells["offers_shown_pause"], cells["offers_taken_pause"]) == ("3", "1")


@pytest.mark.spec("X-11", "M-10")
def test_the_page_of_reasons_shows_save_offers_with_their_rows_and_in_its_file(
    world: Watched,
) -> None:
    world.buy()
    for kind in (EventKind.OFFER_SHOWN, EventKind.OFFER_TAKEN):
        told(world, kind, OfferKind.PAUSE, "ann@example.com")
    world.work()
    client = signed_in(ApiShop(world))
    span = "from=2026-01&to=2026-02"
    page_of = client.browse("GET", f"/console/figures/reasons?{span}").body
    cells = re.findall(r'<td class="money">(?:<a[^>]*>)?([^<]*)', page_of)
    assert "A pause of one month" in page_of and "not counted" not in page_of
    assert cells[-5:] == ["1", "1", "100.0 %", "0", "–"], "the total of all months"
    (path,) = set(re.findall(r'href="(/console/figures/offers/rows\?[^"]*label=pause)"', page_of))
    listed = client.browse("GET", path.replace("&amp;", "&")).body
    assert "Offer shown" in listed and "Offer accepted" in listed
    assert "/console/figures/reasons" in listed
    text = client.browse("GET", f"/console/figures/reasons/file.csv?{span}").body
    assert "pause,1,1,1.0000,0,\n" in text.replace("\r", "")
    assert client.browse("GET", "/console/figures/offers").status == 404


@pytest.mark.spec("X-11", "M-10")
@pytest.mark.parametrize(
    ("days", "how", "lost"),
    [(0, When.NOW, 1), (89, When.NOW, 1), (80, When.PERIOD_END, 1), (90, When.PERIOD_END, 0)],
)
def test_an_offer_kept_its_subscription_if_that_is_live_after_90_days(
    world: Watched, days: int, how: When, lost: int
) -> None:
    world.buy()
    told(world, EventKind.OFFER_TAKEN, OfferKind.DISCOUNT, "ann@example.com")
    world.advance(days=days)
    world.observe()
    world.cancel(how)
    world.advance(days=40)
    world.observe()
    months = [f"2026-{month:02d}" for month in range(1, 8)]
    (found,) = offer_tables.by_kind(rows(world), months, date(2026, 8, 1))
    assert (found.taken, found.lost, found.settled) == (1, lost, 1)
    assert found.kept == 1 - lost
    early = offer_tables.by_kind(rows(world), months, date(2026, 5, 1))
    assert [each.kept for each in early] == [None], "its days are not over"
    figures = world.store.customer_figures("acme", world.subscription().customer)
    assert figures is not None and figures.offers == ()


Counted = Counter[tuple[str, ...]]
"""Counts by step, kind of offer, product, country and month of the offer."""


def lives(world: Watched, draw: random.Random) -> list[OutboxEvent]:
    """Lets eight customers of two products see and take offers, and end, for half a year.

    The stream and the outbox are read in any order, and the outbox brings events again.
    """
    products = [world.product(), world.product()]
    emails = [f"customer{number}@example.com" for number in range(8)]
    for email in emails:
        home = draw.choice([ADDRESS, PARIS])
        world.buy(draw.choice(products), email=email, address=home)
    events: list[OutboxEvent] = []
    for _ in range(30):
        world.advance(hours=draw.randint(1, 200))
        email = draw.choice(emails)
        if not world.subscription(email).is_live:
            continue
        if draw.random() < 0.2:
            world.cancel(draw.choice([When.NOW, When.PERIOD_END]), email=email)
            continue
        kind = draw.choice([EventKind.OFFER_SHOWN, EventKind.OFFER_TAKEN])
        events.append(told(world, kind, draw.choice(list(OfferKind)), email))
        for event in draw.sample(events, min(2, len(events))):
            if draw.random() < 0.5:
                count(world, event)
        if draw.random() < 0.5:
            world.observe()
    world.advance(days=100)
    world.observe()
    return events


def by_oracle(world: Watched, events: list[OutboxEvent]) -> Counted:
    """Counts offers by raw events, and by subscriptions as they ended."""
    zone = ZoneInfo(world.merchant.settings.time_zone)
    counted: Counted = Counter()
    for event in events:
        owner = "acme", event.customer, str(event.subscription)
        found = world.store.subscription(*owner)
        (home,) = world.store.bill_tos([owner])
        assert found is not None and home is not None
        month = f"{event.at.astimezone(zone):%Y-%m}"
        where = str(event.code), found.product, home.bill_to.address.country, month
        counted[event.kind.value, *where] += 1
        over = found.ends_at if found.state is State.CANCELLED else None
        if event.kind == "offer_taken" and over and over < event.at + timedelta(days=90):
            counted["offer_lost", *where] += 1
    return counted


def by_rows(world: Watched, product: str) -> Counted:
    counted: Counted = Counter()
    for row in rows(world, product):
        kind, _, offer = row.label.partition(":")
        counted[kind, offer, row.product, row.country, row.cohort] += row.cases
    return counted


@pytest.mark.spec("X-11", "M-10")
@pytest.mark.parametrize("seed", range(examples(6)))
def test_offers_are_counted_as_raw_events_say_and_a_rebuild_counts_them_again(
    world: Watched, seed: int
) -> None:
    expected = by_oracle(world, lives(world, random.Random(seed)))
    products = [product.id for product in world.store.catalog("acme")[0]]
    assert sum((by_rows(world, each) for each in products), Counter()) == expected
    of_all: Counted = Counter()
    by_day: Counter[str] = Counter()
    for (kind, offer, *_, month), number in expected.items():
        of_all[kind, offer, "", "", month] += number
        if kind != "offer_lost":
            by_day[f"offers_{kind.partition('_')[2]}_{offer}"] += number
    assert by_rows(world, "") == of_all
    assert sum((counted_of(row) for row in world.sums()), Counter()) == by_day
    was = stored(world)
    for row in was:
        world.store.commit(Remove(row))
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    assert sums_of(stored(world)) == sums_of(was)


def sums_of(found: list[Any]) -> Counter[Any]:
    """Adds rows up by place, whatever their shards."""
    added: Counter[Any] = Counter()
    for row in found:
        place = row.span, row.product, row.country, row.series, row.cohort, row.label
        added[place, "cases"] += row.cases
        for name, number in counted_of(row).items():
            added[place, name] += number
    return added


@pytest.mark.spec("X-11", "M-10")
def test_an_offer_taken_just_before_an_end_that_the_stream_brought_first_is_lost_too(
    world: Watched,
) -> None:
    world.buy()
    world.observe()
    event = told(world, EventKind.OFFER_TAKEN, OfferKind.PAUSE, "ann@example.com")
    world.cancel(When.NOW)
    world.observe()
    for _ in range(2):
        count(world, event)
    kinds = [each.kind.value for each in world._booked(test=True) if "offer" in each.kind]
    assert sorted(kinds) == ["offer_lost", "offer_taken"]


@pytest.mark.spec("X-11", "M-10")
def test_a_write_that_meets_another_is_counted_in_the_end_and_one_that_always_does_comes_again(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    event = told(world, EventKind.OFFER_TAKEN, OfferKind.PAUSE, "ann@example.com")
    commit, left = world.store.commit, [2]

    def meets(*writes: Any) -> None:
        booked = any("offer" in str(getattr(getattr(e, "entity", 0), "kind", "")) for e in writes)
        if booked and left[0]:
            left[0] -= 1
            raise Conflict()
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", meets)
    count(world, event)
    assert [row.cases for row in rows(world)] == [1]
    again = replace(event, id=f"{event.id}0")
    left[0] = 99
    with pytest.raises(Conflict):
        count(world, again)
    assert [row.cases for row in rows(world)] == [1]
    assert world.store.movements("acme", date(2000, 1, 1), FAR, limit=9, test=False) == []


@pytest.mark.spec("X-11", "M-10")
def test_the_last_releases_mark_of_an_offer_is_read(world: Watched) -> None:
    shop = Shop(world)
    visitor = offering(shop, OfferKind.DISCOUNT)
    key = f"acme\n{world.subscription().id}"
    until = world.now + timedelta(days=3)
    world.ports.ephemeral.replace("save_offer", key, "shown", expires_at=until)
    assert "Continue to cancel" not in visitor.see(page(shop, "cancel")).text
    visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)))
    assert world.subscription().discount is not None

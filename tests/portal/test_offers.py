"""Save offers: made once, before a cancellation, where the customer's region allows it (X-11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from billing.cancel.flows import cancel
from billing.kernel.catalog import Cancellation, Product
from billing.kernel.customers import Address
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.save_offers import OfferKind, SaveOffer
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.coupons.couponing import coupon
from tests.portal.visitors import Shop, Visitor
from tests.world import ADDRESS, MONTHLY

ROWS = [
    (line.split("|")[1].strip(), line.split("|")[6])
    for line in Path("docs/REGIONS.md").read_text().splitlines()
    if line.startswith("| ") and line.split("|")[2].strip() == "cancellation"
]
"""The regions of the table's rows on cancelling, and the rules that stand beside them."""
HEAD = Path("docs/REGIONS.md").read_text().partition("## ")[0]
BERLIN = Address("Hauptstr. 1", "Berlin", "DE", postal_code="10115")
DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
CHEAPER = replace(MONTHLY, price=Money(999, Currency.USD))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def offering(shop: Shop, kind: OfferKind, address: Address = ADDRESS) -> Visitor:
    world = shop.world
    product = world.product(DELAYED, CHEAPER)
    named = {
        OfferKind.DISCOUNT: {"coupon": "STAY"},
        OfferKind.DOWNGRADE: {"price_point": product.price_points[1]},
    }
    if kind is OfferKind.DISCOUNT:
        coupon(world, "STAY", basis_points=5000)
    offer = SaveOffer(kind, **named.get(kind, {}))
    with_offer: Product = replace(product, save_offer=offer)
    world.store.commit(Change(product, with_offer))
    world.buy(with_offer, address=address)
    world.work()
    return shop.signed_in()


def page(shop: Shop, what: str) -> str:
    return f"/subscriptions/{shop.world.subscription().id}/{what}"


def taken(shop: Shop, kind: OfferKind) -> dict[str, str]:
    offer = shop.world.store.product("acme", shop.world.subscription().product).save_offer  # type: ignore[union-attr]
    return {"offer": f"{kind.value}:{offer.coupon or offer.price_point or ''}"}  # type: ignore[union-attr]


@pytest.mark.spec("X-11")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OfferKind.DISCOUNT, "at a lower price"),
        (OfferKind.PAUSE, "resumes automatically on February 28, 2026"),
        (OfferKind.FREEZE, "$9.99 a month instead of cancelling"),
        (OfferKind.DOWNGRADE, "Change to Course for $9.99"),
    ],
)
def test_an_offer_is_shown_before_the_cancellation_once_and_can_be_taken(
    shop: Shop, kind: OfferKind, words: str
) -> None:
    visitor = offering(shop, kind)
    shown = visitor.see(page(shop, "cancel"))
    assert words in shown.text and "Continue to cancel" in shown.text
    assert "Why" not in shown.text, "it is a page of its own"
    assert page(shop, "cancel?on=1") in str(shown), "the way on is beside it"
    told = visitor.follow(visitor.post(page(shop, "offer"), **taken(shop, kind)))
    assert "Continue to cancel" not in told.text
    found = shop.world.subscription()
    assert found.cancelling is None
    assert {
        OfferKind.DISCOUNT: found.discount is not None,
        OfferKind.PAUSE: found.state is State.PAUSED and found.resumes_at is not None,
        OfferKind.FREEZE: found.freezes_at is not None,
        OfferKind.DOWNGRADE: found.next_plan is not None,
    }[kind]
    shop.world.advance(minutes=1)
    assert "Continue to cancel" not in visitor.see(page(shop, "cancel")).text, "once"


@pytest.mark.spec("X-11")
def test_who_goes_on_cancels_and_is_offered_nothing_more(shop: Shop) -> None:
    visitor = offering(shop, OfferKind.DISCOUNT)
    visitor.see(page(shop, "cancel"))
    assert "Continue to cancel" not in visitor.see(page(shop, "cancel?on=1")).text
    visitor.post(page(shop, "cancel"))
    assert shop.world.subscription().cancelling is not None
    cancel.undo(shop.world.ports, shop.world.subscription(), now=shop.world.now)
    shop.world.advance(days=1)
    assert "Continue to cancel" not in shop.signed_in().see(page(shop, "cancel")).text


@pytest.mark.spec("X-11", "X-10")
@pytest.mark.parametrize("address", [BERLIN, replace(ADDRESS, state="CO")])
def test_no_offer_is_made_where_the_law_forbids_it(shop: Shop, address: Address) -> None:
    visitor = offering(shop, OfferKind.DISCOUNT, address)
    for query in ("", "?show=1"):
        assert "Continue to cancel" not in visitor.see(page(shop, f"cancel{query}")).text
    assert visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)).status == 409
    assert shop.world.subscription().discount is None


@pytest.mark.spec("X-11", "X-10")
def test_where_a_customer_has_to_agree_to_see_an_offer_they_are_asked_first(shop: Shop) -> None:
    visitor = offering(shop, OfferKind.DISCOUNT, replace(ADDRESS, state="MN"))
    asked = visitor.see(page(shop, "cancel")).text
    assert "see an offer first?" in asked and "lower price" not in asked
    assert "lower price" in visitor.see(page(shop, "cancel?show=1")).text


@pytest.mark.spec("X-11", "X-10")
@pytest.mark.parametrize("region", [one for row in ROWS for one in row[0].split(", ")])
def test_each_row_of_the_table_says_whether_an_offer_comes_before_its_cancellation(
    shop: Shop, region: str
) -> None:
    written = dict(re.findall(r"(none|ask_first): ([A-Z, ]+)", HEAD))
    country, _, state = region.partition("-")
    rule = next((k for k, names in written.items() if (state or country) in names.split(", ")), "")
    address = Address("1 Main Street", "Town", country, state=state or None, postal_code="12345")
    visitor = offering(shop, OfferKind.DISCOUNT, address)
    first = visitor.see(page(shop, "cancel"))
    offered, asked = "lower price" in first.text, "see an offer first?" in first.text
    assert (offered, asked) == {"none": (False, False), "ask_first": (False, True)}.get(
        rule, (True, False)
    )
    assert rule == "none" or page(shop, "cancel?on=1") in str(first), "the way on is beside it"


@pytest.mark.spec("X-11", "C-8")
@pytest.mark.parametrize("kind", list(OfferKind))
def test_who_cancelled_and_goes_back_takes_no_offer_of_what_ends(
    shop: Shop, kind: OfferKind
) -> None:
    visitor = offering(shop, kind)
    visitor.see(page(shop, "cancel"))
    visitor.follow(visitor.post(page(shop, "cancel")))
    before = shop.world.subscription()
    assert before.state is State.CANCEL_PENDING
    assert visitor.post(page(shop, "offer"), **taken(shop, kind)).status == 409
    assert shop.world.subscription() == before


@pytest.mark.spec("X-11")
def test_another_offer_than_the_one_shown_is_not_taken(shop: Shop) -> None:
    visitor = offering(shop, OfferKind.DISCOUNT)
    assert visitor.post(page(shop, "offer"), **taken(shop, OfferKind.DISCOUNT)).status == 409
    visitor.see(page(shop, "cancel"))
    for named in ("", "pause:", "discount:OTHER", "x" * 999):
        assert visitor.post(page(shop, "offer"), offer=named).status == 409
    assert shop.world.subscription().discount is None


@pytest.mark.spec("X-11", "M-10")
def test_offers_shown_and_taken_are_events(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = offering(shop, OfferKind.PAUSE)
    seen: list[tuple[EventKind, str | None]] = []
    commit = shop.world.store.commit

    def watched(*writes: object) -> None:
        commit(*writes)  # type: ignore[arg-type]
        for write in writes:
            if isinstance(write, Insert) and isinstance(write.entity, OutboxEvent):
                seen.append((write.entity.kind, write.entity.code))

    monkeypatch.setattr(shop.world.store, "commit", watched)
    visitor.see(page(shop, "cancel"))
    visitor.post(page(shop, "offer"), **taken(shop, OfferKind.PAUSE))
    offers = [each for each in seen if each[0] is not EventKind.PAUSED]
    assert offers == [(EventKind.OFFER_SHOWN, "pause"), (EventKind.OFFER_TAKEN, "pause")]
    before = len(shop.mails())
    shop.world.advance(minutes=5)
    assert not any("offer" in each.lower() for each in shop.mails()[before:]), "nobody is mailed"

"""The export of everything that is kept of a customer, for one who asks for it (M-8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing.cards.flows import cards
from billing.helpdesk.flows import open_ticket, ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ownership
from billing.kernel.catalog import Initial
from billing.kernel.customers import Consent
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Span, Unit
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.notices import records, reminders
from billing.notices.planned import PROOF
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import item_of
from tests.web.shop import Shop
from tests.world import MONTHLY

pytestmark = pytest.mark.spec("M-8")


@pytest.fixture
def shop() -> Shop:
    return Shop()


def lived(shop: Shop) -> str:
    """A customer who bought, was declined once, added a card, removed one, and wrote; their id."""
    world = shop.world
    product = world.product()
    world.buy(product)
    form = world.submission(
        payment_method="pm_card_chargeCustomerFail",
        attempt_key="declined",
        confirm_repeat=True,
        name="Ann Otherwise",
    )
    world.submit(product.default_price_point, form)
    world.book_on_customer("declined")
    customer = world.subscription().customer
    (first,) = world.history().methods
    ref = AccountRef("acme", SANDBOX, SANDBOX)
    cards.add(
        world.ports,
        "acme",
        customer,
        account=ref,
        token="pm_card_mastercard",
        attempt_key="card",
        now=world.now,
    )
    second = next(m for m in world.history().methods if m.id != first.id)
    cards.use(world.ports, "acme", customer, second.id, now=world.now)
    cards.remove(world.ports, "acme", customer, first.id, now=world.now)
    asked = Request("billing", "ann@example.com", "A question", "Where is it?", key="ask")
    made = open_ticket.open_one(
        world.ports,
        world.merchant,
        asked,
        customer=customer,
        ownership=Ownership.PORTAL,
        now=world.now,
    )
    ticket.reply(
        world.ports, "acme", made.id, "A note.", author=Author.AGENT, key="r", now=world.now
    )
    return customer


def test_it_holds_all_that_erasing_would_take_away_and_opens_nothing(shop: Shop) -> None:
    customer = lived(shop)
    answer = shop.api.get(f"/v1/customers/{customer}/export")
    assert answer.status == 200
    told: dict[str, Any] = answer.json
    assert (told["id"], told["email"]) == (customer, "ann@example.com")
    assert len(told["subscriptions"]) == 1
    assert {order["kind"] for order in told["orders"]} == {"sale", "failed"}
    assert [m["brand"] for m in told["payment_methods"]] == ["mastercard"]
    assert [m["brand"] for m in told["removed_payment_methods"]] == ["visa"]
    assert {billed["of"] for billed in told["billed"]} == {
        told["subscriptions"][0]["id"],
        told["invoices"][0]["id"],
    }
    (consent,) = told["consents"]
    assert (consent["ip"], consent["purchase"]) == ("192.0.2.1", told["subscriptions"][0]["id"])
    (attempt,) = told["attempts"]
    assert (attempt["name"], attempt["state"]) == ("Ann Otherwise", "declined")
    (thread,) = told["tickets"]
    assert [said["text"] for said in thread["messages"]] == ["Where is it?", "A note."]
    history = shop.world.history()
    secrets = [invoice.download_key for invoice in history.invoices]
    secrets += [
        found.access_key for found in shop.world.store.tickets_of("acme", customer, limit=9).data
    ]
    text = json.dumps(told)
    assert secrets and [secret for secret in secrets if secret in text] == []


@pytest.mark.spec("M-8", "X-12")
def test_the_notices_that_are_kept_as_proof_are_in_the_copy(shop: Shop) -> None:
    world = shop.world
    world.buy()
    bought = world.subscription()
    told = reminders.event(EventKind.YEARLY_REMINDER, bought.id, bought, world.now, code=PROOF)
    kept = records.of(told, "ann@example.com", "A year with us, Ann.", None, world.now)
    world.store.commit(Insert(kept))
    copy = shop.api.get(f"/v1/customers/{bought.customer}/export")
    (notice,) = copy.json["notices"]
    assert notice == {
        "subscription": bought.id,
        "kind": "yearly_reminder",
        "sent_at": "2026-01-31T15:00:00Z",
        "address": "ann@example.com",
        "text": "A year with us, Ann.",
        "text_hash": kept.text_hash,
        "message_id": None,
        "returned_at": None,
    }


@pytest.mark.spec("B-3", "M-8")
def test_what_was_declined_under_somebodys_email_is_not_handed_to_them(shop: Shop) -> None:
    shop.world.buy()
    shop.world.buy(shop.world.product(), payment_method="pm_card_chargeDeclined", name="Mallory")
    customer = shop.world.subscription().customer
    told = shop.api.get(f"/v1/customers/{customer}/export").json
    assert "Mallory" not in json.dumps(told)
    assert [order["kind"] for order in told["orders"]] == ["sale"]


@pytest.mark.spec("B-5")
def test_an_issued_document_is_exported_as_it_was_issued(shop: Shop) -> None:
    customer = lived(shop)
    shop.world.work()
    settings = replace(shop.world.merchant.settings, time_zone="Pacific/Auckland")
    shop.world.change_merchant(name="Zenith Lessons", settings=settings)
    (document,) = shop.api.get(f"/v1/customers/{customer}/export").json["documents"]
    (invoice,) = shop.world.history().invoices
    assert document == {
        "of": invoice.id,
        "name": "Ann Example",
        "email": "ann@example.com",
        "address": document["address"],
        "kind": "invoice",
        "number": invoice.number,
        "order_id": invoice.order_id,
        "issued_at": "2026-01-31T15:00:00Z",
        "time_zone": "America/New_York",
        "language": "en",
        "seller": {
            "name": "Acme Courses",
            "email": "hello@acme.example",
            "website": None,
            "address": None,
        },
        "lines": [{"text": "Course", "amount": {"amount": 2999, "currency": "USD"}}],
        "total": {"amount": 2999, "currency": "USD"},
        "paid_with": "visa 4242",
        "credits": None,
    }
    assert document["address"]["line1"] == "1 Main Street"


@pytest.mark.spec("C-6")
def test_a_consent_is_exported_with_all_that_was_shown(shop: Shop) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    shop.world.buy(shop.world.product(trial))
    (kept,) = shop.world.history().consents
    (consent,) = shop.api.get(f"/v1/customers/{kept.customer}/export").json["consents"]
    nothing = {"amount": 0, "currency": "USD"}
    assert consent["price_shown"] == "Free for 14 days, then $29.99 every month"
    assert consent["terms_hash"] == kept.terms_hash
    shown = consent["shown"]
    assert shown["today"] == {
        "lines": [{"text": "Course", "amount": nothing}],
        "price": nothing,
        "tax": nothing,
        "total": nothing,
    }
    assert shown["following"][0] == {
        "on": "2026-02-14",
        "at": "2026-02-14T15:00:00Z",
        "amount": {"amount": 2999, "currency": "USD"},
    }
    assert (shown["period"], shown["payments"], shown["ends_at"]) == ("1m", None, None)
    assert shown["cancelling"][0].startswith("Contact")
    assert "until you cancel" in shown["agreement"] and shown["button"] in shown["agreement"]


@pytest.mark.spec("C-6")
def test_a_consent_of_before_all_was_kept_is_read_and_exported_as_it_is(shop: Shop) -> None:
    shop.world.buy(shop.world.product(MONTHLY))
    (kept,) = shop.world.history().consents
    item = item_of(kept, "op")
    of_before = ("merchant", "customer", "purchase", "terms_version", "agreed_at", "ip", "language")
    body = {name: value for name, value in item["body"]["M"].items() if name in of_before}
    stored = {**item, "body": {"M": {**body, "price_shown": {"S": "2999 USD"}}}}
    old = entity_of(stored)
    assert isinstance(old, Consent)
    assert (old.shown, old.terms_hash, old.price_shown) == (None, None, "2999 USD")
    shop.world.store.commit(Change(kept, old))
    (consent,) = shop.api.get(f"/v1/customers/{kept.customer}/export").json["consents"]
    assert (consent["price_shown"], consent["shown"]) == ("2999 USD", None)


@pytest.mark.spec("C-6")
def test_an_attempt_begun_before_all_was_kept_is_paid_with_what_it_kept(shop: Shop) -> None:
    """A deployment runs old code beside new: what is under way is finished as it was begun."""
    world = shop.world
    product = world.product(MONTHLY)
    form = world.submission(payment_method="pm_card_authenticationRequired")
    begun = world.submit(product.default_price_point, form)
    old = replace(begun.consent, shown=None, terms_hash=None, price_shown="2999 USD")
    world.store.commit(Change(begun, replace(begun, consent=old)))
    world.sandbox.authenticate(str(begun.invoice.gateway_ref), succeeded=True)
    world.advance(minutes=10)
    (kept,) = world.history().consents
    assert (kept.price_shown, kept.shown) == ("2999 USD", None)


def test_of_nobody_and_of_another_merchants_there_is_none(shop: Shop) -> None:
    customer = lived(shop)
    assert shop.api.get("/v1/customers/cus_nobody/export").status == 404
    assert shop.other.get(f"/v1/customers/{customer}/export").status == 404
    assert shop.stranger.get(f"/v1/customers/{customer}/export").status == 401

"""Guards of the edge that no other test would miss (`dev/edge_mutants`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.accounts.flows import account
from billing.accounts.web import console_session
from billing.customers.flows import login, mailed_code
from billing.customers.web import portal_session
from billing.gateway_events.web import webhooks
from billing.gateways.paypal import events
from billing.kernel import portal_links
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict, Forged
from billing.kernel.merchants import PortalKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.web import custom_domains
from billing.web.problems import Malformed
from billing.web.request import Request
from functions.portal import app as portal_app
from tests.accounts.platform import PASSWORD, SELLER
from tests.accounts.test_pages import House
from tests.portal.visitors import ANN
from tests.portal.visitors import Shop as Portal
from tests.web.calls import Client, event
from tests.web.shop import PRODUCT, Shop, signed_in
from tests.world import World

REPLAYED = "idempotent-replayed"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.spec("M-3", "A-8")
def test_two_merchants_with_one_idempotency_key_each_get_their_own_product(shop: Shop) -> None:
    mine = shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    theirs = shop.other.post("/v1/products", PRODUCT, idempotency_key="once")
    assert (mine.status, theirs.status) == (201, 201)
    assert REPLAYED not in theirs.headers
    assert mine.json["id"] != theirs.json["id"]
    for caller, made in ((shop.api, mine), (shop.other, theirs)):
        (listed,) = caller.get("/v1/products").json["data"]
        assert listed["id"] == made.json["id"]


@pytest.mark.spec("M-3")
def test_another_key_of_the_same_merchant_gets_the_same_answer(shop: Shop) -> None:
    first = shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    second = shop.holding("acme", "sk_second")
    again = second.post("/v1/products", PRODUCT, idempotency_key="once")
    assert (again.json, again.headers[REPLAYED]) == (first.json, "true")


@pytest.mark.spec("M-3")
def test_a_request_that_met_another_writer_leaves_its_key_free(shop: Shop) -> None:
    commit = shop.world.store.commit

    def met(*writes: Any) -> None:
        raise Conflict()

    shop.world.store.commit = met  # type: ignore[method-assign]
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 409
    shop.world.store.commit = commit  # type: ignore[method-assign]
    made = shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    assert made.status == 201 and REPLAYED not in made.headers


@pytest.mark.spec("M-3")
def test_the_key_of_a_killed_request_is_free_after_one_minute(shop: Shop) -> None:
    commit = shop.world.store.commit

    def killed(*writes: Any) -> None:
        raise KeyboardInterrupt

    shop.world.store.commit = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    shop.world.store.commit = commit  # type: ignore[method-assign]
    shop.world.now += timedelta(seconds=60)
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 201


@pytest.mark.spec("M-3")
def test_a_key_that_is_replaced_may_no_more_than_before(shop: Shop) -> None:
    made = shop.api.post("/v1/keys", {"scopes": ["read"]}).json
    replaced = shop.api.post(f"/v1/keys/{made['id']}/replace").json
    assert replaced["scopes"] == ["read"]
    reader = Client(shop.resolver, replaced["secret"])
    assert reader.get("/v1/products").status == 200
    assert reader.post("/v1/products", PRODUCT).status == 403


@pytest.mark.spec("A-4", "A-8")
def test_a_plan_is_not_changed_to_another_merchants(shop: Shop) -> None:
    theirs = shop.other.post("/v1/products", PRODUCT).json["price_points"][0]["id"]
    bought = shop.world.buy()
    for address in ("change-plan/quote", "change-plan"):
        body = {"price_point": theirs, "when": "now"}
        answer = shop.api.post(f"/v1/subscriptions/{bought.purchase}/{address}", body)
        assert (answer.status, answer.json["reason"]) == (404, "price_point_unknown"), address


@pytest.mark.spec("M-1")
def test_a_cursor_leads_on_in_the_list_alone_that_gave_it(shop: Shop) -> None:
    for email in (ANN, "bob@example.com"):
        shop.world.buy(email=email)
    cursor = shop.api.get("/v1/orders", limit="1").json["next"]
    assert shop.api.get("/v1/orders", limit="1", cursor=cursor).status == 200
    assert shop.api.get("/v1/subscriptions", limit="1", cursor=cursor).status == 422


@pytest.mark.spec("A-9")
def test_links_name_our_own_host_whatever_the_request_says(shop: Shop) -> None:
    host = {"host": "evil.example"}
    made = shop.api.call("POST", "/v1/products", PRODUCT, **host)
    assert made.json["price_points"][0]["checkout_url"].startswith("https://pay.example.com/")
    request = Request.of(event("GET", "/checkout/x", headers=host))
    assert custom_domains.origin(shop.world.ports, request) == "https://pay.example.com"


@pytest.mark.spec("A-8", "B-3")
def test_a_customers_session_is_worth_nothing_in_the_console(shop: Shop) -> None:
    world = shop.world
    world.change_merchant(settings=replace(world.merchant.settings, portal=PortalKind.STANDALONE))
    world.buy(email=ANN)
    visitor = Client(portal_app.build(world.ports))
    order = world.orders(ANN)[0].id
    form = {"order_id": order, "email": ANN}
    assert visitor.browse("POST", "/portal/acme/login", form).status == 303
    (token,) = visitor.cookies.values()
    console, portal = console_session.REALM.name, portal_session.REALM.name
    thief = Client(shop.console, cookies={f"__Host-{console}": token})
    assert thief.browse("GET", "/console").status == 401
    agent = signed_in(shop)
    (token,) = agent.cookies.values()
    other = Client(visitor.resolver, cookies={f"__Host-{portal}": token})
    assert other.browse("GET", "/portal/acme/cards").status == 401


@pytest.mark.spec("A-6", "A-8")
def test_an_account_that_is_erased_is_signed_out() -> None:
    house = House()
    owner = house.owner()
    found = house.world.store.account("annsart")
    assert found is not None and owner.browse("GET", "/account").status == 200
    erased = replace(found, erased_at=house.world.now)
    house.world.store.commit(Change(found, erased))
    assert owner.browse("GET", "/account").status == 401
    assert owner.sign_in().status == 401


@pytest.mark.spec("A-8")
@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/account/sign-in", {"email": SELLER, "password": PASSWORD}),
        ("/account/forgot", {"email": SELLER}),
        ("/account/reset/token", {"password": PASSWORD}),
        ("/account/email/token", {}),
        ("/account/email", {"email": "new@example.com", "password": PASSWORD}),
        ("/account/sign-out", {}),
    ],
)
def test_a_form_of_an_account_from_another_site_is_refused(
    address: str, form: dict[str, str]
) -> None:
    house = House()
    owner = house.owner()
    sent = {**form, "csrf": owner.hidden("/account")["csrf"]}
    browser = Client(house.resolver, cookies=owner.cookies)
    for header in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = browser.browse("POST", address, sent, **header)
        assert answer.status == 403, (address, header)
    assert owner.browse("GET", "/account").status == 200


@pytest.mark.spec("B-3")
def test_no_link_into_the_portal_is_asked_for_or_used_from_another_site(
    shop: Shop,
) -> None:
    world = shop.world
    world.change_merchant(settings=replace(world.merchant.settings, portal=PortalKind.STANDALONE))
    visitor = Client(portal_app.build(world.ports))
    for page in ("login", "link", "link/token", "payments/cus_1~inv_1~key"):
        address = f"/portal/acme/{page}"
        answer = visitor.browse("POST", address, {"email": ANN}, sec_fetch_site="cross-site")
        assert answer.status == 403, address


@pytest.mark.spec("B-3")
def test_tries_at_a_neighbours_portal_lock_nobody_out_of_this_one() -> None:
    here = Portal()
    here.world.buy()
    order = here.order_ids()[0]
    for _ in range(6):
        assert here.visitor("/portal/rival").log_in(order, ANN).status == 401
    assert here.visitor().log_in(order, ANN).status == 303


@pytest.mark.spec("B-3")
def test_a_link_into_the_portal_is_kept_as_a_hash_only() -> None:
    here = Portal()
    here.world.buy()
    customer = here.world.history().customer
    assert customer is not None
    ports, now = here.world.ports, here.world.now
    token = login.make_link(ports, here.world.merchant, customer, now=now).rpartition("/")[2]
    assert login.is_link_valid(ports, "acme", token, now=now)
    assert token not in repr(vars(ports.ephemeral))


@pytest.mark.spec("R-8")
def test_a_signed_link_opens_no_other_purchase_of_its_customer() -> None:
    here = Portal()
    for _ in range(2):
        here.world.buy(confirm_repeat=True)
    here.world.work()
    seller, customer = here.world.store.merchant("acme"), here.world.history().customer
    assert seller is not None and seller.link_key is not None and customer is not None
    one, other = (each.id for each in here.world.history().subscriptions)
    signed = portal_links.reference(seller.link_key, customer, one, here.world.now)
    assert here.visitor().browse("GET", f"/portal/acme/mail/{signed}").status == 200
    swapped = signed.replace(one, other)
    assert here.visitor().browse("GET", f"/portal/acme/mail/{swapped}").status == 401


@pytest.mark.spec("A-8", "B-3")
def test_one_address_tries_few_accounts() -> None:
    world = House().world
    for number in range(50):
        email = f"guess{number}@example.com"
        assert account.sign_in(world.ports, email, "x", ip="192.0.2.9", now=world.now) is None
    world.sign_up()
    for ip, let_in in (("192.0.2.9", False), ("192.0.2.8", True)):
        found = account.sign_in(world.ports, SELLER, PASSWORD, ip=ip, now=world.now)
        assert (found is not None) is let_in


@pytest.mark.spec("A-8", "B-3")
def test_who_is_signed_in_tries_few_passwords_and_links_are_mailed_a_few_times() -> None:
    house = House()
    house.owner()
    world, ip = house.world, "192.0.2.7"
    found = world.store.account("annsart")
    assert found is not None
    world.now += timedelta(minutes=15)
    for _ in range(10):
        assert not account.is_password_of(world.ports, found, "wrong", ip=ip, now=world.now)
    assert not account.is_password_of(world.ports, found, PASSWORD, ip=ip, now=world.now)
    sent = len(world.mailer.sent)
    for _ in range(14):
        account.ask_for_reset(world.ports, SELLER, ip=ip, now=world.now)
    world.work()
    assert len(world.mailer.sent) - sent == 10


def drawn(world: World, customer: Customer) -> str:
    """A code that was asked for, as it stands in the mail."""
    about = ("ask_1", EventKind.LINK_ASKED, "acme", customer.id, world.now, 0)
    asked = OutboxEvent(*about, code=mailed_code.CODE)
    return mailed_code.draw(world.ports, customer, asked, now=world.now)


@pytest.mark.spec("R-8", "B-12")
def test_a_code_is_void_once_the_customer_has_another_email() -> None:
    world = Portal().world
    world.buy()
    before = world.history().customer
    assert before is not None
    code = drawn(world, before)
    after = replace(before, email="new@example.com")
    assert not mailed_code.use(world.ports, after, code, now=world.now)


@pytest.mark.spec("W-2")
def test_a_certificate_that_is_not_paypals_is_refused_though_paypal_would_vouch() -> None:
    class Vouching:
        webhook_id = "WH-1"

        def post(self, *_: Any) -> Any:
            raise AssertionError("PayPal is not asked")

    now = datetime(2026, 1, 31, 15, tzinfo=UTC)
    headers = {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": "https://api.paypal.com.evil.example/cert",
        "paypal-transmission-id": "1",
        "paypal-transmission-sig": "x",
        "paypal-transmission-time": "2026-01-31T15:00:00Z",
    }
    with pytest.raises(Forged) as refused:
        events.parse(Vouching(), b"{}", headers, now)  # type: ignore[arg-type]
    assert refused.value.reason == "certificate_wrong"


@pytest.mark.spec("W-1")
def test_a_gateways_body_is_measured() -> None:
    most = webhooks.MAX_BODY_BYTES
    headers = {"content-type": "application/json"}
    assert webhooks.admit(event("POST", "/webhooks/stripe/acme", "x" * most, headers=headers))
    with pytest.raises(Malformed) as refused:
        webhooks.admit(event("POST", "/webhooks/stripe/acme", "x" * (most + 1), headers=headers))
    assert refused.value.reason == "too_large"


@pytest.mark.spec("R-8", "B-3")
def test_wrong_codes_of_one_customer_lock_out_no_other() -> None:
    world = Portal().world
    for email in (ANN, "bob@example.com"):
        world.buy(email=email)
    ann, bob = world.history(ANN).customer, world.history("bob@example.com").customer
    assert ann is not None and bob is not None
    code = drawn(world, ann)
    for _ in range(5):
        assert not mailed_code.use(world.ports, bob, "00000000", now=world.now)
    assert mailed_code.use(world.ports, ann, code, now=world.now)


@pytest.mark.spec("A-8")
def test_a_link_to_set_a_password_is_good_for_an_hour() -> None:
    world = House().world
    world.sign_up()
    found = world.store.account("annsart")
    assert found is not None
    token = account.reset_link(world.ports, found, now=world.now).rpartition("/")[2]
    assert account.is_reset_link_valid(world.ports, token, now=world.now)
    later = world.now + timedelta(hours=1)
    assert not account.is_reset_link_valid(world.ports, token, now=later)
    assert account.reset(world.ports, token, PASSWORD + "2", now=later) is None

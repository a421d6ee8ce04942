"""Pages of accounts, by HTTP on the handlers (A-2 .. A-8); whole lives are in
tests/scenarios/stories."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.flows import account, own_plan
from billing.api.flows import keys
from billing.kernel.catalog import Initial, Limit, Product
from billing.kernel.merchants import ApiKey, PortalKind, SelfService
from billing.kernel.periods import Span, Unit
from billing.kernel.save_offers import OfferKind, SaveOffer
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from functions.account import app
from functions.console import app as console_app
from functions.merchant import app as merchant_app
from functions.portal import app as portal_app
from tests.accounts.platform import DAY, PASSWORD, PLAN, SELLER, Platform, linked
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.web.shop import PRODUCT

TRIAL = replace(PLAN, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)
SMALL = replace(PLAN, price=replace(PLAN.price, amount_minor=999))
BIG = replace(PLAN, price=replace(PLAN.price, amount_minor=9999))
PERIOD_END = datetime(2026, 2, 28, 15, tzinfo=UTC)
FORM = {"username": "annsart", "name": "Ann's Art", "email": SELLER}


@dataclass
class House:
    """The platform with its functions, and browsers that call it."""

    world: Platform = field(
        default_factory=lambda: Platform(
            portal=PortalKind.STANDALONE, self_refund=SelfService.MANUAL
        )
    )

    def __post_init__(self) -> None:
        self.resolver = app.build(self.world.ports)
        self.merchant = merchant_app.build(self.world.ports)
        self.console = console_app.build(self.world.ports)
        self.portal = portal_app.build(self.world.ports)

    def browser(self) -> Owner:
        return Owner(self)

    def owner(self, product: Product | None = None) -> Owner:
        """Somebody who signed up, bought a plan, and signed in."""
        owner = self.browser()
        assert owner.post("/account/sign-up", FORM).headers["location"] == "/account/plans"
        self.world.sets_password()
        self.world.buy(product or self.world.plan, email=SELLER)
        self.world.tick()
        owner.sign_in()
        return owner


@dataclass
class Owner:
    """A browser before all the functions."""

    platform: House
    cookies: dict[str, str] = field(default_factory=dict)

    def browse(self, method: str, address: str, form: dict[str, str] | None = None) -> Answer:
        resolver = self.platform.resolver
        if address.startswith("/console"):
            resolver = self.platform.console
        elif address.startswith("/portal"):
            resolver = self.platform.portal
        return Client(resolver, cookies=self.cookies).browse(method, address, form)

    def see(self, address: str, status: int = 200) -> Element:
        answer = self.browse("GET", address)
        assert answer.status == status, (answer.status, answer.body[-500:])
        return read(answer.body)

    def hidden(self, address: str) -> dict[str, str]:
        """Returns the hidden fields of a page's forms."""
        inputs = [e.attributes for e in self.see(address).all("input")]
        return {str(i["name"]): str(i["value"]) for i in inputs if i.get("type") == "hidden"}

    def post(self, address: str, form: dict[str, str] | None = None) -> Answer:
        return self.browse("POST", address, form or {})

    def send(self, address: str, page: str | None = None, **form: str) -> Answer:
        """Fill in the form of a page, and send it."""
        return self.post(address, {**self.hidden(page or address), **form})

    def sign_in(self, email: str = SELLER, password: str = PASSWORD) -> Answer:
        return self.post("/account/sign-in", {"email": email, "password": password})


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.spec("A-1", "A-8")
def test_signing_up_buying_signing_in_and_out(house: House) -> None:
    owner = house.browser()
    assert "Sign up" in owner.see("/account/sign-up").text
    wrong = owner.post("/account/sign-up", {**FORM, "username": "acme-shop"})
    assert wrong.status == 422 and "Ann&#39;s Art" in wrong.body
    owner.post("/account/sign-up", FORM)
    assert owner.sign_in().status == 401, "nobody knows a password yet"
    set_one = f"/account/reset/{linked(house.world)}"
    assert owner.post(set_one, {"password": PASSWORD}).headers["location"] == "/account"
    assert "Pro" in owner.see("/account/plans").text
    assert owner.sign_in().headers["location"] == "/account", "not before a plan is bought"
    assert "not active" in owner.see("/account").text
    assert owner.browse("GET", "/console").status == 403
    house.world.buy(house.world.plan, email=SELLER)
    assert owner.sign_in().headers["location"] == "/console", "at once, before any sweep"
    assert owner.browse("GET", "/console").status == 200
    assert "annsart" in owner.see("/account").text
    assert owner.send("/account/sign-out", "/account").status == 303
    assert owner.browse("GET", "/account").status == 401
    assert owner.browse("GET", "/console").status == 401


@pytest.mark.spec("A-8")
def test_whatever_is_wrong_the_answer_is_the_same_to_the_byte(house: House) -> None:
    house.owner()
    nonce = re.compile(r'nonce="[^"]*"')
    answers = [
        house.browser().sign_in(*given)
        for given in ((SELLER, "wrong"), ("nobody@example.com", PASSWORD), ("", ""))
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({nonce.sub("", answer.body) for answer in answers}) == 1
    asked = [
        house.browser().post("/account/forgot", {"email": email})
        for email in (SELLER, "nobody@example.com")
    ]
    assert len({nonce.sub("", answer.body) for answer in asked}) == 1


@pytest.mark.spec("A-8")
def test_another_password_signs_everybody_out(house: House) -> None:
    owner = house.owner()
    found = account.by_email(house.world.ports, SELLER)
    assert found is not None
    link = account.reset_link(house.world.ports, found, now=house.world.now)
    page = "/account" + link.partition("/account")[2]
    stranger = house.browser()
    assert stranger.post(page, {"password": "short"}).status == 422
    assert stranger.post(page, {"password": "a wholly new password"}).status == 303
    assert stranger.post(page, {"password": "a wholly new password"}).status == 409
    assert owner.browse("GET", "/account").status == 401
    assert owner.browse("GET", "/console").status == 401
    assert owner.sign_in(password="a wholly new password").status == 303


@pytest.mark.spec("A-8")
def test_another_email_wants_the_password_again(house: House) -> None:
    owner = house.owner()
    wanted = {"email": "ann@elsewhere.example"}
    wrong = owner.send("/account/email", "/account", **wanted, password="wrong")
    assert wrong.status == 422
    asked = owner.send("/account/email", "/account", **wanted, password=PASSWORD)
    assert asked.headers["location"] == "/account?done=email_asked"
    house.world.work()
    told = [str(m["To"]) for m in house.world.mailer.sent if "Confirm" in str(m["Subject"])]
    assert sorted(told) == sorted([SELLER, "ann@elsewhere.example"])


@pytest.mark.spec("A-2", "B-7")
@pytest.mark.parametrize(("day", "claimed"), [(30, True), (31, False)])
def test_the_guarantee_is_claimed_until_day_30(house: House, day: int, claimed: bool) -> None:
    owner = house.owner()
    paid = house.world.orders(SELLER)[0]
    house.world.now += timedelta(days=day)
    owner.sign_in()
    page = owner.see("/account/billing")
    assert ("Request a refund" in page.text) is claimed
    csrf = owner.hidden("/account/billing")["csrf"]
    answer = owner.post("/account/billing/guarantee", {"csrf": csrf})
    assert answer.status == (303 if claimed else 409)
    house.world.work()
    sent = [m for m in house.world.mailer.sent if str(m["To"]) == "hello@acme.example"]
    body = "".join(str(m.get_body(("plain",)).get_content()) for m in sent)  # type: ignore[union-attr]
    assert ("Login: annsart" in body) is claimed
    assert house.world.orders(SELLER)[0] == paid, "a person decides"


@pytest.mark.spec("A-3")
def test_cancelling_shows_what_follows_first_and_ends_what_is_ticked(house: House) -> None:
    owner = house.owner()
    extra = house.world.buy(house.world.product(PLAN, name="Backups"), email=SELLER)
    shown = owner.see("/account/billing/cancel").text
    for words in ("February 28, 2026", "90 days", "until March 2, 2026", "Backups"):
        assert words in shown, words
    assert owner.send("/account/billing/cancel").status == 422, "the box is the confirmation"
    owner.send("/account/billing/cancel", confirm="true", **{f"also_{extra.purchase}": "true"})
    states = {s.id: s.state for s in house.world.history(SELLER).subscriptions}
    assert set(states.values()) == {State.CANCEL_PENDING}


@pytest.mark.spec("A-4")
def test_a_downgrade_waits_until_usage_is_under_the_plan_and_comes_at_the_next_rebill(
    house: House,
) -> None:
    world = house.world
    small = world.product(SMALL, name="Small", grants=("account",), limits=(Limit("products", 1),))
    owner = house.owner()
    world.sells()
    extra = world.sells()
    page = f"/account/billing/plan/{small.default_price_point}"
    assert "You have 2 products, but this plan allows 1" in owner.see("/account/billing").text
    assert owner.browse("GET", page).status == 409
    csrf = owner.hidden("/account/billing")["csrf"]
    form = {"csrf": csrf, "when": "next_rebill", "token_next_rebill": "0.0", "confirm": "true"}
    assert owner.post(page, form).status == 409
    world.store.commit(Remove(extra))
    assert "$9.99" in owner.see(page).text
    assert owner.send(page, when="next_rebill").status == 422, "the box is the confirmation"
    assert owner.send(page, when="next_rebill", confirm="true").status == 303
    assert world.subscription(SELLER).product_name == "Pro"
    world.advance(to=PERIOD_END + timedelta(minutes=5))
    assert world.subscription(SELLER).product_name == "Small"
    amounts = [charge["amount"]["amount"] for charge in world.charges()]
    assert amounts == [2999, 999]


@pytest.mark.spec("A-4")
def test_an_upgrade_now_pays_what_was_shown(house: House) -> None:
    big = house.world.product(BIG, name="Big", grants=("account",))
    owner = house.owner()
    house.world.advance(to=datetime(2026, 2, 14, 15, tzinfo=UTC))
    owner.sign_in()
    page = f"/account/billing/plan/{big.default_price_point}"
    assert "Now: $35.00 today" in owner.see(page).text
    assert owner.send(page, when="now", confirm="true").status == 303
    assert house.world.charges()[-1]["amount"]["amount"] == 3500
    assert house.world.subscription(SELLER).product_name == "Big"
    assert house.world.standing() == "active"


@pytest.mark.spec("A-5")
def test_freezing_and_thawing_an_account(house: House) -> None:
    owner = house.owner()
    assert "$9.99 a month" in owner.see("/account/billing/freeze").text
    assert owner.send("/account/billing/freeze").status == 303
    house.world.tick()
    house.world.advance(to=PERIOD_END + timedelta(hours=1))
    assert owner.sign_in().headers["location"] == "/account"
    assert "frozen" in owner.see("/account").text
    assert owner.browse("GET", "/console").status == 403
    assert owner.send("/account/billing/freeze").headers["location"].endswith("done=thawed")
    assert owner.sign_in().headers["location"] == "/console"
    amounts = [charge["amount"]["amount"] for charge in house.world.charges()]
    assert amounts[:2] == [2999, 999] and len(amounts) == 3


@pytest.mark.spec("A-3", "M-3")
def test_the_api_of_an_account_that_is_not_active_is_closed(house: House) -> None:
    owner = house.owner()
    key = ApiKey("key_1", keys.digest("sk_ann"), "annsart", house.world.now)
    house.world.store.commit(Insert(key))
    api = Client(house.merchant, "sk_ann")
    assert api.post("/v1/products", PRODUCT).status == 201
    owner.send("/account/billing/cancel", confirm="true")
    house.world.tick()
    house.world.now = PERIOD_END
    closed = api.post("/v1/products", PRODUCT)
    assert (closed.status, closed.json["code"]) == (403, "account_inactive")


@pytest.mark.spec("A-7", "H-6")
def test_cards_and_invoices_are_the_portals_own_pages(house: House) -> None:
    owner = house.owner()
    csrf = owner.hidden("/account/billing")["csrf"]
    there = owner.post("/account/billing/portal", {"csrf": csrf, "page": "cards"})
    assert there.headers["location"] == "/portal/acme/cards"
    assert "4242" in owner.see("/portal/acme/cards").text


@pytest.mark.spec("A-4", "X-11")
def test_a_smaller_plan_is_offered_in_the_portal_while_the_usage_allows_it(house: House) -> None:
    world = house.world
    small = world.product(SMALL, name="Small", grants=("account",), limits=(Limit("products", 1),))
    offer = SaveOffer(OfferKind.DOWNGRADE, price_point=small.default_price_point)
    world.store.commit(Change(world.plan, replace(world.plan, save_offer=offer)))
    owner = house.owner()
    csrf = owner.hidden("/account/billing")["csrf"]
    owner.post("/account/billing/portal", {"csrf": csrf, "page": "cards"})
    world.sells()
    extra = world.sells()
    page = f"/portal/acme/subscriptions/{world.subscription(SELLER).id}/cancel"
    assert "Change to Small" not in owner.see(page).text, "they use more than it allows"
    world.store.commit(Remove(extra))
    assert "Change to Small for $9.99" in owner.see(page).text


@pytest.mark.spec("A-8")
def test_whom_strangers_tries_lock_out_enters_by_a_mailed_link(house: House) -> None:
    house.owner()
    for _ in range(10):
        house.browser().post("/account/sign-in", {"email": SELLER, "password": "a guess"})
    owner = house.browser()
    locked = owner.post("/account/sign-in", {"email": SELLER, "password": PASSWORD})
    assert locked.status == 401
    owner.post("/account/forgot", {"email": SELLER})
    link = f"/account/reset/{linked(house.world)}"
    entered = owner.post(link, {"password": "a new password"})
    assert entered.headers["location"] == "/console"
    owner.see("/console")
    assert house.browser().post(link, {"password": "another one"}).status == 409


@pytest.mark.spec("A-8")
def test_another_password_ends_every_session_that_the_old_one_began(house: House) -> None:
    owner = house.owner()
    csrf = owner.hidden("/account/billing")["csrf"]
    owner.post("/account/billing/portal", {"csrf": csrf, "page": "cards"})
    owner.see("/portal/acme/cards")
    owner.see("/console")
    held = account.by_email(house.world.ports, SELLER)
    assert held is not None
    token = account.reset_link(house.world.ports, held, now=house.world.now).rpartition("/")[2]
    assert account.reset(house.world.ports, token, "a new password", now=house.world.now)
    for address in ("/account", "/console", "/portal/acme/cards"):
        owner.see(address, 401)


@pytest.mark.spec("A-7")
def test_support_sees_whether_an_account_can_still_be_restored(house: House) -> None:
    owner, world = house.owner(), house.world
    for merchant in ("acme", "annsart"):
        key = ApiKey(f"key_{merchant}", keys.digest(f"sk_{merchant}"), merchant, world.now)
        world.store.commit(Insert(key))
    support, seller = Client(house.merchant, "sk_acme"), Client(house.merchant, "sk_annsart")
    asked = {"username": "annsart", "email": SELLER}
    assert support.get("/v1/accounts", **asked).json == {
        "standing": "active",
        "restorable_until": None,
    }
    assert seller.get("/v1/accounts", **asked).status == 404
    owner.send("/account/billing/cancel", confirm="true")
    world.tick()
    world.advance(to=PERIOD_END + DAY)
    told = support.get("/v1/accounts", **asked).json
    assert told == {"standing": "inactive", "restorable_until": "2026-05-29T15:00:00Z"}
    assert support.get("/v1/accounts", username="annsart", email="x@example.com").status == 404
    world.now = PERIOD_END + 91 * DAY
    assert support.get("/v1/accounts", **asked).json["standing"] == "erased"


@pytest.mark.spec("A-4")
def test_a_plan_that_is_sold_with_a_trial_too_is_offered_once(house: House) -> None:
    house.world.product(TRIAL, PLAN, name="Pro", grants=("account",))
    owner = house.owner(house.world.product(TRIAL, SMALL, name="Small", grants=("account",)))
    found = house.world.subscription(SELLER)
    shown = own_plan.changes(house.world.ports, house.world.seller(), found, now=house.world.now)
    assert [(o.product.name, o.price_point.terms.initial) for o in shown] == [
        ("Small", None),
        ("Pro", None),
        ("Pro", None),
    ]
    assert owner.see("/account/billing").text.count("$9.99 every month") >= 1


# ---- Isolation: every route of accounts, by nobody, and by another account

OPEN_TO_ALL = re.compile(r"/account/(sign-up|sign-in|plans|forgot|reset/.*|email/<.*)")


def routes() -> list[tuple[str, str]]:
    resolver = app.build(Platform().ports)
    found = resolver.routes
    return sorted({(route.method, route.path) for route in found})


OWN = [pair for pair in routes() if not OPEN_TO_ALL.fullmatch(pair[1])]


def test_the_matrix_has_every_route() -> None:
    assert len(OWN) >= 12 and len(routes()) - len(OWN) == 10 + 1


@pytest.mark.spec("A-8")
@pytest.mark.parametrize(("method", "route"), OWN)
def test_signed_out_nothing_is_shown_and_nothing_is_done(
    house: House, method: str, route: str
) -> None:
    house.owner()
    before = house.world.history(SELLER)
    address = route.replace("<price_point>", house.world.plan.default_price_point)
    assert house.browser().browse(method, address, {} if method == "POST" else None).status == 401
    assert house.world.history(SELLER) == before


@pytest.mark.spec("A-8")
@pytest.mark.parametrize(("method", "route"), [pair for pair in OWN if pair[0] == "POST"])
def test_another_accounts_form_token_is_worth_nothing(
    house: House, method: str, route: str
) -> None:
    owner, bob = house.owner(), house.browser()
    bob.post("/account/sign-up", {**FORM, "username": "bobsbits", "email": "bob@example.com"})
    house.world.sets_password("bob@example.com")
    house.world.buy(house.world.plan, email="bob@example.com", payment_method="pm_card_mastercard")
    house.world.tick()
    bob.sign_in("bob@example.com")
    before = house.world.history(SELLER), house.world.history("bob@example.com")
    address = route.replace("<price_point>", house.world.plan.default_price_point)
    csrf = owner.hidden("/account")["csrf"]
    assert bob.post(address, {"csrf": csrf, "confirm": "true"}).status == 403
    assert (house.world.history(SELLER), house.world.history("bob@example.com")) == before


@pytest.mark.spec("A-8")
def test_an_account_sees_and_ends_only_its_own_plan(house: House) -> None:
    owner, bob = house.owner(), house.browser()
    bob.post("/account/sign-up", {**FORM, "username": "bobsbits", "email": "bob@example.com"})
    house.world.sets_password("bob@example.com")
    house.world.buy(house.world.plan, email="bob@example.com", payment_method="pm_card_mastercard")
    house.world.tick()
    bob.sign_in("bob@example.com")
    theirs = house.world.subscription(SELLER).id
    answer = bob.send("/account/billing/cancel", confirm="true", **{f"also_{theirs}": "true"})
    assert answer.status == 404
    assert house.world.subscription(SELLER).state is State.ACTIVE
    assert owner.browse("GET", "/account/billing").status == 200
    assert own_plan.offers(house.world.ports)

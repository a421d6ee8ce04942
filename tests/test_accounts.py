"""The lives of those who sell here: bought, frozen, ended, come back to, erased (A-1 .. A-8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import accounts, gateways, plan_change
from billing.accounts import Account, Standing
from billing.adapters.sandbox_gateway import SandboxGateway
from billing.adapters.sandbox_ledger import MemoryLedger
from billing.catalog import Cancellation, Initial, Limit, PricePoint, PriceTerms, Product
from billing.customers import email_hash
from billing.errors import Invalid, NotFound, Refused, TooMany, Unreachable
from billing.flows import account, account_life, cancel, change_plan, freeze, pause
from billing.flows.account import SignUp
from billing.merchants import AccountPolicy, Merchant, Settings
from billing.orders import InvoiceState
from billing.periods import Period, Span, Unit
from billing.policy import Hold
from billing.subscription import Source, State, Subscription, When
from billing.transactions import Change, Insert, Remove
from tests.world import MONTHLY, World

PASSWORD = "correct horse battery"
SELLER = "ann@example.com"
DAY = timedelta(days=1)
PLAN = replace(MONTHLY, cancellation=Cancellation.DELAYED)


class Plain:
    """Passwords that are quick to check; Argon2 has a test of its own."""

    def hash(self, password: str) -> str:
        return f"hashed {password}"

    def verify(self, password_hash: str | None, password: str) -> bool:
        return password_hash == f"hashed {password}"


class Platform(World):
    """The world's merchant is the platform: its product is the plan of an account."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(platform="acme")
        self.ports = replace(self.ports, passwords=Plain())
        self.change_merchant(settings=Settings(**settings))
        self.plan = self.product(PLAN, name="Pro", grants=("account",), refund_days=30)

    def tick(self) -> Counter[str]:
        tally = super().tick()
        return tally + account_life.sweep(self.ports, now=self.now) + self.work()

    def sign_up(self, username: str = "annsart", email: str = SELLER) -> None:
        form = SignUp(username, email, "Ann's Art", PASSWORD)
        account.sign_up(self.ports, form, ip="192.0.2.1", now=self.now)

    def sign_in(self, email: str = SELLER, password: str = PASSWORD) -> Account | None:
        return account.sign_in(self.ports, email, password, ip="192.0.2.1", now=self.now)

    def standing(self, email: str = SELLER) -> Standing:
        found = account.by_email(self.ports, email)
        assert found is not None
        return account.stand(self.ports, found, self.now).standing

    def seller(self, username: str = "annsart") -> Merchant:
        found = self.store.merchant(username)
        assert found is not None
        return found

    def sells(self, username: str = "annsart", terms: PriceTerms = PLAN) -> Product:
        """What an account sells."""
        number = next(self._attempts)
        point = PricePoint(f"{username}.p{number}", username, f"prod_{number}", terms, self.now)
        product = Product(
            id=point.product,
            merchant=username,
            name="Prints",
            created_at=self.now,
            gateways=("sandbox",),
            grants=("prints",),
            price_points=(point.id,),
            default_price_point=point.id,
        )
        self.store.commit(Insert(product), Insert(point))
        return product

    def fan(self, username: str = "annsart", email: str = "fan@example.com") -> Subscription:
        """The one subscription of a customer of an account."""
        customer = self.store.customer_by_email(username, email)
        assert customer is not None
        (found,) = self.store.history(username, customer).subscriptions
        return found

    def charges_of(self, username: str = "annsart") -> int:
        owners = {i.id for i in self.store.history(username, self.fan(username).customer).invoices}
        return len([charge for charge in self.charges() if charge["invoice"] in owners])


@pytest.fixture
def world() -> Platform:
    return Platform()


def opened(world: Platform) -> None:
    """An account with its plan, one product, and one customer who has just subscribed."""
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    world.buy(world.sells(), email="fan@example.com")
    world.tick()


def leave(world: Platform, when: When = When.PERIOD_END) -> None:
    world.cancel(when, SELLER)
    world.tick()


@pytest.mark.spec("A-1", "A-8")
def test_an_account_opens_with_its_plan_and_says_so(world: Platform) -> None:
    world.sign_up()
    assert world.standing() is Standing.UNUSED
    assert world.sign_in() is not None, "to be told what is missing"
    world.buy(world.plan, email=SELLER.upper())
    assert world.standing() is Standing.ACTIVE, "before any sweep"
    world.tick()
    assert any("is active" in subject for subject in world.subjects())
    assert world.sign_in(SELLER.upper()) is not None


@pytest.mark.spec("A-8")
def test_whatever_is_wrong_nobody_is_let_in_and_after_ten_tries_not_even_the_owner(
    world: Platform,
) -> None:
    opened(world)
    assert world.sign_in(password="wrong horse battery") is None
    assert world.sign_in("nobody@example.com") is None
    for _ in range(9):
        assert world.sign_in(password="") is None
    assert world.sign_in() is None, "locked, and not told so"
    world.now += timedelta(minutes=16)
    assert world.sign_in() is not None


@pytest.mark.spec("A-8")
@pytest.mark.parametrize(
    "username",
    [
        *("ac", "a" * 31, "", "Ann Art", "ann--art", "-ann", "9lives", "ann_art", "ann.art"),
        *("ann#art", "admin", "\u0430cme", "acmecourses", "my-acrne-c0urses", "accme-coursess"),
    ],
)
def test_a_username_is_plain_and_not_the_platforms_nor_like_it(
    world: Platform, username: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        world.sign_up(username)
    assert refusal.value.field == "username"
    assert account.by_email(world.ports, SELLER) is None


@pytest.mark.spec("A-8")
def test_a_username_is_had_once_and_for_ever_an_email_is_not_told(world: Platform) -> None:
    opened(world)
    with pytest.raises(Invalid) as refusal:
        world.sign_up(email="other@example.com")
    assert refusal.value.code == "username_taken"
    world.sign_up("another-name")
    world.tick()
    assert world.store.account("another-name") is None
    assert any("already" in subject for subject in world.subjects())


@pytest.mark.spec("A-8")
@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "annsart-password", "x" * 201])
def test_a_password_that_is_easy_to_guess_is_refused(world: Platform, password: str) -> None:
    form = SignUp("annsart", SELLER, "Ann", password)
    with pytest.raises(Invalid):
        account.sign_up(world.ports, form, ip="192.0.2.1", now=world.now)
    assert world.store.account("annsart") is None


@pytest.mark.spec("A-8")
def test_a_name_that_was_never_used_is_free_again_after_a_week(world: Platform) -> None:
    world.sign_up()
    world.tick()
    world.advance(days=8)
    assert world.store.account("annsart") is None
    assert world.store.merchant("annsart") is None
    world.sign_up(email="other@example.com")


@pytest.mark.spec("A-8", "C-2")
def test_too_many_sign_ups_of_one_email_wait(world: Platform) -> None:
    for n in range(10):
        world.sign_up(f"name{chr(97 + n)}")
    with pytest.raises(TooMany):
        world.sign_up("one-more")


def linked(world: Platform, to: str = SELLER) -> str:
    """The token of the link in the last mail to somebody."""
    world.now += timedelta(minutes=1)
    world.work()
    sent = [m for m in world.mailer.sent if str(m["To"]) == to]
    body = sent[-1].get_body(("plain",))
    assert body is not None
    (url,) = (word for word in str(body.get_content()).split() if "/account/" in word)
    return url.rpartition("/")[2]


@pytest.mark.spec("A-8")
def test_a_password_is_reset_by_a_mailed_link_once(world: Platform) -> None:
    opened(world)
    account.ask_for_reset(world.ports, SELLER, ip="192.0.2.1", now=world.now)
    token = linked(world)
    with pytest.raises(Invalid):
        account.reset(world.ports, token, "short", now=world.now)
    assert account.reset_stands(world.ports, token, now=world.now), "a slip does not use it up"
    new = "a wholly new password"
    assert account.reset(world.ports, token, new, now=world.now) is not None
    assert account.reset(world.ports, token, new, now=world.now) is None
    assert world.sign_in() is None
    assert world.sign_in(password=new) is not None
    before = len(world.mailer.sent)
    account.ask_for_reset(world.ports, "nobody@example.com", ip="192.0.2.1", now=world.now)
    world.work()
    told = [str(m["Subject"]) for m in world.mailer.sent[before:]]
    assert told == ["Your password at Acme Courses was changed"]


@pytest.mark.spec("A-8")
def test_a_new_password_ends_every_other_link_to_set_one(world: Platform) -> None:
    opened(world)
    tokens = []
    for _ in range(2):
        account.ask_for_reset(world.ports, SELLER, ip="192.0.2.1", now=world.now)
        tokens.append(linked(world))
    assert account.reset(world.ports, tokens[1], "a wholly new password", now=world.now) is not None
    assert not account.reset_stands(world.ports, tokens[0], now=world.now)
    assert account.reset(world.ports, tokens[0], "the thief's own", now=world.now) is None
    assert world.sign_in(password="a wholly new password") is not None


@pytest.mark.spec("A-8", "B-2")
def test_under_a_buyers_email_an_account_is_entered_by_a_mailed_link_alone(
    world: Platform,
) -> None:
    """Whoever knows the address of somebody who has bought here may sign up under it."""
    world.buy(world.plan, email=SELLER)
    world.tick()
    world.sign_up()
    assert world.standing() is Standing.ACTIVE
    assert world.sign_in() is None, (
        "the form proves no mailbox, and the buyer's pages are behind it"
    )
    mine = "what the buyer chooses"
    assert account.reset(world.ports, linked(world), mine, now=world.now) is not None
    assert world.sign_in(password=mine) is not None
    assert world.sign_in() is None


@pytest.mark.spec("A-8")
def test_an_email_moves_when_both_ends_have_confirmed(world: Platform) -> None:
    opened(world)
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    new = "ann@elsewhere.example"
    account.ask_for_email(world.ports, held, new, now=world.now)
    theirs, ours = linked(world, new), linked(world)
    assert account.confirm_email(world.ports, ours, now=world.now) is False
    assert account.confirm_email(world.ports, ours, now=world.now) is None
    assert world.sign_in() is not None
    assert account.confirm_email(world.ports, theirs, now=world.now) is True
    assert world.sign_in() is None
    assert world.sign_in(new) is not None
    assert world.standing(new) is Standing.ACTIVE, "its plan came along"
    assert world.store.customer_by_email("acme", SELLER) is None


@pytest.mark.spec("A-8")
def test_an_email_that_somebody_has_is_not_moved_to(world: Platform) -> None:
    opened(world)
    world.sign_up("bobsbits", "bob@example.com")
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    account.ask_for_email(world.ports, held, "bob@example.com", now=world.now)
    account.confirm_email(world.ports, linked(world), now=world.now)
    with pytest.raises(Refused) as refusal:
        account.confirm_email(world.ports, linked(world, "bob@example.com"), now=world.now)
    assert refusal.value.code == "email_taken"
    assert world.sign_in() is not None


@pytest.mark.spec("A-3", "R-3")
def test_with_the_account_its_customers_charges_stop_from_the_end_of_its_period(
    world: Platform,
) -> None:
    opened(world)
    leave(world)
    assert world.standing() is Standing.ACTIVE, "it is paid for"
    world.advance(to=datetime(2026, 2, 28, 15, 10, tzinfo=UTC))
    assert world.standing() is Standing.INACTIVE
    held = world.fan()
    assert (held.state, held.paused_by) == (State.PAUSED, Source.SYSTEM)
    assert world.charges_of() == 1
    told = [str(m["Subject"]) for m in world.mailer.sent if str(m["To"]) == "fan@example.com"]
    assert any("is paused" in subject for subject in told)
    world.advance(days=30)
    assert world.charges_of() == 1


@pytest.mark.spec("A-3")
def test_no_charge_slips_through_between_the_end_and_the_sweep(world: Platform) -> None:
    opened(world)
    leave(world)
    world.now = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    world.sweep()
    tally = world.work()
    assert tally[f"held_{Hold.STOPPED}"] == 1, tally
    assert world.charges_of() == 1
    with pytest.raises(Refused) as refusal:
        world.buy(world.sells(), email="late@example.com")
    assert refusal.value.code == "stopped"


@pytest.mark.spec("A-7", "A-6")
def test_bought_again_with_the_same_email_on_day_89_everything_is_back(world: Platform) -> None:
    opened(world)
    leave(world)
    ended = datetime(2026, 2, 28, 15, tzinfo=UTC)
    world.advance(to=ended + 89 * DAY)
    support = account_life.restorable(world.ports, "AnnsArt", SELLER, now=world.now)
    assert (support.standing, support.until) == (Standing.INACTIVE, ended + 90 * DAY)
    world.buy(world.plan, email=SELLER)
    assert world.standing() is Standing.ACTIVE
    world.tick()
    assert world.seller().suspended_from is None
    assert world.fan().state is State.ACTIVE
    world.advance(days=1)
    assert world.charges_of() == 2, "the next payment at once: it is the new anchor"
    products, _ = world.store.catalog("annsart")
    assert products


@pytest.mark.spec("A-7", "A-6")
@pytest.mark.parametrize("swept", [True, False], ids=["erased by then", "before the sweep"])
def test_on_day_91_it_is_erased_and_the_same_email_makes_a_new_account(
    world: Platform, swept: bool
) -> None:
    opened(world)
    leave(world)
    later = datetime(2026, 2, 28, 15, tzinfo=UTC) + 91 * DAY
    if swept:
        world.advance(to=later + DAY)
        assert world.store.catalog("annsart") == ((), ())
    else:
        world.advance(to=later - 2 * DAY)
        world.now = later
    assert world.sign_in() is None
    world.buy(world.plan, email=SELLER)
    world.work()
    world.sign_up("ann-again")
    # Who has bought there before shows that the mailbox is theirs.
    assert account.reset(world.ports, linked(world), PASSWORD, now=world.now) is not None
    world.tick()
    assert world.standing() is Standing.ACTIVE
    held = account.by_email(world.ports, SELLER)
    assert held is not None and held.username == "ann-again"
    assert world.seller().suspended_from is not None
    with pytest.raises(Invalid):
        world.sign_up("annsart", "new@example.com")
    found = account_life.restorable(world.ports, "annsart", SELLER, now=world.now)
    assert found.standing is Standing.ERASED
    world.advance(days=3)
    assert world.sign_in() is not None, "the old one's end takes nothing from the new one"


@pytest.mark.spec("A-6")
def test_what_is_erased_and_what_stays(world: Platform) -> None:
    opened(world)
    customer = world.fan().customer
    leave(world)
    world.advance(days=28 + 92)
    history = world.store.history("annsart", customer)
    assert history.customer is not None and history.customer.name == "erased"
    assert "fan" not in repr((history.customer, history.methods, history.consents, history.orders))
    assert not history.methods and not history.consents
    assert history.subscriptions[0].state is State.CANCELLED
    assert history.invoices[0].bill_to.email == "fan@example.com", "as the law asks"
    assert history.ledger
    assert world.store.customer_by_email("annsart", "fan@example.com") is None
    assert world.store.catalog("annsart") == ((), ())
    held = world.store.account("annsart")
    assert held is not None and (held.email, held.password_hash) == ("", None)


@pytest.mark.spec("A-7")
@pytest.mark.parametrize("day", [89, 91])
def test_a_different_email_makes_a_new_account_and_restores_nothing(
    world: Platform, day: int
) -> None:
    opened(world)
    leave(world)
    world.advance(to=datetime(2026, 2, 28, 15, tzinfo=UTC) + day * DAY)
    world.sign_up("ann-anew", "ann@elsewhere.example")
    world.buy(world.plan, email="ann@elsewhere.example")
    world.tick()
    assert world.standing("ann@elsewhere.example") is Standing.ACTIVE
    assert world.store.catalog("ann-anew") == ((), ())
    assert world.seller().suspended_from is not None
    with pytest.raises(NotFound):
        account_life.restorable(world.ports, "annsart", "ann@elsewhere.example", now=world.now)


@pytest.mark.spec("A-5", "A-3")
@pytest.mark.parametrize("stops", [True, False])
def test_a_frozen_account_stops_its_customers_charges_by_setting_and_thaws(stops: bool) -> None:
    world = Platform(accounts=AccountPolicy(frozen_stops=stops))
    opened(world)
    paid = world.subscription(SELLER)
    freeze.freeze(world.ports, "acme", paid.id, now=world.now)
    world.tick()
    world.advance(to=datetime(2026, 3, 14, 14, tzinfo=UTC))
    assert world.standing() is Standing.FROZEN
    assert world.fan().state is (State.PAUSED if stops else State.ACTIVE)
    assert world.charges_of() == (1 if stops else 2)
    world.advance(days=200)
    assert world.standing() is Standing.FROZEN, "kept as long as the freeze is paid"
    freeze.unfreeze(world.ports, "acme", paid.id, now=world.now)
    assert world.standing() is Standing.ACTIVE
    world.now += timedelta(minutes=1)
    world.tick()
    world.advance(days=1)
    assert world.fan().state is State.ACTIVE


@pytest.mark.spec("A-3", "X-11")
def test_who_paused_by_themselves_stays_paused_when_the_account_is_back(world: Platform) -> None:
    opened(world)
    pause.pause(world.ports, "annsart", world.fan().id, now=world.now)
    world.advance(hours=1)
    leave(world, When.NOW)
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.standing() is Standing.INACTIVE
    world.buy(world.plan, email=SELLER, confirm_repeat=True)
    world.tick()
    assert world.standing() is Standing.ACTIVE
    assert world.fan().state is State.PAUSED


@pytest.mark.spec("A-3", "X-5")
def test_a_cancellation_that_is_undone_stops_nothing(world: Platform) -> None:
    opened(world)
    leave(world)
    assert world.seller().suspended_from == datetime(2026, 2, 28, 15, tzinfo=UTC)
    world.now += timedelta(minutes=1)
    cancel.undo(world.ports, "acme", world.subscription(SELLER).id, now=world.now)
    world.tick()
    assert world.seller().suspended_from is None
    world.advance(days=30)
    assert world.charges_of() == 2


@pytest.mark.spec("A-2")
def test_a_trial_of_an_account_opens_it(world: Platform) -> None:
    trial = replace(PLAN, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)
    world.sign_up()
    world.buy(world.product(trial, name="Pro", grants=("account",)), email=SELLER)
    assert world.standing() is Standing.ACTIVE
    leave(world)
    world.advance(days=15)
    assert world.standing() is Standing.INACTIVE
    assert [charge["amount"]["amount"] for charge in world.charges()] == [100]


@pytest.mark.spec("A-8")
@given(st.text("abcrnvw0158il-", max_size=10))
def test_names_that_look_alike_have_one_skeleton(name: str) -> None:
    assert accounts.skeleton(name) == accounts.skeleton(name.replace("-", "").upper())
    assert accounts.skeleton(name.replace("o", "0")) == accounts.skeleton(name)
    assert accounts.skeleton(f"x{name}") != "" and "-" not in accounts.skeleton(name)


@pytest.mark.spec("A-8")
def test_argon2_knows_its_own_and_nobody_elses() -> None:
    from billing.adapters.passwords import Argon2Passwords

    passwords = Argon2Passwords()
    kept = passwords.hash(PASSWORD)
    assert PASSWORD not in kept and kept.startswith("$argon2id$")
    assert passwords.verify(kept, PASSWORD)
    assert not passwords.verify(kept, PASSWORD + " ")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("not a hash", PASSWORD)
    assert email_hash("acme", SELLER) not in kept


@pytest.mark.spec("A-4")
@pytest.mark.parametrize("when", list(plan_change.When))
def test_a_plan_that_is_too_small_is_refused_to_whoever_asks_for_it(
    world: Platform, when: plan_change.When
) -> None:
    opened(world)
    world.sells()
    limits = (Limit("products", 1), Limit("subscriptions", 5))
    small = world.product(PLAN, name="Small", grants=("account",), limits=limits)
    paid = world.subscription(SELLER)
    point = small.default_price_point
    for ask in (change_plan.quote, change_plan.change):
        with pytest.raises(Refused) as refused:
            ask(world.ports, "acme", paid.id, point, when, now=world.now)
        assert refused.value.code == "usage_over_limit"
        assert "2 products of 1" in refused.value.message
        assert "subscriptions" not in refused.value.message
    assert world.subscription(SELLER) == paid
    products, _ = world.store.catalog("annsart")
    world.store.commit(Remove(products[0]))
    change_plan.change(world.ports, "acme", paid.id, point, when, now=world.now)
    after = world.subscription(SELLER)
    assert point in {after.price_point, after.next_plan and after.next_plan.price_point}


@pytest.mark.spec("A-4")
def test_limits_count_what_an_account_uses_and_nobody_elses(world: Platform) -> None:
    opened(world)
    small = world.product(PLAN, name="Small", limits=(Limit("products", 0),))
    world.buy(world.product(MONTHLY, name="Course"), email="fan@example.com")
    theirs = world.subscription("fan@example.com")
    point = small.default_price_point
    when = plan_change.When.NEXT_REBILL
    change_plan.change(world.ports, "acme", theirs.id, point, when, now=world.now)
    assert world.subscription("fan@example.com").next_plan is not None


def goes_bad(world: Platform, token: str) -> None:
    """The bank has changed its mind about a fan's card."""
    found = world.fan()
    card = world.store.history("annsart", found.customer).methods[0]
    other = replace(card, id=f"{token}:1", fingerprint=token)
    world.store.commit(Insert(other), Change(found, replace(found, payment_method=other.id)))


def to_fan(world: Platform) -> list[str]:
    return [str(m["Subject"]) for m in world.mailer.sent if str(m["To"]) == "fan@example.com"]


def past_due(world: Platform) -> None:
    """An account whose plan ends on February 28, and whose fan's weekly payment was declined on the
    21st."""
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    weekly = replace(PLAN, period=Period.WEEKLY)
    world.buy(world.sells(terms=weekly), email="fan@example.com")
    world.advance(to=datetime(2026, 2, 20, 15, tzinfo=UTC))
    goes_bad(world, "pm_card_chargeDeclined")


@pytest.mark.spec("A-3", "A-5", "R-4")
@pytest.mark.parametrize("how", ["frozen", "cancelled"])
def test_what_is_past_due_is_told_too_and_charged_no_more_until_the_account_is_back(
    world: Platform, how: str
) -> None:
    past_due(world)
    paid = world.subscription(SELLER)
    if how == "frozen":
        freeze.freeze(world.ports, "acme", paid.id, now=world.now)
        world.tick()
    else:
        leave(world)
    world.advance(to=datetime(2026, 2, 28, 14, 30, tzinfo=UTC))
    before = world.fan()
    assert before.state is State.PAST_DUE and before.open_invoice is not None
    world.advance(to=datetime(2026, 2, 28, 15, 30, tzinfo=UTC))
    held = world.fan()
    assert (held.state, held.paused_by, held.open_invoice) == (State.PAUSED, Source.SYSTEM, None)
    told = to_fan(world)
    assert sum("is paused" in subject for subject in told) == 1
    charged = world.charges_of()
    world.advance(days=20)
    assert world.charges_of() == charged and to_fan(world) == told, "no retries, no more mails"
    goes_bad(world, "pm_card_visa")
    if how == "frozen":
        freeze.unfreeze(world.ports, "acme", paid.id, now=world.now)
    else:
        world.buy(world.plan, email=SELLER)
    world.now += timedelta(minutes=1)
    world.tick()
    world.advance(hours=2)
    assert world.fan().state is State.ACTIVE
    assert world.charges_of() == charged + 1, "what was owed, once"


@pytest.mark.spec("A-3", "C-4")
def test_a_payment_that_waits_for_its_bank_is_withdrawn_with_the_account(world: Platform) -> None:
    past_due(world)
    goes_bad(world, "pm_card_authenticationRequired")
    world.advance(to=datetime(2026, 2, 21, 16, tzinfo=UTC))
    waits = world.fan()
    assert waits.open_invoice is not None
    asked = world.store.invoice("annsart", waits.customer, waits.open_invoice)
    assert asked is not None and asked.state is InvoiceState.ACTION_REQUIRED
    leave(world, When.NOW)
    world.advance(hours=1)
    held = world.fan()
    assert (held.state, held.paused_by, held.open_invoice) == (State.PAUSED, Source.SYSTEM, None)
    void = world.store.invoice("annsart", held.customer, asked.id)
    assert void is not None and void.state is InvoiceState.VOID
    assert sum("is paused" in subject for subject in to_fan(world)) == 1


class Silent(SandboxGateway):
    """A sandbox that takes no confirmations, and says nothing about payments, for a while."""

    silent = False

    def confirm(self, *args: Any, **kwargs: Any) -> gateways.Outcome:
        if self.silent:
            raise Unreachable("It does not answer.")
        return super().confirm(*args, **kwargs)

    def lookup(self, *args: Any, **kwargs: Any) -> gateways.Standing:
        if self.silent:
            raise Unreachable("It does not answer.")
        return super().lookup(*args, **kwargs)


@pytest.mark.spec("A-3", "R-6")
def test_a_charge_under_way_when_the_account_ends_is_waited_for(world: Platform) -> None:
    gateway = Silent(MemoryLedger(), lambda: world.now, draw=lambda: "secret" * 8)
    world.sandbox, world.ports = gateway, replace(world.ports, gateway=lambda ref: gateway)
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    world.buy(world.sells(terms=replace(PLAN, period=Period.WEEKLY)), email="fan@example.com")
    world.advance(to=datetime(2026, 2, 7, 14, 59, tzinfo=UTC))
    gateway.silent = True
    world.now += timedelta(minutes=1)
    world.tick()
    invoice = world.fan().open_invoice
    assert invoice is not None
    world.cancel(When.NOW, SELLER)
    world.now += timedelta(minutes=1)
    world.tick()
    assert (world.fan().state, world.fan().open_invoice) == (State.ACTIVE, invoice), "unknown"
    gateway.silent = False
    world.advance(hours=1)
    held = world.fan()
    assert (held.state, held.paused_by, held.open_invoice) == (State.PAUSED, Source.SYSTEM, None)
    assert sum("is paused" in subject for subject in to_fan(world)) == 1
    charged = world.charges_of()
    world.advance(days=40)
    assert world.charges_of() == charged

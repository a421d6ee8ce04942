"""Sign-up and sign-in: usernames, passwords and emails (A-1, A-8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.accounts import accounts
from billing.accounts.flows import account, email_change
from billing.kernel.account_standings import Standing
from billing.kernel.customers import email_hash
from billing.kernel.errors import Invalid, Refused, TooMany
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.team.flows import people
from functions.checkout import app as checkout_app
from tests.accounts.platform import PASSWORD, SELLER, Plain, Platform, linked, opened
from tests.web.calls import Client


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
        *("4cme-courses", "acm3", "adm1n", "5upport", "bil1ing", "ad-min"),
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
def test_a_username_is_taken_once_and_for_ever_an_email_is_not_disclosed(world: Platform) -> None:
    opened(world)
    with pytest.raises(Invalid) as refusal:
        world.sign_up(email="other@example.com")
    assert refusal.value.code == "username_taken"
    world.sign_up("another-name")
    world.tick()
    assert world.store.account("another-name") is None
    assert any("already" in subject for subject in world.subjects())


class Counted(Plain):
    """Passwords that record what was asked of them."""

    def __init__(self) -> None:
        self.asked = list[str]()

    def hash(self, password: str) -> str:
        self.asked.append("hash")
        return super().hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        self.asked.append("verify")
        return super().verify(password_hash, password)


@pytest.mark.spec("A-8")
def test_a_known_and_an_unknown_email_take_the_same_work(world: Platform) -> None:
    """Argon2 takes most of the time of an answer; whoever measures it learns nothing."""
    opened(world)

    def asked(ask: Callable[[str], object], email: str) -> list[str]:
        counted = Counted()
        world.ports = replace(world.ports, passwords=counted)
        ask(email)
        return counted.asked

    names = iter(f"another-name-{letter}" for letter in "abcdefgh")
    asking: tuple[Callable[[str], object], ...] = (
        lambda email: world.asks_for_account(next(names), email),
        lambda email: world.sign_in(email, "wrong"),
        lambda email: account.ask_for_reset(world.ports, email, ip="192.0.2.1", now=world.now),
    )
    work = [(asked(ask, SELLER), asked(ask, "nobody@example.com")) for ask in asking]
    assert work == [(["hash"], ["hash"]), (["verify"], ["verify"]), ([], [])]


@pytest.mark.spec("A-8")
@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "annsart-password", "x" * 201])
def test_a_password_that_is_easy_to_guess_is_refused(world: Platform, password: str) -> None:
    world.asks_for_account()
    token = linked(world)
    with pytest.raises(Invalid):
        account.reset(world.ports, token, password, now=world.now)
    assert world.sign_in(password=password) is None


@pytest.mark.spec("A-8")
def test_a_name_that_was_never_used_is_free_again_after_a_week(world: Platform) -> None:
    world.sign_up()
    world.tick()
    world.advance(days=8)
    assert world.store.account("annsart") is None
    assert world.store.merchant("annsart") is None
    world.sign_up(email="other@example.com")


@pytest.mark.spec("A-8", "M-8")
@pytest.mark.parametrize("teams", [(), ("other",)])
def test_of_who_signed_in_and_bought_no_plan_nothing_is_kept_but_for_their_teams(
    world: Platform, teams: tuple[str, ...]
) -> None:
    world.sign_up()
    person = people.ensured(world.ports, SELLER, world.now)  # as their first sign-in makes them
    world.store.commit(Change(person, replace(person, teams=teams)))
    world.tick()
    world.advance(days=8)
    assert world.store.account("annsart") is None
    assert (people.of_email(world.ports, SELLER) is not None) is bool(teams)
    assert (world.store.person(person.id) is not None) is bool(teams)


@pytest.mark.spec("A-8", "C-2")
def test_too_many_sign_ups_of_one_email_wait(world: Platform) -> None:
    for n in range(10):
        world.sign_up(f"name{chr(97 + n)}")
    with pytest.raises(TooMany):
        world.sign_up("one-more")


@pytest.mark.spec("A-8")
def test_a_password_is_reset_by_a_mailed_link_once(world: Platform) -> None:
    opened(world)
    account.ask_for_reset(world.ports, SELLER, ip="192.0.2.1", now=world.now)
    token = linked(world)
    with pytest.raises(Invalid):
        account.reset(world.ports, token, "short", now=world.now)
    assert account.is_reset_link_valid(world.ports, token, now=world.now), (
        "a slip does not use it up"
    )
    new = "a wholly new password"
    assert account.reset(world.ports, token, new, now=world.now) is not None
    assert account.reset(world.ports, token, new, now=world.now) is None
    assert world.sign_in() is None
    assert world.sign_in(password=new) is not None
    before = len(world.mailer.sent)
    account.ask_for_reset(world.ports, "nobody@example.com", ip="192.0.2.1", now=world.now)
    world.work()
    told = [str(m["Subject"]) for m in world.mailer.sent[before:]]
    assert told == ["Your Acme Courses password was changed"]


@pytest.mark.spec("A-8")
def test_a_new_password_ends_every_other_link_to_set_one(world: Platform) -> None:
    opened(world)
    tokens = []
    for _ in range(2):
        account.ask_for_reset(world.ports, SELLER, ip="192.0.2.1", now=world.now)
        tokens.append(linked(world))
    assert account.reset(world.ports, tokens[1], "a wholly new password", now=world.now) is not None
    assert not account.is_reset_link_valid(world.ports, tokens[0], now=world.now)
    assert account.reset(world.ports, tokens[0], "the thief's own", now=world.now) is None
    assert world.sign_in(password="a wholly new password") is not None


@pytest.mark.spec("A-8", "B-2")
@pytest.mark.parametrize("bought_first", [True, False])
def test_under_a_buyers_email_an_account_is_entered_by_a_mailed_link_alone(
    world: Platform, bought_first: bool
) -> None:
    """Whoever knows the address of somebody who buys here may sign up under it, before or after."""
    if bought_first:  # as was possible before an account was asked for
        asking = world.ports
        world.ports = replace(asking, operation=replace(asking.operation, platform=""))
        world.buy(world.plan, email=SELLER)
        world.ports = asking
        world.tick()
    world.asks_for_account()
    link = linked(world)
    if not bought_first:
        world.buy(world.plan, email=SELLER)
        world.tick()
    assert world.standing() is Standing.ACTIVE
    assert world.sign_in() is None, (
        "the form proves no mailbox, and the buyer's pages are behind it"
    )
    mine = "what the buyer chooses"
    assert account.reset(world.ports, link, mine, now=world.now) is not None
    assert world.sign_in(password=mine) is not None
    assert world.sign_in() is None


@pytest.mark.spec("A-8")
def test_an_email_moves_when_both_ends_have_confirmed(world: Platform) -> None:
    opened(world)
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    new = "ann@elsewhere.example"
    email_change.ask(world.ports, held, new, now=world.now)
    theirs, ours = linked(world, new), linked(world)
    assert email_change.confirm(world.ports, ours, now=world.now) is False
    assert email_change.confirm(world.ports, ours, now=world.now) is None
    assert world.sign_in() is not None
    assert email_change.confirm(world.ports, theirs, now=world.now) is True
    assert world.sign_in() is None
    assert world.sign_in(new) is not None
    assert world.standing(new) is Standing.ACTIVE, "its plan came along"
    assert world.store.customer_by_email("acme", SELLER) is None


@pytest.mark.spec("A-8")
def test_another_password_ends_a_change_of_email_that_the_old_one_asked_for(
    world: Platform,
) -> None:
    opened(world)
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    new = "thief@elsewhere.example"
    email_change.ask(world.ports, held, new, now=world.now)
    theirs, ours = linked(world, new), linked(world)
    assert email_change.confirm(world.ports, theirs, now=world.now) is False
    token = account.reset_link(world.ports, held, now=world.now).rpartition("/")[2]
    assert account.reset(world.ports, token, "a new password", now=world.now) is not None
    assert not email_change.is_link_valid(world.ports, ours, now=world.now)
    assert email_change.confirm(world.ports, ours, now=world.now) is None
    assert world.sign_in(SELLER, "a new password") is not None


@pytest.mark.spec("A-8")
def test_an_account_is_not_given_an_email_that_somebody_has(world: Platform) -> None:
    opened(world)
    world.sign_up("bobsbits", "bob@example.com")
    world.advance(minutes=2)  # his own mails are out
    held = account.by_email(world.ports, SELLER)
    assert held is not None
    email_change.ask(world.ports, held, "bob@example.com", now=world.now)
    email_change.confirm(world.ports, linked(world), now=world.now)
    with pytest.raises(Refused) as refusal:
        email_change.confirm(world.ports, linked(world, "bob@example.com"), now=world.now)
    assert refusal.value.code == "email_taken"
    assert world.sign_in() is not None


@pytest.mark.spec("A-8")
@given(st.text("abcrnvw0158il-", max_size=10))
def test_names_that_look_alike_have_one_skeleton(name: str) -> None:
    assert accounts.skeleton(name) == accounts.skeleton(name.replace("-", "").upper())
    assert accounts.skeleton(name.replace("o", "0")) == accounts.skeleton(name)
    assert accounts.skeleton(f"x{name}") != "" and "-" not in accounts.skeleton(name)


@pytest.mark.spec("A-8")
def test_argon2_knows_its_own_and_nobody_elses() -> None:
    from billing.runtime.passwords import Argon2Passwords

    passwords = Argon2Passwords()
    kept = passwords.hash(PASSWORD)
    assert PASSWORD not in kept and kept.startswith("$argon2id$")
    assert passwords.verify(kept, PASSWORD)
    assert not passwords.verify(kept, PASSWORD + " ")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("not a hash", PASSWORD)
    assert email_hash("acme", SELLER) not in kept


@pytest.mark.spec("A-1")
def test_a_plan_is_not_sold_to_an_email_without_an_account(world: Platform) -> None:
    """It would be paid for, and open nothing."""
    with pytest.raises(Invalid) as refusal:
        world.buy(world.plan, email="nobody@example.com")
    assert (refusal.value.code, refusal.value.field) == ("account_needed", "email")
    assert world.charges() == []
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    assert world.standing() is Standing.ACTIVE
    book = world.product(name="Book", grants=("book",))
    assert world.buy(book, email="nobody@example.com"), "not a plan: anybody may buy it"


@pytest.mark.spec("A-1", "A-8", "C-4")
def test_an_account_is_there_when_its_first_plan_is_paid_however_long_the_bank_took(
    world: Platform,
) -> None:
    world.sign_up()
    world.tick()
    world.now += timedelta(days=7) - timedelta(minutes=10)
    waiting = world.buy(world.plan, email=SELLER, payment_method="pm_card_authenticationRequired")
    world.now += timedelta(minutes=20)
    world.tick()
    with pytest.raises(Invalid):  # too late to begin
        world.buy(world.plan, email=SELLER)
    world.sandbox.authenticate(str(waiting.invoice.gateway_ref), succeeded=True)
    world.advance(hours=3)
    assert [each["status"] for each in world.charges()] == ["succeeded"]
    assert world.standing() is Standing.ACTIVE
    assert world.sign_in() is not None
    world.advance(days=3)
    assert not world.seller().is_suspended(world.now)


@pytest.mark.spec("A-1")
def test_nobody_tries_out_which_emails_have_accounts(world: Platform) -> None:
    for _ in range(10):
        with pytest.raises(Invalid):
            world.buy(world.plan, email="nobody@example.com")
    with pytest.raises(TooMany):
        world.buy(world.plan, email="nobody@example.com")


@pytest.mark.spec("A-1", "C-12")
def test_the_checkout_says_that_a_plan_needs_an_account_and_keeps_what_was_typed(
    world: Platform,
) -> None:
    client = Client(checkout_app.build(world.ports))
    point = world.plan.default_price_point
    typed = {
        "attempt_key": "attempt-1",
        "email": "nobody@example.com",
        "name": "No Body",
        "line1": "1 Main Street",
        "city": "Springfield",
        "country": "US",
        "payment_method": "pm_card_visa",
    }
    page = client.browse("POST", f"/checkout/{point}", typed)
    assert page.status == 422
    assert "No account has this email yet" in page.body and "No Body" in page.body

"""The second factor: codes of RFC 6238, backup codes, and where they are asked for (M-9)."""

from __future__ import annotations

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest

from billing.kernel.errors import Invalid
from billing.team import totp
from billing.team.flows import factors, membership, people
from billing.team.members import MOST_SESSIONS
from billing.team.rights import Role
from billing.web import sessions
from tests.accounts.platform import PASSWORD, SELLER, leave
from tests.render.html import read
from tests.team.company import OWNER, SHOP, Browser, Company

pytestmark = pytest.mark.spec("M-9")

BOB = "bob@example.com"
RFC = b32encode(b"12345678901234567890").decode()
"""The secret of RFC 6238, appendix B, for SHA-1."""


@pytest.fixture
def company() -> Company:
    return Company()


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_the_rfc(seconds: int, digits: str) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert totp.code(RFC, totp.step_at(at), digits=8) == digits
    assert totp.step_of(RFC, digits[2:], after=0, now=at) == totp.step_at(at)


def test_a_code_is_good_for_one_step_around_and_only_once() -> None:
    now = datetime(2026, 1, 31, 12, 0, 15, tzinfo=UTC)
    here = totp.step_at(now)
    for away, good in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = totp.step_of(RFC, totp.code(RFC, here + away), after=0, now=now)
        assert (found == here + away) is good
    assert totp.step_of(RFC, totp.code(RFC, here), after=here, now=now) is None
    assert totp.step_of(RFC, totp.code(RFC, here - 1), after=here, now=now) is None
    assert totp.step_of(RFC, "", after=0, now=now) is None
    assert totp.step_of(RFC, "１２３４５６", after=0, now=now) is None
    spaced = f"{totp.code(RFC, here)[:3]} {totp.code(RFC, here)[3:]}"
    assert totp.step_of(RFC, spaced, after=0, now=now) == here


def sets_up(browser: Browser, email: str) -> tuple[str, list[str]]:
    """The secret that is set up, and the backup codes."""
    company = browser.company
    page = browser.look("/console/you/factor")
    secret = page.one("p", id="key").text.replace(" ", "")
    wrong = browser.send("/console/you/factor", code="000000")
    assert wrong.status == 422
    code = totp.code(secret, totp.step_at(company.now))
    shown = browser.send("/console/you/factor", code=code)
    assert shown.status == 200, shown.body[-500:]
    codes = [each.text.strip() for each in read(shown.body).all("li") if "-" in each.text]
    return secret, [each for each in codes if each.count("-") >= 3][:10]


def waits(company: Company, email: str) -> Browser:
    """A browser that has followed a mailed link, and is asked for the code."""
    browser = company.signed_in(email)
    page = browser.get("/console")
    assert (page.status, page.headers["location"]) == (303, "/console/sign-in/code")
    return browser


def test_a_code_is_asked_for_at_sign_in_and_signs_in_once(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    browser = company.signed_in(BOB)
    secret, backup = sets_up(browser, BOB)
    assert len(backup) == 10 and browser.get("/console/keys").status == 200
    assert company.subjects(BOB)[-1] == "A second step was added to your sign-in"
    company.now += timedelta(minutes=20)
    other = waits(company, BOB)
    for address in ("/console/keys", "/console/you", "/console/you/factor"):
        assert other.get(address).status == 303, "nothing but the code"
    assert other.send("/console/settings").status == 401
    assert other.account("GET", "/account").headers["location"] == "/console/sign-in/code"
    assert other.account("POST", "/account/billing/cancel").status == 401
    code = totp.code(secret, totp.step_at(company.now))
    first = dict(other.client.cookies)
    assert other.send("/console/sign-in/code", code="123456").status == 422
    assert other.send("/console/sign-in/code", code=code).status == 303
    assert other.client.cookies != first, "the session has a token of its own"
    assert other.get("/console/keys").status == 200
    third = waits(company, BOB)
    assert third.send("/console/sign-in/code", code=code).status == 422, "used"


def test_a_backup_code_signs_in_once_and_is_kept_as_a_hash(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    _, backup = sets_up(company.signed_in(BOB), BOB)
    person = company.person(BOB)
    assert person.factor is not None and len(person.factor.backup) == 10
    assert backup[0] not in repr(vars(company.store._items))
    typed = backup[0].upper().replace("-", " ")
    assert waits(company, BOB).send("/console/sign-in/code", code=typed).status == 303
    assert waits(company, BOB).send("/console/sign-in/code", code=typed).status == 422
    after = company.person(BOB)
    assert after.factor is not None and len(after.factor.backup) == 9


def test_after_ten_tries_even_the_right_code_waits(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    secret, _ = sets_up(company.signed_in(BOB), BOB)
    company.now += timedelta(minutes=20)
    browser = waits(company, BOB)
    for _ in range(10):
        assert browser.send("/console/sign-in/code", code="000000").status == 422
    code = totp.code(secret, totp.step_at(company.now))
    assert browser.send("/console/sign-in/code", code=code).status == 422
    company.now += timedelta(minutes=16)
    code = totp.code(secret, totp.step_at(company.now))
    assert browser.send("/console/sign-in/code", code=code).status == 303


def test_of_two_sign_ins_with_one_code_at_once_one_is_refused(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    secret, _ = sets_up(company.signed_in(BOB), BOB)
    company.now += timedelta(minutes=20)
    person, code = company.person(BOB), totp.code(secret, totp.step_at(company.now))
    assert factors.check(company.ports, person, code, now=company.now)
    assert not factors.check(company.ports, person, code, now=company.now), "as it was read before"


def test_the_sessions_from_before_the_second_step_have_ended(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    old, browser = company.signed_in(BOB), company.signed_in(BOB)
    sets_up(browser, BOB)
    assert old.get("/console").status == 401
    assert browser.get("/console").status == 200


def test_a_team_that_requires_it_leads_there_before_anything_else(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    browser, owner = company.signed_in(BOB), company.owner()
    assert owner.send("/console/team/codes", needed="true").status == 303
    for address in ("/console", "/console/keys"):
        answer = browser.get(address)
        assert (answer.status, answer.headers["location"]) == (303, "/console/you/factor")
    assert browser.send("/console/settings").status == 403
    assert owner.get("/console").headers["location"] == "/console/you/factor", "owners too"
    assert owner.account("GET", "/account").headers["location"] == "/console/you/factor"
    assert owner.account("POST", "/account/billing/cancel").status == 403
    page = browser.look("/console/you/factor")
    assert "asks for it" in page.text
    sets_up(browser, BOB)
    assert browser.get("/console/keys").status == 200
    person = company.person(BOB)
    assert browser.send("/console/you/factor/off", code="1").status == 409
    assert company.person(BOB).factor == person.factor


def test_the_holder_of_the_account_has_a_second_step_too(company: Company) -> None:
    owner = company.owner()
    secret, _ = sets_up(owner, SELLER)
    assert "Second step on" in owner.look("/console/team").text
    company.now += timedelta(minutes=1)
    again = company.owner()
    assert again.get("/console").headers["location"] == "/console/sign-in/code"
    code = totp.code(secret, totp.step_at(company.now))
    answer = again.send("/console/sign-in/code", code=code)
    assert (answer.status, answer.headers["location"]) == (303, "/console")
    assert again.account("GET", "/account/billing").status == 200
    code = totp.code(secret, totp.step_at(company.now) + 1)
    assert again.send("/console/you/factor/off", code="nothing").status == 422
    assert again.send("/console/you/factor/off", code=code).status == 303
    assert company.person(SELLER).factor is None
    assert company.subjects(SELLER)[-1] == "The second step was removed from your sign-in"


def test_sessions_are_listed_and_ended(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    lost, kept = company.signed_in(BOB), company.signed_in(BOB)
    assert "This session" in kept.look("/console/you").text
    token = lost.client.cookies["__Host-console"]
    named = sessions.digest(token)
    assert kept.send("/console/you/sessions/end", session=named).status == 303
    assert lost.get("/console").status == 401 and kept.get("/console").status == 200
    third = company.signed_in(BOB)
    assert kept.send("/console/you/sessions/end").status == 303
    assert third.get("/console").status == 401 and kept.get("/console").status == 200
    assert kept.send("/console/you/sessions/end", session="of somebody else").status == 303


def test_a_session_is_ended_however_often_another_one_was_begun_since(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    lost, kept = company.signed_in(BOB), company.signed_in(BOB)
    for _ in range(MOST_SESSIONS + 5):
        assert kept.send(f"/console/you/teams/{SHOP}").status == 303
    assert len(company.person(BOB).sessions) == 2, "the others were of this browser, and are over"
    assert kept.send("/console/you/sessions/end").status == 303
    assert lost.get("/console").status == 401 and kept.get("/console").status == 200


def test_a_session_that_leaves_the_list_has_ended(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    browsers: list[Browser] = []
    for _ in range(MOST_SESSIONS + 1):
        company.now += timedelta(minutes=2)
        browsers.append(company.signed_in(BOB))
        oldest, *others = [each.get("/console").status for each in browsers]
        assert set(others) <= {200}
    assert oldest == 401


def test_a_secret_that_is_set_up_is_one_persons_for_half_an_hour(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    person = company.person(BOB)
    secret = factors.secret_for(company.ports, person, now=company.now)
    assert factors.secret_for(company.ports, person, now=company.now) == secret
    company.now += timedelta(minutes=31)
    assert factors.secret_for(company.ports, person, now=company.now) != secret
    old = totp.code(secret, totp.step_at(company.now))
    with pytest.raises(Invalid, match="code_wrong"):
        factors.turn_on(company.ports, person, old, now=company.now)


def test_a_person_is_made_once_however_often_they_sign_in(company: Company) -> None:
    company.owner()
    first = company.person(SELLER)
    company.owner()
    again = people.ensured(company.ports, SELLER, company.now)
    assert again.id == first.id and len(again.sessions) == 2


@pytest.mark.spec("M-9", "A-7")
def test_the_pages_of_an_account_lead_to_the_second_step_too(company: Company) -> None:
    membership.require_codes(company.ports, SHOP, True, OWNER)
    leave(company)
    company.advance(days=40)
    owner = Browser(company)
    to = owner.account_sign_in(SELLER, PASSWORD).headers["location"]
    assert to == "/account", "the account is not active"
    there = owner.account("GET", to)
    assert (there.status, there.headers["location"]) == (303, "/console/you/factor")
    sets_up(owner, SELLER)
    assert owner.account("GET", to).status == 200

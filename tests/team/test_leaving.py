"""A member leaves a team by themselves (M-9)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import NotFound, Refused
from billing.team.flows import membership
from billing.team.rights import Role
from tests.render.html import read
from tests.team.company import OWNER, SHOP, Browser, Company
from tests.team.test_lives import _without_account

pytestmark = pytest.mark.spec("M-9")

BOB, LEAVE = "bob@example.com", "/console/you/leave"


@pytest.fixture
def company() -> Company:
    return Company()


def links_of(browser: Browser) -> list[object]:
    return [each.attributes.get("href") for each in browser.look("/console/you").all("a")]


@pytest.mark.parametrize("role", list(Role))
def test_a_member_of_any_role_leaves_and_is_let_in_no_more(company: Company, role: Role) -> None:
    company.joins(BOB, role)
    bob = company.signed_in(BOB)
    assert LEAVE in links_of(bob)
    assert "Ann's Art" in bob.look(LEAVE).one("main").text
    answer = bob.send(LEAVE)
    assert answer.status == 200 and "You've left the team of Ann's Art" in read(answer.body).text
    team = company.store.team(SHOP)
    assert team is not None and team.members == ()
    assert bob.get("/console").status == 303 or bob.get("/console").status == 401
    assert company.subjects(BOB)[-1] == "You no longer belong to the team of Ann's Art"
    assert "leave" in company.owner().look("/console/audit").text


def test_whoever_belongs_to_no_other_team_leaves_nothing_behind(company: Company) -> None:
    person = company.person(BOB) if company.joins(BOB, Role.SUPPORT) else None
    company.signed_in(BOB).send(LEAVE)
    assert person is not None and company.store.person(person.id) is None


def test_the_account_holder_stays_and_is_offered_no_way_out(company: Company) -> None:
    owner = company.owner()
    assert LEAVE not in links_of(owner)
    assert owner.get(LEAVE).status == 409
    assert owner.send(LEAVE).status == 409


def test_the_last_owner_of_a_team_without_a_holder_stays(company: Company) -> None:
    _without_account(company)
    company.joins(BOB, Role.OWNER)
    answer = company.signed_in(BOB).send(LEAVE)
    assert answer.status == 409 and "at least one owner" in answer.body
    company.joins("cat@example.com", Role.OWNER)
    assert company.signed_in(BOB).send(LEAVE).status == 200
    team = company.store.team(SHOP)
    assert team is not None and [each.email for each in team.members] == ["cat@example.com"]


def test_a_form_of_somebody_who_left_already_is_answered_as_signed_out(company: Company) -> None:
    company.joins(BOB, Role.SUPPORT)
    one, other = company.signed_in(BOB), company.signed_in(BOB)
    assert one.send(LEAVE).status == 200
    assert other.send(LEAVE).status in {303, 401}
    with pytest.raises(NotFound):
        membership.leave(company.ports, SHOP, "member-none", now=company.now)


def test_open_invitations_of_who_leaves_are_void(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    bob = company.signed_in(BOB)
    bob.send("/console/team", email="cat@example.com", role="support")
    token = company.mailed("cat@example.com", "/console/join/")
    bob.send(LEAVE)
    with pytest.raises(Refused):
        membership.accept(company.ports, token, now=company.now)


def test_the_second_of_two_who_change_a_role_is_told(company: Company) -> None:
    member = company.joins(BOB, Role.READ_ONLY).id
    owner = company.owner()
    at = f"/console/team/{member}"
    fields = [each.attributes for each in owner.look(at).all("input")]
    seen = str(next(each["value"] for each in fields if each.get("name") == "seen"))
    assert owner.send(f"{at}/role", role="finance", seen=seen).status == 303
    answer = owner.send(f"{at}/role", role="admin", seen=seen)
    assert answer.status == 409 and "Someone changed this meanwhile" in answer.body
    assert company.member(company.person(BOB)).role is Role.FINANCE


def test_a_team_refused_to_a_reader_stays_refused(company: Company) -> None:
    company.joins(BOB, Role.READ_ONLY)
    member = company.member(company.person(BOB)).id
    bob = company.signed_in(BOB)
    assert bob.send(f"/console/team/{member}/remove").status == 403, "only their own way out"
    membership.remove(company.ports, SHOP, member, OWNER, now=company.now)

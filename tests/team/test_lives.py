"""People join a team, act with their role, get another one, and leave (M-9)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.accounts.accounts import Account
from billing.kernel.errors import NotFound, Refused, TooMany
from billing.kernel.outbox_events import EventKind
from billing.kernel.writes import Write
from billing.team.flows import dissolving, membership
from billing.team.flows.membership import Giver
from billing.team.members import MOST_INVITATIONS, MOST_MEMBERS
from billing.team.rights import OF_ALL, Role, of_scopes
from tests.accounts.platform import PASSWORD, SELLER
from tests.team.company import OWNER, SHOP, Browser, Company

pytestmark = pytest.mark.spec("M-9")

BOB, CAT = "bob@example.com", "cat@example.com"


@pytest.fixture
def company() -> Company:
    return Company()


def change(company: Company, member: str, role: Role, giver: Giver = OWNER) -> None:
    membership.change_role(company.ports, SHOP, member, role, giver, now=company.now)


def remove(company: Company, member: str, giver: Giver = OWNER) -> None:
    membership.remove(company.ports, SHOP, member, giver, now=company.now)


def as_member(company: Company, email: str) -> Giver:
    member = company.member(company.person(email))
    return Giver(member.rights, member.id)


def test_an_account_without_a_team_is_its_owners_as_it_always_was(company: Company) -> None:
    assert company.store.team(SHOP) is None
    owner = company.owner()
    page = owner.look("/console/team")
    assert SELLER in page.text and "Owner of the account" in page.text
    assert owner.account("GET", "/account/billing").status == 200


def test_who_was_invited_joins_by_the_link_and_signs_in_by_mail(company: Company) -> None:
    owner = company.owner()
    sent = owner.send("/console/team", email="Bob@Example.com", role="support")
    assert sent.headers["location"] == "/console/team?done=invited"
    assert company.subjects(BOB) == ["You're invited to the team of Ann's Art"]
    token = company.mailed(BOB, "/console/join/")
    browser = Browser(company)
    for _ in range(2):  # a scanner follows links
        page = browser.look(f"/console/join/{token}")
        assert "Ann's Art" in page.text and "Support" in page.text
    joined = browser.client.browse("POST", f"/console/join/{token}", {})
    assert (joined.status, joined.headers["location"]) == (303, "/console")
    assert "Ann's Art" in browser.look("/console").text
    again = company.signed_in(BOB)
    assert again.look("/console/tickets")
    assert "Last sign-in" in owner.look("/console/team").text


def test_a_password_set_when_joining_signs_in_and_an_easy_one_is_refused(company: Company) -> None:
    token = company.invited(BOB, Role.ADMIN)
    browser = Browser(company)
    easy = browser.client.browse("POST", f"/console/join/{token}", {"password": "aaaaaaaaaaaa"})
    assert easy.status == 422 and company.store.person_email(BOB) is None
    browser.client.browse("POST", f"/console/join/{token}", {"password": PASSWORD})
    assert company.sign_in(BOB) is None, "no account"
    answer = Browser(company).account_sign_in(BOB, PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/console")
    assert Browser(company).account_sign_in(BOB, "wrong horse battery").status == 401


def test_an_invitation_is_accepted_once(company: Company) -> None:
    token = company.invited(BOB, Role.SUPPORT)
    first, second = Browser(company), Browser(company)
    assert first.client.browse("POST", f"/console/join/{token}", {}).status == 303
    assert second.client.browse("POST", f"/console/join/{token}", {}).status == 409
    assert second.get(f"/console/join/{token}").status == 409
    team = company.store.team(SHOP)
    assert team is not None and len(team.members) == 1 and team.invitations == ()


def test_of_two_who_accept_one_invitation_at_once_one_becomes_a_member(company: Company) -> None:
    token = company.invited(BOB, Role.SUPPORT)
    commit = company.store.commit

    def meanwhile(*writes: Write) -> None:
        company.store.commit = commit  # type: ignore[method-assign]
        membership.accept(company.ports, token, now=company.now)
        commit(*writes)

    company.store.commit = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Refused, match="invitation_over"):
        membership.accept(company.ports, token, now=company.now)
    team = company.store.team(SHOP)
    assert team is not None and len(team.members) == 1
    assert company.person(BOB).teams == (SHOP,)


def test_an_invitation_expires_after_seven_days_and_ends_when_withdrawn(company: Company) -> None:
    token = company.invited(BOB, Role.SUPPORT)
    other = company.invited(CAT, Role.SUPPORT)
    team = company.store.team(SHOP)
    assert team is not None
    named = next(each.id for each in team.invitations if each.email == CAT)
    owner = company.owner()
    assert owner.send(f"/console/team/invitations/{named}/withdraw").status == 303
    assert owner.get(f"/console/join/{other}").status == 409
    company.now += timedelta(days=7) - timedelta(seconds=1)
    assert Browser(company).get(f"/console/join/{token}").status == 200
    company.now += timedelta(seconds=1)
    assert Browser(company).get(f"/console/join/{token}").status == 409


def test_an_invitation_that_is_sent_again_has_another_link(company: Company) -> None:
    token = company.invited(BOB, Role.SUPPORT)
    team = company.store.team(SHOP)
    assert team is not None
    company.now += timedelta(minutes=1)
    sent = company.owner().send(f"/console/team/invitations/{team.invitations[0].id}/resend")
    assert sent.headers["location"] == "/console/team?done=resent"
    newer = company.mailed(BOB, "/console/join/")
    assert newer != token
    assert Browser(company).get(f"/console/join/{token}").status == 409
    assert Browser(company).get(f"/console/join/{newer}").status == 200
    after = company.store.team(SHOP)
    assert after is not None and len(after.invitations) == 1


def test_a_removed_member_is_out_with_the_next_request_and_is_told(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    browser, owner = company.signed_in(BOB), company.owner()
    assert browser.look("/console/products")
    member = company.member(company.person(BOB))
    assert owner.send(f"/console/team/{member.id}/remove").status == 303
    assert browser.get("/console/products").status == 401
    assert browser.send("/console/settings").status == 401
    assert company.subjects(BOB)[-1] == "You no longer belong to the team of Ann's Art"
    assert company.store.person_email(BOB) is None, "nothing of them is kept"
    assert Browser(company).client.browse("POST", "/console/sign-in/link", {"email": BOB})
    assert company.subjects(BOB)[-1].startswith("You no longer belong"), (
        "no link is mailed any more"
    )


def test_a_lowered_role_counts_from_the_next_request(company: Company) -> None:
    member = company.joins(BOB, Role.ADMIN)
    browser = company.signed_in(BOB)
    assert browser.look("/console/keys")
    change(company, member.id, Role.READ_ONLY)
    assert "You can't do this" in browser.look("/console/keys", 403).text
    assert browser.send("/console/tax/without").status == 403
    assert browser.look("/console/products")
    assert company.subjects(BOB)[-1] == "Your role at Ann's Art has changed"


def test_a_giver_whose_role_was_lowered_meanwhile_gives_nothing_more(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    member = company.joins(CAT, Role.SUPPORT)
    bob = as_member(company, BOB)  # read with the request
    change(company, bob.member, Role.READ_ONLY)
    with pytest.raises(Refused, match="role_beyond_own"):
        change(company, member.id, Role.ADMIN, bob)
    with pytest.raises(Refused, match="role_beyond_own"):
        membership.invite(
            company.ports, SHOP, "dan@example.com", Role.READ_ONLY, bob, now=company.now
        )


def test_two_owners_who_remove_each_other_at_once_leave_one(company: Company) -> None:
    _without_account(company)
    company.joins(BOB, Role.OWNER)
    company.joins(CAT, Role.OWNER)
    bob, cat = as_member(company, BOB), as_member(company, CAT)
    commit = company.store.commit

    def meanwhile(*writes: Write) -> None:
        company.store.commit = commit  # type: ignore[method-assign]
        remove(company, bob.member, cat)
        commit(*writes)

    company.store.commit = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Refused, match="role_beyond_own"):
        remove(company, cat.member, bob)
    team = company.store.team(SHOP)
    assert team is not None and [each.email for each in team.members] == [CAT]


def test_the_last_owner_is_neither_removed_nor_lowered(company: Company) -> None:
    _without_account(company)
    company.joins(BOB, Role.OWNER)
    bob = as_member(company, BOB)
    for attempt in (
        lambda: remove(company, bob.member, bob),
        lambda: change(company, bob.member, Role.ADMIN, bob),
    ):
        with pytest.raises(Refused, match="last_owner"):
            attempt()
    company.joins(CAT, Role.OWNER)
    change(company, bob.member, Role.ADMIN, bob)
    assert company.member(company.person(BOB)).role is Role.ADMIN


def test_the_holder_of_the_account_is_neither_removed_nor_lowered(company: Company) -> None:
    company.joins(BOB, Role.OWNER)
    with pytest.raises(Refused, match="holder_stays"):
        remove(company, "holder", as_member(company, BOB))
    with pytest.raises(Refused, match="holder_stays"):
        change(company, "holder", Role.ADMIN, as_member(company, BOB))
    with pytest.raises(Refused, match="member_already"):
        company.invited(SELLER, Role.ADMIN)


def test_an_admin_neither_makes_nor_touches_an_owner(company: Company) -> None:
    owner = company.joins(CAT, Role.OWNER)
    company.joins(BOB, Role.ADMIN)
    bob = as_member(company, BOB)
    browser = company.signed_in(BOB)
    refused = browser.send("/console/team", email="dan@example.com", role="owner")
    assert refused.status == 422 and "rights that you have yourself" in refused.body
    for attempt in (
        lambda: remove(company, owner.id, bob),
        lambda: change(company, owner.id, Role.READ_ONLY, bob),
        lambda: change(company, bob.member, Role.OWNER, bob),
    ):
        with pytest.raises(Refused, match="role_beyond_own"):
            attempt()


def test_what_a_removed_member_invited_to_is_void(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    bob = as_member(company, BOB)
    membership.invite(company.ports, SHOP, CAT, Role.ADMIN, bob, now=company.now)
    token = company.mailed(CAT, "/console/join/")
    remove(company, bob.member)
    assert Browser(company).get(f"/console/join/{token}").status == 409


def test_what_a_lowered_member_invited_to_beyond_their_role_is_void(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    bob = as_member(company, BOB)
    for email, role in ((CAT, Role.ADMIN), ("dan@example.com", Role.READ_ONLY)):
        membership.invite(company.ports, SHOP, email, role, bob, now=company.now)
    beyond, within = (company.mailed(e, "/console/join/") for e in (CAT, "dan@example.com"))
    change(company, bob.member, Role.READ_ONLY)
    assert Browser(company).get(f"/console/join/{beyond}").status == 409
    assert Browser(company).get(f"/console/join/{within}").status == 200


def test_a_key_of_every_area_invites_the_first_owner_and_no_second_one(company: Company) -> None:
    key = Giver(of_scopes(OF_ALL))

    def invite(email: str, role: Role, giver: Giver = key) -> None:
        membership.invite(company.ports, SHOP, email, role, giver, now=company.now)

    with pytest.raises(Refused, match="role_beyond_own"):
        invite(BOB, Role.OWNER)
    _without_account(company)
    with pytest.raises(Refused, match="role_beyond_own"):
        invite(BOB, Role.OWNER, Giver(of_scopes(("settings:write", "settings:read"))))
    invite(BOB, Role.OWNER)
    membership.accept(company.ports, company.mailed(BOB, "/console/join/"), now=company.now)
    with pytest.raises(Refused, match="role_beyond_own"):
        invite(CAT, Role.OWNER)
    invite(CAT, Role.ADMIN)


def test_a_person_of_two_teams_chooses_and_switches(company: Company) -> None:
    company.sign_up("dansart", "dan@example.com")
    company.buy(company.plan, email="dan@example.com")
    company.tick()
    company.joins("dan@example.com", Role.SUPPORT)
    dan = company.signed_in("dan@example.com")
    page = dan.look("/console/you/teams")
    assert page.text.count("Ann's Art") >= 2, "both shops have this name"
    assert dan.get("/console/keys").status == 200, "his own shop"
    assert dan.send(f"/console/you/teams/{SHOP}").status == 303
    assert dan.get("/console/keys").status == 403, "support of Ann's"
    assert dan.get("/console/tickets").status == 200
    assert dan.send("/console/you/teams/dansart").status == 303
    assert dan.get("/console/keys").status == 200
    assert dan.send("/console/you/teams/acme").status == 404


def test_a_team_and_its_invitations_have_an_end(company: Company) -> None:
    team = None
    for n in range(MOST_INVITATIONS):
        company.ports.ephemeral.__init__()  # type: ignore[misc]
        membership.invite(
            company.ports, SHOP, f"p{n}@example.com", Role.SUPPORT, OWNER, now=company.now
        )
    with pytest.raises(Refused, match="too_many_invitations"):
        membership.invite(
            company.ports, SHOP, "one@example.com", Role.SUPPORT, OWNER, now=company.now
        )
    team = company.store.team(SHOP)
    assert team is not None and len(team.invitations) == MOST_INVITATIONS < MOST_MEMBERS


def test_a_merchant_mails_no_crowd(company: Company) -> None:
    def invite(n: int) -> None:
        membership.invite(
            company.ports, SHOP, "one@example.com", Role.SUPPORT, OWNER, now=company.now
        )

    for n in range(60):
        invite(n)
    with pytest.raises(TooMany):
        invite(60)


def test_where_there_are_no_accounts_nobody_is_invited() -> None:
    from tests.world import World

    world = World()
    with pytest.raises(NotFound, match="accounts_off"):
        membership.invite(world.ports, "acme", BOB, Role.SUPPORT, OWNER, now=world.now)


def test_a_strangers_sign_up_does_not_shut_a_member_out(company: Company) -> None:
    token = company.invited(BOB, Role.ADMIN)
    Browser(company).client.browse("POST", f"/console/join/{token}", {"password": PASSWORD})
    company.asks_for_account("bobsart", BOB)
    assert Browser(company).account_sign_in(BOB, PASSWORD).headers["location"] == "/console"


def test_the_password_that_signs_in_is_the_one_that_is_asked_for_again(company: Company) -> None:
    token = company.invited(BOB, Role.ADMIN)
    Browser(company).client.browse("POST", f"/console/join/{token}", {"password": PASSWORD})
    company.asks_for_account("bobsart", BOB)
    company.buy(company.plan, email=BOB)
    company.tick()
    bob = Browser(company)
    assert bob.account_sign_in(BOB, PASSWORD).status == 303
    key = {"attempt": "attempt-1", "scope": "read"}
    assert bob.send("/console/keys", **key, password="wrong horse battery").status == 422
    assert bob.send("/console/keys", **key, password=PASSWORD).status == 200
    assert [key.merchant for key in company.store.api_keys("bobsart")] == ["bobsart"]


def test_a_password_reset_ends_the_sessions_in_other_teams(company: Company) -> None:
    token = company.invited(BOB, Role.ADMIN)
    browser = Browser(company)
    browser.client.browse("POST", f"/console/join/{token}", {"password": PASSWORD})
    assert browser.get("/console").status == 200
    company.now += timedelta(seconds=1)
    company.sign_up("bobsart", BOB)
    assert browser.get("/console").status == 401
    assert company.person(BOB).password_hash is None


def test_a_reset_ends_sessions_that_began_without_a_password_too(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    company.sign_up("bobsart", BOB)
    company.now += timedelta(seconds=1)
    browser = company.signed_in(BOB)
    browser.send(f"/console/you/teams/{SHOP}")
    assert browser.get("/console/keys").status == 200
    company.now += timedelta(seconds=1)
    company.sets_password(BOB)
    assert browser.get("/console/keys").status == 401


def test_an_account_that_is_erased_takes_its_team_along(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    company.invited(CAT, Role.SUPPORT)
    dissolving.dissolve(company.ports, SHOP)
    assert company.store.team(SHOP) is None
    assert company.store.person_email(BOB) is None
    assert dissolving.dissolve(company.ports, SHOP)


def _without_account(company: Company) -> None:
    """As a merchant whom an operator made: there is no account, only keys."""
    account = company.store.account(SHOP)
    assert isinstance(account, Account)
    account_of = company.store.account

    def none(username: str) -> Account | None:
        return None if username == SHOP else account_of(username)

    company.store.account = none  # type: ignore[method-assign]


def test_no_event_of_a_team_is_of_a_kind_that_older_code_does_not_know(company: Company) -> None:
    membership.invite(company.ports, SHOP, BOB, Role.SUPPORT, OWNER, now=company.now)
    found = [e for s in range(16) for e in company.store.undelivered(s, company.now, 50)]
    assert {e.kind for e in found if e.email == BOB} == {EventKind.CREDENTIALS_CHANGED}

"""The team in the console: members, roles, invitations, the second step (M-9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.team import rights
from billing.team.flows import membership, roster
from billing.team.flows.membership import Giver
from billing.team.flows.roster import Entry
from billing.team.members import HOLDER
from billing.team.rights import Role
from billing.web import http
from billing.web.inputs import Email, Input, filled_in, read
from billing.web.problems import errors_of
from billing.web.sessions import digest

HERE = "/console/team"
DONE = frozenset({"invited", "resent", "withdrawn", "changed", "removed", "codes"})


class RoleForm(Input):
    """A role, and whether somebody of support may refund."""

    role: Role
    refunds: Literal["true"] | None = None


class InviteForm(RoleForm):
    """An invitation by mail."""

    email: Email


class CodesForm(Input):
    """Whether the team asks everybody for a second factor."""

    needed: Literal["true", "false"]


def team_page(
    desk: Desk, *, typed: Mapping[str, str] | None = None, errors: dict[str, Invalid] | None = None
) -> http.Answer:
    """Lists members and open invitations, with the form of a new one."""
    done = desk.request.query().get("done")
    return page(
        desk,
        "console/team.html",
        status=422 if errors else 200,
        roster=roster.of(desk.ports, desk.merchant),
        me=desk.session.holder.member,
        roles=_roles(desk),
        form=typed or {},
        errors=errors or {},
        done=done if done in DONE else None,
    )


def invite(desk: Desk) -> http.Answer:
    """Invites somebody by mail; inviting the same address again replaces the invitation."""
    typed = desk.request.form()

    def act() -> None:
        given = read(InviteForm, filled_in(typed))
        membership.invite(
            desk.ports,
            desk.merchant,
            given.email,
            given.role,
            _giver(desk),
            refunds=given.refunds == "true",
            now=desk.now,
        )

    return _done(desk, act, "invited", lambda errors: team_page(desk, typed=typed, errors=errors))


def member_page(
    desk: Desk,
    member: str,
    *,
    errors: dict[str, Invalid] | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows a member, with the forms that change the role and remove them; `stale` where somebody
    changed the role since the form was shown."""
    found = _member(desk, member)
    return page(
        desk,
        "console/team_member.html",
        status=422 if errors else 409 if stale else 200,
        entry=found,
        roles=_roles(desk),
        errors=errors or {},
        stale=stale,
        seen=_seen(found),
    )


def _member(desk: Desk, member: str) -> Entry:
    entries = roster.of(desk.ports, desk.merchant).entries
    found = next((each for each in entries if each.id == member and member != HOLDER), None)
    if found is None:
        raise NotFound("member_unknown")
    return found


def _seen(entry: Entry) -> str:
    """Returns a mark of a member's role as a page showed it."""
    return digest(f"{entry.role} {entry.refunds}")[:16]


def change_role(desk: Desk, member: str) -> http.Answer:
    """Changes a member's role, unless somebody else did since the form was shown."""
    typed = filled_in(desk.request.form())
    if typed.pop("seen", "") != _seen(_member(desk, member)):
        return member_page(desk, member, stale=True)

    def act() -> None:
        given = read(RoleForm, typed)
        membership.change_role(
            desk.ports,
            desk.merchant,
            member,
            given.role,
            _giver(desk),
            refunds=given.refunds == "true",
            now=desk.now,
        )

    return _done(desk, act, "changed", lambda errors: member_page(desk, member, errors=errors))


def remove(desk: Desk, member: str) -> http.Answer:
    """Removes a member from the team."""

    def act() -> None:
        membership.remove(desk.ports, desk.merchant, member, _giver(desk), now=desk.now)

    return _done(desk, act, "removed", lambda errors: member_page(desk, member, errors=errors))


def resend(desk: Desk, invitation: str) -> http.Answer:
    """Sends an invitation again, with a new link."""

    def act() -> None:
        membership.resend(desk.ports, desk.merchant, invitation, _giver(desk), now=desk.now)

    return _done(desk, act, "resent", lambda errors: team_page(desk, errors=errors))


def withdraw(desk: Desk, invitation: str) -> http.Answer:
    """Withdraws an invitation."""

    def act() -> None:
        membership.withdraw(desk.ports, desk.merchant, invitation, _giver(desk))

    return _done(desk, act, "withdrawn", lambda errors: team_page(desk, errors=errors))


def require_codes(desk: Desk) -> http.Answer:
    """Requires a second factor of every member, or no longer."""

    def act() -> None:
        given = read(CodesForm, filled_in(desk.request.form()))
        needed = given.needed == "true"
        membership.require_codes(desk.ports, desk.merchant, needed, _giver(desk))

    return _done(desk, act, "codes", lambda errors: team_page(desk, errors=errors))


def _done(
    desk: Desk,
    act: Callable[[], None],
    what: str,
    again: Callable[[dict[str, Invalid]], http.Answer],
) -> http.Answer:
    """Does something and says so on the team's page; what is wrong stands on the form's page."""
    try:
        act()
    except Invalid as error:
        return again(errors_of(error))
    except Refused as error:
        return again({"": Invalid(error.reason, field="", **error.parameters)})
    return http.redirect(f"{HERE}?done={what}")


def _giver(desk: Desk) -> Giver:
    holder = desk.session.holder
    return Giver(holder.rights, holder.member)


def _roles(desk: Desk) -> list[str]:
    """Returns the roles that whoever is signed in can give."""
    return [each.value for each in rights.roles_within(desk.session.holder.rights)]

"""Invitations, roles and removals: each decides on the team as it is when it is written (M-9).

The whole team is one item, so a transaction that changes it was decided on every other member too:
two owners who remove each other at once leave one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from billing.kernel.customers import normalised_email
from billing.kernel.errors import Conflict, NotFound, Refused, TooMany
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert, Write
from billing.team import members, rights
from billing.team.flows import events, people
from billing.team.flows.dissolving import left_by
from billing.team.members import (
    HOLDER,
    INVITED_FOR,
    MOST_TEAMS,
    Invitation,
    Team,
    TeamMember,
    digest,
)
from billing.team.rights import Access, Area, Rights, Role

ATTEMPTS, INVITE = 8, "team_invite"
INVITE_WINDOW, INVITES_MOST = timedelta(hours=1), 60


class Giver(Value):
    """Whoever changes a team: `member` is their id in it, `HOLDER`, or empty for an API key.

    A member's rights are read afresh with each write; `rights` are those of a key or the holder.
    """

    rights: Rights
    member: str = ""

    def in_team(self, team: Team) -> Rights:
        """Returns their rights as the team is now; raises `Refused` for who has none there."""
        if self.member in {"", HOLDER}:
            return self.rights
        found = next((each for each in team.members if each.id == self.member), None)
        if found is None or (Area.TEAM, Access.WRITE) not in found.rights:
            raise Refused("role_beyond_own")
        return found.rights


class Offer(Value):
    """The offer behind an invitation's link."""

    merchant: str
    merchant_name: str
    team: Team
    invitation: Invitation


def invite(
    ports: Ports,
    merchant: str,
    email: str,
    role: Role,
    giver: Giver,
    *,
    refunds: bool = False,
    now: datetime,
) -> Invitation:
    """Invites somebody by mail, for 7 days; an open invitation to the same address is replaced.

    Raises `Refused` (role_beyond_own, member_already, too_many_members, too_many_invitations),
    `TooMany` for a merchant who mails more strangers than a team grows, and `NotFound` where there
    are no accounts.
    """
    if not ports.operation.platform:
        raise NotFound("accounts_off")
    if ports.ephemeral.hit(INVITE, merchant, window=INVITE_WINDOW, now=now) > INVITES_MOST:
        raise TooMany()
    address = normalised_email(email)
    holder = ports.store.account(merchant)
    if holder is not None and holder.email == address:
        raise Refused("member_already")
    invitation = Invitation(
        ports.new_id("invite"),
        address,
        role,
        now,
        now + INVITED_FOR,
        refunds and role is Role.SUPPORT,
        giver.member or None,
    )

    def decide(team: Team) -> Team:
        mine = giver.in_team(team)
        if not _is_first_owner(team, role, mine, has_holder=holder is not None):
            members.check_gives(mine, invitation.rights)
        return members.invited(team, invitation, now)

    asked = events.event(
        ports, events.INVITED, address, now, merchant=merchant, about=invitation.id
    )
    _change(ports, merchant, decide, lambda _: [Insert(asked)])
    return invitation


def _is_first_owner(team: Team, role: Role, mine: Rights, *, has_holder: bool) -> bool:
    """Tests whether a team that has no owner gets one from a key that may do everything else."""
    has_owner = has_holder or any(each.role is Role.OWNER for each in team.members)
    return role is Role.OWNER and not has_owner and rights.of_scopes(rights.OF_ALL) <= mine


def resend(
    ports: Ports, merchant: str, invitation: str, giver: Giver, *, now: datetime
) -> Invitation:
    """Invites the same person again for 7 days; the link that was mailed before is void."""
    was = (ports.store.team(merchant) or Team(merchant)).invitation(invitation)
    if was is None:
        raise NotFound("member_unknown")
    return invite(ports, merchant, was.email, was.role, giver, refunds=was.refunds, now=now)


def link(ports: Ports, merchant: str, invitation: str, *, now: datetime) -> str | None:
    """Returns the address that accepts an invitation, None once it is not open any more."""
    found = (ports.store.team(merchant) or Team(merchant)).invitation(invitation)
    if found is None or found.until <= now:
        return None
    token = ports.new_id("key")
    kept = f"{merchant}#{invitation}"
    ports.ephemeral.put(INVITE, digest(token), kept, expires_at=found.until, now=now)
    return f"{ports.operation.public_url}/console/join/{token}"


def offer(ports: Ports, token: str, *, now: datetime) -> Offer:
    """Returns what a link offers, without using it up; raises `Refused` (invitation_over)."""
    kept = ports.ephemeral.get(INVITE, digest(token), now=now) or ""
    merchant, _, named = kept.partition("#")
    found, team = ports.store.merchant_and_team(merchant or people.NOBODY)
    invitation = None if team is None else team.invitation(named)
    if found is None or team is None or invitation is None or invitation.until <= now:
        raise Refused("invitation_over")
    return Offer(found.id, found.name, team, invitation)


def accept(
    ports: Ports, token: str, *, password_hash: str | None = None, now: datetime
) -> tuple[str, members.Person]:
    """Makes whoever holds a link a member, once; returns the merchant's id and the person.

    A password is set for a person who is new. Raises `Refused` (invitation_over, too_many_teams).
    """
    for _ in range(ATTEMPTS):
        found = offer(ports, token, now=now)
        known = people.of_email(ports, found.invitation.email)
        person, writes = (known, []) if known else people.new(ports, found.invitation.email, now)
        if len(person.teams) >= MOST_TEAMS:
            raise Refused("too_many_teams", most=MOST_TEAMS)
        after = replace(person, teams=(*person.teams, found.merchant))
        if known is None:
            after = replace(after, password_hash=password_hash)
        invited = found.invitation
        member = TeamMember(
            ports.new_id("member"),
            person.id,
            invited.email,
            invited.role,
            now,
            invited.refunds,
            invited.invited_by,
        )
        team = members.joined(found.team, invited, member)
        made = [Change(person, after)] if known else [Insert(after), *writes[1:]]
        try:
            # A person who joins two teams at once, and a team that changed, are read again.
            ports.store.commit(Change(found.team, team), *made)
        except Conflict:
            continue
        return found.merchant, after
    raise Conflict()


def withdraw(ports: Ports, merchant: str, invitation: str, giver: Giver) -> None:
    """Withdraws an invitation; its link is void at once. Raises `NotFound`, `Refused`."""

    def decide(team: Team) -> Team:
        found = team.invitation(invitation)
        if found is None:
            raise NotFound("member_unknown")
        members.check_gives(giver.in_team(team), found.rights)
        return members.withdrawn(team, invitation)

    _change(ports, merchant, decide, lambda _: [])


def change_role(
    ports: Ports,
    merchant: str,
    member: str,
    role: Role,
    giver: Giver,
    *,
    refunds: bool = False,
    now: datetime,
) -> TeamMember:
    """Changes a member's role, from their next request on.

    Raises `NotFound`, and `Refused` (role_beyond_own, last_owner, holder_stays).
    """
    has_holder = _holder(ports, merchant, member)

    def decide(team: Team) -> Team:
        mine = giver.in_team(team)
        return members.changed(
            team, member, role, refunds=refunds, giver=mine, has_holder=has_holder
        )

    def told(team: Team) -> list[Write]:
        after = team.member(member)
        email = _address(ports, after)
        named = after.role.value
        asked = events.event(ports, events.ROLE, email, now, merchant=merchant, about=named)
        return [Insert(asked)]

    return _change(ports, merchant, decide, told).member(member)


def remove(ports: Ports, merchant: str, member: str, giver: Giver, *, now: datetime) -> None:
    """Removes a member; their sessions here end with their next request.

    Raises `NotFound`, and `Refused` (role_beyond_own, last_owner, holder_stays).
    """
    _remove(ports, merchant, member, giver.in_team, now)


def leave(ports: Ports, merchant: str, member: str, *, now: datetime) -> None:
    """Takes a member out of the team at their own wish, whatever their role.

    Raises `NotFound`, and `Refused` (last_owner, holder_stays).
    """
    _remove(ports, merchant, member, lambda team: team.member(member).rights, now)


def _remove(
    ports: Ports, merchant: str, member: str, rights_in: Callable[[Team], Rights], now: datetime
) -> None:
    has_holder = _holder(ports, merchant, member)
    gone: list[TeamMember] = []

    def decide(team: Team) -> Team:
        mine = rights_in(team)
        gone[:] = [team.member(member)]
        return members.removed(team, member, giver=mine, has_holder=has_holder)

    def told(_: Team) -> list[Write]:
        email = _address(ports, gone[0])
        asked = events.event(ports, events.REMOVED, email, now, merchant=merchant)
        return [Insert(asked), *left_by(ports, gone[0].person, merchant)]

    _change(ports, merchant, decide, told)


def require_codes(ports: Ports, merchant: str, needs_code: bool, giver: Giver) -> None:
    """Makes every member set up a second factor before anything else, or no longer."""

    def decide(team: Team) -> Team:
        giver.in_team(team)
        return replace(team, needs_code=needs_code)

    _change(ports, merchant, decide, lambda _: [])


def _holder(ports: Ports, merchant: str, member: str) -> bool:
    if member == HOLDER:
        raise Refused("holder_stays")
    return ports.store.account(merchant) is not None


def _address(ports: Ports, member: TeamMember) -> str:
    found = ports.store.person(member.person)
    return member.email if found is None else found.email


def _change(
    ports: Ports,
    merchant: str,
    decide: Callable[[Team], Team],
    more: Callable[[Team], list[Write]],
) -> Team:
    """Changes a team as it is now; decides anew where it was changed meanwhile."""
    for _ in range(ATTEMPTS):
        team = ports.store.team(merchant)
        before = team or Team(merchant)
        after = decide(before)
        write: Write = (
            Insert(after) if team is None else Change(before, after, expecting=("members",))
        )
        try:
            ports.store.commit(write, *more(after))
        except Conflict:
            continue
        return after
    raise Conflict()

"""Teams and the people in them: who belongs to a merchant, who is invited, how they sign in (M-9).

The holder of a merchant's account is its first owner without an item of their own: they are no
member here, and cannot be removed or lowered. To hand the account over, its email is changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from billing.kernel.customers import normalised_email
from billing.kernel.errors import NotFound, Refused
from billing.kernel.values import Value, replace, shown_without
from billing.kernel.writes import Entity
from billing.team import rights
from billing.team.rights import Area, Rights, Role

HOLDER = "holder"
"""The id under which the holder of a merchant's account stands in its team."""

MOST_MEMBERS = 100
MOST_INVITATIONS = 50
MOST_TEAMS = 20
"""The most teams that one person belongs to."""

MOST_SESSIONS = 20
INVITED_FOR = timedelta(days=7)


class TeamMember(Value):
    """A member of a team; `refunds` is granted to a member of support.

    `email` is where they were invited: the person's own may have changed since.
    """

    id: str
    person: str
    email: str
    role: Role
    since: datetime
    refunds: bool = False
    invited_by: str | None = None

    @property
    def rights(self) -> Rights:
        """Returns what the member may do."""
        return rights.of_role(self.role, refunds=self.refunds)


class Invitation(Value):
    """An invitation that nobody has accepted yet; good until `until`."""

    id: str
    email: str
    role: Role
    at: datetime
    until: datetime
    refunds: bool = False
    invited_by: str | None = None

    @property
    def rights(self) -> Rights:
        """Returns what whoever accepts may do."""
        return rights.of_role(self.role, refunds=self.refunds)


class Team(Entity):
    """The team of a merchant, in one item: a change of one role sees every other.

    `needs_code` makes every member set up a second factor.
    """

    merchant: str
    members: tuple[TeamMember, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    needs_code: bool = False

    def member(self, member: str) -> TeamMember:
        """Returns a member; raises `NotFound`."""
        found = next((each for each in self.members if each.id == member), None)
        if found is None:
            raise NotFound("member_unknown")
        return found

    def of_person(self, person: str) -> TeamMember | None:
        """Returns the member that a person is here."""
        return next((each for each in self.members if each.person == person), None)

    def invitation(self, invitation: str) -> Invitation | None:
        """Returns an invitation that is still open, expired or not."""
        return next((each for each in self.invitations if each.id == invitation), None)


class Factor(Value):
    """A person's second factor: codes by time (RFC 6238), and hashes of backup codes left.

    `last_step` is the newest step whose code was used, so that no code is good twice.
    """

    secret: str
    since: datetime
    last_step: int
    backup: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return shown_without(self, "secret", "backup")


class SignedIn(Value):
    """A session of a person: the hash of its token, since when, from where."""

    digest: str
    at: datetime
    ip: str
    agent: str = ""


class Person(Entity):
    """Somebody who signs in to a team: one email, any number of teams.

    `password_hash` is None for who signs in by mailed links, or with their account's password.
    Sessions from before `signed_out_at` have ended.
    """

    id: str
    email: str
    created_at: datetime
    password_hash: str | None = None
    teams: tuple[str, ...] = ()
    factor: Factor | None = None
    last_sign_in_at: datetime | None = None
    sessions: tuple[SignedIn, ...] = ()
    signed_out_at: datetime | None = None

    def __repr__(self) -> str:
        return shown_without(self, "password_hash")


class PersonEmail(Entity):
    """Maps the hash of an email to the person who signs in with it."""

    email_hash: str
    person: str


def email_hash(email: str) -> str:
    """Returns the hash that stands for a person's email in a key."""
    return sha256(f"person\n{normalised_email(email)}".encode()).hexdigest()[:32]


def check_gives(giver: Rights, given: Rights) -> None:
    """Raises `Refused` where somebody would give more than they hold (M-9)."""
    own = {right for right in given if right[0] is Area.OWN}
    if not given - own <= giver:
        raise Refused("role_beyond_own")


def invited(team: Team, invitation: Invitation, now: datetime) -> Team:
    """Returns the team with an invitation, in place of one to the same address.

    Raises `Refused` (member_already, too_many_invitations, too_many_members).
    """
    address = normalised_email(invitation.email)
    if any(normalised_email(each.email) == address for each in team.members):
        raise Refused("member_already")
    others = tuple(
        each
        for each in team.invitations
        if normalised_email(each.email) != address and each.until > now
    )
    if len(others) >= MOST_INVITATIONS:
        raise Refused("too_many_invitations", most=MOST_INVITATIONS)
    if len(team.members) >= MOST_MEMBERS:
        raise Refused("too_many_members", most=MOST_MEMBERS)
    return replace(team, invitations=(*others, invitation))


def withdrawn(team: Team, invitation: str) -> Team:
    """Returns the team without an invitation."""
    left = tuple(each for each in team.invitations if each.id != invitation)
    return replace(team, invitations=left)


def joined(team: Team, invitation: Invitation, member: TeamMember) -> Team:
    """Returns the team with an invitation accepted; raises `Refused` (member_already,
    too_many_members)."""
    if team.of_person(member.person) is not None:
        raise Refused("member_already")
    if len(team.members) >= MOST_MEMBERS:
        raise Refused("too_many_members", most=MOST_MEMBERS)
    return replace(withdrawn(team, invitation.id), members=(*team.members, member))


def changed(
    team: Team, member: str, role: Role, *, refunds: bool, giver: Rights, has_holder: bool
) -> Team:
    """Returns the team with another role of a member, and without what they invited to that gives
    more than they hold now.

    Raises `NotFound`, and `Refused` (role_beyond_own, last_owner).
    """
    was = team.member(member)
    refunds = refunds and role is Role.SUPPORT
    check_gives(giver, was.rights)
    check_gives(giver, rights.of_role(role, refunds=refunds))
    now = replace(was, role=role, refunds=refunds)
    left = tuple(now if each.id == member else each for each in team.members)
    open_still = tuple(
        each for each in team.invitations if each.invited_by != member or each.rights <= now.rights
    )
    return replace(_with_an_owner(team, left, has_holder), invitations=open_still)


def removed(team: Team, member: str, *, giver: Rights, has_holder: bool) -> Team:
    """Returns the team without a member, and without what they invited to.

    Raises `NotFound`, and `Refused` (role_beyond_own, last_owner).
    """
    check_gives(giver, team.member(member).rights)
    left = tuple(each for each in team.members if each.id != member)
    open_still = tuple(each for each in team.invitations if each.invited_by != member)
    return replace(_with_an_owner(team, left, has_holder), invitations=open_still)


def _with_an_owner(team: Team, left: tuple[TeamMember, ...], has_holder: bool) -> Team:
    """Refuses to leave a team that had an owner without one."""
    had, has = (
        has_holder or any(each.role is Role.OWNER for each in members)
        for members in (team.members, left)
    )
    if had and not has:
        raise Refused("last_owner")
    return replace(team, members=left)


def digest(token: str) -> str:
    """Hashes a token for storage; it is random, so one round of SHA-256 does."""
    return sha256(token.encode()).hexdigest()

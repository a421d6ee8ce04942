"""A team and its audit trail as /v1 takes and shows them."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import StrictBool
from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf
from billing.api.web.json_shapes import instant
from billing.api.web.queries import SpanQuery
from billing.kernel.audit import AuditRecord
from billing.team.flows.roster import Entry, Roster
from billing.team.members import Invitation
from billing.team.rights import Area, Role
from billing.web.inputs import Email, Input, words


class RoleInput(Input):
    """A role; `refunds` lets a member of support refund."""

    role: Role
    refunds: StrictBool = False


class InviteInput(RoleInput):
    """An invitation by mail."""

    email: Email


class AuditQuery(SpanQuery):
    """Filters of the audit trail; a bare date is a local day, that of `to` included.

    `person` is an email, or the id of a member or of a key.
    """

    person: Annotated[str, words(254)] | None = None
    area: Area | None = None


class TeamMemberOutput(TypedDict):
    """A member of your team, or an invitation; the holder of the account has the id `holder`."""

    id: str
    email: str
    role: Annotated[str, OneOf(Role)]
    refunds: bool
    invited: bool
    since: Instant | None
    expires_at: NotRequired[Instant]
    last_sign_in_at: NotRequired[Instant | None]
    second_factor: NotRequired[bool]


class AuditOutput(TypedDict):
    """One change that was asked for, by whom and from where."""

    at: Instant
    actor: str
    member: str | None
    email: str | None
    role: str | None
    key: str | None
    action: str
    request: str
    ip: str | None


def roster(found: Roster) -> list[TeamMemberOutput]:
    """Shows a team: members first, then invitations."""
    return [*map(member, found.entries), *map(invitation, found.invitations)]


def member(entry: Entry) -> TeamMemberOutput:
    """Shows a member."""
    return {
        "id": entry.id,
        "email": entry.email,
        "role": entry.role.value,
        "refunds": entry.refunds,
        "invited": False,
        "since": instant(entry.since),
        "last_sign_in_at": instant(entry.last_sign_in_at),
        "second_factor": entry.with_factor,
    }


def invitation(invited: Invitation) -> TeamMemberOutput:
    """Shows an invitation."""
    return {
        "id": invited.id,
        "email": invited.email,
        "role": invited.role.value,
        "refunds": invited.refunds,
        "invited": True,
        "since": instant(invited.at),
        "expires_at": instant(invited.until),
    }


def audit(record: AuditRecord) -> AuditOutput:
    """Shows an entry of the audit trail."""
    by = record.by
    is_key = record.actor.startswith("key:")
    return {
        "at": instant(record.at),
        "actor": record.actor,
        "member": by.member,
        "email": by.email,
        "role": by.role,
        "key": record.actor.removeprefix("key:") if is_key else by.key,
        "action": record.action,
        "request": record.request,
        "ip": record.ip,
    }

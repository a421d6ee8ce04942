"""The routes of a merchant's team and audit trail in /v1 (M-8, M-9)."""

from __future__ import annotations

from billing.accounts.web import team_shapes
from billing.accounts.web.team_shapes import AuditQuery, InviteInput, RoleInput
from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Csv
from billing.api.web.json_shapes import Listed
from billing.kernel.errors import NotFound
from billing.kernel.merchants import ApiKey
from billing.kernel.ports import Ports
from billing.team import csv_trail, rights
from billing.team.flows import membership, roster, trail
from billing.team.flows.membership import Giver
from billing.team.flows.trail import TrailFilter
from billing.web.inputs import Nothing

MOST_IN_FILE = 1000


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of the team and of the audit trail."""
    _team(api, ports)
    _audit(api, ports)


def _team(api: Api, ports: Ports) -> None:
    @api.get("/v1/team")
    def list_team(call: Call[Nothing]) -> Listed[team_shapes.TeamMemberOutput]:
        """List the members of your team, and invitations that nobody has accepted yet."""
        found = roster.of(ports, call.merchant.id)
        return json_shapes.listed(team_shapes.roster(found), None)

    @api.post("/v1/team", InviteInput)
    def invite_member(call: Call[InviteInput]) -> team_shapes.TeamMemberOutput:
        """Invite somebody to your team by mail.

        The link works once, within 7 days. A key gives no role that may do more than it may itself;
        an owner is invited in the console, or by a key while there is none.
        """
        given = call.input
        invited = membership.invite(
            ports,
            call.merchant.id,
            given.email,
            given.role,
            _giver(call.key),
            refunds=given.refunds,
            now=call.now,
        )
        return team_shapes.invitation(invited)

    @api.patch("/v1/team/<member>", RoleInput)
    def change_member(call: Call[RoleInput], member: str) -> team_shapes.TeamMemberOutput:
        """Change the role of a member, from their next request on."""
        given = call.input
        membership.change_role(
            ports,
            call.merchant.id,
            member,
            given.role,
            _giver(call.key),
            refunds=given.refunds,
            now=call.now,
        )
        entries = roster.of(ports, call.merchant.id).entries
        found = next((each for each in entries if each.id == member), None)
        if found is None:
            raise NotFound("member_unknown")
        return team_shapes.member(found)

    @api.delete("/v1/team/<member>", status=204)
    def remove_member(call: Call[Nothing], member: str) -> None:
        """Remove a member from your team, or withdraw an invitation; both count at once."""
        team = ports.store.team(call.merchant.id)
        if team is not None and team.invitation(member) is not None:
            membership.withdraw(ports, call.merchant.id, member, _giver(call.key))
        else:
            membership.remove(ports, call.merchant.id, member, _giver(call.key), now=call.now)


def _audit(api: Api, ports: Ports) -> None:
    @api.get("/v1/audit", AuditQuery)
    def list_audit(call: Call[AuditQuery]) -> Listed[team_shapes.AuditOutput]:
        """List who changed what, newest first.

        Filters look at 200 entries at a time: a page may be short, or empty, and `next` goes on.
        """
        query = call.input
        page = trail.page(
            ports,
            call.merchant,
            _filter(call),
            limit=query.limit,
            cursor=query.cursor,
            now=call.now,
        )
        return json_shapes.listed(map(team_shapes.audit, page.data), page.next)

    @api.get("/v1/audit.csv", AuditQuery)
    def download_audit(call: Call[AuditQuery]) -> Csv:
        """Download who changed what as CSV, the newest thousand of a span."""
        page = trail.newest(
            ports,
            call.merchant,
            _filter(call),
            most=MOST_IN_FILE,
            cursor=call.input.cursor,
            now=call.now,
        )
        return Csv(csv_trail.written(page.data), "audit.csv")


def _filter(call: Call[AuditQuery]) -> TrailFilter:
    query = call.input
    return TrailFilter(query.since(call.zone), query.until(call.zone), query.person, query.area)


def _giver(key: ApiKey) -> Giver:
    return Giver(rights.of_scopes(key.scopes))

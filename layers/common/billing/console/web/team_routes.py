"""The routes of the team, of one's own sign-in, and of the audit trail."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import audit_trail, team, you
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""
    _team(app, looks, sends)
    _you(app, looks, sends)

    @app.get("/console/audit")
    def audit_page() -> http.Answer:
        return audit_trail.trail_page(looks())

    @app.get("/console/audit.csv")
    def audit_csv() -> http.Answer:
        return audit_trail.trail_csv(looks())


def _team(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/team")
    def team_page() -> http.Answer:
        return team.team_page(looks())

    @app.post("/console/team")
    def invite() -> http.Answer:
        return team.invite(sends())

    @app.post("/console/team/codes")
    def require_codes() -> http.Answer:
        return team.require_codes(sends())

    @app.get("/console/team/<member>")
    def member_page(member: str) -> http.Answer:
        return team.member_page(looks(), plain_id(member))

    @app.post("/console/team/<member>/role")
    def change_role(member: str) -> http.Answer:
        return team.change_role(sends(), plain_id(member))

    @app.post("/console/team/<member>/remove")
    def remove(member: str) -> http.Answer:
        return team.remove(sends(), plain_id(member))

    @app.post("/console/team/invitations/<invitation>/resend")
    def resend(invitation: str) -> http.Answer:
        return team.resend(sends(), plain_id(invitation))

    @app.post("/console/team/invitations/<invitation>/withdraw")
    def withdraw(invitation: str) -> http.Answer:
        return team.withdraw(sends(), plain_id(invitation))


def _you(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/you")
    def your_page() -> http.Answer:
        return you.your_page(looks())

    @app.get("/console/you/teams")
    def team_list() -> http.Answer:
        return you.team_list(looks())

    @app.post("/console/you/teams/<merchant>")
    def switch(merchant: str) -> http.Answer:
        return you.switch(sends(), plain_id(merchant))

    @app.get("/console/you/factor")
    def factor_page() -> http.Answer:
        return you.factor_page(looks())

    @app.post("/console/you/factor")
    def turn_factor_on() -> http.Answer:
        return you.turn_on(sends())

    @app.post("/console/you/factor/off")
    def turn_factor_off() -> http.Answer:
        return you.turn_off(sends())

    @app.get("/console/you/leave")
    def leave_page() -> http.Answer:
        return you.leave_page(looks())

    @app.post("/console/you/leave")
    def leave() -> http.Answer:
        return you.leave(sends())

    @app.post("/console/you/sessions/end")
    def end_sessions() -> http.Answer:
        return you.end_sessions(sends())

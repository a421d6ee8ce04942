"""The password asked for again, before somebody is given what outlives their session."""

from __future__ import annotations

from billing.accounts.flows import account
from billing.console.web.pages import Desk
from billing.kernel.errors import Invalid


def check_password(desk: Desk, password: str) -> None:
    """Raises `Invalid` for a wrong password, where the session began with one."""
    if not desk.session.by_password:
        return
    found = desk.ports.store.account(desk.merchant)
    ip, now = desk.request.ip, desk.now
    if found is None or not account.is_password_of(desk.ports, found, password, ip=ip, now=now):
        raise Invalid("wrong_password", field="password")

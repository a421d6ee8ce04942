"""The forms that take a gateway account's keys: its first ones, and those that replace them.

No secret is shown again, not in the form either when something is wrong with it: whoever looks over
a shoulder, at a screen that is shared or at the browser's history sees none (W-1, W-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from billing.accounts.flows import gateway_keys
from billing.console.web.gateways import HERE, back_of, events_to
from billing.console.web.pages import Desk, page
from billing.console.web.passwords import check_password
from billing.kernel.audit import AuditRecord
from billing.kernel.errors import (
    BillingError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unavailable,
)
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount
from billing.web import gateway_forms, http
from billing.web.gateway_forms import KeyForm
from billing.web.inputs import Input, Key, read
from billing.web.problems import errors_of, status_of

PASSWORD_MOST = 320
MODES = {"live": False, "test": True}


class Attempt(Input):
    """The attempt of a form, drawn with its page."""

    attempt: Key


def new_page(desk: Desk, gateway: str, mode: str) -> http.Answer:
    """Shows the form of an account's first keys."""
    form = _form(gateway, mode)
    return _page(desk, form, mode, typed={}, activate=_may_take_over(desk, gateway, mode))


def connect(desk: Desk, gateway: str, mode: str) -> http.Answer:
    """Tries an account's keys, stores them, and adds the account."""
    return _take(desk, _form(gateway, mode), mode, None)


def keys_page(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Shows the form of keys in place of those that are stored."""
    held = gateway_keys.one(desk.session.merchant, gateway, account)
    mode = _mode(held)
    form = _form(gateway, mode)
    kept = desk.ports.key_store.read(AccountRef(desk.merchant, gateway, held.id)) or {}
    return _page(desk, form, mode, typed=gateway_forms.shown(form, kept), present=held)


def replace_keys(desk: Desk, gateway: str, account: str) -> http.Answer:
    """Tries keys of an account that is there already, and stores them instead."""
    held = gateway_keys.one(desk.session.merchant, gateway, account)
    mode = _mode(held)
    return _take(desk, _form(gateway, mode), mode, held)


def _take(desk: Desk, form: KeyForm, mode: str, present: GatewayAccount | None) -> http.Answer:
    typed = desk.request.form()
    activate = typed.get("activate") == "true" and present is None
    try:
        check_password(desk, typed.get("password", "")[:PASSWORD_MOST])
        given = gateway_keys.Given(
            form.gateway,
            MODES[mode],
            gateway_forms.given(form, typed),
            events_to(desk, form.gateway),
            read(Attempt, {"attempt": typed.get("attempt", "")}).attempt,
            activate=activate,
            present=None if present is None else present.id,
        )
        made = gateway_keys.connect(desk.ports, desk.session.merchant, given, now=desk.now)
    except Invalid as error:
        return _again(desk, form, mode, typed, errors_of(error), 422, present, activate)
    except (Refused, TooMany, Conflict, Unavailable) as error:
        wrong = {"": _of_form(error, form.company)}
        status = int(status_of(error))
        return _again(desk, form, mode, typed, wrong, status, present, activate)
    _note(desk, form.gateway, made.account)
    done = "untidy" if not made.tidied else "connected" if made.is_new else "replaced"
    back = back_of(desk, typed.get("back", ""))
    way = f"&back={back}" if back else ""
    return http.redirect(f"{HERE}/{form.gateway}/{made.account}?done={done}{way}")


def _note(desk: Desk, gateway: str, account: str) -> None:
    """Records whose keys were stored: the request's own record was written before that was
    known, and the keys are stored whether or not this one can be."""
    request, by = desk.request, desk.session.holder.named
    action, named = f"stored keys of {gateway} {account}", f"{request.id}:keys"
    with suppress(Unavailable):
        desk.ports.audit.put(
            AuditRecord(desk.merchant, desk.now, "console", action, named, request.ip, by)
        )


def _of_form(error: BillingError, company: str) -> Invalid:
    """Words what concerns no field; what the gateway itself says of a failure stays in the log."""
    if isinstance(error, Unavailable):
        if error.code == "no_keys":
            return Invalid("keys_not_stored", field="")
        return Invalid("gateway_silent", field="", company=company)
    return Invalid(error.reason, field="", **error.parameters)


def _again(
    desk: Desk,
    form: KeyForm,
    mode: str,
    typed: Mapping[str, str],
    errors: Mapping[str, Invalid],
    status: int,
    present: GatewayAccount | None,
    activate: bool,
) -> http.Answer:
    shown = {n: v[: gateway_forms.LONGEST] for n, v in gateway_forms.shown(form, typed).items()}
    return _page(
        desk,
        form,
        mode,
        typed=shown,
        errors=errors,
        status=status,
        present=present,
        activate=activate,
        back=back_of(desk, typed.get("back", "")),
    )


def _page(
    desk: Desk,
    form: KeyForm,
    mode: str,
    *,
    typed: Mapping[str, str],
    errors: Mapping[str, Invalid] | None = None,
    status: int = 200,
    **values: Any,
) -> http.Answer:
    shown = {"present": None, "activate": False, "back": back_of(desk), **values}
    return page(
        desk,
        "console/gateway_keys.html",
        status=status,
        form=form,
        mode=mode,
        typed=typed,
        errors=errors or {},
        attempt=desk.ports.new_id("attempt"),
        events_to=events_to(desk, form.gateway),
        **shown,
    )


def _form(gateway: str, mode: str) -> KeyForm:
    if mode not in MODES:
        raise NotFound()
    return gateway_forms.of(gateway, test=MODES[mode])


def _mode(account: GatewayAccount) -> str:
    return "test" if AccountRef("", account.gateway, account.id).is_test else "live"


def _may_take_over(desk: Desk, gateway: str, mode: str) -> bool:
    """Tells whether new purchases should go to a new account: not from live to test by itself."""
    held = desk.session.merchant.gateway_accounts
    active = [each for each in held if each.gateway == gateway and each.active]
    return not active or (mode == "live" and _mode(active[0]) == "test")

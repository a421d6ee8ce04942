"""The settings of a merchant in the console, by the input and the flow of /v1 (M-2, B-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.accounts.flows import settings
from billing.accounts.web.merchant_inputs import SettingsChangeInput
from billing.cancel.regions import lookup
from billing.console.web.pages import Desk, page
from billing.console.web.product_forms import number
from billing.kernel import domains
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.merchants import (
    VISITORS_OWN,
    CreditAtEnd,
    Merchant,
    PortalKind,
    SelfService,
    Undecided,
)
from billing.kernel.money import Currency, Money
from billing.kernel.retries import FinalAction
from billing.render.messages import LANGUAGES
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import Misshapen, errors_of
from billing.web.sessions import digest

Errors = Mapping[str, Invalid]
HERE = "/console/settings"
TYPED_MOST = 3000

WORDS = (
    *("time_zone", "currency", "language", "self_cancel", "self_refund", "undecided"),
    *("credit_at_end", "confirmation_template"),
)
"""Fields that are sent on as they were typed."""

DAYS = ("catch_up_days", "reminder_days", "notice_days")
SWITCHES = ("revoke_on_dispute", "self_freeze", "self_pause", "self_coupon", "self_change_plan")
RETRIES = ("every_days", "attempts", "final_action")
NESTED = {
    **{f"retry_schedule.{name}": name for name in RETRIES},
    "departments.cancel": "cancel_department",
    "departments.refund": "refund_department",
    "accounts.retention_days": "retention_days",
    "accounts.frozen_stops": "frozen_stops",
}
"""The form's fields, by the paths of /v1."""

CHOICES: Mapping[str, Any] = {
    "currencies": tuple(Currency),
    "languages": (VISITORS_OWN, *sorted(LANGUAGES)),
    "portals": tuple(PortalKind),
    "modes": tuple(SelfService),
    "undecided": tuple(Undecided),
    "credits": tuple(CreditAtEnd),
    "finals": tuple(FinalAction),
}


def settings_page(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the settings; `stale` where somebody changed them since the form was shown."""
    merchant = desk.session.merchant
    public_url = desk.ports.operation.public_url
    return page(
        desk,
        "console/settings.html",
        status=422 if errors else 409 if stale else 200,
        form=typed_settings(merchant) if typed is None else typed,
        errors=errors or {},
        stale=stale,
        seen=seen(merchant),
        departments=merchant.settings.departments.all,
        law_states=", ".join(lookup.overriding_states()),
        portal_url=domains.portal(public_url, merchant),
        helpdesk_url=domains.helpdesk(public_url, merchant),
        done=desk.request.query().get("done") == "changed" and typed is None,
        retries=retry_days(merchant),
        is_platform=_is_platform(desk),
        choices=CHOICES,
    )


def change(desk: Desk) -> http.Answer:
    """Changes the settings as the form says, unless somebody else did meanwhile."""
    form, merchant = desk.request.form(), desk.session.merchant
    typed = {n: v.strip()[:TYPED_MOST] for n, v in form.items() if n not in ("csrf", "seen")}
    if form.get("seen") != seen(merchant):
        return settings_page(desk, typed=typed, stale=True)
    try:
        document, wrong = document_of(typed, merchant.settings.currency)
        if _is_platform(desk):
            document["accounts"] = accounts_of(typed)
        wanted = _read(document, wrong)
        settings.change(desk.ports, merchant, wanted)
    except Invalid as error:
        return settings_page(desk, typed=typed, errors=errors_of(error))
    except Refused as error:
        named = "currency" if error.reason == "currency_in_use" else ""
        refused = {named: Invalid(error.reason, field=named, **error.parameters)}
        return settings_page(desk, typed=typed, errors=refused)
    except Conflict:
        return settings_page(desk, typed=typed, stale=True)
    return http.redirect(f"{HERE}?done=changed")


def document_of(
    typed: Mapping[str, str], currency: Currency
) -> tuple[dict[str, Any], list[Invalid]]:
    """Returns a form as /v1 takes a change, and the amounts in it that cannot be read."""
    wrong: list[Invalid] = []
    document: dict[str, Any] = {name: typed.get(name, "") for name in WORDS}
    document |= {name: number(typed.get(name, "")) for name in DAYS}
    document |= {name: typed.get(name) == "true" for name in SWITCHES}
    document["portal"] = typed.get("portal") or None
    document["custom_domain"] = typed.get("custom_domain") or None
    document["return_urls"] = typed.get("return_urls", "").split()
    document["grace_days"] = number(typed["grace_days"]) if typed.get("grace_days") else None
    document["retry_schedule"] = {
        "every_days": number(typed.get("every_days", "")),
        "attempts": number(typed.get("attempts", "")),
        "final_action": typed.get("final_action", ""),
    }
    document["departments"] = {
        "cancel": typed.get("cancel_department", ""),
        "refund": typed.get("refund_department", ""),
    }
    document["freeze_price"] = None
    if typed.get("freeze_price"):
        try:
            price = Money.typed(typed["freeze_price"], currency, field="freeze_price")
            document["freeze_price"] = price.amount_minor
        except Invalid as error:
            wrong.append(error)
    return document, wrong


def accounts_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """Returns the rules for accounts that end, which only the platform has (A-3, A-6)."""
    return {
        "retention_days": number(typed.get("retention_days", "")),
        "frozen_stops": typed.get("frozen_stops") == "true",
    }


def retry_days(merchant: Merchant) -> tuple[int, ...]:
    """Returns the days on which a declined charge is tried, counted from its due day (R-4)."""
    given = merchant.settings.retry_schedule
    return tuple(number * given.every_days for number in range(given.attempts))


def _is_platform(desk: Desk) -> bool:
    return desk.merchant == desk.ports.operation.platform


def typed_settings(merchant: Merchant) -> dict[str, str]:
    """Returns the form of the settings, as somebody would have typed it."""
    given = merchant.settings
    form: dict[str, Any] = {
        **{name: getattr(given, name) for name in (*WORDS, *DAYS)},
        **{name: getattr(given.retry_schedule, name) for name in RETRIES},
        **{name: "true" if getattr(given, name) else "" for name in SWITCHES},
        "portal": given.portal or "",
        "custom_domain": given.custom_domain or "",
        "return_urls": "\n".join(given.return_urls),
        "grace_days": "" if given.grace_days is None else given.grace_days,
        "cancel_department": given.departments.cancel,
        "refund_department": given.departments.refund,
        "retention_days": given.accounts.retention_days,
        "frozen_stops": "true" if given.accounts.frozen_stops else "",
        "freeze_price": "",
    }
    if given.freeze_price_minor is not None:
        form["freeze_price"] = Money(given.freeze_price_minor, given.currency).decimal
    return {name: str(value) for name, value in form.items() if value != ""}


def seen(merchant: Merchant) -> str:
    """Returns a mark of the settings as a page showed them; after any change it is another."""
    return digest(repr(merchant.settings))[:16]


def _field(path: str) -> str:
    """Returns the form's field of a path of /v1; the entries of a list are typed in one."""
    return NESTED.get(path, path.partition("[")[0])


def _read(document: Mapping[str, Any], wrong: list[Invalid]) -> dict[str, Any]:
    """Returns the changes; raises `Misshapen` by the form's fields, all that are wrong."""
    try:
        given = read(SettingsChangeInput, document).given()
    except Invalid as error:
        found = errors_of(error).items()
        raise Misshapen([*wrong, *(e.at(_field(name)) for name, e in found)]) from None
    if wrong:
        raise Misshapen(wrong)
    return given

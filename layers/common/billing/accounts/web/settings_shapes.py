"""A merchant's settings as /v1 shows them."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.accounts.web import identity_inputs
from billing.accounts.web.identity_inputs import IdentityOutput
from billing.api.web.described import OneOf
from billing.kernel.departments import Department
from billing.kernel.merchants import CreditAtEnd, Merchant, PortalKind, SelfService, Undecided
from billing.kernel.money import Currency
from billing.kernel.retries import FinalAction


class DepartmentOutput(TypedDict):
    """A department of the helpdesk: its purpose, its questions, and where its mail goes (H-1)."""

    id: str
    name: str
    scope: str
    asks: list[str]
    email: str | None


class DepartmentsOutput(TypedDict):
    """The departments, and the one that takes each kind of request from the portal."""

    cancel: str
    refund: str
    all: list[DepartmentOutput]


class RetryScheduleOutput(TypedDict):
    """Dunning: attempts in all, days between them, and what happens at the end (R-4)."""

    every_days: int
    attempts: int
    final_action: Annotated[str, OneOf(FinalAction)]


class AccountPolicyOutput(TypedDict):
    """The treatment of accounts that end, where you are the platform (A-3, A-6)."""

    retention_days: int
    frozen_stops: bool


class SettingsOutput(TypedDict):
    """A merchant's settings; `portal` is null while it is off. `freeze_price` is in minor units per
    month, null where nothing can be frozen. `custom_domain` is in use once the operator has
    confirmed it. `return_urls` are the addresses of your site that buyers may be shown after a
    purchase; the first one, unless a checkout asks for another."""

    time_zone: str
    currency: Annotated[str, OneOf(Currency)]
    language: str
    portal: Annotated[str, OneOf(PortalKind)] | None
    self_cancel: Annotated[str, OneOf(SelfService)]
    self_refund: Annotated[str, OneOf(SelfService)]
    departments: DepartmentsOutput
    retry_schedule: RetryScheduleOutput
    grace_days: int | None
    catch_up_days: int
    revoke_on_dispute: bool
    reminder_days: int
    notice_days: int
    undecided: Annotated[str, OneOf(Undecided)]
    confirmation_template: str
    freeze_price: int | None
    self_freeze: bool
    self_pause: bool
    self_coupon: bool
    self_change_plan: bool
    accounts: AccountPolicyOutput
    custom_domain: str | None
    custom_domain_active: bool
    credit_at_end: Annotated[str, OneOf(CreditAtEnd)]
    return_urls: list[str]
    identity: IdentityOutput


def settings(merchant: Merchant) -> SettingsOutput:
    given = merchant.settings
    return {
        "time_zone": given.time_zone,
        "currency": given.currency.value,
        "language": given.language,
        "portal": given.portal and given.portal.value,
        "self_cancel": given.self_cancel.value,
        "self_refund": given.self_refund.value,
        "departments": {
            "cancel": given.departments.cancel,
            "refund": given.departments.refund,
            "all": [_department(each) for each in given.departments.all],
        },
        "retry_schedule": {
            "every_days": given.retry_schedule.every_days,
            "attempts": given.retry_schedule.attempts,
            "final_action": given.retry_schedule.final_action.value,
        },
        "grace_days": given.grace_days,
        "catch_up_days": given.catch_up_days,
        "revoke_on_dispute": given.revoke_on_dispute,
        "reminder_days": given.reminder_days,
        "notice_days": given.notice_days,
        "undecided": given.undecided.value,
        "confirmation_template": given.confirmation_template,
        "freeze_price": given.freeze_price_minor,
        "self_freeze": given.self_freeze,
        "self_pause": given.self_pause,
        "self_coupon": given.self_coupon,
        "self_change_plan": given.self_change_plan,
        "accounts": {
            "retention_days": given.accounts.retention_days,
            "frozen_stops": given.accounts.frozen_stops,
        },
        "custom_domain": given.custom_domain,
        "custom_domain_active": given.custom_domain is not None
        and given.custom_domain == merchant.domain,
        "credit_at_end": given.credit_at_end.value,
        "return_urls": list(given.return_urls),
        "identity": identity_inputs.identity(merchant),
    }


def _department(department: Department) -> DepartmentOutput:
    return {
        "id": department.id,
        "name": department.name,
        "scope": department.scope,
        "asks": [ask.value for ask in department.asks],
        "email": department.email,
    }

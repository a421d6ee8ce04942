"""Pausing and resuming in the portal: dates and amounts are shown first, then it is done (X-11)."""

from __future__ import annotations

from datetime import datetime

from billing.cancel import pausing
from billing.cancel.flows import pause
from billing.customers import purchases
from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.errors import Invalid, Refused
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, State, Subscription
from billing.tax.flows import upcoming
from billing.web import http


def form(visit: Visit, subscription: str) -> http.Answer:
    """Shows until when a subscription can be paused, and until when access lasts."""
    return _form(visit, _offered(visit, subscription))


def pause_subscription(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Pauses until the day that was chosen; sent twice it is done once."""
    found = _offered(visit, subscription)
    until = _instant(visit.request.form().get("until", ""))
    if until is None:
        return _form(visit, found, {"until": Invalid("required", field="until")})
    try:
        pause.pause(ports, found, now=visit.now, until=until, by=Source.CUSTOMER)
    except Invalid as wrong:
        return _form(visit, found, {"until": wrong})
    return done(visit, "paused")


def resume_form(ports: Ports, visit: Visit, subscription: str, *, status: int = 200) -> http.Answer:
    """Shows what resuming charges, and when."""
    _, found = visit.account.purchase(subscription)
    if not purchases.may_resume(found):
        return http.redirect(visit.base)
    after = pausing.resume(found, visit.now)
    at = max(after.next_charge_at or visit.now, visit.now)
    return show(
        visit,
        "resume",
        status=status,
        subscription=found,
        at=at,
        amount=upcoming.next_charge(ports, visit.merchant, after, now=visit.now),
        at_once=at <= visit.now,
        # What was held before the pause is charged at once too, and moves nothing.
        moves=after.anchor != found.anchor,
    )


def resume_subscription(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Resumes; a subscription that runs again already is left alone.

    A charge at once is shown first to who was shown a later one.
    """
    _, found = visit.account.purchase(subscription)
    if found.state is State.PAUSED and not purchases.may_resume(found):
        raise Refused("pause_off")
    if _charges_at_once(found, visit.now) and "at_once" not in visit.request.form():
        return resume_form(ports, visit, subscription, status=409)
    pause.resume(ports, found, now=visit.now)
    return done(visit, "resumed")


def _charges_at_once(found: Subscription, now: datetime) -> bool:
    if found.state is not State.PAUSED:
        return False
    at = pausing.resume(found, now).next_charge_at
    return at is None or at <= now


def _form(
    visit: Visit, found: Subscription, errors: dict[str, Invalid] | None = None
) -> http.Answer:
    ends = pausing.ends(found, visit.now)
    status = 422 if errors else 200
    return show(visit, "pause", status=status, subscription=found, ends=ends, errors=errors or {})


def _offered(visit: Visit, subscription: str) -> Subscription:
    _, found = visit.account.purchase(subscription)
    if not visit.merchant.settings.self_pause:
        raise Refused("pause_off")
    return found


def _instant(typed: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(typed[:40])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None

"""Freezing in the portal, where its merchant lets customers do it: shown first, then done (A-5)."""

from __future__ import annotations

from urllib.parse import urljoin

from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.errors import Refused
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.plans.flows import freeze
from billing.plans.flows.change_plan import Result
from billing.render import wording
from billing.web import http


def form(visit: Visit, subscription: str) -> http.Answer:
    """Shows what freezing does and costs, and from when."""
    found = _offered(visit, subscription)
    price = visit.merchant.settings.freeze_price_minor
    assert price is not None, "refused without one"
    if found.freezes_at is not None or found.is_frozen:
        return http.redirect(visit.base)
    amount = Money(price, found.terms.price.currency)
    return show(visit, "freeze", subscription=found, amount=amount)


def freeze_subscription(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Freezes from the next period on; sent twice it is done once."""
    found = _offered(visit, subscription)
    freeze.freeze(ports, visit.merchant, found, now=visit.now)
    return done(visit, "frozen")


def unfreeze_form(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Shows what unfreezing charges now, and next."""
    _, found = visit.account.purchase(subscription)
    if not found.is_frozen:
        return http.redirect(visit.base)
    quoted = freeze.quote(ports, found, now=visit.now)
    language = visit.account.customer.language
    lines = [(wording.line(line, language), line.amount) for line in quoted.lines]
    return show(visit, "unfreeze", subscription=found, quote=quoted, lines=lines)


def unfreeze_subscription(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Unfreezes for the amount shown, or undoes the freeze; a declined card explains what to do."""
    _, found = visit.account.purchase(subscription)
    token = visit.request.form().get("token") or None
    after = freeze.unfreeze(ports, found, token=token, now=visit.now)
    if after.result is Result.REQUIRES_ACTION and after.url is not None:
        return http.redirect(urljoin(visit.request.base_url, after.url))
    if after.result is Result.DECLINED:
        raise Refused("declined")
    return done(visit, "thawed" if after.result is Result.CHANGED else "paying")


def _offered(visit: Visit, subscription: str) -> Subscription:
    _, found = visit.account.purchase(subscription)
    settings = visit.merchant.settings
    if not settings.self_freeze or settings.freeze_price_minor is None:
        raise Refused("freeze_off")
    return found

"""Another plan in the portal, where its merchant lets customers change it: quoted, then confirmed
(B-12, A-4).

The token of the quote stands in the form: what is charged is what was shown, or nothing.
"""

from __future__ import annotations

from urllib.parse import urljoin

from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.errors import BillingError, Invalid, Refused
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.plans.flows import change_plan, offered_plans
from billing.plans.flows.change_plan import Result
from billing.plans.flows.offered_plans import PlanOffer
from billing.plans.plan_change import Quote, When
from billing.render import wording
from billing.web import http
from billing.web.problems import PaymentDeclined, errors_of


def plan_form(
    ports: Ports,
    visit: Visit,
    subscription: str,
    *,
    refused: BillingError | None = None,
) -> http.Answer:
    """Shows the plans to change to; once one is chosen, what is paid now and next, and when."""
    from billing.portal.web.forms import PlanForm, form

    found, plans = _offered(ports, visit, subscription)
    request = visit.request
    typed = dict(request.form() if refused else request.query())
    quoted: Quote | None = None
    errors = {}
    if typed.keys() & {"price_point", "when"}:
        try:
            given = form(PlanForm, {n: typed.get(n, "") for n in ("price_point", "when")})
            _chosen(plans, given.price_point)
            quoted = change_plan.quote(ports, found, given.price_point, given.when, now=visit.now)
        except Invalid as error:
            errors = {"price_point": next(iter(errors_of(error).values()))}
    language = visit.account.customer.language
    lines = [(wording.line(e, language), e.amount) for e in quoted.lines] if quoted else []
    return show(
        visit,
        "plan",
        status=422 if errors else 409 if refused else 200,
        subscription=found,
        plans=plans,
        typed=typed,
        quote=quoted,
        lines=lines,
        errors=errors,
        refused=refused,
    )


def change(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Changes the plan for the amount shown; another amount, or a declined card, is shown first."""
    from billing.portal.web.forms import PlanChangeForm, form

    found, plans = _offered(ports, visit, subscription)
    try:
        given = form(PlanChangeForm, visit.request.form())
        if given.price_point == found.price_point and found.next_plan is None:
            return done(visit, "plan")  # sent twice
        _chosen(plans, given.price_point)
    except Invalid:
        return http.redirect(f"{visit.base}/subscriptions/{subscription}/plan")
    try:
        after = change_plan.change(
            ports, found, given.price_point, given.when, token=given.token, now=visit.now
        )
    except Refused as error:
        if error.code != "quote_changed":
            raise
        return plan_form(ports, visit, subscription, refused=error)
    if after.result is Result.DECLINED:
        return plan_form(ports, visit, subscription, refused=PaymentDeclined("declined"))
    if after.result is Result.REQUIRES_ACTION and after.url is not None:
        return http.redirect(urljoin(visit.request.base_url, after.url))
    if after.result is not Result.CHANGED:
        return done(visit, "paying")
    return done(visit, "plan" if given.when is When.NOW else "plan_later")


def _chosen(plans: tuple[PlanOffer, ...], price_point: str) -> None:
    """Raises `Invalid` for a plan that is not offered to this customer."""
    if price_point not in {offer.price_point.id for offer in plans}:
        raise Invalid("required", field="price_point")


def _offered(
    ports: Ports, visit: Visit, subscription: str
) -> tuple[Subscription, tuple[PlanOffer, ...]]:
    _, found = visit.account.purchase(subscription)
    if not visit.merchant.settings.self_change_plan:
        raise Refused("plan_change_off")
    return found, offered_plans.offers(ports, visit.merchant, found)

"""Profile > Billing: the plan of an account, and what its owner can do about it (A-2 .. A-5)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin

from billing.accounts.flows import own_plan
from billing.accounts.web.pages import Visit, done_of, show
from billing.cancel import cancellation
from billing.customers.purchases import Purchase
from billing.customers.web import portal_session
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.subscription import CancelRequest, Source, Subscription
from billing.plans.flows import change_plan, freeze
from billing.plans.flows.change_plan import Changed, Result
from billing.plans.plan_change import When
from billing.portal.flows import portal as portal_flow
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import custom_domains, http
from billing.web.inputs import read

PORTAL_PAGES = {"purchases": "", "cards": "/cards"}


def billing(ports: Ports, visit: Visit) -> http.Answer:
    """Shows the plan, its next charge, and every action on it."""
    owned = own_plan.bought(ports, visit.account, now=visit.now)
    try:
        purchase, found = own_plan.plan(ports, owned)
    except NotFound:
        return show(visit, "inactive", offers=own_plan.offers(ports))
    return show(
        visit,
        "billing",
        purchase=purchase,
        subscription=found,
        offers=own_plan.changes(ports, visit.seller, found, now=visit.now),
        freezable=visit.platform.settings.freeze_price_minor is not None,
        guarantee=own_plan.guarantee(ports, owned, found, now=visit.now),
        done=done_of(visit),
    )


def to_portal(ports: Ports, visit: Visit) -> http.Answer:
    """Redirects to the portal's pages for cards, invoices and address, signed in as the platform's
    customer."""
    owned = own_plan.bought(ports, visit.account, now=visit.now)
    page = PORTAL_PAGES.get(visit.request.form().get("page", ""), "")
    platform = portal_session.open_portal(ports, visit.platform.id)
    cookie = portal_session.enter(
        ports,
        visit.request,
        platform,
        owned.customer,
        visit.now,
        account=visit.account.username,
        owner=visit.holder.member if visit.holder.account is None else None,
    )
    return http.redirect(
        f"{custom_domains.portal(visit.request, platform)}{page}", cookies=[cookie]
    )


def cancel_form(ports: Ports, visit: Visit) -> http.Answer:
    """Shows refund policy, retention and other running charges before the confirmation (A-3)."""
    return _cancel_form(ports, visit, {}, {})


def cancel_plan(ports: Ports, visit: Visit) -> http.Answer:
    """Cancels the plan and whatever else was ticked, as their price points say; sent twice it is
    done once."""
    from billing.accounts.web.forms import LeaveForm, ticked

    typed = visit.request.form()
    also = [name.removeprefix("also_") for name in typed if name.startswith("also_")]
    form = {n: v for n, v in typed.items() if n in LeaveForm.model_fields}
    try:
        given = read(LeaveForm, form)
    except Invalid as error:
        return _cancel_form(ports, visit, typed, ticked(error))
    owned = own_plan.bought(ports, visit.account, now=visit.now)
    _, found = own_plan.plan(ports, owned)
    own_plan.end(
        ports,
        owned,
        [found.id, *also],
        reason=given.reason or None,
        comment=given.comment or None,
        now=visit.now,
    )
    return http.redirect("/account/billing?done=cancelled")


def plan_form(ports: Ports, visit: Visit, price_point: str) -> http.Answer:
    """Shows what another plan costs now, and with the next rebill."""
    return _plan_form(ports, visit, price_point, {}, {})


def change_plan_of_account(ports: Ports, visit: Visit, price_point: str) -> http.Answer:
    """Changes the plan for the price that was shown; refused while more is used than it allows
    (A-4)."""
    from billing.accounts.web.forms import ChangeForm, ticked

    typed = visit.request.form()
    when = typed.get("when", "")
    form = {n: v for n, v in typed.items() if n in {"when", "confirm"}}
    form["token"] = typed.get(f"token_{when}", "")
    try:
        given = read(ChangeForm, form)
    except Invalid as error:
        return _plan_form(ports, visit, price_point, typed, ticked(error))
    _, found = _plan(ports, visit)
    after = change_plan.change(
        ports,
        found,
        price_point,
        When(given.when),
        token=given.token,
        now=visit.now,
    )
    return _after(visit, after, "changed")


def freeze_form(ports: Ports, visit: Visit) -> http.Answer:
    """Shows what freezing does, or what unfreezing costs."""
    from billing.render import wording

    _, found = _plan(ports, visit)
    price = visit.platform.settings.freeze_price_minor
    if not found.is_frozen:
        if price is None and found.freezes_at is None:
            raise Refused("freeze_off")
        amount = Money(price or 0, found.terms.price.currency)
        return show(visit, "freeze", subscription=found, amount=amount, quote=None, lines=())
    quoted = freeze.quote(ports, found, now=visit.now)
    lines = [(wording.line(line, MERCHANTS_LANGUAGE), line.amount) for line in quoted.lines]
    return show(visit, "freeze", subscription=found, amount=None, quote=quoted, lines=lines)


def freeze_plan(ports: Ports, visit: Visit) -> http.Answer:
    """Freezes from the next period on, or unfreezes for the price that was shown (A-5)."""
    _, found = _plan(ports, visit)
    typed = visit.request.form()
    if typed.get("what") == "freeze":
        freeze.freeze(ports, visit.platform, found, now=visit.now)
        return http.redirect("/account/billing?done=frozen")
    token = typed.get("token") or None
    after = freeze.unfreeze(ports, found, token=token, now=visit.now)
    return _after(visit, after, "thawed")


def claim_guarantee(ports: Ports, visit: Visit) -> http.Answer:
    """Claims the guarantee by a ticket to Billing that names the owner (A-2)."""
    owned = own_plan.bought(ports, visit.account, now=visit.now)
    _, found = own_plan.plan(ports, owned)
    covered = own_plan.guarantee(ports, owned, found, now=visit.now)
    if covered is None:
        raise Refused("guarantee_over", code="refund_window_over")
    payment, _ = covered
    who = (
        f"Money-back guarantee. Name: {owned.customer.name}. Site: {visit.seller.name}. "
        f"Login: {visit.account.username}. Email: {visit.account.email}."
    )
    portal_flow.refund_payment(ports, owned, payment, now=visit.now, comment=who)
    return http.redirect("/account/billing?done=claimed")


def _plan(ports: Ports, visit: Visit) -> tuple[Purchase, Subscription]:
    return own_plan.plan(ports, own_plan.bought(ports, visit.account, now=visit.now))


def _after(visit: Visit, after: Changed, what: str) -> http.Answer:
    match after.result:
        case Result.CHANGED:
            return http.redirect(f"/account/billing?done={what}")
        case Result.DECLINED:
            raise Refused("declined")
        case Result.REQUIRES_ACTION if after.url is not None:
            return http.redirect(urljoin(visit.request.base_url, after.url))
        case _:
            return http.redirect("/account/billing?done=processing")


def _cancel_form(
    ports: Ports, visit: Visit, typed: Mapping[str, str], errors: Mapping[str, Invalid]
) -> http.Answer:
    from billing.cancel.cancellation import CancelReason

    owned = own_plan.bought(ports, visit.account, now=visit.now)
    purchase, found = own_plan.plan(ports, owned)
    if not purchase.is_live or purchase.may_undo:
        return http.redirect("/account/billing")
    asked = CancelRequest(portal_flow.when_of(found), Source.CUSTOMER, visit.now, "")
    return show(
        visit,
        "cancel",
        status=422 if errors else 200,
        subscription=found,
        ends_now=cancellation.takes_effect_now(found, asked, changing_plan=purchase.changing_plan),
        others=own_plan.others(owned, found.id),
        guarantee=own_plan.guarantee(ports, owned, found, now=visit.now),
        retention_days=visit.platform.settings.accounts.retention_days,
        reasons=tuple(CancelReason),
        form=typed,
        errors=errors,
    )


def _plan_form(
    ports: Ports,
    visit: Visit,
    price_point: str,
    typed: Mapping[str, str],
    errors: Mapping[str, Invalid],
) -> http.Answer:
    _, found = _plan(ports, visit)
    quotes = [
        change_plan.quote(ports, found, price_point, when, now=visit.now)
        for when in (When.NOW, When.NEXT_REBILL)
    ]
    return show(
        visit,
        "plan",
        status=422 if errors else 200,
        subscription=found,
        now_quote=quotes[0],
        later_quote=quotes[1],
        form=typed,
        errors=errors,
    )

"""Another plan, and the way out of a freeze, in the console (A-4, A-5): quoted, then confirmed.

The token of the quote stands in the form: what is charged is what was shown, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import StringConstraints

from billing.console.web.pages import Desk, page
from billing.kernel.catalog import PricePoint, PriceType
from billing.kernel.errors import BillingError, Invalid, NotFound, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.plans.flows import change_plan, freeze
from billing.plans.flows.change_plan import Changed, Result
from billing.plans.plan_change import Quote, When
from billing.portal.web.forms import form
from billing.render import wording
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import http
from billing.web.inputs import Input, Key, read
from billing.web.problems import PaymentDeclined

Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,9}\.[0-9a-f]{32}$")]


class ChoiceQuery(Input):
    """The price point and the time that were chosen, to be quoted."""

    price_point: Key
    when: When


class ChangeForm(ChoiceQuery):
    """The confirmed change, with the token of its quote."""

    token: Token


class UnfreezeForm(Input):
    """The confirmed way out of a freeze; no token where it has not begun and costs nothing."""

    token: Token | None = None


class Shown(Value):
    """A quote with the text and amount of its lines."""

    quote: Quote
    lines: tuple[tuple[str, object], ...]


def plan_page(desk: Desk, subscription: str, *, refused: BillingError | None = None) -> http.Answer:
    """Shows the plans to change to; once one is chosen, what the change charges, and when."""
    found = _found(desk, subscription)
    typed = _typed(desk.request.form() if refused else desk.request.query())
    quoted: Quote | None = None
    try:
        if typed.keys() > {"when"}:
            chosen = read(ChoiceQuery, {name: v for name, v in typed.items() if name != "other"})
            quoted = change_plan.quote(
                desk.ports, found, chosen.price_point, chosen.when, now=desk.now
            )
    except (Invalid, NotFound, Refused) as error:
        refused = refused or error
    return page(
        desk,
        "console/plan.html",
        status=_status(refused),
        subscription=found,
        plans=_plans(desk, found),
        typed=typed,
        shown=quoted and _shown(quoted),
        refused=refused,
    )


def change(desk: Desk, subscription: str) -> http.Answer:
    """Changes the plan for the amount that was shown; another amount is shown first."""

    def act(found: Subscription) -> Changed:
        given = form(ChangeForm, desk.request.form())
        return change_plan.change(
            desk.ports, found, given.price_point, given.when, token=given.token, now=desk.now
        )

    return _done(desk, subscription, act, plan_page)


def unfreeze_page(
    desk: Desk, subscription: str, *, refused: BillingError | None = None
) -> http.Answer:
    """Says what unfreezing charges now; a freeze that has not begun is undone for nothing."""
    found = _found(desk, subscription)
    begun = found.freezes_at is None or found.freezes_at <= desk.now
    quoted: Quote | None = None
    try:
        quoted = freeze.quote(desk.ports, found, now=desk.now) if begun else None
    except Refused as error:
        refused = refused or error
    return page(
        desk,
        "console/unfreeze.html",
        status=_status(refused),
        subscription=found,
        begun=begun,
        shown=quoted and _shown(quoted),
        refused=refused,
    )


def unfreeze(desk: Desk, subscription: str) -> http.Answer:
    """Unfreezes for the amount that was shown; another amount is shown first."""

    def act(found: Subscription) -> Changed:
        given = form(UnfreezeForm, desk.request.form())
        return freeze.unfreeze(desk.ports, found, token=given.token, now=desk.now)

    return _done(desk, subscription, act, unfreeze_page)


def _done(
    desk: Desk,
    subscription: str,
    act: Callable[[Subscription], Changed],
    again: Callable[..., http.Answer],
) -> http.Answer:
    """Carries a change out; what is refused or declined comes back on its page, in words."""
    try:
        changed = act(subscriptions.fresh(desk.ports, desk.merchant, subscription))
    except (Invalid, Refused) as error:
        return again(desk, subscription, refused=error)
    if changed.result is Result.DECLINED:
        declined = PaymentDeclined("plan_declined")
        return again(desk, subscription, refused=declined)
    what = "plan" if changed.result is Result.CHANGED else "plan-pending"
    return http.redirect(f"/console/subscriptions/{subscription}?done={what}")


def _plans(desk: Desk, found: Subscription) -> tuple[tuple[str, PricePoint], ...]:
    """Returns the recurring price points of its product that it could be charged by instead.

    Those of another product are named by their checkout link or id, which its page shows.
    """
    product = desk.ports.store.product(desk.merchant, found.product)
    if product is None:
        return ()
    points = (desk.ports.store.price_point(each) for each in product.price_points)
    return tuple(
        (product.name, point)
        for point in points
        if point is not None
        and point.terms.type is PriceType.RECURRING
        and point.terms.price.currency is found.terms.price.currency
        and (point.id != found.price_point or found.next_plan is not None)
    )


def _typed(query: Mapping[str, str]) -> dict[str, str]:
    """Returns what was chosen; a checkout link stands for its price point, which it ends with."""
    typed = {name: query[name].strip() for name in ("price_point", "when") if query.get(name)}
    other = query.get("other", "").strip()[:300]
    if other:
        typed |= {"other": other, "price_point": other.partition("?")[0].rpartition("/")[2]}
    return typed


def _shown(quote: Quote) -> Shown:
    lines = ((wording.line(each, MERCHANTS_LANGUAGE), each.amount) for each in quote.lines)
    return Shown(quote, tuple(lines))


def _found(desk: Desk, subscription: str) -> Subscription:
    return subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)


def _status(refused: BillingError | None) -> int:
    return 200 if refused is None else 422 if isinstance(refused, Invalid) else 409

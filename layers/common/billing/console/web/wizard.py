"""The wizard of a new product: Basic info, Pricing, Access, Checkout, Review (P-1, P-14, P-17).

Each step is a page and a form, and keeps what was typed in a draft, right or wrong; only the last
writes the product, by the flow and the rules of /v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from billing.catalog.flows import products
from billing.catalog.flows.products import Draft
from billing.console.web import drafts, gateway_choices, product_forms
from billing.console.web.drafts import Point, ProductDraft
from billing.console.web.pages import Desk, page
from billing.console.web.product_forms import ACCESS, BASIC, CHECKOUT, PRICE
from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.periods import Anchor, Period, Unit
from billing.kernel.schedule import ScheduledCharge, charges, ends_at
from billing.kernel.values import Value, replace
from billing.web import http
from billing.web.problems import errors_of

Errors = Mapping[str, Invalid]
HERE = "/console/products/new"
STEPS = ("basic", "pricing", "access", "checkout", "review")
FIELDS = {"basic": BASIC, "access": ACCESS, "checkout": CHECKOUT}
CHARGES_SHOWN = 6

PRICE_CHOICES = {
    "types": tuple(PriceType),
    "periods": tuple(Period),
    "cycles": tuple(Cycle),
    "units": tuple(Unit),
}


class Shown(Value):
    """A price point of a draft with its terms and dates, or with what is wrong with it."""

    point: Point
    terms: PriceTerms | None
    charges: tuple[ScheduledCharge, ...] = ()


def begin(desk: Desk, typed: Mapping[str, str] | None = None) -> http.Answer:
    """Shows the first step of a new product, or begins its draft with what was typed there."""
    draft = ProductDraft(desk.ports.new_id("prod"), {})
    if typed is None:
        return _step(desk, draft, "basic", first=True)
    filled = replace(draft, typed=product_forms.kept(typed, BASIC))
    if errors := _errors(filled, "basic"):
        return _step(desk, filled, "basic", errors, first=True)
    drafts.save(desk, filled)
    return http.redirect(f"{HERE}/{filled.id}/pricing")


def step_page(desk: Desk, draft: str, step: str) -> http.Answer:
    """Shows a step with what was typed there before."""
    found = _found(desk, draft)
    return found if isinstance(found, http.Answer) else _step(desk, found, _known(step))


def take_step(desk: Desk, draft: str, step: str) -> http.Answer:
    """Keeps what was typed in a step, and goes to the next; from the last the product is made."""
    found = _found(desk, draft)
    if isinstance(found, http.Answer):
        return found
    if _known(step) == "review":
        return create(desk, found)
    if step == "pricing":
        if not found.points:
            raise NotFound()
        return http.redirect(f"{HERE}/{draft}/access")
    others = {n: v for n, v in found.typed.items() if n not in FIELDS[step]}
    if step == "checkout":
        others = {n: v for n, v in others.items() if not n.startswith(product_forms.GATEWAY)}
    filled = product_forms.kept(desk.request.form(), FIELDS[step])
    changed = replace(found, typed=others | filled)
    drafts.save(desk, changed)
    errors = _errors(changed, step)
    if step == "checkout" and not errors and not _missing(changed):
        errors = _unsellable(desk, changed)
    if errors:
        return _step(desk, changed, step, errors)
    return http.redirect(f"{HERE}/{draft}/{STEPS[STEPS.index(step) + 1]}")


def create(desk: Desk, draft: ProductDraft) -> http.Answer:
    """Creates the product of a draft, once however often the button is pressed."""
    try:
        made = products.create(
            desk.ports,
            desk.session.merchant,
            _draft(desk, draft),
            now=desk.now,
            named=draft.id,
        )
    except Invalid as error:
        return _step(desk, draft, "review", {"": error})
    except Conflict:
        if desk.ports.store.product(desk.merchant, draft.id) is None:
            raise
        return http.redirect(f"/console/products/{draft.id}")
    drafts.drop(desk, draft.id)
    return http.redirect(f"/console/products/{made[0].id}?done=created")


def price_page(desk: Desk, draft: str, key: str) -> http.Answer:
    """Shows the form of a price point of the draft; `new` is one that is not there yet."""
    found = _found(desk, draft)
    if isinstance(found, http.Answer):
        return found
    point = found.point(key)
    if point is None and key != "new":
        raise NotFound("price_point_unknown")
    return _price(desk, found, key, {} if point is None else point.typed)


def take_price(desk: Desk, draft: str, key: str) -> http.Answer:
    """Keeps a price point, previews its dates, removes it or makes it the default."""
    found = _found(desk, draft)
    if isinstance(found, http.Answer):
        return found
    form = desk.request.form()
    if key != "new" and found.point(key) is None:
        raise NotFound("price_point_unknown")
    match form.get("act"):
        case "remove":
            drafts.save(desk, found.without_point(key))
            return http.redirect(f"{HERE}/{draft}/pricing")
        case "default":
            drafts.save(desk, found.with_default(key))
            return http.redirect(f"{HERE}/{draft}/pricing")
        case act:
            return _keep_price(desk, found, key, product_forms.kept(form, PRICE), act)


def _keep_price(
    desk: Desk, draft: ProductDraft, key: str, typed: dict[str, str], act: str | None
) -> http.Answer:
    try:
        terms = product_forms.price_terms(typed, desk.session.merchant.settings.currency)
    except Invalid as error:
        return _price(desk, draft, key, typed, errors_of(error))
    if act == "preview":
        return _price(desk, draft, key, typed, dates=dates(desk, terms), terms=terms)
    if key == "new" and len(draft.points) >= drafts.POINTS_MOST:
        too_many = Invalid("too_many_price_points", field="", most=drafts.POINTS_MOST)
        return _price(desk, draft, key, typed, {"": too_many})
    repeated = any(point.typed == typed for point in draft.points) and key == "new"
    if not repeated:  # sent twice it is one
        drafts.save(desk, draft.with_point(None if key == "new" else key, typed))
    return http.redirect(f"{HERE}/{draft.id}/{'access' if act == 'continue' else 'pricing'}")


def dates(desk: Desk, terms: PriceTerms) -> dict[str, Any]:
    """Returns the first charges of a purchase made now, and its last if there is one (P-19)."""
    start = Anchor.at(desk.now, desk.session.merchant.settings.time_zone)
    first = tuple(islice(charges(terms, start), CHARGES_SHOWN + 1))
    return {
        "charges": first[:CHARGES_SHOWN],
        "more": len(first) > CHARGES_SHOWN,
        "ends": ends_at(terms, start),
    }


def _price(
    desk: Desk,
    draft: ProductDraft,
    key: str,
    typed: Mapping[str, str],
    errors: Errors | None = None,
    **preview: Any,
) -> http.Answer:
    return page(
        desk,
        "console/product_price.html",
        status=422 if errors else 200,
        draft=draft,
        key=key,
        form=typed,
        errors=errors or {},
        action=f"{HERE}/{draft.id}/pricing/{key}",
        back_url=f"{HERE}/{draft.id}/pricing",
        product=None,
        attempt=None,
        preview=preview or None,
        **PRICE_CHOICES,
    )


def _step(
    desk: Desk,
    draft: ProductDraft,
    step: str,
    errors: Errors | None = None,
    *,
    first: bool = False,
) -> http.Answer:
    """Renders a step; `first` before there is a draft."""
    if step == "pricing" and not draft.points:
        return http.redirect(f"{HERE}/{draft.id}/pricing/new")
    gateways = gateway_choices.gateways(desk)
    form = dict(draft.typed)
    if step == "checkout" and len(gateways) == 1 and "refund_days" not in form:
        form[f"{product_forms.GATEWAY}{gateways[0].name}"] = "true"  # the only one, not yet sent
    return page(
        desk,
        "console/product_new.html",
        status=422 if errors else 200,
        step=step,
        steps=STEPS,
        draft=draft,
        first=first,
        form=form,
        errors=errors or {},
        points=[_shown(desk, point) for point in draft.points],
        gateways=gateways,
        missing=() if first else _missing(draft),
        is_platform=desk.merchant == desk.ports.operation.platform,
    )


def _shown(desk: Desk, point: Point) -> Shown:
    try:
        terms = product_forms.price_terms(point.typed, desk.session.merchant.settings.currency)
    except Invalid:
        return Shown(point, None)
    return Shown(point, terms, dates(desk, terms)["charges"])


def _errors(draft: ProductDraft, step: str) -> Errors:
    try:
        product_forms.changes(draft.typed, FIELDS[step])
    except Invalid as error:
        return errors_of(error)
    return {}


def _missing(draft: ProductDraft) -> tuple[str, ...]:
    """Lists the steps that are not done, or not right."""
    wrong = {step for step in FIELDS if _errors(draft, step)}
    if not draft.points:
        wrong.add("pricing")
    return tuple(step for step in STEPS if step in wrong)


def _unsellable(desk: Desk, draft: ProductDraft) -> Errors:
    """Returns the reason why a gateway cannot charge a price point, at the field of gateways."""
    try:
        products.check(desk.ports, desk.session.merchant, _draft(desk, draft))
    except Invalid as error:
        return {"gateways": error.at("gateways")}
    return {}


def _draft(desk: Desk, draft: ProductDraft) -> Draft:
    currency = desk.session.merchant.settings.currency
    return product_forms.draft_of(draft.typed, (p.typed for p in draft.points), currency)


def _found(desk: Desk, draft: str) -> ProductDraft | http.Answer:
    """Returns a draft, or the way to the product that was made of it; raises `NotFound`."""
    found = drafts.find(desk, draft)
    if found is not None:
        return found
    if desk.ports.store.product(desk.merchant, draft) is not None:
        return http.redirect(f"/console/products/{draft}")
    raise NotFound("product_unknown")


def _known(step: str) -> str:
    if step not in STEPS:
        raise NotFound()
    return step

"""The forms of products as documents of /v1, so that console and API check by the same rules.

A form's fields are texts; its errors come back by the names of those fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from billing.accounts.web.merchant_inputs import NewProductInput, ProductChangeInput
from billing.catalog.flows.products import Draft
from billing.catalog.web.price_inputs import PricePointInput
from billing.kernel.catalog import PricePoint, PriceTerms, PriceType, Product
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.save_offers import OfferKind, SaveOffer
from billing.web.inputs import read
from billing.web.problems import Misshapen, errors_of

R = TypeVar("R")
Typed = Mapping[str, str]
Document = dict[str, Any]

TYPED_MOST = 2000
"""The most of a field that a draft keeps: more than is valid, and never too much to store."""

SHORT_MOST = 40
"""The most of a price's field, and of a gateway's name: a draft may have fifty prices."""

GATEWAY = "gateway_"
BASIC = ("name", "public_listing")
ACCESS = ("grants", "limits")
PLANS = ("changes_to", "offer_kind", "offer_coupon", "offer_price_point")
CHECKOUT = ("refund_days",)
PRICE = (
    *("type", "amount", "period", "installments", "cycle", "tax", "cancellation"),
    *("has_initial", "initial_amount", "initial_count", "initial_unit", "trial_guard"),
)
"""The fields of each step, in the order of its page."""

REPEATED = frozenset(set(PriceType) - {PriceType.ONE_TIME})
COUNTED = frozenset({PriceType.INSTALLMENT, PriceType.RECURRING_INSTALLMENT})

_FIELDS = {"price.amount": "amount", "price": "amount", "price.currency": "amount"}
NUMBER_MOST = 9
"""The most digits of a number that is read as one."""


def kept(typed: Typed, names: tuple[str, ...]) -> dict[str, str]:
    """Returns the fields of a form that are a step's own, as they were typed."""
    return {
        name: value.strip()[: TYPED_MOST if name in names and names is not PRICE else SHORT_MOST]
        for name, value in typed.items()
        if (name in names or (names is CHECKOUT and _is_gateway(name))) and value.strip()
    }


def _is_gateway(name: str) -> bool:
    return name.startswith(GATEWAY) and len(name) <= SHORT_MOST


def of_fields(error: Invalid, name_of: Callable[[str], str]) -> Misshapen:
    """Returns the same errors by the names of the form's fields."""
    found = errors_of(error).items()
    return Misshapen([_plain(each).at(name_of(name)) for name, each in found])


def _plain(error: Invalid) -> Invalid:
    """Returns an error in the words of a form: a field that a type needs is there, but empty."""
    missing = error.reason == "needed_by_type"
    return Invalid("required", field=error.field) if missing else error


def price_document(typed: Typed, currency: Currency) -> tuple[Document, list[Invalid]]:
    """Returns a price point as /v1 takes it, and the amounts that cannot be read.

    What another type alone asks for is left out: the page has the fields of all types.
    """
    wrong: list[Invalid] = []
    kind = typed.get("type", "")
    amount = _amount(typed, "amount", currency, wrong)
    document: Document = {"price": {"amount": amount, "currency": currency.value}}
    if kind:
        document["type"] = kind
    if kind in REPEATED and typed.get("period"):
        document["period"] = typed["period"]
    if kind in COUNTED and typed.get("installments"):
        document["installments"] = number(typed["installments"])
    if kind == PriceType.RECURRING_INSTALLMENT and typed.get("cycle"):
        document["cycle"] = typed["cycle"]
    if typed.get("has_initial"):
        length = {typed.get("initial_unit", "days"): number(typed.get("initial_count", ""))}
        first = _amount(typed, "initial_amount", currency, wrong)
        document["initial"] = {"amount": first, "period": length}
        document["trial_guard"] = "trial_guard" in typed
    for name in ("cancellation", "tax"):
        if typed.get(name):
            document[name] = typed[name]
    return document, wrong


def price_terms(typed: Typed, currency: Currency) -> PriceTerms:
    """Returns the terms of a form; raises `Misshapen` by the form's fields, all that are wrong."""
    document, wrong = price_document(typed, currency)
    try:
        terms = read(PricePointInput, document).terms()
    except Invalid as error:
        known = {each.field for each in wrong}
        others = of_fields(error, price_field).errors
        raise Misshapen([*wrong, *(e for e in others if e.field not in known)]) from None
    if wrong:
        raise Misshapen(wrong)
    return terms


def price_field(path: str) -> str:
    """Returns the form's field for a path of /v1."""
    if path.startswith("initial.period") or path == "initial":
        return "initial_count"
    return _FIELDS.get(path, path.replace(".", "_"))


def typed_price(terms: PriceTerms) -> dict[str, str]:
    """Returns the form of a price point, as somebody would have typed it."""
    form = {
        "type": terms.type.value,
        "amount": terms.price.decimal,
        "period": terms.period or "",
        "installments": str(terms.installments or ""),
        "cycle": terms.cycle or "",
        "tax": terms.tax.value,
        "cancellation": terms.cancellation.value,
    }
    if terms.initial is not None:
        form |= {
            "has_initial": "true",
            "initial_amount": terms.due_today.decimal,
            "initial_count": str(terms.initial.length.count),
            "initial_unit": terms.initial.length.unit.value,
        }
    if terms.trial_guard:
        form["trial_guard"] = "true"
    return {name: value for name, value in form.items() if value}


def change_document(typed: Typed, names: tuple[str, ...]) -> Document:
    """Returns steps of a product as /v1 takes a change of them; a box that is not ticked is off."""
    document: Document = {}
    if "name" in names:
        document["name"] = typed.get("name", "")
        document["public_listing"] = typed.get("public_listing") == "true"
    if "grants" in names:
        grants = typed.get("grants", "").replace(",", " ").split()
        if grants:
            document["grants"] = grants
        document["limits"] = _limits(typed.get("limits", ""))
    if "refund_days" in names:
        document["refund_days"] = number(typed.get("refund_days") or "0")
        document["gateways"] = [n.removeprefix(GATEWAY) for n in typed if n.startswith(GATEWAY)]
    if "changes_to" in names:
        lines = typed.get("changes_to", "").split()
        document["changes_to"] = list(dict.fromkeys(map(price_point_of, lines)))
        document["save_offer"] = _save_offer(typed)
    return document


def _save_offer(typed: Typed) -> Document | None:
    """Returns the save offer; a field of another kind is sent too, and does not count."""
    kind = typed.get("offer_kind", "")
    if not kind:
        return None
    offer: Document = {"kind": kind}
    if kind == OfferKind.DISCOUNT:
        offer["coupon"] = typed.get("offer_coupon", "").strip() or None
    if kind == OfferKind.DOWNGRADE:
        offer["price_point"] = price_point_of(typed.get("offer_price_point", "").strip()) or None
    return offer


def price_point_of(typed: str) -> str:
    """Returns the price point of a checkout link, which ends with its id; an id stays as it is."""
    return typed.partition("?")[0].rstrip("/").rpartition("/")[2]


def changes(typed: Typed, names: tuple[str, ...]) -> dict[str, Any]:
    """Returns the changes that a form makes to a product; raises `Misshapen`."""
    try:
        return read(ProductChangeInput, change_document(typed, names)).given()
    except Invalid as error:
        raise of_fields(error, product_field) from None


def product_field(path: str) -> str:
    """Returns the form's field for a path of /v1."""
    if path.startswith("save_offer"):
        return "offer_" + (path.partition(".")[2] or "kind")
    return path.partition("[")[0].partition(".")[0]


def draft_of(typed: Typed, prices: Iterable[Typed], currency: Currency) -> Draft:
    """Returns a whole new product from all steps; raises `Invalid` by the paths of /v1."""
    document = change_document(typed, (*BASIC, *ACCESS, *CHECKOUT))
    points = []
    for price in prices:
        point, wrong = price_document(price, currency)
        if wrong:
            raise Misshapen(wrong)
        points.append(point)
    return read(NewProductInput, {**document, "price_points": points}).draft()


def typed_product(product: Product) -> dict[str, str]:
    """Returns the forms of a product, as somebody would have typed them."""
    form = {
        "name": product.name,
        "public_listing": "true" if product.public_listing else "",
        "grants": " ".join(product.grants),
        "limits": "\n".join(f"{limit.of} = {limit.most}" for limit in product.limits),
        "refund_days": str(product.refund_days),
        "changes_to": "\n".join(product.changes_to),
        **_typed_offer(product.save_offer),
        **{f"{GATEWAY}{gateway}": "true" for gateway in product.gateways},
    }
    return {name: value for name, value in form.items() if value}


def _typed_offer(offer: SaveOffer | None) -> dict[str, str]:
    if offer is None:
        return {}
    return {
        "offer_kind": offer.kind.value,
        "offer_coupon": offer.coupon or "",
        "offer_price_point": offer.price_point or "",
    }


def copied(product: Product, points: tuple[PricePoint, ...], name: str) -> dict[str, str]:
    """Returns the forms of a copy: what grants its own id alone grants the copy's."""
    form = typed_product(product) | {"name": name}
    for name in PLANS:
        form.pop(name, None)
    if product.grants == (product.id,):
        del form["grants"]
    return form


def _amount(typed: Typed, name: str, currency: Currency, wrong: list[Invalid]) -> int:
    """Returns an amount in minor units; one that cannot be read is noted, and 1 stands for it."""
    text = typed.get(name, "")
    try:
        if not text:
            raise Invalid("required", field=name)
        return Money.typed(text, currency, field=name).amount_minor
    except Invalid as error:
        wrong.append(error)
        return 1


def number(text: str) -> int | str:
    """Returns the number that is written, else the text, which its shape refuses."""
    is_number = text.isascii() and text.isdigit() and len(text) <= NUMBER_MOST
    return int(text) if is_number else text


def _limits(text: str) -> dict[str, int | str]:
    """Reads lines of `products = 10`."""
    lines = (line.replace(":", "=").partition("=") for line in text.splitlines() if line.strip())
    return {of.strip(): number(most.strip()) for of, _, most in lines}

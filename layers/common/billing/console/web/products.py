"""Products in the console: the list, a product's page, its changes (P-1, P-14 .. P-18)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from billing.accounts.web.merchant_inputs import PricePointChangeInput
from billing.catalog.flows import product_lists, products
from billing.console.flows.search import is_named
from billing.console.web import drafts, gateway_choices, product_forms, wizard
from billing.console.web.drafts import Point, ProductDraft
from billing.console.web.lists import listing, show
from billing.console.web.pages import Desk, page
from billing.console.web.product_forms import ACCESS, BASIC, CHECKOUT, PLANS, PRICE
from billing.kernel import domains
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.errors import BillingError, Conflict, Invalid, NotFound, Refused
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.render.messages import MERCHANTS_LANGUAGE, text
from billing.web import http
from billing.web.inputs import Cursor, Input, read, words
from billing.web.problems import errors_of
from billing.web.sessions import digest

PAGE_LENGTH = 50
COUNTED_MOST = 100
"""The subscriptions that are counted of what hangs on a product; more are "100 or more"."""

EVERYTHING = (*BASIC, *ACCESS, *CHECKOUT, *PLANS)
DONE = frozenset({"created", "changed", "added", "archived", "restored", "price_changed"})
STATES = ("on_sale", "listed", "archived")
DRAWN = re.compile(r"price_[0-9a-z]{1,32}")
"""The id of a price point as it was drawn with its form: it is part of addresses and keys."""


class ProductsQuery(Input):
    """The filter of products, by words of the name and by state."""

    q: Annotated[str, words(100)] | None = None
    state: Literal["on_sale", "listed", "archived"] | None = None
    cursor: Cursor | None = None

    def takes(self, product: Product) -> bool:
        """Tests whether a product passes the filter."""
        of_state = {
            None: True,
            "on_sale": not product.archived,
            "listed": product.is_listed,
            "archived": product.archived,
        }
        return of_state[self.state] and (self.q is None or is_named(product, self.q))


def product_list(desk: Desk) -> http.Answer:
    """Lists products, newest first, each with its price points."""

    def find(query: ProductsQuery) -> Page[Any]:
        takes = query.takes if query.q is not None or query.state is not None else None
        return product_lists.page(
            *(desk.ports, desk.session.merchant, takes), limit=PAGE_LENGTH, cursor=query.cursor
        )

    listed = listing(desk, "/console/products", ProductsQuery, find)
    nothing = not (listed.data or listed.typed or listed.next_url)
    return show(desk, "console/products.html", listed, states=STATES, any=not nothing)


def product_page(desk: Desk, product: str, *, refused: BillingError | None = None) -> http.Answer:
    """Shows a product with its price points, their addresses and dates."""
    found, on_sale, off_sale = product_lists.whole(desk.ports, desk.session.merchant, product)
    what = desk.request.query().get("done")
    return page(
        desk,
        "console/product.html",
        status=409 if refused else 200,
        product=found,
        on_sale=[_with_dates(desk, point) for point in on_sale],
        off_sale=off_sale,
        done=what if what in DONE and not refused else None,
        refused=refused,
    )


def edit_page(
    desk: Desk,
    product: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the form of a product; `stale` where somebody changed it since it was filled in."""
    found, _, _ = product_lists.whole(desk.ports, desk.session.merchant, product)
    return page(
        desk,
        "console/product_edit.html",
        status=422 if errors else 409 if stale else 200,
        product=found,
        form=product_forms.typed_product(found) if typed is None else typed,
        now_is=product_forms.typed_product(found) if stale else None,
        errors=errors or {},
        stale=stale,
        seen=seen(found),
        gateways=gateway_choices.gateways(desk, found.gateways),
        is_platform=desk.merchant == desk.ports.operation.platform,
    )


def change(desk: Desk, product: str) -> http.Answer:
    """Changes a product as its form says, unless somebody else did meanwhile: they are told."""
    form = desk.request.form()
    typed = {name: v for name, v in form.items() if name not in ("csrf", "seen")}
    found, _, _ = product_lists.whole(desk.ports, desk.session.merchant, product)
    if form.get("seen") != seen(found):
        return edit_page(desk, product, typed=typed, stale=True)
    try:
        wanted = product_forms.changes(
            product_forms.kept(typed, EVERYTHING) | _gateways(typed), EVERYTHING
        )
        wanted.setdefault("grants", (found.id,))
        products.change(desk.ports, desk.session.merchant, product, wanted)
    except Invalid as error:
        return edit_page(desk, product, typed=typed, errors=errors_of(error))
    except Conflict:
        return edit_page(desk, product, typed=typed, stale=True)
    return _to(product, "changed")


def price_page(
    desk: Desk,
    product: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    attempt: str | None = None,
    preview: Mapping[str, Any] | None = None,
) -> http.Answer:
    """Shows the form of another price point."""
    found, _, _ = product_lists.whole(desk.ports, desk.session.merchant, product)
    here = f"/console/products/{product}"
    return page(
        desk,
        "console/product_price.html",
        status=422 if errors else 200,
        product=found,
        draft=None,
        key="new",
        form=typed or {},
        errors=errors or {},
        action=f"{here}/prices/new",
        back_url=here,
        attempt=attempt or desk.ports.new_id("price"),
        preview=preview,
        **wizard.PRICE_CHOICES,
    )


def add_price(desk: Desk, product: str) -> http.Answer:
    """Adds a price point, once however often its form is sent; or shows its dates first."""
    form = desk.request.form()
    typed, attempt = product_forms.kept(form, PRICE), form.get("attempt", "")
    if not DRAWN.fullmatch(attempt):
        raise NotFound()
    merchant = desk.session.merchant
    try:
        terms = product_forms.price_terms(typed, merchant.settings.currency)
        if form.get("act") == "preview":
            dates = {"terms": terms, "dates": wizard.dates(desk, terms)}
            return price_page(desk, product, typed=typed, attempt=attempt, preview=dates)
        products.add_price_point(desk.ports, merchant, product, terms, now=desk.now, named=attempt)
    except Invalid as error:
        errors = {product_forms.price_field(n): e for n, e in errors_of(error).items()}
        return price_page(desk, product, typed=typed, errors=errors, attempt=attempt)
    except Refused as error:
        return product_page(desk, product, refused=error)
    return _to(product, "added")


def change_price(desk: Desk, product: str, price_point: str) -> http.Answer:
    """Makes a price point the default, changes how it is cancelled, or takes it off sale."""
    form = {
        n: v for n, v in desk.request.form().items() if n in ("default", "cancellation", "archived")
    }
    switches: dict[str, Any] = {
        n: v == "true" if n != "cancellation" else v for n, v in form.items()
    }
    point = desk.ports.store.price_point(price_point)
    if point is None or point.merchant != desk.merchant or point.product != product:
        raise NotFound("price_point_unknown")
    try:
        wanted = read(PricePointChangeInput, switches).given()
        products.change_price_point(desk.ports, desk.session.merchant, price_point, wanted)
    except (Invalid, Refused) as error:
        return product_page(desk, product, refused=error)
    return _to(product, "price_changed")


def archive_page(desk: Desk, product: str) -> http.Answer:
    """Says what hangs on a product before it is archived."""
    found, on_sale, _ = product_lists.whole(desk.ports, desk.session.merchant, product)
    sold = desk.ports.store.subscriptions_where(
        desk.merchant, SubscriptionFilter(product=product), now=desk.now, limit=COUNTED_MOST
    )
    live = sum(each.as_of(desk.now).is_live for each in sold.data)
    return page(
        desk,
        "console/product_archive.html",
        product=found,
        on_sale=on_sale,
        live=live,
        more=sold.next is not None,
    )


def archive(desk: Desk, product: str) -> http.Answer:
    """Archives a product, or sells it again; what was sold goes on."""
    archived = desk.request.form().get("archived") != "false"
    try:
        products.change(desk.ports, desk.session.merchant, product, {"archived": archived})
    except Invalid as error:
        return product_page(desk, product, refused=error)
    return _to(product, "archived" if archived else "restored")


def duplicate(desk: Desk, product: str) -> http.Answer:
    """Begins a draft that is filled in as the product is."""
    found, on_sale, _ = product_lists.whole(desk.ports, desk.session.merchant, product)
    name = text(MERCHANTS_LANGUAGE, "console.products.copy_of", name=found.name)
    typed = product_forms.copied(found, on_sale, name)
    first = sorted(on_sale, key=lambda point: point.id != found.default_price_point)
    points = tuple(
        Point(f"p{n}", product_forms.typed_price(point.terms)) for n, point in enumerate(first, 1)
    )
    draft = ProductDraft(desk.ports.new_id("prod"), typed, points, len(points))
    drafts.save(desk, draft)
    return http.redirect(f"{wizard.HERE}/{draft.id}/basic")


def seen(product: Product) -> str:
    """Returns a mark of a product as a page showed it; after any change it is another."""
    return digest(repr(product))[:16]


def _with_dates(desk: Desk, point: PricePoint) -> dict[str, Any]:
    merchant = desk.session.merchant
    url = domains.checkout(desk.ports.operation.public_url, merchant, point.id)
    return {"point": point, "url": url, **wizard.dates(desk, point.terms)}


def _gateways(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if name.startswith(product_forms.GATEWAY)}


def _to(product: str, what: str) -> http.Answer:
    return http.redirect(f"/console/products/{product}?done={what}")

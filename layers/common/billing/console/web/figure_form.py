"""The form over figures: months, product, country; what was typed, and the products listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field, StringConstraints

from billing.catalog.flows import product_lists
from billing.console.web.pages import Desk
from billing.figures.periods import months_between
from billing.figures.sums import month_of
from billing.figures.web.shapes import ID_MOST, MONTH, MONTH_OR_DAY
from billing.kernel.periods import Anchor
from billing.kernel.values import Value
from billing.web.inputs import Country, Cursor, Input, words

HERE = "/console/figures"
A_YEAR = 12
LABEL = r"^[a-z0-9_]{1,40}(:[a-z0-9_]{1,40}){0,2}$"

PRODUCTS_MOST = 100
"""The most products that can be chosen from: the newest, and one that was chosen."""


class FiguresQuery(Input):
    """The form over the figures; months are both included."""

    from_: Annotated[Annotated[str, StringConstraints(pattern=MONTH)], Field(alias="from")]
    to: Annotated[str, StringConstraints(pattern=MONTH)]
    product: Annotated[str, words(ID_MOST)] | None = None
    country: Country | None = None


class RowsQuery(Input):
    """The period, and the part of the sales, whose rows are listed."""

    period: Annotated[str, StringConstraints(pattern=MONTH_OR_DAY)]
    product: Annotated[str, words(ID_MOST)] | None = None
    country: Country | None = None
    cursor: Cursor | None = None


def typed(desk: Desk) -> dict[str, str]:
    """Returns what was typed, without blanks."""
    query = desk.request.query()
    return {name: value.strip() for name, value in query.items() if value.strip()}


def part(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns the part of the sales that was typed."""
    return {name: typed[name] for name in ("product", "country") if name in typed}


def kept(typed: Mapping[str, str]) -> str:
    """Returns the same part as an address begins its question with it: `country=DE&`."""
    return "".join(f"{urlencode({name: value})}&" for name, value in part(typed).items())


def usual_span(desk: Desk) -> dict[str, str]:
    """Returns the months of the last year, with the one under way."""
    today = Anchor.at(desk.now, desk.session.merchant.settings.time_zone).wall.date()
    first = today.replace(year=today.year - 1, day=1)
    months = months_between(month_of(first), month_of(today))
    return {"from": months[1], "to": months[-1]}


def months_before(month: str, count: int) -> str:
    """Returns the month that is so many months before one."""
    months = int(month[:4]) * A_YEAR + int(month[5:]) - 1 - count
    return f"{months // A_YEAR:04d}-{months % A_YEAR + 1:02d}"


class Products(Value):
    """The ids and names of the products that can be chosen; `is_cut` if there are older ones."""

    named: tuple[tuple[str, str], ...]
    is_cut: bool


def products(desk: Desk, typed: Mapping[str, str]) -> Products:
    """Returns the newest products, and one that was chosen."""
    merchant = desk.session.merchant
    newest = product_lists.made(desk.ports, merchant, limit=PRODUCTS_MOST)
    named = {product.id: product.name for product in newest.data}
    chosen = typed.get("product", "")
    if chosen and chosen not in named and len(chosen) <= ID_MOST:
        (found,) = desk.ports.store.products([(merchant.id, chosen)])
        if found is not None:
            named[found.id] = found.name
    return Products(tuple(named.items()), newest.next is not None)

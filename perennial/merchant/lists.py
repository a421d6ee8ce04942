"""The commands that show products, customers, subscriptions and orders."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from perennial.merchant.terminal import (
    All,
    Json,
    Limit,
    asking,
    every,
    get,
    segment,
    show_list,
    show_one,
)

Customer = Annotated[str | None, typer.Option(help="Only those of this customer id.")]
From = Annotated[str | None, typer.Option("--from", help="Earliest day, such as 2026-01-31.")]
To = Annotated[str | None, typer.Option("--to", help="Last day, such as 2026-01-31.")]


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (products, customers, subscriptions, orders):
        app.command()(command)


def products(
    product: Annotated[str | None, typer.Argument(help="Product id, to show one.")] = None,
    limit: Limit = 20,
    all_rows: All = False,
    as_json: Json = False,
) -> None:
    """List products, newest first, or show one.

    Example: perennial products --limit 5
    """
    columns = ("id", "name", "default_price_point", "archived")
    _show("products", product, columns, None if all_rows else limit, as_json)


def customers(
    customer: Annotated[str | None, typer.Argument(help="Customer id, to show one.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Beginning of a word of name or email.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Exact email address.")] = None,
    limit: Limit = 20,
    all_rows: All = False,
    as_json: Json = False,
) -> None:
    """List customers, newest first, or show one.

    Example: perennial customers --search ann
    """
    columns = ("id", "email", "name", "created_at")
    most = None if all_rows else limit
    _show("customers", customer, columns, most, as_json, q=search, email=email)


def subscriptions(
    subscription: Annotated[str | None, typer.Argument(help="Its id, to show one.")] = None,
    state: Annotated[str | None, typer.Option(help="State, such as active.")] = None,
    customer: Customer = None,
    product: Annotated[str | None, typer.Option(help="Only those of this product id.")] = None,
    limit: Limit = 20,
    all_rows: All = False,
    as_json: Json = False,
) -> None:
    """List subscriptions, newest first, or show one.

    Example: perennial subscriptions --state past_due --all
    """
    columns = ("id", "state", "customer", "product_name", "next_charge_at")
    most = None if all_rows else limit
    filters = {"state": state, "customer": customer, "product": product}
    _show("subscriptions", subscription, columns, most, as_json, **filters)


def orders(
    order: Annotated[str | None, typer.Argument(help="Order id, to show one.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind, such as rebill or refund.")] = None,
    customer: Customer = None,
    since: From = None,
    until: To = None,
    limit: Limit = 20,
    all_rows: All = False,
    as_json: Json = False,
) -> None:
    """List orders, newest first, or show one.

    Example: perennial orders --kind failed --from 2026-01-01
    """
    columns = ("id", "kind", "at", "amount", "email", "product_name")
    filters = {"kind": kind, "customer": customer, "from": since, "to": until}
    _show("orders", order, columns, None if all_rows else limit, as_json, **filters)


def _show(
    what: str,
    one: str | None,
    columns: Sequence[str],
    limit: int | None,
    as_json: bool,
    **filters: Any,
) -> None:
    singular = what.removesuffix("s")
    named = {"q": "--search", "path": singular} | {name: f"--{name}" for name in filters}
    with asking(**(named | {"q": "--search"})) as api:
        if one is not None:
            found = get(api, f"/v1/{what}/{segment(one, singular)}")
            show_one(found, as_json=as_json)
        else:
            show_list(every(api, f"/v1/{what}", limit=limit, **filters), columns, as_json=as_json)

"""Every setting, and every field of products and prices, is in a form of the console (M-2, M-4)."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from billing.accounts.web.merchant_inputs import (
    NewProductInput,
    PricePointChangeInput,
    ProductChangeInput,
    SettingsChangeInput,
)
from billing.catalog.web.price_inputs import PricePointInput
from billing.console.web import business, departments, product_forms, settings
from billing.kernel import return_addresses
from billing.kernel.values import replace
from tests.console.agent import Agent
from tests.web.shop import PRODUCT, Shop
from tests.world import World


@pytest.fixture
def shop() -> Shop:
    return Shop()


def paths(shape: type[BaseModel], prefix: str = "") -> set[str]:
    """The fields of a shape, those of its parts with their path."""
    found: set[str] = set()
    for name, field in shape.model_fields.items():
        part = _shape_in(field.annotation)
        if part is None or name in ("tax_ids", "all"):
            found.add(f"{prefix}{field.alias or name}")
        else:
            found |= paths(part, f"{prefix}{name}.")
    return found


def _shape_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_shape_in(each) for each in get_args(annotation))
    return next((each for each in inner if each is not None), None)


def fields_of(shop: Shop, address: str) -> set[str]:
    """The names of a page's fields."""
    main = Agent.of(shop).look(address).one("main")
    named = [*main.all("input"), *main.all("select"), *main.all("textarea"), *main.all("button")]
    return {str(each.attributes["name"]) for each in named if "name" in each.attributes}


FORMS = {
    **{name: name for name in (*settings.WORDS, *settings.DAYS, *settings.SWITCHES)},
    **{name: name for name in ("portal", "custom_domain", "grace_days", "freeze_price")},
    "return_urls": "return_urls",
    **settings.NESTED,
}
"""The settings form's fields, by the paths of the API."""

OF_THE_PLATFORM = {"accounts.retention_days", "accounts.frozen_stops"}
BUSINESS = {"legal_name", "tax_ids", "invoice_note", "untaxed_reason", "e_invoices"}


@pytest.mark.spec("M-2", "M-4")
def test_every_setting_of_the_api_has_a_field_in_the_browser(shop: Shop) -> None:
    asked = paths(SettingsChangeInput)
    identity = {path for path in asked if path.startswith("identity.")}
    elsewhere = {"departments.all", *identity}
    assert FORMS.keys() == asked - elsewhere
    shown = fields_of(shop, "/console/settings")
    assert {FORMS[path] for path in FORMS.keys() - OF_THE_PLATFORM} <= shown
    names = {path.removeprefix("identity.").removeprefix("address.") for path in identity}
    assert names == BUSINESS | set(business.ADDRESS)
    assert names <= fields_of(shop, business.HERE)
    of_department = {"name", "scope", "email", "ask_name", "ask_order", "ask_recordings"}
    assert of_department <= fields_of(shop, f"{departments.HERE}/billing")


def test_as_many_addresses_as_can_be_listed_fit_into_their_field() -> None:
    most = return_addresses.LISTED_MOST * (return_addresses.LONGEST + 1)
    assert most <= settings.TYPED_MOST


@pytest.mark.spec("M-2", "A-6")
def test_the_platform_alone_has_the_rules_for_accounts(shop: Shop) -> None:
    fields = {"retention_days", "frozen_stops"}
    assert not fields & fields_of(shop, "/console/settings")
    world = World()
    world.ports = replace(world.ports, operation=replace(world.ports.operation, platform="acme"))
    platform = Shop(world)
    assert fields <= fields_of(platform, "/console/settings")
    form = settings.typed_settings(world.merchant)
    mark = settings.seen(world.merchant)
    sent = Agent.of(platform).send(
        "/console/settings", **form | {"seen": mark, "retention_days": "30", "frozen_stops": ""}
    )
    assert sent.status == 303
    found = platform.api.get("/v1/settings").json["accounts"]
    assert found == {"retention_days": 30, "frozen_stops": False}


@pytest.mark.spec("P-1", "P-15", "M-4")
def test_every_field_of_a_product_has_a_field_in_the_browser(shop: Shop) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    at = f"/console/products/{made['id']}"
    edit, price, page = (fields_of(shop, f"{at}{part}") for part in ("/edit", "/prices/new", ""))
    in_forms = {
        *product_forms.BASIC,
        *product_forms.ACCESS,
        *product_forms.CHECKOUT,
        *product_forms.PLANS,
    }
    of_product = {*NewProductInput.model_fields, *ProductChangeInput.model_fields}
    others = {"gateways", "price_points", "default_price_point", "archived"}
    assert of_product == in_forms | others
    assert in_forms - {"limits"} | {"gateway_sandbox"} <= edit, "limits are the platform's"
    renamed = {"price.amount": "amount", "initial.amount": "initial_amount"}
    asked = {renamed.get(path, path) for path in paths(PricePointInput)}
    spans = {f"initial.period.{unit}" for unit in ("days", "weeks", "months", "years")}
    assert asked - spans - {"price.currency"} <= set(product_forms.PRICE)
    assert set(product_forms.PRICE) <= price
    assert {*PricePointChangeInput.model_fields} == {"cancellation", "archived", "default"}
    assert {"cancellation"} <= page

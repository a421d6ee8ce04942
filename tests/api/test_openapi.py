"""The OpenAPI document says what there is, and nobody sees what is another's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.openapi.models import OpenAPI

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import Declared, Kind
from billing.declarations.flows import receive
from billing.declarations.flows.receive import Sender
from billing.migration.flows import uploads
from tests.invoices.issuing_samples import BERLIN, IDENTITY
from tests.migration.files import many
from tests.web.shop import PRODUCT, Shop

PARAMETER = re.compile(r"<(\w+)>")
METHODS = {"get", "post", "patch", "put", "delete"}

PRICE_CHANGE = {"price": {"amount": 3999, "currency": "USD"}, "from": "2026-03-01"}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def document(shop: Shop) -> Any:
    answer = shop.stranger.call("GET", "/v1/openapi.json")
    assert answer.status == 200
    return answer.json


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(document: Any, part: dict[str, Any]) -> Any:
    """Part of the document, or what it refers to."""
    if "$ref" not in part:
        return part
    found = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


@pytest.mark.spec("M-3")
def test_the_document_is_valid_openapi(document: Any) -> None:
    OpenAPI.model_validate(document)
    for reference in references(document):
        assert resolved(document, {"$ref": reference})
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert sorted(set(ids)) == sorted(ids)
    for path, method, operation in operations(document):
        assert method in METHODS
        declared = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert declared == re.findall(r"{(\w+)}", path)
        assert operation["summary"].endswith(".")
        assert ("requestBody" in operation) <= (method in {"post", "patch", "put"})
        good = [status for status in operation["responses"] if status < "400"]
        assert len(good) == 1 or good in (["200", "202"], ["201", "202"])
        if good == ["204"]:
            assert "content" not in operation["responses"]["204"]
            continue
        for status in good:
            kind = "application/pdf" if path.endswith("/pdf") else "application/json"
            kind = "application/xml" if path.endswith("/xml") else kind
            kind = "text/csv" if path.endswith(".csv") and method == "get" else kind
            assert operation["responses"][status]["content"][kind]["schema"]


@pytest.mark.spec("M-3", "B-7")
def test_a_refund_says_what_is_under_way_and_what_is_refused_meanwhile(document: Any) -> None:
    asked = document["paths"]["/v1/orders/{order}/refund"]["post"]["responses"]
    shown = asked["202"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    done = asked["201"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = {n: set(document["components"]["schemas"][n]["properties"]) for n in (shown, done)}
    assert fields[shown] == fields[done] | {"state"}
    assert "refund_open" in asked["409"]["description"]
    assert "402" not in asked
    assert "outcome_unknown" in resolved(document, asked["503"])["description"]


@pytest.mark.spec("M-3")
def test_each_route_is_in_it(shop: Shop, document: Any) -> None:
    routes = {(route.method, PARAMETER.sub(r"{\1}", route.path)) for route in shop.resolver.routes}
    described = {(method.upper(), path) for path, method, _ in operations(document)}
    of_the_api = {r for r in routes if r[1].startswith("/v1/")} - {("GET", "/v1/openapi.json")}
    assert described == of_the_api


@pytest.mark.spec("M-3")
def test_every_operation_has_an_id_and_a_title_of_its_own(document: Any) -> None:
    for named in ("operationId", "summary"):
        repeated = Counter(one[named].lower() for _, _, one in operations(document))
        assert max(repeated.values()) == 1, repeated.most_common(3)


def test_every_component_has_a_title_of_its_own(document: Any) -> None:
    """Generators name classes so: openapi-python-client left out cancel and six lists, whose
    components shared a title."""
    components = document["components"]["schemas"]
    assert all(schema["title"].isidentifier() for schema in components.values())
    repeated = Counter(schema["title"].lower() for schema in components.values())
    assert max(repeated.values()) == 1, repeated.most_common(3)
    classes = Counter(
        one["title"] for one in _all_below(components) if "enum" in one or "properties" in one
    )
    assert max(classes.values()) == 1, classes.most_common(3)


def _all_below(part: Any) -> Iterator[dict[str, Any]]:
    """Yields each object inside part of the document that has a title."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            yield part
        for each in part.values():
            yield from _all_below(each)
    if isinstance(part, list):
        for each in part:
            yield from _all_below(each)


def test_every_post_takes_an_idempotency_key(document: Any) -> None:
    for path, method, operation in operations(document):
        names = [p["name"] for p in operation["parameters"]]
        assert ("Idempotency-Key" in names) == (method == "post"), path


@pytest.mark.spec("M-3")
def test_a_query_is_described_whatever_its_method(document: Any) -> None:
    removal = document["paths"]["/v1/gateway-accounts/{gateway}/{account}"]["delete"]
    named = {p["name"]: p for p in removal["parameters"] if p["in"] == "query"}
    assert named["force"]["schema"]["enum"] == ["true", "false"]


def test_answers_have_the_fields_that_are_described(shop: Shop, document: Any) -> None:
    product = shop.api.post("/v1/products", PRODUCT).json
    bought = shop.world.buy()
    asked = shop.api.post("/v1/tickets", {**TICKET, "order": bought.invoice.order_id}).json
    shown = {
        "ThreadOutput": asked,
        "TicketOutput": shop.api.get("/v1/tickets").json["data"][0],
        "ProductOutput": product,
        "PricePointOutput": product["price_points"][0],
        "OrderOutput": shop.api.get(f"/v1/orders/{bought.invoice.order_id}").json,
        "SubscriptionOutput": shop.api.get(f"/v1/subscriptions/{bought.purchase}").json,
        "OverviewOutput": shop.api.get(f"/v1/customers/{bought.customer}").json,
        "SettingsOutput": shop.api.get("/v1/settings").json,
        "EventsOutput": shop.api.get("/v1/events").json,
        "ForecastOutput": shop.api.get("/v1/forecast", to="2026-12-31").json,
    }
    for name, answer in shown.items():
        schema = document["components"]["schemas"][name]
        assert set(answer) == set(schema["properties"]), name
        assert set(schema["required"]) <= set(answer), name


QUERIES = {
    "/v1/figures": "from=2026-01&to=2026-03",
    "/v1/figures.csv": "from=2026-01&to=2026-03",
    "/v1/figures/{figure}/orders": "period=2026-01",
    "/v1/figures/cohorts": "from=2026-01&to=2026-03",
    "/v1/figures/trials": "from=2026-01&to=2026-03",
    "/v1/figures/recovery": "from=2026-01&to=2026-03",
    "/v1/figures/reasons": "from=2026-01&to=2026-03",
    "/v1/customers": "email=ann%40example.com",
    "/v1/access": "email=ann%40example.com&grant=course",
    "/v1/forecast": "to=2026-12-31",
    "/v1/tax/report": "from=2026-01-01&to=2026-12-31",
    "/v1/tax/report.csv": "from=2026-01-01&to=2026-12-31",
    "/v1/accounts": "username=acme&email=x%40example.com",
}
PLATFORMS = {"/v1/accounts"}
"""The platform's own; tests/accounts/test_pages.py asks as the platform."""
LISTS = {
    "/v1/declarations",
    "/v1/products",
    "/v1/orders",
    "/v1/customers",
    "/v1/subscriptions",
    "/v1/invoices",
    "/v1/attention",
    "/v1/events",
    "/v1/forecast",
    "/v1/tickets",
    "/v1/coupons",
    "/v1/exports",
    "/v1/imports",
    "/v1/tax/registrations",
    "/v1/tax/rates",
    "/v1/tax/report",
}
ENDPOINT = {"url": "https://hooks.example.com/", "events": ["*"]}
COUPON = {"code": "SPRING", "basis_points": 2500, "duration": "once"}
TICKET = {
    "department": "billing",
    "email": "ann@example.com",
    "subject": "Please",
    "text": "Cancel it.",
    "wish": "cancel",
}


def test_nobody_sees_what_is_another_merchants(shop: Shop, document: Any) -> None:
    """Each GET of the document, asked by a second merchant and by nobody."""
    shop.world.change_merchant(address=BERLIN, identity=IDENTITY)  # so that invoices have XML
    made = shop.api.post("/v1/products", PRODUCT).json
    product = shop.world.store.product("acme", made["id"])
    bought = shop.world.buy(product)
    shop.world.advance(days=40)
    request = {**TICKET, "order": bought.invoice.order_id}
    ids = {
        "ticket": shop.api.post("/v1/tickets", request).json["id"],
        "product": made["id"],
        "order": bought.invoice.order_id,
        "subscription": bought.purchase,
        "customer": bought.customer,
        "invoice": bought.invoice.id,
        "coupon": shop.api.post("/v1/coupons", COUPON).json["code"],
        "declaration": declare(shop),
        "endpoint": shop.api.post("/v1/webhook-endpoints", ENDPOINT).json["id"],
        "export": shop.api.post("/v1/exports", {"what": "customers"}).json["id"],
        "import_id": begin_import(shop),
    }
    asked = 0
    for path, method, _ in operations(document):
        if method != "get":
            continue
        query = QUERIES.get(path)
        address = path.format(**ids, figure="revenue") + (f"?{query}" if query else "")
        mine, theirs = shop.api.call("GET", address), shop.other.call("GET", address)
        assert mine.status == (404 if path in PLATFORMS else 200), address
        assert shop.stranger.call("GET", address).status == 401, address
        if "{figure}" in path:  # a name, which all may ask about
            assert (theirs.status, theirs.json["data"]) == (200, []), address
        elif "{" in path:
            assert theirs.status == 404, address
        elif path in LISTS:
            assert (theirs.status, theirs.json["data"]) == (200, []), address
        for secret in ("ann@example.com", *ids.values(), "acme"):
            assert secret not in theirs.body, address
        asked += 1
    assert asked >= 12


def begin_import(shop: Shop) -> str:
    """Begins an import, its dry run and its comparison; returns the import's id."""
    begun = shop.api.post("/v1/imports", many(1), content_type="text/csv").json["id"]
    assert shop.api.post(f"/v1/imports/{begun}/dry-run").status == 200
    charges = b"external_id,charged_at,amount,currency\n"
    upload = uploads.keep(shop.world.ports, "acme", charges + b"sub_1,2026-02-20,1.00,USD\n")
    compared = shop.api.post(f"/v1/imports/{begun}/shadow", {"charges": upload})
    assert compared.status == 200
    return str(begun)


def declare(shop: Shop) -> str:
    """Declares a cancellation to the shop as a stranger would; returns its id."""
    made = receive.receive(
        shop.world.ports,
        shop.world.merchant,
        Duty.CANCELLATION,
        Declared(Kind.ORDINARY, "Ann", "ann@example.com", "Course"),
        Sender("192.0.2.1", "DE", "de"),
        key="declared-once",
        now=shop.world.now,
    )
    return made.id


def test_nobody_changes_what_is_another_merchants(shop: Shop, document: Any) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    second = shop.api.post(f"/v1/products/{made['id']}/price-points", PRODUCT["price_points"][0])
    bought = shop.world.buy()
    request = {**TICKET, "order": bought.invoice.order_id}
    ids = {
        "ticket": shop.api.post("/v1/tickets", request).json["id"],
        "product": made["id"],
        "registration": shop.api.post("/v1/tax/registrations", {"country": "DE"}).json["id"],
        "price_point": second.json["id"],
        "key": "key_sk_acme",
        "order": bought.invoice.order_id,
        "subscription": bought.purchase,
        "customer": bought.customer,
        "gateway": "stripe",
        "account": "acct_1",
        "coupon": shop.api.post("/v1/coupons", COUPON).json["code"],
        "member": "member_1",
        "declaration": declare(shop),
        "endpoint": shop.api.post("/v1/webhook-endpoints", ENDPOINT).json["id"],
        "delivery": "we_1.evt_1",
        "export": shop.api.post("/v1/exports", {"what": "customers"}).json["id"],
        "import_id": begin_import(shop),
    }
    before = [shop.api.get(a).json for a in ("/v1/products", "/v1/settings", "/v1/keys")]
    change = {"price_point": second.json["id"], "when": "now"}
    bodies: dict[str, Any] = {
        "/v1/products/{product}/price-points": PRODUCT["price_points"][0],
        "/v1/subscriptions/{subscription}/cancel": {"when": "now"},
        "/v1/subscriptions/{subscription}/price-change": PRICE_CHANGE,
        "/v1/price-points/{price_point}/price-change": PRICE_CHANGE,
        "/v1/subscriptions/{subscription}/change-plan": change,
        "/v1/subscriptions/{subscription}/change-plan/quote": change,
        "/v1/subscriptions/{subscription}/tax-id": {"tax_id": None},
        "/v1/tickets/{ticket}/reply": {"text": "Hello"},
        "/v1/coupons/{coupon}": {"active": False},
        "/v1/team/{member}": {"role": "support"},
        "/v1/subscriptions/{subscription}/coupon": {"coupon": "SPRING"},
        "/v1/orders/{order}/refund-tax": {"proof": "A certificate"},
        "/v1/webhook-endpoints/{endpoint}/replay": {"from": "2026-01-01", "to": "2027-01-01"},
    }
    for path, method, _ in operations(document):
        if method == "get" or "{" not in path:
            continue
        body = bodies.get(path, {} if method == "patch" else None)
        address = path.format(**ids)
        assert shop.other.call(method.upper(), address, body).status == 404, address
        assert shop.stranger.call(method.upper(), address, body).status == 401, address
    assert [shop.api.get(a).json for a in ("/v1/products", "/v1/settings", "/v1/keys")] == before
    shop.other.call("PATCH", "/v1/settings", {"grace_days": 1})
    assert shop.api.get("/v1/settings").json == before[1]


def test_filters_by_another_merchants_ids_are_404(shop: Shop) -> None:
    bought = shop.world.buy()
    assert shop.other.get("/v1/orders", customer=bought.customer).status == 404
    assert shop.other.get("/v1/orders", subscription=bought.purchase).status == 404
    cursor = shop.api.get("/v1/orders", limit="1").json["next"] or "x"
    assert shop.other.get("/v1/orders", cursor=cursor).status == 422

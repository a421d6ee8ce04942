"""Any form and any address of the console is answered, and no error is of ours."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.merchants import GatewayAccount
from tests.console.agent import Agent
from tests.depth import examples
from tests.web.shop import Shop
from tests.world import World

FIELDS = (
    *("name", "public_listing", "grants", "limits", "refund_days", "gateway_sandbox", "gateway_x"),
    *("type", "amount", "period", "installments", "cycle", "tax", "cancellation", "has_initial"),
    *("initial_amount", "initial_count", "initial_unit", "trial_guard", "act", "attempt", "seen"),
    *("default", "archived", "scheme", "country", "state", "nexus", "threshold", "orders", "home"),
    *("postal_code", "rate", "from", "to", "csv", "file", "time_zone", "currency", "language"),
    *("portal", "self_cancel", "attempts", "every_days", "final_action", "grace_days", "when"),
    *("secret_key", "publishable_key", "embedded", "webhook_secret", "activate", "sure", "back"),
    *("freeze_price", "custom_domain", "confirmation_template", "cancel_department", "q", "cursor"),
    *(
        "code",
        "kind",
        "percent",
        "duration",
        "charges",
        "starts_at",
        "max_uses",
        "usable",
        "coupon",
    ),
    *("applies_to_initial", "product_x", "price_x", "use"),
    *("price_point", "other", "token", "subscription", "days", "email", "order", "wish", "subject"),
    *("text", "department", "tax_ids", "scope", "legal_name", "line1", "ask_name", "as"),
    *("url", "events", "name", "since", "until", "delivery", "state", "type"),
)
TEXTS = st.one_of(
    st.sampled_from(
        ("", " ", "0", "1", "-1", "9" * 40, "1,5", "12.345", "true", "null", "x" * 400, "<b>", "é")
    ),
    st.sampled_from(("recurring", "installment", "recurring_installment", "one_time", "1m", "1y")),
    st.sampled_from(("US", "CA", "DE", "eu_oss", "threshold", "price_1", "now", "preview", "\x00")),
    st.text(max_size=40),
)
FORMS = st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=12)


@cache
def house() -> tuple[Agent, tuple[str, ...], tuple[str, ...]]:
    """A merchant with something of everything, and the addresses to send to and to look at."""
    shop = Shop(World(limits=False))
    bought = shop.world.buy()
    shop.world.tick()
    agent = Agent.of(shop)
    answer = agent.send("/console/products/new", name="Course")
    draft = answer.headers["location"].split("/")[-2]
    agent.send("/console/tax/registrations", country="GB")
    agent.send("/console/coupons/new", code="SPRING", percent="5", duration="once")
    (registered,) = shop.api.get("/v1/tax/registrations").json["data"]
    product = shop.api.get(f"/v1/products/{bought.product}").json
    hook = {"url": "https://hooks.example.com/", "events": ["*"]}
    endpoint = shop.api.post("/v1/webhook-endpoints", hook).json["id"]
    named = {
        "endpoint": endpoint,
        "declaration": "none",
        "draft": draft,
        "step": "basic",
        "key": "new",
        "product": bought.product,
        "price_point": product["price_points"][0]["id"],
        "customer": str(bought.customer),
        "subscription": bought.purchase,
        "order": bought.invoice.order_id,
        "invoice": bought.invoice.id,
        "registration": registered["id"],
        "department": "billing",
        "what": "mail",
        "language": "de",
        "letter": "receipt",
        "kind": "html",
        "action": "pause",
        "figure": "revenue",
        "act": "replace",
        "ticket": "none",
        "gateway": "stripe",
        "account": "acct_1_test",
        "mode": "test",
        "token": "none",
        "coupon": "SPRING",
        "member": "none",
        "invitation": "none",
        "merchant": "none",
        "missed": "none",
        "upload": "none",
        "import_id": "none",
    }
    found: dict[str, list[str]] = {"GET": [], "POST": []}
    shop.world.change_merchant(gateway_accounts=(GatewayAccount("stripe", "acct_1_test"),))
    for route in (*shop.console.routes, *shop.gateways.routes):
        if "sign-" not in route.path:
            place = re.sub(r"<(\w+)>", lambda name: named[name[1]], route.path)
            found[route.method].append(place)
    found["POST"] += [
        f"/console/products/new/{draft}/{s}" for s in ("access", "checkout", "review")
    ]
    acts = ("change", "test", "resend", "replay", "disable", "enable")
    found["POST"] += [f"/console/webhooks/{endpoint}/{act}" for act in acts]
    found["GET"] += [
        f"/console/webhooks/{endpoint}/{act}" for act in ("replay", "rotate", "delete")
    ]
    return agent, tuple(sorted(found["POST"])), tuple(sorted(found["GET"]))


@pytest.mark.spec("M-4")
@settings(max_examples=examples(400))
@given(st.data())
def test_a_form_is_taken_or_refused_and_never_an_error_of_ours(data: st.DataObject) -> None:
    agent, forms, _ = house()
    address, form = data.draw(st.sampled_from(forms)), data.draw(FORMS)
    answer = agent.send(address, **form)
    assert answer.status in {200, 303, 404, 409, 422}, (address, form, answer.status)


@pytest.mark.spec("M-4")
@settings(max_examples=examples(300))
@given(st.data())
def test_an_address_is_answered_and_never_an_error_of_ours(data: st.DataObject) -> None:
    agent, _, pages = house()
    address, query = data.draw(st.sampled_from(pages)), data.draw(FORMS)
    answer = agent.client.browse("GET", f"{address}?{urlencode(query)}")
    assert answer.status in {200, 303, 404, 409, 422}, (address, query, answer.status)


def test_every_page_of_the_console_is_among_them() -> None:
    _, forms, pages = house()
    assert len(forms) > 20 and len(pages) > 25


@pytest.mark.parametrize("address", ["/console/branding/logo", "/console/import"])
def test_a_form_that_takes_a_file_is_answered_when_a_text_is_sent_in_its_place(
    address: str,
) -> None:
    agent, _, _ = house()
    typed = {"logo": "€", "file": "€", "cards": "€", "kind": "canonical"}
    assert agent.send(address, **typed).status in {303, 422}

"""Every event is documented: in docs/webhooks.md, and in the OpenAPI document's webhooks (M-5)."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from billing.event_log.public_events import About, PublicType
from billing.webhooks import event_texts
from billing.webhooks.deliveries import TEST
from billing.webhooks.flows import endpoints
from dev import webhook_docs
from tests.web.shop import Shop
from tests.webhooks.hooks import Hooks

pytestmark = pytest.mark.spec("M-5")


@pytest.fixture(scope="module")
def document() -> Any:
    return Shop().api.get("/v1/openapi.json").json


def test_the_page_is_what_the_code_says() -> None:
    written = webhook_docs.PAGE.read_text("utf-8")
    assert written == webhook_docs.written(), "python -m dev.webhook_docs"


def test_every_type_and_object_has_its_words() -> None:
    assert set(event_texts.WHEN) == set(PublicType) == set(event_texts.ABOUT)
    assert set(event_texts.OBJECTS) == set(About)
    assert {kind for flow in event_texts.FLOWS.values() for kind in flow} <= set(PublicType)


def test_the_document_has_a_webhook_for_each_type(document: Any) -> None:
    assert set(document["webhooks"]) == {TEST, *(kind.value for kind in PublicType)}
    ids = [each["post"]["operationId"] for each in document["webhooks"].values()]
    assert len(set(ids)) == len(PublicType) + 1


def test_what_is_sent_fits_the_schema_of_its_type(document: Any, hooks: Hooks) -> None:
    import json

    hooks.buy()
    hooks.world.cancel()
    hooks.wait(days=40)
    endpoints.test(hooks.world.ports, "acme", hooks.endpoint.id)
    hooks.world.work_webhooks()
    posts = hooks.posts()
    assert {json.loads(post.body)["type"] for post in posts} >= {
        TEST,
        "purchase.completed",
        "subscription.ended",
    }
    for post in posts:
        sent = json.loads(post.body)
        operation = document["webhooks"][sent["type"]]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(sent)

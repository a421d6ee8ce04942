"""The OpenAPI document is as Redocly and Spectral want it (`make api-lint`), and more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from billing.api.web import openapi_examples, openapi_words
from billing.api.web.frame import Api
from billing.web import http
from billing.web.inputs import Nothing, read
from dev import api_document
from functions.merchant import app
from tests.api.test_openapi import operations, resolved
from tests.world import World

DOCUMENT = api_document.document()
OPERATIONS = {each["operationId"]: each for _, _, each in operations(DOCUMENT)}
OUR_MARKS = re.compile(r"\([A-Z]{1,2}-\d|[A-Z]{3,}\.md|RELIABILITY")


def texts(part: Any) -> Iterator[str]:
    """Each description and summary in part of the document."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"description", "summary"} and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    if isinstance(part, list):
        for each in part:
            yield from texts(each)


@pytest.mark.spec("M-3", "M-12")
def test_each_operation_has_a_tag_that_is_explained() -> None:
    explained = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"].endswith(".")}
    used = {tag for each in OPERATIONS.values() for tag in each["tags"]}
    hooks = {tag for each in DOCUMENT["webhooks"].values() for tag in each["post"]["tags"]}
    assert openapi_words.OTHER not in used
    assert used | hooks == explained


@pytest.mark.spec("M-3", "M-12")
def test_every_component_is_used() -> None:
    written = str({"paths": DOCUMENT["paths"], "webhooks": DOCUMENT["webhooks"]})
    for kind in ("schemas", "responses", "headers"):
        components = DOCUMENT["components"][kind]
        everywhere = written + str(DOCUMENT["components"])
        for name in components:
            assert f"'#/components/{kind}/{name}'" in everywhere, name


@pytest.mark.spec("M-3")
def test_nothing_in_it_names_our_own_rules() -> None:
    marked = [text for text in texts(DOCUMENT) if OUR_MARKS.search(text)]
    assert marked == []


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    whole = {"components": DOCUMENT["components"], **schema}
    return Draft202012Validator(whole, validate_formats=True)


@pytest.mark.spec("M-3", "M-12")
def test_each_answer_and_each_error_has_an_example_of_its_shape() -> None:
    shared = list(DOCUMENT["components"]["responses"].values())
    given = [
        resolved(DOCUMENT, answer)
        for each in OPERATIONS.values()
        for answer in each["responses"].values()
    ]
    for answer in shared + given:
        for kind, content in answer.get("content", {}).items():
            if "json" in kind:
                wrong = list(validator(content["schema"]).iter_errors(content["example"]))
                assert not wrong, (answer["description"], wrong[:2])


@pytest.mark.spec("M-3", "M-12")
def test_each_example_of_a_body_is_one_that_is_taken() -> None:
    """By the very reader of the route, which knows more than the schema."""
    api, ports = Api(http.resolver(), World().ports), World().ports
    for declare in app._all():
        declare(api, ports)
    shown = {
        route.handler.__name__: route
        for route in api.routes
        if route.takes is not Nothing and "requestBody" in OPERATIONS[route.handler.__name__]
    }
    for name, route in shown.items():
        content = OPERATIONS[name]["requestBody"]["content"]
        if "application/json" not in content:
            continue
        example = content["application/json"]["example"]
        assert not list(validator(content["application/json"]["schema"]).iter_errors(example)), name
        assert read(route.takes, example), name
    assert set(openapi_examples.BODIES) <= set(shown)


@pytest.mark.spec("M-3")
def test_headers_and_errors_are_described_where_they_come() -> None:
    for path, method, operation in operations(DOCUMENT):
        for status, answer in operation["responses"].items():
            headers = set(resolved(DOCUMENT, answer)["headers"])
            assert "Request-Id" in headers, path
            assert ("Retry-After" in headers) == (status in {"429", "503"})
            assert ("Idempotent-Replayed" in headers) == (method == "post" and status < "400")
        assert ("413" in operation["responses"]) == ("requestBody" in operation)


def test_states_and_kinds_are_sets_and_instants_have_a_format() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    shown = schemas["SubscriptionOutput"]["properties"]
    assert "past_due" in resolved(DOCUMENT, shown["state"])["enum"]
    plain = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, of in schema.get("properties", {}).items()
        if name.endswith("Output") and field.endswith("_at") and "date-time" not in str(of)
    ]
    assert plain == []

"""A program that holds each answer of /v1 to what the OpenAPI document says of it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from functions.merchant import app
from tests.web.calls import Answer, Client
from tests.world import World


class DescribedClient(Client):
    """Calls /v1, and fails on an answer that the document does not describe."""

    def call(self, method: str, address: str, document: Any = None, **headers: str) -> Answer:
        given = super().call(method, address, document, **headers)
        described = _described(method.lower(), address.partition("?")[0])
        if described is not None:
            _check(described, str(given.status), given)
        return given


def _check(place: tuple[str, str], status: str, given: Answer) -> None:
    operation = _document()["paths"][place[0]][place[1]]
    assert status in operation["responses"], f"{place} answers {status}: {given.body[:200]}"
    if "json" in given.headers.get("content-type", ""):
        found = _validator(*place, status)
        wrong = [] if found is None else [str(each) for each in found.iter_errors(given.json)]
        assert not wrong, (place, status, wrong[:3])


@cache
def _document() -> Any:
    routes = app.build(World().ports)
    answer = Client(routes).get("/v1/openapi.json")
    assert answer.status == 200
    return answer.json


@cache
def _described(method: str, path: str) -> tuple[str, str] | None:
    for place, item in sorted(_document()["paths"].items(), key=lambda each: "{" in each[0]):
        if method in item and re.fullmatch(re.sub(r"{\w+}", "[^/]+", place), path):
            return place, method
    return None


@cache
def _validator(place: str, method: str, status: str) -> Draft202012Validator | None:
    document = _document()
    response = document["paths"][place][method]["responses"][status]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    kinds = [each["schema"] for kind, each in response.get("content", {}).items() if "json" in kind]
    if not kinds:
        return None
    schema = {"components": document["components"], **kinds[0]}
    return Draft202012Validator(schema, validate_formats=True)

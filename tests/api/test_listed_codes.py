"""The OpenAPI document lists the codes that each operation may answer (M-12)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from billing.api.web import openapi_codes
from billing.api.web.frame import Api
from billing.kernel.errors import Refused
from dev import api_document, error_docs, operation_errors
from dev.error_reasons import raised
from tests.api.listed_codes import is_listed, unlisted_met

pytestmark = pytest.mark.spec("M-12")


def test_the_file_is_what_the_code_can_raise() -> None:
    found = operation_errors.FILE.read_text("utf-8")
    assert found == operation_errors.written(), "python -m dev.operation_errors"


def test_every_operation_that_is_listed_is_there_and_every_code_is_known() -> None:
    listed = operation_errors.codes()
    names = {route.handler.__name__ for route in operation_errors.routes()}
    assert listed.keys() - {openapi_codes.ALL} <= names
    known = {str(code) for each in raised() for code in error_docs._codes(each)}
    known |= operation_errors.OF_PORTS["503"] | {"internal_error", "conflict", "too_many_requests"}
    met = {code for some in listed.values() for codes in some.values() for code in codes}
    assert met <= known


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("cancel_subscription", "409", "already_cancelled"),
        ("refund_order", "409", "disputed"),
        ("refund_order", "409", "refund_open"),
        ("replay_webhooks", "409", "replay_under_way"),
        ("revoke_key", "409", "last_key"),
        ("create_product", "422", "invalid"),
        ("list_orders", "403", "scope_missing"),
        ("show_order", "404", "not_found"),
    ],
)
def test_codes_that_are_known_to_be_met_are_found(operation: str, status: str, code: str) -> None:
    assert is_listed(operation, status, code)


@pytest.mark.parametrize(
    ("operation", "code"),
    [("list_orders", "already_cancelled"), ("cancel_subscription", "endpoint_disabled")],
)
def test_codes_of_others_are_not_listed(operation: str, code: str) -> None:
    assert not is_listed(operation, "409", code)


def test_the_document_names_the_codes_in_words_and_for_programs() -> None:
    document = api_document.document()
    shared = document["components"]["responses"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) < 400:
                    continue
                told = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
                if status == "402":
                    continue
                assert told["x-codes"], (path, status)
                assert all(f"`{code}`" in told["description"] for code in told["x-codes"])
                example = told["content"]["application/problem+json"]["example"]
                assert example["code"] in told["x-codes"], (path, status)


def test_a_code_that_is_not_listed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(api: Api, route: Any, ids: Any) -> None:
        raise Refused("endpoint_disabled")

    def list_orders() -> None:
        """Stands for the handler."""

    monkeypatch.setattr(Api, "_answer", answers)
    route: Any = SimpleNamespace(handler=list_orders)
    with unlisted_met() as met, pytest.raises(Refused):
        Api._answer(SimpleNamespace(), route, {})  # type: ignore[arg-type]
    assert met == {("list_orders", "409", "endpoint_disabled")}

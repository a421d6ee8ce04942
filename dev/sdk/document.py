"""The API document as the generators read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from types import SimpleNamespace
from typing import Any, cast

from billing.kernel.operation import Operation
from billing.kernel.ports import Ports
from functions.merchant import app

_ADDRESS = {
    "version": "2.0",
    "rawPath": "/v1/openapi.json",
    "rawQueryString": "",
    "headers": {"host": "127.0.0.1"},
    "requestContext": {
        "requestId": "sdk",
        "stage": "$default",
        "domainName": "127.0.0.1",
        "http": {"method": "GET", "path": "/v1/openapi.json", "sourceIp": "127.0.0.1"},
    },
    "isBase64Encoded": False,
}

FILES = frozenset({"application/pdf", "application/xml"})
TEXT_FILES = frozenset({"text/csv"})


def served() -> dict[str, Any]:
    """Returns the document that `GET /v1/openapi.json` serves, which needs no store."""
    no_store = SimpleNamespace(operation=Operation(public_url="http://127.0.0.1:3000"))
    resolver = app.build(cast(Ports, no_store))
    answer = resolver.resolve(_ADDRESS, None)
    assert answer["statusCode"] == 200, answer
    found: dict[str, Any] = json.loads(answer["body"])
    return found


def for_generators(document: dict[str, Any], binary: Set[str] = FILES) -> dict[str, Any]:
    """Returns a copy with the answers of success alone, and with files of some kinds as bytes.

    Our own layer raises every problem, so no operation returns one.
    """
    shaped: dict[str, Any] = json.loads(json.dumps(document))
    for operation in operations(shaped):
        operation["responses"] = {
            status: answer for status, answer in operation["responses"].items() if status < "400"
        }
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for kind in binary & part.get("content", {}).keys():
                part["content"][kind]["schema"] = {"type": "string", "format": "binary"}
    return shaped


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields each operation of a document."""
    for methods in document["paths"].values():
        yield from methods.values()

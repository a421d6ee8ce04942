"""Writes the OpenAPI document of /v1, for tools that read it from a file.

python -m dev.api_document > openapi.json
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from billing.kernel.operation import Operation
from functions.merchant import app

if TYPE_CHECKING:
    from billing.kernel.ports import Ports

HOST = "api.perennial.invalid"
"""The host in the document, which is that of whoever runs it."""

PATH = "/v1/openapi.json"


def document() -> dict[str, Any]:
    """Returns the document as the route answers it; nothing stands behind the other routes."""
    ports = SimpleNamespace(operation=Operation(f"https://{HOST}"))
    resolver = app.build(cast("Ports", ports))
    context = {"stage": "$default", "http": {"method": "GET", "path": PATH, "sourceIp": "::1"}}
    answer = resolver.resolve(
        {"rawPath": PATH, "headers": {"host": HOST}, "requestContext": context}, None
    )
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = json.loads(answer["body"])
    return found


if __name__ == "__main__":
    json.dump(document(), sys.stdout, ensure_ascii=False, indent=1)

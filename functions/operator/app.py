"""The operator's function of the installation: invoked directly, guarded by IAM, no route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.operations.web import operator
from billing.runtime import telemetry, wiring


@telemetry.observed
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles `{"do": "merchant", "name": .., "email": ..}` and its like.

    A mistake is returned as `error`.
    """
    return operator.answer(wiring.ports(), event)

"""The names and values that the expressions of a request stand for."""

from __future__ import annotations

from functools import cache

from billing.storage.codec import Attribute
from billing.storage.dynamo.failures import Request


class ExpressionBuilder:
    """Collects the names and values of an action's expressions; `#state` means the name `state`."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Attribute] = {}

    def path(self, *parts: str) -> str:
        text, names = _path(parts)
        self.names.update(names)
        return text

    def value(self, attribute: Attribute) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = attribute
        return placeholder

    def parameters(self) -> Request:
        """Returns the request's names and values, if any: DynamoDB refuses empty ones."""
        parameters: Request = {"ExpressionAttributeNames": self.names}
        if self.values:
            parameters["ExpressionAttributeValues"] = self.values
        return parameters


SHORT = {"body": "b"}
"""A short name for what stands before each field of a condition, which has 4 KB for all of them."""


@cache
def _path(parts: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Returns a path and its names; there are as many as stored fields, so they are kept."""
    names = [(f"#{SHORT.get(part, part)}", part) for part in parts]
    return ".".join(name for name, _ in names), dict(names)

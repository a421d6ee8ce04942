"""Descriptions of texts in answers, for the OpenAPI document: their format, or all their values.

The answers themselves hold plain text: where nobody asks for the document, nothing reads these.
"""

from __future__ import annotations

from typing import Annotated, Any


class OneOf:
    """A description of a text that is a value of an enum or of a literal type."""

    def __init__(self, *kinds: Any) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        del source
        schemas = [handler.generate_schema(kind) for kind in self.kinds]
        return schemas[0] if len(schemas) == 1 else {"type": "union", "choices": schemas}


class Form:
    """A description of a text by a format of JSON Schema, and by what it says."""

    def __init__(self, form: str, words: str = "") -> None:
        self.described = {"format": form} | ({"description": words} if words else {})

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), **self.described}


Instant = Annotated[str, Form("date-time")]
"""An instant, RFC 3339 in UTC, to the second."""

Day = Annotated[str, Form("date")]
"""A local day."""

Url = Annotated[str, Form("uri")]
"""An absolute address of the web."""

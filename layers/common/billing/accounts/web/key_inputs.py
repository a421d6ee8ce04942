"""API keys as merchants send them to /v1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from billing.web.inputs import Input, different

KeyScope = Literal[
    "read",
    "write",
    "catalog:read",
    "catalog:write",
    "customers:read",
    "customers:write",
    "money:read",
    "money:write",
    "settings:read",
    "settings:write",
]
"""A scope of an API key, as `billing.team.rights` has them."""


class NewKeyInput(Input):
    """A new API key; it gets the rights of the key that makes it, or fewer.

    `read` and `write` are of every area; an area is `catalog`, `customers`, `money` or `settings`.
    """

    scopes: Annotated[tuple[KeyScope, ...], Field(min_length=1, max_length=8), different] = (
        "read",
        "write",
    )

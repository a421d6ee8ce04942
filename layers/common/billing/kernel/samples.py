"""The place in a merchant's customers up to which their items were looked at (R-8)."""

from __future__ import annotations

from billing.kernel.writes import Entity


class SamplePlace(Entity):
    """The place after the last customer whose items were held to the invariants.

    `cursor` is None at the beginning of the list. `unsound` are the customers of whom something did
    not hold; each night looks at them first, until all of it does.
    """

    merchant: str
    cursor: str | None
    unsound: tuple[str, ...]

"""Presets: how the columns of another system's export become those of the canonical file (M-6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from billing.kernel.values import Value

SOURCE_PRICE = "source_price"
"""The cell that holds a source's own name of a price; it is mapped to a price point of ours."""

Cells = Mapping[str, str]


class FilePreset(Value):
    """A kind of file that can be imported.

    `name` is that of the source too, which never changes. `title` names it for people. `columns`
    are those of the file that are read; `needed` are those without which it is another file. `read`
    returns the canonical cells of a row, and `SOURCE_PRICE`. `zone` is that of times without an
    offset, None for the merchant's. `gateway` is where its customers' cards are, if that is known.
    `card_columns` are the old and the new customer in a second file, which says where cards were
    copied to; `cards_copied` is set where that file is of whichever gateway they went to. `charges`
    reads a line of the company's export of charges as the cells of a file of charges, where that
    has `charges_needed` (`migration.source_charges`).
    """

    name: str
    title: str
    columns: frozenset[str]
    needed: frozenset[str]
    read: Callable[[Cells], dict[str, str]]
    zone: str | None = None
    gateway: str | None = None
    card_columns: tuple[str, str] | None = None
    cards_copied: bool = False
    charges: Callable[[Cells], dict[str, str]] | None = None
    charges_needed: frozenset[str] = frozenset()


Presets = Callable[[], Mapping[str, FilePreset]]


def no_presets() -> Mapping[str, FilePreset]:
    """Returns no presets of gateways."""
    return {}

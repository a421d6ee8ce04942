"""The differences of a comparison, page by page or for a file (M-6)."""

from __future__ import annotations

from billing.kernel.cursors import not_of_this_list, position_in, seal
from billing.kernel.errors import NotFound
from billing.kernel.lists import Page
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration.flows import shadow
from billing.migration.flows.shadow import Shadow
from billing.migration.shadow_reports import PAGE
from billing.migration.shadows import Difference

LIST = "shadow"
PAGES_MOST = 20
"""The most pages of one file: it has at most 6 MB."""


class Report(Value):
    """The first differences; `name` is the file's, which says if there are more."""

    differences: tuple[Difference, ...]
    name: str


def page(
    ports: Ports, merchant: str, import_id: str, *, limit: int, cursor: str | None
) -> Page[Difference]:
    """Lists the differences of the last comparison by row; none before it is done.

    Raises `NotFound`, also once its files are gone.
    """
    found = shadow.one(ports, merchant, import_id)
    run = found.job.created_at.isoformat()
    first = 0 if cursor is None else _number(position_in(cursor, import_id, run, LIST))
    if found.totals is None:
        return Page((), None)
    held = _pages(ports, found, first // PAGE, (first + limit) // PAGE)
    begins = first % PAGE
    shown = tuple(held[begins : begins + limit])
    more = len(held) > begins + limit
    return Page(shown, seal(str(first + limit), import_id, run, LIST) if more else None)


def _number(position: str) -> int:
    if not position.isdigit() or len(position) > 9:
        raise not_of_this_list()
    return int(position)


def _pages(ports: Ports, found: Shadow, first: int, last: int) -> list[Difference]:
    """Reads pages one after the other, up to the first that is not full."""
    held: list[Difference] = []
    for number in range(first, last + 1):
        part = shadow.read(ports, found.job, f"page-{number:06d}")
        if part is None and number == 0:
            raise NotFound("shadow_unknown")
        if part is None:
            break
        held += part.differences
        if len(part.differences) < PAGE:
            break
    return held


def first(ports: Ports, merchant: str, import_id: str) -> Report:
    """Returns the first differences of the last comparison; raises `NotFound`."""
    found = shadow.one(ports, merchant, import_id)
    held = () if found.totals is None else tuple(_pages(ports, found, 0, PAGES_MOST))
    most = PAGE * PAGES_MOST
    if len(held) <= most:
        return Report(held, f"{import_id}-shadow.csv")
    return Report(held[:most], f"{import_id}-shadow-first-{most}.csv")

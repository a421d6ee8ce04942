"""The comparison of an import with what its source charges, on a page (M-4, M-6)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.console.web.imports import HERE, PAGE_LENGTH, title_of
from billing.console.web.lists import listing
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.lists import Page
from billing.migration.flows import imports, live_rows, shadow, shadow_report, uploads
from billing.migration.rows import units
from billing.migration.shadows import Difference, Side
from billing.migration.web import csv_report, words
from billing.web import http
from billing.web.inputs import Cursor, Input
from billing.web.problems import errors_of
from billing.web.request import CSV


class DifferencesQuery(Input):
    """A page of the differences."""

    cursor: Cursor | None = None


def shadow_page(
    desk: Desk, import_id: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Shows the last comparison of an import with its source, and offers another."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    try:
        run = shadow.one(desk.ports, desk.merchant, import_id)
    except NotFound:
        run = None

    def find(query: DifferencesQuery) -> Page[Difference]:
        if run is None or run.totals is None:
            return Page((), None)
        return shadow_report.page(
            *(desk.ports, desk.merchant, import_id), limit=PAGE_LENGTH, cursor=query.cursor
        )

    listed = listing(desk, f"{HERE}/{import_id}/shadow", DifferencesQuery, find)
    kinds = {} if run is None or run.totals is None else run.totals.kinds
    return page(
        desk,
        "console/import_shadow.html",
        status=422 if errors or listed.wrong else 200,
        found=found,
        title_of=title_of(desk),
        run=run,
        can_ask=live_rows.has_source(desk.ports, desk.session.merchant, found),
        kinds=[(words.of_kind(kind), count) for kind, count in sorted(kinds.items())],
        listed=listed,
        said=words.of_difference,
        side=_side,
        errors=errors or {},
    )


def _side(side: Side) -> str:
    """Returns one side of a difference as a text; an amount in any currency, ours or not."""
    parts = []
    if side.minor is not None:
        parts.append(f"{units(side.minor):.2f} {side.currency}")
    if side.at is not None:
        parts.append(f"{side.at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(filter(None, (*parts, side.text)))


def start(desk: Desk, import_id: str) -> http.Answer:
    """Compares with what the source itself answers."""
    return _begun(desk, import_id, None)


def start_with_file(desk: Desk, import_id: str) -> http.Answer:
    """Compares with a file of charges."""
    imports.one(desk.ports, desk.merchant, import_id)
    content = desk.request.form().get("charges", "").encode()
    try:
        upload = uploads.keep(desk.ports, desk.merchant, content)
    except Invalid as error:
        return shadow_page(desk, import_id, errors=errors_of(error.at("charges")))
    return _begun(desk, import_id, upload)


def _begun(desk: Desk, import_id: str, charges: str | None) -> http.Answer:
    try:
        shadow.begin(*(desk.ports, desk.session.merchant, import_id), charges=charges, now=desk.now)
    except Invalid as error:
        return shadow_page(desk, import_id, errors=errors_of(error))
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return shadow_page(desk, import_id, errors={"": wrong})
    return http.redirect(f"{HERE}/{import_id}/shadow")


def file(desk: Desk, import_id: str) -> http.Answer:
    """Sends the differences as CSV."""
    found = shadow_report.first(desk.ports, desk.merchant, import_id)
    return http.file("".join(csv_report.of_differences(found.differences)), found.name, CSV)

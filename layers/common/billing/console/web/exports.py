"""Exports in the console: asked for, followed, downloaded (M-4, M-6)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.console.web.lists import listing
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, Refused
from billing.kernel.lists import Page
from billing.migration.exports import Exported, ExportFormat
from billing.migration.flows import export
from billing.migration.flows.export import Progress
from billing.migration.web.inputs import ExportInput
from billing.web import http
from billing.web.inputs import Cursor, Input, filled_in, read
from billing.web.problems import errors_of

HERE = "/console/export"
PAGE_LENGTH = 20
"""The exports of one page: each of them shows a link that is made for it."""


class ExportsQuery(Input):
    """A page of the list of exports."""

    cursor: Cursor | None = None


def export_list(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Lists the exports of the last days, with the form of a new one."""

    def find(query: ExportsQuery) -> Page[Progress]:
        return export.page(
            desk.ports, desk.merchant, limit=PAGE_LENGTH, cursor=query.cursor, now=desk.now
        )

    listed = listing(desk, HERE, ExportsQuery, find)
    return page(
        desk,
        "console/export.html",
        status=422 if errors or listed.wrong else 200,
        listed=listed,
        kinds=tuple(Exported),
        formats=tuple(ExportFormat),
        form=typed or {},
        errors=errors or {},
        begun=desk.request.query().get("done") == "begun",
    )


def ask(desk: Desk) -> http.Answer:
    """Asks for an export, and shows the list with it."""
    typed = filled_in(desk.request.form())
    try:
        wanted = read(ExportInput, typed)
        span = wanted.span(desk.session.merchant.settings.time_zone)
        export.ask(
            desk.ports, desk.session.merchant, wanted.what, wanted.format, span, now=desk.now
        )
    except Invalid as error:
        return export_list(desk, typed=typed, errors=errors_of(error))
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return export_list(desk, typed=typed, errors={"": wrong})
    return http.redirect(f"{HERE}?done=begun")

"""The cut-over of an import and its undoing, each on a page that says what it does (M-4, M-6)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.console.web.imports import HERE, title_of
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, Refused
from billing.migration.flows import cut_over, imports, undo
from billing.migration.imports import ImportState
from billing.web import http

EXPORTS_MOST = 20
"""The newest files that a second export is chosen from."""

MOVES = cut_over.BEGINS
UNDOES = frozenset({ImportState.MOVING, ImportState.MOVED})


def move_page(
    desk: Desk, import_id: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Shows what the cut-over of an import does, before it begins."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    newest = imports.page(desk.ports, desk.merchant, limit=EXPORTS_MOST, cursor=None).data
    return page(
        desk,
        "console/import_move.html",
        status=422 if errors else 200,
        found=found,
        title_of=title_of(desk),
        others=[each for each in newest if each.id != found.id and each.upload],
        errors=errors or {},
    )


def move(desk: Desk, import_id: str) -> http.Answer:
    """Begins the cut-over, or goes on with what was skipped."""
    form = desk.request.form()
    try:
        cut_over.start(
            *(desk.ports, desk.session.merchant, import_id),
            by=desk.session.holder.email or "console",
            now=desk.now,
            ended=_second_export(desk, form.get("ended", "")),
            mails=form.get("mails") == "yes",
        )
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return move_page(desk, import_id, errors={"": wrong})
    return http.redirect(f"{HERE}/{import_id}")


def _second_export(desk: Desk, import_id: str) -> str | None:
    """Returns the upload of the import that is the source's second export; raises `NotFound`."""
    return imports.one(desk.ports, desk.merchant, import_id).found.upload if import_id else None


def undo_page(
    desk: Desk, import_id: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Shows what the undoing of an import does, before it begins."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    return page(
        desk,
        "console/import_undo.html",
        status=422 if errors else 200,
        found=found,
        title_of=title_of(desk),
        errors=errors or {},
    )


def take_back(desk: Desk, import_id: str) -> http.Answer:
    """Begins to give an import's subscriptions back to their source."""
    by = desk.session.holder.email or "console"
    try:
        undo.start(desk.ports, desk.session.merchant, import_id, by=by, now=desk.now)
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return undo_page(desk, import_id, errors={"": wrong})
    return http.redirect(f"{HERE}/{import_id}")

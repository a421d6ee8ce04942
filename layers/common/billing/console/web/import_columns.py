"""The step of an import that asks which column of a file is which of ours (M-4, M-6)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.console.web.imports import begun
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, Refused
from billing.migration.flows import mappings
from billing.migration.import_rows import Problem
from billing.migration.imports import DateOrder
from billing.migration.presets import TARGETS
from billing.migration.web import words
from billing.web import http
from billing.web.problems import errors_of


def columns_page(
    desk: Desk,
    upload: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Asks which column of a file is which of ours."""
    found = mappings.columns_of(desk.ports, desk.merchant, upload)
    wrong = words.of_file_problem(found) if isinstance(found, Problem) else None
    columns = {} if isinstance(found, Problem) else found
    return page(
        desk,
        "console/import_columns.html",
        status=422 if errors or wrong else 200,
        upload=upload,
        names=tuple(columns),
        samples=columns,
        wrong=wrong,
        targets=[(each, words.of_column(each)) for each in TARGETS],
        known=TARGETS,
        orders=tuple(DateOrder),
        form=typed or {},
        errors=errors or {},
    )


def save_columns(desk: Desk, upload: str) -> http.Answer:
    """Saves which column is which, and begins the import."""
    typed = {name: value.strip() for name, value in desk.request.form().items()}
    found = mappings.columns_of(desk.ports, desk.merchant, upload)
    names = () if isinstance(found, Problem) else tuple(found)
    chosen = {name: typed.get(f"column-{n}", "") for n, name in enumerate(names)}
    name = typed.get("name", "").lower()
    try:
        mappings.save_columns(
            *(desk.ports, desk.session.merchant, name),
            {theirs: ours for theirs, ours in chosen.items() if ours},
            version=None,
            dates=DateOrder(order) if (order := typed.get("dates")) in set(DateOrder) else None,
            now=desk.now,
        )
        return begun(desk, {**typed, "kind": name}, upload)
    except Invalid as error:
        return columns_page(desk, upload, typed=typed, errors=errors_of(error))
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return columns_page(desk, upload, typed=typed, errors={"": wrong})

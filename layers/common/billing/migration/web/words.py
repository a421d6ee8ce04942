"""The words for what was found in a file and in its rows: in English, as all of a merchant's."""

from __future__ import annotations

from billing.migration.import_rows import ImportedRow, Problem
from billing.migration.imports import Import
from billing.migration.shadows import Difference
from billing.render import messages
from billing.render.messages import MERCHANTS_LANGUAGE


def of_row(found: Problem) -> str:
    """Returns the sentence about a problem of a row."""
    keys = (f"import_row.{found.reason}", f"import_move.{found.reason}")
    key = next(filter(messages.has, keys), "import_row.other")  # of a newer version of the code
    values = {each.name: each.value for each in found.parameters}
    return messages.text(MERCHANTS_LANGUAGE, key, **values)


def of_column(name: str) -> str:
    """Returns what a column is, with its name."""
    return f"{messages.text(MERCHANTS_LANGUAGE, f'import_columns.{name}')} ({name})"


def of_file_problem(found: Problem) -> str:
    """Returns the sentence about a file that cannot be read."""
    values = {each.name: each.value for each in found.parameters}
    return messages.text(MERCHANTS_LANGUAGE, f"import_file.{found.reason}", **values)


def of_file(found: Import) -> str | None:
    """Returns the sentence about a file that cannot be read; None for one that can."""
    if found.refused_for is None:
        return None
    return of_file_problem(Problem(found.refused_for, parameters=found.refused_with))


def of_move(row: ImportedRow) -> str | None:
    """Returns the sentence about why a row was not moved, or is on its way; None without one."""
    if row.reason is None:
        return None
    reason = row.reason.partition(":")[0]
    key = f"import_move.{reason}"
    known = messages.has(key)
    return messages.text(MERCHANTS_LANGUAGE, key if known else "import_move.other")


def of_difference(found: Difference) -> str:
    """Returns the sentence about a difference from what a source has charged."""
    return of_kind(found.kind)


def of_kind(kind: str) -> str:
    """Returns the sentence about differences of a kind; one at the source is as in a move."""
    keys = (f"import_shadow.{kind}", f"import_move.{kind}")
    key = next(filter(messages.has, keys), "import_shadow.other")
    return messages.text(MERCHANTS_LANGUAGE, key)


def all_of(row: ImportedRow) -> str:
    """Returns what was found in a row as one text, each with its column."""
    return " ".join(
        of_row(each) if each.column is None else f"{each.column}: {of_row(each)}"
        for each in row.problems
    )

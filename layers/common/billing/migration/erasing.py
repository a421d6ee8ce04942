"""Erases a person from imports: which rows and files name them, and what is left of a row (M-8).

A person is known by the hashes of their emails, wherever in a row or file an email stands.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterator
from datetime import datetime

from billing.kernel.customers import ERASED, email_hash
from billing.kernel.values import replace
from billing.kernel.writes import Change, Remove, Write
from billing.migration import moving
from billing.migration.import_rows import ImportClaim, ImportedRow, Problem, Result, RowState
from billing.migration.imports import Import, Named

REASON = "erased"
"""The reason of a row that is not moved, because its customer was erased."""

KEPT = ("gateway", "gateway_account")
"""The cells that an erased row keeps: by them its source is asked, and they name no person."""

_EMAIL = re.compile(rb"[^\s<>()\[\],;:\"'|]+@[^\s<>()\[\],;:\"'|]+")


def names(merchant: str, content: bytes, known: Collection[str]) -> bool:
    """Tests whether a text has an email of which the hash is known."""
    if content[:2] in {BOM_UTF16_LE, BOM_UTF16_BE}:
        content = content.replace(b"\0", b"")
    return any(each in known for each in hashes(merchant, content))


def hashes(merchant: str, content: bytes) -> Iterator[str]:
    """Yields the hash of each email in a text."""
    for found in _EMAIL.finditer(content):
        yield email_hash(merchant, found[0].decode("utf-8", "replace").strip("."))


def text_of(row: ImportedRow) -> bytes:
    """Returns all texts of a row that come from its file."""
    words = [row.external_id, *row.columns.values()]
    words += [each.value for found in row.problems for each in found.parameters]
    return "\n".join(words).encode()


def is_theirs(row: ImportedRow, customer: str, known: Collection[str]) -> bool:
    """Tests whether a row is to be erased: it became this customer's, or it names them and became
    nobody's."""
    if row.customer is not None:
        return row.customer == customer
    return names(row.merchant, text_of(row), known)


def erase(
    row: ImportedRow, imported: Import, claim: ImportClaim | None, now: datetime
) -> tuple[Write, ...]:
    """Returns the writes that erase a row's texts; one that was not moved never is.

    What it became stays what it is. An id that is an email, or has a name in it, goes with its
    claim: it is an id of a source that has no API.
    """
    kept = {} if row.result is Result.BLOCKING else row.columns
    cells = {name: value for name, value in kept.items() if name in KEPT}
    after = replace(
        row,
        cells=json.dumps(cells, separators=(",", ":")),
        problems=tuple(map(_without_values, row.problems)),
        external_id=ERASED if _tells_who(row) else row.external_id,
    )
    waits = row.state in {RowState.NEW, RowState.SKIPPED, RowState.FAILED}
    if waits:
        after = replace(after, state=RowState.SKIPPED, reason=REASON, changed_at=now)
    if after == row:
        return ()
    gone = claim is not None and after.external_id != row.external_id
    own = claim is not None and (claim.import_id, claim.number) == (row.import_id, row.number)
    return (
        Change(row, after, expecting=("state", "reason")),
        *(moving.counting(imported, row.state, after.state) if waits else ()),
        *((Remove(claim),) if claim is not None and gone and own else ()),
    )


def of_import(imported: Import, known: Collection[str]) -> tuple[Write, ...]:
    """Returns the write that erases a person from the names of a file's columns, which they are in
    where it has no line of names."""

    def bare(text: str) -> str:
        return ERASED if names(imported.merchant, text.encode(), known) else text

    after = replace(
        imported,
        unknown=tuple(map(bare, imported.unknown)),
        refused_with=tuple(Named(each.name, bare(each.value)) for each in imported.refused_with),
    )
    return () if after == imported else (Change(imported, after, expecting=("state",)),)


def _without_values(found: Problem) -> Problem:
    return replace(found, parameters=tuple(Named(each.name, ERASED) for each in found.parameters))


def _tells_who(row: ImportedRow) -> bool:
    name, id_ = row.columns.get("name", "").strip().lower(), row.external_id.lower()
    return "@" in id_ or (len(name) > 1 and name in id_)

"""The audit trail as CSV: who did what, when, from where (M-8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from billing.kernel.audit import AuditRecord

COLUMNS = ("at", "actor", "member", "email", "role", "key", "action", "ip", "request")
STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(records: Iterable[AuditRecord]) -> str:
    """Writes a table with a header; no cell is a formula to a spreadsheet."""
    lines = [COLUMNS, *map(_cells, records)]
    return "".join(f"{','.join(map(_quoted, line))}\r\n" for line in lines)


def _cells(record: AuditRecord) -> tuple[str, ...]:
    by = record.by
    at = record.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    given = (record.actor, by.member, by.email, by.role, by.key, record.action, record.ip)
    return (at, *(each or "" for each in given), record.request)


def _quoted(cell: str) -> str:
    safe = f"'{cell}" if cell.startswith(STARTS_FORMULA) else cell
    if any(c in safe for c in ',"\r\n'):
        return '"' + safe.replace('"', '""') + '"'
    return safe

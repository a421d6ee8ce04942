"""Imports as /v1 shows them (CONTRACT.md)."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web.described import Day, Instant, OneOf
from billing.api.web.json_shapes import MoneyOutput, instant, money
from billing.kernel.money import Money
from billing.migration.dry_runs import DryDay
from billing.migration.flows.dry_run import DryRun
from billing.migration.flows.imports import Progress
from billing.migration.flows.uploads import Address
from billing.migration.import_rows import ImportedRow, Result, RowState
from billing.migration.imports import Import, ImportState, Named
from billing.migration.web import words


class UploadOutput(TypedDict):
    """An address for one upload: send a form with these fields, then the file as `file`."""

    id: str
    url: str
    fields: dict[str, str]
    most_bytes: int


class RefusalOutput(TypedDict):
    """The reason for which a file cannot be read."""

    reason: str
    parameters: dict[str, str]
    text: str


class ImportOutput(TypedDict):
    """An import.

    `state` is checking, checked, refused, moving, moved, undoing or undone. `rows` counts those of
    the file, 0 until it is read; `checked` those that were looked at. `unknown_columns` are
    ignored. `gateway_account` is the account whose own list is read, null for a file.
    """

    id: str
    state: Annotated[str, OneOf(ImportState)]
    preset: str
    source: str
    gateway_account: str | None
    rows: int
    checked: int
    ok: int
    warnings: int
    blocking: int
    active: int
    confirmed: int
    undone: int
    skipped: int
    failed: int
    unknown_columns: list[str]
    refused: RefusalOutput | None
    quantity_confirmed: bool
    mails: bool
    created_at: Instant


class ProblemOutput(TypedDict):
    """Something that was found in a row; `column` is null for the row as a whole."""

    reason: str
    column: str | None
    blocks: bool
    parameters: dict[str, str]
    text: str


class ImportRowOutput(TypedDict):
    """A row of an import; `number` counts from 1, below the line of names."""

    number: int
    external_id: str
    result: Annotated[str, OneOf(Result)]
    state: Annotated[str, OneOf(RowState)]
    subscription: str | None
    customer: str | None
    reason: str | None
    reason_text: str | None
    problems: list[ProblemOutput]
    cells: dict[str, str]


class DryRunDayOutput(TypedDict):
    """One local day in one currency: what would be charged here, and what by the source's dates.

    The source's is the price at its dates, without coupons, credit and taxes.
    """

    date: Day
    amount: MoneyOutput
    charges: int
    source_amount: MoneyOutput
    source_charges: int
    test: bool


class DryRunOutput(TypedDict):
    """A dry run; `days` is null until its job is done. `blocked` rows cannot be imported now."""

    state: str
    rows: int
    blocked: int
    until: Instant
    days: list[DryRunDayOutput] | None


def dry_run(found: DryRun) -> DryRunOutput:
    sums = found.sums
    return {
        "state": found.job.state.value if sums is None else "done",
        "rows": found.job.done if sums is None else sums.rows,
        "blocked": 0 if sums is None else sums.blocked,
        "until": instant(found.until),
        "days": None if sums is None else [_dry_day(each) for each in sums.days],
    }


def _dry_day(found: DryDay) -> DryRunDayOutput:
    return {
        "date": found.date.isoformat(),
        "amount": money(Money(found.minor, found.currency)),
        "charges": found.charges,
        "source_amount": money(Money(found.source_minor, found.currency)),
        "source_charges": found.source_charges,
        "test": found.test,
    }


def upload(made: Address) -> UploadOutput:
    return {
        "id": made.id,
        "url": made.upload.url,
        "fields": dict(made.upload.fields),
        "most_bytes": made.most_bytes,
    }


def progress(found: Progress) -> ImportOutput:
    return import_(found.found)


def import_(found: Import) -> ImportOutput:
    return {
        "id": found.id,
        "state": found.state.value,
        "preset": found.preset,
        "source": found.source,
        "gateway_account": found.account,
        "rows": found.rows,
        "checked": found.checked,
        "ok": found.ok,
        "warnings": found.warnings,
        "blocking": found.blocking,
        "active": found.active,
        "confirmed": found.confirmed,
        "undone": found.undone,
        "skipped": found.skipped,
        "failed": found.failed,
        "unknown_columns": list(found.unknown),
        "refused": _refusal(found),
        "quantity_confirmed": found.quantity_confirmed,
        "mails": found.mails,
        "created_at": instant(found.created_at),
    }


def row(found: ImportedRow) -> ImportRowOutput:
    return {
        "number": found.number,
        "external_id": found.external_id,
        "result": found.result.value,
        "state": found.state.value,
        "subscription": found.subscription,
        "customer": found.customer,
        "reason": None if found.reason is None else found.reason.partition(":")[0],
        "reason_text": words.of_move(found),
        "problems": [
            {
                "reason": each.reason,
                "column": each.column,
                "blocks": each.blocks,
                "parameters": _named(each.parameters),
                "text": words.of_row(each),
            }
            for each in found.problems
        ],
        "cells": found.columns,
    }


def _refusal(found: Import) -> RefusalOutput | None:
    if found.refused_for is None:
        return None
    return {
        "reason": found.refused_for,
        "parameters": _named(found.refused_with),
        "text": words.of_file(found) or "",
    }


def _named(parameters: tuple[Named, ...]) -> dict[str, str]:
    return {each.name: each.value for each in parameters}

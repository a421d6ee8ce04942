"""A row of an import: as it is stored, and as a subscription of another system (IMPORT.md)."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

from billing.kernel.catalog import Cancellation, Cycle, TaxBehavior
from billing.kernel.customers import Address, BillTo, normalised_email
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import State
from billing.kernel.values import Value
from billing.kernel.writes import Entity
from billing.migration.imports import Named

Cells = dict[str, str]
"""The cells of a row by canonical column; empty ones are left out."""


class Result(StrEnum):
    """The result of the precheck: a row that blocks is not imported."""

    BLOCKING = "blocking"
    WARNING = "warning"
    OK = "ok"


class RowState(StrEnum):
    """The states of a row.

    `new` was checked; `ready` has all written that it needs, and nothing at its source is touched;
    `active` is charged here, and can be undone; `confirmed` was charged here, and is cancelled at
    its source; `skipped` is not moved, `failed` could not be; `undone` is the source's again.
    """

    NEW = "new"
    READY = "ready"
    ACTIVE = "active"
    CONFIRMED = "confirmed"
    UNDONE = "undone"
    SKIPPED = "skipped"
    FAILED = "failed"


class Problem(Value):
    """Something that was found in a row.

    `reason` names its text, which `parameters` fill in; `column` is the canonical column that it is
    about, None for the row as a whole.
    """

    reason: str
    column: str | None = None
    blocks: bool = True
    parameters: tuple[Named, ...] = ()


def problem(
    reason: str, column: str | None = None, *, blocks: bool = True, **of: object
) -> Problem:
    """Returns a problem with its parameters as texts."""
    parameters = tuple(Named(name, str(value)) for name, value in of.items())
    return Problem(reason, column, blocks, parameters)


class ImportedRow(Entity):
    """A row of an import; `number` counts from 1, without the line of names.

    `cells` is its canonical columns as JSON. `result` never changes, since it is part of its place:
    rows that block come first, then warnings. `subscription` and `customer` are made of it;
    `reason` says why it was skipped or failed.
    """

    merchant: str
    import_id: str
    number: int
    external_id: str
    cells: str
    result: Result
    problems: tuple[Problem, ...] = ()
    state: RowState = RowState.NEW
    subscription: str | None = None
    customer: str | None = None
    changed_at: datetime | None = None
    reason: str | None = None

    @property
    def columns(self) -> Cells:
        """Returns its cells by canonical column."""
        found: Cells = json.loads(self.cells)
        return found

    @property
    def place(self) -> str:
        """Returns its place among the rows of its import."""
        return place_of(self.result, self.number)


_RANK = {Result.BLOCKING: 1, Result.WARNING: 2, Result.OK: 3}

IMPORTABLE = f"{_RANK[Result.WARNING]}#"
"""The place from which on all rows can be imported."""


def place_of(result: Result, number: int) -> str:
    """Returns the place of a row; rows that block come first, then warnings, then the others."""
    return f"{_RANK[result]}#{number:07d}"


def places(result: Result) -> str:
    """Returns what the places of all rows with a result begin with."""
    return f"{_RANK[result]}#"


class ImportClaim(Entity):
    """Says which row an external id of a source was imported by, so that it is imported once.

    It is written with the row's subscription, and removed if that is undone.
    """

    merchant: str
    source: str
    external_id: str
    import_id: str
    number: int
    subscription: str


class ImportRow(Value):
    """A subscription as a row of the canonical file describes it.

    `price_point` is ours; without it, `price` with `period`, `installments` and `cycle` names one.
    `next_charge_at` is None where nothing is to be charged. `payments_made` is None where the
    source does not count. `anchor_local` is wall time in `zone`. `credit_minor` is in `currency`,
    which a row without a price may name too. `country` of an address may be empty, where no tax
    needs it. `paid_until` is the end of the paid time of what is paused, `resumes_at` the end of
    its pause, None if it has none.
    `announced_price` is a price that its customer was told of, which is not carried over.
    """

    external_id: str
    email: str
    name: str
    address: Address
    status: State
    started_at: datetime
    zone: str
    tax_id: str | None = None
    price_point: str | None = None
    price: Money | None = None
    period: Period | None = None
    installments: int | None = None
    cycle: Cycle | None = None
    next_charge_at: datetime | None = None
    payments_made: int | None = None
    payments_total: int | None = None
    trial_ends_at: datetime | None = None
    cancel_at: datetime | None = None
    coupon: str | None = None
    coupon_charges_left: int | None = None
    anchor_local: datetime | None = None
    quantity: int = 1
    credit_minor: int = 0
    next_price_point: str | None = None
    thaws_to: str | None = None
    paused_from: State | None = None
    cancel_mode: Cancellation | None = None
    gateway: str | None = None
    gateway_account: str | None = None
    gateway_customer: str | None = None
    payment_method: str | None = None
    tax_behaviour: TaxBehavior | None = None
    tax_id_confirmed: bool = False
    tax_id_reference: str | None = None
    paid_until: datetime | None = None
    resumes_at: datetime | None = None
    announced_price: str | None = None
    currency: Currency | None = None

    @property
    def bill_to(self) -> BillTo:
        """Returns what its invoices name."""
        return BillTo(
            *(self.name, normalised_email(self.email), self.address, self.tax_id),
            tax_id_confirmed=self.tax_id_confirmed and self.tax_id is not None,
            tax_id_reference=self.tax_id_reference,
        )


class Parsed(Value):
    """The subscription that cells describe, unless something blocks, and all that was found."""

    row: ImportRow | None
    problems: tuple[Problem, ...] = ()


def result_of(problems: tuple[Problem, ...]) -> Result:
    """Returns what a row's problems amount to."""
    if any(each.blocks for each in problems):
        return Result.BLOCKING
    return Result.WARNING if problems else Result.OK

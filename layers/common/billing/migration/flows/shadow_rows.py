"""Compares rows with their source: what would have been charged here, and what was there (M-6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.live_sources import SourceSubscription
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration import shadows
from billing.migration.flows import live_rows
from billing.migration.flows.dry_run import Row, made_of
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import IMPORTABLE, ImportedRow, RowState
from billing.migration.imports import Import
from billing.migration.shadow_reports import Part
from billing.migration.shadows import Compared, Difference, Kind, Side, Totals
from billing.migration.source_charges import Charges
from billing.migration.unchanged import SOON_OVER
from billing.rebill.flows import forecast
from billing.tax.flows import upcoming
from billing.tax.flows.upcoming import TaxesOn

AT_ONCE = 100
"""The most rows of one part: each takes two calls to a source with an API."""

END = "end"
"""The place behind the last row."""

THERE = frozenset({RowState.NEW, RowState.SKIPPED, RowState.FAILED})
"""The states of a row that its source charges."""

REFUSED = "request_refused"
"""The code of a call that a source refuses whenever it is made."""


class _Expected(Value):
    """The charges that we would have made up to now, and when the next one comes."""

    charges: tuple[tuple[datetime, Money], ...]
    next_at: datetime | None


class Comparison:
    """The comparison of an import's rows, from when they were checked up to `now`."""

    def __init__(
        self,
        ports: Ports,
        merchant: Merchant,
        imported: Import,
        charges: Charges | None,
        now: datetime,
    ) -> None:
        self._ports, self._merchant, self._imported = ports, merchant, imported
        self._charges, self._now = charges, now
        self._zone = merchant.settings.time_zone
        self._lookup = Lookup(ports, merchant, imported.created_at)

    def part(self, place: str, keep_going: KeepGoing, *, is_first: bool) -> Part:
        """Compares the rows behind a place, at least one though time is over.

        A source that does not answer ends the part before the row; raises `Unavailable` where that
        is the first. The first part names the lines of a file of charges that cannot be read.
        """
        asked = self._imported
        rows = self._ports.store.imported_rows(
            asked.merchant, asked.id, limit=AT_ONCE, after=place or IMPORTABLE
        )
        totals, found = Totals(), list[Difference]()
        if is_first and self._charges is not None:
            found += self._charges.unreadable
            totals = Totals(kinds=Counter(each.kind for each in found))
        done, after = 0, END
        for row, each, taxes_on in self._with_taxes(rows):
            if done and not keep_going():
                break
            try:
                more, differences = self._of_row(row, each, taxes_on)
            except Unavailable:
                if not done:
                    raise
                break
            totals = totals.plus(more)
            found += differences
            done, after = done + 1, row.place
        is_last = done == len(rows) < AT_ONCE
        return Part(totals, tuple(found), done, END if is_last else after)

    def _with_taxes(
        self, rows: Sequence[ImportedRow]
    ) -> Iterator[tuple[ImportedRow, Row | None, TaxesOn | None]]:
        """Yields rows with the subscription that each would be, and with its taxes."""
        self._lookup.expect(each.columns for each in rows)
        made = [self._made(each) for each in rows]
        buyers = [each.row.bill_to for each in made if each is not None]
        taxes = iter(upcoming.of_buyers(self._ports, self._merchant, buyers))
        for row, each in zip(rows, made, strict=True):
            yield row, each, None if each is None else next(taxes)

    def _of_row(
        self, row: ImportedRow, each: Row | None, taxes_on: TaxesOn | None
    ) -> tuple[Totals, list[Difference]]:
        if row.state not in THERE:
            return Totals(moved=1), []
        if each is None or taxes_on is None:
            return Totals(blocked=1), []
        differences, charges = self._compared(row, each, taxes_on)
        return Totals().with_row(differences, charges), differences

    def _made(self, row: ImportedRow) -> Row | None:
        if row.state not in THERE:
            return None
        found = self._imported
        return made_of(self._merchant, found, self._lookup, row, found.created_at)

    def _compared(
        self, row: ImportedRow, each: Row, taxes_on: TaxesOn
    ) -> tuple[list[Difference], int]:
        ours = self._expected(each, taxes_on)
        found: list[Difference] = []
        if self._charges is None:
            theirs = self._asked(row, each, ours, found)
        else:
            theirs = self._charges.of.get(row.external_id, Compared(()))
            if not shadows.same_card(each.row.payment_method, theirs.card):
                sides = (Side(text=each.row.payment_method or ""), Side(text=theirs.card or ""))
                found.append(Difference(0, "", Kind.CARD, *sides, "payment_method"))
        if theirs is not None:
            found += (
                Difference(0, "", *differs)
                for differs in shadows.of_charges(
                    *(ours.charges, theirs.charges),
                    since=self._since(each),
                    now=self._now,
                    zone=self._zone,
                )
            )
        return [shadows.numbered(d, row.number, row.external_id) for d in found], len(ours.charges)

    def _since(self, each: Row) -> datetime:
        """Returns from when on charges are compared.

        A list is read for hours: what its source charged before it came to a row is not ours.
        """
        began, next_at = self._imported.created_at, each.row.next_charge_at
        if self._imported.account is None or next_at is None:
            return began
        return max(began, next_at - shadows.NEAR)

    def _expected(self, each: Row, taxes_on: TaxesOn) -> _Expected:
        """Returns what we would have charged since the row was checked, by its dates of then."""
        charges: list[tuple[datetime, Money]] = []
        next_at = None
        for at, amount in forecast.dated_charges(
            self._ports, self._merchant, each.made, taxes_on, self._imported.created_at
        ):
            if at > self._now and next_at is None:
                next_at = at
            if at > self._now + SOON_OVER:
                break
            charges.append((at, amount))
        return _Expected(tuple(charges), next_at)

    def _asked(
        self, row: ImportedRow, each: Row, ours: _Expected, found: list[Difference]
    ) -> Compared | None:
        """Asks the source of a row, and adds how it stands there; None where it cannot be asked."""
        source = live_rows.source_of(self._ports, self._merchant, self._imported, row)
        if source is None:
            found.append(Difference(0, "", "source_account_unknown"))
            return None
        try:
            live = source.find(row.external_id)
            if live is None:
                found.append(Difference(0, "", "source_unknown"))
                return None
            charges = source.charges(row.external_id, self._imported.created_at - shadows.NEAR)
        except NotFound:
            found.append(Difference(0, "", "source_unknown"))
            return None
        except Unavailable as error:
            if error.code != REFUSED:
                raise
            found.append(Difference(0, "", Kind.UNANSWERED))
            return None
        found += self._standing(each, live, ours)
        return Compared(charges)

    def _standing(self, each: Row, live: SourceSubscription, ours: _Expected) -> list[Difference]:
        return [
            Difference(0, "", *differs)
            for differs in shadows.of_standing(
                *(each.row, live, ours.next_at),
                mark=self._imported.id,
                now=self._now,
                zone=self._zone,
            )
        ]

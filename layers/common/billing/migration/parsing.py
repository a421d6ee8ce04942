"""Reads the cells of a canonical row (IMPORT.md); what is not certain is a problem, never a
guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from billing.kernel.catalog import Cancellation, Cycle, TaxBehavior
from billing.kernel.countries import COUNTRIES
from billing.kernel.customers import Address
from billing.kernel.errors import Invalid
from billing.kernel.import_presets import SOURCE_PRICE
from billing.kernel.money import MINOR_DIGITS, Currency, Money
from billing.kernel.periods import Period, is_zone
from billing.kernel.subscription import TERMINAL, State
from billing.kernel.values import replace
from billing.migration.import_rows import ImportRow, Parsed, Problem, problem
from billing.migration.instants import EARLIEST, instant, wall_time

CELL_MOST = 500
"""The longest cell, in characters."""

ID_MOST = 200
"""The longest id of a source, in characters: it is part of a key."""

COUNT_MOST = 100_000

_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+")
_EMAIL_MOST = 254
_SIGNED = re.compile(r"-?[0-9]{1,9}([.,][0-9]{1,2})?")

E = TypeVar("E", bound=StrEnum)

BILLED_NO_MORE = frozenset({*TERMINAL, State.INCOMPLETE})


def parse(cells: Mapping[str, str], *, zone: str) -> Parsed:
    """Reads a row; `zone` is that of times without an offset, unless the row has its own.

    All problems of a row are found at once.
    """
    reads = _Cells(cells, zone)
    row = reads.row()
    found = tuple(reads.problems)
    return Parsed(None if any(each.blocks for each in found) else row, found)


class _Cells:
    """The cells of one row, and the problems that were found while they were read."""

    def __init__(self, cells: Mapping[str, str], zone: str) -> None:
        self._cells = {name: value.strip() for name, value in cells.items()}
        self.problems: list[Problem] = []
        for name, value in self._cells.items():
            if len(value) > CELL_MOST:
                self._found("cell_too_long", name, most=CELL_MOST)
            elif value.startswith("="):
                self._found("formula", name)
            elif any(ord(each) < 32 and each not in "\t" for each in value):
                self._found("control_characters", name)
        self.zone = self._zone(zone)
        self.external_id = self._needed("external_id")
        if len(self.external_id) > ID_MOST:
            self._found("cell_too_long", "external_id", most=ID_MOST)

    def row(self) -> ImportRow:
        """Returns the row; where there were problems that block, parts of it are placeholders."""
        currency, price, credit = self._money()
        row = ImportRow(
            external_id=self.external_id,
            email=self._email(),
            name=self._text("name") or "",
            address=self._address(),
            status=self._status(),
            started_at=self._at("started_at") or EARLIEST,
            zone=self.zone,
            tax_id=self._text("tax_id"),
            price_point=self._text("price_point"),
            price=price,
            period=self._one_of("period", Period),
            installments=self._count("installments"),
            cycle=self._one_of("cycle", Cycle),
            next_charge_at=self._at("next_charge_at"),
            payments_made=self._count("payments_made"),
            payments_total=self._count("payments_total"),
            trial_ends_at=self._at("trial_ends_at"),
            cancel_at=self._at("cancel_at"),
            coupon=self._text("coupon"),
            coupon_charges_left=self._count("coupon_charges_left"),
            anchor_local=self._wall("anchor_local"),
            quantity=self._quantity(),
            credit_minor=credit,
            next_price_point=self._text("next_price_point"),
            thaws_to=self._text("thaws_to"),
            paused_from=self._one_of("paused_from", State),
            cancel_mode=self._one_of("cancel_mode", Cancellation),
            gateway=self._text("gateway"),
            gateway_account=self._text("gateway_account"),
            gateway_customer=self._text("gateway_customer"),
            payment_method=self._text("payment_method"),
            tax_behaviour=self._one_of("tax_behaviour", TaxBehavior),
            tax_id_confirmed=self._yes("tax_id_confirmed"),
            tax_id_reference=self._text("tax_id_reference"),
            paid_until=self._at("paid_until"),
            resumes_at=self._at("resumes_at"),
            announced_price=self._text("announced_price"),
            currency=currency,
        )
        self._needed("started_at")
        priced = self._text("price") is not None and self._text("period") is not None
        if row.price_point is None and not priced:
            named = self._text(SOURCE_PRICE)
            if named is None:
                self._found("price_missing", "price_point")
            else:
                self._found("price_unnamed", SOURCE_PRICE, value=named)
        return _until_its_end(row)

    def _found(self, reason: str, column: str, *, blocks: bool = True, **of: object) -> None:
        self.problems.append(problem(reason, column, blocks=blocks, **of))

    def _text(self, name: str) -> str | None:
        value = self._cells.get(name, "")
        return unguarded(value) or None

    def _needed(self, name: str) -> str:
        value = self._text(name)
        if value is None:
            self._found("cell_missing", name)
        return value or ""

    def _zone(self, default: str) -> str:
        zone = self._text("zone")
        if zone is None:
            return default
        if is_zone(zone):
            return zone
        self._found("zone_unknown", "zone", value=zone)
        return default

    def _email(self) -> str:
        email = self._needed("email")
        if email and (len(email) > _EMAIL_MOST or not _EMAIL.fullmatch(email)):
            self._found("email_malformed", "email", value=email)
        return email

    def _address(self) -> Address:
        country = (self._text("country") or "").upper()
        if country and country not in COUNTRIES:
            self._found("country_unknown", "country", value=country)
        return Address(
            line1=self._text("address_line1") or "",
            city=self._text("city") or "",
            country=country,
            line2=self._text("address_line2"),
            postal_code=self._text("postal_code"),
            state=self._text("state"),
        )

    def _status(self) -> State:
        if not self._needed("status"):
            return State.ACTIVE
        if self._cells["status"].lower() in {"unpaid", "past_due"}:
            self._found("past_due", "status", value=self._cells["status"])
            return State.PAST_DUE
        status = self._one_of("status", State)
        if status in BILLED_NO_MORE:
            self._found("status_ended", "status", value=status.value)
        return status or State.ACTIVE

    def _one_of(self, name: str, kind: type[E]) -> E | None:
        value = self._text(name)
        if value is None:
            return None
        try:
            return kind(value.lower())
        except ValueError:
            self._found(f"{name}_unknown", name, value=value, known=", ".join(kind))
            return None

    def _at(self, name: str) -> datetime | None:
        return self._read(
            name, lambda text: instant(text, name, zone=self.zone, key=self.external_id)
        )

    def _wall(self, name: str) -> datetime | None:
        return self._read(name, lambda text: wall_time(text, name))

    def _read(self, name: str, read: Callable[[str], datetime | Problem]) -> datetime | None:
        text = self._text(name)
        found = None if text is None else read(text)
        if isinstance(found, Problem):
            self.problems.append(found)
            return None
        return found

    def _count(self, name: str) -> int | None:
        value = self._text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or int(value) > COUNT_MOST:
            self._found("count_malformed", name, value=value)
            return None
        return int(value)

    def _yes(self, name: str) -> bool:
        value = (self._text(name) or "false").lower()
        if value not in {"true", "false"}:
            self._found("yes_malformed", name, value=value)
        return value == "true"

    def _quantity(self) -> int:
        quantity = self._count("quantity")
        if quantity == 0:
            self._found("count_malformed", "quantity", value="0")
        return 1 if quantity is None else quantity

    def _money(self) -> tuple[Currency | None, Money | None, int]:
        """Returns the currency, the price and the credit in it."""
        named, price, credit = map(self._text, ("currency", "price", "credit"))
        currency = None
        if named is not None:
            try:
                currency = Currency(named.upper())
            except ValueError:
                self._found("currency_unknown", "currency", value=named)
                return None, None, 0
        if currency is None:
            for name, value in (("price", price), ("credit", credit)):
                if value is not None and value.strip("0.,"):
                    self._found("currency_missing", "currency", of=name)
            return None, None, 0
        return currency, self._price(price, currency), self._credit(credit)

    def _price(self, text: str | None, currency: Currency) -> Money | None:
        if text is None:
            return None
        try:
            return Money.typed(text, currency, field="price")
        except Invalid:
            self._found("amount_malformed", "price", value=text)
            return None

    def _credit(self, text: str | None) -> int:
        """Returns credit in minor units; a negative one is owed."""
        if text is None:
            return 0
        if not _SIGNED.fullmatch(text):
            self._found("amount_malformed", "credit", value=text)
            return 0
        return int(Decimal(text.replace(",", ".")).scaleb(MINOR_DIGITS))


def _until_its_end(row: ImportRow) -> ImportRow:
    """Returns a running row that ends where it would be charged next as one whose end is pending.

    Many systems call what was cancelled active until its paid time is over.
    """
    ends = row.cancel_at is not None and row.cancel_at == row.next_charge_at
    if not ends or row.status not in {State.ACTIVE, State.TRIALING}:
        return row
    return replace(row, status=State.CANCEL_PENDING)


def unguarded(text: str) -> str:
    """Returns the text of a cell that an export guarded against spreadsheets."""
    return text[1:] if text[:1] == "'" and text[1:2] in {"=", "+", "-", "@", "\t", "\r"} else text

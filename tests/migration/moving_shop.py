"""A shop with an import that is checked, and its source: the other engine, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.merchants import Settings
from billing.kernel.periods import Anchor, Period
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Write
from billing.migration.flows import cut_over, undo
from billing.migration.import_rows import ImportedRow, Result, RowState
from billing.migration.imports import Import, ImportState
from sim.source import Held, Source
from tests.world import START, World

ACME = AccountRef("acme", "sandbox", "sandbox")


class Killed(BaseException):
    """The process has died; nothing catches this."""


class MovingShop:
    """A world whose merchant has an account at a source; `kill` ends it after a write or call."""

    def __init__(self, now: datetime = START, world: World | None = None) -> None:
        self.world = world or World(now)
        self.source = Source(lambda: self.world.now, "sandbox")
        self.source.line = self._line
        self.acts: list[str] = []
        self.kill_after: int | None = None
        self.fails: Callable[[str], Exception | None] = lambda name: None
        self.world.ports = replace(self.world.ports, source=self._source_of)
        self.world.change_merchant(settings=Settings(time_zone="UTC"))
        self.product = self.world.product()
        self.number = 0
        self._commit = self.world.store.commit
        self.world.store.commit = self._committed  # type: ignore[method-assign]

    def _source_of(self, account: AccountRef) -> Source | None:
        return self.source if account.gateway == "sandbox" else None

    def subscribe(self, *, anchor: datetime | None = None, **fields: Any) -> Held:
        """Adds a subscription to the source, with a card that is at our gateway too."""
        self.number += 1
        email = fields.pop("email", f"buyer{self.number}@example.com")
        card = self.card(str(self.number))
        wall = (anchor or self.world.now).replace(tzinfo=None)
        return self.source.add(
            Held(
                f"sub_{self.number}",
                email,
                Anchor(wall, "UTC"),
                fields.pop("period", Period.MONTHLY),
                fields.pop("price_minor", 2999),
                fields.pop("method", card),
                **fields,
            )
        )

    def card(self, key: str, card: str = "pm_card_visa") -> SavedMethod:
        saved = self.world.sandbox.save_method(card, owner=key, key=f"card{key}", verify=False)
        assert isinstance(saved, SavedMethod)
        return saved

    def imported(self, **cells: str) -> Import:
        """Stores an import of all that the source has now, as its precheck leaves it."""
        found = Import(
            "imp_20260131150000aaaaaaaaaaaaaaaa",
            "acme",
            "sandbox",
            "canonical",
            self.world.now,
            "up_1",
            state=ImportState.CHECKED,
            rows=len(self.source.held),
            ok=len(self.source.held),
        )
        point = {"price_point": self.product.default_price_point}
        rows = [
            ImportedRow(
                "acme",
                found.id,
                number,
                held.id,
                json.dumps({**dict(self.source.cells(held)), **point, **cells}),
                Result.OK,
            )
            for number, held in enumerate(self.source.held.values(), 1)
        ]
        self._commit(Insert(found))
        for row in rows:
            self._commit(Insert(row))
        return found

    def begin(self, imported: Import, **fields: Any) -> None:
        cut_over.start(
            self.world.ports,
            self.world.merchant,
            imported.id,
            by=None,
            now=self.world.now,
            **fields,
        )

    def begin_undo(self, imported: Import) -> None:
        undo.start(self.world.ports, self.world.merchant, imported.id, by=None, now=self.world.now)

    def move(self, imported: Import, **fields: Any) -> None:
        self.begin(imported, **fields)
        self.world.tick()

    def row(self, imported: Import, number: int = 1) -> ImportedRow:
        found = self.world.store.imported_row("acme", imported.id, number)
        assert found is not None
        return found

    def state(self, imported: Import, number: int = 1) -> tuple[RowState, str | None]:
        row = self.row(imported, number)
        return row.state, row.reason

    def import_(self, imported: Import) -> Import:
        found = self.world.store.import_("acme", imported.id)
        assert found is not None
        return found

    def advance(self, **span: float) -> None:
        self.world.advance(**span)
        self.source.pass_time()

    def charged_here(self, held: Held) -> list[datetime]:
        """Returns when our engine charged a subscription's customer."""
        customer = self.world.store.customer_by_email("acme", held.email)
        if customer is None:
            return []
        orders = self.world.store.history("acme", customer).orders
        return sorted(each.at for each in orders if each.kind.value == "rebill")

    def charged_there(self, held: Held) -> list[datetime]:
        return [each.at for each in held.bills if each.collected.value == "paid"]

    # Kills.

    def _committed(self, *writes: Write) -> None:
        self._commit(*writes)
        self._acted("commit")

    def _line(self, name: str, act: Callable[[], object]) -> object:
        failure = self.fails(name)
        if failure is not None:
            raise failure
        done = act()
        self._acted(name)
        return done

    def _acted(self, name: str) -> None:
        self.acts.append(name)
        if self.kill_after is not None and len(self.acts) >= self.kill_after:
            self.kill_after = None
            raise Killed(name)

"""Mistakes in the moving of subscriptions, each of which `sim.moving` must find (M-6).

An undo comes days after the move there, so what guards one that comes within minutes is not among
them (`moving.has_settled`, `undo.stays`); tests/migration/test_killed_moves.py has that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.kernel.live_sources import Collected, SourceCharge, SourcePage
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.migration import moving, shadows, unchanged
from billing.migration.flows import listing, shadow_rows, undo
from billing.migration.import_rows import RowState
from billing.rebill.flows import moved_here
from sim.moving import Move
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always
from sim.source import Source

SUBSCRIPTIONS = 200
SEEDS = (1, 2, 3)


def noticed() -> str | None:
    """Returns what is noticed first of the mutant that is applied; None for nothing.

    Half of the runs read their source's list and run in its shadow; the others are undone.
    """
    for seed in SEEDS:
        for listed in (True, False):
            try:
                found = Move(SUBSCRIPTIONS, seed, listed=listed).run(undoes=not listed)
            except AssertionError as broken:
                found = [f"an assertion: {broken}"]
            if found:
                return f"move {seed}, {found[0]}"
    return None


def _place_before_rows(store: Any) -> Any:
    """Writes the place in the list, and the rows before it only then."""

    def mutant(ports: Any, asked: Any, lookup: Any, page: SourcePage) -> Any:
        if page.next is None:
            return store(ports, asked, lookup, page)
        ports.store.commit(Change(asked, replace(asked, listed_to=page.next), ("state",)))
        ports.source(None).find(page.data[0].id)  # its process may die here
        moved = ports.store.import_(asked.merchant, asked.id)
        counted, stored = store(ports, moved, lookup, replace(page, next=f"{page.next}.."))
        last = replace(counted, listed_to=page.next)
        ports.store.commit(Change(counted, last, ("state",)))
        return last, stored

    return mutant


def _without_the_last(rows: Any) -> Any:
    """Leaves the last subscription of each page out."""
    return lambda *given: list(rows(*given))[:-1]


def _void_is_paid(of_charges: Any) -> Any:
    """Takes a charge that the source did not make for one that it made."""

    def mutant(ours: Any, theirs: Sequence[SourceCharge], **given: Any) -> Any:
        paid = [replace(each, collected=Collected.PAID) for each in theirs]
        return of_charges(ours, paid, **given)

    return mutant


def _since_ever(since: Any) -> Any:
    """Compares charges that the source made before it was read."""
    return lambda self, each: datetime.min.replace(tzinfo=self._now.tzinfo)


def _left_out(call: Any) -> Any:
    """Looks at a subscription instead of stopping or resuming it."""
    return lambda self, subscription, *mark: self.find(subscription)


def _one_more(recounted: Any) -> Any:
    """Counts a row in its new state, and in its old one too."""
    return lambda imported, was, to: recounted(imported, RowState.NEW, to)


_PATCHES: Mapping[str, tuple[Patch, ...]] = {
    "list: the place is written before its rows": (
        (listing, "_store", _place_before_rows),
        (listing, "AT_ONCE", lambda original: 5),
    ),
    "list: the last of each page is left out": ((listing, "_rows", _without_the_last),),
    "shadow: no charge is paired": ((shadows, "_pairs", always(())),),
    "shadow: a void charge was made": ((shadows, "of_charges", _void_is_paid),),
    "shadow: amounts are not compared": ((shadows, "_of_pair", always(())),),
    "shadow: what is moved is compared too": (
        (shadow_rows, "THERE", lambda original: frozenset(RowState)),
    ),
    "shadow: charges of before are compared": ((shadow_rows.Comparison, "_since", _since_ever),),
    "move: what has ended there is moved": ((unchanged, "cannot_move", always(None)),),
    "move: it is not stopped there": ((Source, "stop", _left_out),),
    "move: it is not resumed there": ((Source, "resume", _left_out),),
    "move: it is not cancelled there in the end": ((Source, "cancel", always(None)),),
    "move: an end there is not asked about": ((moved_here, "ended_there", always(False)),),
    "move: rows are counted in two states": ((moving, "recounted", _one_more),),
    "undo: it is not resumed there": ((undo, "_resumed", always(None)),),
}

MOVES = tuple(Mutant(name, patches, moves=True) for name, patches in _PATCHES.items())

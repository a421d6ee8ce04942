"""Mutants of declarations: each takes one rule of theirs away (X-10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billing.cancel import charge_hold
from billing.declarations import withdrawal
from billing.declarations.flows import carry_out
from billing.kernel.invoices import Invoice
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always


def _doubled(left_minor: Any) -> Any:
    """Gives back twice what is owed, as far as the payment reaches."""

    def mutant(invoice: Invoice, owed: int) -> int:
        return int(left_minor(invoice, 2 * owed))

    return mutant


def _a_day_more(owed_minor: Any) -> Any:
    """Counts a day more as used."""

    def mutant(invoice: Invoice, at: datetime, *, in_proportion: bool) -> int | None:
        later = at + timedelta(days=1)
        found: int | None = owed_minor(invoice, later, in_proportion=in_proportion)
        return found

    return mutant


def _not_ended(end: Any) -> Any:
    """Leaves a subscription running, and finds nothing that was charged since."""

    def mutant(ports: Any, found: Any, read: Any, now: datetime) -> Any:
        return read, []

    return mutant


_PATCHES: Mapping[str, tuple[Patch, ...]] = {
    "declaration: what was charged since is kept": ((carry_out, "_paid_since", always([])),),
    "declaration: holds on when it is over": ((carry_out, "_let_go", always(())),),
    "declaration: a no does not let go": ((charge_hold, "release", always(())),),
    "declaration: charged after it": ((carry_out, "_end", _not_ended),),
    "withdrawal: given back twice": ((withdrawal, "left_minor", _doubled),),
    "withdrawal: a day more counts as used": ((withdrawal, "owed_minor", _a_day_more),),
}

DECLARATIONS = tuple(Mutant(name, patches) for name, patches in _PATCHES.items())

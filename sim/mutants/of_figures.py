"""Mutants of figures (M-10)."""

from __future__ import annotations

from typing import Any

from billing.figures import money_orders, monthly, movements
from billing.figures import records as figure_records
from billing.figures.flows import customers as figure_customers
from billing.figures.movement_kinds import MovementKind
from billing.figures.sums import FigureSums
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always


def as_written(original: Any) -> Any:
    """Takes the time at which an end was written for that at which it was due."""
    return lambda subscription, written_at: written_at


FIGURES: tuple[Mutant, ...] = (
    Mutant("figures: a batch that comes again adds again", ((FigureSums, "has_seen", always("")),)),
    Mutant("figures: retries used up are no churn", ((monthly, "_lapsed", always(None)),)),
    Mutant("figures: a gap is not seen", ((figure_records, "runs_unpaid", always(False)),)),
    Mutant(
        "figures: what a thaw pays at once is nothing",
        ((monthly, "runs_unpaid", always(True)),),
        scene="thaws what had lapsed",
    ),
    Mutant(
        "figures: an end is not on its own day", ((figure_customers, "happened_at", as_written),)
    ),
    Mutant("figures: who comes back is new", ((movements, "_gain", always(MovementKind.NEW)),)),
    Mutant("figures: nobody has a country", ((figure_customers, "country_of", always("-")),)),
    Mutant("figures: taxes are revenue", ((money_orders, "_tax_of", always(0)),)),
)

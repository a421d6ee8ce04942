"""Mutants: each guard of the product is removed in turn and must be missed.

A mutant patches the product in this process and is put back. One that nothing notices must be
listed as redundant, with the guard that stands behind it; another mutant then removes both.
"""

from __future__ import annotations

from sim.mutants.mutant import Mutant
from sim.mutants.of_charges import CHARGES
from sim.mutants.of_checkouts import CHECKOUTS
from sim.mutants.of_coupons import COUPONS
from sim.mutants.of_declarations import DECLARATIONS
from sim.mutants.of_documents import DOCUMENTS
from sim.mutants.of_ends import ENDS
from sim.mutants.of_figures import FIGURES
from sim.mutants.of_money_back import MONEY_BACK
from sim.mutants.of_moves import MOVES
from sim.mutants.of_outbox import OUTBOX
from sim.mutants.of_plans import PLANS
from sim.mutants.of_prices import PRICES
from sim.mutants.of_webhooks import WEBHOOKS
from sim.mutants.of_work import WORK

MUTANTS: tuple[Mutant, ...] = (
    *CHARGES,
    *CHECKOUTS,
    *ENDS,
    *MONEY_BACK,
    *PLANS,
    *PRICES,
    *DOCUMENTS,
    *COUPONS,
    *DECLARATIONS,
    *FIGURES,
    *OUTBOX,
    *WEBHOOKS,
    *WORK,
    *MOVES,
)
"""All of them, by area."""

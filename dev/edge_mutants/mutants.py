"""All mutants of the edge, by area."""

from __future__ import annotations

from itertools import chain

from dev.edge_mutants.mutant import Mutant
from dev.edge_mutants.of_forms import OF_FORMS
from dev.edge_mutants.of_gateways import OF_GATEWAYS
from dev.edge_mutants.of_isolation import OF_ISOLATION
from dev.edge_mutants.of_keys import OF_KEYS
from dev.edge_mutants.of_limits import OF_LIMITS
from dev.edge_mutants.of_links import OF_LINKS
from dev.edge_mutants.of_requests import OF_REQUESTS
from dev.edge_mutants.of_sessions import OF_SESSIONS
from dev.edge_mutants.of_team import OF_TEAM

MUTANTS: tuple[Mutant, ...] = tuple(
    chain(
        OF_KEYS,
        OF_ISOLATION,
        OF_SESSIONS,
        OF_FORMS,
        OF_LINKS,
        OF_LIMITS,
        OF_REQUESTS,
        OF_GATEWAYS,
        OF_TEAM,
    )
)

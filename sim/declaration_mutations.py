"""Mutants of declarations: each takes one rule of theirs away (X-10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from billing.cancel import charge_hold
from billing.declarations.flows import carry_out
from sim.mutations import always

Patch = tuple[Any, str, Callable[[Any], Any]]

MUTANTS: Mapping[str, tuple[Patch, ...]] = {
    "declaration: what was charged since is kept": ((carry_out, "_paid_since", always([])),),
    "declaration: holds on when it is over": ((carry_out, "_let_go", always(())),),
    "declaration: a no does not let go": ((charge_hold, "release", always(())),),
}

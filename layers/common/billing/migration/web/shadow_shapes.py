"""Comparisons of an import with its source, as /v1 shows them."""

from __future__ import annotations

from typing_extensions import TypedDict

from billing.api.web.described import Instant
from billing.api.web.json_shapes import instant
from billing.migration.flows.shadow import Shadow
from billing.migration.shadows import Difference, Side, Totals
from billing.migration.web import words


class ShadowKindOutput(TypedDict):
    """A kind of difference, in words, and how many there are."""

    kind: str
    text: str
    count: int


class ShadowOutput(TypedDict):
    """A comparison of what would have been charged here with what the source charged.

    `state` is done once the counts are final. `charges` is the upload of a file of charges, null
    where the source was asked. `rows` were compared, `charges_compared` charges of them; `moved`
    rows are charged here by now, `blocked` rows cannot be imported now.
    """

    state: str
    charges: str | None
    rows: int
    same: int
    different: int
    charges_compared: int
    moved: int
    blocked: int
    kinds: list[ShadowKindOutput]
    compared_at: Instant


class ShadowSideOutput(TypedDict):
    """One side of a difference; `amount` is in minor units."""

    at: Instant | None
    amount: int | None
    currency: str | None
    text: str | None


class ShadowDifferenceOutput(TypedDict):
    """A difference of a row, here and at the source.

    `column` is the cell that it is about. Of a line that cannot be read in a file of charges,
    `number` is the line's.
    """

    number: int
    external_id: str
    kind: str
    column: str | None
    text: str
    here: ShadowSideOutput
    there: ShadowSideOutput


def shadow(found: Shadow) -> ShadowOutput:
    totals = found.totals or Totals(rows=found.job.done)
    return {
        "state": found.job.state.value if found.totals is None else "done",
        "charges": found.charges,
        "rows": totals.rows,
        "same": totals.same,
        "different": totals.different,
        "charges_compared": totals.charges,
        "moved": totals.moved,
        "blocked": totals.blocked,
        "kinds": [
            {"kind": kind, "text": words.of_kind(kind), "count": count}
            for kind, count in sorted(totals.kinds.items())
        ],
        "compared_at": instant(found.job.created_at),
    }


def difference(found: Difference) -> ShadowDifferenceOutput:
    return {
        "number": found.number,
        "external_id": found.external_id,
        "kind": found.kind,
        "column": found.column,
        "text": words.of_difference(found),
        "here": _side(found.here),
        "there": _side(found.there),
    }


def _side(side: Side) -> ShadowSideOutput:
    return {
        "at": instant(side.at),
        "amount": side.minor,
        "currency": side.currency or None,
        "text": side.text or None,
    }

"""The exceptions of this package, as one family; the edges map it to HTTP in one place.

BillingError
├── Invalid        the request is malformed or out of bounds; names the field
├── Refused        the state or a policy forbids it; its code is the reason that people are shown
├── Forged         an event that its gateway did not sign, or not for us, or not now
├── TooMany        too many requests; wait and ask again
├── NotFound       unknown, or not yours (callers cannot see the difference)
├── Conflict       another writer came first; read again and decide anew
└── Unavailable    a dependency failed; nothing that was asked for is written
    ├── Unreachable    a gateway did not answer, or its answer leaves the result unknown (R-6)
    │   └── HeldBack   it has taken the payment, and decides about it only in days
    ├── RateLimited    a gateway refused the call for now, and did nothing
    ├── Uncertain      the response to a write was lost: it may be written
    └── Unfinished     part of it is written; the same request again does the rest

A declined charge is no error: it is an expected outcome and so a value (`gateways.Declined`).

An error carries no sentence. Its `reason` and `parameters` find one in the catalog of the reader's
language (`render/errors.py`); its `code` is what callers of the API branch on. Most reasons of
`Refused` are codes themselves; `Invalid` and `NotFound` have one code and a reason for each rule:

    Refused("already_cancelled")
    Invalid("too_long", field="text", count=500)    # code: invalid
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    from billing.kernel.money import Money

    Parameter: TypeAlias = int | str | Money
    """A value that a text fills in; money is written as the reader's language writes it."""


class BillingError(Exception):
    """The base class; `code` and `reason` are stable and safe to show, `note` is for logs alone."""

    code = "internal_error"

    def __init__(
        self, reason: str = "", *, code: str | None = None, note: str = "", **parameters: Parameter
    ) -> None:
        super().__init__(reason)
        if code is not None:
            self.code = code
        self.reason = reason or self.code
        self.note = note
        self.parameters: dict[str, Any] = parameters

    def __str__(self) -> str:
        """Returns reason, parameters and note, for logs and a REPL; no reader of ours sees it."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return self.reason + (f" ({given})" if given else "") + (f": {self.note}" * bool(self.note))


class Invalid(BillingError):
    """A malformed or out-of-bounds request; `field` is the path of the wrong value, as the caller
    wrote it."""

    code = "invalid"

    def __init__(
        self,
        reason: str,
        *,
        field: str,
        code: str | None = None,
        note: str = "",
        **parameters: Parameter,
    ) -> None:
        super().__init__(reason, code=code, note=note, **parameters)
        self.field = field

    def at(self, field: str) -> Invalid:
        """Returns the same error about a field with another path."""
        return Invalid(self.reason, field=field, code=self.code, **self.parameters)


class Refused(BillingError):
    """A request that a rule forbids: already cancelled, refund window over, invoice open.

    Its reason is its code, unless several reasons share a code.
    """

    code = "refused"

    def __init__(
        self, reason: str, *, code: str | None = None, note: str = "", **parameters: Parameter
    ) -> None:
        super().__init__(reason, code=code or reason, note=note, **parameters)


class Forged(BillingError):
    """A request that is no event of the gateway.

    Its signature is wrong or too old, it is for another gateway account, or it is no event at all.
    """

    code = "forged"


class TooMany(BillingError):
    """A rate limit per address, email or key that is used up for now."""

    code = "too_many_requests"


class NotFound(BillingError):
    """A thing that does not exist for this merchant or customer."""

    code = "not_found"


class Conflict(BillingError):
    """A write whose condition failed, because what was read has changed; nothing was written."""

    code = "conflict"


class Unavailable(BillingError):
    """A dependency that is down or throttled; try again later.

    `note` says what failed, for those who run this. This class alone, without a subclass, means
    that nothing was done. After a write, a flow returns
    what it has written, or raises `Uncertain` or `Unfinished`.
    """

    code = "unavailable"

    def __init__(self, note: str = "", *, code: str | None = None) -> None:
        super().__init__(code=code, note=note)


class Unreachable(Unavailable):
    """A gateway that gave no usable answer: the charge may or may not have happened (R-6)."""

    code = "gateway_unavailable"


class HeldBack(Unreachable):
    """A payment that its gateway has taken and holds back: it is made or refused only in days.

    Nothing is out of order, so asking again soon, or being told again, is of no use.
    """


class RateLimited(Unavailable):
    """A gateway call refused unread because of its rate limit: nothing happened; callers must slow
    down."""

    code = "gateway_busy"


class Uncertain(Unavailable):
    """A write whose response was lost: read the current state before asking again."""

    code = "outcome_unknown"


class Unfinished(Unavailable):
    """A request that was written in part; the same request does the rest, and nothing twice."""

    code = "unfinished"

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
    ├── RateLimited    a gateway refused the call for now, and did nothing
    ├── Uncertain      the response to a write was lost: it may be written
    └── Unfinished     part of it is written; the same request again does the rest

A declined charge is no error: it is an expected outcome and so a value (`gateways.Declined`).
"""


class BillingError(Exception):
    """The base class; `code` is stable and safe to show, the message is for people."""

    code = "internal_error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.__class__.__name__)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        return str(self)


class Invalid(BillingError):
    """A malformed or out-of-bounds request; `field` is the path of the wrong value, as the caller
    wrote it."""

    code = "invalid"

    def __init__(self, message: str, *, field: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class Refused(BillingError):
    """A request that a rule forbids: already cancelled, refund window over, invoice open."""

    code = "refused"


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

    This class alone, without a subclass, means that nothing was done. After a write, a flow returns
    what it has written, or raises `Uncertain` or `Unfinished`.
    """

    code = "unavailable"


class Unreachable(Unavailable):
    """A gateway that gave no usable answer: the charge may or may not have happened (R-6)."""

    code = "gateway_unavailable"


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

"""Everything that can go wrong, as one family; the edges map it to HTTP in one place.

BillingError
├── Invalid        the request is malformed or out of bounds; names the field
├── Refused        the state or a policy forbids it; carries a reason code people are told
├── Forged         an event that its gateway did not sign, or not for us, or not now
├── TooMany        asked too often; wait and ask again
├── NotFound       unknown, or not yours (the two are never told apart)
├── Conflict       another writer came first; read again and decide anew
└── Unavailable    the world failed; nothing that was asked for is written
    ├── Unreachable    a gateway did not answer, or not in a way that says what it did (R-6)
    ├── RateLimited    a gateway takes no more for now, and did nothing
    ├── Uncertain      the answer to a write was lost: it may be written
    └── Unfinished     part of it is written, and asking again does the rest

A declined charge is no error: it is an expected outcome and so a value (`gateways.Declined`).
"""


class BillingError(Exception):
    """The family; `code` is stable and safe to show, the message is for people."""

    code = "internal_error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.__class__.__name__)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        return str(self)


class Invalid(BillingError):
    """Malformed or out of bounds; `field` is the path of what is wrong, as the caller wrote it."""

    code = "invalid"

    def __init__(self, message: str, *, field: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class Refused(BillingError):
    """A rule says no: already cancelled, window over, invoice open."""

    code = "refused"


class Forged(BillingError):
    """Not an event of the gateway: wrong or old signature, another account, or no event at all."""

    code = "forged"


class TooMany(BillingError):
    """A limit per address, email or key is used up for now."""

    code = "too_many_requests"


class NotFound(BillingError):
    """No such thing for this merchant or customer."""

    code = "not_found"


class Conflict(BillingError):
    """What was read is no longer so; nothing was written."""

    code = "conflict"


class Unavailable(BillingError):
    """A part of the world is down or throttled; try again later.

    Whoever is told only this is told that nothing was done. After a write a flow answers what it
    has written, or raises `Uncertain` or `Unfinished`.
    """

    code = "unavailable"


class Unreachable(Unavailable):
    """The gateway gave no usable answer: the charge may or may not have happened (R-6)."""

    code = "gateway_unavailable"


class RateLimited(Unavailable):
    """The gateway refused the call unread: nothing happened, and whoever calls slows down."""

    code = "gateway_busy"


class Uncertain(Unavailable):
    """The answer to a write was lost: look at what stands before asking again."""

    code = "outcome_unknown"


class Unfinished(Unavailable):
    """Part of what was asked for is written; the same request does the rest, nothing twice."""

    code = "unfinished"

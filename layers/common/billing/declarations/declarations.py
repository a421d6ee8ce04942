"""Declarations: that a contract is cancelled, or withdrawn from, as of when it was said (X-10).

A declaration counts from when it was made. It is carried out once it is verified; until then it is
acknowledged, and only ever holds charges. Transitions are functions that return a new value; they
never read a clock.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from billing.cancel.regions.rules import Duty
from billing.kernel.agreement import DECLARED
from billing.kernel.due import DueKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

FIELD_MOST = 200
"""The most characters of a declared field."""

HELD_FOR = timedelta(days=7)
"""The longest time that an unverified declaration holds charges."""

ABOUT_MOST = 5
"""The most subscriptions that one declaration is about; beyond that a person looks."""

UNVERIFIED_MOST, UNVERIFIED_WINDOW = 20, timedelta(hours=1)
"""The most unverified declarations at a merchant within the window that hold anything."""

NOBODY = "nobody"
"""The customer id of an event about somebody who is not known to have bought anything."""

DECIDED_ON = ("state", "verification", "due_at")
"""The fields that a change of a declaration expects unchanged: it is decided once."""


class Kind(StrEnum):
    """The kind of a declaration; an extraordinary one ends a contract for a reason, at once."""

    ORDINARY = "ordinary"
    EXTRAORDINARY = "extraordinary"
    WITHDRAWAL = "withdrawal"


class Verification(StrEnum):
    """The proof that it is the buyer's own: none yet; an Order ID; a portal session; the link that
    was mailed to the address on file; a person of the merchant."""

    NONE = "none"
    ORDER_ID = "order_id"
    PORTAL = "portal"
    LINK = "link"
    AGENT = "agent"


class DeclarationState(StrEnum):
    """The state of a declaration: received; asked of the address on file; for a person to decide;
    carried out; denied by whoever has that address; turned down by the merchant."""

    RECEIVED = "received"
    ASKED = "asked"
    AGENT = "agent"
    CARRIED_OUT = "carried_out"
    DENIED = "denied"
    DECLINED = "declined"


WAITING = frozenset({DeclarationState.RECEIVED, DeclarationState.ASKED, DeclarationState.AGENT})


class Reason(StrEnum):
    """The reason why a person must look at a declaration."""

    NO_PURCHASE = "no_purchase"
    SEVERAL = "several"
    TOO_MANY = "too_many"
    INSTALLMENTS = "installments"
    NOTHING_RUNS = "nothing_runs"
    NO_RIGHT = "no_right"
    OVER = "over"
    REFUND = "refund"
    CONSENT = "consent"


class Declared(Value):
    """The fields of a form as they were typed and cut; `wanted_on` is the day asked for."""

    kind: Kind
    name: str
    contact: str
    contract: str
    reason: str = ""
    wanted_on: date | None = None


class Declaration(Entity):
    """A declaration at a merchant. `at` is when it was made: the date that counts.

    `order` is the Order ID that it named, `customer` and `about` the buyer and the subscriptions
    that it is matched to. `decide_by` is the last day of a person's decision; `due_at` is when it
    is looked at again. `flooded` marks one of too many, which holds nothing. `ends_at` is the real
    end once it is carried out, `refunded` the Order IDs of payments that went back. `held` tells
    whether it held a charge.
    """

    id: str
    merchant: str
    duty: Duty
    at: datetime
    shard: int
    declared: Declared
    country: str
    decide_by: datetime
    home_state: str | None = None
    region: str | None = None
    language: str = "en"
    verification: Verification = Verification.NONE
    verified_at: datetime | None = None
    order: str | None = None
    customer: str | None = None
    about: tuple[str, ...] = ()
    state: DeclarationState = DeclarationState.RECEIVED
    why: Reason | None = None
    flooded: bool = False
    held: bool = False
    due_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    ends_at: datetime | None = None
    refunded: tuple[str, ...] = ()

    @property
    def due_kind(self) -> DueKind:
        """A person's decision is no sweep's to make: it is only watched for being late (R-9)."""
        waits = self.state is DeclarationState.AGENT
        return DueKind.DECIDE if waits else DueKind.DECLARATION

    @property
    def number(self) -> str:
        """The short number by which people name it; only its id is unique."""
        return self.id[-8:].upper()

    @property
    def is_verified(self) -> bool:
        return self.verification is not Verification.NONE

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def refund_name(self) -> str:
        """The name of its refund of a payment: however often it is asked for, it is one."""
        return self.id

    def binds_at(self, zone: str) -> datetime:
        """Returns the instant after which nothing may be charged: when it was declared, or the
        beginning of the later day that it asks for."""
        wanted = self.declared.wanted_on
        if wanted is None or self.declared.kind is not Kind.ORDINARY:
            return self.at
        return max(self.at, Anchor(datetime.combine(wanted, time()), zone).instant)

    def waits_until(self, subscription: Subscription, now: datetime) -> datetime | None:
        """Returns when to look again at one for a later day: once the period before it is paid;
        None where the running period reaches that day, or it has come."""
        ends_at = subscription.period_at
        binds = self.binds_at(subscription.anchor.zone)
        if ends_at is None or binds <= max(ends_at, now):
            return None
        return max(ends_at, now)

    def holds(self, subscription: Subscription, now: datetime) -> bool:
        """Tests whether it holds the charges of a subscription until it is decided."""
        waits = self.held and self.state in {DeclarationState.ASKED, DeclarationState.RECEIVED}
        meant = subscription.id in self.about
        return waits and meant and self.waits_until(subscription, now) is None

    def for_agent(self, why: Reason) -> Declaration:
        """Returns it for a person to decide, who has until `decide_by`."""
        return replace(self, state=DeclarationState.AGENT, why=why, due_at=self.decide_by)

    def asked(self, customer: str, about: tuple[str, ...], *, held: bool) -> Declaration:
        """Returns it as asked of the address on file; nobody's answer is looked at on the last
        day."""
        return replace(
            self,
            state=DeclarationState.ASKED,
            customer=customer,
            about=about,
            held=held,
            due_at=self.decide_by,
        )

    def verified(self, how: Verification, now: datetime) -> Declaration:
        """Returns it as verified, to be carried out at once."""
        return replace(
            self,
            verification=how,
            verified_at=now,
            state=DeclarationState.RECEIVED,
            why=None,
            due_at=now,
        )

    def carried_out(
        self, now: datetime, by: str, ends_at: datetime | None, refunded: tuple[str, ...]
    ) -> Declaration:
        """Returns it as carried out."""
        after = self._decided(DeclarationState.CARRIED_OUT, now, by)
        return replace(after, why=None, ends_at=ends_at, refunded=refunded)

    def denied(self, now: datetime) -> Declaration:
        """Returns it as denied by whoever has the address on file."""
        return self._decided(DeclarationState.DENIED, now, "customer")

    def declined(self, now: datetime, by: str) -> Declaration:
        """Returns it as turned down by a person of the merchant."""
        return self._decided(DeclarationState.DECLINED, now, by)

    def _decided(self, state: DeclarationState, now: datetime, by: str) -> Declaration:
        return replace(self, state=state, decided_at=now, decided_by=by, due_at=None)


class DeclarationOf(Entity):
    """A link from a customer to a declaration, stored beside their purchases."""

    merchant: str
    customer: str
    declaration: str


def declaration_id(at: datetime, drawn: str) -> str:
    """Returns an id that sorts by when it was declared."""
    return f"{DECLARED}{at:%Y%m%d%H%M%S%f}_{drawn.rpartition('_')[2]}"


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SCHEME = re.compile(r"(?i)://|\bwww\.")
_HOST = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_])")


def cut(text: str) -> str:
    """Returns a declared field on one line, without control characters, cut to what is kept."""
    return " ".join(_CONTROL.sub(" ", text).split())[:FIELD_MOST]


def without_links(text: str) -> str:
    """Returns a declared field so that no mail program makes a link of any part of it."""
    plain = _SCHEME.sub(lambda found: found[0].replace(":", "[:]").replace(".", "[.]"), text)
    return _HOST.sub("[.]", plain).replace("@", " [at] ")


def event(kind: EventKind, declaration: Declaration, at: datetime, shard: int) -> OutboxEvent:
    """Builds an outbox event about a declaration."""
    return OutboxEvent(
        id=f"{declaration.id}:{kind}:{declaration.verification}",
        kind=kind,
        merchant=declaration.merchant,
        customer=declaration.customer or NOBODY,
        at=at,
        shard=shard,
        code=declaration.id,
    )

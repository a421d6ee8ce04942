"""Merchants and the settings that are theirs to choose (M-2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from billing.kernel.customers import Address
from billing.kernel.departments import USUAL, Department
from billing.kernel.errors import NotFound
from billing.kernel.gateways import SANDBOX, AccountRef, AtGateway
from billing.kernel.money import Currency

VISITORS_OWN = "visitor"
"""In place of a language: each visitor is spoken to in their own (C-5)."""


class PortalKind(StrEnum):
    """The two kinds of billing portal (B-1)."""

    STANDALONE = "standalone"
    HELPDESK = "helpdesk"


class SelfService(StrEnum):
    """What customers may do by themselves: nothing, ask a person, or do it (X-1, B-7)."""

    OFF = "off"
    MANUAL = "manual"
    AUTOMATIC = "automatic"


class FinalAction(StrEnum):
    """What becomes of a subscription whose retries are used up (R-4)."""

    CANCEL = "cancel"
    KEEP_PAST_DUE = "keep_past_due"


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Dunning: `attempts` in all, `every_days` apart, then the final action (R-4)."""

    every_days: int = 3
    attempts: int = 4
    final_action: FinalAction = FinalAction.CANCEL


class Undecided(StrEnum):
    """What becomes of a request to cancel that nobody decided in time (H-4)."""

    CANCEL = "cancel"
    CHARGE = "charge"


class CreditAtEnd(StrEnum):
    """What becomes of the credit that a subscription leaves when it ends (A-4).

    `refund`: it goes back to the newest payments, each up to what is left of it. `keep`: it is
    taken off the invoices of the customer's next subscription.
    """

    REFUND = "refund"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Departments:
    """The helpdesk's departments, and which of them take what the portal sends on (H-1, M-2)."""

    cancel: str = "billing"
    refund: str = "billing"
    all: tuple[Department, ...] = USUAL


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """What becomes of accounts whose plan ends, where the merchant is the platform (A-3, A-6).

    Data is kept for `retention_days`; `frozen_stops` says whether a frozen account's own customers
    are charged no more until it thaws.
    """

    retention_days: int = 90
    frozen_stops: bool = True


CONFIRMATION_TEMPLATE = (
    "Your Order ID is {order_id}. Keep it: with it and your email you can see and change your "
    "billing."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """A merchant's choices, with the defaults of SPEC.md.

    `language` is one of the fifteen, or `VISITORS_OWN` (C-5). `self_cancel` and `self_refund` are
    modes (X-1, B-7). `grace_days` is how long access is kept while past due, None for the whole
    retry cycle (R-5). `catch_up_days` is how long a missed charge is still made unasked (R-2),
    `reminder_days` how long ahead a charge is told of, 0 for not at all (R-8). `revoke_on_dispute`
    closes access from a chargeback until it is won (W-4). `notice_days` is how long before the next
    invoice support must be asked to stop it (X-8), `undecided` what becomes of a request that
    nobody decides (H-4). `confirmation_template` may hold {order_id} (C-3). `freeze_price_minor` is
    what a frozen subscription is charged a month, None where none can be frozen; `self_freeze` lets
    customers do it in the portal (A-5). `credit_at_end` says what becomes of credit that is left
    when a subscription ends; merchants from before it was a setting keep it. `custom_domain` is the
    host that checkout and portal are asked for under (A-9).
    """

    time_zone: str = "America/New_York"
    currency: Currency = Currency.USD
    language: str = "en"
    portal: PortalKind | None = None
    self_cancel: SelfService = SelfService.AUTOMATIC
    self_refund: SelfService = SelfService.OFF
    departments: Departments = field(default_factory=Departments)
    retry_schedule: RetrySchedule = field(default_factory=RetrySchedule)
    grace_days: int | None = None
    catch_up_days: int = 7
    revoke_on_dispute: bool = False
    reminder_days: int = 7
    notice_days: int = 0
    undecided: Undecided = Undecided.CANCEL
    confirmation_template: str = CONFIRMATION_TEMPLATE
    freeze_price_minor: int | None = 999
    self_freeze: bool = False
    accounts: AccountPolicy = field(default_factory=AccountPolicy)
    custom_domain: str | None = None
    credit_at_end: CreditAtEnd = CreditAtEnd.KEEP

    @classmethod
    def of_new_merchant(cls, **chosen: Any) -> Settings:
        """The settings a new merchant begins with, where they differ from those of older ones."""
        return cls(credit_at_end=CreditAtEnd.REFUND, **chosen)

    def language_for(self, visitor: str) -> str:
        """The language that somebody is spoken to in, `visitor` being their own (C-5)."""
        return visitor if self.language == VISITORS_OWN else self.language


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """A merchant's account at a gateway; its keys are in the secret store, under the same names.

    `id` is the gateway's own id of it. New purchases go to the active one of a gateway; another
    one stays for what is open or refundable there (W-6). `bound_to` is the environment whose it is:
    another one, such as a restored copy, must not move its money (W-5); None is anybody's.
    """

    gateway: str
    id: str
    active: bool = True
    bound_to: str | None = None


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who sells. `armed` is false in an environment its keys were not bound to (W-5); `stopped`
    stops all charges of this merchant by hand, `suspended_from` from the end of its account on
    (A-3). `domain` is the custom domain that the operator has confirmed, and that links name
    (A-9). `live_keys` counts the API keys that are not revoked, None until it is first needed
    (M-3)."""

    id: str
    name: str
    email: str
    created_at: datetime
    settings: Settings = field(default_factory=Settings)
    website: str | None = None
    address: Address | None = None
    terms_version: str = "1"
    armed: bool = True
    stopped: bool = False
    suspended_from: datetime | None = None
    gateway_accounts: tuple[GatewayAccount, ...] = ()
    domain: str | None = None
    live_keys: int | None = None

    def as_of(self, now: datetime) -> Merchant:
        """As it counts at `now`: stopped once its account has ended, sweep or no sweep (A-3)."""
        return replace(self, stopped=True) if self.is_suspended(now) else self

    def is_suspended(self, now: datetime) -> bool:
        """Whether its account has ended, and nothing is sold or charged until it is back."""
        return self.suspended_from is not None and self.suspended_from <= now

    def armed_in(self, environment: str) -> bool:
        """Whether money may move and mail go out here: nothing is bound to another place (W-5)."""
        bound = {account.bound_to for account in self.gateway_accounts}
        return self.armed and bound <= {None, environment}

    def holds(self, held: AtGateway) -> bool:
        """Whether the gateway account that something lives at is still one of the merchant's."""
        account = AccountRef(self.id, held.gateway, held.gateway_account)
        return account in self.accounts_at(held.gateway)

    def account_at(self, gateway: str) -> AccountRef:
        """Where new purchases through a gateway go; raises `NotFound` without an account there.

        The sandbox needs none: it is there until keys are given (W-3).
        """
        if gateway == SANDBOX:
            return AccountRef(self.id, SANDBOX, SANDBOX)
        for account in self.gateway_accounts:
            if account.gateway == gateway and account.active:
                return AccountRef(self.id, gateway, account.id)
        raise NotFound(
            f"There is no gateway {gateway}: no keys of it were given.", code="no_account"
        )

    def accounts_at(self, gateway: str) -> tuple[AccountRef, ...]:
        """Every account at a gateway, the active one and those where something may be open."""
        if gateway == SANDBOX:
            return (AccountRef(self.id, SANDBOX, SANDBOX),)
        return tuple(
            AccountRef(self.id, gateway, account.id)
            for account in self.gateway_accounts
            if account.gateway == gateway
        )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key by the hash of its secret; scoped and revocable (M-3). `made_by` is the id of the
    key that made it, or `operator`; None for what was made before that was kept."""

    id: str
    key_hash: str
    merchant: str
    created_at: datetime
    scopes: tuple[str, ...] = ("read", "write")
    revoked_at: datetime | None = None
    made_by: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None

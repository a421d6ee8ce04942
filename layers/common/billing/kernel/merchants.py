"""Merchants and the settings that they choose (M-2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from billing.kernel.customers import Address
from billing.kernel.departments import USUAL, Department
from billing.kernel.errors import NotFound
from billing.kernel.gateways import SANDBOX, AccountRef, AtGateway
from billing.kernel.identities import Identity
from billing.kernel.money import Currency
from billing.kernel.retries import RetrySchedule
from billing.kernel.values import Value, field, replace, shown_without
from billing.kernel.writes import Entity

VISITORS_OWN = "visitor"
"""Language setting that gives each visitor their own language (C-5)."""


class PortalKind(StrEnum):
    """The two kinds of billing portal (B-1)."""

    STANDALONE = "standalone"
    HELPDESK = "helpdesk"


class SelfService(StrEnum):
    """The self-service allowed to customers: none, ask a person, or do it themselves (X-1, B-7)."""

    OFF = "off"
    MANUAL = "manual"
    AUTOMATIC = "automatic"


class Undecided(StrEnum):
    """The outcome of a cancellation request that nobody decided in time (H-4)."""

    CANCEL = "cancel"
    CHARGE = "charge"


class CreditAtEnd(StrEnum):
    """The use of credit that is left when a subscription ends (A-4).

    `refund`: it is refunded to the newest payments, each up to its refundable amount. `keep`: it is
    taken off the invoices of the customer's next subscription.
    """

    REFUND = "refund"
    KEEP = "keep"


class Departments(Value):
    """The helpdesk's departments, and which of them receive the portal's requests (H-1, M-2)."""

    cancel: str = "billing"
    refund: str = "billing"
    all: tuple[Department, ...] = USUAL


class AccountPolicy(Value):
    """The platform's rules for accounts whose plan ends (A-3, A-6).

    They apply where the merchant is the platform. Data is kept for `retention_days`. With
    `frozen_stops`, the customers of a frozen account are not charged until it thaws.
    """

    retention_days: int = 90
    frozen_stops: bool = True


CONFIRMATION_TEMPLATE = (
    "Your Order ID is {order_id}. Keep it: with it and your email you can see and change your "
    "billing."
)


class Settings(Value):
    """A merchant's settings, with the defaults of SPEC.md.

    `language` is one of the fifteen, or `VISITORS_OWN` (C-5). `self_cancel` and `self_refund` are
    modes (X-1, B-7). `grace_days` is how long access is kept while past due, None for the whole
    retry cycle (R-5). `catch_up_days` is how long a missed charge is still made without asking the
    merchant (R-2), `reminder_days` how many days before a charge a reminder is sent, 0 for none
    (R-8). `revoke_on_dispute` closes access from a chargeback until it is won (W-4). `notice_days`
    is how many days before the next invoice support must be asked to stop it (X-8), `undecided` the
    outcome of a request that nobody decides (H-4). `confirmation_template` may hold {order_id}
    (C-3). `freeze_price_minor` is the monthly charge of a frozen subscription, None where none can
    be frozen; `self_freeze` lets customers freeze in the portal (A-5), `self_pause` pause (X-11),
    `self_coupon` enter a coupon there, `self_change_plan` change to another plan (B-12).
    `credit_at_end` is the use of credit that is left when a subscription ends; merchants from
    before this setting keep it. `custom_domain` is the requested host of checkout and portal (A-9).
    `return_urls` are the addresses of its own site that buyers may be shown after a purchase, the
    first one unless another is asked for (C-1).
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
    self_pause: bool = False
    self_coupon: bool = False
    self_change_plan: bool = False
    accounts: AccountPolicy = field(default_factory=AccountPolicy)
    custom_domain: str | None = None
    credit_at_end: CreditAtEnd = CreditAtEnd.KEEP
    return_urls: tuple[str, ...] = ()

    @classmethod
    def of_new_merchant(cls, **chosen: Any) -> Settings:
        """Returns the settings of a new merchant, some of which differ from the defaults of older
        merchants."""
        return cls(credit_at_end=CreditAtEnd.REFUND, **chosen)

    def language_for(self, visitor: str) -> str:
        """Returns the language to use with a visitor; `visitor` is the visitor's own (C-5)."""
        return visitor if self.language == VISITORS_OWN else self.language


class GatewayAccount(Value):
    """A merchant's account at a gateway; its keys are in the secret store, under the same names.

    `id` is the gateway's own id of it. New purchases go to a gateway's active account; the others
    stay for what is open or refundable there (W-6). `bound_to` is the environment that may move its
    money: another one, such as a restored copy, must not (W-5); None allows any. `name` is what the
    gateway calls it, None where that is not known.
    """

    gateway: str
    id: str
    active: bool = True
    bound_to: str | None = None
    name: str | None = None


class Merchant(Entity):
    """A seller.

    `armed` is false in an environment that its gateway keys were not bound to (W-5). `stopped`
    stops all charges of this merchant by hand, `suspended_from` does from the end of its account on
    (A-3). `domain` is the custom domain that the operator has confirmed and that links use (A-9).
    `live_keys` counts the API keys that are not revoked, None until it is first needed (M-3).
    `link_key` signs the links into its portal, None until the first is mailed (R-8).
    `lists_complete_at` is when its lists by the aux index began to have everything: None while a
    job still has to index what was sold before there was that index.
    `catalog_listed_at` is the same for the lists of its products and price points.
    `events_since` is when somebody first read its event log: nothing is logged before (M-5).
    `webhooks_since` is when it first had an endpoint: nothing is sent before (M-5).
    `tax_since` is when it first registered for a tax: no taxes are looked up before (C-7).
    `order_lists` is how many lists its orders of a month are spread over, and may only grow: an
    index takes 1,000 new rows of a list in a second.
    `identity` is what its documents say of it, None until it is entered (M-13). `branding` is the
    version of its branding, which is an item of its own; None without (M-11).
    `sold_since` is when what it sells here may have begun elsewhere; None where nothing that was
    moved here is older than it (M-6).
    """

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
    link_key: str | None = None
    lists_complete_at: datetime | None = None
    events_since: datetime | None = None
    tax_since: datetime | None = None
    order_lists: int = 1
    identity: Identity | None = None
    catalog_listed_at: datetime | None = None
    branding: str | None = None
    webhooks_since: datetime | None = None
    sold_since: datetime | None = None

    def __repr__(self) -> str:
        return shown_without(self, "link_key")

    def as_of(self, now: datetime) -> Merchant:
        """Returns the merchant as of `now`: stopped once its account has ended, even before a sweep
        (A-3)."""
        return replace(self, stopped=True) if self.is_suspended(now) else self

    def is_suspended(self, now: datetime) -> bool:
        """True once its account has ended; nothing is sold or charged until it is back."""
        return self.suspended_from is not None and self.suspended_from <= now

    @property
    def oldest_sold(self) -> datetime:
        """Returns the instant before which no subscription of theirs began, here or elsewhere."""
        return min(self.created_at, self.sold_since or self.created_at)

    @property
    def is_live(self) -> bool:
        """True if it has an active gateway account that moves real money (W-3)."""
        return any(
            account.active and not AccountRef(self.id, account.gateway, account.id).is_test
            for account in self.gateway_accounts
        )

    def armed_in(self, environment: str) -> bool:
        """True if money may move and mail may be sent in an environment.

        That is, no gateway account is bound to another one (W-5).
        """
        bound = {account.bound_to for account in self.gateway_accounts}
        return self.armed and bound <= {None, environment}

    def holds(self, held: AtGateway) -> bool:
        """True if the gateway account of an invoice, card or the like is still one of the
        merchant's."""
        account = AccountRef(self.id, held.gateway, held.gateway_account)
        return account in self.accounts_at(held.gateway)

    def account_at(self, gateway: str) -> AccountRef:
        """Returns the active account at a gateway, for new purchases; raises `NotFound` if there is
        none.

        The sandbox needs none: it is available until keys are given (W-3).
        """
        if gateway == SANDBOX:
            return AccountRef(self.id, SANDBOX, SANDBOX)
        for account in self.gateway_accounts:
            if account.gateway == gateway and account.active:
                return AccountRef(self.id, gateway, account.id)
        raise NotFound(code="no_account", gateway=gateway)

    def accounts_at(self, gateway: str) -> tuple[AccountRef, ...]:
        """Returns all accounts at a gateway: the active one and those where something may be
        open."""
        if gateway == SANDBOX:
            return (AccountRef(self.id, SANDBOX, SANDBOX),)
        return tuple(
            AccountRef(self.id, gateway, account.id)
            for account in self.gateway_accounts
            if account.gateway == gateway
        )


class ApiKey(Entity):
    """An API key, stored as the hash of its secret; scoped and revocable (M-3).

    `made_by` is the id of the key that created it, `console` or `operator`; None for keys created
    before that was kept.
    """

    id: str
    key_hash: str
    merchant: str
    created_at: datetime
    scopes: tuple[str, ...] = ("read", "write")
    revoked_at: datetime | None = None
    made_by: str | None = None

    @property
    def is_live(self) -> bool:
        """True unless the key is revoked."""
        return self.revoked_at is None

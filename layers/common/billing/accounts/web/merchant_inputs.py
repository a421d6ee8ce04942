"""Input that merchants send to /v1: bodies and query strings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from billing.accounts.web.identity_inputs import IdentityInput
from billing.api.web.queries import _parsed
from billing.catalog.flows.products import Draft
from billing.catalog.web.price_inputs import PricePointInput
from billing.coupons.web.inputs import Code, PreviewedCouponInput
from billing.kernel import domains, return_addresses
from billing.kernel.catalog import Cancellation, Limit
from billing.kernel.departments import Ask, Department
from billing.kernel.errors import Invalid
from billing.kernel.merchants import VISITORS_OWN, CreditAtEnd, PortalKind, SelfService, Undecided
from billing.kernel.money import MAX_AMOUNT_MINOR
from billing.kernel.periods import Anchor
from billing.kernel.retries import FinalAction
from billing.kernel.save_offers import OfferKind, SaveOffer
from billing.kernel.subscription import When
from billing.render.messages import LANGUAGES
from billing.tax.web.buyer_input import BuyerInput
from billing.web.inputs import (
    INSTANT,
    AccountCurrency,
    AddressInput,
    Email,
    Input,
    Key,
    Line,
    Name,
    Zone,
    different,
    one_of,
    under,
    valid,
    words,
)

PREVIEW_MOST = 500

Days = Annotated[StrictInt, Field(ge=0, le=3650)]
Language = Annotated[
    str,
    words(7),
    one_of(LANGUAGES | {VISITORS_OWN}, "language_unknown"),
]

Instant = Annotated[str, StringConstraints(pattern=INSTANT)]
"""A local wall time, or with an offset an instant: the spelling of RFC 3339, seconds optional."""

Several = Annotated[tuple[Key, ...], Field(min_length=1, max_length=20), different]

Paragraph = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x09\x0B-\x1F\x7F-\x9F]*$")
]
"""Text of several lines, without other control characters."""


Limits = Annotated[
    dict[Key, Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]], Field(max_length=20)
]
"""Limits of a plan: the amount that it allows of each key."""


def limits_of(given: dict[str, int]) -> tuple[Limit, ...]:
    return tuple(Limit(of, most) for of, most in sorted(given.items()))


class PreviewInput(Input):
    """A price point and the time of purchase: a wall time, or with an offset an instant."""

    price_point: PricePointInput
    start: Instant
    time_zone: Zone
    count: Annotated[StrictInt, Field(ge=1, le=PREVIEW_MOST)] = 24
    buyer: BuyerInput | None = None
    coupon: PreviewedCouponInput | None = None

    def anchor(self) -> Anchor:
        """Returns the start as wall time in the zone; raises `Invalid`."""
        start = _parsed(self.start, "start")
        if start.tzinfo is not None:
            return Anchor.at(start, self.time_zone)
        return Anchor(start, self.time_zone)


class NewProductInput(Input):
    """A product with its price points; the first is the default (P-14)."""

    name: Name
    public_listing: StrictBool = False
    refund_days: Days = 0
    gateways: Several
    grants: Several | None = None
    limits: Limits = Field(default_factory=dict)
    price_points: Annotated[tuple[PricePointInput, ...], Field(min_length=1, max_length=50)]

    def draft(self) -> Draft:
        """Returns the draft that the flow takes; raises `Invalid` for terms that are not
        allowed."""
        terms = []
        for place, price_point in enumerate(self.price_points):
            with under(f"price_points[{place}]"):
                terms.append(price_point.terms())
        return Draft(
            name=self.name,
            public_listing=self.public_listing,
            refund_days=self.refund_days,
            gateways=self.gateways,
            grants=self.grants,
            limits=limits_of(self.limits),
            terms=tuple(terms),
        )


def unsaid() -> Any:
    """Marks a field as optional, without a default: `given` leaves out fields that were not
    sent."""
    return Field(default_factory=lambda: None)


class ChangeInput(Input):
    """A partial change; fields that are not sent stay as they are."""

    def given(self) -> dict[str, Any]:
        """Returns the fields that the caller sent, with their new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class SaveOfferInput(Input):
    """An offer to customers who are about to cancel: `coupon` is the code of a discount,
    `price_point` the plan of a downgrade."""

    kind: OfferKind
    coupon: Code | None = None
    price_point: Key | None = None


class ProductChangeInput(ChangeInput):
    """A change of a product; its price points are changed one by one."""

    name: Name = unsaid()
    public_listing: StrictBool = unsaid()
    refund_days: Days = unsaid()
    gateways: Several = unsaid()
    grants: Several = unsaid()
    limits: Limits = unsaid()
    default_price_point: Key = unsaid()
    archived: StrictBool = unsaid()
    changes_to: Annotated[tuple[Key, ...], Field(max_length=20), different] = unsaid()
    save_offer: SaveOfferInput | None = unsaid()

    def given(self) -> dict[str, Any]:
        changes = super().given()
        if (offer := changes.get("save_offer")) is not None:
            changes["save_offer"] = SaveOffer(offer.kind, offer.coupon, offer.price_point)
        if "limits" in changes:
            changes["limits"] = limits_of(changes["limits"])
        return changes


class PricePointChangeInput(ChangeInput):
    """A change of a price point; its price and its type never change."""

    cancellation: Cancellation = unsaid()
    archived: StrictBool = unsaid()
    default: Literal[True] = unsaid()


class DepartmentInput(Input):
    """A department of the helpdesk: its purpose, and the questions it asks (H-1)."""

    id: Key
    name: Name
    scope: Paragraph = ""
    asks: Annotated[tuple[Ask, ...], Field(max_length=len(Ask)), different] = ()
    email: Email | None = None


class DepartmentsInput(ChangeInput):
    """The departments, and the one that takes each kind of request from the portal."""

    cancel: Key = unsaid()
    refund: Key = unsaid()
    all: Annotated[tuple[DepartmentInput, ...], Field(max_length=20)] = unsaid()

    def given(self) -> dict[str, Any]:
        changes = super().given()
        if "all" in changes:
            if not self.all:
                raise Invalid("department_needed", field="departments.all")
            if len({each.id for each in self.all}) < len(self.all):
                raise Invalid("department_twice", field="departments.all")
            changes["all"] = tuple(Department(**each.model_dump()) for each in self.all)
        return changes


class RetryScheduleInput(ChangeInput):
    """Dunning: attempts in all, days between them, and what happens at the end (R-4)."""

    every_days: Annotated[StrictInt, Field(ge=1, le=30)] = unsaid()
    attempts: Annotated[StrictInt, Field(ge=1, le=20)] = unsaid()
    final_action: FinalAction = unsaid()


class AccountPolicyInput(ChangeInput):
    """The treatment of accounts that end, where you are the platform."""

    retention_days: Annotated[StrictInt, Field(ge=1, le=3650)] = unsaid()
    frozen_stops: StrictBool = unsaid()


ReturnAddress = Annotated[
    str,
    words(return_addresses.LONGEST),
    valid(return_addresses.is_one, "return_url_malformed"),
]
"""An address of the merchant's own site."""


class SettingsChangeInput(ChangeInput):
    """A change of settings; null: no portal, grace as long as the retries, no freezing,
    no domain of one's own."""

    time_zone: Zone = unsaid()
    currency: AccountCurrency = unsaid()
    language: Language = unsaid()
    portal: PortalKind | None = unsaid()
    self_cancel: SelfService = unsaid()
    self_refund: SelfService = unsaid()
    departments: DepartmentsInput = unsaid()
    retry_schedule: RetryScheduleInput = unsaid()
    grace_days: Annotated[StrictInt, Field(ge=0, le=365)] | None = unsaid()
    catch_up_days: Annotated[StrictInt, Field(ge=0, le=365)] = unsaid()
    reminder_days: Annotated[StrictInt, Field(ge=0, le=60)] = unsaid()
    notice_days: Annotated[StrictInt, Field(ge=0, le=90)] = unsaid()
    undecided: Undecided = unsaid()
    confirmation_template: Paragraph = unsaid()
    revoke_on_dispute: StrictBool = unsaid()
    credit_at_end: CreditAtEnd = unsaid()
    freeze_price: Annotated[StrictInt, Field(ge=1, le=MAX_AMOUNT_MINOR)] | None = unsaid()
    self_freeze: StrictBool = unsaid()
    self_pause: StrictBool = unsaid()
    self_coupon: StrictBool = unsaid()
    self_change_plan: StrictBool = unsaid()
    accounts: AccountPolicyInput = unsaid()
    custom_domain: Annotated[str, words(domains.LONGEST)] | None = unsaid()
    return_urls: Annotated[
        tuple[ReturnAddress, ...], different, Field(max_length=return_addresses.LISTED_MOST)
    ] = unsaid()
    identity: IdentityInput = unsaid()

    def given(self) -> dict[str, Any]:
        changes = super().given()
        for part in ("departments", "retry_schedule", "accounts", "identity"):
            if part in changes:
                changes[part] = changes[part].given()
        if "freeze_price" in changes:
            changes["freeze_price_minor"] = changes.pop("freeze_price")
        return changes


class CancelInput(Input):
    """The time to end the subscription, whatever the price point's own setting (X-3), and the
    reason."""

    when: When
    reason: Line | None = None
    comment: Paragraph | None = None


class RefundInput(Input):
    """The amount in minor units; without it, all that is left of the payment."""

    amount: Annotated[StrictInt, Field(ge=1, le=MAX_AMOUNT_MINOR)] | None = None
    reason: Line | None = None


class CustomerChangeInput(Input):
    """A change of a customer; fields that are not sent, or null, stay."""

    email: Email | None = None
    name: Name | None = None
    address: AddressInput | None = None

    def changes(self) -> dict[str, Any]:
        """Returns the changes in the form that the flow takes."""
        address = None if self.address is None else self.address.address()
        return {"email": self.email, "name": self.name, "address": address}

"""Products and their price points, and the rules for a valid price point (P-2 .. P-18)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.errors import Invalid
from billing.kernel.money import MAX_AMOUNT_MINOR, Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.save_offers import SaveOffer
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity


class PriceType(StrEnum):
    """The four types of price point (P-2)."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"
    INSTALLMENT = "installment"
    RECURRING_INSTALLMENT = "recurring_installment"


class Cancellation(StrEnum):
    """The effect of a customer's cancellation: end at once, or at the end of the period (P-15,
    P-16)."""

    INSTANT = "instant"
    DELAYED = "delayed"


class Cycle(StrEnum):
    """The interval at which a set of recurring installments starts again (P-7)."""

    YEARLY = "1y"
    EVERY_2_YEARS = "2y"

    @property
    def years(self) -> int:
        return int(self.value[0])

    @property
    def length(self) -> Span:
        return Span(self.years, Unit.YEAR)


class TaxBehavior(StrEnum):
    """Whether tax is on top of a price or in it (C-7)."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


class Initial(Value):
    """An amount charged at checkout, and the time until standard billing starts (P-10)."""

    amount_minor: int
    length: Span


class PriceTerms(Value):
    """The terms of one price point; a subscription keeps its own copy for ever (P-18).

    `trial_guard` allows the initial period only once per person (C-9), `tax` says whether the
    amounts include their tax (C-7). Always valid: creating one
    with values out of bounds raises `Invalid`, whose field is named as in the API.
    """

    type: PriceType
    price: Money
    period: Period | None = None
    installments: int | None = None
    cycle: Cycle | None = None
    initial: Initial | None = None
    cancellation: Cancellation = Cancellation.INSTANT
    trial_guard: bool = False
    tax: TaxBehavior = TaxBehavior.EXCLUSIVE

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def standard(self) -> PriceTerms:
        """The terms after the initial period, which is for new purchases only (P-10)."""
        return replace(self, initial=None, trial_guard=False)

    @property
    def tax_inclusive(self) -> bool:
        """True if its amounts include their tax."""
        return self.tax is TaxBehavior.INCLUSIVE

    @property
    def rebills(self) -> bool:
        """True if anything is charged after checkout, so that it is a subscription (P-3, P-4)."""
        return self.type is not PriceType.ONE_TIME or self.initial is not None

    @property
    def standard_payments(self) -> int | None:
        """The number of standard payments until completion; None for what runs until cancelled."""
        if self.type is PriceType.ONE_TIME:
            return 1
        return self.installments if self.type is PriceType.INSTALLMENT else None

    @property
    def due_today(self) -> Money:
        """The amount charged at checkout before tax: the initial amount if there is one, else the
        price."""
        if self.initial is None:
            return self.price
        return Money(self.initial.amount_minor, self.price.currency)


INITIAL_MOST = {Unit.DAY: 3650, Unit.WEEK: 521, Unit.MONTH: 120, Unit.YEAR: 10}
"""The longest initial period: 3,650 days, or the same in other units (CONTRACT.md).

A longer one is taken for a typing error.
"""

INSTALLMENTS_LEAST, INSTALLMENTS_MOST = 2, 120

SET_MOST_A_YEAR = {
    Period.WEEKLY: 52,
    Period.EVERY_2_WEEKS: 26,
    Period.MONTHLY: 12,
    Period.EVERY_2_MONTHS: 6,
}
"""The most payments of a recurring installment that fall before the next one-year cycle starts
(P-7, P-9)."""

_TAKES = {
    PriceType.ONE_TIME: frozenset[str](),
    PriceType.RECURRING: frozenset({"period"}),
    PriceType.INSTALLMENT: frozenset({"period", "installments"}),
    PriceType.RECURRING_INSTALLMENT: frozenset({"period", "installments", "cycle"}),
}


def _validate(terms: PriceTerms) -> None:
    if not 1 <= terms.price.amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid(
            "amount_out_of_range",
            field="price.amount",
            least=Money(1, terms.price.currency),
            most=Money(MAX_AMOUNT_MINOR, terms.price.currency),
        )
    takes = _TAKES[terms.type]
    for name in ("period", "installments", "cycle"):
        given = getattr(terms, name) is not None
        if given and name not in takes:
            raise Invalid("not_of_this_type", field=name, type=_words(terms.type), name=name)
        if not given and name in takes:
            raise Invalid("needed_by_type", field=name, type=_words(terms.type), name=name)
    if terms.installments is not None:
        _validate_installments(terms)
    if terms.initial is not None:
        _validate_initial(terms.initial, terms.price.currency)
    elif terms.trial_guard:
        raise Invalid("no_trial_to_guard", field="trial_guard")


def _validate_installments(terms: PriceTerms) -> None:
    assert terms.installments is not None and terms.period is not None
    if terms.installments < INSTALLMENTS_LEAST:
        raise Invalid(
            "out_of_range", field="installments", least=INSTALLMENTS_LEAST, most=INSTALLMENTS_MOST
        )
    if terms.cycle is None:
        if terms.installments > INSTALLMENTS_MOST:
            raise Invalid(
                "out_of_range",
                field="installments",
                least=INSTALLMENTS_LEAST,
                most=INSTALLMENTS_MOST,
            )
        return
    a_year = SET_MOST_A_YEAR.get(terms.period)
    if a_year is None:
        raise Invalid("installment_period", field="period", periods=", ".join(SET_MOST_A_YEAR))
    most = a_year * terms.cycle.years
    if terms.installments > most:
        raise Invalid(
            "installments_beyond_cycle", field="installments", most=most, period=terms.period.value
        )


def _validate_initial(initial: Initial, currency: Currency) -> None:
    if not 0 <= initial.amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid(
            "amount_out_of_range",
            field="initial.amount",
            least=Money(0, currency),
            most=Money(MAX_AMOUNT_MINOR, currency),
        )
    most = INITIAL_MOST[initial.length.unit]
    if not 1 <= initial.length.count <= most:
        raise Invalid(
            "out_of_range", field=f"initial.period.{initial.length.unit}", least=1, most=most
        )


def _words(kind: PriceType) -> str:
    return kind.value.replace("_", " ")


class PricePoint(Entity):
    """One way to pay for a product.

    `version` counts its changes; older versions stay as they were.
    """

    id: str
    merchant: str
    product: str
    terms: PriceTerms
    created_at: datetime
    version: int = 1


class Limit(Value):
    """The most a plan allows of one resource.

    A change down to the plan waits until usage is within the limit (A-4).
    """

    of: str
    most: int


class Product(Entity):
    """A product for sale, its gateways (P-17), and the access that it grants (C-3).

    `price_points` are ids in the order of the wizard; exactly one of them is the default (P-14).
    `refund_days` is the customer's refund window per payment in days, 0 for none (B-7). `limits`
    apply where the product is a plan; a resource that is not named has no limit (A-4).
    `default_version` is the version of the default price point, so that the directory can read many
    at once. `changes_to` are the price points, of any product, that its customers may change to;
    none means the product's own (B-12). `save_offer` is made to who is about to cancel (X-11).
    Nothing new is sold of an archived product; what runs goes on.
    """

    id: str
    merchant: str
    name: str
    created_at: datetime
    gateways: tuple[str, ...]
    grants: tuple[str, ...]
    price_points: tuple[str, ...]
    default_price_point: str
    public_listing: bool = False
    refund_days: int = 0
    limits: tuple[Limit, ...] = ()
    archived: bool = False
    default_version: int = 1
    changes_to: tuple[str, ...] = ()
    save_offer: SaveOffer | None = None

    def __post_init__(self) -> None:
        assert self.default_price_point in self.price_points, "exactly one default, always (P-14)"

    @property
    def is_listed(self) -> bool:
        """True if the public directory shows it (P-1)."""
        return self.public_listing and not self.archived

    def sells(self, price_point: str) -> bool:
        """Tells whether somebody can buy at that price point now."""
        return price_point in self.price_points and not self.archived

    def with_price_point(self, price_point: str) -> Product:
        return replace(self, price_points=(*self.price_points, price_point))

    def with_default(self, price_point: str) -> Product:
        """Returns the product with another default price point (P-14).

        Raises `Invalid` for a price point that the product does not have.
        """
        if price_point not in self.price_points:
            raise Invalid("not_a_price_point", field="default")
        return replace(self, default_price_point=price_point)

    def without_price_point(self, price_point: str) -> Product:
        """Returns the product without one price point.

        If that was the default, the first remaining price point becomes the default (P-14). Raises
        `Invalid` for the last one.
        """
        left = tuple(p for p in self.price_points if p != price_point)
        if not left:
            raise Invalid("last_price_point", field="price_points")
        default = left[0] if price_point == self.default_price_point else self.default_price_point
        return replace(self, price_points=left, default_price_point=default)


def check_gateways(
    gateways: tuple[str, ...], types: set[PriceType], cannot: dict[str, set[PriceType]]
) -> None:
    """Raises `Invalid` for a gateway that cannot charge one of the product's price types (P-17).

    `cannot` maps a gateway's name to the price types it cannot charge; the caller refuses unknown
    gateways.
    """
    for gateway in gateways:
        beyond = sorted(cannot.get(gateway, set()) & types)
        if beyond:
            raise Invalid(
                "gateway_lacks_type", field="gateways", gateway=gateway, type=_words(beyond[0])
            )

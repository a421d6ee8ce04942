"""What a subscription is charged for, as a value: the plan in force, or one to change to (A-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from billing.kernel.catalog import PricePoint, PriceTerms, Product
from billing.kernel.funds import Funds
from billing.kernel.periods import Anchor


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a price point, with the product that it is of and the access that it gives."""

    price_point: str
    version: int
    terms: PriceTerms
    product: str
    product_name: str
    grants: tuple[str, ...]

    @classmethod
    def of(cls, point: PricePoint, product: Product) -> Self:
        """What a running subscription changes to: an initial period is for new purchases only."""
        standard = point.terms.standard
        return cls(point.id, point.version, standard, product.id, product.name, product.grants)


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change of plan as it was quoted: what the subscription becomes when it is made.

    `credit_minor` is what then is left for the next invoices; negative is owed with the next one.
    `funds` is what then is paid for and not used up, `before` what was when it was quoted, `period`
    the index of the period in which it is made; all None in changes from before they were kept.
    """

    plan: Plan
    anchor: Anchor
    anchor_period: int
    credit_minor: int
    funds: Funds | None = None
    before: Funds | None = None
    period: int | None = None

"""Plans: what a subscription is charged for, now or after a plan change (A-4)."""

from __future__ import annotations

from typing import Self

from billing.kernel.catalog import PricePoint, PriceTerms, Product
from billing.kernel.funds import Funds
from billing.kernel.periods import Anchor
from billing.kernel.values import Value


class Plan(Value):
    """One version of a price point, with its product and the access that it grants."""

    price_point: str
    version: int
    terms: PriceTerms
    product: str
    product_name: str
    grants: tuple[str, ...]

    @classmethod
    def of(cls, point: PricePoint, product: Product) -> Self:
        """Returns the plan for a running subscription, without an initial period.

        Initial periods are for new purchases only.
        """
        standard = point.terms.standard
        return cls(point.id, point.version, standard, product.id, product.name, product.grants)


class PlanChange(Value):
    """A quoted plan change: the subscription's plan, anchor and funds after it.

    `credit_minor` is the credit left for the next invoices; a negative amount is owed with the next
    one. `funds` is what is paid and not used up after the change, `before` the same when it was
    quoted, `period` the index of the period of the change; all None in changes from before they
    were kept.
    """

    plan: Plan
    anchor: Anchor
    anchor_period: int
    credit_minor: int
    funds: Funds | None = None
    before: Funds | None = None
    period: int | None = None

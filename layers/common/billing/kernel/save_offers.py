"""Save offers: what a customer who is about to cancel is offered instead, once (X-11)."""

from __future__ import annotations

from enum import StrEnum

from billing.kernel.errors import Invalid
from billing.kernel.values import Value


class OfferKind(StrEnum):
    """A kind of save offer: a coupon, a pause of a month, a freeze, or a cheaper plan."""

    DISCOUNT = "discount"
    PAUSE = "pause"
    FREEZE = "freeze"
    DOWNGRADE = "downgrade"


class SaveOffer(Value):
    """The save offer of a product: `coupon` is that of a discount, `price_point` the cheaper plan.

    Raises `Invalid` where the one of its kind is missing.
    """

    kind: OfferKind
    coupon: str | None = None
    price_point: str | None = None

    def __post_init__(self) -> None:
        wanted = {OfferKind.DISCOUNT: "coupon", OfferKind.DOWNGRADE: "price_point"}.get(self.kind)
        if wanted is not None and getattr(self, wanted) is None:
            raise Invalid("required", field=f"save_offer.{wanted}")

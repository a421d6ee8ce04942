"""Coupons as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from billing.coupons.coupons import Coupon
from billing.kernel.csv_lines import guarded, line

COLUMNS = (
    *("code", "basis_points", "amount_off", "currency", "duration", "charges"),
    *("applies_to_initial", "products", "price_points", "starts_at", "ends_at"),
    *("max_uses", "max_uses_per_customer", "active", "uses", "created_at"),
)


def written(coupons: Iterable[Coupon]) -> Iterator[str]:
    """Yields coupons line by line; amounts in units of their currency: 29.99."""
    yield line(COLUMNS)
    for each in coupons:
        off = each.amount_off
        fields = (
            *(guarded(each.code), each.basis_points, off and off.decimal, off and off.currency),
            *(each.duration, each.charges, "true" if each.applies_to_initial else ""),
            *(" ".join(each.products), " ".join(each.price_points)),
            *(_at(each.starts_at), _at(each.ends_at)),
            *(each.max_uses, each.max_uses_per_customer, "true" if each.active else ""),
            *(each.uses, _at(each.created_at)),
        )
        yield line("" if field is None else str(field) for field in fields)


def _at(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"

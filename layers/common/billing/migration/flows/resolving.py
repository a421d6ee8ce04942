"""Finds what a row names: its plan, its coupon, its gateway account."""

from __future__ import annotations

from billing.kernel.merchants import Merchant
from billing.kernel.plans import Plan
from billing.kernel.ports import Ports
from billing.migration.agreements import Resolved
from billing.migration.import_rows import ImportRow, Problem, problem
from billing.migration.imports import Import


def resolved(
    ports: Ports, seller: Merchant, imported: Import, row: ImportRow
) -> Resolved | Problem:
    if row.price_point is None:
        return problem("price_unknown", "price")
    point = ports.store.price_point(row.price_point)
    if point is None:
        return problem("price_point_unknown", "price_point")
    product = ports.store.product(seller.id, point.product)
    assert product is not None
    gateway = row.gateway or "sandbox"
    account = seller.account_at(gateway)
    return Resolved(Plan.of(point, product), gateway, account.account, account.is_test)

"""The cost of a coupon at a renewal: no read, and some bytes of its invoice (C-8)."""

from __future__ import annotations

import pytest

from bench import engine
from bench.renewals import MeteredItems
from billing.kernel.discounts import Discount
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.store import ItemStore

WITHOUT, WITH = 24, 28
"""Write units of a renewal. A discount is a line of its own: with it an invoice is some bytes over
a kilobyte, and is written twice in transactions, which count twice."""

CODE = Discount("SPRING-SALE-2026", basis_points=2500, charges_left=5)


def renewed(discount: Discount | None) -> tuple[int, list[str], dict[str, int]]:
    """The write units of a renewal, what it wrote, and its calls of the store."""
    items, calls = MeteredItems(), dict[str, int]()
    world = engine.world_of(0, gateway_calls_per_second=25)
    world.store = ItemStore(items)
    mine, bill_to = engine.copies(world.ports, 1)
    mine = replace(mine, discount=discount)
    world.store.commit(Insert(world.merchant), Insert(mine), Insert(bill_to))
    items.written.clear()
    world.ports = replace(world.ports, store=_Counted(world.store, calls))
    assert engine.renew(world)["paid"] == 1
    return sum(each.units for each in items.written), [w.what for w in items.written], calls


class _Counted:
    def __init__(self, store: ItemStore, calls: dict[str, int]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> object:
        self._calls[name] = self._calls.get(name, 0) + 1
        return getattr(self._store, name)


@pytest.mark.spec("C-8")
def test_a_renewal_reads_no_coupon_and_makes_no_more_calls_with_one() -> None:
    units, wrote, calls = renewed(None)
    units_with, wrote_with, calls_with = renewed(CODE)
    assert calls_with == calls and wrote_with == wrote
    assert "coupon" not in calls_with
    assert (units, units_with) == (WITHOUT, WITH)

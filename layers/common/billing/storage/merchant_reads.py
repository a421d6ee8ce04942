"""Reads of one merchant: its settings, what it sells, and its lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from billing.kernel.lists import Page
from billing.kernel.writes import Entity
from billing.storage import event_keys, index_keys, keys
from billing.storage.addresses import IndexPartition, Key, SortKeyRange
from billing.storage.aux_lists import page_where
from billing.storage.items import Items, listed
from billing.storage.merchant_lists import page_of

if TYPE_CHECKING:
    from billing.event_log.logged_events import EventHour, LoggedEvent
    from billing.helpdesk.tickets import Ticket
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import Customer
    from billing.kernel.domains import Domain
    from billing.kernel.forecasts import ForecastRollup
    from billing.kernel.invoices import InvoiceCounter
    from billing.kernel.list_rows import SubscriptionFilter
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.operation import ProcessingFailure
    from billing.kernel.orders import Order
    from billing.kernel.samples import SamplePlace
    from billing.kernel.search_words import Search
    from billing.kernel.storage import Due
    from billing.kernel.subscription import Subscription

R = TypeVar("R", bound=Entity)


VERSIONS = 2
"""The versions of a price point that are read at once: few have more than one."""


class MerchantReads:
    """The questions of the Store port about one merchant."""

    _items: Items

    def merchant(self, merchant: str) -> Merchant | None:
        """Get M#<merchant> MERCHANT."""
        return self._items.get(keys.merchant(merchant))

    def api_key(self, key_hash: str) -> ApiKey | None:
        """Get K#<key hash> KEY."""
        return self._items.get(keys.api_key(key_hash))

    def api_keys(self, merchant: str) -> list[ApiKey]:
        """Index lookup M#<merchant>#KEYS, then batch get."""
        return listed(self._items, index_keys.api_keys(merchant))

    def domain(self, host: str) -> Domain | None:
        """Get D#<host> DOMAIN."""
        return self._items.get(keys.domain(host))

    def catalog(self, merchant: str) -> tuple[tuple[Product, ...], tuple[PricePoint, ...]]:
        """Query M#<merchant> PR*: products, and the newest version of every price point."""
        from billing.kernel.catalog import PricePoint, Product

        found = self._items.query(keys.catalog(merchant))
        newest = {e.id: e for e in found if isinstance(e, PricePoint)}
        products = (e for e in found if isinstance(e, Product))
        return tuple(sorted(products, key=_created)), tuple(sorted(newest.values(), key=_created))

    def products_made(
        self, merchant: str, *, limit: int, cursor: str | None = None
    ) -> Page[Product]:
        """Index aux M#<merchant>#PRODUCTS, newest first, then batch get."""
        return page_where(
            self._items,
            index_keys.products(merchant),
            lambda key: key,
            lambda found, _: True,
            of="",
            limit=limit,
            cursor=cursor,
        )

    def points_made(self, merchant: str, product: str) -> list[PricePoint]:
        """Index aux M#<merchant>#PRICES#<product>, then batch get: the newest version of each."""
        found = listed(self._items, index_keys.points_of(merchant, product))
        newest = {point.id: point for point in sorted(found, key=lambda point: point.version)}
        return sorted(newest.values(), key=_created)

    def newest_price_points(self, price_points: Sequence[str]) -> list[PricePoint]:
        """Batch get of M#<merchant> PRICE#<id>#v1 and #v2, then the next two while there are."""
        newest: dict[str, PricePoint] = {}
        left, version = list(dict.fromkeys(price_points)), 1
        while left:
            versions = range(version, version + VERSIONS)
            wanted = [keys.price_version(each, v) for each in left for v in versions]
            found = [point for point in self._items.get_many(wanted) if point is not None]
            newest.update((point.id, point) for point in found)
            version += VERSIONS
            left = [point.id for point in found if point.version == version - 1]
        return [newest[each] for each in dict.fromkeys(price_points) if each in newest]

    def product(self, merchant: str, product: str) -> Product | None:
        """Get M#<merchant> PRODUCT#<id>."""
        return self._items.get(keys.product(merchant, product))

    def price_point(self, price_point: str) -> PricePoint | None:
        """Query M#<merchant> PRICE#<id>#v*, newest first, one."""
        found = self._items.query(keys.price_versions(price_point), newest_first=True, limit=1)
        return found[0] if found else None

    def price_points(self, versions: Sequence[tuple[str, int]]) -> list[PricePoint | None]:
        """Batch get of M#<merchant> PRICE#<id>#v<n>."""
        return self._items.get_many([keys.price_version(*each) for each in versions])

    def invoice_counter(
        self, merchant: str, test: bool, *, credit_notes: bool = False
    ) -> InvoiceCounter | None:
        """Get M#<merchant> NUMBERS#LIVE or NUMBERS#TEST, of credit notes with #CREDIT_NOTES."""
        return self._items.get(keys.invoice_counter(merchant, test, credit_notes))

    def sample_place(self, merchant: str) -> SamplePlace | None:
        """Get M#<merchant> SAMPLE."""
        return self._items.get(keys.sample_place(merchant))

    def forecast_rollup(self, merchant: str, *, draft: bool = False) -> ForecastRollup | None:
        """Get M#<merchant> FORECAST or FORECAST#DRAFT."""
        return self._items.get(keys.forecast_rollup(merchant, draft=draft))

    def failure(self, due: Due) -> ProcessingFailure | None:
        """Get M#<merchant> TROUBLE#<kind>#<owner>."""
        return self._items.get(keys.failure(due))

    def failures(self, merchant: str) -> list[ProcessingFailure]:
        """Query M#<merchant> TROUBLE#*."""
        return self._items.query(keys.failures(merchant))

    def orders(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
        lists: int = 1,
    ) -> Page[Order]:
        """Index list M#<merchant>#L#ORDER#<yyyymm> per month, newest first, then batch get."""
        orders = index_keys.ORDERS
        return page_of(self._items, orders, merchant, since, until, limit, cursor, lists)

    def subscriptions_started(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index list M#<merchant>#L#SUB#<yyyymm> per month, newest first, then batch get."""
        return page_of(self._items, index_keys.SUBSCRIPTIONS, merchant, since, until, limit, cursor)

    def subscriptions_where(
        self,
        merchant: str,
        where: SubscriptionFilter,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index aux M#<merchant>#{ST#<state>,PRODUCT#<id>,PRICE_POINT#<id>}, then batch get."""
        from billing.kernel.list_rows import RowOf

        def takes(found: Subscription, _: str) -> bool:
            return where.takes(found.as_of(now))

        def page(
            rows: IndexPartition[R], named: Callable[[Key[R]], Key[Subscription]]
        ) -> Page[Subscription]:
            return page_where(
                self._items, rows, named, takes, of=where.text, limit=limit, cursor=cursor
            )

        if where.price_point is not None:
            priced = index_keys.on_plan(merchant, RowOf.PRICE_POINT, where.price_point)
            return page(priced, keys.subscription_of)
        if where.product is not None:
            sold = index_keys.on_plan(merchant, RowOf.PRODUCT, where.product)
            return page(sold, keys.subscription_of)
        assert where.state is not None, "the filter names a state or a plan"
        return page(index_keys.in_state(merchant, where.state), lambda key: key)

    def customers(self, merchant: str, *, limit: int, cursor: str | None = None) -> Page[Customer]:
        """Index aux M#<merchant>#CUSTOMERS, newest first, then batch get."""
        return page_where(
            self._items,
            index_keys.customers(merchant),
            lambda key: key,
            lambda found, _: not found.is_erased,
            of="",
            limit=limit,
            cursor=cursor,
        )

    def customers_found(
        self, merchant: str, search: Search, *, limit: int, cursor: str | None = None
    ) -> Page[Customer]:
        """Index aux M#<merchant>#Q#<first two letters>, by the word, then batch get."""

        def takes(found: Customer, place: str) -> bool:
            word = search.row(found.name, found.email)
            return place == f"{word}#{found.id}" and search.finds(found.name, found.email)

        return page_where(
            self._items,
            index_keys.words(merchant, search.first),
            keys.customer_of,
            takes,
            of="\n".join(search.parts),
            limit=limit,
            cursor=cursor,
            newest_first=False,
        )

    def tickets(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Ticket]:
        """Index list M#<merchant>#L#TICKET#<yyyymm> per month, newest first, then batch get."""
        return page_of(self._items, index_keys.TICKETS, merchant, since, until, limit, cursor)

    def event_hour(self, merchant: str, begins_at: datetime) -> EventHour | None:
        """Get M#<merchant> EVENTS#<hour>."""
        return self._items.get(event_keys.event_hour(merchant, begins_at))

    def event_hours(
        self, merchant: str, since: datetime, until: datetime, limit: int
    ) -> list[EventHour]:
        """Query M#<merchant> EVENTS#* from the hour of `since` to that of `until`, oldest first."""
        return self._items.query(event_keys.event_hours(merchant, since, until), limit=limit)

    def logged_events(
        self, merchant: str, hour: datetime, *, after: str, until: str, limit: int
    ) -> list[LoggedEvent]:
        """Query M#<merchant>#EV#<hour>#0 behind `after` and before `until`, as appended."""
        # The range includes both ends; no id is a bare place, as `until` is.
        between = SortKeyRange(after, until)
        found = self._items.query(
            event_keys.logged_events(merchant, hour, between), limit=limit + 1
        )
        return [event for event in found if event.id != after][:limit]

    def waiting_tickets(self, merchant: str, department: str, limit: int) -> list[Ticket]:
        """Index lookup M#<merchant>#WAITING#<department>, oldest first, then batch get."""
        found = listed(self._items, index_keys.waiting(merchant, department), limit=limit)
        return [e for e in found if e.is_waiting]


def _created(entity: Product | PricePoint) -> tuple[datetime, str]:
    return entity.created_at, entity.id

"""Implements the Store port over `Items`; each docstring is an access pattern.

DynamoDB and memory differ only in their `Items`; the meaning of each query is defined here, in
the modules of reads beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from billing.kernel.errors import Conflict
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Transaction, Write
from billing.runtime import correlation
from billing.storage import event_keys, index_keys, keys
from billing.storage.addresses import SortKeyRange, stamp
from billing.storage.aux_lists import page_where
from billing.storage.branding_reads import BrandingReads
from billing.storage.coupon_reads import CouponReads
from billing.storage.customer_reads import CustomerReads
from billing.storage.declaration_reads import DeclarationReads
from billing.storage.export_reads import ExportReads
from billing.storage.figure_reads import FigureReads
from billing.storage.import_reads import ImportReads
from billing.storage.items import Items, listed
from billing.storage.merchant_reads import MerchantReads
from billing.storage.tax_reads import TaxReads
from billing.storage.team_reads import TeamReads
from billing.storage.webhook_reads import WebhookReads

if TYPE_CHECKING:
    from billing.accounts.accounts import Account, AccountEmail
    from billing.jobs.jobs import Job, JobLine
    from billing.kernel.catalog import Product
    from billing.kernel.due import DueKind
    from billing.kernel.gateways import AccountRef
    from billing.kernel.lists import Page
    from billing.kernel.merchants import Merchant
    from billing.kernel.operation import BillingSwitch
    from billing.kernel.outbox_events import OutboxEvent
    from billing.kernel.payment_refs import PaymentPointer
    from billing.storage.dynamo.calls import Calls


class ItemStore(
    MerchantReads,
    CustomerReads,
    TaxReads,
    CouponReads,
    ExportReads,
    ImportReads,
    FigureReads,
    TeamReads,
    BrandingReads,
    DeclarationReads,
    WebhookReads,
):
    """The `storage.Store` port over any `Items`: here are reads of the whole platform, and
    writes."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def merchants(self) -> list[Merchant]:
        """Index list MERCHANTS, then batch get."""
        return listed(self._items, index_keys.MERCHANTS)

    def listed_products(self, *, limit: int, cursor: str | None = None) -> Page[Product]:
        """Index list DIRECTORY, then batch get."""
        return page_where(
            self._items,
            index_keys.DIRECTORY,
            lambda key: key,
            lambda found, _: found.is_listed,
            of="",
            limit=limit,
            cursor=cursor,
            newest_first=False,
        )

    def account(self, username: str) -> Account | None:
        """Get M#<username> ACCOUNT."""
        return self._items.get(keys.account(username))

    def account_email(self, email: str) -> AccountEmail | None:
        """Get A#E#<email hash> ACCOUNT."""
        from billing.accounts.accounts import email_hash

        return self._items.get(keys.account_email(email_hash(email)))

    def owner_of_payment(self, account: AccountRef, reference: str) -> PaymentPointer | None:
        """Get GW#<gateway>#<account>#<reference> REF."""
        key = keys.payment_pointer(account.gateway, account.account, reference)
        found = self._items.get(key)
        return found if found and found.merchant == account.merchant else None

    def job(self, owner: str, job: str) -> Job | None:
        """Get M#<merchant> or OPERATION, JOB#<id>."""
        return self._items.get(keys.job(owner, job))

    def job_line(self, owner: str) -> JobLine | None:
        """Get M#<merchant> or OPERATION, JOBS."""
        return self._items.get(keys.job_line(owner))

    def jobs(self, limit: int) -> list[Job]:
        """Index list JOBS, then batch get."""
        found = listed(self._items, index_keys.JOBS, limit=limit)
        return [job for job in found if not job.is_over]

    def billing_switch(self) -> BillingSwitch | None:
        """Get OPERATION BILLING."""
        return self._items.get(keys.BILLING_SWITCH)

    def merchants_and_switch(
        self, merchants: Sequence[str]
    ) -> tuple[list[Merchant | None], BillingSwitch | None]:
        """Batch get of M#<merchant> MERCHANT and OPERATION BILLING."""
        from billing.kernel.merchants import Merchant
        from billing.kernel.operation import BillingSwitch

        *found, switch = self._items.get_many([*map(keys.merchant, merchants), keys.BILLING_SWITCH])
        assert switch is None or isinstance(switch, BillingSwitch), "as its key says"
        return [each if isinstance(each, Merchant) else None for each in found], switch

    def due(
        self, kind: DueKind, shard: int, until: datetime, limit: int, *, newest_first: bool = False
    ) -> list[Due]:
        """Index due DUE#<kind>#<shard> up to `until`, earliest first; the rows are the answer."""
        partition = index_keys.due(kind, shard, until)
        rows = self._items.rows(partition, newest_first=newest_first, limit=limit)
        return [index_keys.due_of(kind, row) for row in rows]

    def lease_each(self, dues: Sequence[Due], until: datetime) -> list[Due]:
        """Conditional updates of the items that the rows name, many in one, without a read."""
        moved = self._items.move_due_dates(dues, until)
        return [Due(d.kind, until, d.owner) for d, was in zip(dues, moved, strict=True) if was]

    def outbox_event(self, shard: int, at: datetime, event_id: str) -> OutboxEvent | None:
        """Get OB#<shard> <time>#<id>."""
        return self._items.get(event_keys.outbox_event(shard, at, event_id))

    def undelivered(
        self,
        shard: int,
        until: datetime,
        limit: int,
        *,
        since: datetime | None = None,
        after: OutboxEvent | None = None,
    ) -> list[OutboxEvent]:
        """Query OB#<shard> from `since` up to `until`, oldest first."""
        written = SortKeyRange.until(until)
        if after is None:
            if since is not None:
                written = written._replace(low=stamp(since))
            return self._items.query(event_keys.outbox(shard, written), limit=limit)
        # The range includes both ends, but only events behind `after` are wanted.
        behind = written._replace(low=event_keys.outbox_event(after.shard, after.at, after.id).sk)
        found = self._items.query(event_keys.outbox(shard, behind), limit=limit + 1)
        return [event for event in found if event.id != after.id][:limit]

    def commit(self, *writes: Write) -> None:
        """Conditional write, or transaction."""
        self._items.write(_correlated(writes))

    def commit_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Transactions, many in one where they touch different items."""
        return self._items.write_each([_correlated(writes) for writes in transactions])


def _correlated(writes: Transaction) -> Transaction:
    """Returns the writes, with the current correlation id in their new outbox events."""
    now_under = correlation.current()
    if now_under is None:
        return writes
    from billing.kernel.outbox_events import OutboxEvent  # not loaded by functions that only read

    return tuple(
        Insert(replace(write.entity, correlation=now_under))
        if isinstance(write, Insert) and isinstance(write.entity, OutboxEvent)
        else write
        for write in writes
    )


def in_memory() -> ItemStore:
    """Returns a store in memory, with DynamoDB's conditions."""
    from billing.storage.memory.items import MemoryItems  # of no function's cold start

    return ItemStore(MemoryItems())


def on_dynamodb(table: str, calls: Calls) -> ItemStore:
    """Returns the store in a core table."""
    # Imported here, so that the store in memory starts without botocore.
    from billing.storage.dynamo.items import DynamoItems

    return ItemStore(DynamoItems(table, calls))

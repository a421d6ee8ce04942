"""The places of entities in the indexes, and the partitions of the indexes that are read."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Generic, NamedTuple

from billing.kernel.due import DueKind
from billing.kernel.storage import Due
from billing.storage.addresses import (
    AUX,
    DUE,
    EVERYTHING,
    LIST,
    LOOKUP,
    STAMP_LENGTH,
    E_co,
    IndexPartition,
    Place,
    Row,
    SortKeyRange,
    stamp,
)

if TYPE_CHECKING:
    from billing.helpdesk.tickets import Ticket
    from billing.jobs.jobs import Job
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import Customer, PaymentMethod
    from billing.kernel.list_rows import PlanRow, RowOf, WordRow
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.orders import Order
    from billing.kernel.subscription import State, Subscription
    from billing.storage.keys import WithDueDate

    ById = Subscription | Order | PaymentMethod
    """An entity that is found by its id alone."""


# The due index: what is to be done, by kind, shard and instant.


def due(kind: DueKind, shard: int, until: datetime) -> IndexPartition[WithDueDate]:
    """Returns where the due dates of a kind and shard are, up to an instant."""
    return IndexPartition(DUE, due_shard(kind, shard), SortKeyRange.until(until))


def due_kind(kind: DueKind) -> str:
    """Returns the partition prefix of one kind of due date, for all shards."""
    return f"DUE#{kind}#"


@cache
def due_shard(kind: DueKind, shard: int) -> str:
    return f"{due_kind(kind)}{shard}"


def due_sort_key(due_at: datetime, owner: tuple[str, ...]) -> str:
    return "#".join((stamp(due_at), *owner))


_OWNER_PARTS = {
    DueKind.CHECKOUT: 2,
    DueKind.ERASE: 2,
    DueKind.TICKET: 2,
    DueKind.ACCOUNT: 1,
    DueKind.JOB: 1,
    DueKind.DECLARATION: 2,
    DueKind.DECIDE: 2,
    DueKind.ENDPOINT: 2,
}


def due_of(kind: DueKind, row: Row[WithDueDate]) -> Due:
    """Returns the due date of a row of the due index."""
    due_at, owner = row.sk[:STAMP_LENGTH], row.sk[STAMP_LENGTH + 1 :]
    parts = owner.split("#", _OWNER_PARTS.get(kind, 3) - 1)
    return Due(kind, datetime.fromisoformat(due_at), tuple(parts))


# The lookup index: what is named by an id, or by what it waits for.


def by_id(merchant: str, entity_id: str) -> IndexPartition[ById]:
    return IndexPartition(LOOKUP, id_place(merchant, entity_id).pk)


def api_keys(merchant: str) -> IndexPartition[ApiKey]:
    return IndexPartition(LOOKUP, f"M#{merchant}#KEYS")


def waiting(merchant: str, department: str) -> IndexPartition[Ticket]:
    """Returns where a department's waiting tickets are, those that wait longest first."""
    return IndexPartition(LOOKUP, f"M#{merchant}#WAITING#{department}")


def id_place(merchant: str, entity_id: str) -> Place:
    return Place(f"M#{merchant}#ID#{entity_id}", "ID")


# The list index: a merchant's lists by month, and the lists of all merchants.


class ListKind(NamedTuple, Generic[E_co]):
    """One of a merchant's lists, under its name in keys."""

    name: str


ORDERS: ListKind[Order] = ListKind("ORDER")
SUBSCRIPTIONS: ListKind[Subscription] = ListKind("SUB")
TICKETS: ListKind[Ticket] = ListKind("TICKET")

DIRECTORY: IndexPartition[Product] = IndexPartition(LIST, "DIRECTORY")
"""Where products are that are publicly listed, of any merchant (P-14)."""

MERCHANTS: IndexPartition[Merchant] = IndexPartition(LIST, "MERCHANTS")
"""Where all merchants are, for sweeps over them."""

JOBS: IndexPartition[Job] = IndexPartition(LIST, "JOBS")
"""Where background jobs are that have not ended, of any owner."""


def list_month(
    merchant: str,
    kind: ListKind[E_co],
    month: str,
    between: SortKeyRange = EVERYTHING,
    *,
    number: int = 0,
) -> IndexPartition[E_co]:
    """Returns where one month (`YYYY-MM`) of a merchant's list is.

    A busy merchant's orders are in several, by `number`; the first one is everybody's.
    """
    of_month = f"M#{merchant}#L#{kind.name}#{month.replace('-', '')}"
    return IndexPartition(LIST, f"{of_month}#{number}" if number else of_month, between)


# The aux index: the lists of /v1 that are filtered. No renewal changes a place in it.


WORD_LETTERS = 2
"""The letters of a word that its partition is named by; a search has as many or more."""


def in_state(merchant: str, state: State) -> IndexPartition[Subscription]:
    return IndexPartition(AUX, f"M#{merchant}#ST#{state}")


def on_plan(merchant: str, of: RowOf, plan: str) -> IndexPartition[PlanRow]:
    """Returns where the rows are of subscriptions on a product or a price point."""
    return IndexPartition(AUX, f"M#{merchant}#{of.name}#{plan}")


def bought(merchant: str, purchase: str) -> IndexPartition[Order]:
    """Returns where the order of a one-time purchase is; a subscription has an id to look up."""
    return IndexPartition(AUX, f"M#{merchant}#BOUGHT#{purchase}")


def customers(merchant: str) -> IndexPartition[Customer]:
    return IndexPartition(AUX, f"M#{merchant}#CUSTOMERS")


def products(merchant: str) -> IndexPartition[Product]:
    """Returns where a merchant's products are, archived ones too, by when they were made."""
    return IndexPartition(AUX, f"M#{merchant}#PRODUCTS")


def points_of(merchant: str, product: str) -> IndexPartition[PricePoint]:
    """Returns where the versions of a product's price points are, those off sale too."""
    return IndexPartition(AUX, f"M#{merchant}#PRICES#{product}")


def words(merchant: str, beginning: str) -> IndexPartition[WordRow]:
    """Returns where the words of customers are that begin so, kept together by two letters."""
    pk = f"M#{merchant}#Q#{beginning[:WORD_LETTERS]}"
    return IndexPartition(AUX, pk, SortKeyRange.of(beginning))

"""The places of entities in the indexes, and the partitions of the indexes that are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple

from billing.kernel.writes import Entity
from billing.storage.addresses import (
    AUX,
    EVERYTHING,
    LIST,
    LOOKUP,
    E_co,
    IndexPartition,
    Place,
    SortKeyRange,
    stamp,
)
from billing.storage.due_keys import due_place

if TYPE_CHECKING:
    from billing.accounts.accounts import Account
    from billing.checkout.checkouts import Checkout
    from billing.helpdesk.tickets import Ticket
    from billing.jobs.jobs import Job, JobLine
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import Customer, PaymentMethod
    from billing.kernel.list_rows import PlanRow, RowOf, WordRow
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.orders import Order
    from billing.kernel.subscription import State, Subscription
    from billing.notices.reminders import Reminder
    from billing.refunds.refunds import Refund

    ById = Subscription | Order | PaymentMethod
    """An entity that is found by its id alone."""


def index_keys(entity: Entity) -> dict[str, Place]:
    """Returns the places of an entity in the indexes, by name of the index."""
    places = _PLACES.get(type(entity).__name__)
    return {} if places is None else places(entity)


# The lookup index: what is named by an id, or by what it waits for.


def by_id(merchant: str, entity_id: str) -> IndexPartition[ById]:
    return IndexPartition(LOOKUP, _id_place(merchant, entity_id).pk)


def api_keys(merchant: str) -> IndexPartition[ApiKey]:
    return IndexPartition(LOOKUP, f"M#{merchant}#KEYS")


def waiting(merchant: str, department: str) -> IndexPartition[Ticket]:
    """Returns where a department's waiting tickets are, those that wait longest first."""
    return IndexPartition(LOOKUP, f"M#{merchant}#WAITING#{department}")


def _id_place(merchant: str, entity_id: str) -> Place:
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


def _list_place(
    merchant: str, kind: ListKind[Entity], at: datetime, entity_id: str, number: int = 0
) -> Place:
    text = stamp(at)
    return Place(list_month(merchant, kind, text[:7], number=number).pk, f"{text}#{entity_id}")


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


# Each class that has places in indexes.


def _subscription(e: Subscription) -> dict[str, Place]:
    return {
        **due_place(e, e.merchant, e.customer, e.id),
        LOOKUP: _id_place(e.merchant, e.id),
        LIST: _list_place(e.merchant, SUBSCRIPTIONS, e.started_at, e.id),
        AUX: Place(in_state(e.merchant, e.state).pk, f"{stamp(e.started_at)}#{e.id}"),
    }


def _plan_row(e: PlanRow) -> dict[str, Place]:
    place = f"{stamp(e.started_at)}#{e.subscription}"
    return {AUX: Place(on_plan(e.merchant, e.of, e.plan).pk, place)}


def _customer(e: Customer) -> dict[str, Place]:
    """Lists a customer until they are erased."""
    if e.is_erased:
        return {}
    return {AUX: Place(customers(e.merchant).pk, f"{stamp(e.created_at)}#{e.id}")}


def _word_row(e: WordRow) -> dict[str, Place]:
    return {AUX: Place(words(e.merchant, e.word).pk, f"{e.word}#{e.customer}")}


def _order(e: Order) -> dict[str, Place]:
    """Lists an order; that of a one-time purchase is found by the purchase too."""
    places = {
        LOOKUP: _id_place(e.merchant, e.id),
        LIST: _list_place(e.merchant, ORDERS, e.at, e.id, e.in_list),
    }
    if e.kind == "sale" and e.subscription is None and e.invoice is not None:
        purchase = e.invoice.rpartition(".")[0]
        places[AUX] = Place(bought(e.merchant, purchase).pk, "ORDER")
    return places


def _ticket(e: Ticket) -> dict[str, Place]:
    """Lists a ticket for its merchant always, and for its department while it waits for a
    person."""
    places = due_place(e, e.merchant, e.id)
    places[LIST] = _list_place(e.merchant, TICKETS, e.requested_at, e.id)
    if e.is_waiting:
        place = f"{stamp(e.requested_at)}#{e.id}"
        places[LOOKUP] = Place(waiting(e.merchant, e.department).pk, place)
    return places


def _product(e: Product) -> dict[str, Place]:
    """Lists a product for its merchant, and in the directory while it is publicly listed."""
    places = {AUX: Place(products(e.merchant).pk, f"{stamp(e.created_at)}#{e.id}")}
    if e.is_listed:
        places[LIST] = Place(DIRECTORY.pk, f"{e.merchant}#{e.id}")
    return places


def _price_point(e: PricePoint) -> dict[str, Place]:
    place = f"{stamp(e.created_at)}#{e.id}#v{e.version:06d}"
    return {AUX: Place(points_of(e.merchant, e.product).pk, place)}


def _merchant(e: Merchant) -> dict[str, Place]:
    return {LIST: Place(MERCHANTS.pk, e.id)}


def _api_key(e: ApiKey) -> dict[str, Place]:
    return {LOOKUP: Place(api_keys(e.merchant).pk, e.id)}


def _payment_method(e: PaymentMethod) -> dict[str, Place]:
    return {LOOKUP: _id_place(e.merchant, e.id)}


def _checkout(e: Checkout) -> dict[str, Place]:
    return due_place(e, e.merchant, e.key)


def _refund(e: Refund) -> dict[str, Place]:
    return due_place(e, e.merchant, e.customer, e.id)


def _reminder(e: Reminder) -> dict[str, Place]:
    return due_place(e, e.merchant, e.customer, e.subscription)


def _account(e: Account) -> dict[str, Place]:
    return due_place(e, e.username)


def _job(e: Job) -> dict[str, Place]:
    """Lists a job until it has ended; the row stays as it is while the job goes on."""
    return {} if e.is_over else {LIST: Place(JOBS.pk, f"{stamp(e.created_at)}#{e.owner}#{e.id}")}


def _job_line(e: JobLine) -> dict[str, Place]:
    return due_place(e, e.owner)


_PLACES: dict[str, Callable[..., dict[str, Place]]] = {
    "Subscription": _subscription,
    "PlanRow": _plan_row,
    "Customer": _customer,
    "WordRow": _word_row,
    "Order": _order,
    "Ticket": _ticket,
    "Product": _product,
    "PricePoint": _price_point,
    "Merchant": _merchant,
    "ApiKey": _api_key,
    "PaymentMethod": _payment_method,
    "Checkout": _checkout,
    "Refund": _refund,
    "Reminder": _reminder,
    "Account": _account,
    "Job": _job,
    "JobLine": _job_line,
}

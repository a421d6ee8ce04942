"""The places of entities in the indexes: what each class is found by there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from billing.kernel.writes import Entity
from billing.storage import index_keys
from billing.storage.addresses import AUX, DUE, LIST, LOOKUP, Place, stamp

if TYPE_CHECKING:
    from billing.accounts.accounts import Account
    from billing.checkout.checkouts import Checkout
    from billing.declarations.declarations import Declaration
    from billing.helpdesk.tickets import Ticket
    from billing.jobs.jobs import Job, JobLine
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import Customer, PaymentMethod
    from billing.kernel.list_rows import PlanRow, WordRow
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.orders import Order
    from billing.kernel.subscription import Subscription
    from billing.notices.records import MissedNotice
    from billing.notices.reminders import Reminder
    from billing.refunds.refunds import Refund
    from billing.storage.index_keys import ListKind
    from billing.storage.keys import WithDueDate
    from billing.webhooks.deliveries import Delivery
    from billing.webhooks.endpoints import WebhookEndpoint


def places_of(entity: Entity) -> dict[str, Place]:
    """Returns the places of an entity in the indexes, by name of the index."""
    places = _PLACES.get(type(entity).__name__)
    return {} if places is None else places(entity)


def _due_place(entity: WithDueDate, *owner: str) -> dict[str, Place]:
    if entity.due_at is None:
        return {}
    shard = index_keys.due_shard(entity.due_kind, entity.shard)
    return {DUE: Place(shard, index_keys.due_sort_key(entity.due_at, owner))}


def _list_place(
    merchant: str, kind: ListKind[Entity], at: datetime, entity_id: str, number: int = 0
) -> Place:
    text = stamp(at)
    return Place(
        index_keys.list_month(merchant, kind, text[:7], number=number).pk, f"{text}#{entity_id}"
    )


def _subscription(e: Subscription) -> dict[str, Place]:
    return {
        **_due_place(e, e.merchant, e.customer, e.id),
        LOOKUP: index_keys.id_place(e.merchant, e.id),
        LIST: _list_place(e.merchant, index_keys.SUBSCRIPTIONS, e.started_at, e.id),
        AUX: Place(index_keys.in_state(e.merchant, e.state).pk, f"{stamp(e.started_at)}#{e.id}"),
    }


def _plan_row(e: PlanRow) -> dict[str, Place]:
    place = f"{stamp(e.started_at)}#{e.subscription}"
    return {AUX: Place(index_keys.on_plan(e.merchant, e.of, e.plan).pk, place)}


def _customer(e: Customer) -> dict[str, Place]:
    """Lists a customer until they are erased."""
    if e.is_erased:
        return {}
    return {AUX: Place(index_keys.customers(e.merchant).pk, f"{stamp(e.created_at)}#{e.id}")}


def _word_row(e: WordRow) -> dict[str, Place]:
    return {AUX: Place(index_keys.words(e.merchant, e.word).pk, f"{e.word}#{e.customer}")}


def _order(e: Order) -> dict[str, Place]:
    """Lists an order; that of a one-time purchase is found by the purchase too."""
    places = {
        LOOKUP: index_keys.id_place(e.merchant, e.id),
        LIST: _list_place(e.merchant, index_keys.ORDERS, e.at, e.id, e.in_list),
    }
    if e.kind == "sale" and e.subscription is None and e.invoice is not None:
        purchase = e.invoice.rpartition(".")[0]
        places[AUX] = Place(index_keys.bought(e.merchant, purchase).pk, "ORDER")
    return places


def _ticket(e: Ticket) -> dict[str, Place]:
    """Lists a ticket for its merchant always, and for its department while it waits for a
    person."""
    places = _due_place(e, e.merchant, e.id)
    places[LIST] = _list_place(e.merchant, index_keys.TICKETS, e.requested_at, e.id)
    if e.is_waiting:
        place = f"{stamp(e.requested_at)}#{e.id}"
        places[LOOKUP] = Place(index_keys.waiting(e.merchant, e.department).pk, place)
    return places


def _product(e: Product) -> dict[str, Place]:
    """Lists a product for its merchant, and in the directory while it is publicly listed."""
    places = {AUX: Place(index_keys.products(e.merchant).pk, f"{stamp(e.created_at)}#{e.id}")}
    if e.is_listed:
        places[LIST] = Place(index_keys.DIRECTORY.pk, f"{e.merchant}#{e.id}")
    return places


def _price_point(e: PricePoint) -> dict[str, Place]:
    place = f"{stamp(e.created_at)}#{e.id}#v{e.version:06d}"
    return {AUX: Place(index_keys.points_of(e.merchant, e.product).pk, place)}


def _merchant(e: Merchant) -> dict[str, Place]:
    return {LIST: Place(index_keys.MERCHANTS.pk, e.id)}


def _api_key(e: ApiKey) -> dict[str, Place]:
    return {LOOKUP: Place(index_keys.api_keys(e.merchant).pk, e.id)}


def _payment_method(e: PaymentMethod) -> dict[str, Place]:
    return {LOOKUP: index_keys.id_place(e.merchant, e.id)}


def _checkout(e: Checkout) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.key)


def _refund(e: Refund) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.customer, e.id)


def _reminder(e: Reminder) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.customer, e.subscription)


def _account(e: Account) -> dict[str, Place]:
    return _due_place(e, e.username)


def _job(e: Job) -> dict[str, Place]:
    """Lists a job until it has ended; the row stays as it is while the job goes on."""
    return (
        {}
        if e.is_over
        else {LIST: Place(index_keys.JOBS.pk, f"{stamp(e.created_at)}#{e.owner}#{e.id}")}
    )


def _job_line(e: JobLine) -> dict[str, Place]:
    return _due_place(e, e.owner)


def _declaration(e: Declaration) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.id)


def _missed_notice(e: MissedNotice) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.id)


def _webhook_endpoint(e: WebhookEndpoint) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.id)


def _delivery(e: Delivery) -> dict[str, Place]:
    return _due_place(e, e.merchant, e.endpoint, e.event)


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
    "Declaration": _declaration,
    "MissedNotice": _missed_notice,
    "WebhookEndpoint": _webhook_endpoint,
    "Delivery": _delivery,
}

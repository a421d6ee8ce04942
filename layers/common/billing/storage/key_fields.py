"""Fields that an item's key implies, so that its body can leave them out.

The same ids would be stored four times in an invoice, and a write is paid by the kilobyte. A field
is left out only if the key implies exactly the same value; a stored field takes precedence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.kernel.writes import Entity
from billing.storage.addresses import STAMP_LENGTH, Key
from billing.storage.event_keys import outbox_ids_of

ImpliedByKey = dict[str, Any]


def implied_by_key(cls: type[Entity], key: Key[Entity]) -> ImpliedByKey:
    """Returns the fields that the key of an entity of this class implies.

    Empty for keys of another kind.
    """
    say = reader_for(cls)
    return {} if say is None else say(key)


def reader_for(cls: type[Entity]) -> Callable[[Key[Entity]], ImpliedByKey] | None:
    """Returns what reads the fields that keys of this class imply; None if they imply none."""
    return _SAY.get(cls.__name__)


def _owner(key: Key[Entity]) -> ImpliedByKey:
    """Reads `M#<merchant>#C#<customer>`; neither id contains `#`."""
    _, merchant, *rest = key.pk.split("#", 3)
    return {"merchant": merchant, "customer": rest[1]} if rest[0] == "C" else {}


def _rest(key: Key[Entity]) -> str:
    return key.sk.partition("#")[2]


def _named(key: Key[Entity]) -> ImpliedByKey:
    return {**_owner(key), "id": _rest(key)}


def _customer(key: Key[Entity]) -> ImpliedByKey:
    owner = _owner(key)
    return {"merchant": owner["merchant"], "id": owner["customer"]}


def _invoice(key: Key[Entity]) -> ImpliedByKey:
    """Reads `INVOICE#<owner>#<seq>`: the id is `<owner>.<seq>`, and the owner is the purchase."""
    owner, _, seq = _rest(key).rpartition("#")
    return {**_owner(key), "id": f"{owner}.{seq}", "purchase": owner, "seq": int(seq)}


def _issued_document(key: Key[Entity]) -> ImpliedByKey:
    """Reads `INVOICE#<owner>#<seq>#ISSUED` or `CREDIT_NOTE#<refund>`."""
    from billing.kernel.issued_documents import DocumentKind

    if key.sk.startswith("CREDIT_NOTE#"):
        return {**_named(key), "kind": DocumentKind.CREDIT_NOTE}
    owner, seq, _ = _rest(key).rsplit("#", 2)
    return {**_owner(key), "id": f"{owner}.{seq}", "kind": DocumentKind.INVOICE}


def _order(key: Key[Entity]) -> ImpliedByKey:
    """Reads `ORDER#<instant>#<id>`."""
    at, order = _rest(key)[:STAMP_LENGTH], _rest(key)[STAMP_LENGTH + 1 :]
    return {**_owner(key), "id": order, "at": datetime.fromisoformat(at)}


def _outbox_event(key: Key[Entity]) -> ImpliedByKey:
    return dict(zip(("shard", "at", "id"), outbox_ids_of(key), strict=True))


def _logged_event(key: Key[Entity]) -> ImpliedByKey:
    """Reads `M#<merchant>#EV#<hour>#<shard>` and the id."""
    return {"merchant": key.pk.split("#", 2)[1], "id": key.sk}


def _delivery(key: Key[Entity]) -> ImpliedByKey:
    """Reads `M#<merchant>#WH#<endpoint>` and the event's id."""
    _, merchant, _, endpoint = key.pk.split("#")
    return {"merchant": merchant, "endpoint": endpoint, "event": key.sk}


_SAY: dict[str, Callable[[Key[Entity]], ImpliedByKey]] = {
    "Customer": _customer,
    "PaymentMethod": _named,
    "Subscription": _named,
    "Invoice": _invoice,
    "IssuedDocument": _issued_document,
    "Refund": _named,
    "Order": _order,
    "LedgerEntry": _named,
    "PurchaseBillTo": lambda key: {**_owner(key), "purchase": _rest(key)},
    "Entitlement": _owner,
    "OutboxEvent": _outbox_event,
    "LoggedEvent": _logged_event,
    "Delivery": _delivery,
}

"""An entry of the audit trail in words: what was done, to which object, and where that is."""

from __future__ import annotations

from billing.kernel.audit import AuditRecord
from billing.kernel.values import Value

PAGES = {
    "customers": "/console/customers/",
    "subscriptions": "/console/subscriptions/",
    "orders": "/console/orders/",
    "products": "/console/products/",
    "tickets": "/console/tickets/",
    "team": "/console/team/",
    "coupons": "/console/coupons/",
}
"""The pages of objects that have one, by the part of the path that names their kind."""

NOT_AN_ID = frozenset(
    {
        *("business", "codes", "departments", "invitations", "logo", "new", "preview"),
        *("rates", "rates.csv", "registrations", "settings", "without"),
    }
)
"""The parts of an address that stand where others have an id."""

DONE = {"POST": "create", "PATCH": "change", "PUT": "replace", "DELETE": "remove"}


class Deed(Value):
    """An entry in words: a verb, the kind of the object, its id and its page, if it has one."""

    verb: str
    kind: str
    id: str | None
    url: str | None


def deed(record: AuditRecord) -> Deed:
    """Reads an entry's action; one that is no request, as an operator's, is its own verb."""
    method, parted, path = record.action.partition(" ")
    if not parted or not path.startswith("/"):
        return Deed(record.action, "", None, None)
    _, _, *rest = path.split("/")
    kind, *more = rest or [""]
    named = more[0] if more and more[0] not in NOT_AN_ID else None
    last = more[-1] if len(more) > 1 or (more and named is None) else ""
    verb = (last or DONE.get(method, method.lower())).replace("-", " ").replace("_", " ")
    page = PAGES.get(kind)
    url = f"{page}{named}" if page and named and named != "?" else None
    return Deed(verb, kind.replace("-", " "), named, url)

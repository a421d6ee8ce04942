"""Requests that come by a merchant's own domain (A-9).

A Host header is looked up, and never trusted: only a domain that the operator has confirmed names a
merchant. Every other host is the platform's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from billing.kernel import domains
from billing.kernel.domains import HERE
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.web import proxies
from billing.web.request import OWN_DOMAIN, Request

Event = Mapping[str, Any]


def placed(ports: Ports) -> Callable[[Event], Event]:
    """Returns a function that maps an event at a merchant's domain to the platform's address.

    It notes the domain that the event came by, and the visitor's address as `proxies` finds it.
    Raises `NotFound` for an address that is not
    available at that domain.
    """
    public_url, trusted = ports.operation.public_url, ports.operation.trusted_proxies

    def place(event: Event) -> Event:
        event = proxies.with_visitor(event, trusted)
        request = Request.of(event)
        host = domains.host_of(request.headers.get("host", ""))
        if host is None or not domains.can_be_given(host, public_url):
            return event
        found = ports.store.domain(host)
        if found is None:
            return event
        path = domains.path_inside(request.path, found.merchant)
        context = event.get("requestContext") or {}
        inside = {**(context.get("http") or {}), "path": path}
        noted = {**context, "http": inside, OWN_DOMAIN: found.host}
        return {**event, "rawPath": path, "requestContext": noted}

    return place


def origin(ports: Ports, request: Request) -> str:
    """Returns scheme and host of a visitor's next page: the domain they came by, or ours."""
    if request.domain is not None:
        return f"https://{request.domain}"
    return ports.operation.public_url or request.base_url


def portal(request: Request, merchant: Merchant) -> str:
    """Returns the path prefix of a merchant's portal at the host that the visitor uses."""
    return f"/portal/{_named(request, merchant)}"


def helpdesk(request: Request, merchant: Merchant) -> str:
    """Returns the path prefix of a merchant's helpdesk at the host that the visitor uses."""
    return f"/helpdesk/{_named(request, merchant)}"


def declarations(request: Request, merchant: Merchant, page: str) -> str:
    """Returns the path of a merchant's page to cancel or to withdraw, at the visitor's host."""
    return f"/{page}/{_named(request, merchant)}"


def checkout(request: Request, price_point: str) -> str:
    """Returns the path of a price point's checkout at the host that the visitor uses."""
    here = request.domain is not None
    return f"/checkout/{quote(domains.local_id(price_point) if here else price_point)}"


def _named(request: Request, merchant: Merchant) -> str:
    return merchant.id if request.domain is None else HERE

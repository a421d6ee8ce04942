"""The address of a visitor behind proxies of the operator's own, such as a CDN (B-3, C-2).

Each proxy appends whom it saw to `X-Forwarded-For`, so that only entries from the right can be
believed, as many as there are proxies. Everything before them is what the visitor claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

Event = Mapping[str, Any]


def with_visitor(event: Event, trusted: int) -> Event:
    """Returns the event with the visitor's address as its `sourceIp`, where `trusted` proxies stand
    in front of the API; with none of them, API Gateway's own stands."""
    if not trusted:
        return event
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    seen = _visitor(headers.get("x-forwarded-for", ""), http.get("sourceIp") or "", trusted)
    return {**event, "requestContext": {**context, "http": {**http, "sourceIp": seen}}}


def _visitor(forwarded: str, source: str, trusted: int) -> str:
    """Returns the address that the outermost trusted proxy saw; `source` for a request that has not
    come through all of them, or where no address stands."""
    hops = [hop.strip() for hop in forwarded.split(",")] if forwarded else []
    if hops[-1:] != [source]:
        hops.append(source)  # API Gateway appends whom it saw; a stand-in may not.
    if len(hops) <= trusted:
        return source
    return _address(hops[-1 - trusted]) or source


def _address(hop: str) -> str | None:
    """Returns an address in its one spelling, without the port that some proxies write."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None

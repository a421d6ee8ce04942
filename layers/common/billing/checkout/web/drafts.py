"""Keeps the fields that a buyer typed through a declined card and a way back (C-12).

They wait under a random token in the buyer's own browser. The attempt's key would not do: it is in
addresses, programs choose it freely, and whoever knows it must not read a stranger's address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from billing.kernel.ports import Ports
from billing.web.request import Request

KEPT = timedelta(hours=2)
KIND = "draft"
FIELDS = (
    *("email", "name", "country", "line1", "line2", "city", "postal_code", "state"),
    *("tax_id", "coupon"),
)
"""All but the payment method: a card that was declined is not chosen again."""

VALUE_MOST = 320


def keep(
    ports: Ports, request: Request, price_point: str, typed: Mapping[str, str], *, now: datetime
) -> Cookie:
    """Keeps what was typed for the next page of this price point; returns the browser's cookie."""
    token = ports.new_id("key")  # never one that the browser brings: somebody may have set it
    fields = {name: typed[name][:VALUE_MOST] for name in FIELDS if typed.get(name)}
    place = _place(price_point, token)
    ports.ephemeral.replace(KIND, place, json.dumps(fields), expires_at=now + KEPT)
    return _cookie(request, token, KEPT)


def kept(ports: Ports, request: Request, price_point: str, *, now: datetime) -> dict[str, str]:
    """Returns what this browser typed at this price point; empty where it typed nothing."""
    token = request.cookies.get(_name(request))
    found = ports.ephemeral.get(KIND, _place(price_point, token), now=now) if token else None
    return {} if found is None else dict(json.loads(found))


def forget(request: Request) -> list[Cookie]:
    """Returns a cookie that removes the browser's, where it has one: its owner has bought."""
    return [_cookie(request, "", timedelta())] if _name(request) in request.cookies else []


def _place(price_point: str, token: str) -> str:
    return sha256(f"{price_point}\n{token}".encode()).hexdigest()


def _name(request: Request) -> str:
    return "__Host-checkout" if request.is_secure else "checkout"


def _cookie(request: Request, token: str, kept: timedelta) -> Cookie:
    return Cookie(
        name=_name(request),
        value=token,
        path="/",
        secure=request.is_secure,
        http_only=True,
        max_age=int(kept.total_seconds()),
        same_site=SameSite.LAX_MODE,
    )

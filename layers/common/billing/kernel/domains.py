"""Custom domains of merchants (A-9).

Checkout, portal and helpdesk have addresses there without the merchant's id: the merchant is `-`,
and a price point is the part of its id after the dot. Everything else stays on the platform's
domain.
"""

from __future__ import annotations

import re

from billing.kernel.errors import Invalid, NotFound
from billing.kernel.merchants import Merchant
from billing.kernel.writes import Entity

HERE = "-"
"""Stands in an address for the merchant whose domain it is; no merchant has this id."""

LONGEST = 253
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+{_LABEL}")
_NUMBERS = re.compile(r"[0-9]+")
NOBODYS = ("amazonaws.com", "cloudfront.net", "localhost", "local", "internal", "arpa")

NAMED = frozenset({"portal", "helpdesk", "cancel", "withdraw"})
"""First parts of paths that a merchant id follows."""

ANYWHERE = frozenset({"health", "sandbox"})
"""First parts of paths that name no merchant, and that pages at a custom domain need."""


class Domain(Entity):
    """A custom domain and its merchant, written once the operator has confirmed it."""

    host: str
    merchant: str


def check_host(text: str, public_url: str) -> str:
    """Returns the host name in its stored form.

    Raises `Invalid` for a text that is no DNS name (RFC 1123, 2.1), or that belongs to the platform
    or the cloud. Names in other alphabets must be given in the form that DNS uses: xn--...
    """
    host = text.strip().lower().removesuffix(".")
    if len(host) > LONGEST or not _HOST.fullmatch(host):
        raise Invalid("domain_malformed", field="custom_domain")
    if _NUMBERS.fullmatch(host.rpartition(".")[2]):
        raise Invalid("domain_is_address", field="custom_domain")
    if not can_be_given(host, public_url):
        raise Invalid("domain_not_yours", field="custom_domain")
    return host


def can_be_given(host: str, public_url: str) -> bool:
    """Checks that a host is neither the platform's own nor the cloud's."""
    kept = (host_in(public_url), *NOBODYS)
    return not any(host == each or host.endswith(f".{each}") for each in kept if each)


def host_of(header: str) -> str | None:
    """Returns the host of a Host header without its port; None if it cannot be a custom domain."""
    host = header.strip().lower().partition(":")[0].removesuffix(".")
    return host if len(host) <= LONGEST and _HOST.fullmatch(host) else None


def host_in(url: str) -> str | None:
    """Returns the host of one of our own URLs."""
    return host_of(url.partition("://")[2].partition("/")[0])


def path_inside(path: str, merchant: str) -> str:
    """Returns the platform path for a path at a merchant's custom domain.

    Raises `NotFound` for another merchant's path, and for one that exists only on the platform's
    domain.
    """
    parts = path.split("/")
    kind = parts[1] if len(parts) > 1 else ""
    if kind in ANYWHERE:
        return path
    named = parts[2] if len(parts) > 2 else ""
    if kind in NAMED and named in {HERE, merchant}:
        parts[2] = merchant
        return "/".join(parts)
    if kind == "checkout" and named:
        whose, dot, _ = named.partition(".")
        if not dot or whose == merchant:
            parts[2] = named if dot else f"{merchant}.{named}"
            return "/".join(parts)
    raise NotFound()


def portal(public_url: str, merchant: Merchant) -> str:
    """Returns the URL of a merchant's portal, for links in mails and responses."""
    return _place(public_url, merchant, "portal")


def helpdesk(public_url: str, merchant: Merchant) -> str:
    """Returns the URL of a merchant's helpdesk."""
    return _place(public_url, merchant, "helpdesk")


def cancel(public_url: str, merchant: Merchant) -> str:
    """Returns the URL where contracts with a merchant are cancelled (X-10)."""
    return _place(public_url, merchant, "cancel")


def withdraw(public_url: str, merchant: Merchant) -> str:
    """Returns the URL where contracts with a merchant are withdrawn from (X-10)."""
    return _place(public_url, merchant, "withdraw")


def checkout(public_url: str, merchant: Merchant, price_point: str) -> str:
    """Returns the checkout URL of a price point."""
    if merchant.domain is None:
        return f"{public_url}/checkout/{price_point}"
    return f"https://{merchant.domain}/checkout/{local_id(price_point)}"


def local_id(price_point: str) -> str:
    """Returns a price point's id without the merchant's part."""
    return price_point.partition(".")[2]


def _place(public_url: str, merchant: Merchant, kind: str) -> str:
    if merchant.domain is None:
        return f"{public_url}/{kind}/{merchant.id}"
    return f"https://{merchant.domain}/{kind}/{HERE}"

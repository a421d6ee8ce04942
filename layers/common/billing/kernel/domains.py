"""A merchant's own domain: checkout, portal and helpdesk under addresses without the merchant's id
(A-9).

At its own domain a merchant is `-`, and a price point is what follows the dot of its id. Everything
else stays on the platform's domain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from billing.kernel.errors import Invalid, NotFound
from billing.kernel.merchants import Merchant

HERE = "-"
"""In an address, the merchant whose domain it is; no merchant has this id."""

LONGEST = 253
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+{_LABEL}")
_NUMBERS = re.compile(r"[0-9]+")
NOBODYS = ("amazonaws.com", "cloudfront.net", "localhost", "local", "internal", "arpa")

NAMED = frozenset({"portal", "helpdesk"})
"""What is followed by a merchant in an address."""

ANYWHERE = frozenset({"health", "sandbox"})
"""What names no merchant, and belongs to the pages that are at a domain."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Whose a host is, once the operator has confirmed it."""

    host: str
    merchant: str


def check_host(text: str, public_url: str) -> str:
    """A host as it is kept; raises `Invalid` for what is no name in the DNS (RFC 1123, 2.1), or is
    the platform's own. Other alphabets are given as DNS has them: xn--..."""
    host = text.strip().lower().removesuffix(".")
    if len(host) > LONGEST or not _HOST.fullmatch(host):
        raise _invalid("Give a host name alone, such as pay.example.com.")
    if _NUMBERS.fullmatch(host.rpartition(".")[2]):
        raise _invalid("An IP address is no domain.")
    if not can_be_given(host, public_url):
        raise _invalid("This domain is not yours.")
    return host


def can_be_given(host: str, public_url: str) -> bool:
    """Whether a host can be a merchant's at all: not the platform's own, nor the cloud's."""
    kept = (host_in(public_url), *NOBODYS)
    return not any(host == each or host.endswith(f".{each}") for each in kept if each)


def host_of(header: str) -> str | None:
    """What a Host header names, without its port; None for what can be nobody's domain."""
    host = header.strip().lower().partition(":")[0].removesuffix(".")
    return host if len(host) <= LONGEST and _HOST.fullmatch(host) else None


def host_in(url: str) -> str | None:
    """The host of an address of ours."""
    return host_of(url.partition("://")[2].partition("/")[0])


def path_inside(path: str, merchant: str) -> str:
    """The address that a path at a merchant's domain stands for; raises `NotFound` for another
    merchant's, and for what stays on the platform's domain."""
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
    raise NotFound("There is nothing here.")


def portal(public_url: str, merchant: Merchant) -> str:
    """Where a merchant's portal is, for links in mails and answers."""
    return _place(public_url, merchant, "portal")


def helpdesk(public_url: str, merchant: Merchant) -> str:
    """Where a merchant's helpdesk is."""
    return _place(public_url, merchant, "helpdesk")


def checkout(public_url: str, merchant: Merchant, price_point: str) -> str:
    """Where a price point is bought."""
    if merchant.domain is None:
        return f"{public_url}/checkout/{price_point}"
    return f"https://{merchant.domain}/checkout/{local_id(price_point)}"


def local_id(price_point: str) -> str:
    """A price point's id without its merchant's."""
    return price_point.partition(".")[2]


def _place(public_url: str, merchant: Merchant, kind: str) -> str:
    if merchant.domain is None:
        return f"{public_url}/{kind}/{merchant.id}"
    return f"https://{merchant.domain}/{kind}/{HERE}"


def _invalid(message: str) -> Invalid:
    return Invalid(message, field="custom_domain")

"""Reads the address of an endpoint, and refuses all but plain https ones (M-5)."""

from __future__ import annotations

import re

from billing.kernel.errors import Invalid
from billing.kernel.values import Value

LONGEST = 500

_HTTPS = re.compile(r"(?i:https)://([A-Za-z0-9.-]+)(?::443)?((?:[/?][!-~]*)?)")
_LOCAL = re.compile(r"http://(127\.0\.0\.1)(?::([0-9]{1,5}))?((?:[/?][!-~]*)?)")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A last label begins with a letter; so no spelling of an IP address is a host name."""

_NOWHERE = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "onion",
)
"""Endings that no public name has."""


class Target(Value):
    """The parts of an endpoint's address: where to connect, and what to ask for there."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        """Returns the value of the Host header."""
        return self.host if self.tls else f"{self.host}:{self.port}"


def read(url: str, *, local: bool = False) -> Target:
    """Returns the parts of an endpoint's address; raises `Invalid` for one that may not be used.

    It is https on port 443 to a host name: no user, other port, IP address or fragment. `local`
    allows http to 127.0.0.1 too.
    """
    if len(url) > LONGEST:
        raise Invalid("too_long", field="url", count=LONGEST)
    if local and (found := _LOCAL.fullmatch(url)) is not None:
        port = int(found[2] or 80)
        if 0 < port < 65536 and "#" not in url:
            return Target(found[1], port, _path(found[3]), tls=False)
    found = _HTTPS.fullmatch(url)
    if found is None or "#" in url or "\\" in url:
        raise Invalid("webhook_url_malformed", field="url")
    host = found[1].lower()
    if not _is_public_name(host):
        raise Invalid("webhook_host", field="url")
    return Target(host, 443, _path(found[2]), tls=True)


def _path(text: str) -> str:
    return text if text.startswith("/") else f"/{text}"


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not _TOP.fullmatch(labels[-1]):
        return False
    if any(host.endswith(f".{ending}") for ending in _NOWHERE):
        return False
    return all(_LABEL.fullmatch(label) for label in labels)

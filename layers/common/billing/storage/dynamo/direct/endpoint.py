"""Finds DynamoDB's address as botocore does, or says that botocore has to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}

_SUFFIXES = (
    (re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+"), "amazonaws.com"),
    (re.compile(r"us-gov-[a-z]+-\d+"), "amazonaws.com"),
    (re.compile(r"cn-[a-z]+-\d+"), "amazonaws.com.cn"),
)
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_FILES = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
_OTHER_ENDPOINTS = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


class Unsuited(Exception):
    """A setting of this environment that only botocore knows how to follow; `why` is its kind."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Endpoint(NamedTuple):
    """Where requests go, and the region that they are signed for."""

    scheme: str
    host: str
    port: int
    region: str

    @property
    def authority(self) -> str:
        """Returns the Host header: the port only where it is not the scheme's own."""
        # An IPv6 address stands in brackets there.
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def endpoint_of(
    environ: Mapping[str, str], region: str | None = None, url: str | None = None
) -> Endpoint:
    """Returns the endpoint of the given region and URL, or of those that the environment names.

    Raises `Unsuited` where botocore would read a file, use a proxy, or choose another address.
    """
    if any(environ.get(name) for name in _PROFILES) or _has_files(environ):
        raise Unsuited("profile")
    region = region or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise Unsuited("region")
    found = address_of(url or _configured(environ) or _regional(environ, region), region)
    proxy = f"{found.scheme}_proxy"
    if any(environ[name] for name in environ if name.lower() == proxy):
        raise Unsuited("proxy")
    return found


def address_of(url: str, region: str = "") -> Endpoint:
    """Returns the parts of a URL without a path of its own."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise Unsuited("endpoint")
    return Endpoint(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], region)


def _has_files(environ: Mapping[str, str]) -> bool:
    """Tests whether botocore would read a file: one that is named, or one in its place at home.

    Naming the null device is how to say that there is none.
    """
    home = environ.get("HOME")
    for variable, name in _FILES.items():
        named = environ.get(variable)
        if named and named != os.devnull:
            return True
        if not named and home and Path(home, ".aws", name).exists():
            return True
    return False


def _configured(environ: Mapping[str, str]) -> str | None:
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return environ.get("AWS_ENDPOINT_URL_DYNAMODB") or environ.get("AWS_ENDPOINT_URL")


def _regional(environ: Mapping[str, str], region: str) -> str:
    # Botocore may prefer an account's own address; the region's serves all accounts.
    if environ.get("AWS_ACCOUNT_ID_ENDPOINT_MODE", "").lower() == "required":
        raise Unsuited("endpoint")
    if any(environ.get(name, "").lower() == "true" for name in _OTHER_ENDPOINTS):
        raise Unsuited("endpoint")
    for pattern, suffix in _SUFFIXES:
        if pattern.fullmatch(region):
            return f"https://dynamodb.{region}.{suffix}"
    raise Unsuited("region")

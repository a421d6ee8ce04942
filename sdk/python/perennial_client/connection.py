"""A connection to the API: the key, repeats, and answers that are problems as exceptions."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from urllib.request import getproxies, proxy_bypass

import httpx

from perennial_client import errors, retries
from perennial_client.retries import Retrying

TIMEOUT_SECONDS = 30.0
_OWN_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def connect(
    api_key: str,
    base_url: str,
    *,
    timeout: float = TIMEOUT_SECONDS,
    repeats: int = retries.MOST_REPEATS,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> httpx.Client:
    """Returns an httpx client whose calls raise `PerennialError` where they do not succeed.

    Raises `ValueError` for an address that would carry the key in the clear.
    """
    address = httpx.URL(base_url)
    _check(address)
    retrying = Retrying(
        transport or _network(address),
        repeats=repeats,
        sleep=sleep,
        chance=random.random,
        new_key=lambda: str(uuid.uuid4()),
    )
    return httpx.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json, */*"},
        timeout=timeout,
        transport=retrying,
        event_hooks={"response": [raise_if_failed]},
    )


def raise_if_failed(answer: httpx.Response) -> None:
    """Raises the error of an answer that is not a success."""
    status = answer.status_code
    if status < 300:
        return
    answer.read()
    problem = retries.problem_of(answer)
    if "code" in problem:
        raise errors.of(status, problem)
    if status == 429:  # the gateway before Perennial
        said = "Too many requests at once. Wait a moment, and ask again."
        raise errors.TooManyRequests(status, {"code": "too_many_requests", "detail": said})
    after = retries.may_be_done(answer.request) if status >= 500 else ""
    where = f"{answer.request.url.scheme}://{answer.request.url.netloc.decode()}"
    raise errors.UnexpectedAnswer(
        status,
        f"{where} answered {status}, and not as Perennial does{after or '. Check the address'}",
    )


def _network(address: httpx.URL) -> httpx.HTTPTransport:
    """Goes by the proxy of the environment, which httpx heeds only without a transport."""
    if address.host in _OWN_MACHINE or proxy_bypass(address.host):
        return httpx.HTTPTransport()
    known = getproxies()
    proxy = known.get("https") or known.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    return httpx.HTTPTransport(proxy=proxy)


def _check(address: httpx.URL) -> None:
    if address.scheme == "https" and address.host:
        return
    if address.scheme == "http" and address.host in _OWN_MACHINE:
        return
    raise ValueError(
        f"{address} must begin with https://: an API key is not sent in the clear. "
        "Only your own machine may be asked by http://127.0.0.1"
    )

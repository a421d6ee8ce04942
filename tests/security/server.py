"""A resolver behind WSGI, as API Gateway would stand before it: for tools that speak HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from billing.web import http
from tests.web.calls import event

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Server:
    """A WSGI application over one resolver. Bodies come in base64, so that any bytes may."""

    def __init__(self, resolver: http.Resolver) -> None:
        self._handler = http.guard(lambda made, context: resolver.resolve(dict(made), context))

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        # A path's bytes are text here; API Gateway gives them decoded, and the query as it was.
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        query = quote(environ.get("QUERY_STRING", ""), safe="%=&+:;,/?@!$'()*~-._")
        made = event(
            environ["REQUEST_METHOD"],
            path,
            b64encode(raw).decode() if raw else None,
            headers=_headers(environ),
            is_base64=bool(raw),
        )
        made["rawPath"] = made["requestContext"]["http"]["path"] = path
        made["rawQueryString"] = query
        answer = self._handler(made, None)
        status = HTTPStatus(answer["statusCode"])
        start(f"{status.value} {status.phrase}", list(answer["headers"].items()))
        return [answer["body"].encode()]


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    sent = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if content_type := environ.get("CONTENT_TYPE"):
        sent["content-type"] = content_type
    return sent

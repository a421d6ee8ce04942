"""A browser and a program that speak to handlers by API Gateway events, payload 2.0."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from billing.web import http

HOST = "pay.example.com"


def event(
    method: str,
    address: str,
    body: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    cookies: list[str] | None = None,
    is_base64: bool = False,
) -> dict[str, Any]:
    """An event as API Gateway sends it."""
    path, _, query = address.partition("?")
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": HOST, "x-forwarded-proto": "https", **(headers or {})},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "domainName": HOST,
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
        },
        "isBase64Encoded": is_base64,
    }
    if body is not None:
        made["body"] = body
    if cookies:
        made["cookies"] = cookies
    return made


@dataclass
class Answer:
    """An answer to a call."""

    status: int
    headers: dict[str, str]
    body: str
    cookies: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in self.json["errors"]]


@dataclass
class Client:
    """Calls one resolver through the guard, as its Lambda handler would.

    `others` are those of functions with more specific addresses, by how these begin.
    """

    resolver: http.Resolver
    key: str | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    others: dict[str, http.Resolver] = field(default_factory=dict)

    def send(self, made: dict[str, Any]) -> Answer:
        path = made["rawPath"]
        near = (other for begins, other in self.others.items() if path.startswith(begins))
        resolver = next(near, self.resolver)
        handler = http.guard(lambda event, context: resolver.resolve(dict(event), context))
        # As Lambda carries it: what cannot be JSON fails here.
        raw = json.loads(json.dumps(handler(made, None)))
        for cookie in raw["cookies"]:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        headers = {name.lower(): value for name, value in raw["headers"].items()}
        return Answer(raw["statusCode"], headers, raw["body"], raw["cookies"])

    def call(self, method: str, address: str, document: Any = None, **headers: str) -> Answer:
        """Call the API."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        body = None
        if document is not None:
            csv = sent.get("content-type", "").startswith("text/csv")
            body = document if csv else json.dumps(document)
            sent.setdefault("content-type", "application/json")
        return self.send(event(method, address, body, headers=sent))

    def get(self, address: str, **query: str) -> Answer:
        return self.call("GET", f"{address}?{urlencode(query)}" if query else address)

    def post(self, address: str, document: Any = None, **headers: str) -> Answer:
        return self.call("POST", address, document, **headers)

    def browse(
        self, method: str, address: str, form: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        """Look at a page, or send a form, with the cookies so far."""
        sent = {"accept": "text/html", **{k.replace("_", "-"): v for k, v in headers.items()}}
        body = None
        if form is not None:
            body = urlencode(form)
            sent["content-type"] = "application/x-www-form-urlencoded"
        cookies = [f"{name}={value}" for name, value in self.cookies.items() if value]
        return self.send(event(method, address, body, headers=sent, cookies=cookies))

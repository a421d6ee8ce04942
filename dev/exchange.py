"""One HTTP request and its answer, as API Gateway's payload format 2.0 has them.

What AWS does and is easy to miss: header names are lower-cased and repeated headers joined by
commas, cookies are an array of their own, rawPath is decoded, rawQueryString is not, repeated
query parameters are joined by commas, and a form body comes base64-encoded.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from billing.kernel.values import Value
from dev.stack import Route
from dev.template import ACCOUNT

_API_ID = "perennial"
_NOT_FORWARDED = {"connection", "cookie", "keep-alive", "te", "trailer", "transfer-encoding"}
_TEXT_TYPES = {"application/json", "application/javascript", "application/xml"}


MOST_RESULT_BYTES = 6 * 2**20
"""The most that a function returns to whoever waits for it: Lambda's limit."""

MOST_HEADER_BYTES = 10_240
"""The most bytes of all headers together, of a request or of an answer: API Gateway's limit."""


class Request(Value):
    method: str
    path: str
    query: str
    protocol: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


class Response(Value):
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def json_response(status: int, content: Any, media_type: str = "application/json") -> Response:
    return Response(status, [("content-type", media_type)], json.dumps(content).encode())


NOT_FOUND = json_response(404, {"message": "Not Found"})
SERVER_ERROR = json_response(500, {"message": "Internal Server Error"})
CUT_OFF = Response(200, [], b"")
"""An answer that breaks off: its connection is closed before the body."""
TOO_LARGE = json_response(413, {"message": "Request Entity Too Large"})


def to_event(
    request: Request, route: Route, parameters: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    headers = _headers(request)
    route_key = route.path if route.path == "$default" else f"{route.method} {route.path}"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _context(request, headers, route_key, now),
        "isBase64Encoded": False,
    }
    # AWS leaves out what is empty.
    if cookies := _cookies(request):
        event["cookies"] = cookies
    if query := _query(request.query):
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers)
    return event


def from_result(result: Any) -> Response:
    """Returns the response for a handler's result; ValueError where API Gateway would answer
    500.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        # API Gateway takes any other value for the JSON body of a 200.
        body = result if isinstance(result, str) else json.dumps(result)
        return Response(200, [("content-type", "application/json")], body.encode())
    if len(json.dumps(result, ensure_ascii=False).encode()) > MOST_RESULT_BYTES:
        raise ValueError("a result too large for Lambda to return")
    status, body = result["statusCode"], result.get("body") or ""
    if not isinstance(status, int) or not 100 <= status <= 599 or not isinstance(body, str):
        raise ValueError(f"not an answer that API Gateway understands: {status!r}")
    headers = [(str(name).lower(), str(value)) for name, value in _items(result, "headers")]
    headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    if any("\r" in value or "\n" in value for _, value in headers):
        raise ValueError("a header holds a line break")
    if sum(len(name) + len(value.encode()) for name, value in headers) > MOST_HEADER_BYTES:
        raise ValueError("headers too large for API Gateway")
    if result.get("isBase64Encoded"):
        return Response(status, headers, _decoded(body))
    return Response(status, headers, body.encode())


def _items(result: Mapping[str, Any], key: str) -> Sequence[tuple[Any, Any]]:
    return list((result.get(key) or {}).items())


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        if key not in _NOT_FORWARDED:
            joined[key] = f"{joined[key]},{value}" if key in joined else value
    # Whom it saw is appended to what the client claims, which arrives as on a real API.
    claimed = joined.get("x-forwarded-for")
    joined["x-forwarded-for"] = ", ".join(filter(None, (claimed, request.source_ip)))
    # As the load balancer in front of a real API sets them, whatever the client claims.
    joined["x-forwarded-proto"] = "http"
    joined["x-forwarded-port"] = joined.get("host", "").rpartition(":")[2]
    return joined


def _cookies(request: Request) -> list[str]:
    return [
        cookie.strip()
        for name, value in request.headers
        if name.lower() == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]


def _query(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = media_type.startswith("text/") or media_type in _TEXT_TYPES
    is_text = is_text or media_type.endswith(("+json", "+xml"))
    if is_text and "content-encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _context(
    request: Request, headers: Mapping[str, str], route_key: str, now: datetime
) -> dict[str, Any]:
    host = headers.get("host", "")
    return {
        "accountId": ACCOUNT,
        "apiId": _API_ID,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": unquote(request.path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": uuid.uuid4().hex,
        "routeKey": route_key,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }

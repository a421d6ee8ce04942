import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.exchange import Request, from_result, to_event
from dev.stack import Function, Route

ROUTE = Route("ANY", "/v1/{proxy+}", Function("F", "functions.f.app", "handler", 3, 128, "arn"))
NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


def event(
    path: str = "/v1/orders",
    query: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> dict[str, Any]:
    every = (("Host", "127.0.0.1:3000"), *headers)
    request = Request("POST", path, query, "HTTP/1.1", every, body, "127.0.0.1")
    return to_event(request, ROUTE, {"proxy": "orders"}, NOW)


def test_the_event_says_what_was_asked_and_when() -> None:
    made = event(headers=(("User-Agent", "curl"),))
    assert made["version"] == "2.0"
    assert made["routeKey"] == "ANY /v1/{proxy+}"
    assert made["pathParameters"] == {"proxy": "orders"}
    context = made["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/v1/orders",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "curl",
    }
    assert context["timeEpoch"] == 1769871600000
    assert context["time"] == "31/Jan/2026:15:00:00 +0000"


def test_what_is_empty_is_left_out() -> None:
    assert not {"body", "cookies", "queryStringParameters"} & event().keys()


def test_header_names_are_lower_case_and_repeated_headers_joined() -> None:
    headers = event(headers=(("X-Tag", "a"), ("x-tag", "b"), ("Connection", "close")))["headers"]
    assert headers["x-tag"] == "a,b"
    assert "connection" not in headers


def test_a_clients_claim_about_its_address_arrives_and_changes_nothing() -> None:
    made = event(headers=(("X-Forwarded-For", "8.8.8.8"), ("X-Forwarded-Proto", "https")))
    assert made["headers"]["x-forwarded-for"] == "8.8.8.8, 127.0.0.1"
    assert made["headers"]["x-forwarded-proto"] == "http"
    assert made["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_cookies_are_an_array_and_no_header() -> None:
    made = event(headers=(("Cookie", "a=1; b=2"), ("Cookie", "c=3")))
    assert made["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in made["headers"]


def test_the_path_is_decoded_and_the_query_string_is_not() -> None:
    made = event(path="/v1/a%20b", query="q=1&q=%20z&e=")
    assert made["rawPath"] == "/v1/a b"
    assert made["rawQueryString"] == "q=1&q=%20z&e="
    assert made["queryStringParameters"] == {"q": "1, z", "e": ""}


@pytest.mark.parametrize(
    ("media_type", "body", "is_encoded"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', False),
        ("application/problem+json; charset=utf-8", b"{}", False),
        ("text/plain", b"hello", False),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("multipart/form-data; boundary=x", b"--x--", True),
        ("application/json", b"\xff\xfe", True),
    ],
)
def test_only_text_bodies_come_as_they_are(media_type: str, body: bytes, is_encoded: bool) -> None:
    made = event(headers=(("Content-Type", media_type),), body=body)
    assert made["isBase64Encoded"] is is_encoded
    given = made["body"]
    assert (base64.b64decode(given) if is_encoded else given.encode()) == body


def test_a_full_answer_becomes_a_response() -> None:
    response = from_result(
        {
            "statusCode": 303,
            "headers": {"Location": "/x", "Content-Type": "text/html"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": base64.b64encode(b"\x00\xff").decode(),
            "isBase64Encoded": True,
        }
    )
    assert response.status == 303
    assert list(response.headers) == [
        ("location", "/x"),
        ("content-type", "text/html"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
    ]
    assert response.body == b"\x00\xff"


def test_any_other_answer_is_the_json_of_a_200() -> None:
    response = from_result({"ok": True})
    assert (response.status, response.body) == (200, b'{"ok": true}')


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "200", "body": ""},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
    ],
)
def test_an_answer_that_api_gateway_refuses_is_an_error(result: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_result(result)

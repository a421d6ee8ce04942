"""Requests of strangers are read strictly, and each gets an answer, whatever it is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.flows import login
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unavailable
from billing.web import http
from billing.web.inputs import Input, read
from billing.web.request import (
    LONGEST_ID,
    MAX_BODY_BYTES,
    OUT_OF_BOUNDS,
    Request,
    is_plain_id,
    read_json,
)
from tests.web.calls import Answer, Client, event

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

RAISED = {
    "not-found": NotFound(),
    "conflict": Conflict(),
    "refused": Refused("refund_window_over", code="window_over"),
    "invalid": Invalid("required", field="a.b"),
    "too-many": TooMany(),
    "unavailable": Unavailable("table core is down"),
    "bug": RuntimeError("ann@example.com"),
}


class Amount(Input):
    amount: int


@pytest.fixture(scope="module")
def client() -> Client:
    app = http.resolver()

    @app.post("/v1/echo")
    def echo() -> http.Answer:
        return http.json(Request.of(app.current_event).json())

    @app.post("/form")
    def form() -> http.Answer:
        return http.json(Request.of(app.current_event).form())

    @app.post("/v1/amount")
    def amount() -> http.Answer:
        return http.json(read(Amount, Request.of(app.current_event).json()).amount)

    @app.get("/<where>/raise/<name>")
    def fail(where: str, name: str) -> http.Answer:
        raise RAISED[name]

    @app.get("/page")
    def page() -> http.Answer:
        return http.page("error.html", problem={"code": "x", "detail": "words"})

    return Client(app)


def echo(client: Client, body: str, headers: dict[str, str] = JSON, **more: Any) -> Answer:
    return client.send(event("POST", "/v1/echo", body, headers=headers, **more))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "malformed_json"),
        ("", "malformed_json"),
        ('{"a": NaN}', "malformed_json"),
        ('{"a": Infinity}', "malformed_json"),
        ('{"a": -Infinity}', "malformed_json"),
        ('{"a": 1e999}', "malformed_json"),
        ('{"a": 1, "a": 2}', "malformed_json"),
        ('"\\ud800"', "malformed_json"),
        ("[" * 33 + "]" * 33, "malformed"),
        ("[" * 30_000, "malformed"),
        ('{"a":' * 1000, "malformed"),
    ],
)
def test_a_body_that_is_not_strict_json_is_400(client: Client, body: str, code: str) -> None:
    answer = echo(client, body)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_brackets_in_texts_do_not_nest(client: Client) -> None:
    document = {"a": '[[{"' * 100, "b": [[["\\"]]]}
    assert echo(client, json.dumps(document)).json == document


def test_thirty_two_levels_are_read(client: Client) -> None:
    assert echo(client, "[" * 32 + "]" * 32).status == 200


@pytest.mark.parametrize("digits", [19, 400, 5000, 60_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_huge_integer_is_refused_by_the_name_of_its_field(
    client: Client, digits: int, sign: str
) -> None:
    assert abs(read_json(sign + "9" * digits)) == OUT_OF_BOUNDS
    body = json.dumps({"amount": 0}).replace("0", sign + "9" * digits)
    answer = client.send(event("POST", "/v1/amount", body, headers=JSON))
    assert answer.status == 200  # read as out of any bound; shapes bound what they take
    assert abs(answer.json) == OUT_OF_BOUNDS


def test_a_body_over_the_limit_is_413(client: Client) -> None:
    fits = json.dumps("x" * (MAX_BODY_BYTES - 2))
    assert echo(client, fits).status == 200
    assert echo(client, fits[:-1] + 'x"').status == 413
    raw = base64.b64encode(b"x" * (MAX_BODY_BYTES + 1)).decode()
    assert echo(client, raw, is_base64=True).status == 413


def test_bodies_are_measured_in_bytes(client: Client) -> None:
    assert echo(client, json.dumps("é" * (MAX_BODY_BYTES // 2), ensure_ascii=False)).status == 413


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\xc3\x28", '{"a": "é"}'.encode("latin-1")])
def test_bytes_that_are_not_utf_8_are_400(client: Client, body: bytes) -> None:
    assert echo(client, base64.b64encode(body).decode(), is_base64=True).status == 400


def test_a_body_that_is_not_even_base64_is_400(client: Client) -> None:
    assert echo(client, "!!!", is_base64=True).status == 400


def test_base64_bodies_are_decoded(client: Client) -> None:
    body = base64.b64encode('{"a": "é"}'.encode()).decode()
    assert echo(client, body, is_base64=True).json == {"a": "é"}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "a" * 5000],
)
def test_the_api_reads_json_only(client: Client, content_type: str) -> None:
    assert echo(client, "{}", {"content-type": content_type}).status == 415


def test_a_charset_beside_the_content_type_is_fine(client: Client) -> None:
    assert echo(client, "{}", {"content-type": "Application/JSON; charset=utf-8"}).status == 200


def test_compressed_bodies_are_not_read(client: Client) -> None:
    assert echo(client, "{}", {**JSON, "content-encoding": "gzip"}).status == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("a=1&b=%C3%A9", 200),
        ("", 415),
        ("a=%ff", 400),
        ("a=1&a=2", 422),
        ("&".join(f"a{n}=1" for n in range(101)), 400),
    ],
)
def test_forms_are_read_strictly(client: Client, body: str, status: int) -> None:
    headers = FORM if body else {}
    answer = client.send(event("POST", "/form", body, headers={**headers, "accept": "json"}))
    assert answer.status == status


def test_a_page_route_that_gets_another_type_is_415(client: Client) -> None:
    headers = {"content-type": "multipart/form-data", "accept": "text/html"}
    answer = client.send(event("POST", "/form", "x", headers=headers))
    assert answer.status == 415
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("not-found", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("refused", 409, "window_over"),
        ("invalid", 422, "invalid"),
        ("too-many", 429, "too_many_requests"),
        ("unavailable", 503, "unavailable"),
        ("bug", 500, "internal_error"),
    ],
)
def test_each_error_has_one_status_as_problem_and_as_page(
    client: Client, name: str, status: int, code: str
) -> None:
    problem = client.call("GET", f"/v1/raise/{name}")
    assert (problem.status, problem.json["status"], problem.json["code"]) == (status, status, code)
    assert {"type", "title", "detail"} <= problem.json.keys()
    page = client.browse("GET", f"/shop/raise/{name}")
    assert page.status == status
    assert page.headers["content-type"].startswith("text/html")
    assert problem.headers.get("retry-after") == page.headers.get("retry-after")


def test_who_asked_too_often_is_asked_to_wait_as_long_as_the_window_lasts(client: Client) -> None:
    answer = client.call("GET", "/v1/raise/too-many")
    assert answer.headers["retry-after"] == str(int(login.WINDOW.total_seconds()))


def test_an_invalid_field_is_named(client: Client) -> None:
    answer = client.call("GET", "/v1/raise/invalid")
    assert answer.json["field"] == "a.b"
    assert answer.fields == ["a.b"]


@pytest.mark.parametrize("name", ["bug", "unavailable"])
def test_what_broke_inside_is_not_shown(
    client: Client, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.call("GET", f"/v1/raise/{name}")
    assert answer.json["request_id"] == "request-1"
    assert "ann@" not in answer.body
    assert "table" not in answer.body
    assert answer.status != 503 or answer.headers["retry-after"] == "5"


def test_an_unknown_address_is_404_and_a_wrong_method_405(client: Client) -> None:
    assert client.call("GET", "/v1/nowhere").status == 404
    assert client.browse("GET", "/nowhere").status == 404
    answer = client.call("GET", "/v1/echo")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_every_answer_has_the_security_headers(client: Client) -> None:
    answers = [
        client.browse("GET", "/page"),
        client.browse("GET", "/nowhere"),
        client.call("GET", "/v1/raise/bug"),
        echo(client, "{}"),
        echo(client, "{"),
        client.send(event("POST", "/v1/echo", "x", is_base64=True)),
    ]
    for answer in answers:
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy


@pytest.mark.spec("M-8")
def test_no_page_is_framed_by_a_browser_that_reads_only_the_older_header(client: Client) -> None:
    for address in ("/page", "/nowhere", "/page/raise/bug"):
        answer = client.browse("GET", address)
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("text", ["sub_1A-b.C:9", "x" * LONGEST_ID])
def test_an_id_has_letters_digits_and_a_few_signs(text: str) -> None:
    assert is_plain_id(text)


@pytest.mark.parametrize(
    "text", ["sub 1", "sub_1#2", "sub/1", "sub_1~2", "%23", "é", "\x00", "a\nb", "x" * 129]
)
def test_a_text_of_other_symbols_or_too_long_is_no_id(text: str) -> None:
    assert not is_plain_id(text)


def test_a_page_is_styled_by_its_own_nonce_only(client: Client) -> None:
    first, second = client.browse("GET", "/page"), client.browse("GET", "/page")
    nonces = [
        a.headers["content-security-policy"].split("'nonce-")[1][:-1] for a in (first, second)
    ]
    assert nonces[0] != nonces[1]
    assert f'<style nonce="{nonces[0]}">' in first.body
    assert "form-action 'self'" in first.headers["content-security-policy"]
    assert "script-src" not in first.headers["content-security-policy"]


texts = st.text(max_size=300)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(
    body=texts
    | documents.map(json.dumps)
    | st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode()),
    content_type=st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    )
    | st.text(max_size=30),
    address=st.sampled_from(["/v1/echo", "/form", "/v1/amount"]) | st.text(max_size=50),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", ""]),
    is_base64=st.booleans(),
)
def test_whatever_is_sent_gets_an_answer_and_never_an_error_of_ours(
    client: Client, body: str, content_type: str, address: str, method: str, is_base64: bool
) -> None:
    headers = {"content-type": content_type}
    answer = client.send(event(method, address, body, headers=headers, is_base64=is_base64))
    assert answer.status == 200 or 400 <= answer.status < 500, answer.body

"""Requests as handlers read them, from an API Gateway event (payload 2.0).

Nothing in them is trusted: bodies and query strings are read strictly, and a mistake in them is an
error of the family, never an exception of a parser.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from string import ascii_letters, digits
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from billing.kernel.countries import COUNTRIES
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.values import Value
from billing.web import multipart
from billing.web.multipart import MULTIPART
from billing.web.problems import Malformed, TooLarge, UnsupportedType

MAX_BODY_BYTES = 64 * 1024
MAX_FILE_BYTES = 1024 * 1024
"""The largest file of comma-separated values that one request sends."""
PICTURES = "/console/branding/logo"
"""The address of the one form with a picture in it."""
MAX_PICTURE_BYTES = 1024 * 1024 + 16 * 1024
"""A picture of the largest size, with the form around it."""
IMPORTS = frozenset({"/v1/imports", "/console/import"})
"""The addresses that take a file to import: its encoding is looked at later, in words."""
MAX_IMPORT_BYTES = 4 * 1024 * 1024 + 16 * 1024
"""The largest such file, with the form around it."""
MAX_DEPTH = 32
MAX_FIELDS = 100
MAX_DIGITS = 18

OUT_OF_BOUNDS: int = 10**MAX_DIGITS
"""The value of an integer with too many digits: every bound refuses it by its field's name."""

OWN_DOMAIN = "merchantsDomain"
"""The key of the merchant's domain in an event's context; only `web/custom_domains` sets it."""

COUNTRY_HEADER = "cloudfront-viewer-country"

LONGEST_ID = 128
ID_SYMBOLS = frozenset(ascii_letters + digits + "_.:-")

BYTE_FOR_BYTE = "latin-1"
"""The encoding in which the body of a form with a picture is text: each byte is a character."""

JSON = "application/json"
CSV = "text/csv"
FORM = "application/x-www-form-urlencoded"


class Request(Value):
    """One request; header names are lower case, `body` is text, a picture's too.

    `domain` is the merchant's own that it came by, None at the platform's (A-9).
    """

    id: str
    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: str
    ip: str
    domain: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Reads an event that `admitted` has let in."""
        context = event.get("requestContext") or {}
        http = context.get("http") or {}
        cookies = (cookie.partition("=") for cookie in event.get("cookies") or ())
        return cls(
            id=context.get("requestId") or "",
            method=http.get("method") or "",
            path=event.get("rawPath") or "",
            raw_query=event.get("rawQueryString") or "",
            headers={k.lower(): v for k, v in (event.get("headers") or {}).items()},
            cookies={name.strip(): value.strip() for name, _, value in cookies},
            body=event.get("body") or "",
            ip=http.get("sourceIp") or "",
            domain=context.get(OWN_DOMAIN),
        )

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def country(self) -> str | None:
        """Returns the country of the visitor's address, as the content network knows it."""
        country = self.headers.get(COUNTRY_HEADER, "").upper()
        return country if country in COUNTRIES else None

    @property
    def is_json(self) -> bool:
        return self.content_type == JSON

    @property
    def base_url(self) -> str:
        """Returns scheme and host of the request: ours, for API Gateway routes by the host."""
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://{self.headers.get('host', '')}"

    @property
    def is_secure(self) -> bool:
        """Tells whether it came by https, as everything behind API Gateway does."""
        return self.headers.get("x-forwarded-proto", "https") == "https"

    @property
    def wants_problem(self) -> bool:
        """Tells whether an error is answered as problem+json, not as a page."""
        accept = self.headers.get("accept", "")
        return (
            self.path.startswith("/v1/")
            or self.path.endswith(".json")
            or self.is_json
            or "json" in accept
        )

    def query(self) -> dict[str, str]:
        """Reads the query string, each name once."""
        return _pairs(self.raw_query)

    def form(self) -> dict[str, str]:
        """Reads the fields of a form, each name once: urlencoded, or with a file where one is
        taken."""
        if self.content_type == MULTIPART and _takes_file(self.path):
            return multipart.fields(self.body, self.headers.get("content-type", ""))
        if self.content_type != FORM:
            raise UnsupportedType("content_type", accepted=FORM)
        return _pairs(self.body)

    def picture(self, name: str) -> bytes:
        """Reads the bytes of the picture in a form; empty where none was chosen."""
        # Only a form with a file came byte for byte: what else was typed may be in any script.
        encoding = BYTE_FOR_BYTE if self.content_type == MULTIPART else "utf-8"
        return self.form().get(name, "").encode(encoding)

    def file(self) -> bytes:
        """Returns the bytes of a file to import, which is the whole body."""
        return self.body.encode(BYTE_FOR_BYTE)

    def csv(self) -> str:
        """Reads the text of a file of comma-separated values."""
        if self.content_type != CSV:
            raise UnsupportedType("content_type", accepted=CSV)
        return self.body

    def json(self) -> Any:
        """Reads the JSON document of the body."""
        if not self.is_json:
            raise UnsupportedType("content_type", accepted=JSON)
        return read_json(self.body)


def plain_id(text: str) -> str:
    """Returns an id from an address; raises `NotFound` for one that cannot be an id."""
    if not is_plain_id(text):
        raise NotFound()
    return text


def is_plain_id(text: str) -> bool:
    """Tells whether it can be an id: no other text is looked up, as it can be no key."""
    return len(text) <= LONGEST_ID and set(text) <= ID_SYMBOLS


def plain_reference(text: str) -> str:
    """Returns ids and a key in one, as addresses in mails have them: `<id>~<id>~<key>`."""
    for part in text.split("~"):
        plain_id(part)
    return text


def admitted(event: Mapping[str, Any], *, most_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Returns the event with its body as text; raises on what no handler should see."""
    path = Request.of({**event, "body": ""}).path
    body = _body(event, path, most_bytes)
    request = Request.of({**event, "body": body})
    taken = _taken(request.path)
    if body and request.content_type not in taken:
        raise UnsupportedType("content_type", accepted=" or ".join(sorted(taken)))
    if body and request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedType("compressed")
    try:
        "\n".join((request.path, request.raw_query, body, *request.headers.values())).encode()
    except UnicodeError:
        raise Malformed("not_utf8") from None
    return {**event, "body": body, "isBase64Encoded": False}


def _body(event: Mapping[str, Any], path: str, most_bytes: int) -> str:
    """Returns the body as text, where bytes may be sent byte for byte."""
    if path == PICTURES:
        return _text(event, MAX_PICTURE_BYTES, BYTE_FOR_BYTE)
    if path in IMPORTS and Request.of({**event, "body": ""}).content_type in {CSV, MULTIPART}:
        return _text(event, MAX_IMPORT_BYTES, BYTE_FOR_BYTE)
    is_file = _taken(path) == {CSV} or _takes_file(path)
    return _text(event, MAX_FILE_BYTES if is_file else most_bytes)


def _taken(path: str) -> set[str]:
    if _takes_file(path):
        return {FORM, MULTIPART}
    if not path.startswith("/v1/"):
        return {JSON, FORM}
    if path in IMPORTS:
        return {CSV, JSON}
    return {CSV} if path.endswith(".csv") else {JSON}


def _takes_file(path: str) -> bool:
    """Tells whether a form that is sent there has a file in it."""
    if path == PICTURES or (path in IMPORTS and path.startswith("/console/")):
        return True
    return path.startswith("/console/") and path.endswith(".csv")


def _text(event: Mapping[str, Any], most_bytes: int, encoding: str = "utf-8") -> str:
    body = event.get("body") or ""
    try:
        raw = b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(raw) > most_bytes:
            raise TooLarge("too_large", most=most_bytes)
        return raw.decode(encoding)
    except ValueError:  # binascii.Error and UnicodeError are both one
        raise Malformed("not_utf8") from None


def read_json(text: str) -> Any:
    """Reads a JSON document strictly: no NaN, no name twice, no lone surrogate, no deep nesting."""
    if _depth(text) > MAX_DEPTH:
        raise Malformed("nested_too_deep", most=MAX_DEPTH)
    try:
        document = json.loads(
            text,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
        # A \ud800 without its other half is no text, and nothing later could write it.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Malformed(code="malformed_json") from None
    return document


def _depth(text: str) -> int:
    deepest = depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        return -OUT_OF_BOUNDS if digits.startswith("-") else OUT_OF_BOUNDS
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _constant(text)
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name appears twice")
    return document


def _pairs(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("malformed_form") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise Invalid("given_twice", field=name)
        fields[name] = value
    return fields

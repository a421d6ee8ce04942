"""The router answers as Powertools' resolver for HTTP APIs does, which it stands in for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.errors import NotFound, Refused
from billing.web.router import Answer, Router
from tests.depth import examples

PATHS = ["/a", "/a/b", "/<x>", "/<x>/b", "/a/<x>", "/<x>/c/<y>", "/<x>/<y>", "/v1/a.json"]
PIECES = [
    "a",
    "b",
    "c",
    "v1",
    "a.json",
    "a.b~c:d",
    "a b",
    "%2F",
    "é",
    "",
    "a\n",
    "#",
    '"',
    "?",
    "\\",
]
COOKIE = Cookie("s", "1", path="/a", http_only=True, same_site=SameSite.LAX_MODE, max_age=0)
LATER = Cookie("t", "2", expires=datetime(2026, 1, 2, tzinfo=UTC))


def built(app: Any, response: Any) -> Any:
    """Declares routes that answer with what they were given, each form of body once."""

    def declare(path: str, method: str) -> None:
        @app.route(path, method)
        def answer(**places: str) -> Any:
            if "é" in places.values():
                raise Refused("refund_window_over")
            if "c" in places.values():
                raise KeyError("c")
            body: str | bytes = f"{method} {path} {sorted(places.items())}"
            kind = "text/plain" if method == "GET" else None
            body = body.encode() if path == "/a/<x>" else body
            return response(201, kind, body, {"X-Path": path}, [COOKIE, LATER])

    for path in PATHS:
        for method in ("GET", "POST") if len(path) % 2 else ("GET", "PATCH"):
            declare(path, method)

    @app.exception_handler(Exception)
    def failed(error: Exception) -> Any:
        return response(500, None, type(error).__name__, {})

    @app.exception_handler(Refused)
    def refused(error: Exception) -> Any:
        return response(409, "application/json", "{}", {})

    return app


def missing(_: Any) -> Answer:
    return Answer(404, None, NotFound.__name__, {})


THEIRS = built(APIGatewayHttpResolver(debug=False), Response)
THEIRS.not_found(lambda error: Response(404, None, NotFound.__name__, {}))
OURS = built(Router(missing), Answer)


def event(method: str, path: str, stage: str) -> dict[str, Any]:
    return {
        "rawPath": path,
        "headers": {},
        "requestContext": {"stage": stage, "http": {"method": method, "path": path}},
    }


@settings(max_examples=examples(300))
@given(
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "get"]),
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), min_size=1, max_size=4),
    st.sampled_from(["$default", "prod"]),
)
def test_it_answers_as_powertools_does(method: str, pieces: list[str], stage: str) -> None:
    path = "/" + "/".join(pieces)
    asked = event(method, path if stage == "$default" else f"/{stage}{path}", stage)
    theirs, ours = THEIRS.resolve(asked, None), OURS.resolve(asked, None)
    if path.endswith("\n") or (".json" not in path and path.startswith("/v1/a")):
        return  # Theirs takes a newline for the end, and a dot for any character.
    assert ours == theirs


def test_a_request_within_a_request_leaves_the_outer_ones_event() -> None:
    app = Router(missing)

    @app.get("/outer")
    def outer() -> Answer:
        inside = app.resolve(event("GET", "/inner", "$default"), None)
        return Answer(200, None, f"{inside['body']} {app.path}", {})

    @app.get("/inner")
    def inner() -> Answer:
        return Answer(200, None, app.path, {})

    assert app.resolve(event("GET", "/outer", "$default"), None)["body"] == "/inner /outer"


def test_the_methods_of_a_path_are_known_for_what_has_no_route() -> None:
    allowed: list[str] = []
    app = Router(lambda router: allowed.extend(router.methods()) or Answer(405, None, "", {}))
    app.get("/a/<x>")(lambda x: Answer(200, None, "", {}))
    app.post("/a/<x>")(lambda x: Answer(200, None, "", {}))
    assert app.resolve(event("PATCH", "/a/1", "$default"), None)["statusCode"] == 405
    assert allowed == ["GET", "POST"]

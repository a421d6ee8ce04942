"""Answers over HTTP: the resolver that maps every error in one place, and the guard around it.

A handler module is `app = http.resolver()`, routes on it, and `http.guard` around the Lambda
handler; nothing that a stranger sends gets past the two as an exception.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from secrets import token_urlsafe  # noqa: TID251 - a nonce names nothing, and is never replayed
from threading import RLock
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.shared.cookies import Cookie

from billing.kernel.errors import NotFound
from billing.render.errors import error_text
from billing.runtime import telemetry
from billing.web import problems
from billing.web.request import Request, admitted

Answer = Response[Any]
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

_one_at_a_time = RLock()


class Resolver(APIGatewayHttpResolver):
    """Powertools' resolver, made safe for servers with threads: it keeps the event on a class.

    `place` is called first with an event: it maps addresses of a merchant's own domain (A-9).
    """

    place: Callable[[Mapping[str, Any]], Mapping[str, Any]] = staticmethod(lambda event: event)

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        placed = dict(self.place(event))
        with _one_at_a_time:
            return super().resolve(placed, context)


JSON = "application/json"
PROBLEM = "application/problem+json"

ALWAYS = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of every answer (RELIABILITY.md 4.2, 7)."""

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
PAGE = f"{NOTHING}; form-action 'self'; style-src 'nonce-%s'"


def json(body: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Builds a JSON answer, compact and in UTF-8."""
    return answer(status, JSON, dumps(body), headers or {})


def page(
    template: str,
    language: str = "en",
    *,
    status: int = 200,
    cookies: Sequence[Cookie] = (),
    sources: Sequence[str] = (),
    **values: Any,
) -> Answer:
    """Builds an HTML page that may load only `sources`, styled only by its own nonce."""
    # Imported here: Jinja adds 80 ms to a cold start, which JSON routes do not need.
    from billing.render import pages

    nonce = token_urlsafe(16)
    html = pages.page(template, language, nonce=nonce, **values)
    policy = "; ".join((PAGE, *sources)).replace("%s", nonce)
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "DENY"}
    return answer(status, "text/html; charset=utf-8", html, headers, cookies)


def redirect(location: str, *, cookies: Sequence[Cookie] = ()) -> Answer:
    """Builds a 303: the result is at `location`, to be fetched by GET."""
    return answer(303, None, "", {"Location": location}, cookies)


def file(content: bytes, name: str, content_type: str = "application/pdf") -> Answer:
    """Builds a document that the browser saves under `name`."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return answer(200, content_type, content, headers)


def dumps(body: Any) -> str:
    """Writes compact JSON text, as every answer and every stored answer is written."""
    return jsonlib.dumps(body, ensure_ascii=False, separators=(",", ":"))


def answer(
    status: int,
    content_type: str | None,
    body: str | bytes,
    headers: Mapping[str, str],
    cookies: Sequence[Cookie] = (),
) -> Answer:
    """Builds any answer, with the headers that all have."""
    everything = {"Content-Security-Policy": NOTHING, **ALWAYS, **headers}
    return Response(int(status), content_type, body, everything, list(cookies))


def resolver(
    language_of: Callable[[Request], str] = lambda _: "en",
    place: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    fail: Callable[[Exception, Request], Answer] | None = None,
) -> Resolver:
    """Builds a Powertools resolver that answers every error as a problem, or as a translated page.

    The page is in the visitor's language, or whatever `fail` makes of an error.
    """
    app = Resolver(debug=False)
    if place is not None:
        app.place = place

    def failed(error: Exception) -> Answer:
        request = Request.of(app.current_event)
        if fail is not None:
            return fail(error, request)
        return failure(error, request, language=language_of(request))

    def no_route(_: Exception) -> Answer:
        return failed(_unrouted(app))

    app.not_found(no_route)

    app.exception_handler(Exception)(failed)
    return app


def _unrouted(app: Resolver) -> Exception:
    # Powertools knows no 405, and has no public list of its routes.
    path = app.current_event.path
    routes = [*app._static_routes, *app._dynamic_routes]
    allowed = sorted({route.method for route in routes if route.rule.match(path)})
    return problems.MethodNotAllowed(allowed) if allowed else NotFound()


def failure(
    error: Exception,
    request: Request,
    template: str = "error.html",
    language: str = "en",
    **values: Any,
) -> Answer:
    """Answers an error, as problem+json or a page with the same words, and logs it."""
    status = problems.status_of(error)
    telemetry.failed(error, request.id, status=int(status))
    headers = problems.headers_of(error)
    body = problems.problem(error, request.id)
    if request.wants_problem:
        return answer(status, PROBLEM, dumps(body), headers)
    problem_body = {**body, "detail": error_text(error, language)}
    shown = page(template, language, status=status, problem=problem_body, **values)
    shown.headers.update(headers)
    return shown


def guarded_by(
    admit: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> Callable[[Handler], Handler]:
    """Wraps a Lambda handler: it gets the event that `admit` returns, and no exception escapes."""

    def around(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
            try:
                return handler(admit(event), context)
            except Exception as error:
                return event_answer(failure(error, Request.of(event)))

        return guarded

    return around


guard = guarded_by(admitted)
"""Guards the handlers for browsers and for the API: refuses what Powertools would trip over."""


def event_answer(given: Answer) -> dict[str, Any]:
    """Returns an answer as API Gateway takes it, for requests that never reached the resolver."""
    return {
        "statusCode": int(given.status_code),
        "headers": {name: str(value) for name, value in given.headers.items()},
        "cookies": [str(cookie) for cookie in given.cookies],
        "body": given.body,
        "isBase64Encoded": False,
    }

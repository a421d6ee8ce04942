"""Answers over HTTP: the resolver that maps every error in one place, and the guard around it.

A handler module is `app = http.resolver()`, routes on it, and `http.guard` around the Lambda
handler; nothing that a stranger sends gets past the two as an exception. The resolver answers every
error in the look of its own pages, also that of a request it does not let in.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from secrets import token_urlsafe  # noqa: TID251 - a nonce names nothing, and is never replayed
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import NotFound
from billing.render.errors import page_text
from billing.runtime import telemetry
from billing.web import dressing, problems, router
from billing.web.request import Request, admitted

if TYPE_CHECKING:
    from aws_lambda_powertools.shared.cookies import Cookie

Answer = router.Answer
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


class Resolver(router.Router):
    """A router that lets requests in; `fail` answers what is not let in, too."""

    def __init__(
        self,
        not_found: Callable[[router.Router], Answer],
        admit: Callable[[Mapping[str, Any]], dict[str, Any]],
        place: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        fail: Callable[[Exception, Request], Answer],
        dress: dressing.Finder,
    ) -> None:
        super().__init__(not_found)
        self.admit, self.place, self.fail, self.dress = admit, place, fail, dress

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        with dressing.by(self.dress):
            return self._resolve(event, context)

    def _resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        try:
            placed = self.place(self.admit(event))
        except Exception as error:
            with suppress(Exception):  # The first error is the one to show, wherever it came in.
                event = self.place(event)
            return self.fail(error, Request.of(event)).for_gateway()
        return super().resolve(placed, context)


JSON = "application/json"
XML = "application/xml"
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
OWN_IMAGES = "img-src 'self'"
"""The source of a page with its merchant's logo."""


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
    forms_to: Sequence[str] = (),
    **values: Any,
) -> Answer:
    """Builds an HTML page that may load only `sources`, styled only by its own nonce.

    Its forms are sent to us, and to the origins of `forms_to`.
    """
    # Imported here: Jinja adds 80 ms to a cold start, which JSON routes do not need.
    from billing.render import pages

    nonce = token_urlsafe(16)
    branded = dressing.of(values.get("merchant"))
    html = pages.page(template, language, nonce=nonce, branded=branded, **values)
    if branded is not None and branded.logo is not None:
        sources = (*sources, OWN_IMAGES)
    frame = PAGE.replace("form-action 'self'", " ".join(("form-action 'self'", *forms_to)))
    policy = "; ".join((frame, *sources)).replace("%s", nonce)
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "DENY"}
    return answer(status, "text/html; charset=utf-8", html, headers, cookies)


def redirect(location: str, *, cookies: Sequence[Cookie] = ()) -> Answer:
    """Builds a 303: the result is at `location`, to be fetched by GET."""
    return answer(303, None, "", {"Location": location}, cookies)


def file(content: bytes | str, name: str, content_type: str = "application/pdf") -> Answer:
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
    return Answer(int(status), content_type, body, everything, cookies)


def resolver(
    place: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    fail: Callable[[Exception, Request], Answer] | None = None,
    admit: Callable[[Mapping[str, Any]], dict[str, Any]] = admitted,
    dress: dressing.Finder = dressing.without,
) -> Resolver:
    """Builds the routes of a function: every error is answered as a problem, or as a page.

    The page is in the visitor's language, or whatever `fail` makes of an error. `admit` is called
    first with an event, and raises on what no handler should see; then `place`, which maps
    addresses of a merchant's own domain (A-9). `dress` finds the look of a page's merchant (M-11).
    """

    def failed(error: Exception) -> Answer:
        return app.fail(error, Request.of(app.current_event))

    app = Resolver(
        lambda routes: failed(_unrouted(routes)),
        admit,
        place or (lambda event: event),
        fail or failure,
        dress,
    )
    app.exception_handler(Exception)(failed)
    return app


def _unrouted(app: router.Router) -> Exception:
    allowed = app.methods()
    return problems.MethodNotAllowed(allowed) if allowed else NotFound()


def failure(
    error: Exception,
    request: Request,
    template: str = "error.html",
    language: str = "en",
    *,
    section: str = "",
    **values: Any,
) -> Answer:
    """Answers an error, as problem+json or a page with the same words, and logs it.

    `section` is where the catalog has the page's own words for some errors, if any.
    """
    status = problems.status_of(error)
    telemetry.failed(error, request.id, status=int(status))
    headers = problems.headers_of(error)
    body = problems.problem(error, request.id)
    if request.wants_problem:
        return answer(status, PROBLEM, dumps(body), headers)
    problem_body = {**body, "detail": page_text(error, language, section)}
    shown = page(template, language, status=status, problem=problem_body, **values)
    shown.headers.update(headers)
    return shown


def guard(handler: Handler) -> Handler:
    """Wraps a Lambda handler, so that no exception escapes where not even a resolver could be
    built or could answer."""

    @wraps(handler)
    def guarded(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except Exception as error:
            return failure(error, Request.of(event)).for_gateway()

    return guarded

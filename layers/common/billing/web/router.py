"""The routes of a function with an address: method and path to a handler, and errors to answers.

It does what we need of Powertools' resolver, whose import is a quarter of a page's cold start
(docs/decisions/2026-11-29-own-router.md). Paths have their places as `<name>`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any

from billing.kernel.values import Value

if TYPE_CHECKING:
    from aws_lambda_powertools.shared.cookies import Cookie

_PLACE = re.compile(r"<(\w+)>")
_SEGMENT = r"[-._~()'!*:@,;=+&$%<> \[\]{}|^\w]+"
"""The text of a place: all that API Gateway passes on in one segment, but no slash."""

_one_at_a_time = RLock()


class Answer:
    """An answer over HTTP; `content_type` is one of its headers."""

    def __init__(
        self,
        status_code: int,
        content_type: str | None,
        body: str | bytes,
        headers: Mapping[str, str],
        cookies: Sequence[Cookie] = (),
    ) -> None:
        self.status_code = status_code
        self.body = body
        self.headers = dict(headers)
        self.cookies = list(cookies)
        if content_type:
            self.headers.setdefault("Content-Type", content_type)

    def for_gateway(self) -> dict[str, Any]:
        """Returns the answer as API Gateway takes it (payload 2.0)."""
        encoded = isinstance(self.body, bytes)
        return {
            "statusCode": self.status_code,
            "headers": {name: str(value) for name, value in self.headers.items()},
            "cookies": [str(cookie) for cookie in self.cookies],
            "body": b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body,
            "isBase64Encoded": encoded,
        }


Handle = Callable[..., Answer]


class Route(Value):
    """A declared route; `rule` matches the addresses of its `path`."""

    method: str
    path: str
    rule: re.Pattern[str]
    handle: Handle

    @property
    def is_static(self) -> bool:
        return "<" not in self.path


class Router:
    """The routes of a function; where two match, one without places comes first."""

    def __init__(self, not_found: Callable[[Router], Answer]) -> None:
        self.routes: list[Route] = []
        self.current_event: Mapping[str, Any] = {}
        self.current_route: Route | None = None
        self._not_found = not_found
        self._failed: dict[type[Exception], Callable[[Any], Answer]] = {}

    def get(self, path: str) -> Callable[[Handle], Handle]:
        return self.route(path, "GET")

    def post(self, path: str) -> Callable[[Handle], Handle]:
        return self.route(path, "POST")

    def route(self, path: str, method: str) -> Callable[[Handle], Handle]:
        """Declares a route; the places of its path are the handler's arguments."""

        def declare(handle: Handle) -> Handle:
            self.routes.append(Route(method, path, _rule(path), handle))
            self.routes.sort(key=lambda each: not each.is_static)
            return handle

        return declare

    def exception_handler(self, kind: type[Exception]) -> Callable[[Handle], Handle]:
        """Declares what answers an error; the class that is nearest to it counts."""

        def declare(handle: Handle) -> Handle:
            self._failed[kind] = handle
            return handle

        return declare

    @property
    def path(self) -> str:
        """The path of the present request, without the API's stage."""
        stage, path = self.current_event["requestContext"]["stage"], self.current_event["rawPath"]
        return str(path if stage == "$default" else path[len(f"/{stage}") :])

    def methods(self) -> list[str]:
        """Returns the methods that the present path has routes for."""
        path = self.path
        return sorted({route.method for route in self.routes if route.rule.fullmatch(path)})

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answers an event. In a server with threads one request follows the other, as in Lambda;
        `context` is not read."""
        with _one_at_a_time:
            outer, self.current_event = (self.current_event, self.current_route), event
            try:
                return self._answer().for_gateway()
            finally:
                self.current_event, self.current_route = outer

    def _answer(self) -> Answer:
        method, path = self.current_event["requestContext"]["http"]["method"].upper(), self.path
        for route in self.routes:
            found = route.rule.fullmatch(path) if route.method == method else None
            if found:
                self.current_route = route
                try:
                    return route.handle(**found.groupdict())
                except Exception as error:
                    return self._handler_of(error)(error)
        return self._not_found(self)

    def _handler_of(self, error: Exception) -> Callable[[Any], Answer]:
        for kind in type(error).__mro__:
            if kind in self._failed:
                return self._failed[kind]
        raise error


def _rule(path: str) -> re.Pattern[str]:
    literals = _PLACE.split(path)
    parts = (
        f"(?P<{part}>{_SEGMENT})" if place % 2 else re.escape(part)
        for place, part in enumerate(literals)
    )
    return re.compile("".join(parts))

"""The /_dev calls: they exist only under `make run`, and template.yaml does not know them."""

import html
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from billing.kernel.values import Value
from dev import mailbox_page
from dev.clock import DevClock
from dev.durations import later
from dev.exchange import Request, Response, json_response
from dev.journey import Journey, Waiting, instant_text
from dev.mailbox import Mailbox
from dev.paypal.server import Loopback as PayPal
from dev.stripe import controls as stripe_controls
from dev.stripe.server import Loopback
from dev.worker import Worker

_FAULTS = ("timeout_before", "timeout_after", "unavailable")
_MOST_FAULTS = 10_000
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_PROBLEM = "application/problem+json"
_HTML = "text/html; charset=utf-8"

_CALLS = {
    "GET /_dev": "this page",
    "GET /_dev/clock": "the time",
    "POST /_dev/clock": 'move on: {"advance": "P31D"} or {"to": "2030-01-31T15:00:00Z"}',
    "GET /_dev/mail": "mail that went out, newest first",
    "GET /_dev/charges": "the gateways' own ledgers, sandbox, loopback Stripe and PayPal",
    "POST /_dev/faults": 'let gateway calls fail: {"gateway": "timeout_after", "next": 1}',
    "POST /_dev/operate": 'the operator\'s verbs: {"do": "pause", "reason": "a test"}',
    "GET /_dev/console": "the console, signed in",
    **stripe_controls.CALLS,
}


class _InvalidError(Exception):
    """A call whose body asks for something that cannot be done."""


class Controls(Value):
    clock: DevClock
    worker: Worker
    waiting: Waiting
    mailbox: Mailbox
    sandbox: Any
    stripe: Loopback
    paypal: PayPal
    console_link: Callable[[datetime], str]
    operate: Callable[[Mapping[str, Any]], Any] = lambda event: {}

    def answer(self, request: Request) -> Response:
        path = unquote(request.path).rstrip("/")
        if path.startswith("/_dev/mail/"):
            return self._raw_mail(path.removeprefix("/_dev/mail/"))
        calls = self._calls()
        if path not in calls:
            return _problem(404, "not_found", "There is no such /_dev call; see GET /_dev")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in calls[path]:
            return _problem(405, "method_not_allowed", f"{path} takes {', '.join(calls[path])}")
        try:
            return calls[path][method](request)
        except _InvalidError as error:
            return _problem(422, "invalid", str(error))

    def _calls(self) -> dict[str, dict[str, Callable[[Request], Response]]]:
        return {
            "/_dev": {"GET": _index},
            "/_dev/clock": {"GET": self._time, "POST": self._move},
            "/_dev/mail": {"GET": self._mail},
            "/_dev/charges": {"GET": self._charges},
            "/_dev/faults": {"POST": self._arm},
            "/_dev/operate": {"POST": self._operate},
            "/_dev/console": {"GET": self._console},
            **{call.split()[1]: {"POST": self._to_stripe} for call in stripe_controls.CALLS},
        }

    def _time(self, request: Request) -> Response:
        return json_response(200, {"now": instant_text(self.clock())})

    def _move(self, request: Request) -> Response:
        body = _body(request)
        # Behind whatever the worker is doing: the start is the time when it is done.
        with self.worker.lock:
            start = self.clock.hold()
            try:
                target = _target(body, start)
                journey = Journey(self.worker, self.clock, self.waiting)
                return json_response(200, journey.to(target))
            finally:
                self.clock.release()

    def _mail(self, request: Request) -> Response:
        mails = self.mailbox.newest_first()
        if not _from_browser(request):
            return json_response(200, {"data": mails})
        return Response(200, [("content-type", _HTML)], mailbox_page.page(mails))

    def _raw_mail(self, name: str) -> Response:
        message = self.mailbox.raw(name)
        if message is None:
            return _problem(404, "not_found", "There is no such mail")
        return Response(200, [("content-type", "message/rfc822")], message)

    def _charges(self, request: Request) -> Response:
        charges = [*self.sandbox.charges(), *self.stripe.charges(), *self.paypal.charges()]
        charges.sort(key=lambda c: (datetime.fromisoformat(c["at"]), c["id"]), reverse=True)
        return json_response(200, {"data": charges})

    def _to_stripe(self, request: Request) -> Response:
        name = request.path.rstrip("/").rpartition("/")[2]
        try:
            return json_response(200, stripe_controls.call(self.stripe, name, _body(request)))
        except ValueError as error:
            raise _InvalidError(str(error)) from error

    def _arm(self, request: Request) -> Response:
        body = _body(request)
        kind, count = body.get("gateway"), body.get("next")
        if set(body) != {"gateway", "next"} or kind not in _FAULTS:
            raise _InvalidError(f"gateway must be one of {', '.join(_FAULTS)}, and next a number")
        if type(count) is not int or not 0 <= count <= _MOST_FAULTS:
            raise _InvalidError(f"next must be an integer from 0 to {_MOST_FAULTS}")
        # The loopback takes its faults from the same place: whichever gateway is called next.
        self.sandbox.faults.arm(kind, count)
        return json_response(200, {"gateway": kind, "next": count})

    def _operate(self, request: Request) -> Response:
        return json_response(200, self.operate(_body(request)))

    def _console(self, request: Request) -> Response:
        return Response(303, [("location", self.console_link(self.clock()))], b"")


def _target(body: Mapping[str, Any], start: datetime) -> datetime:
    if len(body) != 1 or not isinstance(value := next(iter(body.values())), str):
        raise _InvalidError('give either {"advance": duration} or {"to": instant}')
    try:
        match next(iter(body)):
            case "advance":
                target = later(start, value)
            case "to":
                target = _instant(value)
            case other:
                raise _InvalidError(f"{other!r} is not known; give advance or to")
    except (ValueError, OverflowError) as error:
        raise _InvalidError(str(error)) from error
    if target < start:
        raise _InvalidError(f"to is in the past; it is {instant_text(start)}")
    if target > _LATEST:
        raise _InvalidError("that is beyond the year 2200")
    return target


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("to needs a zone: an instant such as 2030-01-31T15:00:00Z")
    return instant.astimezone(UTC)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _InvalidError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise _InvalidError("the body is not a JSON object")
    return body


def _index(request: Request) -> Response:
    if not _from_browser(request):
        return json_response(200, {"calls": _CALLS})
    rows = []
    for call, purpose in _CALLS.items():
        method, path = call.split()
        shown = f'<a href="{path}">{call}</a>' if method == "GET" else call
        rows.append(f"<dt>{shown}</dt><dd>{html.escape(purpose)}</dd>")
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>make run</title>'
        f"<h1>Calls that only make run has</h1><dl>{''.join(rows)}</dl></html>"
    )
    return Response(200, [("content-type", _HTML)], page.encode())


def _from_browser(request: Request) -> bool:
    accepted = next((v for name, v in request.headers if name.lower() == "accept"), "")
    return "text/html" in accepted


def _problem(status: int, code: str, detail: str) -> Response:
    content = {"type": "about:blank", "title": code, "status": status, "code": code}
    return json_response(status, content | {"detail": detail}, _PROBLEM)

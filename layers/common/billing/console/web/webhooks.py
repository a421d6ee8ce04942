"""Webhooks in the console: endpoints with their deliveries; a secret is shown once (M-4, M-5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.console.web.lists import listing
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.event_log.public_events import PublicType
from billing.kernel.errors import (
    Conflict,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unavailable,
    Uncertain,
)
from billing.kernel.lists import Page
from billing.web import http
from billing.web.inputs import WORDS, Cursor, Input, Key, filled_in, read
from billing.web.problems import errors_of
from billing.web.sessions import digest
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.endpoints import WebhookEndpoint
from billing.webhooks.flows import endpoints, resend
from billing.webhooks.urls import LONGEST

HERE = "/console/webhooks"
MADE = "console_webhook"
MADE_FOR = timedelta(hours=12)
"""The time for which a form that was sent already is known again: as long as a session."""

DONE = frozenset(
    {"changed", "tested", "resent", "replaying", "disabled", "enabled", "deleted", "rotated"}
)
ASKED = frozenset({"rotate", "delete", "disable", "replay"})
"""The acts that have a page before they are done."""

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
Types = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=WORDS)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=WORDS)]


class EndpointForm(Input):
    """A new endpoint, or a change of one; types are separated by spaces or commas, none is all."""

    url: Url
    name: Label = ""
    events: Types = ""
    attempt: Key = "none"

    @property
    def types(self) -> list[str]:
        return self.events.replace(",", " ").split() or ["*"]


class DeliveriesQuery(Input):
    """A page of an endpoint's deliveries, of one state or type."""

    state: DeliveryState | None = None
    type: Label | None = None
    cursor: Cursor | None = None


class ReplayForm(Input):
    """The local days whose events are sent again; both are included."""

    since: InstantOrDate
    until: InstantOrDate


class ResendForm(Input):
    """The delivery to send again."""

    delivery: Key


def endpoint_list(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    repeated: bool = False,
) -> http.Answer:
    """Lists the endpoints, oldest first, with the form of a new one."""
    return page(
        desk,
        "console/webhooks.html",
        status=422 if errors else 409 if repeated else 200,
        endpoints=endpoints.every(desk.ports, desk.session.merchant),
        form=typed or {},
        errors=errors or {},
        repeated=repeated,
        types=[each.value for each in PublicType],
        attempt=desk.ports.new_id("attempt"),
        done=_done(desk),
    )


def make(desk: Desk) -> http.Answer:
    """Makes an endpoint and shows its secret this once; the same form again makes no other."""
    typed = filled_in(desk.request.form())
    try:
        given = read(EndpointForm, typed)
        endpoints.check_url(desk.ports, given.url)
        endpoints.checked_types(given.types)
    except Invalid as error:
        return endpoint_list(desk, typed=typed, errors=_of_form(error))
    name = digest(f"{desk.merchant}:{given.attempt}")
    expires_at = desk.now + MADE_FOR
    if not desk.ports.ephemeral.put(MADE, name, "1", expires_at=expires_at, now=desk.now):
        return endpoint_list(desk, repeated=True)
    try:
        made, secret = endpoints.create(
            desk.ports,
            desk.session.merchant,
            url=given.url,
            events=given.types,
            name=given.name,
            now=desk.now,
        )
    except (Conflict, Refused, Unavailable) as error:
        if not isinstance(error, Uncertain):
            with suppress(Unavailable):
                desk.ports.ephemeral.take(MADE, name, now=desk.now)  # nothing was made by it
        if not isinstance(error, Refused):
            raise
        wrong = Invalid(error.reason, field="", **error.parameters)
        return endpoint_list(desk, typed=typed, errors={"": wrong})
    return page(desk, "console/webhook_made.html", endpoint=made, secret=secret)


def endpoint_page(
    desk: Desk,
    endpoint: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows one endpoint with its deliveries, and the form that changes it."""
    found = endpoints.one(desk.ports, desk.merchant, endpoint)

    def find(query: DeliveriesQuery) -> Page[Delivery]:
        return resend.page(
            desk.ports,
            desk.merchant,
            endpoint,
            kind=query.type,
            state=query.state,
            limit=PAGE_LENGTH,
            cursor=query.cursor,
        )

    listed = listing(desk, f"{HERE}/{endpoint}", DeliveriesQuery, find)
    return page(
        desk,
        "console/webhook.html",
        status=422 if errors or listed.wrong else 409 if stale else 200,
        endpoint=found,
        stale=stale,
        seen=_seen(found),
        listed=listed,
        states=[each.value for each in DeliveryState],
        form=typed or _form_of(found),
        errors=errors or {},
        done=_done(desk),
    )


def act_page(
    desk: Desk, endpoint: str, act: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Says what an act does, before it is done."""
    if act not in ASKED:
        raise NotFound()
    found = endpoints.one(desk.ports, desk.merchant, endpoint)
    return page(
        desk,
        "console/webhook_act.html",
        status=422 if errors else 200,
        endpoint=found,
        act=act,
        form=desk.request.form() if errors else {},
        errors=errors or {},
    )


def act(desk: Desk, endpoint: str, act: str) -> http.Answer:
    """Does something to an endpoint; what a rule forbids is said on its page."""
    doing = _ACTS.get(act)
    if doing is None:
        raise NotFound()
    try:
        return doing(desk, endpoint)
    except Invalid as error:
        errors = _of_form(error)
    except (Refused, TooMany) as error:
        errors = {"": Invalid(error.reason, field="", **error.parameters)}
    if act in ASKED:
        return act_page(desk, endpoint, act, errors=errors)
    typed = filled_in(desk.request.form()) if act == "change" else None
    return endpoint_page(desk, endpoint, typed=typed, errors=errors)


def _change(desk: Desk, endpoint: str) -> http.Answer:
    typed = filled_in(desk.request.form())
    if typed.pop("seen", "") != _seen(endpoints.one(desk.ports, desk.merchant, endpoint)):
        return endpoint_page(desk, endpoint, typed=typed, stale=True)
    given = read(EndpointForm, typed)
    endpoints.change(
        desk.ports,
        desk.merchant,
        endpoint,
        url=given.url,
        events=given.types,
        name=given.name,
        now=desk.now,
    )
    return _back(endpoint, "changed")


def _test(desk: Desk, endpoint: str) -> http.Answer:
    endpoints.test(desk.ports, desk.merchant, endpoint)
    return _back(endpoint, "tested")


def _resend(desk: Desk, endpoint: str) -> http.Answer:
    given = read(ResendForm, filled_in(desk.request.form()))
    resend.resend(desk.ports, desk.merchant, given.delivery)
    return _back(endpoint, "resent")


def _replay(desk: Desk, endpoint: str) -> http.Answer:
    given = read(ReplayForm, filled_in(desk.request.form()))
    zone = desk.session.merchant.settings.time_zone
    since, until = start_of(given.since, zone, "since"), end_of(given.until, zone, "until")
    resend.replay(desk.ports, desk.merchant, endpoint, since=since, until=until, now=desk.now)
    return _back(endpoint, "replaying")


def _rotate(desk: Desk, endpoint: str) -> http.Answer:
    after, secret = endpoints.rotate(desk.ports, desk.merchant, endpoint, now=desk.now)
    return page(desk, "console/webhook_made.html", endpoint=after, secret=secret)


def _disable(desk: Desk, endpoint: str) -> http.Answer:
    endpoints.change(desk.ports, desk.merchant, endpoint, enabled=False, now=desk.now)
    return _back(endpoint, "disabled")


def _enable(desk: Desk, endpoint: str) -> http.Answer:
    endpoints.change(desk.ports, desk.merchant, endpoint, enabled=True, now=desk.now)
    return _back(endpoint, "enabled")


def _delete(desk: Desk, endpoint: str) -> http.Answer:
    endpoints.delete(desk.ports, desk.merchant, endpoint)
    return http.redirect(f"{HERE}?done=deleted")


_ACTS: Mapping[str, Callable[[Desk, str], http.Answer]] = {
    "change": _change,
    "test": _test,
    "resend": _resend,
    "replay": _replay,
    "rotate": _rotate,
    "disable": _disable,
    "enable": _enable,
    "delete": _delete,
}


def _of_form(error: Invalid) -> Mapping[str, Invalid]:
    """Returns the errors by the fields of the forms: types are one field, `to` is the last day."""
    found = errors_of(error)
    return {
        {"to": "until"}.get(name, "events" if name.startswith("events[") else name): each
        for name, each in found.items()
    }


def _form_of(found: WebhookEndpoint) -> dict[str, str]:
    events = "" if "*" in found.events else " ".join(found.events)
    return {"url": found.url, "name": found.name or "", "events": events}


def _seen(found: WebhookEndpoint) -> str:
    """Returns a mark of an endpoint as a page showed it; after any change it is another."""
    return digest(repr((found.url, found.name, found.events)))[:16]


def _back(endpoint: str, what: str) -> http.Answer:
    return http.redirect(f"{HERE}/{endpoint}?done={what}")


def _done(desk: Desk) -> str | None:
    what = desk.request.query().get("done")
    return what if what in DONE else None

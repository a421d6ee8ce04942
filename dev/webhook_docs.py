"""Writes docs/webhooks.md: every event, when it is sent and what it shows, from the code.

    python -m dev.webhook_docs

A test holds the page to what this writes.
"""

from __future__ import annotations

import json
from pathlib import Path

from billing.event_log.public_events import About, PublicType
from billing.webhooks import event_texts
from billing.webhooks.deliveries import DELAYS, TEST
from billing.webhooks.web.documented import HEADERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "webhooks.md"

ENDPOINT = "webhook_endpoint"
"""The object of the event that tries an endpoint."""

EXAMPLE = {
    "id": "evt_17698716000000004d679f70",
    "type": "subscription.paused",
    "timestamp": "2026-01-31T15:00:00Z",
    "created_at": "2026-01-31T15:00:00Z",
    "api_version": "1",
    "sequence": 1769871600000000,
    "customer": "cus_1",
    "subscription": "sub_1",
    "invoice": None,
    "data": {"object": {"object": "subscription", "id": "sub_1", "state": "paused"}},
}

INTRODUCTION = """\
# Webhooks

We send an event to each of your endpoints when something happens, by
[Standard Webhooks 1.0.0](https://www.standardwebhooks.com): its libraries verify our requests.
Make an endpoint in the console under Webhooks, or with `POST /v1/webhook-endpoints`; its secret is
shown once.
`GET /v1/events` lists the same events, for programs that would rather ask.

An endpoint is an `https` address on port 443 with a public host name. Redirects are not followed.

## Receive

1. Verify the signature over the body as it came, before you read it. Refuse a timestamp that is
   more than five minutes off.
2. Answer 2xx within 15 seconds, and do the work afterwards.
3. Act on each `webhook-id` once: an event may come twice.
4. Events may come in any order. `sequence` orders those about one object: ignore an event whose
   number is lower than that of the last one you took.

| header | |
|---|---|
{headers}

```json
{example}
```

The body of an event is under 20 kB and names nobody: ids, states and amounts alone, and the
[reference and metadata](hand-off.md) that your link to the checkout had. An object that
would be larger is its id and `"shortened": true`.

## When a delivery fails

Only an answer of 2xx is a success. Anything else is tried again, {count} times in all:
at once, and then after {delays}, each a little later. `Retry-After` is honoured, up to a day.

After five failures in a row your endpoint is left alone for a while between attempts, and events
wait. Once it answers 2xx, all events that waited or were given up are sent, five a second. 410
disables an endpoint at once. One that does nothing but fail is disabled after five days; we mail
you before that. Enabling it again sends what waited; what happened meanwhile you can replay.

Deliveries are kept for 90 days. You can send one again, or all events of a time
(`POST /v1/webhook-endpoints/{{id}}/replay`): the types that the endpoint is for,
or those that you name; they keep their ids.

Rotating a secret lets the one before sign too for 24 hours: both signatures are in the header.

`python -m dev.webhook_docs` writes this page from the code.
"""


def written() -> str:
    """Returns the page."""
    count = len(DELAYS) + 1
    introduction = INTRODUCTION.format(
        headers="\n".join(f"| `{name}` | {words} |" for name, words in HEADERS),
        example=json.dumps(EXAMPLE, indent=2),
        count=count,
        delays=", ".join(map(_span, DELAYS[:-1])) + f" and {_span(DELAYS[-1])}",
    )
    return "\n".join((introduction, _events(), _objects(), _flows()))


def _span(delay: object) -> str:
    seconds = int(getattr(delay, "total_seconds")())  # noqa: B009
    for size, name in ((3600, "hours"), (60, "minutes"), (1, "seconds")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    raise AssertionError("a delay is some seconds at least")


def _events() -> str:
    rows = [
        f"| `{kind.value}` | {event_texts.WHEN[kind]} | {event_texts.ABOUT[kind].value} |"
        for kind in PublicType
    ]
    rows.append(f"| `{TEST}` | {event_texts.WHEN_TESTED} | {ENDPOINT} |")
    return "\n".join(("## Events\n", "| type | when | object |", "|---|---|---|", *rows)) + "\n"


def _objects() -> str:
    rows = [f"| {about.value} | {event_texts.OBJECTS[about]} |" for about in About]
    rows.append(f"| {ENDPOINT} | {event_texts.TESTED} |")
    return "\n".join(("## Objects\n", "| object | |", "|---|---|", *rows)) + "\n"


def _flows() -> str:
    rows = [
        f"| {flow} | {', '.join(f'`{kind.value}`' for kind in kinds)} |"
        for flow, kinds in event_texts.FLOWS.items()
    ]
    return (
        "\n".join(("## The order of events\n", "| what happens | events |", "|---|---|", *rows))
        + "\n"
    )


def main() -> None:
    PAGE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()

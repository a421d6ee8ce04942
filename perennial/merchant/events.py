"""The commands of events: listen to them, try one, have them sent again."""

import json
import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from perennial.merchant import deliver, samples, saved
from perennial.merchant.terminal import Json, asking, get, read, segment, show_one
from perennial.operator.terminal import refused

To = Annotated[str, typer.Option(help="Address on this machine.")]
Type = Annotated[str | None, typer.Option("--type", help="Only events of this type.")]
_HERE = "http://127.0.0.1:8000/webhooks"


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (listen, trigger, replay):
        app.command()(command)


def listen(
    to: To = _HERE,
    kind: Type = None,
    after: Annotated[
        str | None, typer.Option(help="Id of an event to begin behind. Default: now.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many. Default: Ctrl-C stops.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Deliver new events to a program on this machine, signed as webhooks are.

    Events come about ten seconds after they happened.

    Example: perennial listen --to http://127.0.0.1:8000/webhooks
    """
    secret = _secret()
    with asking(None, type="--type", after="--after") as api:
        address = deliver.receiver(to)
        begin = after or deliver.newest(api, kind)
        print(f"Listening. The signing secret is {secret}", file=sys.stderr, flush=True)
        try:
            for number, event in enumerate(deliver.follow(api, begin, kind), 1):
                status = deliver.post(address, event, secret)
                shown = {"id": event["id"], "type": event["type"], "status": status}
                print(json.dumps(shown) if as_json else "  ".join(shown.values()), flush=True)
                if number == count:
                    return
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)


def trigger(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Type, such as payment.failed.")],
    to: To = _HERE,
    as_json: Json = False,
) -> None:
    """Deliver a sample event to a program on this machine, signed as `listen` signs.

    Its object is made up, and nothing happens at Perennial.

    Example: perennial trigger customer.access_changed --to http://127.0.0.1:8000/webhooks
    """
    secret = _secret()
    now = datetime.now(UTC)
    with asking() as api:
        address = deliver.receiver(to)
        document = get(api, "/v1/openapi.json")
        event_id = f"evt_sample_{secrets.token_hex(8)}"
        event = samples.event(document, kind, event_id=event_id, at=f"{now:%Y-%m-%dT%H:%M:%SZ}")
        status = deliver.post(address, event, secret)
    if as_json:
        print(json.dumps({"event": event, "status": status}))
    else:
        print(f"{event_id}  {kind}  {status}")
    if not status.isdigit():
        raise typer.Exit(1)


def replay(
    endpoint: Annotated[str, typer.Argument(help="Webhook endpoint id, as the console shows it.")],
    since: Annotated[str, typer.Option("--from", help="Instant, such as 2026-01-31T00:00:00Z.")],
    until: Annotated[str, typer.Option("--to", help="Instant, such as 2026-02-01T00:00:00Z.")],
    kinds: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type. May be given again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send the events of a time to a webhook endpoint again, five a second.

    Example: perennial replay whe_1 --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z
    """
    body = {"from": since, "to": until, **({"types": kinds} if kinds else {})}
    named = {"from": "--from", "to": "--to", "types": "--type", "path": "endpoint"}
    with asking(**named) as api:
        path = f"/v1/webhook-endpoints/{segment(endpoint, 'endpoint')}/replay"
        show_one(read(api.post(path, json=body)), as_json=as_json)


def _secret() -> str:
    try:
        login = saved.load()
    except saved.SavedError as error:
        raise refused(str(error)) from error
    return login.secret or saved.new("", "").secret

"""Assembles `make run`: the template's stack over the emulator, on the dev clock."""

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from billing.kernel.values import Value, replace
from dev import PLATFORM, provision, stack
from dev.clock import DevClock
from dev.controls import Controls
from dev.crash_gateway import MortalGateway, Mortality
from dev.due import DueRows
from dev.invoke import handler_of, invoke
from dev.mailbox import Mailbox, RecordingMailer
from dev.paypal import laptop as paypal_laptop
from dev.paypal.server import Loopback as PayPal
from dev.queues import QueueSource
from dev.server import Api
from dev.streams import StreamSource, leave_raw
from dev.stripe import laptop
from dev.stripe.server import Loopback
from dev.template import REGION, Template, load
from dev.worker import Source, Worker
from dev.workers import LocalWorkers

_SENDER = "billing@example.com"
_DEFAULTS = {
    "LIMITS": "off",
    "LOCAL_RECEIVERS": "on",
    "DIRECTORY_SECONDS": "0",
    # A developer's terminal wants what went wrong, not a line for each invocation.
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "SENDER": _SENDER,
    # No mail comes back here, so there is nothing to subscribe to.
    "MAIL_EVENTS": "",
}
# Where our own things are is not for the caller's environment to say.
_OURS = ("BUCKET_", "PUBLIC_URL", "QUEUE_", "TABLE_")


class House(Value):
    api: Api
    worker: Worker
    demo: Any
    stripe: Loopback
    paypal: PayPal


def build(template: Path, data: Path, endpoint: str, base_url: str) -> House:
    parameters = {
        "PublicUrl": base_url,
        "SenderAddress": _SENDER,
        "Platform": PLATFORM,
    }
    described = stack.read(Template(load(template), endpoint, parameters))
    _set_environment(described.environment, endpoint, base_url)
    os.environ["DATA"] = str(data)
    _set_import_path(template.parent, described.layer_paths)
    clock = DevClock(data / "clock.json")
    mailbox = Mailbox(data / "mail")
    provision.create_tables(boto3.client("dynamodb"), described.tables)
    provision.create_queues(boto3.client("sqs"), described.queues)
    provision.create_buckets(boto3.client("s3"), described.buckets)
    provision.verify_sender(boto3.client("sesv2"), os.environ["SENDER"])
    stripe, secrets = laptop.loopback(data, clock, base_url)
    _choose_stripe(stripe)
    paypal, paypal_keys = paypal_laptop.loopback(data, clock)
    os.environ["PAYPAL_API_BASE"] = paypal.base_url
    ports = _install_ports(clock, mailbox, _named(described, "DeliveriesFunction"))
    _import_all(described.functions)
    paypal_events = paypal_laptop.Webhooks(paypal, base_url)
    sources = [*_sources(described, clock, data), stripe.webhooks, paypal_events]
    worker = Worker(clock, invoke, described.schedules, sources, data / "ticks.json")
    stripe.service.faults, stripe.service.wake = _sandbox(ports).faults, worker.wake
    paypal.armed, paypal.wake = _sandbox(ports).faults.take, worker.wake
    demo = _demo(template)
    controls = Controls(
        clock=clock,
        worker=worker,
        waiting=DueRows(
            boto3.client("dynamodb"), described.tables, int(os.environ.get("SHARDS", "1"))
        ),
        mailbox=mailbox,
        sandbox=_sandbox(ports),
        stripe=stripe,
        paypal=paypal,
        console_link=lambda now: _console_link(demo, ports, base_url, now),
        operate=lambda event: invoke(_named(described, "OperatorFunction"), event),
    )
    return House(
        api=Api(described.routes, invoke, clock, controls.answer, worker.wake),
        worker=worker,
        demo=_open_demo(demo, ports, base_url, secrets, paypal_keys) if demo else None,
        stripe=stripe.start(),
        paypal=paypal.start(),
    )


def _set_environment(variables: Mapping[str, str], endpoint: str, base_url: str) -> None:
    """Points everything of AWS at the emulator, whatever account the caller is signed in to."""
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    if elsewhere:
        # DynamoDB Local, say; its streams are behind the same address.
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = elsewhere
        os.environ["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = elsewhere
    for name, value in {**variables, **_DEFAULTS}.items():
        if name.startswith(_OURS):
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)
    os.environ["PUBLIC_URL"] = base_url


def _set_import_path(root: Path, layers: tuple[str, ...]) -> None:
    """Makes a layer's content and the functions' folders importable, as in Lambda."""
    for path in (root, *(root / layer for layer in layers)):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))


def _import_all(functions: Iterable[stack.Function]) -> None:
    """Imports every function now rather than on the first request.

    A function that does not import fails alone, as in Lambda.
    """
    for function in functions:
        try:
            handler_of(function)
        except Exception:
            print(f"{function.logical_id} does not start:", file=sys.stderr)
            traceback.print_exc(file=sys.stderr)


def _install_ports(clock: DevClock, mailbox: Mailbox, webhooks: stack.Function) -> Any:
    wiring = importlib.import_module("billing.runtime.wiring")
    settings = importlib.import_module("billing.runtime.settings")
    connected = wiring.connect(settings.Settings.from_environ(os.environ), clock=clock)
    ports = replace(
        connected,
        mailer=RecordingMailer(connected.mailer, mailbox),
        webhook_workers=LocalWorkers(webhooks, invoke),
    )
    if die_at := os.environ.get("DIE_AT"):
        mortality, alive = Mortality(die_at), ports.gateway
        ports = replace(ports, gateway=lambda account: MortalGateway(alive(account), mortality))
    wiring.install(ports)
    return ports


def _sandbox(ports: Any) -> Any:
    from billing.kernel.gateways import SANDBOX, AccountRef

    return ports.gateway(AccountRef("", SANDBOX, SANDBOX))


def _sources(described: stack.Stack, clock: DevClock, data: Path) -> list[Source]:
    dynamodb, streams = boto3.client("dynamodb"), leave_raw(boto3.client("dynamodbstreams"))
    sources: list[Source] = [
        QueueSource(mapping, boto3.client("sqs"), clock, invoke)
        for mapping in described.queue_mappings
    ]
    for mapping in described.stream_mappings:
        table = dynamodb.describe_table(TableName=mapping.table)["Table"]
        positions = data / f"stream-{mapping.function.logical_id}.json"
        arn = table["LatestStreamArn"]
        sources.append(StreamSource(mapping, arn, streams, clock, invoke, positions))
    return sources


def _named(described: stack.Stack, logical_id: str) -> stack.Function:
    (found,) = (f for f in described.functions if f.logical_id == logical_id)
    return found


def _demo(template: Path) -> Any:
    """Returns the demo merchant's module; another stack than the product's runs without one."""
    ours = Path(__file__).resolve().parent.parent / "template.yaml"
    return importlib.import_module("dev.demo") if template.resolve() == ours else None


def _choose_stripe(loopback: Loopback) -> None:
    """Chooses the loopback Stripe, unless somebody's own test key asks for Stripe itself."""
    os.environ.pop("STRIPE_API_BASE", None)
    if not os.environ.get("STRIPE_KEY"):
        os.environ["STRIPE_API_BASE"] = loopback.url


def _open_demo(
    demo: Any, ports: Any, base_url: str, secrets: dict[str, Any], paypal_keys: dict[str, Any]
) -> Any:
    """Creates the demo merchant, selling at Stripe on the loopback, or where SELL_AT says."""
    keys = importlib.import_module("dev.merchant_keys")
    account = keys.on_loopback(demo.MERCHANT, laptop.ACCOUNT, secrets)
    if given := os.environ.get("STRIPE_KEY"):
        account = keys.own_stripe(demo.MERCHANT, given)
    elif os.environ.get("SELL_AT") == "sandbox":
        account = None
    garden = keys.at_paypal(demo.GARDEN, f"{paypal_laptop.ACCOUNT}_test", paypal_keys)
    return demo.ensure(ports, base_url=base_url, account=account, paypal=garden)


def _console_link(demo: Any, ports: Any, base_url: str, now: datetime) -> str:
    return str(demo.console_link(ports, base_url, now)) if demo else f"{base_url}/console"

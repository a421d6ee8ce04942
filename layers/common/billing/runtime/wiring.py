"""The composition root: builds the object graph once, on the first event."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from billing.kernel.audit import Audit
from billing.kernel.ephemeral import Ephemeral
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import NO_KEY_STORE, GatewaySetup, Keys, KeyStore, no_setup
from billing.kernel.gateways import AccountRef
from billing.kernel.import_presets import FilePreset
from billing.kernel.lanes import Each, Lanes
from billing.kernel.live_sources import LiveSource, no_source
from billing.kernel.objects import Objects
from billing.kernel.operation import Operation
from billing.kernel.ports import Consumer, Mailer, Passwords, Ports, Queue
from billing.kernel.receivers import MasterKey, NoWorkers, Receivers, Workers, no_key, no_receiver
from billing.kernel.storage import Store
from billing.kernel.tax_ids import NO_REGISTER, TaxIdRegister
from billing.runtime.ids import new_id
from billing.runtime.lazy import Lazy
from billing.runtime.pace import Pace
from billing.runtime.settings import Settings
from billing.runtime.threads import here, in_threads

T = TypeVar("T")
R = TypeVar("R")

CALLS_AT_ONCE = 8
CALLS_IN_FLIGHT = 64
"""The most calls under way at a pace: enough for a gateway of 25/s that answers in over a
second."""

_installed: Ports | None = None


def ports() -> Ports:
    """Returns the ports of this process; connected on first use."""
    global _installed
    if _installed is None:
        _installed = connect(Settings.from_environ())
    return _installed


def install(world: Ports | None) -> None:
    """Replaces the ports of this process, to run handlers outside Lambda."""
    global _installed
    _installed = world


def connect(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> Ports:
    """Returns the deployed ports: DynamoDB, S3, SQS, SES, and the registered gateways."""
    from billing.aws import s3_objects
    from billing.runtime import gateway_wiring, webhook_wiring
    from billing.storage import store
    from billing.storage.audit_rows import DynamoAudit
    from billing.storage.dynamo import chosen
    from billing.storage.dynamo.ephemeral import DynamoEphemeral

    clock = clock or _clock
    # Others compare what we sign with the real time, whatever `clock` is.
    calls = chosen.connect(settings.dynamodb_client, os.environ, entropy=os.urandom, clock=_clock)
    return assemble(
        settings.operation,
        clock=clock,
        store=store.on_dynamodb(settings.table_core, calls),
        ephemeral=DynamoEphemeral(settings.table_ephemeral, calls),
        audit=DynamoAudit(settings.table_audit, calls),
        objects=s3_objects.S3Objects(settings.bucket_objects, s3_objects.connect),
        gateways=gateway_wiring.openers(settings, clock, calls),
        queue=Lazy(lambda: _queue(settings)),
        jobs=Lazy(lambda: _jobs(settings)),
        mailer=Lazy(lambda: _mailer(settings)),
        each=at_pace(settings.calls_per_second) if settings.calls_per_second else side_by_side,
        lanes=TWO_LANES if settings.calls_per_second else Lanes(),
        tax_ids=Lazy(_vies),
        gateway_setup=gateway_wiring.setups(settings, clock),
        key_store=gateway_wiring.key_store(settings),
        receivers=webhook_wiring.receivers(settings, clock),
        webhook_workers=Lazy(lambda: webhook_wiring.workers(settings)),
        webhook_key=webhook_wiring.master_key(settings),
        source=gateway_wiring.sources(settings, clock, calls),
        wall_clock=_clock,
    )


def assemble(
    operation: Operation,
    *,
    clock: Callable[[], datetime],
    store: Store,
    ephemeral: Ephemeral,
    audit: Audit,
    objects: Objects,
    gateways: Mapping[str, Callable[[AccountRef], Gateway]],
    queue: Queue,
    jobs: Queue,
    mailer: Mailer,
    draw: Callable[[str], str] = new_id,
    passwords: Passwords | None = None,
    each: Each | None = None,
    lanes: Lanes | None = None,
    tax_ids: TaxIdRegister = NO_REGISTER,
    gateway_setup: Callable[[str, bool, Keys], GatewaySetup] = no_setup,
    key_store: KeyStore = NO_KEY_STORE,
    receivers: Receivers = no_receiver,
    webhook_workers: Workers | None = None,
    webhook_key: MasterKey = no_key,
    source: Callable[[AccountRef], LiveSource | None] = no_source,
    wall_clock: Callable[[], datetime] | None = None,
) -> Ports:
    """Builds the ports, deployed or in memory; `gateways` opens accounts, by the gateway's name."""

    def gateway(account: AccountRef) -> Gateway:
        if account.gateway not in gateways:
            raise NotFound(code="unknown_gateway", gateway=account.gateway)
        return gateways[account.gateway](account)

    return Ports(
        clock=clock,
        wall_clock=wall_clock or clock,
        new_id=draw,
        store=store,
        ephemeral=ephemeral,
        audit=audit,
        objects=objects,
        gateway=gateway,
        each=each or side_by_side,
        queue=queue,
        jobs=jobs,
        mailer=mailer,
        operation=operation,
        passwords=passwords or _passwords(),
        consumers=consumers,
        lanes=lanes or Lanes(),
        tax_ids=tax_ids,
        gateway_setup=gateway_setup,
        key_store=key_store,
        receivers=receivers,
        webhook_workers=webhook_workers or NoWorkers(),
        webhook_key=webhook_key,
        source=source,
        import_presets=_import_presets,
    )


def _import_presets() -> Mapping[str, FilePreset]:
    from billing.runtime import gateway_wiring

    return gateway_wiring.import_presets()


def consumers() -> Sequence[Consumer]:
    """Returns the consumers of the outbox; their modules are loaded with the first event."""
    from billing.runtime import handlers

    return handlers.CONSUMERS


def at_once(most: int) -> Each:
    """Returns an `Each` that makes calls in threads, so many at a time; a single call stays in its
    thread."""

    def each(call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]:
        if len(items) < 2:
            return one_by_one(call, items)
        with ThreadPoolExecutor(min(most, len(items))) as pool:
            return list(pool.map(here(partial(_attempt, call)), items))

    return each


side_by_side = at_once(CALLS_AT_ONCE)


def at_pace(calls_per_second: float) -> Each:
    """Returns an `Each` that makes calls in threads at a limited pace.

    No more calls begin in a second than a gateway takes, across all of this process.
    """
    pace = Pace(calls_per_second)

    def each(call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]:
        def begin(item: T) -> R | Unavailable:
            pace.wait()
            return _attempt(call, item)

        if not items:
            return []
        with ThreadPoolExecutor(min(CALLS_IN_FLIGHT, len(items))) as pool:
            return list(pool.map(here(begin), items))

    return each


TWO_LANES = Lanes(2, in_threads)


def one_by_one(call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]:
    """Makes calls one after the other; an outage is a result."""
    return [_attempt(call, item) for item in items]


def _attempt(call: Callable[[T], R], item: T) -> R | Unavailable:
    try:
        return call(item)
    except Unavailable as outage:
        return outage


def _clock() -> datetime:
    return datetime.now(UTC)


def _vies() -> TaxIdRegister:
    from billing.gateways import bounded_http
    from billing.registers import vies

    return vies.Vies(bounded_http.session(vies.SECONDS_MOST))


def _queue(settings: Settings) -> Queue:
    import boto3

    from billing.aws.sqs_queue import SqsQueue

    assert settings.queue_charge, "only functions with QUEUE_CHARGE put on the queue"
    return SqsQueue(settings.queue_charge, boto3.client("sqs"))


def _jobs(settings: Settings) -> Queue:
    import boto3

    from billing.aws.sqs_queue import SqsQueue

    assert settings.queue_jobs, "only functions with QUEUE_JOBS put on the queue"
    # A slice for each message, so that each has the whole time of an invocation.
    return SqsQueue(settings.queue_jobs, boto3.client("sqs"), per_message=1)


def _passwords() -> Passwords:
    from billing.runtime.passwords import Argon2Passwords

    return Argon2Passwords()


def _mailer(settings: Settings) -> Mailer:
    import boto3

    from billing.aws.ses_mailer import SesMailer

    return SesMailer(boto3.client("sesv2"), settings.mail_events)

"""Makes what outgoing webhooks need: who posts, who starts workers, what secrets are made of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache

from billing.kernel.receivers import MasterKey, Receivers, Workers
from billing.runtime.gateway_wiring import parameter_store
from billing.runtime.settings import Settings


def receivers(settings: Settings, clock: Callable[[], datetime]) -> Receivers:
    """Returns what posts to receivers; loaded with the first post."""

    @cache
    def guarded() -> Receivers:
        from billing.webhooks.flows.guarded_post import GuardedPost

        return GuardedPost(clock, time.monotonic, local=settings.operation.local_receivers)

    return lambda url, headers, body: guarded()(url, headers, body)


def workers(settings: Settings) -> Workers:
    """Returns what starts the workers that deliver."""
    import boto3

    from billing.aws.lambda_workers import LambdaWorkers

    assert settings.webhook_worker, "only functions with WEBHOOK_WORKER start workers"
    return LambdaWorkers(settings.webhook_worker, boto3.client("lambda"))


def master_key(settings: Settings) -> MasterKey:
    """Returns what reads the master key; the adapter is loaded with the first reading."""

    @cache
    def parameter() -> MasterKey:
        from billing.aws.master_key import ParameterMasterKey

        return ParameterMasterKey(settings.stage, parameter_store, os.urandom)

    def key(*, create: bool = False) -> bytes:
        return parameter()(create=create)

    return key

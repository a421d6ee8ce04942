"""The deployment's settings: the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from billing.kernel.operation import Operation
from billing.kernel.values import Value

API_BASE = "_API_BASE"
"""Suffix of the variables that name a gateway's stand-in, `<GATEWAY>_API_BASE`."""


UNPACED = 25
"""The calls of gateways that a worker makes in a second if nothing limits it: eight side by side,
each waiting for 0.3 seconds."""


class Settings(Value):
    """Names of the deployed resources (template.yaml, Globals) and how they are operated.

    `api_bases` are the addresses of stand-ins for gateways, by the gateway's name; `make run` alone
    gives them.
    """

    table_core: str
    table_ephemeral: str
    table_audit: str
    bucket_objects: str
    queue_charge: str | None
    queue_jobs: str | None
    mail_events: str | None
    webhook_worker: str | None
    stage: str
    api_bases: Mapping[str, str]
    operation: Operation
    calls_per_second: float = 0.0
    """The pace at which this process may call gateways; 0 means no limit."""

    dynamodb_client: str = "botocore"
    """The client of DynamoDB, `botocore` or `direct`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Reads the settings once, on the first event; a missing name is an error that names it."""
        pace = float(environ.get("GATEWAY_CALLS_PER_WORKER", "0"))
        # The sweep measures by the workers' pace, and has none itself.
        charged_at = float(environ.get("CALLS_OF_A_CHARGE_WORKER", pace))
        return cls(
            table_core=environ["TABLE_CORE"],
            table_ephemeral=environ["TABLE_EPHEMERAL"],
            table_audit=environ["TABLE_AUDIT"],
            bucket_objects=environ["BUCKET_OBJECTS"],
            queue_charge=environ.get("QUEUE_CHARGE") or None,
            queue_jobs=environ.get("QUEUE_JOBS") or None,
            mail_events=environ.get("MAIL_EVENTS") or None,
            webhook_worker=environ.get("WEBHOOK_WORKER") or None,
            stage=environ.get("STAGE", "prod"),
            api_bases={
                name.removesuffix(API_BASE).lower(): address
                for name, address in environ.items()
                if name.endswith(API_BASE) and address
            },
            operation=Operation(
                public_url=environ.get("PUBLIC_URL", "").rstrip("/"),
                sender=environ.get("SENDER", "billing@example.com"),
                shards=int(environ.get("SHARDS", "4")),
                environment=environ.get("ENVIRONMENT") or "local",
                billing_paused=environ.get("BILLING_PAUSED", "false").lower() == "true",
                platform=environ.get("PLATFORM", ""),
                limits=environ.get("LIMITS", "on").lower() != "off",
                trusted_proxies=int(environ.get("TRUSTED_PROXIES", "0")),
                directory_seconds=int(environ.get("DIRECTORY_SECONDS", "60")),
                gateway_calls_per_second=max(1, int(charged_at)) if charged_at else UNPACED,
                charge_workers=int(environ.get("CHARGE_WORKERS", "1")),
                local_receivers=environ.get("LOCAL_RECEIVERS", "off").lower() == "on",
            ),
            calls_per_second=pace,
            dynamodb_client=environ.get("DYNAMODB_CLIENT") or "botocore",
        )

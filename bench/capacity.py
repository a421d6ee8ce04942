"""The renewals a second that each setting of a deployment takes, from counted units and times.

`python -m bench.capacity` prints them for the template's defaults and for the parameters of
`samconfig.toml`'s environment `busy`; `tests/test_limits.py` holds docs/limits.md to them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bench import engine
from bench.units import MeteredItems, changed_places, units_of
from billing.aws.sqs_queue import LEASES_PER_MESSAGE
from billing.invoices.flows import documents
from billing.kernel.merchants import Merchant
from billing.kernel.operation import CALLS_PER_RENEWAL
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Transaction
from billing.outbox.flows import deliver
from billing.rebill.flows import sweep
from billing.runtime import settings, wiring
from billing.storage.due_keys import due_shard
from billing.storage.entity_keys import keys_of
from billing.storage.store import ItemStore

ROOT = Path(__file__).parents[1]
TEMPLATE, CONFIG = ROOT / "template.yaml", ROOT / "samconfig.toml"

PARTITION_UNITS = 1_000
"""Write units a second of one partition key: DynamoDB's limit."""

GATEWAY_SECONDS = 0.3
"""A gateway's answer, as assumed everywhere here."""

WRITE_SECONDS = 0.06
"""A write of a hundred items, as assumed: DynamoDB says no figure."""

SEND_SECONDS = 0.02
"""A call that sends ten messages, as assumed."""

LEASE_CPU_SECONDS = 0.13e-3
CHARGE_CPU_SECONDS = 2.5e-3
"""A claim's share of a write of a hundred, and a renewal over botocore (bench/README.md)."""

PROCESSOR = 1024 / 1769
"""The share of a processor of a function of 1,024 MB."""

SWEEP_SECONDS = 35
"""The time of a sweep of 50 seconds, less what it keeps to finish."""


def shared_units() -> Counter[str]:
    """Counts the write units of a renewal and its mail, by the partition that they go to.

    A customer's own partition is `own`, and those of ids, which are one item each.
    """
    items, world = _Shared(), engine.world_of(0, gateway_calls_per_second=25)
    world.store = ItemStore(items)
    world.ports = replace(world.ports, store=world.store)
    mine, bill_to = engine.copies(world.ports, 1)
    world.store.commit(Insert(world.merchant), Insert(mine), Insert(bill_to))
    items.spent.clear()
    assert engine.renew(world)["paid"] == 1
    numbering = Consumer("mail", frozenset(EventKind), _number)
    told = replace(world.ports, consumers=lambda: (numbering,))
    assert deliver.sweep(told, now=world.now + timedelta(minutes=3)) == {"told": 1}
    return items.spent


def _number(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Does what a mail writes: the number of its invoice, and the document."""
    documents.numbered(ports, merchant, event.customer, str(event.invoice))


class _Shared(MeteredItems):
    """Items in memory that count write units by partition."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: Counter[str] = Counter()

    def move_due_date(self, due: Due, until: datetime) -> bool:
        moved = super().move_due_date(due, until)
        self.spent[_kind(due_shard(due.kind, 0))] += 2 * moved
        self.spent["table"] += 2 * moved
        return moved

    def write(self, transaction: Transaction) -> None:
        super().write(transaction)
        for key, write, written in zip(
            keys_of(transaction), transaction, units_of(transaction), strict=True
        ):
            self.spent["table"] += written.table_units
            self.spent[_kind(key.pk)] += written.table_units
            self.spent.update(_kind(place.pk) for place in changed_places(write))


def _kind(pk: str) -> str:
    """Returns what a partition is shared by: a shard, a merchant's month, a merchant, nobody."""
    if pk.startswith("OB#"):
        return "outbox shard"
    if pk.startswith("DUE#"):
        return "due shard"
    if "#L#ORDER#" in pk:
        return "orders of a month"
    return "merchant" if re.fullmatch(r"M#[^#]+", pk) else "own"


def renewals_per_second(parameters: Mapping[str, float]) -> dict[str, float]:
    """Returns what each limit of a deployment takes, for all merchants together."""
    units = shared_units()
    shards, workers = parameters["ShardCount"], parameters["ChargeConcurrency"]
    return {
        "ChargeConcurrency": workers * _of_a_worker(parameters["GatewayCallsPerWorker"]),
        "MaxTableUnits": parameters["MaxTableUnits"] / units["table"],
        "ShardCount, due index": shards * PARTITION_UNITS / units["due shard"],
        "ShardCount, outbox": shards * PARTITION_UNITS / units["outbox shard"],
        "the sweep": _of_the_sweep(),
    }


def _of_a_worker(pace: float) -> float:
    """Returns a worker's renewals a second: a batch through calls, writes and our own CPU."""
    batch = 10 * LEASES_PER_MESSAGE
    by_calls = CALLS_PER_RENEWAL * batch * GATEWAY_SECONDS / wiring.CALLS_AT_ONCE
    calls = CALLS_PER_RENEWAL * batch / pace if pace else by_calls
    cpu, writes = CHARGE_CPU_SECONDS * batch / PROCESSOR, 6 * WRITE_SECONDS
    return batch / (calls + cpu + writes)


def _of_the_sweep() -> float:
    """Returns the claims that a sweep makes in its time, over the minute until the next one."""
    a_call = sweep.IN_A_CALL
    writes = WRITE_SECONDS / a_call / wiring.CALLS_AT_ONCE
    sends = SEND_SECONDS / (10 * LEASES_PER_MESSAGE)
    each = LEASE_CPU_SECONDS / PROCESSOR + writes + sends
    return SWEEP_SECONDS / each / sweep.EVERY.total_seconds()


def defaults() -> dict[str, float]:
    """Returns the template's numeric parameters."""
    text = TEMPLATE.read_text("utf-8").partition("\nConditions:")[0]
    found = re.findall(r"\n  (\w+):\n    Type: Number\n    Default: (\d+)\n", text)
    return {name: float(value) for name, value in found}


def busy() -> dict[str, float]:
    """Returns the parameters of an installation for 1,000 renewals a second."""
    config = tomllib.loads(CONFIG.read_text("utf-8"))
    given = config["busy"]["deploy"]["parameters"]["parameter_overrides"]
    pairs = (each.split("=") for each in given.split())
    return {**defaults(), **{name: float(value) for name, value in pairs}}


def main() -> int:
    """Prints what each limit takes, by the defaults and by the parameters of `busy`."""
    for name, parameters in {"default": defaults(), "busy": busy()}.items():
        print(name, {k: round(v) for k, v in renewals_per_second(parameters).items()})
    print(dict(shared_units()), settings.UNPACED)
    return 0


if __name__ == "__main__":
    sys.exit(main())

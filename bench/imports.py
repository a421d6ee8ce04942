"""`python -m bench.imports [rows]`: an import of 100,000 rows through the slices of its job.

Files lie on disk and stored rows are only counted, as S3 and DynamoDB would have them outside of
the process: what is left is the memory of the function. By itself, no part of `make bench`.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from bench.units import units_of
from billing.jobs import jobs
from billing.jobs.jobs import STEPS_AT_ONCE
from billing.kernel.objects import ObjectKey, StoredObject
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write
from billing.migration.flows import precheck
from billing.migration.imports import Import, file_key
from billing.storage.memory.objects import MemoryObjects
from tests.migration.files import MONTHLY, ROW
from tests.world import World

MEMORY_MB = 1024
"""The memory of the function (template.yaml)."""


class DiskObjects(MemoryObjects):
    """Objects in a folder; `calls` counts requests."""

    def __init__(self, folder: Path, calls: Counter[str]) -> None:
        self._folder, self._calls = folder, calls

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        self._calls["PutObject"] += 1
        (self._folder / key.text.replace("/", "~")).write_bytes(content)
        return True

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        self._calls["GetObject"] += 1
        content = (self._folder / key.text.replace("/", "~")).read_bytes()
        return StoredObject(content, "text/csv")


def written(path: Path, rows: int) -> None:
    """Writes a file of that many different rows."""
    more = {"address_line1": "1 Long Street", "city": "Springfield", "postal_code": "12345"}
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join({**ROW, **more}) + "\n")
        for n in range(rows):
            row = {**ROW, **more, "external_id": f"sub_{n:024d}", "email": f"b{n}@example.com"}
            file.write(",".join(row.values()) + "\n")


def measure(rows: int) -> dict[str, Any]:
    """Returns the figures of one import."""
    world, calls, units = World(), Counter[str](), 0
    world.product(MONTHLY)
    with TemporaryDirectory() as folder:
        objects = DiskObjects(Path(folder), calls)
        asked = Import("imp_1", "acme", "canonical", "canonical", world.now, "upl_1")
        job = jobs.new("acme", asked.id, precheck.JOB, world.now)
        written(Path(folder) / file_key("acme", "upl_1").text.replace("/", "~"), rows)
        world.store.commit(Insert(asked))
        commit, claims = world.store.commit, world.store.import_claims

        def counted(*writes: Write) -> None:
            nonlocal units
            calls["TransactWriteItems"] += 1
            units += sum(each.units for each in units_of(writes))
            commit(*(each for each in writes if isinstance(each, Change)))

        def claimed(*arguments: Any) -> list[Any]:
            calls["BatchGetItem"] += 1
            return claims(*arguments)

        vars(world.store).update(commit=counted, import_claims=claimed)
        ports, slices = replace(world.ports, objects=objects), 0
        before, began = peak_mb(), process_time()
        while True:
            slices += 1
            done = 0
            steps = precheck.CHECK_FILE.steps(ports, job, now=world.now, keep_going=lambda: True)
            for step in steps:
                job, done = job.stepped(step), done + 1
                if done == STEPS_AT_ONCE:
                    break
            else:
                break
        seconds = process_time() - began
        precheck.CHECK_FILE.finish(ports, job, now=world.now, keep_going=lambda: True)
        found = world.store.import_("acme", asked.id)
    assert found is not None and (found.ok, found.checked) == (rows, rows), found
    requests = sum(calls.values())
    return {
        "rows": rows,
        "slices": slices,
        "cpu_seconds": round(seconds, 1),
        "cpu_us_per_row": round(seconds / rows * 1e6),
        "requests": dict(calls),
        "requests_per_1000_rows": round(requests / rows * 1000, 1),
        "write_units_per_row": round(units / rows, 2),
        "peak_mb": round(peak_mb()),
        "peak_mb_before": round(before),
        "memory_of_the_function_mb": MEMORY_MB,
    }


def peak_mb() -> float:
    """Returns the most memory that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), indent=1))

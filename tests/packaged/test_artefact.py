"""The packaged artefact works, not just the source tree: each built function answers its events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from billing.kernel.merchants import ApiKey
from billing.kernel.writes import Insert
from billing.runtime import wiring
from billing.runtime.settings import Settings
from dev import PLATFORM, demo, provision, stack
from dev.expand import ROOT
from dev.stack import Function, Stack
from dev.template import Template, load
from tests.packaged import building
from tests.packaged.runtime import MACHINE, Runtime, running
from tests.storage import emulators
from tests.test_events import EVENTS, EXPECTED

pytestmark = pytest.mark.slow

REGION = "us-east-1"
MOST_UNZIPPED_BYTES = 250 * 1024 * 1024
"""Lambda's limit for a function with its layers."""

MOST_LAYER_BYTES = 150 * 1024 * 1024
"""Our own limit for the layer: an update of typst or the fonts must not end at Lambda's."""

AARCH64 = 183
"""The machine type of arm64, at byte 18 of an ELF file."""


@pytest.fixture(scope="session")
def packaged() -> Path:
    return building.packaged()


@pytest.fixture(scope="session")
def runnable() -> Path:
    return building.runnable()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_function_with_its_layer_is_well_under_the_limit(packaged: Path) -> None:
    layer = size_of(packaged / "CommonLayer")
    assert layer < MOST_LAYER_BYTES
    functions = [path for path in packaged.iterdir() if path.name.endswith("Function")]
    assert functions
    for function in functions:
        assert layer + size_of(function) < MOST_UNZIPPED_BYTES * 0.9, function.name


def test_everything_compiled_in_the_layer_is_for_the_processor_that_is_deployed(
    packaged: Path,
) -> None:
    compiled = list((packaged / "CommonLayer").rglob("*.so"))
    assert compiled
    for path in compiled:
        assert path.read_bytes()[18] == AARCH64, path.name


def test_nothing_of_the_workshop_is_packaged(packaged: Path) -> None:
    for name in ("dev", "sim", "tests", "bench", "moto", "pytest", "boto3"):
        assert not list(packaged.glob(f"*/{name}")) + list(packaged.glob(f"*/python/{name}")), name


def test_nothing_is_left_to_compile_when_a_function_starts(packaged: Path) -> None:
    """Lambda keeps no bytecode for a layer, so what is not packaged is made at each start."""
    modules = [*packaged.glob("*/*.py"), *(packaged / "CommonLayer/python").rglob("*.py")]
    assert modules
    for path in modules:
        assert (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").exists(), path
    compiled = packaged / "CommonLayer/python/billing/render/compiled"
    assert list(compiled.glob("tmpl_*.py"))
    assert (compiled / "en.json").exists()


@pytest.fixture(scope="session")
def house() -> Iterator[tuple[Stack, dict[str, str]]]:
    """The stack's tables, queues and sender on an emulator, with the demo merchant."""
    program = emulators.ministack()
    assert program is not None, "make test-slow installs it"
    with emulators.running_ministack(program) as endpoint, pytest.MonkeyPatch.context() as patch:
        environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        parameters = {
            "PublicUrl": "https://pay.example.com",
            "SenderAddress": "b@example.com",
            "Platform": PLATFORM,
        }
        described = stack.read(Template(load(ROOT / "template.yaml"), endpoint, parameters))
        provision.create_tables(boto3.client("dynamodb"), described.tables)
        provision.create_queues(boto3.client("sqs"), described.queues)
        provision.create_buckets(boto3.client("s3"), described.buckets)
        provision.verify_sender(boto3.client("sesv2"), "b@example.com")
        environment |= described.environment | {"MAIL_EVENTS": ""}
        ports = wiring.connect(Settings.from_environ(environment))
        now = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
        ports.store.commit(*demo.merchant(now), *demo.catalog(now))
        ports.store.commit(*demo.platform(now))
        secret = "sk_00000000000000000000000000000001"
        ports.store.commit(Insert(ApiKey("key_1", demo.hash_of(secret), demo.MERCHANT, now)))
        yield described, environment


@pytest.fixture(scope="session")
def start(
    house: tuple[Stack, dict[str, str]], runnable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Function], Runtime]]:
    """Starts a built function once, and keeps it warm."""
    _, environment = house
    warm: dict[str, Runtime] = {}
    logs = tmp_path_factory.mktemp("runtime")
    with ExitStack() as running_ones:

        def started(function: Function) -> Runtime:
            name = function.logical_id
            if name not in warm:
                ours = {
                    "AWS_LAMBDA_FUNCTION_NAME": name,
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),
                }
                warm[name] = running_ones.enter_context(
                    running(
                        runnable / name,
                        runnable / "CommonLayer",
                        f"app.{function.attribute}",
                        {**environment, **ours},
                        logs / f"{name}.log",
                    )
                )
            return warm[name]

        yield started


def function_of(described: Stack, event: dict[str, Any]) -> Function:
    """The function that an event starts, by the template's own routes and mappings."""
    if "routeKey" in event:
        method, path = event["routeKey"].split()
        (found,) = {r.function for r in described.routes if (r.method, r.path) == (method, path)}
        return found
    if "do" in event:
        (found,) = (f for f in described.functions if f.logical_id == "OperatorFunction")
        return found
    if event.get("source") == "aws.ses":
        (found,) = (f for f in described.functions if f.logical_id == "ReturnedMailFunction")
        return found
    if event.get("source") == "aws.scheduler":
        name = event["resources"][0].rpartition("/")[2]
        (found,) = (s.function for s in described.schedules if s.name == name)
        return found
    asked = event["Records"][0]["eventSourceARN"].partition("/stream")[0].split("/")[-1]
    name = asked.rpartition(":")[2]
    takers = [m.function for m in described.queue_mappings if m.queue == name]
    takers += [m.function for m in described.stream_mappings if m.table == name]
    # Two read the stream; the figures' batches come in windows, and name their shard.
    (found,) = (
        each
        for each in takers
        if len(takers) == 1 or (each.logical_id == "FiguresFunction") is ("shardId" in event)
    )
    return found


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_a_built_function_answers_its_event(
    house: tuple[Stack, dict[str, str]], start: Callable[[Function], Runtime], name: str
) -> None:
    event = json.loads((EVENTS / f"{name}.json").read_text())
    answer = start(function_of(house[0], event)).invoke(event)
    assert "errorType" not in answer, answer
    if name in EXPECTED:
        assert answer["statusCode"] == EXPECTED[name], answer["body"]


@pytest.mark.skipif(MACHINE == "arm64", reason="here both are the same")
def test_both_builds_hold_the_same_code(packaged: Path, runnable: Path) -> None:
    for folder in ("CheckoutFunction", "CommonLayer/python/billing"):
        ours = {p.relative_to(packaged): p.read_bytes() for p in (packaged / folder).rglob("*.py")}
        theirs = {
            p.relative_to(runnable): p.read_bytes() for p in (runnable / folder).rglob("*.py")
        }
        assert ours == theirs

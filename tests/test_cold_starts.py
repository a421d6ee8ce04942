"""Until its first answer a function loads nothing that only tests or other clients need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import cold

ROOT = Path(__file__).parents[1]
ITEMS, PRICE_POINT = cold._items()
FIRSTS = cold._firsts(PRICE_POINT)
PROGRAM = """
import runpy, sys
sys.argv = ["cold_child", sys.argv[1]]
runpy.run_module("bench.cold_child", run_name="__main__")
print(*sys.modules)
"""

Loaded = Callable[[cold.First, str], set[str]]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    def of(first: cold.First, client: str) -> set[str]:
        (tmp_path / "items.json").write_text(json.dumps(ITEMS))
        (tmp_path / "event.json").write_text(json.dumps(first.event))
        done = subprocess.run(
            [sys.executable, "-B", "-c", PROGRAM, first.handler],
            env={
                **cold.ENVIRONMENT,
                "PYTHONPATH": f"{ROOT / 'layers/common'}:{ROOT}",
                "DYNAMODB_CLIENT": client,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return set(done.stdout.split())

    return of


@pytest.mark.parametrize("client", ["botocore", "direct"])
@pytest.mark.parametrize("first", FIRSTS, ids=lambda first: first.handler)
def test_no_function_loads_the_stores_of_tests(
    first: cold.First, client: str, loaded: Loaded
) -> None:
    assert not {name for name in loaded(first, client) if ".memory" in name}


def test_nothing_that_is_deployed_makes_a_store_in_memory() -> None:
    """For the handlers that are not started above: one function imports it, and no one calls it."""
    deployed = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    fakes = ROOT / "layers/common/billing/storage/memory"
    naming = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8").count("in_memory(")
        for path in deployed
        if fakes not in path.parents
        and re.search(r"storage\.memory|in_memory\(", path.read_text("utf-8"))
    }
    assert naming == {"layers/common/billing/storage/store.py": 1}, "its own definition"


@pytest.mark.parametrize("first", FIRSTS, ids=lambda first: first.handler)
def test_with_the_direct_client_no_function_loads_botocore_or_pynamodb(
    first: cold.First, loaded: Loaded
) -> None:
    """Powertools imports the bare package `botocore`, which is next to nothing, for its version."""
    assert not loaded(first, "direct") & {"boto3", "botocore.session", "pynamodb"}


@pytest.mark.parametrize(
    "first",
    [first for first in FIRSTS if first.handler != "merchant.handler"],  # its routes name shapes
    ids=lambda first: first.handler,
)
def test_pydantic_comes_with_the_first_body(first: cold.First, loaded: Loaded) -> None:
    assert "pydantic" not in loaded(first, "direct")


def test_who_only_looks_at_a_checkout_waits_for_nothing_that_buys(loaded: Loaded) -> None:
    (page,) = [first for first in FIRSTS if first.name == "checkout page"]
    buying = {"billing.checkout.flows.submit", "billing.checkout.checkout_steps"}
    assert not loaded(page, "direct") & buying

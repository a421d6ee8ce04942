"""The README's transcript, over the real stack that `make run` starts, killed and started again."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from datetime import datetime

import pytest

from tests.local_stack.laptop import ROOT, Laptop
from tests.local_stack.transcript import (
    SALE_AND_REBILL,
    a_purchase_and_a_month_later_its_rebill,
    what_happened,
)

pytestmark = pytest.mark.slow


@pytest.mark.spec("C-3", "R-1", "W-3")
def test_a_purchase_and_a_month_later_its_rebill(laptop: Laptop) -> None:
    a_purchase_and_a_month_later_its_rebill(laptop, "demo.library-1")


@pytest.mark.spec("P-12")
def test_a_move_of_a_month_has_the_rebill_in_it_though_the_month_is_as_long(
    laptop: Laptop,
) -> None:
    now = datetime.fromisoformat(laptop.get("/_dev/clock")["now"])
    laptop.post("/_dev/clock", {"to": f"{now.year + 1}-03-10T12:00:00Z"})
    laptop.buy("demo.library-1", "ann@example.com")
    laptop.post("/_dev/clock", {"advance": "P31D"})
    assert what_happened(laptop) == SALE_AND_REBILL


@pytest.mark.spec("R-1")
def test_nothing_is_lost_when_everything_of_ours_is_killed_or_stopped(laptop: Laptop) -> None:
    laptop.buy("demo.library-1", "ann@example.com")
    laptop.kill()
    laptop.start()
    laptop.post("/_dev/clock", {"advance": "P31D"})
    assert what_happened(laptop) == SALE_AND_REBILL
    now = laptop.get("/_dev/clock")["now"]
    laptop.interrupt()
    laptop.start()
    assert what_happened(laptop) == SALE_AND_REBILL
    assert laptop.get("/_dev/clock")["now"] > now
    assert len(laptop.get("/_dev/mail")["data"]) == 3
    assert stat.S_IMODE((laptop.data / "demo-api-key").stat().st_mode) == 0o600


@pytest.mark.spec("P-2", "P-14")
def test_the_demo_sells_by_every_type_of_price_point(laptop: Laptop) -> None:
    products = laptop.all("/v1/products")
    types = {point["type"] for product in products for point in product["price_points"]}
    assert len(products) == 6
    assert types == {"one_time", "recurring", "installment", "recurring_installment"}
    for number, product in enumerate(products):
        point = product["price_points"][0]["id"]
        status, answer = laptop.buy(point, f"buyer{number}@example.com")
        assert status == 201, answer
    tally = laptop.post("/_dev/clock", {"advance": "P31D"})["tally"]
    assert tally["RebillChargeFunction"]["paid"] >= 5


def test_the_readmes_transcript_works_as_it_is_printed(laptop: Laptop) -> None:
    (block,) = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    commands = re.findall(r"^\$ (curl .*?)(?=\n[^ ]|\Z)", block, re.M | re.S)
    assert len(commands) == 5
    answers = [json.loads(_typed(laptop, command)) for command in commands]
    bought, moved, orders, charges, mails = answers
    assert set(bought) == {"purchase", "orders", "subscription", "next_charge_at"}
    assert moved["now"] > moved["from"]
    assert [order["kind"] for order in orders["data"]] == ["rebill", "sale"]
    assert [charge["status"] for charge in charges["data"]] == ["succeeded", "succeeded"]
    assert len(mails["data"]) == 3


def _typed(laptop: Laptop, command: str) -> str:
    """A command's output, at this laptop's port and data."""
    here = command.replace("localhost:3000", f"localhost:{laptop.port}")
    here = here.replace(".perennial", str(laptop.data))
    done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=True)
    return done.stdout

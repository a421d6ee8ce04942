"""The way from the last release to this code, on the emulated AWS: deploy old, buy, deploy new.

    git worktree add /tmp/released <commit> && make -C /tmp/released build-here
    make build-here
    PYTHONPATH=layers/common:. .venv/bin/python -m tests.emulated.upgrade /tmp/released

A purchase of the old code is renewed by the new, and after a step back by the old again. It takes
some minutes and needs the released tree, so it is run by whoever makes a release.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import boto3

from tests.emulated.cloud import Deployed, deployed
from tests.emulated.test_transcript import A_MONTH_AGO, LIBRARY
from tests.local_stack.transcript import SALE_AND_REBILL, what_happened
from tests.packaged import building


def main(released: Path) -> int:
    """Prints each step as it is done; an assertion names the first that fails."""
    new, old = building.runnable(), released / ".aws-sam" / "here" / "build"
    with tempfile.TemporaryDirectory() as scratch, deployed(old, Path(scratch)) as stack:
        _done("the last release is deployed")
        subscription = _bought(stack)
        _done(f"{subscription} is bought there")
        stack.deploy(new)
        _done("this code is deployed over it")
        _renewed(stack, subscription)
        _done("what the old code sold is renewed, and the receipt is mailed")
        _lists_completed(stack, subscription)
        _done("lists say that they are incomplete, and are complete after the job")
        status, _ = stack.ask("POST", f"/v1/subscriptions/{subscription}/pause")
        assert status == 200
        _done("this code pauses it")
        stack.deploy(old)
        status, resumed = stack.ask("POST", f"/v1/subscriptions/{subscription}/resume")
        assert (status, resumed["state"]) == (200, "active"), resumed
        assert what_happened(stack) == SALE_AND_REBILL
        _done("after a step back the old code reads it and resumes it")
        stack.deploy(new)
        status, ended = stack.ask(
            "POST", f"/v1/subscriptions/{subscription}/cancel", {"when": "now"}
        )
        assert (status, ended["state"]) == (200, "cancelled"), ended
        _done("and this code ends it")
    return 0


def _bought(stack: Deployed) -> str:
    stack.switch(None, "DISABLED")
    stack.be_at(A_MONTH_AGO)
    boto3.client("sesv2").create_email_identity(EmailIdentity="billing@example.com")
    assert stack.operator("mail", "check") == 0
    stack.sets_up_a_merchant()
    status, product = stack.ask("POST", "/v1/products", LIBRARY)
    assert status == 201, product
    status, bought = stack.buy(product["price_points"][0]["id"], "ann@example.com")
    assert status == 201, bought
    stack.wait_for("the confirmation", lambda: len(stack.mails()) == 1)
    return str(bought["subscription"])


def _renewed(stack: Deployed, subscription: str) -> None:
    stack.switch(None, "DISABLED")
    stack.be_at(timedelta())
    stack.switch(["perennial-rebill-sweep"], "ENABLED")
    stack.wait_for("the rebill", lambda: len(stack.charges()) == 2)
    stack.wait_for("the receipt", lambda: len(stack.mails()) >= 2)
    assert what_happened(stack) == SALE_AND_REBILL
    it = stack.get(f"/v1/subscriptions/{subscription}")
    assert (it["state"], it["payments_made"]) == ("active", 2), it


def _lists_completed(stack: Deployed, subscription: str) -> None:
    page = stack.get("/v1/subscriptions?state=active")
    assert page["incomplete"] is True, page
    stack.switch(["perennial-account-sweep"], "ENABLED")
    assert stack.operator("jobs", "index-lists") == 0

    def complete() -> bool:
        page = stack.get("/v1/subscriptions?state=active")
        return "incomplete" not in page and [each["id"] for each in page["data"]] == [subscription]

    stack.wait_for("the job", complete)


def _done(step: str) -> None:
    sys.stdout.write(f"ok  {step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))

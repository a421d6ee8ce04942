"""Each function's role allows what it calls, and nothing else: none missing, none unused."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from dev import stack
from dev.expand import ROOT, expand
from dev.template import Template, load
from tests.template.stack import (
    Resources,
    as_list,
    functions,
    of_type,
    statements_of,
    target,
)

pytestmark = pytest.mark.slow

OF_LAMBDA = re.compile(
    r"(logs|xray):|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$"
    r"|sqs:(ReceiveMessage|DeleteMessage)$"
)
"""Calls of Lambda itself in the function's name: logs, traces, reading its queue or stream."""

ONE_CALL_ASKS_FOR_TWO = {"ses:SendRawEmail": "ses:SendEmail"}
"""SES asks for this one as well when a mail has an attachment."""

Calls = set[tuple[str, str]]

ASKED_BY_LAMBDA = {"RebillChargeFunction": {("sqs:GetQueueAttributes", "ChargeQueue")}}
"""Calls that Lambda makes in one function's name and another function makes itself."""

CANCEL_MEETS_CHARGE: Calls = {
    ("dynamodb:ConditionCheckItem", "CoreTable"),
    ("dynamodb:GetItem", "EphemeralTable"),
    ("dynamodb:PutItem", "EphemeralTable"),
    ("ssm:GetParameter", "parameter"),
}
OF_LOGOS: dict[str, Calls] = {
    "MerchantFunction": {("s3:GetObject", "ObjectsBucket/logos/*")},
    "JobsFunction": {("s3:DeleteObject", "ObjectsBucket/logos/*")},
}
"""The document of a branded seller that is drawn when the API asks for it, and the erasing of one:
their stories are told of the flows alone."""

ONLY_IN_A_RACE = {
    "ConsoleFunction": CANCEL_MEETS_CHARGE,
    "MerchantFunction": OF_LOGOS["MerchantFunction"],
    "JobsFunction": CANCEL_MEETS_CHARGE | OF_LOGOS["JobsFunction"],
    "HelpdeskSweepFunction": CANCEL_MEETS_CHARGE | {("dynamodb:Query", "CoreTable")},
}
"""Calls of `cancel/flows/cancel.py` where it meets a charge under way and asks the gateway: no
story tries that with this function."""


def record(folder: Path) -> Path:
    """Runs the fast tests, and returns the folder with the calls that they made."""
    done = subprocess.run(
        ["make", "test", f"RECORD={folder}", "ARGS=-q -p no:cacheprovider"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "PERENNIAL_TEST_DEEP"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Calls]:
    """Returns the calls of each handler while the suite ran, by its dotted name."""
    recorded = os.environ.get("RECORDED_CALLS")
    folder = Path(recorded) if recorded else record(tmp_path_factory.mktemp("privileges"))
    found: dict[str, Calls] = defaultdict(set)
    records = list(folder.glob("*.json"))
    assert records, f"no calls were recorded in {folder}"
    for path in records:
        for name, calls in json.loads(path.read_text()).items():
            found[name] |= {(action, resource) for action, resource in calls}
    return found


@pytest.fixture(scope="session")
def resources() -> Resources:
    return dict(expand()["Resources"])


def allowed(resources: Resources, function: str) -> Calls:
    """Returns the calls that a function's role allows its own code, by logical ids."""
    role = target(functions(resources)[function]["Role"])
    found: Calls = set()
    for statement in statements_of(resources, role):
        for action in as_list(statement["Action"]):
            if not OF_LAMBDA.match(action):
                for resource in as_list(statement["Resource"]):
                    found.add((action, name_of(resource)))
    return found


def name_of(resource: Any) -> str:
    if "Fn::Sub" not in resource:
        return target(resource)
    text = as_list(resource["Fn::Sub"])[0]
    if ":identity/" in text:
        return "identity"
    if ":configuration-set/" in text:
        return "configuration set"
    if ":function:" in text:
        return "deliveries"
    if ":parameter/" in text:
        return "parameter"
    text = text.replace("${CoreArn.Value}", "CoreTable")
    return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)


def on_failure(resources: Resources, function: str) -> Calls:
    """Returns the place to which Lambda sends failed events, in the function's name."""
    sources = [
        *of_type(resources, "AWS::Lambda::EventInvokeConfig").values(),
        *of_type(resources, "AWS::Lambda::EventSourceMapping").values(),
    ]
    return {
        ("sqs:SendMessage", target(source["DestinationConfig"]["OnFailure"]["Destination"]))
        for source in sources
        if target(source["FunctionName"]) == function and "DestinationConfig" in source
    }


GIVEN = {"PublicUrl": "https://pay.example.com", "SenderAddress": "billing@example.com"}
FUNCTIONS = stack.read(Template(load(ROOT / "template.yaml"), parameters=GIVEN)).functions


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.logical_id)
def test_a_role_allows_what_its_function_calls_and_nothing_else(
    made: dict[str, Calls], resources: Resources, function: stack.Function
) -> None:
    name = function.logical_id
    calls = made[f"{function.module}.{function.attribute}"] | on_failure(resources, name)
    may = allowed(resources, name)
    implied = {(also, r) for also, of in ONE_CALL_ASKS_FOR_TWO.items() for a, r in calls if a == of}
    assert not calls - may, f"{name} calls what it may not: {sorted(calls - may)}"
    not_seen = ONLY_IN_A_RACE.get(name, set()) | ASKED_BY_LAMBDA.get(name, set())
    unused = may - calls - implied - not_seen
    assert not unused, f"{name} may do what it never does: {sorted(unused)}"

"""Rows 15 to 17 of the operations checklist: quick, bounded in cost, and nothing unused."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from dev.expand import ROOT
from tests.template.stack import Resources, functions, of_type, routes, tables, target

STARTED_BY_HAND = {"OperatorFunction"}
"""Functions without a trigger: an operator invokes them."""


def test_row_15_functions_run_on_arm_with_memory_to_start_quickly(resources: Resources) -> None:
    for name, function in functions(resources).items():
        assert function["Architectures"] == ["arm64"], name
        assert function["Runtime"] == "python3.13", name
        assert function["MemorySize"] >= 512, name


def test_row_15_checkout_can_start_from_a_snapshot(source: dict[str, Any]) -> None:
    """Off by default: it costs money while idle, and nothing here does."""
    assert source["Parameters"]["SnapStart"]["Default"] == "None"
    for name in ("CheckoutFunction", "PortalFunction"):
        chosen = source["Resources"][name]["Properties"]["SnapStart"]["ApplyOn"]
        assert chosen == {"Ref": "SnapStart"}


def test_row_16_tables_cost_by_use_and_no_more_than_a_cap(resources: Resources) -> None:
    for name, table in tables(resources).items():
        assert table["BillingMode"] == "PAY_PER_REQUEST", name
        for place in (table, *table.get("GlobalSecondaryIndexes", [])):
            cap = place["OnDemandThroughput"]
            assert set(cap) == {"MaxReadRequestUnits", "MaxWriteRequestUnits"}, name


def test_row_16_there_is_a_budget(resources: Resources) -> None:
    (budget,) = of_type(resources, "AWS::Budgets::Budget").values()
    kinds = {n["Notification"]["NotificationType"] for n in budget["NotificationsWithSubscribers"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


def test_row_17_every_function_is_started_by_something(resources: Resources) -> None:
    started = {
        target(permission["FunctionName"])
        for permission in of_type(resources, "AWS::Lambda::Permission").values()
    }
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        started.add(target(mapping["FunctionName"]))
    for schedule in of_type(resources, "AWS::Scheduler::Schedule").values():
        started.add(target(schedule["Target"]["Arn"]))
    # By its name, which is in the environment of all, and in one policy.
    started.add("DeliveriesFunction")
    assert set(functions(resources)) - started == STARTED_BY_HAND & set(functions(resources))


def test_row_17_every_folder_of_functions_is_deployed(source: dict[str, Any]) -> None:
    deployed = {
        resource["Properties"]["CodeUri"].rstrip("/")
        for resource in source["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    folders = {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == deployed


def test_row_17_the_openapi_of_v1_is_behind_one_route(resources: Resources) -> None:
    """tests/api/test_openapi.py holds the description to the handlers."""
    assert "/v1/{proxy+}" in {path for path, _ in routes(resources)}


def test_row_17_every_http_event_file_takes_a_route_that_there_is(resources: Resources) -> None:
    there = {
        f"{method.removeprefix('x-amazon-apigateway-').removesuffix('-method').upper()} {path}"
        for path, method in routes(resources)
    }
    for file in (ROOT / "events").glob("*.json"):
        event = json.loads(file.read_text(encoding="utf-8"))
        if "routeKey" in event:
            assert event["routeKey"] in there, file.name
            assert event["requestContext"]["routeKey"] == event["routeKey"], file.name


def test_only_the_shared_layer_is_used(resources: Resources) -> None:
    (layer,) = (n for n, r in resources.items() if r["Type"] == "AWS::Lambda::LayerVersion")
    for function in functions(resources).values():
        assert [target(used) for used in function["Layers"]] == [layer]


def test_every_handler_exists(source: dict[str, Any]) -> None:
    missing = []
    for name, resource in source["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            module, handler = resource["Properties"]["Handler"].split(".")
            path = ROOT / resource["Properties"]["CodeUri"] / f"{module}.py"
            if not path.exists() or not re.search(
                rf"^(def {handler}\(|{handler}\b.*=)", path.read_text("utf-8"), re.MULTILINE
            ):
                missing.append(f"{name}: {path.relative_to(ROOT)} {handler}")
    assert not missing


def test_the_template_is_plain_yaml_without_anchors() -> None:
    """CloudFormation reads no anchors: a template that has them works only through SAM."""
    events = yaml.parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert not [event for event in events if getattr(event, "anchor", None)]

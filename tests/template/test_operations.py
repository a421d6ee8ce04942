"""Rows 1 to 4 and 18 of the operations checklist: what an operator sees."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.outbox.flows import age as outbox_age
from billing.outbox.flows import deliver
from billing.runtime import telemetry
from billing.runtime.telemetry import metric_name
from dev import stamp
from dev.expand import ROOT, expand
from tests.template.stack import (
    Resources,
    alarms,
    functions,
    metrics_of,
    of_type,
    queues,
    scheduled,
    statements,
    target,
)

NAMED_BY = {
    *("TableName", "QueueName", "TopicName", "LogGroupName"),
    *("FunctionName", "DomainName", "Name", "BucketName"),
}
STARTED_BY_HAND = {"OperatorFunction"}
"""Whoever invokes it sees that it failed."""
BEFORE_IT_RINGS = timedelta(minutes=10)
UNTRACED = "PassThrough"
RUN_BOOK = re.compile(r"Run book: \$\{Runbooks\}/([a-z-]+\.md)$")


def test_row_01_every_function_is_traced_and_logs_json_into_its_own_short_lived_group(
    resources: Resources,
) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    used = [target(f["LoggingConfig"]["LogGroup"]) for f in functions(resources).values()]
    assert len(set(used)) == len(used)
    assert set(used) <= set(groups)
    assert all(group["RetentionInDays"] <= 90 for group in groups.values())
    for name, function in functions(resources).items():
        assert function["LoggingConfig"]["LogFormat"] == "JSON", name
        # A tick that finds nothing is no request: its traces would cost 0.92 dollars a month.
        mode = UNTRACED if name in scheduled(resources) else "Active"
        assert function["TracingConfig"]["Mode"] == mode, name


def test_row_01_a_traced_function_may_send_its_traces(resources: Resources) -> None:
    may = {role for role, s in statements(resources) if "xray:PutTraceSegments" in s["Action"]}
    for name, function in functions(resources).items():
        assert target(function["Role"]) in may, name


def test_row_02_a_new_version_takes_over_slowly_and_goes_back_when_its_alarm_rings(
    resources: Resources,
) -> None:
    groups = of_type(resources, "AWS::CodeDeploy::DeploymentGroup")
    for name in functions(resources):
        alias = resources[f"{name}Aliaslive"]
        shift = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[target(shift["DeploymentGroupName"])]
        assert "AllAtOnce" not in json.dumps(group["DeploymentConfigName"]), name
        assert group["AutoRollbackConfiguration"]["Enabled"], name
        (alarm,) = group["AlarmConfiguration"]["Alarms"]
        assert name in STARTED_BY_HAND or target(alarm["Name"]) in rings_for(resources)[name], name


def rings_for(resources: Resources) -> dict[str, set[str]]:
    """The alarms that ring when a function fails, each within five minutes.

    An error behind the API is a 5XX. What nobody waits for is sent to dead letters. The rest is
    watched by its own errors, those of the alias that a deployment moves.
    """
    found: dict[str, set[str]] = defaultdict(set)
    of_queue = alarm_names(resources, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values():
        letters = target(config["DestinationConfig"]["OnFailure"]["Destination"])
        found[target(config["FunctionName"])] |= of_queue[letters]
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        if "OnFailure" in mapping.get("DestinationConfig", {}):  # a stream's batch, given up
            letters = target(mapping["DestinationConfig"]["OnFailure"]["Destination"])
            found[target(mapping["FunctionName"])] |= of_queue[letters]
    for permission in of_type(resources, "AWS::Lambda::Permission").values():
        if permission["Principal"] == "apigateway.amazonaws.com":
            found[target(permission["FunctionName"])].add("ApiServerErrorsAlarm")
    for function, rings in alarm_names(resources, "AWS/Lambda", "Errors").items():
        found[function] |= rings
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        for query in alarm.get("Metrics", []):
            metric = query.get("MetricStat", {}).get("Metric", {})
            if metric.get("MetricName") == "Errors":
                dimensions = {d["Name"]: d["Value"] for d in metric["Dimensions"]}
                function = dimensions["FunctionName"]["Ref"]
                assert dimensions["Resource"] == {"Fn::Sub": f"${{{function}}}:live"}
    return found


def alarm_names(resources: Resources, namespace: str, metric: str) -> dict[str, set[str]]:
    """Logical ids of the alarms on one metric, by what they watch."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        for found_namespace, found_metric, watched in metrics_of(alarm):
            if (found_namespace, found_metric) == (namespace, metric):
                found[watched].add(name)
    return found


def versions(resources: Resources) -> set[str]:
    """Logical ids of the functions' versions: another id is a new version, which goes live."""
    return {name for name, r in resources.items() if r["Type"] == "AWS::Lambda::Version"}


def test_row_02_a_change_of_the_layer_alone_is_a_new_version_of_every_function(
    resources: Resources,
) -> None:
    after = expand(code={"CommonLayer": "s3://bucket/another"})["Resources"]
    assert len(versions(resources)) == len(functions(resources))
    assert not versions(resources) & versions(after)


def test_row_02_a_change_of_one_function_is_a_new_version_of_it_alone(
    resources: Resources,
) -> None:
    after = expand(code={"CheckoutFunction": "s3://bucket/another"})["Resources"]
    (changed,) = versions(resources) - versions(after)
    assert changed.startswith("CheckoutFunction")


def test_row_02_a_change_of_a_parameter_alone_goes_live_by_the_stamp(
    resources: Resources, tmp_path: Path
) -> None:
    """SAM does not see it, so `make deploy` stamps what it deploys."""
    paused = expand(parameters={"BillingPaused": "true"})["Resources"]
    assert versions(paused) == versions(resources)
    template = tmp_path / "template.yaml"
    template.write_text(stamp.stamped((ROOT / "template.yaml").read_text(), "2026-01-31"))
    assert not versions(expand(template)["Resources"]) & versions(resources)


def test_a_template_without_a_place_for_the_stamp_is_refused() -> None:
    with pytest.raises(ValueError, match="0 lines"):
        stamp.stamped("Resources: {}", "2026-01-31")


def test_row_03_every_function_that_fails_rings(resources: Resources) -> None:
    assert set(functions(resources)) - set(rings_for(resources)) == STARTED_BY_HAND
    assert set(alarms(resources, "AWS/Lambda", "Throttles")) == {"account"}


def test_row_03_the_errors_of_what_moves_money_and_mail_are_watched_themselves(
    resources: Resources,
) -> None:
    """A sweep that fails leaves a letter at once."""
    assert set(alarms(resources, "AWS/Lambda", "Errors")) == {
        "RebillChargeFunction",
        "NotifyFunction",
        "JobsFunction",
    }


def test_row_03_an_alarm_rings_before_a_charge_times_out(resources: Resources) -> None:
    """A page that is slow shows in the API's latency; another sweep that times out has failed."""
    ((name, slow),) = alarms(resources, "AWS/Lambda", "Duration").items()
    assert name == "RebillChargeFunction"
    assert slow["ExtendedStatistic"] == "p99"
    assert slow["Threshold"] == functions(resources)[name]["Timeout"] * 1000 * 0.8


def test_row_03_every_dead_letter_queue_has_an_alarm(resources: Resources) -> None:
    watched = alarms(resources, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert set(watched) == {name for name in queues(resources) if "DeadL" in name}
    assert all(alarm["Threshold"] == 0 for alarm in watched.values())


def test_row_03_a_waiting_message_and_a_failing_api_have_alarms(resources: Resources) -> None:
    """A job that waits too long is due in the index for that time, and `Watch` counts it."""
    working = {name for name in queues(resources) if "DeadL" not in name} - {"JobsQueue"}
    assert set(alarms(resources, "AWS/SQS", "ApproximateAgeOfOldestMessage")) == working
    assert set(alarms(resources, "AWS/ApiGateway", "5xx")) == {"Api"}
    assert set(alarms(resources, "AWS/ApiGateway", "Latency")) == {"Api"}


def test_row_03_tables_that_refuse_or_fail_have_alarms(resources: Resources) -> None:
    """A refused read, and the other two tables, need no alarm: a refusal is a 5XX of the page that
    asked, or a failed sweep. Writes that conflict are made again; the dashboard counts them.
    """
    assert set(alarms(resources, "AWS/DynamoDB", "WriteThrottleEvents")) == {"CoreTable"}


def test_row_03_a_schedule_that_fails_and_a_sweep_that_stops_have_alarms(
    resources: Resources,
) -> None:
    """A schedule that cannot start its sweep leaves a letter (row 13), and letters ring."""
    assert "ScheduleDeadLetters" in alarms(
        resources, "AWS/SQS", "ApproximateNumberOfMessagesVisible"
    )
    (group,) = of_type(resources, "AWS::Scheduler::ScheduleGroup")
    ((_, together),) = alarms(resources, "AWS/Scheduler", "InvocationAttemptCount").items()
    assert together["Dimensions"][0]["Value"] == {"Ref": group}
    assert together["Period"] == BEFORE_IT_RINGS.total_seconds()
    ticks = [BEFORE_IT_RINGS / interval for interval in intervals(resources).values()]
    each_minute, others = ticks.count(10), sum(tick for tick in ticks if tick < 10)
    # At the edges of ten minutes each schedule has one tick more or less.
    assert 10 * (each_minute - 1) + (each_minute - 1) + math.ceil(others) <= together["Threshold"]
    assert together["Threshold"] <= 10 * each_minute - each_minute + math.floor(others)
    watch = alarms(resources, "AWS/Lambda", "Invocations")
    assert set(watch) == {"WatchFunction"}
    assert watch["WatchFunction"]["Period"] >= 2 * intervals(resources)["WatchFunction"].seconds
    for alarm in (together, *watch.values()):
        assert alarm["TreatMissingData"] == "breaching"


def intervals(resources: Resources) -> dict[str, timedelta]:
    """The time between two starts of each function that a schedule starts."""
    return {
        target(schedule["Target"]["Arn"]): timedelta(
            minutes=int(re.findall(r"rate\((\d+) minutes?\)", schedule["ScheduleExpression"])[0])
        )
        for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()
    }


def test_row_03_what_comes_every_minute_is_in_the_count_and_the_watch_sees_the_rest(
    resources: Resources,
) -> None:
    """The outbox's sweep, every five minutes, delivers what is late and reminds: both are counted
    by the watch."""
    slow = {name for name, each in intervals(resources).items() if each > timedelta(minutes=1)}
    assert slow == {"NotifySweepFunction", "WatchFunction"}


def test_row_03_the_outbox_rings_when_it_is_late(resources: Resources) -> None:
    age = of_type(resources, "AWS::CloudWatch::Alarm")["OutboxAgeAlarm"]
    assert (age["MetricName"], age["Statistic"]) == ("OutboxAgeSeconds", "Maximum")
    assert outbox_age.LATE_AFTER.total_seconds() <= age["Threshold"] <= 1800
    assert age["Threshold"] >= 3 * deliver.EVERY.total_seconds(), "one late sweep is no alarm"
    assert age["Period"] >= intervals(resources)["WatchFunction"].total_seconds()


def test_what_an_alarm_or_the_dashboard_watches_is_a_metric(
    resources: Resources, source: dict[str, Any]
) -> None:
    body = source["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = set(re.findall(r'"((?:Charge|Sweep|Missed|Outbox)[A-Z]\w+)"', body))
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        named |= {metric for name, metric, _ in metrics_of(alarm) if "Perennial" in str(name)}
    assert named <= telemetry.WATCHED


def test_row_03_what_our_own_alarms_and_the_dashboard_watch_is_counted(
    resources: Resources, source: dict[str, Any]
) -> None:
    """A misspelt metric is one that never rings: each is a sweep's prefix and a flow's count."""
    layer = ROOT / "layers/common/billing"
    handlers = "".join(path.read_text() for path in (ROOT / "functions").glob("*/app.py"))
    flows = "".join(path.read_text() for path in layer.glob("*/flows/*.py"))
    prefixes = [
        metric_name(prefix) for prefix in re.findall(r'telemetry\.tally\(\w+, "(\w+_)"', handlers)
    ]
    counted = {metric_name(word) for word in set(re.findall(r"\w+", flows)) if word == word.lower()}
    ours = {
        alarm["MetricName"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if "Perennial/" in str(alarm.get("Namespace"))
    }
    body = source["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    ours |= set(re.findall(r'"((?:Charge|Sweep|Missed|Outbox)[A-Z]\w+)"', body))
    assert len(ours) >= 10
    webs = "".join(path.read_text() for path in layer.glob("*/web/*.py")) + handlers
    ours |= set(re.findall(r'"(Webhook[A-Z]\w+)"', body))
    ours -= set(re.findall(r'telemetry\.count\("(\w+)"', webs))
    for name in ours:
        tails = {name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)}
        assert tails & counted, name


def test_row_04_there_is_one_dashboard_and_what_it_names_is_there(resources: Resources) -> None:
    (board,) = of_type(resources, "AWS::CloudWatch::Dashboard").values()
    text = board["DashboardBody"]["Fn::Sub"]
    named = {name.partition(".")[0] for name in re.findall(r"\$\{([A-Za-z.]+)\}", text)}
    assert named <= {*resources, "Stage"}
    body = json.loads(re.sub(r"\$\{[^}]+\}", "x", text))
    assert len({(w["x"], w["y"]) for w in body["widgets"]}) == len(body["widgets"])


def test_row_04_every_alarm_notifies_someone_and_names_a_run_book_that_is_there(
    resources: Resources,
) -> None:
    books = {path.name for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        assert [target(action) for action in alarm["AlarmActions"]] == ["AlarmTopic"], name
        found = RUN_BOOK.search(alarm["AlarmDescription"]["Fn::Sub"].strip())
        assert found, f"{name} names no run book"
        assert found[1] in books, f"{name} names {found[1]}"


def test_row_04_every_metric_of_ours_is_one_that_the_code_counts(resources: Resources) -> None:
    layer = (ROOT / "layers" / "common" / "billing").rglob("*.py")
    counted = "\n".join(path.read_text(encoding="utf-8") for path in layer)
    counted += "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "functions").glob("*/*.py"))
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        for namespace, metric, _ in metrics_of(alarm):
            if "Perennial" in str(namespace):
                if f'telemetry.count("{metric}"' in counted:
                    continue
                words = re.findall(r"[A-Z][a-z]+", metric)
                assert f'"{words[0].lower()}_"' in counted, f"{name}: {metric}"
                assert re.search(rf"\b{'_'.join(words[1:]).lower()}\b", counted), name


def test_row_18_the_stack_is_tagged_and_so_everything_in_it(source: dict[str, Any]) -> None:
    """CloudFormation puts a stack's tags on every resource that can have some."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    tags = dict(tag.split("=") for tag in config["default"]["deploy"]["parameters"]["tags"].split())
    assert set(tags) == {"service", "stage", "owner"}
    assert tags["stage"] == source["Parameters"]["Stage"]["Default"]


def test_what_holds_data_keeps_its_id_its_name_and_its_keys(resources: Resources) -> None:
    """Another logical id or name is another table, queue or address, and an empty one."""
    recorded = json.loads((Path(__file__).parent / "stateful.json").read_text("utf-8"))
    for name, kept in recorded.items():
        resource = resources[name]
        properties = resource.get("Properties", {})
        assert resource["Type"] == kept["type"], name
        for key in NAMED_BY & (set(kept) | set(properties)):
            assert properties.get(key) == kept.get(key), f"{name}: {key}"
        assert resource.get("DeletionPolicy") == kept.get("kept"), name
        if "key" in kept:
            assert attributes(properties) == kept["key"], name
            indexes = {
                index["IndexName"]: attributes(index)
                for index in properties.get("GlobalSecondaryIndexes", [])
            }
            assert indexes == kept["indexes"], name


def attributes(place: Mapping[str, Any]) -> list[str]:
    return [key["AttributeName"] for key in place["KeySchema"]]


def test_the_template_is_small_enough_to_be_read() -> None:
    """CloudFormation takes a megabyte; beyond this it is split into nested stacks."""
    assert (ROOT / "template.yaml").stat().st_size <= 96 * 1024


def test_row_18_parameters_and_outputs_say_what_they_are(source: dict[str, Any]) -> None:
    for section in ("Parameters", "Outputs"):
        for name, entry in source[section].items():
            assert entry["Description"].endswith("."), name

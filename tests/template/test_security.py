"""Rows 5 to 8 of the operations checklist: who may do what, and who may look."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

from dev.expand import ROOT
from tests.template.stack import (
    Resources,
    as_list,
    functions,
    of_type,
    queues,
    routes,
    statements,
    tables,
    target,
)

ACTIONS_WITHOUT_RESOURCES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
OF_THIS_STACK = {"DeploymentRole"}
"""It may end an ARN with `<stack's name>-*`: CodeDeploy moves every function of the stack."""

WHO_MAY_ASK = {
    "/": "anyone: it shows nothing of anybody",
    "/health": "anyone",
    "/checkout/*": "anyone: a shop's counter, limited per address and email",
    "/sandbox/*": "anyone who was given the reference",
    "/directory*": "anyone: what merchants chose to show",
    "/portal/*": "a session, by an Order ID and its email, or a mailed link",
    "/v1/*": "an API key",
    "/console*": "a session, by a signed link",
    "/webhooks/*": "the gateway's signature",
    "/cancel/*": "anyone: a declaration does nothing before it is verified",
    "/withdraw/*": "anyone, as to cancel",
    "/helpdesk/*": "a session, or a form limited per address and email",
    "/account*": "a session of the platform's own merchant",
    "/invoice*": "anyone who was mailed the link",
}
"""Each route and what it asks for; HTTP APIs have no authoriser here, the handlers do it."""


def test_row_05_every_function_has_a_role_of_its_own(resources: Resources) -> None:
    roles = [target(f["Role"]) for f in functions(resources).values()]
    assert len(set(roles)) == len(roles)


def test_row_05_no_role_has_a_wildcard_or_a_policy_of_others(resources: Resources) -> None:
    for name, statement in statements(resources):
        assert "*" not in json.dumps(statement["Action"]), name
        if set(as_list(statement["Action"])) <= ACTIONS_WITHOUT_RESOURCES:
            continue
        written = json.dumps(statement["Resource"])
        if name in OF_THIS_STACK or set(as_list(statement["Action"])) == LOGS:
            written = written.replace("${AWS::StackName}-*", "")
        # Every merchant's gateway keys: what stands under this stage has no other name.
        written = written.replace("parameter/perennial/${Stage}/*", "")
        # Documents and logos, each of which has a name of its own.
        written = written.replace("${ObjectsBucket.Arn}/documents/*", "")
        written = written.replace("${ObjectsBucket.Arn}/exports/*", "")
        written = written.replace("${ObjectsBucket.Arn}/logos/*", "")
        assert "*" not in written, name
    ours = set(of_type(resources, "AWS::IAM::ManagedPolicy"))
    for role in of_type(resources, "AWS::IAM::Role").values():
        assert {target(arn) for arn in role.get("ManagedPolicyArns", [])} <= ours


def test_row_05_only_what_asks_gateways_reads_their_keys(resources: Resources) -> None:
    readers = {
        name
        for name, statement in statements(resources)
        if "/webhooks/master" not in json.dumps(statement["Resource"])
        and any(action.startswith("ssm:") for action in as_list(statement["Action"]))
    }
    asking = ["Checkout", "Console", "Merchant", "Portal", "RebillCharge", "Notify", "NotifySweep"]
    asking += ["Webhook", "Account", "AccountSweep", "HelpdeskSweep", "Jobs", "Gateways"]
    assert readers == {f"{name}Role" for name in asking}


def test_row_05_one_function_alone_stores_gateway_keys(resources: Resources) -> None:
    writers = {
        name
        for name, statement in statements(resources)
        for action in as_list(statement["Action"])
        if action.startswith("ssm:") and action != "ssm:GetParameter"
        if "/webhooks/master" not in json.dumps(statement["Resource"])
    }
    assert writers == {"GatewaysRole"}
    may_write = {
        action
        for name, statement in statements(resources)
        if name == "GatewaysRole" and "CoreArn" in json.dumps(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert may_write == {
        *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem")
    }


def test_row_05_what_speaks_to_strangers_reads_no_key_of_a_gateway(resources: Resources) -> None:
    of_worker = [statement for name, statement in statements(resources) if name == "DeliveriesRole"]
    read = [each for each in of_worker if "ssm:GetParameter" in as_list(each["Action"])]
    assert len(read) == 1
    assert "parameter/perennial/${Stage}/-/webhooks/master" in json.dumps(read[0]["Resource"])
    allowed = {action for each in of_worker for action in as_list(each["Action"])}
    assert not any(action.startswith(("ses:", "s3:", "lambda:")) for action in allowed)


def test_row_05_nothing_scans_a_table(resources: Resources) -> None:
    for name, statement in statements(resources):
        assert "dynamodb:Scan" not in as_list(statement["Action"]), name


def test_row_05_the_audit_trail_is_put_into_and_read_only_by_what_shows_it(
    resources: Resources,
) -> None:
    asked = {
        (name, action)
        for name, statement in statements(resources)
        for resource in as_list(statement["Resource"])
        if "AuditTable" in json.dumps(resource)
        for action in as_list(statement["Action"])
    }
    writers = ("AccountRole", "ConsoleRole", "GatewaysRole", "MerchantRole", "OperatorRole")
    readers = ("ConsoleRole", "MerchantRole")
    assert asked == {(name, "dynamodb:PutItem") for name in writers} | {
        (name, "dynamodb:Query") for name in readers
    }


def test_row_05_the_sweep_can_neither_charge_nor_write_an_invoice(resources: Resources) -> None:
    can = {
        action
        for name, statement in statements(resources)
        if name == "RebillSweepRole"
        for action in as_list(statement["Action"])
    }
    assert "dynamodb:PutItem" not in can
    assert "dynamodb:DeleteItem" not in can


def test_row_05_only_what_makes_or_shows_files_reaches_the_bucket(resources: Resources) -> None:
    """None lists, and only logos are deleted: nobody who cannot list sees what others have."""
    asked = {
        (name, action, json.dumps(statement["Resource"]).partition(".Arn}/")[2].rstrip('/*"}'))
        for name, statement in statements(resources)
        for action in as_list(statement["Action"])
        if action.startswith("s3:")
    }
    readers = ("ConsoleRole", "MerchantRole", "NotifyRole", "NotifySweepRole", "PortalRole")
    both = ("s3:GetObject", "s3:PutObject")
    assert asked == {
        *((name, action, "documents") for name in readers for action in both),
        *((name, "s3:GetObject", "logos") for name in readers),
        *(("ConsoleRole", action, "logos") for action in ("s3:PutObject", "s3:DeleteObject")),
        *(("JobsRole", "s3:DeleteObject", area) for area in ("logos", "exports")),
        *(
            (name, action, "exports")
            for name in ("ConsoleRole", "JobsRole", "MerchantRole")
            for action in both
        ),
    }


def test_row_06_there_is_no_secret_in_the_template(resources: Resources) -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(sk|rk|pk|whsec)_[A-Za-z0-9]{8,}|AKIA[A-Z0-9]{16}|-----BEGIN", text)
    for name, function in functions(resources).items():
        for variable, value in function["Environment"]["Variables"].items():
            if re.search("KEY|SECRET|TOKEN|PASSWORD", variable):
                assert not isinstance(value, str), f"{name}: {variable}"


def test_row_07_the_api_is_throttled_and_logs_no_path_and_no_query(resources: Resources) -> None:
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    fields = json.loads(stage["AccessLogSettings"]["Format"]).values()
    assert "$context.routeKey" in fields
    assert not [f for f in fields if "path" in f.lower() or "query" in f.lower()]


def test_row_07_every_route_says_who_may_ask(resources: Resources) -> None:
    for path, method in routes(resources):
        assert any(fnmatchcase(path, rule) for rule in WHO_MAY_ASK), f"{method} {path}"


def test_row_07_the_api_has_no_catch_all_route(resources: Resources) -> None:
    paths = {path for path, _ in routes(resources)}
    assert "/health" in paths
    assert not {"$default", "/{proxy+}", "/$default"} & paths


def test_row_07_a_domain_of_ones_own_takes_tls_1_2_or_newer(resources: Resources) -> None:
    (domain,) = of_type(resources, "AWS::ApiGatewayV2::DomainName").values()
    (configuration,) = domain["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"


def test_row_07_no_firewall_is_claimed_that_an_http_api_cannot_have(resources: Resources) -> None:
    """AWS WAF takes REST APIs and CloudFront, not HTTP APIs: a decision says what we do."""
    assert not [r for r in resources.values() if "WAF" in r["Type"]]
    (decision,) = (ROOT / "docs/decisions").glob("*-no-waf.md")
    assert "AWS WAF" in decision.read_text(encoding="utf-8")


def test_row_08_tables_and_queues_are_encrypted(resources: Resources) -> None:
    for name, table in tables(resources).items():
        assert table["SSESpecification"]["SSEEnabled"] is True, name
    for name, queue in queues(resources).items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_row_08_every_bucket_is_encrypted_and_shut(resources: Resources) -> None:
    shuts = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for name, bucket in of_type(resources, "AWS::S3::Bucket").items():
        assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(shuts, True), name
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}, name


def test_row_08_every_bucket_refuses_plain_transport(resources: Resources) -> None:
    refusing: set[str] = set()
    for policy in of_type(resources, "AWS::S3::BucketPolicy").values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        bucket = target(policy["Bucket"])
        assert statement["Action"] == "s3:*"
        assert statement["Resource"] == [
            {"Fn::GetAtt": [bucket, "Arn"]},
            {"Fn::Sub": f"${{{bucket}.Arn}}/*"},
        ]
        refusing.add(bucket)
    assert refusing == set(of_type(resources, "AWS::S3::Bucket"))


def test_row_08_every_queue_refuses_plain_transport(resources: Resources) -> None:
    refusing: set[str] = set()
    for policy in of_type(resources, "AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                refusing |= {target(queue) for queue in policy["Queues"]}
    assert refusing == set(queues(resources))

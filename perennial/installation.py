"""Asks an installation: a deployed stack by its name, or the `make run` at a port.

A deployed one is asked by invoking its operator's function, which has no address: IAM says who may.
A gateway's keys go straight to the secret store, and are read from standard input, so that they
stand in no history of commands.
"""

import getpass
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.kernel.values import Value

if TYPE_CHECKING:
    from billing.gateways.spec import GatewaySpec

_ANSWER_SECONDS = 60
_LOCAL_REGION = "us-east-1"


class OperateError(Exception):
    """A request that cannot be made there; the message says why."""


class Installation(Value):
    """A deployed stack, or where there is none the `make run` at `port` with its `data`."""

    stack: str | None = None
    port: int = 3000
    data: Path = Path(".perennial")


def ask(at: Installation, event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer of the operator's function."""
    answer = _deployed(at.stack, event) if at.stack else _local(at.port, event)
    assert isinstance(answer, dict)
    return answer


def _deployed(stack: str, event: Mapping[str, Any]) -> Any:
    import boto3

    function = outputs(stack)["OperatorFunction"]
    answer = boto3.client("lambda").invoke(
        FunctionName=f"{function}:live", Payload=json.dumps(event).encode()
    )
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise OperateError(f"the function failed with {payload.get('errorType')}. See its log")
    return payload


def outputs(stack: str) -> dict[str, str]:
    """Returns the outputs of a deployed stack, by name."""
    import boto3

    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _local(port: int, event: Mapping[str, Any]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/_dev/operate"
    asked = urllib.request.Request(url, data=json.dumps(event).encode())
    here = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with here.open(asked, timeout=_ANSWER_SECONDS) as answer:
            found = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise _not_ours(url) from error
    except (OSError, HTTPException) as error:
        raise OperateError(
            f"no response from {url}. Start `make run`, or name a stack: --stack perennial"
        ) from error
    except ValueError as error:
        raise _not_ours(url) from error
    if not isinstance(found, dict):
        raise _not_ours(url)
    return found


def _not_ours(url: str) -> OperateError:
    return OperateError(
        f"{url} does not answer as `make run` does. See what it printed, and give its port: "
        "perennial --port 3000 .."
    )


def store_gateway_keys(
    at: Installation, merchant: str, gateway: str, account: str
) -> dict[str, Any]:
    """Stores a gateway account's keys where the functions read them (W-1, W-2)."""
    spec = _spec_of(gateway)
    name = f"/perennial/{_stage(at)}/{merchant}/{gateway}/{account}"
    keys = _typed_keys(spec)
    _client(at, "ssm").put_parameter(
        Name=name, Value=json.dumps(keys), Type="SecureString", Overwrite=True
    )
    return {"stored": name}


def _spec_of(gateway: str) -> "GatewaySpec":
    from billing.gateways import registry

    known = {name: spec for name, spec in registry.specs().items() if spec.secrets}
    if gateway not in known:
        raise OperateError(f"--gateway is {' or '.join(known)}")
    return known[gateway]


def _typed_keys(spec: "GatewaySpec") -> dict[str, Any]:
    """Reads the keys, and refuses those that the gateway could not be opened with."""
    typed = getpass.getpass("Keys (one line of JSON): ") if sys.stdin.isatty() else sys.stdin.read()
    try:
        keys = json.loads(typed)
    except ValueError as error:
        raise OperateError("the keys must be JSON") from error
    if not isinstance(keys, dict) or not keys:
        example = json.dumps({spec.secrets[0].name: ".."})
        raise OperateError(f"the keys must be a JSON object, such as {example}")
    if wrong := spec.wrong_secrets(keys):
        raise OperateError(f"missing or of another type: {', '.join(wrong)}")
    return keys


def check_mail(at: Installation, sender: str | None) -> dict[str, Any]:
    """Says whether mail would go out: the sender's identity, and whether SES is a sandbox."""
    ses = _client(at, "sesv2")
    account = ses.get_account()
    sender = sender or _parameter(at, "SenderAddress") or "billing@example.com"
    standing = {"sender": sender}
    for identity in (sender, sender.rpartition("@")[2]):
        try:
            found = ses.get_email_identity(EmailIdentity=identity)
        except ses.exceptions.NotFoundException:
            standing[identity] = "no identity"
            continue
        verified = found.get("VerifiedForSendingStatus")
        dkim = found.get("DkimAttributes", {}).get("Status", "NOT_STARTED")
        standing[identity] = f"{'verified' if verified else 'not verified'}, DKIM {dkim}"
    may_send = any(text.startswith("verified") for text in standing.values())
    production = bool(account.get("ProductionAccessEnabled"))
    standing["to anyone"] = "yes" if production else "no: ask AWS for SES production access"
    quota = account.get("SendQuota", {}).get("Max24HourSend", 0)
    standing["emails a day"] = f"{quota:.0f}"
    if not may_send:
        standing["error"] = f"verify {sender} or its domain in SES first"
    return standing


def _parameter(at: Installation, name: str) -> str | None:
    import boto3

    if not at.stack:
        return None
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=at.stack)["Stacks"]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", [])}
    return values.get(name)


def _stage(at: Installation) -> str:
    return _parameter(at, "Stage") or "prod"


def _client(at: Installation, service: Any) -> Any:
    import boto3
    from botocore.config import Config

    if at.stack:
        return boto3.client(service)
    running = at.data / "emulator" / "running.json"
    if not running.exists():
        raise OperateError(
            "`make run` isn't running here. Start it, or name a stack: --stack perennial"
        )
    port = json.loads(running.read_text(encoding="utf-8"))["port"]
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=_LOCAL_REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        config=Config(proxies={}),
    )

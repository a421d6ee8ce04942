"""The operator's commands: on a deployed stack (STACK=perennial), or on the `make run` at PORT.

    python -m dev.operate merchant name="Harbor Lane" email=hello@harborlane.example

Deployed, they go straight to the operator's function, which has no address: IAM says who may.
A gateway's keys go straight to the secret store, and are read from standard input, so that they
stand in no history of commands.
"""

import getpass
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev import saved
from dev.template import REGION

_ANSWER_SECONDS = 60


class OperateError(Exception):
    """It cannot be asked there; the message says why."""


def main(arguments: list[str]) -> int:
    verb, *words = arguments
    asked = {name: value for name, _, value in (word.partition("=") for word in words) if value}
    try:
        answer = _COMMANDS[verb](asked) if verb in _COMMANDS else ask({"do": verb, **asked})
    except OperateError as error:
        print(f"make {verb}: {error}", file=sys.stderr)
        return 1
    for name, value in answer.items():
        print(f"  {name:<20}  {value}")
    if "api_key" in answer:
        print("Keep the key now: only its hash is stored, and it is not shown again.")
    return 1 if "error" in answer else 0


def ask(event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the operator's function."""
    stack = os.environ.get("STACK")
    answer = _deployed(stack, event) if stack else _local(event)
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
        raise OperateError(f"the function failed: {payload.get('errorType')}; see its log")
    return payload


def outputs(stack: str) -> dict[str, str]:
    """What a deployed stack says of itself, by name."""
    import boto3

    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _local(event: Mapping[str, Any]) -> Any:
    url = f"http://127.0.0.1:{os.environ.get('PORT', '3000')}/_dev/operate"
    try:
        with urllib.request.urlopen(  # nosec B310
            urllib.request.Request(url, data=json.dumps(event).encode()), timeout=_ANSWER_SECONDS
        ) as answer:
            return json.loads(answer.read())
    except urllib.error.URLError as error:
        raise OperateError(
            f"nothing answers at {url}; start make run, or name a deployed stack: STACK=perennial"
        ) from error


def _gateway_keys(asked: Mapping[str, str]) -> dict[str, Any]:
    """Put a gateway account's keys where the functions read them (W-1, W-2)."""
    try:
        name = f"/perennial/{_stage()}/{asked['merchant']}/{asked['gateway']}/{asked['account']}"
    except KeyError as error:
        raise OperateError(f"{error.args[0].upper()}= is missing") from error
    typed = (
        getpass.getpass("Keys, as one line of JSON: ") if sys.stdin.isatty() else sys.stdin.read()
    )
    try:
        keys = json.loads(typed)
    except ValueError as error:
        raise OperateError("that is not JSON") from error
    if not isinstance(keys, dict) or not keys:
        raise OperateError('the keys are a JSON object, such as {"secret_key": ".."}')
    _client("ssm").put_parameter(
        Name=name, Value=json.dumps(keys), Type="SecureString", Overwrite=True
    )
    return {"stored": name}


def _mail_check(asked: Mapping[str, str]) -> dict[str, Any]:
    """Whether mail would go out: the sender's identity, and whether SES still is a sandbox."""
    ses = _client("sesv2")
    account = ses.get_account()
    sender = asked.get("sender") or _parameter("SenderAddress") or "billing@example.com"
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
    standing["to anyone"] = "yes" if production else "no: ask AWS to take SES out of its sandbox"
    quota = account.get("SendQuota", {}).get("Max24HourSend", 0)
    standing["mails a day"] = f"{quota:.0f}"
    if not may_send:
        standing["error"] = f"verify {sender} or its domain in SES first"
    return standing


def _parameter(name: str) -> str | None:
    import boto3

    if not (stack := os.environ.get("STACK")):
        return None
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", [])}
    return values.get(name)


def _stage() -> str:
    return _parameter("Stage") or "prod"


def _client(service: Any) -> Any:
    import boto3

    if os.environ.get("STACK"):
        return boto3.client(service)
    recorded = saved.read(Path(os.environ.get("DATA", ".perennial")) / "emulator" / "running.json")
    if "port" not in recorded:
        raise OperateError(
            "no make run is here; start it, or name a deployed stack: STACK=perennial"
        )
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{recorded['port']}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
    )


_COMMANDS = {"gateway-keys": _gateway_keys, "mail-check": _mail_check}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The stack as `sam deploy` makes it, on an emulated AWS without Docker, and how it is used there.

Roles are enforced: a call that a function's role does not allow is refused, as on AWS.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import boto3

from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import DynamoLedger
from billing.storage.dynamo import calls
from dev import stamp
from dev.expand import ROOT
from perennial import cli, installation
from tests.storage.emulators import free_port, running

REGION = "us-east-1"
STACK = "perennial"
SENDER = "billing@example.com"
WAIT_SECONDS = 120
ANSWER_SECONDS = 60

straight = build_opener(ProxyHandler({}))


def now() -> datetime:
    return datetime.now(UTC)


class Deployed:
    """The deployed stack: its operator, its HTTP API, its queue, its schedules."""

    def __init__(self, endpoint: str, clock: Path, built: Path) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._built = built
        self.address = self.outputs["Url"]
        self._api = self.address.removeprefix("http://").split(".")[0]
        self.key = ""

    @property
    def outputs(self) -> dict[str, str]:
        (found,) = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}

    def redeploy(self, *parameters: str) -> None:
        """The same template again, with other parameters."""
        _deploy(self._built, parameters)

    def deploy(self, built: Path) -> None:
        """Another version of the code on the same stack."""
        self._built = built
        _deploy(built)

    def function(self, logical_id: str) -> str:
        """Returns the deployed name of a function, by its logical id."""
        found = boto3.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, logical_id: str, event: Any) -> Any:
        answer = boto3.client("lambda").invoke(
            FunctionName=f"{self.function(logical_id)}:live", Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    # The operator's side: README's steps after a deploy.

    def operator(self, *command: str) -> int:
        """`perennial <command> --stack perennial`: its exit code."""
        return cli.main([*command, "--stack", STACK])

    def sets_up_a_merchant(self) -> None:
        made = installation.ask(
            installation.Installation(STACK),
            {"do": "merchant", "name": "Harbor Lane", "email": "h@example.com"},
        )
        self.key = made["api_key"]

    # The merchant's and the customer's side.

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if path.startswith("/v1/"):
            headers["Authorization"] = f"Bearer {self.key}"
        data = None if body is None else json.dumps(body).encode()
        status, answer = self._send(method, path, data, headers)
        return status, json.loads(answer or b"null")

    def get(self, path: str) -> Any:
        return self.ask("GET", path)[1]

    def fetch(self, url: str) -> bytes:
        return self._send("GET", url.removeprefix(self.address), None, {})[1]

    def _send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """The API's own host name is not resolved everywhere, so the emulator's path stands in."""
        url = f"{self.endpoint}/_aws/execute-api/{self._api}/$default{path}"
        request = Request(url, data=data, headers=headers, method=method)
        try:
            with straight.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def all(self, path: str) -> list[Any]:
        page = self.get(path)
        assert page["next"] is None
        return list(page["data"])

    def buy(self, price_point: str, email: str, **fields: Any) -> tuple[int, Any]:
        form = {
            "attempt_key": f"attempt-{email}",
            "email": email,
            "name": "Ann Example",
            "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
            "payment_method": "pm_card_visa",
            **fields,
        }
        return self.ask("POST", f"/checkout/{price_point}", form)

    def charges(self) -> list[Any]:
        """The sandbox's own ledger, newest first."""
        ledger = DynamoLedger(self.table("EphemeralTable"), calls.connect(os.urandom))
        charges = SandboxGateway(ledger, now, draw=lambda: "").charges()
        return sorted(charges, key=lambda charge: str(charge["at"]), reverse=True)

    def table(self, logical_id: str) -> str:
        return self.function(logical_id)

    def mails(self) -> list[Any]:
        """Returns the mails that SES took, newest first."""
        with straight.open(f"{self.endpoint}/_ministack/ses/messages") as answer:
            (found,) = json.loads(answer.read())["messages"].values() or ([],)
        mails = [{"subject": mail["Subject"], "text": mail["BodyText"]} for mail in found]
        return mails[::-1]

    # Time.

    def be_at(self, moved: timedelta) -> None:
        """Functions' clock stands so far from the real one."""
        self._clock.write_text(str(moved.total_seconds()))

    def pass_a_month(self) -> None:
        """Passes the time from 31 days ago until now.

        The stream has delivered the purchase, a schedule fired by hand announces the renewal, and
        the schedule that fires by itself brings it about.
        """
        self.wait_for("the confirmation", lambda: len(self.mails()) == 1)
        a_few_days_ago = timedelta(days=-5)
        self.be_at(a_few_days_ago)
        self.fire("notify_sweep", "NotifySweepFunction", now() + a_few_days_ago)
        self.wait_for("the notice", lambda: len(self.mails()) == 2)
        self.be_at(timedelta())
        self.switch(["perennial-rebill-sweep"], "ENABLED")
        self.wait_for("the rebill", lambda: len(self.charges()) == 2)
        self.wait_for("the receipt", lambda: len(self.mails()) == 3)

    def fire(self, event: str, logical_id: str, at: datetime) -> Any:
        """Give a schedule's event to its function, as of a time."""
        sent = json.loads((ROOT / "events" / f"{event}.json").read_text())
        return self.invoke(logical_id, sent | {"time": at.isoformat()})

    def switch(self, names: list[str] | None, state: str) -> None:
        """Turn schedules on or off; None is all of them."""
        scheduler = boto3.client("scheduler")
        for found in scheduler.list_schedules()["Schedules"]:
            if names is None or found["Name"] in names:
                whole: Any = scheduler.get_schedule(
                    Name=found["Name"], GroupName=found["GroupName"]
                )
                for name in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
                    whole.pop(name, None)
                scheduler.update_schedule(**{**whole, "State": state})

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        give_up = time.monotonic() + WAIT_SECONDS
        while not happened():
            assert time.monotonic() < give_up, f"{what} did not come\n" + "\n".join(self.logged())
            time.sleep(0.3)

    def logged(self) -> list[str]:
        """The last lines of every function."""
        logs = boto3.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        return [
            event["message"][:500]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group)["events"][-10:]
        ]


@contextmanager
def deployed(built: Path, scratch: Path) -> Iterator[Deployed]:
    """`sam deploy` of what was built, onto an emulator of its own; the environment points at it."""
    port, clock = free_port(), scratch / "clock"
    clock.write_text("0")
    (scratch / "tmp").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    here = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    program = [str(ROOT / ".venv-lambda/bin/python"), str(ROOT / "dev/emulate/aws.py")]
    environment = {
        **kept,
        **here,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "CLOCK": str(clock),
        "DOCKER_HOST": f"unix://{scratch}/no-docker",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "PYTHONPATH": str(ROOT / "dev/emulate/clock"),
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch / "tmp"),
    }
    with (
        (scratch / "log").open("ab") as log,
        running(program, environment, str(scratch), port, log) as endpoint,
        _pointing_at(endpoint, here),
    ):
        _deploy(built)
        yield Deployed(endpoint, clock, built)
    # Each worker has a copy of the layer there.
    shutil.rmtree(scratch / "tmp", ignore_errors=True)


@contextmanager
def _pointing_at(endpoint: str, here: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        here,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_DEFAULT_REGION=REGION,
        AWS_ENDPOINT_URL=endpoint,
        SAM_CLI_TELEMETRY="0",
        STACK=STACK,
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _deploy(built: Path, more: Sequence[str] = ()) -> None:
    stamp.main(built / "template.yaml")
    parameters = [f"SenderAddress={SENDER}", "AlarmEmail=ops@example.com", "MonthlyBudget=50"]
    done = subprocess.run(
        [
            str(ROOT / ".venv-tools/bin/sam"),
            *("deploy", "--template-file", str(built / "template.yaml")),
            *("--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", *parameters, *more),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

"""The `perennial` command: each verb of an operator, with its arguments and an example."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from perennial import audit as audit_trail
from perennial import installation
from perennial.installation import Installation, OperateError
from perennial.progress import waiting

app = typer.Typer(
    name="perennial",
    help="Manage a Perennial installation: a deployed stack, or the local `make run`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
merchants = typer.Typer(
    no_args_is_help=True, help="Create merchants, and stop or start their charges."
)
keys = typer.Typer(no_args_is_help=True, help="List, create and revoke API keys.")
gateways = typer.Typer(no_args_is_help=True, help="Store gateway account keys.")
domains = typer.Typer(no_args_is_help=True, help="Set up merchants' custom domains.")
mail = typer.Typer(no_args_is_help=True, help="Check that email can be sent.")
jobs = typer.Typer(no_args_is_help=True, help="Show, pause, resume and stop background jobs.")
app.add_typer(merchants, name="merchant")
app.add_typer(keys, name="key")
app.add_typer(gateways, name="gateway")
app.add_typer(domains, name="domain")
app.add_typer(mail, name="mail")
app.add_typer(jobs, name="jobs")

Stack = Annotated[
    str | None,
    typer.Option(envvar="STACK", help="Name of the deployed stack. Default: the local `make run`."),
]
Deployed = Annotated[str, typer.Option(envvar="STACK", help="Name of the deployed stack.")]
Reason = Annotated[str, typer.Option(help="Reason, for the audit trail.")]
Merchant = Annotated[str, typer.Argument(help="Merchant id, such as harbor-lane.")]
Job = Annotated[str, typer.Argument(help="Job id, as shown by `jobs list`.")]
Owner = Annotated[str | None, typer.Option(help="Merchant id. Default: the platform's own jobs.")]

_LOOK_EVERY_SECONDS = 20


@app.callback()
def _local_installation(
    context: typer.Context,
    port: Annotated[int, typer.Option(envvar="PORT", help="Port of the local `make run`.")] = 3000,
    data: Annotated[
        Path, typer.Option(envvar="DATA", help="Data folder of the local `make run`.")
    ] = Path(".perennial"),
) -> None:
    context.obj = Installation(port=port, data=data)


@app.command()
def pause(context: typer.Context, reason: Reason, stack: Stack = None) -> None:
    """Stop all charges immediately.

    Example: perennial pause --reason "wrong tax table" --stack perennial
    """
    _ask(context, stack, {"do": "pause", "reason": reason})


@app.command()
def resume(context: typer.Context, reason: Reason, stack: Stack = None) -> None:
    """Resume charges after a pause.

    Example: perennial resume --reason "tax table corrected" --stack perennial
    """
    _ask(context, stack, {"do": "resume", "reason": reason})


@app.command()
def status(context: typer.Context, stack: Stack = None) -> None:
    """Show whether charges are paused, and why.

    Example: perennial status --stack perennial
    """
    _ask(context, stack, {"do": "standing"})


@merchants.command("create")
def create_merchant(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Name that customers see.")],
    email: Annotated[str, typer.Option(help="Email address of the merchant.")],
    time_zone: Annotated[str | None, typer.Option(help="Time zone, such as Europe/Berlin.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency, such as EUR.")] = None,
    language: Annotated[str | None, typer.Option(help="Language, such as de.")] = None,
    stack: Stack = None,
) -> None:
    """Create a merchant and show their API key once.

    Example: perennial merchant create --name "Harbor Lane" --email hello@harborlane.example
    """
    given = {"time_zone": time_zone, "currency": currency, "language": language}
    asked = {name: value for name, value in given.items() if value is not None}
    _ask(context, stack, {"do": "merchant", "name": name, "email": email, **asked})


@merchants.command("stop")
def stop_merchant(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Stop all charges of one merchant immediately.

    Example: perennial merchant stop harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "stop", "merchant": merchant})


@merchants.command("spread")
def spread_orders(
    context: typer.Context, merchant: Merchant, lists: int, stack: Stack = None
) -> None:
    """Spread the orders of a very busy merchant over several lists, for more than 1,000 a second.

    Example: perennial merchant spread harbor-lane 4 --stack perennial
    """
    _ask(context, stack, {"do": "spread", "merchant": merchant, "lists": lists})


@merchants.command("start")
def start_merchant(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Resume charges of one merchant.

    Example: perennial merchant start harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "start", "merchant": merchant})


@keys.command("create")
def create_key(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Create another API key for a merchant and show it once.

    Example: perennial key create harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "key", "merchant": merchant})


@keys.command("list")
def list_keys(
    context: typer.Context,
    merchant: Merchant,
    cursor: Annotated[
        str | None, typer.Option(help="Continue from the end of the previous list.")
    ] = None,
    stack: Stack = None,
) -> None:
    """Show a merchant's API keys, never their secrets.

    Example: perennial key list harbor-lane --stack perennial
    """
    asked = {} if cursor is None else {"cursor": cursor}
    _ask(context, stack, {"do": "keys", "merchant": merchant, **asked})


@keys.command("revoke")
def revoke_key(
    context: typer.Context,
    merchant: Merchant,
    key: Annotated[str, typer.Argument(help="Key id, as shown by `key list`.")],
    stack: Stack = None,
) -> None:
    """Revoke one API key of a merchant.

    Example: perennial key revoke harbor-lane key_a1b2c3d4 --stack perennial
    """
    _ask(context, stack, {"do": "revoke-key", "merchant": merchant, "key": key})


@keys.command("replace-all")
def replace_keys(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Create a new API key and revoke all others, if a key was stolen.

    Example: perennial key replace-all harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "replace-keys", "merchant": merchant})


@domains.command("set")
def set_domain(
    context: typer.Context,
    merchant: Merchant,
    host: Annotated[str, typer.Argument(help="Domain that the merchant asked for.")],
    stack: Stack = None,
) -> None:
    """Activate the custom domain that a merchant asked for.

    Example: perennial domain set harbor-lane pay.example.com --stack perennial
    """
    _ask(context, stack, {"do": "domain", "merchant": merchant, "host": host})


@domains.command("remove")
def remove_domain(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Remove a merchant's custom domain.

    Example: perennial domain remove harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "no-domain", "merchant": merchant})


@gateways.command("keys")
def gateway_keys(
    context: typer.Context,
    merchant: Merchant,
    gateway: Annotated[str, typer.Option(help="The gateway's name, such as stripe.")],
    account: Annotated[str, typer.Option(help="Account id at the gateway, such as acct_..")],
    stack: Stack = None,
) -> None:
    """Store a gateway account's keys, encrypted. Prompts for them, or reads standard input.

    Example: perennial gateway keys harbor-lane --gateway stripe --account acct_1 < keys.json
    """
    at = _at(context, stack)
    _show(lambda: installation.store_gateway_keys(at, merchant, gateway, account))


@app.command("regions")
def show_regions(
    stale: Annotated[
        bool, typer.Option("--stale", help="Only rows not checked for six months.")
    ] = False,
) -> None:
    """Show the law of cancelling, withdrawing and reminding by region, as this version knows it.

    Example: perennial regions --stale
    """
    from perennial import regions

    for line in regions.lines(datetime.now(UTC).date(), stale_only=stale):
        print(line)


@mail.command("check")
def check_mail(
    context: typer.Context,
    sender: Annotated[
        str | None, typer.Option(help="Sender address. Default: the stack's.")
    ] = None,
    stack: Stack = None,
) -> None:
    """Check whether email can be sent: sender identity, sandbox and quota.

    Example: perennial mail check --stack perennial
    """
    at = _at(context, stack)
    _show(lambda: installation.check_mail(at, sender))


@jobs.command("list")
def list_jobs(context: typer.Context, stack: Stack = None) -> None:
    """List background jobs that have not ended: progress, state, and why one has failed.

    Example: perennial jobs list --stack perennial
    """
    _ask(context, stack, {"do": "jobs"})


@jobs.command("show")
def show_job(context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None) -> None:
    """Show one background job, even if it has ended.

    Example: perennial jobs show erase_account --merchant harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "job", "job": job, **_of(merchant)})


@jobs.command("index-lists")
def index_lists(context: typer.Context, stack: Stack = None) -> None:
    """Complete the lists of /v1 for what was sold before version 0.3, once that version runs alone.

    Starts a job for each merchant whose lists say that they are incomplete.

    Example: perennial jobs index-lists --stack perennial
    """
    _ask(context, stack, {"do": "index-lists"})


@jobs.command("pause")
def pause_job(
    context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None
) -> None:
    """Pause a background job until it is resumed.

    Example: perennial jobs pause erase_account --merchant harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "pause-job", "job": job, **_of(merchant)})


@jobs.command("resume")
def resume_job(
    context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None
) -> None:
    """Resume a paused or failed background job where it stopped.

    Example: perennial jobs resume erase_account --merchant harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "resume-job", "job": job, **_of(merchant)})


@jobs.command("stop")
def stop_job(context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None) -> None:
    """End a background job for good. What it has done stays done.

    Example: perennial jobs stop erase_account --merchant harbor-lane --stack perennial
    """
    _ask(context, stack, {"do": "stop-job", "job": job, **_of(merchant)})


@app.command()
def audit(
    merchant: Annotated[
        str, typer.Argument(help="Merchant id, or '*' for changes that affect all.")
    ],
    stack: Deployed,
    on: Annotated[str | None, typer.Option(help="Day in UTC. Default: today.")] = None,
) -> None:
    """List the changes made for a merchant on one day.

    Example: perennial audit harbor-lane --on 2026-01-31 --stack perennial
    """
    try:
        day = date.fromisoformat(on or datetime.now(UTC).date().isoformat())
    except ValueError:
        raise _refused("--on must be a day in UTC, such as 2026-01-31") from None
    with _asking("the audit table"):
        table = installation.outputs(stack)["AuditTable"]
        found = list(audit_trail.lines(table, merchant, day))
    for line in found:
        print(line)


@app.command("restore-drill")
def restore_drill(
    stack: Deployed,
    at: Annotated[
        str | None, typer.Option(help="Time to restore to. Default: the latest possible.")
    ] = None,
) -> None:
    """Restore the core table to a new table and check it. Changes nothing in use.

    Example: perennial restore-drill --at 2026-01-31T14:59:00Z --stack perennial
    """
    from perennial import restore

    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        raise _refused("--at must be a time, such as 2026-01-31T14:59:00Z") from None
    with _asking():
        table = installation.outputs(stack)["CoreTable"]
        done = restore.drill(table, moment, every_seconds=_LOOK_EVERY_SECONDS, progress=_say)
    for violation in done.wrong:
        print(f"  {violation}")
    print(f"{done.table}: {done.items} items, {len(done.wrong) or 'no'} violations")
    print(f"To switch over, deploy with RestoredStream={done.stream}")
    if done.wrong:
        raise typer.Exit(1)


@app.command("deploy")
def deploy_stack(
    stack: Deployed = "perennial",
    parameters: Annotated[
        Path | None, typer.Option(help="File of parameters, such as deploy/first.yaml.")
    ] = None,
) -> None:
    """Build and deploy the clone in this folder. Asks for parameters only the first time.

    Example: perennial deploy --parameters mine.yaml --stack perennial
    """
    from perennial import deploy

    with _asking():
        code = deploy.deploy(Path.cwd(), stack, parameters)
    if code:
        raise typer.Exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, and returns its exit code."""
    try:
        app(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _of(merchant: str | None) -> dict[str, str]:
    return {} if merchant is None else {"merchant": merchant}


def _at(context: typer.Context, stack: str | None) -> Installation:
    local: Installation = context.obj
    return Installation(stack, local.port, local.data)


def _ask(context: typer.Context, stack: str | None, event: Mapping[str, Any]) -> None:
    at = _at(context, stack)
    _show(lambda: installation.ask(at, event))


def _show(call: Callable[[], Mapping[str, Any]]) -> None:
    with _asking("an answer"):
        answer = call()
    if "error" in answer and "message" in answer:
        field = str(answer.get("field", "")).replace("_", "-")
        raise _refused(f"{field}: {answer['message']}" if field else str(answer["message"]))
    for line in lines(answer):
        print(line)
    if "api_key" in answer:
        print("Save this key now. Only its hash is stored, so it can't be shown again.")
    if "error" in answer:
        raise typer.Exit(1)


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yields lines of an answer: a name and a value each, or one row of a list."""
    for name, value in answer.items():
        if isinstance(value, list):
            yield from ("  " + "  ".join(f"{n}={row[n]}" for n in row) for row in value)
        elif name != "next":
            yield f"  {name:<20}  {value}"
    if answer.get("next"):
        yield f"More results: --cursor {answer['next']}"


@contextmanager
def _asking(for_what: str | None = None) -> Iterator[None]:
    """Turns what cannot be asked into an error message; says when it waits for an answer."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    try:
        with waiting(for_what) if for_what else nullcontext():
            yield
    except (OperateError, BotoCoreError, ClientError, PynamoDBException) as error:
        raise _refused(str(error)) from error


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _refused(why: str) -> typer.Exit:
    typer.echo(f"Error: {why}", err=True)
    return typer.Exit(1)

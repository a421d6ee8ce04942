"""Words and errors of the command line: answers as lines, refusals, and what takes long."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer

from perennial import installation
from perennial.installation import Installation, OperateError
from perennial.progress import waiting

Stack = Annotated[
    str | None,
    typer.Option(envvar="STACK", help="Name of the deployed stack. Default: the local `make run`."),
]
Deployed = Annotated[str, typer.Option(envvar="STACK", help="Name of the deployed stack.")]
Reason = Annotated[str, typer.Option(help="Reason, for the audit trail.")]
Merchant = Annotated[str, typer.Argument(help="Merchant id, such as harbor-lane.")]
Job = Annotated[str, typer.Argument(help="Job id, as shown by `jobs list`.")]
Owner = Annotated[str | None, typer.Option(help="Merchant id. Default: the platform's own jobs.")]


def of(merchant: str | None) -> dict[str, str]:
    return {} if merchant is None else {"merchant": merchant}


def placed(context: typer.Context, stack: str | None) -> Installation:
    local: Installation = context.obj
    return Installation(stack, local.port, local.data)


def ask(context: typer.Context, stack: str | None, event: Mapping[str, Any]) -> None:
    at = placed(context, stack)
    show(lambda: installation.ask(at, event))


def show(call: Callable[[], Mapping[str, Any]]) -> None:
    with asking("an answer"):
        answer = call()
    if "error" in answer and "message" in answer:
        field = str(answer.get("field", "")).replace("_", "-")
        raise refused(f"{field}: {answer['message']}" if field else str(answer["message"]))
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
def asking(for_what: str | None = None) -> Iterator[None]:
    """Turns what cannot be asked into an error message; says when it waits for an answer."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    try:
        with waiting(for_what) if for_what else nullcontext():
            yield
    except (OperateError, BotoCoreError, ClientError, PynamoDBException) as error:
        raise refused(str(error)) from error


def say(line: str) -> None:
    typer.echo(line, err=True)


def refused(why: str) -> typer.Exit:
    typer.echo(f"Error: {why}", err=True)
    return typer.Exit(1)

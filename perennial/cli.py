"""The `perennial` command: the operator's verbs and the merchant's, each with an example."""

from pathlib import Path
from typing import Annotated

import typer

from perennial.installation import Installation
from perennial.merchant import events, imports, lists, login, money
from perennial.operator import charges, deploying, records
from perennial.operator.jobs import jobs
from perennial.operator.keys import keys
from perennial.operator.merchants import merchants
from perennial.operator.outside import domains, gateways, mail

app = typer.Typer(
    name="perennial",
    help="Manage a Perennial installation (a deployed stack, or the local `make run`), and use its "
    "API as a merchant after `perennial login`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _local_installation(
    context: typer.Context,
    port: Annotated[int, typer.Option(envvar="PORT", help="Port of the local `make run`.")] = 3000,
    data: Annotated[
        Path, typer.Option(envvar="DATA", help="Data folder of the local `make run`.")
    ] = Path(".perennial"),
) -> None:
    context.obj = Installation(port=port, data=data)


for _subject in (charges, records, deploying, login, events, lists, money, imports):
    _subject.declare(app)
for _name, _group in {
    "merchant": merchants,
    "key": keys,
    "gateway": gateways,
    "domain": domains,
    "mail": mail,
    "jobs": jobs,
}.items():
    app.add_typer(_group, name=_name)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, and returns its exit code."""
    try:
        app(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0

"""The commands of merchants."""

from typing import Annotated

import typer

from perennial.operator.terminal import Merchant, Stack, ask

merchants = typer.Typer(
    no_args_is_help=True, help="Create merchants, and stop or start their charges."
)


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
    ask(context, stack, {"do": "merchant", "name": name, "email": email, **asked})


@merchants.command("stop")
def stop_merchant(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Stop all charges of one merchant immediately.

    Example: perennial merchant stop harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "stop", "merchant": merchant})


@merchants.command("spread")
def spread_orders(
    context: typer.Context, merchant: Merchant, lists: int, stack: Stack = None
) -> None:
    """Spread the orders of a very busy merchant over several lists, for more than 1,000 a second.

    Example: perennial merchant spread harbor-lane 4 --stack perennial
    """
    ask(context, stack, {"do": "spread", "merchant": merchant, "lists": lists})


@merchants.command("start")
def start_merchant(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Resume charges of one merchant.

    Example: perennial merchant start harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "start", "merchant": merchant})

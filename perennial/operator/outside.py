"""The commands of what lies outside: domains, gateway keys, mail."""

from typing import Annotated

import typer

from perennial import installation
from perennial.operator.terminal import Merchant, Stack, ask, placed, show

domains = typer.Typer(no_args_is_help=True, help="Set up merchants' custom domains.")
gateways = typer.Typer(no_args_is_help=True, help="Store gateway account keys.")
mail = typer.Typer(no_args_is_help=True, help="Check that email can be sent.")


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
    ask(context, stack, {"do": "domain", "merchant": merchant, "host": host})


@domains.command("remove")
def remove_domain(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Remove a merchant's custom domain.

    Example: perennial domain remove harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "no-domain", "merchant": merchant})


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
    at = placed(context, stack)
    show(lambda: installation.store_gateway_keys(at, merchant, gateway, account))


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
    at = placed(context, stack)
    show(lambda: installation.check_mail(at, sender))
